"""The frames of the project, and the turns between them.

- `I`  Moon-centred inertial: origin at the Moon's centre, axes those of `M` at mission time 0, not rotating.
- `M`  Moon-fixed, mean Earth / polar axis: turns about its Z with the sidereal rate (`moon.ROTATION_RATE`).
       Precession and libration are left out.
- `L`  landing site: origin on the map at the site, axes east, north, up (up = radial).
- `B`  body: origin at the drawing's datum, Z along the main thrust, X forward at a tilted-back braking attitude.
- `S`  this sensor: each sensor states its own.
"""

import jax.numpy as jnp

from .moon import ROTATION_RATE
from .quantities import Attitude, Position, Scalar, Vector, Velocity


def moon_angle(time: Scalar) -> Scalar:
    """Angle from I to M about the common Z axis, rad, at mission time `time` (s)."""
    return ROTATION_RATE * time


def moon_attitude(time: Scalar) -> Attitude:
    """attitude_IM at mission time `time` (s)."""
    half = 0.5 * moon_angle(time)
    zero = jnp.zeros_like(half)
    return jnp.stack([jnp.cos(half), zero, zero, jnp.sin(half)])


def inertial_to_fixed(vector_I: Vector, time: Scalar) -> Vector:
    """Components in M of a vector given in I, at mission time `time` (s)."""
    c, s = jnp.cos(moon_angle(time)), jnp.sin(moon_angle(time))
    return jnp.stack([c * vector_I[0] + s * vector_I[1], c * vector_I[1] - s * vector_I[0], vector_I[2]])


def fixed_to_inertial(vector_M: Vector, time: Scalar) -> Vector:
    """Components in I of a vector given in M, at mission time `time` (s)."""
    c, s = jnp.cos(moon_angle(time)), jnp.sin(moon_angle(time))
    return jnp.stack([c * vector_M[0] - s * vector_M[1], s * vector_M[0] + c * vector_M[1], vector_M[2]])


def surface_velocity(position_I: Position) -> Velocity:
    """Velocity in I of the point of M that is at `position_I`: ω × r, m/s."""
    return jnp.stack([-ROTATION_RATE * position_I[1], ROTATION_RATE * position_I[0], jnp.zeros_like(position_I[2])])


def direction_to(latitude: Scalar, longitude: Scalar) -> Vector:
    """Unit vector in M from the Moon's centre to a latitude and east longitude (rad)."""
    c = jnp.cos(latitude)
    return jnp.stack([c * jnp.cos(longitude), c * jnp.sin(longitude), jnp.sin(latitude)])


def latitude_longitude(position_M: Position) -> tuple[Scalar, Scalar]:
    """Latitude and east longitude (rad, −π..π) of a point in M."""
    x, y, z = position_M[0], position_M[1], position_M[2]
    return jnp.arctan2(z, jnp.sqrt(x * x + y * y)), jnp.arctan2(y, x)


def local_axes(direction_M: Vector) -> tuple[Vector, Vector, Vector]:
    """East, north and up unit vectors (M components) at a direction from the Moon's centre. Undefined at the poles."""
    x, y, z = direction_M[0], direction_M[1], direction_M[2]
    flat = jnp.sqrt(x * x + y * y)
    east = jnp.stack([-y / flat, x / flat, jnp.zeros_like(z)])
    north = jnp.stack([-z * x / flat, -z * y / flat, flat])
    return east, north, direction_M
