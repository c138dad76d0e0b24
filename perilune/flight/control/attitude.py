"""Attitude control: a rate command from the pointing error, bounded by the slew rate, and a torque to follow it."""

import jax.numpy as jnp

from perilune.foundation.quantities import Attitude, Direction, Rate, Torque, Vector
from perilune.foundation.rotation import inverse, rotate
from perilune.foundation.vectors import dot, norm, unit

from ..settings import ControlSettings


def pointing_error(attitude_IB: Attitude, thrust_I: Direction, forward_I: Direction) -> Vector:
    """Rotation in B (rad) that takes Z to the wanted thrust direction and X into the plane of thrust and `forward`."""
    z = rotate(inverse(attitude_IB), thrust_I)
    flat = forward_I - dot(forward_I, thrust_I) * thrust_I
    x = rotate(inverse(attitude_IB), unit(flat))
    sine = jnp.sqrt(z[0] ** 2 + z[1] ** 2)
    stretch = jnp.where(sine > 1e-9, jnp.arctan2(sine, z[2]) / jnp.maximum(sine, 1e-9), 1.0)
    return jnp.stack([-z[1] * stretch, z[0] * stretch, jnp.arctan2(x[1], x[0])])


def attitude_control(
    error_B: Vector, rate_B: Rate, integral: Vector, inertia: Vector, period, settings: ControlSettings
) -> tuple[Torque, Vector]:
    """Torque (N m) and the new integral (rad/s², what a constant disturbance needs).

    The integral runs only while the error is small, so that a slew does not wind it up.
    """
    wanted = settings.attitude_gain * error_B
    wanted = wanted * jnp.minimum(1.0, settings.slew_rate / jnp.maximum(norm(wanted), 1e-9))
    small = norm(error_B) < 0.1
    integral = integral + jnp.where(small, settings.integral_gain * period, 0.0) * error_B
    return inertia * (settings.rate_gain * (wanted - rate_B) + integral), integral
