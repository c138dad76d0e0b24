"""Engines of all three classes: on/off valves, first-order thrust rise, and what each start wastes.

With a valve command that is constant inside a truth step, thrust is T(t) = u + (T₀ − u) e^(−t/τ): evaluated exactly
at the start, middle and end of the step, so that RK4 keeps its order through every transient. Since τ is one figure a
class, the lag acts on the class's summed force, torque and flow: the same thing, six times cheaper.
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
        """Total output at the start, middle and end of a truth step (3 × (7,)), and the state at its end."""
        target = self.steady(is_open)
        decay = jnp.exp(-0.5 * step / self.rise_time)[:, None]
        middle = target + (state.delivered - target) * decay
        end = target + (middle - target) * decay
        started = is_open & ~state.is_open
        lost = jnp.sum(jnp.where(started, self.start_loss, 0.0))
        after = EngineState(end, is_open, state.starts + jnp.sum(started), state.start_loss + lost)
        totals = [jnp.sum(x, axis=0).at[6].add(lost / step) for x in (state.delivered, middle, end)]
        return totals, after


def valves(on_time: Float[Array, " engines"], elapsed: Scalar, step: Scalar, is_dry: Flag) -> Bool[Array, " engines"]:
    """Which valves feed their engine during the truth step that starts `elapsed` s into the cycle."""
    return (on_time > elapsed + 0.5 * step) & ~is_dry
