"""Where a ray meets the ground: from roof to roof down to the cell, and there by the root of a parabola.

A ray's way over the gnomonic plane is straight, so it leaves a square of it at a distance known in closed form, and its lowest
radius on the way is at the far end or at the point nearest the Moon's centre. Where that lies over the square's roof (the
highest ground in it), the ray goes on to the square's far side; else a smaller square is asked, down to a cell of the finest grid
there: the quadtree of maxima of Tevs, Ihrke and Seidel (2008, Proc. I3D, “Maximum mipmaps for fast, accurate, and scalable
dynamic height field rendering”). In a cell the height over the ground is a parabola along the ray but for the Moon's
curvature; its first root is polished by Newton's rule.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Count, Direction, Flag, Position, Scalar, Vector
from perilune.foundation.vectors import dot

from .terrain import RATIO, Terrain, bilinear, first_posts, roof_shapes

FAR = 1e7  # m: what a ray that meets no ground returns
MOST_STEPS = 6000  # a ray that grazes the whole of the finest grid takes a few thousand
NUDGE = 1e-4  # m past a border, so that the next square is the one beyond it
POLISH = 2  # steps of Newton's rule


class Ray(eqx.Module):
    """A ray in the terrain's axes (towards the site, along, pole), m."""

    origin: Vector
    direction: Vector
    slope: Scalar  # of half the squared radius at the origin, m
    square: Scalar  # of the radius at the origin, m²

    def over_sphere(self, t: Scalar) -> Scalar:
        """Height over the 1,737.4 km sphere at a distance, m."""
        return jnp.sqrt(self.square + t * (2.0 * self.slope + t)) - RADIUS

    def place(self, t: Scalar) -> tuple[Scalar, Scalar]:
        """Across and along in the plane at a distance, m."""
        x, y, z = (self.origin[i] + t * self.direction[i] for i in range(3))
        scale = RADIUS / jnp.maximum(x, 1.0)
        return scale * z, scale * y

    def turn(self, axis: int) -> Scalar:
        """The sense in which a plane coordinate (axis 1: along, 2: across) changes, all the way: x²/R times its rate."""
        return self.direction[axis] * self.origin[0] - self.origin[axis] * self.direction[0]

    def leaves(self, at: Scalar, coordinate: Scalar, low_edge: Scalar, size: Scalar, axis: int) -> Scalar:
        """Distance to the border of a square in one coordinate, which is `coordinate` (m) at the distance `at` (m).

        Reckoned on from there, so that a ray that runs beside a border by less than rounding still goes forward.
        """
        edge = low_edge + jnp.where(self.turn(axis) > 0.0, size, 0.0)
        x = self.origin[0] + at * self.direction[0]
        rate = self.direction[axis] - edge / RADIUS * self.direction[0]
        way = x * (edge - coordinate) / RADIUS / jnp.where(rate == 0.0, 1.0, rate)
        return jnp.where((rate == 0.0) | (way < 0.0), FAR, at + way)

    def span(self, top: Scalar, bottom: Scalar) -> tuple[Scalar, Scalar]:
        """Distances between which ground between two spheres (m over the 1,737.4 km one) can be met; the second is less
        than the first for a ray that passes over all of it."""
        closest = self.slope * self.slope - self.square
        high, low = closest + (RADIUS + top) ** 2, closest + (RADIUS + bottom) ** 2
        half, inner = jnp.sqrt(jnp.maximum(high, 0.0)), jnp.sqrt(jnp.maximum(low, 0.0))
        first = jnp.maximum(jnp.where(self.square > (RADIUS + top) ** 2, -self.slope - half, 0.0), 0.0)
        goes_through = (low > 0.0) & (-self.slope - inner > 0.0)
        return first, jnp.where(high > 0.0, jnp.where(goes_through, -self.slope - inner, half - self.slope), -1.0)


