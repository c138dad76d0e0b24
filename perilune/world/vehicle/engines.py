"""Engines of all three classes: on/off valves, first-order thrust rise, and what each start wastes.

With a valve command that is constant inside a truth step, output is f(s) = u + (T₀ − u) e^(−λs), s in steps, λ = h/τ.
Its integrals over the step are known in closed form, and `Push` carries them, so that a transient shorter than a step
costs the integrator no accuracy. Since τ is one figure a class, the lag acts on the class's summed force, torque and
flow: the same thing, six times cheaper.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from perilune.foundation.quantities import Flag, Scalar
from perilune.interface.design import ENGINE_CLASSES, engine_slice

from ..state import EngineState


class Engines(eqx.Module):
    """Engines as built: thrust dispersion and misalignment are already in `output`."""

    output: Float[Array, "engines 7"]  # per engine, valve open: force (N), torque about the datum (N m), flow (kg/s)
    rise_time: Float[Array, " classes"]  # s
    start_loss: Float[Array, " engines"]  # kg a start

    def steady(self, is_open: Bool[Array, " engines"]) -> Float[Array, "classes 7"]:
        """What each class settles at with these valves open."""
        active = jnp.where(is_open[:, None], self.output, 0.0)
        return jnp.stack([jnp.sum(active[engine_slice(name)], axis=0) for name in ENGINE_CLASSES])

    def through_step(self, state: EngineState, is_open: Bool[Array, " engines"], step: Scalar):
        """What pushes during a truth step, the propellant (kg) wasted by starts at its beginning, and the state after."""
        target = self.steady(is_open)
        lag = (step / self.rise_time)[:, None]
        half = jnp.exp(-0.5 * lag)
        mean = (1.0 - half * half) / lag  # ∫ e^(−λs) ds
        early = (1.0 - mean) / lag  # ∫ (1 − s) e^(−λs) ds
        gap = state.delivered - target
        end = target + gap * (half * half)
        started = is_open & ~state.is_open
        lost = jnp.sum(jnp.where(started, self.start_loss, 0.0))
        after = EngineState(end, is_open, state.starts + jnp.sum(started), state.start_loss + lost)
        push = Push(
            middle=jnp.sum(target + gap * half, axis=0),
            half=jnp.sum(0.5 * target + gap * ((1.0 - half) / lag), axis=0),
            mean=jnp.sum(target + gap * mean, axis=0),
            early=jnp.sum(0.5 * target + gap * early, axis=0),
        )
        return push, lost, after


class Push(eqx.Module):
    """Output of all engines in one truth step (force N, torque about the datum N m, flow kg/s)."""

    middle: Float[Array, "7"]  # at the middle of the step
    half: Float[Array, "7"]  # ∫ f ds over its first half
    mean: Float[Array, "7"]  # ∫ f ds over the step
    early: Float[Array, "7"]  # ∫ (1 − s) f ds: what counts for the way gained

    def samples(self):
        """Three figures whose Runge-Kutta weights (1, 4, 1)/6 and (1, 2, 0)/6 give `mean` and `early` exactly."""
        first = 6.0 * self.early - 2.0 * self.middle
        return first, self.middle, 6.0 * (self.mean - self.early) - 2.0 * self.middle


def valves(on_time: Float[Array, " engines"], elapsed: Scalar, step: Scalar, is_dry: Flag) -> Bool[Array, " engines"]:
    """Which valves feed their engine during the truth step that starts `elapsed` s into the cycle."""
    return (on_time > elapsed + 0.5 * step) & ~is_dry
