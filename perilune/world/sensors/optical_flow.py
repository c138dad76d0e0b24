"""Optical flow: how fast the ground goes by in a camera that looks down, an angle in time.

The flow is the velocity across the boresight over the distance along it; a velocity follows only with the height that navigation
believes, and is as wrong as that. Flown: Ingenuity's downward camera (F; Bayard et al. 2019, AIAA 2019-1411), IM-1's descent
without altimeter (F, press); the figures of noise are M. With features to a tenth of a pixel of 0.5 mrad, 50 of them, at 10 Hz:
0.1 mrad/s, 0.1 m/s from 1 km.
"""

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from perilune.foundation.frames import inertial_to_fixed, surface_velocity
from perilune.foundation.quantities import Direction, Flag, Scalar
from perilune.foundation.randomness import Noise, rows
from perilune.foundation.rotation import inverse, rotate
from perilune.foundation.vectors import cross, dot

from ..environment.ray import cast_by_heights
from ..environment.terrain import Terrain
from ..state import Motion
from .terrain_camera import View


class OpticalFlow(eqx.Module):
    """The camera as mounted, S: boresight, `across_B` and boresight × across.

    The turning of the lander is taken out with the gyros, whose bias of 1°/h is 5 µrad/s of flow. The ground is that
    where the boresight meets it (10° of slope 30° off nadir are 10 % of flow). Left out: relief within the picture, the error of
    taking out a turn (a share of the body rate), flow by descending (zero at the boresight), and the lander's own shadow.
    """

    view: View
    across_B: Direction
    scale_error: Scalar
    bias: Float[Array, "2"]  # rad/s
    noise: Scalar  # rad/s an axis, 1 sigma
    flow_limit: Scalar  # rad/s, beyond which features leave the picture
    dropout_probability: Scalar  # of too few features, a reading

    def distance(self, motion: Motion, ground: Terrain, time: Scalar) -> Scalar:
        """To the ground where the boresight meets it, m, by heights (`ray.cast_by_heights`)."""
        boresight_M = inertial_to_fixed(rotate(motion.attitude_IB, self.view.boresight_B), time)
        return cast_by_heights(ground, inertial_to_fixed(motion.position_I, time), boresight_M)

    def flow(self, motion: Motion, distance: Scalar) -> Float[Array, "2"]:
        """The true flow, rad/s, along `across_B` and boresight × across, of ground so far (m) along the boresight."""
        boresight_B = self.view.boresight_B
        over_ground_I = motion.velocity_I - surface_velocity(motion.position_I)
        velocity_B = rotate(inverse(motion.attitude_IB), over_ground_I)
        along = jnp.stack([dot(velocity_B, self.across_B), dot(velocity_B, cross(boresight_B, self.across_B))])
        return along / jnp.maximum(distance, 1e-3)

    def measure(
        self, motion: Motion, height: Scalar, distance: Scalar, sun_M: Direction, time: Scalar, noise: Noise
    ) -> tuple[Float[Array, "2"], Flag]:
        """Flow (rad/s) of ground so far (m) along the boresight, and its validity at a height (m) above the ground."""
        true, normal = self.flow(motion, distance), rows(noise, "optical_flow")
        size = jnp.sqrt(true[0] * true[0] + true[1] * true[1])
        is_seen = self.view.is_open(motion, height, sun_M, time) & (size < self.flow_limit)
        is_lost = ndtr(normal[2]) < self.dropout_probability
        return (1.0 + self.scale_error) * true + self.bias + self.noise * normal[0:2], is_seen & ~is_lost
