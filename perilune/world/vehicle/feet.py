"""The footpads, and the ground under the lander at a scale that no orbital map has."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.frames import inertial_to_fixed, local_axes
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Attitude, Position, Scalar, Slope, Vector
from perilune.foundation.rotation import rotate
from perilune.foundation.vectors import dot, norm

from ..environment.terrain import Terrain

ABSENT = 1e9  # m: clearance of a footpad that is not there


class Feet(eqx.Module):
    """Where the footpads are, and a slope that the ground has on top of the terrain's own."""

    place_B: Float[Array, "feet 3"]  # m from the datum
    is_there: Float[Array, " feet"]  # 1 where there is one
    slope_east: Scalar  # m/m
    slope_north: Scalar


def feet_over_ground(
    feet: Feet, ground: Terrain, position_I: Position, attitude_IB: Attitude, centre_B: Vector, time: Scalar
) -> tuple[Float[Array, " feet"], Slope]:
    """Height (m) of each footpad above the ground under it, and the slope (east, north; m/m) of the plane through the ground
    under them, by least squares."""
    position_M = inertial_to_fixed(position_I, time)
    radius = norm(position_M)
    east, north, up = local_axes(position_M / radius)

    def under(place_B: Vector):
        """Height of a footpad over the ground, its place to the east and north, and the ground's height there (m)."""
        arm_M = inertial_to_fixed(rotate(attitude_IB, place_B - centre_B), time)
        place = jnp.stack([dot(arm_M, east), dot(arm_M, north)])
        height = ground.height_at(position_M + arm_M) + feet.slope_east * place[0] + feet.slope_north * place[1]
        return radius - RADIUS + dot(arm_M, up) - height, place, height

    clearances, places, grounds = jax.vmap(under)(feet.place_B)
    return jnp.where(feet.is_there > 0.5, clearances, ABSENT), plane_through(places, grounds, feet.is_there)


def plane_through(places: Float[Array, "feet 2"], heights: Float[Array, " feet"], weights: Float[Array, " feet"]) -> Slope:
    """Slope (east, north; m/m) of the least-squares plane through heights (m) at places (east, north; m) that count so much."""
    count = over_feet(weights)
    east, north = (weights * (places[:, k] - over_feet(weights * places[:, k]) / count) for k in (0, 1))
    xx, xy, yy = over_feet(east * east), over_feet(east * north), over_feet(north * north)
    xh, yh = over_feet(east * heights), over_feet(north * heights)
    return jnp.stack([yy * xh - xy * yh, xx * yh - xy * xh]) / jnp.maximum(xx * yy - xy * xy, 1e-12)


def over_feet(each: Float[Array, " feet"]) -> Scalar:
    """Sum over footpads, one by one: XLA on CPU runs a reduction over a short axis several times slower."""
    return sum((each[k] for k in range(1, len(each))), each[0])
