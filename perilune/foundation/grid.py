"""Height maps on a regular latitude-longitude grid, read bilinearly."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .frames import latitude_longitude
from .moon import RADIUS
from .quantities import Position, Scalar

TURN = 2.0 * math.pi


class HeightMap(eqx.Module):
    """Heights above the 1,737.4 km sphere on posts that go north (rows) and east (columns).

    `heights` (rows, columns), float32, m; `south` and `west`: latitude and east longitude of post [0, 0];
    `spacing`: post distance, the same both ways; `shift_east`, `shift_north`, `shift_up`: how far (rad, rad, m)
    the map as read stands from where it was surveyed, zero for the truth.
    Beyond its border the map goes on with its border heights; bilinear, so continuous across cells. Longitudes may
    count from −180° or from 0°; `steepest` bounds the gradient anywhere on the map, m/m.
    """

    heights: Float[Array, "rows columns"]
    south: Scalar
    west: Scalar
    spacing: Scalar
    shift_east: Scalar
    shift_north: Scalar
    shift_up: Scalar
    steepest: Scalar
    relief: Scalar  # share of the posts' heights that is read: 1, or 0 for level ground at `shift_up`

    def cell(self, latitude: Scalar, longitude: Scalar):
        """Corner heights (south-west, south-east, north-west, north-east; m) and the place in the cell (0..1)."""
        rows, columns = self.heights.shape
        y = (latitude - self.shift_north - self.south) / self.spacing
        eastward = longitude - self.shift_east - self.west
        middle = 0.5 * (columns - 1) * self.spacing  # 355° and −5° are one place: count turns about the map's middle
        eastward = eastward - TURN * jnp.floor((eastward - middle) / TURN + 0.5)
        x = eastward / self.spacing
        y = jnp.clip(y, 0.0, rows - 1.000001)
        x = jnp.clip(x, 0.0, columns - 1.000001)
        row, column = jnp.floor(y), jnp.floor(x)
        flat, at = self.heights.reshape(-1), row.astype(jnp.int32) * columns + column.astype(jnp.int32)
        corners = [flat[at + k].astype(latitude.dtype) for k in (0, 1, columns, columns + 1)]
        return corners, x - column, y - row

    def height_and_slope(self, latitude: Scalar, longitude: Scalar) -> tuple[Scalar, Scalar, Scalar]:
        """Height above the sphere (m) and its gradient towards east and towards north (m/m), from one look at the posts."""
        posts, x, y = self.cell(latitude, longitude)
        sw, se, nw, ne = (self.relief * post for post in posts)
        metre = self.spacing * RADIUS
        height = (1 - y) * ((1 - x) * sw + x * se) + y * ((1 - x) * nw + x * ne) + self.shift_up
        east = ((1 - y) * (se - sw) + y * (ne - nw)) / (metre * jnp.cos(latitude))
        north = ((1 - x) * (nw - sw) + x * (ne - se)) / metre
        return height, east, north

    def height(self, latitude: Scalar, longitude: Scalar) -> Scalar:
        """Height above the sphere, m, at a latitude and east longitude in rad (−π..π as the map's own)."""
        return self.height_and_slope(latitude, longitude)[0]

    def slope(self, latitude: Scalar, longitude: Scalar) -> tuple[Scalar, Scalar]:
        """Gradient of the height towards east and towards north, m/m."""
        return self.height_and_slope(latitude, longitude)[1:]

    def height_at(self, position_M: Position) -> Scalar:
        """Height of the ground under (or over) a point in M, m above the sphere."""
        return self.height(*latitude_longitude(position_M))

    def covers(self, latitude: float, longitude: float) -> bool:
        """Whether a point (rad) lies inside the posts. For the border of the program, not inside `jit`."""
        rows, columns = self.heights.shape
        y = (latitude - float(self.south)) / float(self.spacing)
        eastward = longitude - float(self.west)
        middle = 0.5 * (columns - 1) * float(self.spacing)
        x = (eastward - TURN * math.floor((eastward - middle) / TURN + 0.5)) / float(self.spacing)
        return bool(0.0 <= y <= rows - 1 and 0.0 <= x <= columns - 1)


def steepest_slope(heights: np.ndarray, south: float, spacing: float) -> float:
    """Bound of the bilinear gradient over all cells, m/m: a gradient is a mean of those along two opposite edges."""
    rows = np.arange(heights.shape[0])
    metre = spacing * RADIUS
    east = np.abs(np.diff(heights, axis=1)) / (metre * np.cos(south + spacing * rows))[:, None]
    north = np.abs(np.diff(heights, axis=0)) / metre
    east, north = np.maximum(east[1:], east[:-1]), np.maximum(north[:, 1:], north[:, :-1])
    return float(np.max(np.hypot(east, north)))


def height_map(heights, south: float, west: float, spacing: float) -> HeightMap:
    """A map without shift from posts (rows, columns; m) and its corner and spacing in rad."""
    zero, one = jnp.asarray(0.0, float), jnp.asarray(1.0, float)
    steepest = steepest_slope(np.asarray(heights, np.float64), south, spacing)
    corner = [jnp.asarray(value, float) for value in (south, west, spacing)]
    bound = jnp.asarray(steepest, float)
    return HeightMap(jnp.asarray(heights, jnp.float32), corner[0], corner[1], corner[2], zero, zero, zero, bound, one)
