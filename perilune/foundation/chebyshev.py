"""Smooth functions of time as Chebyshev series: tabulated once, then a few multiplications a look."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .quantities import Scalar


class Chebyshev(eqx.Module):
    """A series over a window of time; outside the window it must not be asked."""

    coefficients: Float[Array, "terms parts"]
    middle: Scalar  # s
    half: Scalar  # s, half the window

    def at(self, time: Scalar) -> Float[Array, " parts"]:
        """The function at a time (s), by Clenshaw's recurrence."""
        x = (time - self.middle) / self.half
        later, last = jnp.zeros_like(self.coefficients[0]), jnp.zeros_like(self.coefficients[0])
        for k in range(self.coefficients.shape[0] - 1, 0, -1):
            later, last = self.coefficients[k] + 2.0 * x * later - last, later
        return self.coefficients[0] + x * later - last


def fitted(function: Callable[[float], np.ndarray], start: float, stop: float, terms: int) -> Chebyshev:
    """The series that meets `function` (time in s → (parts,)) at the Chebyshev points of a window."""
    angles = np.pi * (np.arange(terms) + 0.5) / terms
    middle, half = 0.5 * (start + stop), 0.5 * (stop - start)
    values = np.stack([function(middle + half * x) for x in np.cos(angles)])
    series = 2.0 / terms * np.cos(np.outer(np.arange(terms), angles)) @ values
    series[0] *= 0.5
    return Chebyshev(jnp.asarray(series), jnp.asarray(middle, float), jnp.asarray(half, float))
