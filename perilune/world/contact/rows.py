"""Many vectors at once, by component: three lines of numbers, one number a point.

Kept apart instead of stacked, so that XLA fuses a whole contact law into a few loops over points and lanes.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Matrix

Line = Float[Array, " points"]
Rows = tuple[Line, Line, Line]


def rows_of(places: Float[Array, "points 3"]) -> Rows:
    """The components of vectors given one a row."""
    return places[:, 0], places[:, 1], places[:, 2]


def along(a: Rows, b: Rows) -> Line:
    """Scalar product, point by point."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def times(scale: Line, a: Rows) -> Rows:
    """Each vector times its own number."""
    return scale * a[0], scale * a[1], scale * a[2]


def plus(a: Rows, b: Rows) -> Rows:
    """Sum, point by point."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def minus(a: Rows, b: Rows) -> Rows:
    """Difference, point by point."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def moments(a: Rows, b: Rows) -> Rows:
    """Vector product a × b, point by point."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def turned(matrix: Matrix, a: Rows) -> Rows:
    """matrix @ a, point by point."""
    x, y, z = (matrix[i, 0] * a[0] + matrix[i, 1] * a[1] + matrix[i, 2] * a[2] for i in range(3))
    return x, y, z


def length(a: Rows) -> Line:
    """Euclidean length, point by point; never below 1e-150, so that it can divide."""
    return jnp.sqrt(along(a, a) + 1e-300)
