"""Sunlight on the ground: the horizon that terrain raises, and how much of the Sun stands over it."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Direction, Flag, Scalar
from perilune.foundation.vectors import dot, norm

from .ray import FAR, cast
from .terrain import Terrain

SUN_RADIUS = 6.957e8 / 1.495978707e11  # rad, angular, at one astronomical unit (IAU 2015 resolution B3, IAU 2012 B2)
NEAREST = 0.005  # posts: nearer ground is the cell that the eye stands on, whose slope the first sample has
SPACING = 0.01  # of the distance, between samples


def look_out(post: float, reach: float) -> np.ndarray:
    """Distances (m) at which a horizon is looked for, a hundredth of themselves apart, to `reach` m.

    A crest between two of them is missed by half their distance times its slope against the line of sight: by 0.005 s rad
    on ground of slope s, near as far.
    """
    count = max(int(np.ceil(np.log(max(reach / (NEAREST * post), 2.0)) / SPACING)), 2)
    return np.geomspace(NEAREST * post, max(reach, 2.0 * NEAREST * post), count)


def horizon(ground: Terrain, place_M: Direction, toward_M: Direction, eye_height: float, distances: Float[Array, " n"]) -> Scalar:
    """Elevation (rad) of the horizon that the ground makes at a place, towards a body.

    `place_M`, `toward_M`: unit vectors from the Moon's centre to the place and to (or along) the body, which must not stand in
    the zenith; `eye_height`: m over the ground; `distances` along the sphere, m (`look_out`). A point at arc γ and radius ρ
    stands at atan2(ρ cos γ − r, ρ sin γ) over the level plane of an eye at radius r; the horizon is the highest of them.
    """
    level = toward_M - dot(toward_M, place_M) * place_M
    level = level / jnp.maximum(norm(level), 1e-12)
    own = RADIUS + ground.height_at(place_M) + eye_height
    arc = distances / RADIUS
    along, on = jnp.cos(arc), jnp.sin(arc)
    points = along[:, None] * place_M[None, :] + on[:, None] * level[None, :]
    radius = RADIUS + jax.vmap(ground.height_at)(points)
    return jnp.max(jnp.arctan2(radius * along - own, radius * on))


def is_lit(ground: Terrain, place_M: Direction, toward_M: Direction, height: Scalar | float = 0.1) -> Flag:
    """Whether a point `height` m over the ground at a place (unit vector in M) sees the middle of the Sun in the direction
    `toward_M`: a ray that meets no ground. For one point this is exact to a centimetre of ground and cheaper than a horizon."""
    start_M = (RADIUS + ground.height_at(RADIUS * place_M) + height) * place_M
    return cast(ground, start_M, toward_M) >= FAR


def share_over(elevation: Scalar, horizon_elevation: Scalar) -> Scalar:
    """Share of the Sun's disc (0…1) over a level horizon line: the segment of a circle, ½ + (x √(1 − x²) + asin x)/π."""
    x = jnp.clip((elevation - horizon_elevation) / SUN_RADIUS, -1.0, 1.0)
    return 0.5 + (x * jnp.sqrt(1.0 - x * x) + jnp.arcsin(x)) / jnp.pi


def elevation_of(place_M: Direction, ground_height: Scalar, body_M: Float[Array, "3"]) -> Scalar:
    """Elevation (rad) of a body at `body_M` (m, from the Moon's centre) over the level plane of a place on the ground."""
    way = body_M - (RADIUS + ground_height) * place_M
    return jnp.arcsin(dot(way, place_M) / norm(way))
