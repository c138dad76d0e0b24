"""Hazard lidar: one scan of a patch of ground, heights on a grid.

SPLICE's Hazard Detection Lidar: 16 million points in 2 s, 1 cm each, from about 500 m (F, NASA). Here these are binned to
16 × 16 heights, and the noise is that of a bin: what is left of a point's, and what its ground does inside the bin.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from perilune.foundation.frames import fixed_to_inertial, inertial_to_fixed, local_axes
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Direction, Position, Scalar
from perilune.foundation.randomness import normal_of, uniforms
from perilune.foundation.rotation import inverse, rotate
from perilune.foundation.vectors import dot, norm, unit
from perilune.interface.design import PATCH as SIDE
from perilune.interface.measurements import Patch

from ..environment.ray import FAR, cast_by_heights
from ..environment.terrain import Terrain
from ..state import Motion


class HazardLidar(eqx.Module):
    """The unit as mounted.

    Left out: ground hidden behind relief (45° off nadir a shadow is as long as a rock is high), rocks, which the terrain does
    not have, movement during the scan (2 m at 1 m/s and 2 s, if it is not taken out), the attitude's error (1 mrad tilts the
    patch and moves a rim 16 m from its middle by 16 mm in height), and the bins' own size: heights are those of their middles.
    """

    boresight_B: Direction
    field: Scalar  # rad, how far from the boresight a target may lie
    width: Scalar  # m, of the patch
    noise: Scalar  # m of range, a bin, 1 sigma
    bias: Scalar  # m of range, the same for all bins: without effect on relative heights, it moves the centre
    dropout_probability: Scalar  # of a bin without return
    least_share: Scalar  # of bins seen that make a scan valid
    most_height: Scalar  # m above the target
    tilt_limit: Scalar  # rad, of the boresight from nadir

    def aim(self, motion: Motion, ground: Terrain, time: Scalar) -> Position:
        """Where the boresight meets the ground, in M, by heights: it looks down."""
        position_M = inertial_to_fixed(motion.position_I, time)
        boresight_M = inertial_to_fixed(rotate(motion.attitude_IB, self.boresight_B), time)
        return position_M + cast_by_heights(ground, position_M, boresight_M) * boresight_M

    def measure(self, motion: Motion, target_M: Position, ground: Terrain, time: Scalar, key: Key[Array, ""]) -> Patch:
        """A scan of the patch about a target in M (its height is not used), with random numbers of its own
        (`randomness.sensor_key`): 512, where a row of every cycle's draw is one."""
        up_M = unit(target_M)
        east_M, north_M, _ = local_axes(up_M)
        spacing = self.width / SIDE
        place = (jnp.arange(SIDE, dtype=jnp.float64) - 0.5 * (SIDE - 1)) * spacing
        centre_M = (RADIUS + ground.height_at(target_M)) * up_M

        def height(north, east):
            return ground.height_at(centre_M + east * east_M + north * north_M)

        true = jax.vmap(lambda north: jax.vmap(lambda east: height(north, east))(place))(place)
        position_M = inertial_to_fixed(motion.position_I, time)
        way_M = centre_M - position_M
        distance = jnp.maximum(norm(way_M), 1e-3)
        sight_M = way_M / distance
        steep = jnp.maximum(-dot(sight_M, up_M), 0.0)
        noise, luck = uniforms(key, (2, SIDE, SIDE))
        is_seen = 0.5 * (luck + 1.0) >= self.dropout_probability
        read = true - steep * self.noise * normal_of(noise)
        count = jnp.sum(is_seen.astype(jnp.float64))
        mean = jnp.sum(jnp.where(is_seen, read, 0.0)) / jnp.maximum(count, 1.0)
        boresight_I = rotate(motion.attitude_IB, self.boresight_B)
        sight_I = fixed_to_inertial(sight_M, time)
        over = distance * steep
        is_valid = (
            (over > 0.0)
            & (over < self.most_height)
            & (distance < 0.5 * FAR)
            & (-dot(boresight_I, unit(motion.position_I)) > jnp.cos(self.tilt_limit))
            & (dot(boresight_I, sight_I) > jnp.cos(self.field))
            & (count >= self.least_share * SIDE**2)
        )
        centre_B = rotate(inverse(motion.attitude_IB), (distance + self.bias) * sight_I)
        heights = jnp.where(is_seen, read - mean, 0.0)
        spread = jnp.sqrt(jnp.sum(heights * heights) / jnp.maximum(count, 1.0))
        return Patch(heights, is_seen, centre_B, spacing, spread, count / SIDE**2, is_valid)
