"""The classical Runge-Kutta step of fourth order, for any tree of states."""

from collections.abc import Callable
from typing import Any

import jax

from .quantities import Scalar


def runge_kutta(rate: Callable[[Any, Scalar], Any], state: Any, time: Scalar, step: Scalar) -> Any:
    """The state one `step` (s) after `time` (s), for state' = rate(state, time). A negative step goes back."""

    def along(slope, length):
        return jax.tree.map(lambda x, k: x + length * k, state, slope)

    k1 = rate(state, time)
    k2 = rate(along(k1, 0.5 * step), time + 0.5 * step)
    k3 = rate(along(k2, 0.5 * step), time + 0.5 * step)
    k4 = rate(along(k3, step), time + step)
    return jax.tree.map(lambda x, a, b, c, d: x + step / 6.0 * (a + 2.0 * (b + c) + d), state, k1, k2, k3, k4)
