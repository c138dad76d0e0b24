"""What XLA on CPU is told about where to work things out.

It fuses what makes a value into every loop that uses the value, and works it out anew in each. Batched vectors that are combined
whole are read at a stride; combined number by number, each number is a row of lanes, which fills vector registers.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float


def once(tree: Any) -> Any:
    """The same, worked out in one place and kept for all that use it."""
    return lax.optimization_barrier(tree)


def by_number(combine: Callable, *arrays: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`combine` of arrays of one shape, which is for single numbers, stacked once."""
    shape = arrays[0].shape
    if not shape:
        return combine(*arrays)
    return jnp.stack([combine(*(a[place] for a in arrays)) for place in np.ndindex(shape)]).reshape(shape)
