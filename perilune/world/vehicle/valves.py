"""From commands to valves as they really move: stuck ones, and main engines that light or stop late."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Scalar

from ..faults.table import FaultState, Struck
from .engines import MAIN


def opened(
    on_time: Float[Array, " engines"], state: FaultState, struck: Struck, time: Scalar, period: Scalar
) -> tuple[Float[Array, " engines"], FaultState]:
    """Open times (s) of the cycle that begins at `time` s."""
    is_asked = on_time[0] > 0.0
    asked = jnp.where(is_asked, jnp.where(jnp.isfinite(state.main_asked), state.main_asked, time), jnp.inf)
    half = 0.5 * period  # lateness is in whole cycles, the nearest
    has_lit = time - asked >= struck.one("main_late", 0) - half
    released = jnp.where(is_asked & has_lit, time + period, state.main_released)
    burns_on = time - released < struck.one("main_late", 1) - half
    main = jnp.where(is_asked, jnp.where(has_lit, on_time[MAIN], 0.0), jnp.where(burns_on, period, on_time[MAIN]))
    moved = jnp.concatenate([main, on_time[MAIN.stop :]])
    moved = jnp.where(struck.of("engine_open") > 0.5, period, jnp.where(struck.of("engine_closed") > 0.5, 0.0, moved))
    return moved, eqx.tree_at(lambda s: (s.main_asked, s.main_released), state, (asked, released))


def shares(struck: Struck) -> tuple[Float[Array, " engines"], Float[Array, " engines"]]:
    """Of each engine's thrust and of its flow, what it really has. One that has lost all gives none, not a little less."""
    thrust = jnp.maximum(1.0 + struck.of("engine_thrust"), 0.0)
    return thrust, thrust / (1.0 + struck.of("engine_impulse"))