class Square(NamedTuple):
    """A square of one layer of roofs: a cell of a grid, or a group of cells of the coarsest."""

    across: Scalar  # m, its lower borders
    along: Scalar
    size: Scalar  # m
    roof: Scalar  # m over the sphere
    is_inside: Flag  # whether the layer reaches here
    is_cell: Flag  # whether nothing finer lies here
    posts: list[Scalar]  # m, of a cell
    held: tuple[Scalar, Scalar]  # m, lower borders of the cell whose posts these are: another one only beyond the outermost grid

    def height(self, across: Scalar, along: Scalar) -> Scalar:
        """Height of the ground at a place in the cell, m."""
        x = jnp.clip((along - self.held[1]) / self.size, 0.0, 1.0)
        y = jnp.clip((across - self.held[0]) / self.size, 0.0, 1.0)
        return bilinear(self.posts, x, y)


def square_at(ground: Terrain, across: Scalar, along: Scalar, layer: Count, ray: Ray) -> Square:
    """The square of a layer (0: the finest grid's cells) over a place; on a border, the one that the ray goes into. Beyond the
    outermost grid its border goes on."""
    shapes, grids = roof_shapes(ground.shapes), len(ground.shapes)
    rows, columns = jnp.asarray(shapes, jnp.float64).T
    sides = jnp.asarray([float(RATIO ** max(k - grids + 1, 0)) for k in range(len(shapes))])
    grid = jnp.minimum(layer, grids - 1)
    corner, size = ground.corner[grid], ground.spacing[grid] * sides[layer]
    row, column = below((across - corner[0]) / size, ray.turn(2)), below((along - corner[1]) / size, ray.turn(1))
    is_inside = (row >= 0.0) & (row < rows[layer]) & (column >= 0.0) & (column < columns[layer])
    held_row, held_column = jnp.clip(row, 0.0, rows[layer] - 1.0), jnp.clip(column, 0.0, columns[layer] - 1.0)
    roof = jnp.asarray(first_posts(shapes), jnp.int32)[layer] + (held_row * columns[layer] + held_column).astype(jnp.int32)
    stride = columns[grid].astype(jnp.int32) + 1
    is_grid = layer < grids
    post = jnp.asarray(first_posts(ground.shapes), jnp.int32)[grid] + jnp.where(
        is_grid, held_row.astype(jnp.int32) * stride + held_column.astype(jnp.int32), 0
    )
    return Square(
        across=corner[0] + row * size,
        along=corner[1] + column * size,
        size=size,
        roof=ground.roofs[roof].astype(across.dtype),
        is_inside=is_inside | (layer >= grids - 1),
        is_cell=is_grid & (ground.grid_at(across, along) == layer),
        posts=ground.posts(post, stride),
        held=(corner[0] + held_row * size, corner[1] + held_column * size),
    )


def below(place: Scalar, turn: Scalar) -> Scalar:
    """The whole number below a place, or on it, as something moving up or down comes to it."""
    return jnp.where(turn < 0.0, jnp.ceil(place) - 1.0, jnp.floor(place))


def first_root(start: Scalar, middle: Scalar, end: Scalar) -> tuple[Scalar, Flag]:
    """Where on 0…1 the parabola through three heights first comes down to zero, and whether it does."""
    bend = 2.0 * (start + end - 2.0 * middle)
    rate = end - start - bend
    inside = rate * rate - 4.0 * bend * start
    root = jnp.sqrt(jnp.maximum(inside, 0.0))
    share = 2.0 * start / jnp.maximum(root - rate, 1e-300)  # the lesser root, without cancellation
    comes_down = (inside >= 0.0) & (root > rate) & (share <= 1.0)
    return jnp.where(start <= 0.0, 0.0, jnp.where(comes_down, share, 1.0)), (start <= 0.0) | comes_down | (end <= 0.0)


