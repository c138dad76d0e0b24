"""Terrain-relative navigation: a camera's picture matched to the map on board gives a fix of position.

Flown: the Lander Vision System of Mars 2020, 40 m (F; Johnson et al. 2022, AIAA SciTech); Blue Ghost M1, two cameras at about
1 Hz (F, press); SLIM, matching of craters, 3–4 m at 50 m (F, press). An error is pixels of the picture times what a pixel
covers, so it grows with height; the tie of the map to the Moon's own axes, constant over a flight, adds to it and cannot be
seen from inside.
"""

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtr

from perilune.foundation.frames import inertial_to_fixed
from perilune.foundation.quantities import Direction, Flag, Position, Scalar, Vector
from perilune.foundation.randomness import Noise, rows
from perilune.foundation.rotation import rotate
from perilune.foundation.vectors import dot, norm, unit

from ..state import Motion


class View(eqx.Module):
    """When a camera sees ground that it can use: light, height, tilt and rate. Shared by the cameras that look down.

    The Sun counts at the point under the lander: too low, and shadows hide the ground; too high, and relief has no contrast.
    """

    boresight_B: Direction
    least_height: Scalar  # m above the ground
    most_height: Scalar
    least_sun: Scalar  # rad, elevation
    most_sun: Scalar
    tilt_limit: Scalar  # rad, of the boresight from nadir
    rate_limit: Scalar  # rad/s, beyond which the picture is blurred

    def nadir_cosine(self, motion: Motion) -> Scalar:
        """Of the angle between boresight and nadir."""
        return -dot(rotate(motion.attitude_IB, self.boresight_B), unit(motion.position_I))

    def is_open(self, motion: Motion, height: Scalar, sun_M: Direction, time: Scalar) -> Flag:
        """Whether a picture taken now can be used, at a height (m) above the ground and with the Sun in the direction `sun_M`."""
        up_M = unit(inertial_to_fixed(motion.position_I, time))
        sine = dot(sun_M, up_M)
        return (
            (height > self.least_height)
            & (height < self.most_height)
            & (sine > jnp.sin(self.least_sun))
            & (sine < jnp.sin(self.most_sun))
            & (self.nadir_cosine(motion) > jnp.cos(self.tilt_limit))
            & (norm(motion.rate_B) < self.rate_limit)
        )


class Fix(eqx.Module):
    """One fix: what the unit says, and whether it is a false match, which only the world knows."""

    position_M: Position
    is_valid: Flag
    is_false: Flag


class TerrainCamera(eqx.Module):
    """Camera, matcher and map as one unit. The camera's latency is the caller's: it hands in the motion of then.

    Left out: shadows of relief inside the window of Sun elevation, ground without features (mare: fewer landmarks, `map_quality`
    stands for it), and the attitude's own error, which moves a fix by height × error: 1 m at 2 km and 0.5 mrad. Misses and
    false matches are white; real ones come with the place.
    """

    view: View
    pixel_angle: Scalar  # rad, of one pixel
    pixels: Scalar  # 1 sigma of a match in each horizontal direction, in pixels
    pixels_up: Scalar  # the same of the height, in pixels: larger by about two over the picture's width in rad
    floor: Scalar  # m, 1 sigma in every direction, that does not shrink with height: posts of the map
    map_quality: Scalar  # factor on both: 1 for a map as fine as the picture
    map_tie_M: Vector  # m, error of the map's place, constant over a flight
    miss_probability: Scalar  # of no match, a picture
    false_probability: Scalar  # of a false match, a picture
    false_distance: Scalar  # m, 1 sigma of its error in each horizontal direction

    def measure(self, motion: Motion, height: Scalar, sun_M: Direction, time: Scalar, noise: Noise) -> Fix:
        """A fix of the centre of mass in M from a height (m) above the ground."""
        position_M = inertial_to_fixed(motion.position_I, time)
        up_M = unit(position_M)
        normal = rows(noise, "terrain_camera")
        pixel = self.map_quality * self.pixel_angle * jnp.maximum(height, 0.0)
        level, upward = (jnp.sqrt((pixel * share) ** 2 + self.floor**2) for share in (self.pixels, self.pixels_up))
        error_M = stretched(normal[0:3], up_M, level, upward)
        wrong_M = self.false_distance * stretched(normal[4:7], up_M, jnp.ones_like(pixel), jnp.zeros_like(pixel))
        is_false = ndtr(normal[3]) < self.false_probability
        is_missed = ndtr(-normal[3]) < self.miss_probability  # the upper tail; false matches use the lower one
        is_valid = self.view.is_open(motion, height, sun_M, time) & ~is_missed
        return Fix(position_M + self.map_tie_M + error_M + jnp.where(is_false, wrong_M, 0.0), is_valid, is_false & is_valid)


def stretched(normals: Vector, up_M: Direction, level: Scalar, upward: Scalar) -> Vector:
    """Normal numbers with the deviation `level` along the ground, in any direction, and `upward` along the vertical."""
    return level * normals + (upward - level) * dot(normals, up_M) * up_M
