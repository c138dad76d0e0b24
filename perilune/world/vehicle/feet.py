"""The footpads, and the ground under the lander at a scale that no orbital map has."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.frames import inertial_to_fixed, local_axes
from perilune.foundation.grid import HeightMap
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Attitude, Position, Scalar, Vector
from perilune.foundation.rotation import rotate
from perilune.foundation.vectors import dot, norm


class Feet(eqx.Module):
    """Where the footpads are, and the slope of the ground between map posts (towards east and north, m/m)."""

    place_B: Float[Array, "4 3"]  # m from the datum
    slope_east: Scalar
    slope_north: Scalar


def lowest_foot(
    feet: Feet, ground: HeightMap, position_I: Position, attitude_IB: Attitude, centre_B: Vector, time: Scalar
) -> Scalar:
    """Height (m) of the lowest footpad above the map's ground under the lander, tilted by the local slope."""
    position_M = inertial_to_fixed(position_I, time)
    radius = norm(position_M)
    east, north, up = local_axes(position_M / radius)
    clearance = radius - RADIUS - ground.height_at(position_M)
    heights = []
    for k in range(4):
        arm_M = inertial_to_fixed(rotate(attitude_IB, feet.place_B[k] - centre_B), time)
        rise = feet.slope_east * dot(arm_M, east) + feet.slope_north * dot(arm_M, north)
        heights.append(clearance + dot(arm_M, up) - rise)
    return jnp.minimum(jnp.minimum(heights[0], heights[1]), jnp.minimum(heights[2], heights[3]))
