"""A vector field tabulated along a ground track, so that a field of any cost is looked up at one price.

Flight computers and fast trajectory tools carry high-degree gravity this way, as tables of what a simple model leaves
(Junkins 1976, AIAA J. 14(6): finite elements for the Earth's gravity). The table's box is laid along the great circle of
the track: an angle along it, an angle across it, a height over the sphere.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .moon import RADIUS
from .quantities import Acceleration, Matrix, Position, Scalar, Vector
from .vectors import dot


class Corridor(eqx.Module):
    """Accelerations in M on nodes in height, across and along a track; trilinear between them, held beyond them.

    `axes_M`, rows: towards the track's first node, along it, and its pole, so that a point has the angle along the track
    atan2(y, x) and the angle across it asin(z).
    """

    nodes: Float[Array, "levels widths lengths 3"]  # m/s², float32: 1e-10 of the largest is far below the table's own error
    axes_M: Matrix
    lowest: Vector  # m, rad, rad: height over the sphere, angle across and along of node [0, 0, 0]
    step: Vector  # m, rad, rad: between nodes

    def at(self, position_M: Position) -> Acceleration:
        """Acceleration in M, m/s², at a point in M (m)."""
        levels, widths, lengths, _ = self.nodes.shape
        x, y, z = (dot(self.axes_M[i], position_M) for i in range(3))
        flat = jnp.sqrt(x * x + y * y)
        radius = jnp.sqrt(x * x + y * y + z * z)
        place = (radius - RADIUS, jnp.arctan2(z, flat), jnp.arctan2(y, x))
        cells, shares = zip(
            *(self.cell(place[k], k, count) for k, count in enumerate((levels, widths, lengths))), strict=True
        )  # fmt: skip
        first = (cells[0] * widths + cells[1]) * lengths + cells[2]
        table = self.nodes.reshape(-1, 3)
        found = jnp.zeros(3)
        for k in range(8):  # the eight corners of the cell
            up, over, on = k >> 2, (k >> 1) & 1, k & 1
            weight = one_way(shares[0], up) * one_way(shares[1], over) * one_way(shares[2], on)
            found = found + weight * table[first + (up * widths + over) * lengths + on].astype(jnp.float64)
        return found

    def cell(self, value: Scalar, axis: int, count: int):
        """Number of the cell below a value along one axis, and the share of the way through it."""
        scaled = jnp.clip((value - self.lowest[axis]) / self.step[axis], 0.0, count - 1.000001)
        whole = jnp.floor(scaled)
        return whole.astype(jnp.int32), scaled - whole


def one_way(share: Scalar, is_upper: int) -> Scalar:
    """Weight of the upper or the lower neighbour."""
    return share if is_upper else 1.0 - share
