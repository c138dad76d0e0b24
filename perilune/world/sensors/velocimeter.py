"""Doppler velocimeter: velocity over the ground in body axes, below a ceiling."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.frames import surface_velocity
from perilune.foundation.quantities import Flag, Scalar, Vector
from perilune.foundation.randomness import Noise, rows
from perilune.foundation.rotation import inverse, rotate
from perilune.foundation.vectors import norm

from ..state import Motion


class Velocimeter(eqx.Module):
    """Beams are not modelled one by one: the reading is the velocity with scale error and noise on each B axis."""

    is_fitted: Scalar  # 1 where the lander carries one
    ceiling: Scalar  # m above the ground
    speed_limit: Scalar  # m/s
    scale_error: Scalar
    noise: Scalar  # m/s an axis, 1 sigma

    def measure(self, motion: Motion, height: Scalar, louder: Vector, noise: Noise) -> tuple[Vector, Flag]:
        """Velocity over the ground in B (S = B), m/s, with `louder` (m/s) noise on top of its own, and its validity."""
        velocity_I = motion.velocity_I - surface_velocity(motion.position_I)
        velocity_B = rotate(inverse(motion.attitude_IB), velocity_I)
        reading = (1.0 + self.scale_error) * velocity_B + jnp.sqrt(self.noise**2 + louder**2) * rows(noise, "velocimeter")
        is_valid = (self.is_fitted > 0.5) & (height < self.ceiling) & (norm(velocity_I) < self.speed_limit)
        return reading, is_valid
