"""What blinds a star tracker: the Sun, the Moon's disc, and the lit part of it near the boresight.

Seen from a distance r of its centre, the Moon's disc has the half-angle η = asin(R/r), and the limb is a circle on it. With p the
unit vector to the lander, q the boresight's part across p, w = p × q and c = R/r, limb points are
n(φ) = c p + √(1 − c²)(q cos φ + w sin φ); they are lit where n · s > 0, an arc about the Sun's own azimuth, so that the nearest
lit one to the boresight's azimuth (φ = 0) is known in closed form. Where the limb at φ = 0 is dark, the terminator on the way
from it to nadir may be nearer still and is looked at too.

Exclusion angles of small trackers: Sun 25° to 45°, lit limb 10° to 30° (M, data sheets of small units; baffles differ).
"""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Attitude, Direction, Flag, Position, Scalar
from perilune.foundation.rotation import rotate
from perilune.foundation.vectors import cross, dot, norm, unit

NONE = jnp.pi  # rad: nothing lit anywhere near


class Blinding(eqx.Module):
    """Exclusion angles of a tracker, sharp; a real one grows noisy over some degrees before it loses its stars.

    Left out: the Earth (2° wide, lit or not: 1 chance in 400 for an exclusion of 5°), relief at the limb (0.1° to 0.3°), the
    lander's own plume and legs in view.
    """

    boresight_B: Direction
    sun_exclusion: Scalar  # rad, from the Sun's middle
    limb_exclusion: Scalar  # rad, from the nearest lit part of the Moon

    def is_blinded(self, attitude_IB: Attitude, position_I: Position, sun_I: Direction) -> Flag:
        """Whether the tracker has no stars: Sun or lit Moon inside the exclusion, or the boresight on the Moon's disc."""
        boresight_I = rotate(attitude_IB, self.boresight_B)
        nadir = angle_between(boresight_I, -unit(position_I))
        by_sun = (angle_between(boresight_I, sun_I) < self.sun_exclusion) & ~is_behind_moon(position_I, sun_I)
        by_moon = lit_moon_angle(boresight_I, position_I, sun_I) < self.limb_exclusion
        return by_sun | by_moon | (nadir < disc_half_angle(position_I))


def angle_between(a: Direction, b: Direction) -> Scalar:
    """Angle between two unit vectors, exact near 0 and π."""
    return jnp.arctan2(norm(cross(a, b)), dot(a, b))


def disc_half_angle(position_I: Position) -> Scalar:
    """Half-angle of the Moon's disc, rad: 90° at the surface."""
    return jnp.arcsin(jnp.minimum(RADIUS / norm(position_I), 1.0))


def is_behind_moon(position_I: Position, sun_I: Direction) -> Flag:
    """Whether the Sun's middle has set behind the Moon's limb."""
    return angle_between(sun_I, -unit(position_I)) < disc_half_angle(position_I)


def lit_moon_angle(boresight_I: Direction, position_I: Position, sun_I: Direction) -> Scalar:
    """Angle (rad) from a boresight off the Moon's disc to the nearest lit part of it; π where nothing in sight is lit.

    Nearly always exact; up to 3° too large where a point of the terminator between the two that are looked at is nearer (tested).
    """
    up = unit(position_I)
    q = unit(boresight_I - dot(boresight_I, up) * up)
    w = cross(up, q)
    off = angle_between(boresight_I, -up)  # from nadir
    half = disc_half_angle(position_I)
    cosine, sine = jnp.sin(half), jnp.cos(half)  # of the angle at the Moon's centre between the lander and the limb
    a, b, c = dot(up, sun_I), dot(q, sun_I), dot(w, sun_I)
    level, swing = cosine * a, sine * jnp.sqrt(b * b + c * c)
    share = jnp.where(swing > 1e-12, -level / jnp.maximum(swing, 1e-12), jnp.where(level > 0.0, -1.0, 1.0))
    arc = jnp.arccos(jnp.clip(share, -1.0, 1.0))  # half of the lit arc of the limb, about the Sun's azimuth
    turn = jnp.maximum(jnp.abs(jnp.arctan2(c, b)) - arc, 0.0)  # from the boresight's azimuth to the nearest lit limb
    reached = jnp.cos(half) * jnp.cos(off) + jnp.sin(half) * jnp.sin(off) * jnp.cos(turn)
    to_limb = jnp.where(share < 1.0, jnp.arccos(jnp.clip(reached, -1.0, 1.0)), NONE)
    on = jnp.arctan2(a, -b)  # at the Moon's centre, from the lander to the terminator towards φ = 0
    is_inside = (a > 0.0) & (b < 0.0) & (jnp.cos(on) > cosine)
    terminator = jnp.arctan2(cosine * jnp.sin(on), 1.0 - cosine * jnp.cos(on))  # from nadir, as the lander sees it
    return jnp.minimum(to_limb, jnp.where(is_inside, off - terminator, NONE))
