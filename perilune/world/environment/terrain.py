"""The ground as it is: heights on nested grids about a landing site, each finer than the one around it.

All grids lie in one plane, the gnomonic one of the site: a point of direction n has the coordinates along = R n_y/n_x and
across = R n_z/n_x on the axes (site, along the track, pole of the track). Great circles are straight there, and so is every
ray's way over the ground (Snyder 1987, USGS Prof. Paper 1395, §22). No pole and no date line is near. Posts of a finer grid at
its border lie on the surface of the coarser one, so that the ground has no crack, and one look-up of four posts costs the same
far and near.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Count, Direction, Matrix, Position, Scalar, Vector
from perilune.foundation.vectors import dot, unit

RATIO = 4  # between the posts of one grid and the next
GROUPS = 2  # of roofs over the coarsest grid, each over RATIO × RATIO of the ones under it
LEAST_COSINE = 0.2  # 78° from the site the plane is held, so that no point divides by zero


class Terrain(eqx.Module):
    """Heights above the 1,737.4 km sphere, float32, on grids of posts; bilinear inside a cell, held beyond the outermost.

    `heights`: the posts of all grids, finest grid first, by rows (across) of columns (along). `roofs`: the highest ground over
    each cell of each grid, finer grids in it counted, and over groups of cells: what a ray may pass without a look below.
    `axes_M`, rows: towards the site, along the track there, the track's pole.
    """

    heights: Float[Array, " posts"]
    roofs: Float[Array, " cells"]
    axes_M: Matrix
    corner: Float[Array, "grids 2"]  # m, across and along, of each grid's first post
    spacing: Float[Array, " grids"]  # m in the plane, true at the site and up to 1/cos² longer than on the ground away from it
    brightness: Float[Array, "rows columns"]  # reflectance over the site's, on the outermost grid's posts; float32
    lowest: Scalar  # m, of all posts
    highest: Scalar
    shapes: tuple[tuple[int, int], ...] = eqx.field(static=True)  # posts across and along of each grid

    def plane(self, position_M: Position) -> tuple[Scalar, Scalar, Scalar]:
        """Across and along (m) in the plane, and the cosine of the way from the site."""
        x, y, z = (dot(self.axes_M[i], position_M) for i in range(3))
        cosine = x / jnp.sqrt(x * x + y * y + z * z)
        scale = RADIUS / jnp.maximum(x, LEAST_COSINE * jnp.sqrt(x * x + y * y + z * z))
        return scale * z, scale * y, cosine

    def grid_at(self, across: Scalar, along: Scalar, least: Scalar | float = 0.0) -> Count:
        """Number of the finest grid over a place (m) with posts `least` m apart or more; the outermost, where there is none."""
        up, on = (across - self.corner[:, 0]) / self.spacing, (along - self.corner[:, 1]) / self.spacing
        rows, columns = jnp.asarray(self.shapes, jnp.float64).T
        is_over = (up >= 0.0) & (up < rows - 1.0) & (on >= 0.0) & (on < columns - 1.0) & (self.spacing >= least)
        is_over = is_over | (jnp.arange(len(self.shapes)) == len(self.shapes) - 1)
        return jnp.argmax(is_over).astype(jnp.int32)

    def cell(self, across: Scalar, along: Scalar, least: Scalar | float = 0.0):
        """Heights (m) of a cell's posts (first; next along; next across; both), the place in it (0…1), and its side (m)."""
        grid = self.grid_at(across, along, least)
        rows, columns = jnp.asarray(self.shapes, jnp.int32).T
        spacing, stride = self.spacing[grid], columns[grid]
        most_x, most_y = (count[grid].astype(jnp.float64) - 1.000001 for count in (columns, rows))
        x = jnp.clip((along - self.corner[grid, 1]) / spacing, 0.0, most_x)
        y = jnp.clip((across - self.corner[grid, 0]) / spacing, 0.0, most_y)
        column, row = jnp.floor(x), jnp.floor(y)
        first = jnp.asarray(first_posts(self.shapes), jnp.int32)[grid]
        posts = self.posts(first + row.astype(jnp.int32) * stride + column.astype(jnp.int32), stride)
        return posts, x - column, y - row, spacing

    def posts(self, first: Count, stride: Count) -> list[Scalar]:
        """Heights of a cell's posts from the number of its first one and the posts in a row, m."""
        return [self.heights[first + k].astype(jnp.float64) for k in (jnp.zeros_like(stride), 1, stride, stride + 1)]

    def height_at(self, position_M: Position) -> Scalar:
        """Height of the ground under (or over) a point in M, m above the sphere."""
        across, along, _ = self.plane(position_M)
        posts, x, y, _ = self.cell(across, along)
        return bilinear(posts, x, y)

    def height_and_gradient(self, position_M: Position, least: Scalar | float = 0.0) -> tuple[Scalar, Vector]:
        """Height (m above the sphere) and its gradient, a tangent vector in M (m/m), on posts `least` m apart or more.

        With a = y/x and b = z/x the plane's coordinates, ∇a = (e_y − a e_x)/x and ∇b = (e_z − b e_x)/x are tangent to the sphere.
        """
        across, along, cosine = self.plane(position_M)
        posts, x, y, spacing = self.cell(across, along, least)
        sw, se, nw, ne = posts
        height = bilinear(posts, x, y)
        by_along = ((1.0 - y) * (se - sw) + y * (ne - nw)) / spacing
        by_across = ((1.0 - x) * (nw - sw) + x * (ne - se)) / spacing
        site_M, track_M, pole_M = self.axes_M[0], self.axes_M[1], self.axes_M[2]
        tilt = by_along * (track_M - along / RADIUS * site_M) + by_across * (pole_M - across / RADIUS * site_M)
        return height, tilt / jnp.maximum(cosine, LEAST_COSINE)

    def brightness_at(self, position_M: Position) -> Scalar:
        """Reflectance of the ground under a point in M over that at the site."""
        across, along, _ = self.plane(position_M)
        rows, columns = self.shapes[-1]
        x = jnp.clip((along - self.corner[-1, 1]) / self.spacing[-1], 0.0, columns - 1.000001)
        y = jnp.clip((across - self.corner[-1, 0]) / self.spacing[-1], 0.0, rows - 1.000001)
        column, row = jnp.floor(x).astype(jnp.int32), jnp.floor(y).astype(jnp.int32)
        posts = [self.brightness[row + k, column + m].astype(x.dtype) for k in (0, 1) for m in (0, 1)]
        return bilinear(posts, x - column.astype(x.dtype), y - row.astype(x.dtype))

    def normal_at(self, position_M: Position, least: Scalar | float = 0.0) -> Direction:
        """Unit normal of the ground under a point, in M."""
        return unit(unit(position_M) - self.height_and_gradient(position_M, least)[1])


def bilinear(posts: list[Scalar], x: Scalar, y: Scalar) -> Scalar:
    """Height at a place (0…1) in a cell."""
    return (1.0 - y) * ((1.0 - x) * posts[0] + x * posts[1]) + y * ((1.0 - x) * posts[2] + x * posts[3])


def first_posts(shapes) -> list[int]:
    """Where each grid's posts begin."""
    firsts = [0]
    for rows, columns in shapes:
        firsts.append(firsts[-1] + rows * columns)
    return firsts


def roof_shapes(shapes) -> list[tuple[int, int]]:
    """Cells across and along of each layer of roofs: those of the grids, then groups of the coarsest one's."""
    found = [(rows - 1, columns - 1) for rows, columns in shapes]
    for _ in range(GROUPS):
        rows, columns = found[-1]
        found.append((-(-rows // RATIO), -(-columns // RATIO)))
    return found
