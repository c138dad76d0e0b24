"""Where a ray meets the ground of a height map."""

import jax.numpy as jnp
from jax import lax

from .frames import latitude_longitude, local_axes
from .grid import HeightMap
from .moon import RADIUS
from .quantities import Direction, Position, Scalar
from .vectors import dot, norm, unit

SECANTS = 5


def cast(ground: HeightMap, position_M: Position, direction_M: Direction, steps: int) -> Scalar:
    """Distance (m) along a unit direction to the ground: `steps` of marching that cannot overstep, then secants.

    A marching step is height / (cos γ + s sin γ) for a ray γ off nadir, with s the steepest slope of the map: the largest
    that keeps above all of its ground, so the distance grows to the first crossing; SECANTS bounded secant steps finish it.
    Points upward or along the horizon return a distance far beyond any sensor's window, never NaN.
    """
    cosine = -dot(direction_M, unit(position_M))
    sine = jnp.sqrt(jnp.maximum(1.0 - cosine * cosine, 0.0))
    rate = 1.0 / jnp.maximum(cosine + ground.steepest * sine, 1e-3)

    def height(distance):
        point = position_M + distance * direction_M
        return norm(point) - RADIUS - ground.height_at(point)

    def step(k, carry):
        before, above, distance = carry
        here = height(distance)
        fall = (above - here) / jnp.maximum(distance - before, 1e-9)  # height lost per metre of ray, last time
        secant = 1.0 / jnp.clip(fall, 0.3 / rate, 1.0 / rate)
        ahead = distance + jnp.where(k < steps, rate, jnp.where(fall > 0.0, secant, rate)) * here
        return distance, here, jnp.minimum(ahead, 1e7)

    start = (jnp.zeros_like(cosine), height(0.0), rate * height(0.0))
    return lax.fori_loop(0, steps + SECANTS, step, start)[2]


def normal_at(ground: HeightMap, point_M: Position) -> Direction:
    """Unit normal of the ground at (under) a point, in M."""
    slope_east, slope_north = ground.slope(*latitude_longitude(point_M))
    east, north, up = local_axes(unit(point_M))
    return unit(up - slope_east * east - slope_north * north)
