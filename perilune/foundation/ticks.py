"""Time from integer ticks: multiplied once, never added up, so that no rounding gathers over a flight."""

import jax.numpy as jnp

from .quantities import Scalar


def seconds(tick, period: Scalar) -> Scalar:
    """tick × period, s. `tick` is an integer scalar; int32 is exact in float64."""
    return jnp.asarray(tick).astype(jnp.float64) * period
