"""Where a ray meets the ground of a height map."""

import jax.numpy as jnp
from jax import lax

from .frames import latitude_longitude, local_axes
from .grid import HeightMap
from .moon import RADIUS
from .quantities import Direction, Position, Scalar
from .vectors import dot, norm, unit

STEEPEST = 0.6  # m/m; marching never oversteps ground up to 31°, steeper than any 1.9 km post pair of LDEM_16


def cast(ground: HeightMap, position_M: Position, direction_M: Direction, steps: int) -> Scalar:
    """Distance (m) along a unit direction to the ground, by marching that cannot overstep.

    A step is height / (cos γ + STEEPEST · sin γ) for a ray γ off nadir: the largest step that keeps above any ground
    of that steepness, so the distance grows monotonically to the first crossing. Points upward or along the horizon
    return a distance far beyond any sensor's window, never NaN.
    """
    cosine = -dot(direction_M, unit(position_M))
    sine = jnp.sqrt(jnp.maximum(1.0 - cosine * cosine, 0.0))
    rate = 1.0 / jnp.maximum(cosine + STEEPEST * sine, 1e-3)

    def step(_, distance):
        point = position_M + distance * direction_M
        height = norm(point) - RADIUS - ground.height_at(point)
        return jnp.minimum(distance + rate * height, 1e7)

    return lax.fori_loop(0, steps, step, jnp.zeros_like(cosine))


def normal_at(ground: HeightMap, point_M: Position) -> Direction:
    """Unit normal of the ground at (under) a point, in M."""
    slope_east, slope_north = ground.slope(*latitude_longitude(point_M))
    east, north, up = local_axes(unit(point_M))
    return unit(up - slope_east * east - slope_north * north)