def height_in(ground: Terrain, ray: Ray, t: Scalar) -> Scalar:
    """Height of a ray over the ground at a distance, m."""
    posts, x, y, _ = ground.cell(*ray.place(t))
    return ray.over_sphere(t) - bilinear(posts, x, y)


def cast(ground: Terrain, position_M: Position, direction_M: Direction) -> Scalar:
    """Distance (m) along a unit direction to the first ground, to 1 cm; FAR for a ray that meets none; 0 from below it."""
    origin, direction = (jnp.stack([dot(ground.axes_M[i], v) for i in range(3)]) for v in (position_M, direction_M))
    ray = Ray(origin, direction, dot(origin, direction), dot(origin, origin))
    first, last = ray.span(ground.highest + 1.0, ground.lowest - 1.0)
    top = len(ground.shapes) + 1

    def step(state):
        count, t, layer, _ = state
        across, along = ray.place(t + NUDGE)
        here = square_at(ground, across, along, layer, ray)
        ahead = jnp.minimum(
            ray.leaves(t + NUDGE, across, here.across, here.size, 2), ray.leaves(t + NUDGE, along, here.along, here.size, 1)
        )
        ahead = jnp.minimum(jnp.maximum(ahead, t + NUDGE), last + 1.0)
        is_clear = ray.over_sphere(jnp.clip(-ray.slope, t, ahead)) > here.roof
        ways = [t + part * (ahead - t) for part in (0.0, 0.5, 1.0)]
        share, comes_down = first_root(*(ray.over_sphere(w) - here.height(*ray.place(w)) for w in ways))
        is_found = here.is_cell & ~is_clear & comes_down
        passes = here.is_inside & ~is_found & (is_clear | here.is_cell)
        t = jnp.where(is_found, t + share * (ahead - t), jnp.where(passes, ahead, t))
        layer = jnp.where(passes | ~here.is_inside, jnp.minimum(layer + 1, top), jnp.where(is_found, layer, layer - 1))
        return count + 1, t, layer, is_found

    def goes_on(state):
        count, t, _, is_found = state
        return ~is_found & (t <= last) & (count < MOST_STEPS)

    start = (jnp.asarray(0, jnp.int32), first, jnp.asarray(top, jnp.int32), jnp.asarray(False))
    _, t, _, is_found = lax.while_loop(goes_on, step, start)

    def newton(_, t):
        here, on = height_in(ground, ray, t), height_in(ground, ray, t + 1e-3)
        rate = (on - here) / 1e-3
        is_steep = (jnp.abs(rate) > 1e-3) & (jnp.abs(here) < 1.0)  # a ray that began under the ground stays where it is
        return jnp.maximum(t + jnp.where(is_steep, jnp.clip(-here / jnp.where(is_steep, rate, 1.0), -1.0, 1.0), 0.0), 0.0)

    return jnp.where(is_found, lax.fori_loop(0, POLISH, newton, t), FAR)


ROUNDS = 3  # of heights asked for along a ray


def cast_by_heights(ground: Terrain, position_M: Position, direction_M: Direction) -> Scalar:
    """Distance (m) along a unit direction by a few heights: from the sphere of the ground under its beginning, each round goes on
    to the sphere of the ground where the last one ended. FAR for a ray that meets none of these.

    An error shrinks by slope × tan(angle off nadir) a round, so this is for rays less than 45° off nadir on ground of less than
    30°; ridges in between are not seen.
    """
    slope, square = dot(position_M, direction_M), dot(position_M, position_M)

    def down_to(_, distance):
        height = ground.height_at(position_M + distance * direction_M)
        inside = slope * slope - square + (RADIUS + height) ** 2
        return jnp.where((inside > 0.0) & (slope < 0.0), -slope - jnp.sqrt(jnp.maximum(inside, 0.0)), FAR)

    return jnp.maximum(lax.fori_loop(0, 1 + ROUNDS, down_to, jnp.zeros_like(slope)), 0.0)
