"""Inertial measurement unit: increments of velocity and angle with bias, scale error and noise."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Scalar, Vector
from perilune.foundation.randomness import Noise, rows

from ..faults.table import Struck
from ..state import Motion


class Imu(eqx.Module):
    """The unit as mounted at the centre of mass (lever arm left out), axes B.

    Biases and scale errors are constant over a descent; drift, quantisation and saturation are `ImuErrors`'.
    """

    accelerometer_bias_B: Vector  # m/s²
    accelerometer_scale: Vector
    velocity_random_walk: Scalar  # m/s/√s
    gyro_bias_B: Vector  # rad/s
    gyro_scale: Vector
    angle_random_walk: Scalar  # rad/√s

    def measure(self, motion: Motion, struck: Struck, noise: Noise, period: Scalar) -> tuple[Vector, Vector]:
        """Velocity and angle increments in B over the last `period` s."""
        root = jnp.sqrt(period)
        velocity = (1.0 + self.accelerometer_scale) * motion.delta_velocity_B + self.accelerometer_bias_B * period
        angle = (1.0 + self.gyro_scale) * motion.delta_angle_B + self.gyro_bias_B * period
        louder = struck.of("fast_noise")
        velocity = velocity + jnp.sqrt(self.velocity_random_walk**2 + louder[0:3] ** 2) * root * rows(noise, "imu_velocity")
        angle = angle + jnp.sqrt(self.angle_random_walk**2 + louder[3:6] ** 2) * root * rows(noise, "imu_angle")
        return velocity, angle
