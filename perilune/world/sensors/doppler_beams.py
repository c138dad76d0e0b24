"""Doppler beams: a few fixed beams that each measure the slant range and the speed along themselves, and the velocity of these.

One form serves a Doppler lidar and a landing radar. NASA's Navigation Doppler Lidar: three beams 22.5° off its axis (M), 2 m and
2 cm/s, from over 4 km (F; Pierrottet et al. 2018, AIAA 2018-0614). MSL's terminal descent radar at Ka band: six beams, better
than 2 % of range and some dm/s (F; Chen and Pollard 2014, J. Spacecraft and Rockets 51); the four slots hold its nadir beam and
three of the canted ones. With beam directions u and closing speeds s = u · v of the locked
beams, the velocity is that of least squares,

    (Σ u uᵀ) v = Σ u s,

solved by the adjugate where the determinant is large enough: three beams 22.5° off one axis have 0.124, coplanar ones 0. From
closing speeds good to σ those three give σ/(√3 cos 22.5°) = 0.62 σ along the axis and σ/(√1.5 sin 22.5°) = 2.13 σ in either
direction across it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Bool, Float

from perilune.foundation.frames import inertial_to_fixed, surface_velocity
from perilune.foundation.quantities import Direction, Flag, Position, Scalar, Velocity
from perilune.foundation.randomness import Noise, rows
from perilune.foundation.rotation import inverse, rotate
from perilune.foundation.vectors import dot
from perilune.interface.measurements import Beams

from ..environment.ray import cast, cast_by_heights
from ..environment.terrain import Terrain
from ..state import Motion


class Seen(eqx.Module):
    """What each beam meets."""

    distance: Float[Array, " beams"]  # m
    incidence_cosine: Float[Array, " beams"]


class BeamReadings(eqx.Module):
    """What the unit says: of each beam, and of all that are locked."""

    each: Beams
    velocity_B: Velocity  # over the ground; 0 where it is not valid
    is_valid: Flag  # of the velocity: three locked beams that are not in one plane


class DopplerBeams(eqx.Module):
    """The unit as built and mounted; slots without a beam are padding.

    Left out: the lever arm to the centre of mass (0.1 m/s at 5°/s and 1 m), the time that one reading is gathered over (a beam
    sees its mean speed: 0.05 m/s at 3 m/s² and 1/30 s), range–Doppler coupling of a chirp (0.1 m at 100 m/s), plume and dust
    in the beam, and the spot's width but for the slope that it lies on. Loss by chance is white: real dropouts come in bursts.
    """

    directions_B: Float[Array, "beams 3"]  # unit vectors
    is_there: Float[Array, " beams"]  # 1 for a beam that is fitted
    divergence: Scalar  # rad, full angle: the ground under the spot has the slope that counts for the incidence
    range_scale: Scalar
    range_bias: Float[Array, " beams"]  # m
    range_floor: Scalar  # m, 1 sigma
    range_share: Scalar  # of the range, 1 sigma
    speed_scale: Scalar
    speed_bias: Float[Array, " beams"]  # m/s
    speed_floor: Scalar  # m/s, 1 sigma
    speed_share: Scalar  # of the closing speed, 1 sigma
    reach: Scalar  # m, of slant range
    speed_limit: Scalar  # m/s, of closing speed either way
    incidence_limit: Scalar  # rad, of the beam from the ground's normal
    dropout_probability: Scalar  # of losing lock, a beam and reading
    least_determinant: Scalar  # of Σ u uᵀ

    def beams_M(self, motion: Motion, time: Scalar) -> Float[Array, "beams 3"]:
        """Directions of the beams in M."""
        return jax.vmap(lambda beam_B: inertial_to_fixed(rotate(motion.attitude_IB, beam_B), time))(self.directions_B)

    def look(self, motion: Motion, ground: Terrain, time: Scalar) -> Seen:
        """What the beams meet, by a ray on the true ground each: good to a centimetre of ground, ridges in between included."""
        position_M = inertial_to_fixed(motion.position_I, time)

        def meet(beam_M):
            return self.met(ground, position_M, beam_M, cast(ground, position_M, beam_M))

        return Seen(*jax.vmap(meet)(self.beams_M(motion, time)))

    def look_by_heights(self, motion: Motion, ground: Terrain, time: Scalar) -> Seen:
        """What the beams meet, by a few heights (`cast_by_heights`). Within 0.5 % of `look` at 99 % on hills of 18° (tested), for
        20 look-ups of height in place of four casts."""
        position_M = inertial_to_fixed(motion.position_I, time)

        def meet(beam_M):
            return self.met(ground, position_M, beam_M, cast_by_heights(ground, position_M, beam_M))

        return Seen(*jax.vmap(meet)(self.beams_M(motion, time)))

    def met(self, ground: Terrain, position_M: Position, beam_M: Direction, distance: Scalar) -> tuple[Scalar, Scalar]:
        """The distance again, and the incidence cosine there."""
        normal_M = ground.normal_at(position_M + distance * beam_M, distance * self.divergence)
        return distance, jnp.maximum(-dot(normal_M, beam_M), 0.0)

    def measure(self, motion: Motion, seen: Seen, noise: Noise) -> BeamReadings:
        """Ranges, speeds and locks of the beams, and the velocity over the ground that the locked ones give."""
        u = self.directions_B
        over_ground_I = motion.velocity_I - surface_velocity(motion.position_I)
        velocity_B = rotate(inverse(motion.attitude_IB), over_ground_I)
        closing = u[:, 0] * velocity_B[0] + u[:, 1] * velocity_B[1] + u[:, 2] * velocity_B[2]
        range_spread = jnp.sqrt(self.range_floor**2 + (self.range_share * seen.distance) ** 2)
        speed_spread = jnp.sqrt(self.speed_floor**2 + (self.speed_share * closing) ** 2)
        distance = (1.0 + self.range_scale) * seen.distance + self.range_bias + range_spread * rows(noise, "doppler_range")
        speed = (1.0 + self.speed_scale) * closing + self.speed_bias + speed_spread * rows(noise, "doppler_speed")
        is_locked = (
            (self.is_there > 0.5)
            & (seen.distance < self.reach)
            & (jnp.abs(closing) < self.speed_limit)
            & (seen.incidence_cosine > jnp.cos(self.incidence_limit))
            & (ndtr(rows(noise, "doppler_lock")) >= self.dropout_probability)
        )
        solved_B, determinant = least_squares(u, speed, is_locked)
        is_valid = (jnp.sum(is_locked) >= 3) & (determinant > self.least_determinant)
        return BeamReadings(
            each=Beams(
                jnp.where(is_locked, jnp.maximum(distance, 0.0), 0.0),
                jnp.where(is_locked, speed, 0.0),
                is_locked,
            ),
            velocity_B=jnp.where(is_valid, solved_B, 0.0),
            is_valid=is_valid,
        )


def least_squares(
    directions_B: Float[Array, "beams 3"], speeds: Float[Array, " beams"], is_used: Bool[Array, " beams"]
) -> tuple[Velocity, Scalar]:
    """Velocity that meets the speeds along the used directions best, and the determinant of its normal matrix."""
    weight = jnp.where(is_used, 1.0, 0.0)
    x, y, z = (directions_B[:, k] for k in range(3))
    xx, xy, xz, yy, yz, zz = (jnp.sum(weight * a * b) for a, b in ((x, x), (x, y), (x, z), (y, y), (y, z), (z, z)))
    p, q, r = (jnp.sum(weight * a * speeds) for a in (x, y, z))
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy  # of the adjugate, which is symmetric
    d, e, f = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    determinant = xx * a + xy * b + xz * c
    solved = jnp.stack([a * p + b * q + c * r, b * p + d * q + e * r, c * p + e * q + f * r])
    return solved / jnp.where(determinant > 0.0, determinant, 1.0), determinant
