"""The footpads, and the ground under the lander at a scale that no orbital map has."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.frames import inertial_to_fixed, latitude_longitude, local_axes
from perilune.foundation.grid import HeightMap
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Attitude, Position, Scalar, Slope, Vector
from perilune.foundation.rotation import rotate
from perilune.foundation.vectors import dot, norm


class Feet(eqx.Module):
    """Where the footpads are, and the slope that the ground has between the map's posts, on top of the map's own."""

    place_B: Float[Array, "4 3"]  # m from the datum
    slope_east: Scalar  # m/m
    slope_north: Scalar


def lowest_foot(
    feet: Feet, ground: HeightMap, position_I: Position, attitude_IB: Attitude, centre_B: Vector, time: Scalar
) -> tuple[Scalar, Slope]:
    """Height (m) of the lowest footpad above the ground under the lander, and that ground's slope (east, north; m/m).

    The ground is the plane through the map's height there, with the map's slope and the local one added.
    """
    position_M = inertial_to_fixed(position_I, time)
    radius = norm(position_M)
    east, north, up = local_axes(position_M / radius)
    height, slope_east, slope_north = ground.height_and_slope(*latitude_longitude(position_M))
    slope = jnp.stack([slope_east + feet.slope_east, slope_north + feet.slope_north])
    clearance = radius - RADIUS - height
    heights = []
    for k in range(4):
        arm_M = inertial_to_fixed(rotate(attitude_IB, feet.place_B[k] - centre_B), time)
        rise = slope[0] * dot(arm_M, east) + slope[1] * dot(arm_M, north)
        heights.append(clearance + dot(arm_M, up) - rise)
    return jnp.minimum(jnp.minimum(heights[0], heights[1]), jnp.minimum(heights[2], heights[3])), slope
