"""Star tracker: attitude with noise and a mounting error against the IMU; blind when turning fast."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Attitude, Flag, Scalar, Vector
from perilune.foundation.randomness import Noise, rows
from perilune.foundation.rotation import compose, from_rotation_vector
from perilune.foundation.vectors import norm

from ..state import Motion


class StarTracker(eqx.Module):
    """Noise about the B axes (the camera looks along −Y, so roll noise is about Y) and the alignment error to B."""

    noise: Vector  # rad, 1 sigma
    alignment_B: Vector  # rad
    rate_limit: Scalar  # rad/s

    def measure(self, motion: Motion, louder: Vector, noise: Noise) -> tuple[Attitude, Flag]:
        """attitude_IB as the tracker tells it with `louder` (rad) noise on top of its own, and whether it does."""
        spread = jnp.sqrt(self.noise**2 + louder**2)
        error_BB = from_rotation_vector(self.alignment_B + spread * rows(noise, "star_tracker"))
        return compose(motion.attitude_IB, error_BB), norm(motion.rate_B) < self.rate_limit
