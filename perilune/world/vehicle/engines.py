"""Engines of all three classes: valves, throttle and gimbal, first-order rise and tail-off, and what each start wastes.

With a valve command that is constant inside a truth step, output is f(s) = u + (T₀ − u) e^(−λs), s in steps, λ = h/τ.
Its integrals over the step are known in closed form, and `Push` carries them, so that a transient shorter than a step
costs the integrator no accuracy. Since τ is one figure a class, the lag acts on the class's summed force, torque and
flow: the same thing, nine times cheaper. A class fades with its tail-off's τ in a step in which less is asked of it than
it gives, else with its rise's; of engines of one class of which some start while others stop in one step, that is not quite
either.

Throttle follows its command at a limited rate, beyond a dead band; specific impulse falls in proportion to the throttle
taken off. The gimbal turns the main engines' thrust about X and Y of B at a limited rate. Both, and the noise of thrust
(one number a class and cycle), are constant within a cycle.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from perilune.foundation.fusion import once
from perilune.foundation.quantities import Scalar
from perilune.foundation.rotation import from_rotation_vector, rotate
from perilune.foundation.vectors import cross
from perilune.interface.commands import Commands
from perilune.interface.design import CLASS_OF_ENGINE, ENGINE_CLASSES, ENGINES, engine_slice

from ..state import EngineState

# Gauss-Legendre on 0 … 1, three nodes: exact to s⁵. The middle one is the middle of the step; these are the outer two.
OUTER_NODES = (0.5 - 0.15**0.5, 0.5 + 0.15**0.5)
OUTER_WEIGHT, MIDDLE_WEIGHT = 5.0 / 18.0, 8.0 / 18.0
MAIN = engine_slice("main")
CLASSES = len(ENGINE_CLASSES)


class Engines(eqx.Module):
    """Engines as built: thrust dispersion and misalignment are already in `output`. Empty slots give nothing."""

    output: Float[Array, "engines 7"]  # per engine, valve open: force (N), torque about the datum (N m), flow (kg/s)
    main_place_B: Float[Array, "main 3"]  # m from the datum, where the main engines' gimbals are
    rise_time: Float[Array, " classes"]  # s
    fall_time: Float[Array, " classes"]  # s
    start_loss: Float[Array, " engines"]  # kg a start
    noise: Float[Array, " classes"]  # of thrust, 1 sigma, a cycle
    throttle_floor: Scalar  # lowest share that the main engines run at
    throttle_rate: Scalar  # 1/s
    throttle_dead_band: Scalar  # smallest change of the command that moves the valve
    impulse_slope: Scalar  # share of specific impulse lost per share of thrust taken off
    gimbal_limit: Scalar  # rad
    gimbal_rate: Scalar  # rad/s

    def steer(self, state: EngineState, commands: Commands, period: Scalar) -> EngineState:
        """Throttle and gimbal of the coming cycle."""
        asked = jnp.clip(commands.throttle, self.throttle_floor, 1.0)
        reach = self.throttle_rate * period
        moves = jnp.abs(asked - state.throttle) > self.throttle_dead_band
        throttle = jnp.where(moves, jnp.clip(asked, state.throttle - reach, state.throttle + reach), state.throttle)
        wanted = jnp.clip(commands.gimbal, -self.gimbal_limit, self.gimbal_limit)
        swing = self.gimbal_rate * period
        gimbal = jnp.clip(wanted, state.gimbal - swing, state.gimbal + swing)
        return eqx.tree_at(lambda s: (s.throttle, s.gimbal), state, (throttle, gimbal))

    def shares(self, state: EngineState, normals: Float[Array, " classes"], broken) -> tuple[jax.Array, jax.Array]:
        """Of each engine's thrust and flow, what it has in a cycle: throttle, noise (standard normals), and what is `broken`
        (shares of thrust and of flow, (engines,) each)."""
        is_main = CLASS_OF_ENGINE == 0
        throttle = jnp.where(is_main, state.throttle, 1.0)
        thrust = throttle * (1.0 + self.noise[CLASS_OF_ENGINE] * normals[CLASS_OF_ENGINE])
        impulse = 1.0 - self.impulse_slope * (1.0 - throttle)
        return thrust * broken[0], thrust / impulse * broken[1]

    def turned(self, gimbal: Float[Array, "2"]) -> Float[Array, "main 7"]:
        """Output of the main engines with their thrust turned by the gimbal; the same bits at zero."""
        turn = from_rotation_vector(jnp.concatenate([gimbal, jnp.zeros(1)]))
        straight = self.output[MAIN]
        force = jax.vmap(rotate, in_axes=(None, 0))(turn, straight[:, 0:3])
        torque = jax.vmap(cross)(self.main_place_B, force)
        is_turned = (gimbal[0] != 0.0) | (gimbal[1] != 0.0)
        return jnp.where(is_turned, jnp.concatenate([force, torque, straight[:, 6:7]], axis=1), straight)

    def steady(self, is_open: Bool[Array, " engines"], thrust, flow, main) -> Float[Array, "classes 7"]:
        """What each class settles at with these valves open and these shares of thrust and flow, the main engines' own output
        (main, 7) being `main`. Summed engine by engine: measured faster than a reduction."""
        rows = []
        output = [*main, *(self.output[k] for k in range(MAIN.stop, ENGINES))]
        for name in ENGINE_CLASSES:
            members = range(*engine_slice(name).indices(ENGINES))
            force = sum(jnp.where(is_open[k], thrust[k], 0.0) * output[k][0:6] for k in members)
            drain = sum(jnp.where(is_open[k], flow[k], 0.0) * output[k][6:7] for k in members)
            rows.append(jnp.concatenate([force, drain]))
        return jnp.stack(rows)

    def plan(self, on_time: Float[Array, " engines"], share, main: Float[Array, "main 7"], step: Scalar, substeps: int):
        """Valve patterns (substeps, engines) of a cycle, and what each truth step's pattern settles at. `share`: of thrust and
        of flow, (engines,) each; `main`: as `turned` says.

        Valves open at the start of the cycle and close after their on-time; edges fall on truth steps.
        """
        middles = (jnp.arange(substeps, dtype=jnp.float64) + 0.5) * step
        is_open = on_time[None, :] > middles[:, None]
        return is_open, jax.vmap(self.steady, in_axes=(0, None, None, None))(is_open, share[0], share[1], main)

    def start(self, state: EngineState, is_open: Bool[Array, " engines"]) -> tuple[Scalar, EngineState]:
        """Propellant (kg) that the starts at the beginning of a cycle waste, and the state that has counted them."""
        started = is_open & ~state.is_open
        lost = jnp.sum(jnp.where(started, self.start_loss, 0.0))
        return lost, eqx.tree_at(lambda s: (s.is_open, s.start_loss), state, (is_open, state.start_loss + lost))

    def decay(self, step: Scalar) -> "tuple[Decay, Decay]":
        """How a class's old output fades in a truth step: while it rises, and in its tail-off."""
        return fading(step / self.rise_time), fading(step / self.fall_time)


