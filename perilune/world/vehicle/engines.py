"""Engines of all three classes: valves, throttle and gimbal, first-order rise and tail-off, and what each start wastes.

Between two valve edges output is f(s) = u + (T₀ − u) e^(−λs), s in valve steps, λ = h/τ. The first three moments of that over a
truth step, which may hold several edges, are known in closed form, and `Push` carries them: so neither an edge nor a transient
shorter than a step costs the integrator accuracy. Since τ is one figure a class, the lag acts on the class's summed force, torque
and flow: the same thing, nine times cheaper. A class fades with its tail-off's τ in a valve step in which less is asked of it
than it gives, else with its rise's; of engines of one class of which some start while others stop in one step, that is not
quite either.

Throttle follows its command at a limited rate, beyond a dead band; specific impulse falls in proportion to the throttle
taken off. The gimbal turns the main engines' thrust about X and Y of B at a limited rate. Both, and the noise of thrust
(one number a class and cycle), are constant within a cycle.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from perilune.foundation.fusion import once
from perilune.foundation.quantities import Scalar
from perilune.foundation.rotation import from_rotation_vector, rotate
from perilune.foundation.vectors import cross
from perilune.interface.commands import Commands
from perilune.interface.design import CLASS_OF_ENGINE, ENGINE_CLASSES, ENGINES, engine_slice

from ..state import EngineState

MAIN = engine_slice("main")
CLASSES = len(ENGINE_CLASSES)
EMPTY = 1e-9  # kg: what rounding may leave in tanks that have run dry


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

    def plan(self, on_time: Float[Array, " engines"], share, main: Float[Array, "main 7"], step: Scalar, steps: int):
        """Valve patterns (steps, engines) of a cycle of so many valve steps, `step` s each, and what each pattern settles at.
        `share`: of thrust and of flow, (engines,) each; `main`: as `turned` says.

        Valves open at the start of the cycle and close after their on-time; edges fall on valve steps.
        """
        middles = (jnp.arange(steps, dtype=jnp.float64) + 0.5) * step
        is_open = on_time[None, :] > middles[:, None]
        return is_open, jax.vmap(self.steady, in_axes=(0, None, None, None))(is_open, share[0], share[1], main)

    def start(self, state: EngineState, is_open: Bool[Array, " engines"]) -> tuple[Scalar, EngineState]:
        """Propellant (kg) that the starts at the beginning of a cycle waste, and the state that has counted them."""
        started = is_open & ~state.is_open
        lost = jnp.sum(jnp.where(started, self.start_loss, 0.0))
        return lost, eqx.tree_at(lambda s: (s.is_open, s.start_loss), state, (is_open, state.start_loss + lost))

    def decay(self, step: Scalar) -> "tuple[Decay, Decay]":
        """How a class's old output fades in a valve step: while it rises, and in its tail-off."""
        return fading(step / self.rise_time), fading(step / self.fall_time)


def fading(steps_over_time: Float[Array, " classes"]) -> "Decay":
    """How output fades in a step that is so many time constants long."""
    lag = steps_over_time
    end = jnp.exp(-lag)
    mean = (1.0 - end) / lag
    early = (1.0 - mean) / lag
    return Decay(mean, early, (0.5 - early) / lag, end)


class Decay(eqx.Module):
    """Of e^(−λs), each class: ∫, ∫ (1 − s), ∫ (1 − s)²/2 over the step, and what is left at its end."""

    mean: Float[Array, " classes"]
    early: Float[Array, " classes"]
    earliest: Float[Array, " classes"]
    end: Float[Array, " classes"]


class Push(eqx.Module):
    """Output of all engines in one truth step (force N, torque about the datum N m, flow kg/s): its moments, s in steps."""

    mean: Float[Array, "7"]  # ∫ f ds: what counts for speed gained
    early: Float[Array, "7"]  # ∫ (1 − s) f ds: for the way gained
    earliest: Float[Array, "7"]  # ∫ (1 − s)²/2 f ds: for turns about one axis while another spins up

    def samples(self):
        """What the stages of RK4 should see at the start, the middle and the end.

        Its weights (1, 4, 1)/6 and (1, 2, 0)/6 then give ∫ f and ∫ (1 − s) f, and with what changes in the step as s and s²
        ∫ s f and ∫ s² f: exact, whatever the shape of f. ∫ s² f = `mean` − 2 `early` + 2 `earliest`.
        """
        middle = 6.0 * self.early - 12.0 * self.earliest
        return 6.0 * self.early - 2.0 * middle, middle, 6.0 * (self.mean - self.early) - 2.0 * middle


def through_step(
    delivered: Float[Array, "classes 7"],
    targets: Float[Array, "edges classes 7"],
    decays: tuple[Decay, Decay],
    step: Scalar,
    usable: Scalar | float = jnp.inf,
) -> tuple[Push, Float[Array, "classes 7"]]:
    """What pushes during a truth step of several valve steps (`step` s each), and what is delivered at its end.

    A class rises or falls by its flow. `usable`: kg that the tanks can give; those that run dry in a valve step give their share
    in it, and nothing after.
    """
    count = len(targets)
    zero = jnp.zeros(7)

    def one(carry, given):
        delivered, usable, push = carry
        target, later = given  # `later`: share of the truth step that comes after this valve step
        target = jnp.where(usable <= EMPTY, 0.0, target)
        gap = delivered - target
        falls = gap[:, 6] > 0.0
        decay = jax.tree.map(lambda rise, fall: jnp.where(falls, fall, rise), *decays)
        flow = target[:, 6] + gap[:, 6] * decay.mean
        burned = step * (flow[0] + flow[1] + flow[2])
        share = jnp.where(burned > usable, usable / jnp.maximum(burned, 1e-12), 1.0)
        settled, fades = once((share * target, share * gap))  # else they are reckoned again wherever one is used

        def over_classes(part, fade: Float[Array, " classes"]) -> Float[Array, "7"]:
            """Sum over classes, number by number: over (classes, 7) it takes five times as long."""
            return jnp.stack([sum(part * settled[k, i] + fades[k, i] * fade[k] for k in range(CLASSES)) for i in range(7)])

        w, r = 1.0 / count, later
        mean, early, earliest = (
            over_classes(1.0, decay.mean),
            over_classes(0.5, decay.early),
            over_classes(1.0 / 6.0, decay.earliest),
        )
        push = Push(
            push.mean + w * mean,
            push.early + w * (r * mean + w * early),
            push.earliest + w * (0.5 * r * r * mean + r * w * early + w * w * earliest),
        )
        usable = usable - share * burned
        return (jnp.where(usable <= EMPTY, 0.0, target + gap * decay.end[:, None]), usable, push), None

    later = 1.0 - (jnp.arange(count, dtype=jnp.float64) + 1.0) / count
    start = delivered, jnp.asarray(usable, float), Push(zero, zero, zero)
    (delivered, _, push), _ = lax.scan(one, start, (targets, later))
    return once(push), delivered
