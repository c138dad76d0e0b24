"""The ground about the touchdown, post by post: what no orbital map has."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from perilune.foundation.quantities import Scalar

from .rows import Line

POSTS = 65  # on a side
SPACING = 0.125  # m: 8 m of ground, and no less than four posts under a footpad's width of ground in a rock's
BLOCK = 32  # places looked up together


class Patch(eqx.Module):
    """Heights on a square grid of posts in L, rows going north and columns east, its middle post over the origin of L.

    Bilinear between posts, so continuous; beyond the border the slope of the border's cell goes on, so that a plane stays one.
    """

    heights: Float[Array, "posts posts"]  # m, along up
    spacing: Scalar  # m

    def look(self, east: Line, north: Line) -> tuple[Line, Line, Line]:
        """Height (m) and its gradient towards east and north (m/m) at places (m)."""
        posts = self.heights.shape[0]
        x = east / self.spacing + 0.5 * (posts - 1)
        y = north / self.spacing + 0.5 * (posts - 1)
        column = jnp.clip(jnp.floor(x), 0.0, posts - 2.0)
        row = jnp.clip(jnp.floor(y), 0.0, posts - 2.0)
        at = row.astype(jnp.int32) * posts + column.astype(jnp.int32)
        flat = self.heights.reshape(-1)
        sw, se, nw, ne = (flat.at[at + k].get(mode="clip") for k in (0, 1, posts, posts + 1))
        x, y = x - column, y - row
        slant = ne - nw - se + sw
        inner_x, inner_y = jnp.clip(x, 0.0, 1.0), jnp.clip(y, 0.0, 1.0)
        to_east = (se - sw) + inner_y * slant
        to_north = (nw - sw) + inner_x * slant
        height = sw + x * (se - sw) + y * (nw - sw) + inner_x * inner_y * slant
        return height, to_east / self.spacing, to_north / self.spacing


def posts_of(posts: int = POSTS, spacing_m: float = SPACING) -> tuple[np.ndarray, np.ndarray]:
    """East and north (posts, posts; m) of the posts of a patch."""
    ticks = (np.arange(posts) - 0.5 * (posts - 1)) * spacing_m
    east, north = np.meshgrid(ticks, ticks)
    return east, north


def patch_of(height: Callable[[np.ndarray, np.ndarray], np.ndarray], posts: int = POSTS, spacing_m: float = SPACING) -> Patch:
    """A patch of heights (m) given as a function of east and north (m)."""
    east, north = posts_of(posts, spacing_m)
    heights = np.broadcast_to(np.asarray(height(east, north), np.float64), east.shape)
    return Patch(jnp.asarray(heights), jnp.asarray(spacing_m, float))


def sloping(angle_rad: float, uphill_azimuth_rad: float = 0.0, posts: int = POSTS, spacing_m: float = SPACING) -> Patch:
    """A plane through the origin that rises by an angle towards an azimuth (rad, from north over east)."""
    rise = np.tan(angle_rad)
    to_east, to_north = rise * np.sin(uphill_azimuth_rad), rise * np.cos(uphill_azimuth_rad)
    return patch_of(lambda east, north: to_east * east + to_north * north, posts, spacing_m)


def with_rocks(patch: Patch, places: np.ndarray, diameters: np.ndarray) -> Patch:
    """The patch with half-buried spheres: places (n, 2; east and north, m) and diameters (n; m).

    A rock stands half its diameter above the ground at its middle; between posts it is as smooth as the posts make it. It takes
    loads as the soil does: stiffer it would be, and a pad on its edge would slip off no sooner.
    """
    heights, spacing = np.array(patch.heights), float(patch.spacing)
    east, north = posts_of(heights.shape[0], spacing)
    ground = patch_heights(patch, np.asarray(places, np.float64))
    for (x, y), diameter, base in zip(np.asarray(places, np.float64), np.asarray(diameters, np.float64), ground, strict=True):
        square = 0.25 * diameter**2 - (east - x) ** 2 - (north - y) ** 2
        top = base + np.sqrt(np.maximum(square, 0.0))
        heights = np.where(square > 0.0, np.maximum(heights, top), heights)
    return Patch(jnp.asarray(heights), patch.spacing)


def patch_heights(patch: Patch, places: np.ndarray) -> np.ndarray:
    """Heights (n; m) at places (n, 2; east and north, m)."""
    padded = np.zeros((-(-len(places) // BLOCK) * BLOCK, 2))  # few shapes, so that hardly any is compiled
    padded[: len(places)] = places
    return np.asarray(heights_at(patch, padded[:, 0], padded[:, 1]))[: len(places)]


@jax.jit
def heights_at(patch: Patch, east: Line, north: Line) -> Line:
    """Heights (m) at places (m)."""
    return patch.look(east, north)[0]