def fading(steps_over_time: Float[Array, " classes"]) -> "Decay":
    """How output fades in a step that is so many time constants long."""
    lag = steps_over_time
    middle = jnp.exp(-0.5 * lag)
    mean = (1.0 - middle * middle) / lag
    early = (1.0 - mean) / lag
    nodes = (1.0 - jnp.exp(-lag[:, None] * jnp.asarray(OUTER_NODES)[None, :])) / lag[:, None]
    return Decay(middle, (1.0 - middle) / lag, mean, early, (0.5 - early) / lag, nodes, middle * middle)


class Decay(eqx.Module):
    """e^(−λs) of each class: at the middle, ∫ over the first half, ∫, ∫ (1 − s), ∫ (1 − s)²/2, at the end."""

    middle: Float[Array, " classes"]
    half: Float[Array, " classes"]
    mean: Float[Array, " classes"]
    early: Float[Array, " classes"]
    earliest: Float[Array, " classes"]
    nodes: Float[Array, "classes nodes"]  # ∫ up to each of OUTER_NODES
    end: Float[Array, " classes"]


def through_step(
    delivered: Float[Array, "classes 7"],
    target: Float[Array, "classes 7"],
    decays: tuple[Decay, Decay],
    feed: Scalar | float = jnp.inf,
):
    """What pushes during a truth step, and what is delivered at its end. A class rises or falls by its flow. `feed`: the most
    flow (kg/s) that the tanks can give through the step; those that run dry in it give their share."""
    gap = delivered - target
    falls = gap[:, 6] > 0.0
    decay = jax.tree.map(lambda rise, fall: jnp.where(jnp.expand_dims(falls, range(1, rise.ndim)), fall, rise), *decays)
    flow = target[:, 6] + gap[:, 6] * decay.mean
    burned = flow[0] + flow[1] + flow[2]
    share = jnp.where(burned > feed, feed / jnp.maximum(burned, 1e-9), 1.0)
    settled, fades = share * target, share * gap  # before the sums: after them it is reckoned again wherever one is used

    def over_classes(part, fade: Float[Array, " classes"]) -> Float[Array, "7"]:
        """Sum over classes, number by number: over (classes, 7) it takes five times as long."""
        return jnp.stack([sum(part * settled[k, i] + fades[k, i] * fade[k] for k in range(CLASSES)) for i in range(7)])

    push = Push(
        middle=over_classes(1.0, decay.middle),
        half=over_classes(0.5, decay.half),
        mean=over_classes(1.0, decay.mean),
        early=over_classes(0.5, decay.early),
        earliest=over_classes(1.0 / 6.0, decay.earliest),
        nodes=jnp.stack([over_classes(s, decay.nodes[:, k]) for k, s in enumerate(OUTER_NODES)]),
    )
    return once(push), target + gap * decay.end[:, None]


class Push(eqx.Module):
    """Output of all engines in one truth step (force N, torque about the datum N m, flow kg/s)."""

    middle: Float[Array, "7"]  # at the middle of the step
    half: Float[Array, "7"]  # ∫ f ds over its first half
    mean: Float[Array, "7"]  # ∫ f ds over the step
    early: Float[Array, "7"]  # ∫ (1 − s) f ds: what counts for the way gained
    earliest: Float[Array, "7"]  # ∫ (1 − s)²/2 f ds: what counts for turns about one axis while another spins up
    nodes: Float[Array, "nodes 7"]  # ∫ f ds up to each of OUTER_NODES: for what is quadratic in the rate gained

    def samples(self):
        """Three figures whose Runge-Kutta weights (1, 4, 1)/6 and (1, 2, 0)/6 give `mean` and `early` exactly."""
        first = 6.0 * self.early - 2.0 * self.middle
        return first, self.middle, 6.0 * (self.mean - self.early) - 2.0 * self.middle
