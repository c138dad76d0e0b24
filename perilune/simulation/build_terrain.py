"""From map files and the statistics of what no map shows to the ground that is flown over."""

import math
from itertools import pairwise
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import distance_transform_edt, map_coordinates

from perilune.foundation.errors import UserError
from perilune.foundation.moon import RADIUS
from perilune.world.environment.craters import REACH, Craters, crater_power, craters_about, depth_scale, profile_at
from perilune.world.environment.roughness import CENTRE, amplitudes, band_variance, law_constant, roughness
from perilune.world.environment.terrain import GROUPS, RATIO, Terrain

from .albedo import Albedo
from .mission import Detail
from .raster import Raster

FINEST_M = 1.0  # between the posts of the finest grid, at the site
LOCAL_CELLS = (1024, 512, 512, 512, 512)  # a side, of the grids about the site: 1.0, 2.0, 8.2, 33 and 131 km
TRACK_CELLS = (128, 1024)  # across and along, of the grid under the whole track: 131 by 1,049 km
ASIDE_M = 15e3  # to either side of the track: where maps must have ground; beyond it the nearest ground is held
RAMP_POSTS = 24  # of a finer grid: the band along its border in which it takes over from the coarser one
SMALLEST_POSTS = 3.0  # posts of a grid: the least diameter of a crater on it
LATTICE_POSTS = 2.0  # posts of a grid: the least lattice of roughness on it


class Extent(NamedTuple):
    """Where ground is wanted: `axes_M`, rows towards the site, along the track there, the track's pole; from and to how far
    along (m); how far to either side there must be ground (m); cells across and along of the outermost grid."""

    axes_M: np.ndarray
    along_m: tuple[float, float]
    aside_m: float = ASIDE_M
    cells: tuple[int, int] = TRACK_CELLS


class Grid(NamedTuple):
    """Posts of one grid in the plane of the site."""

    spacing: float  # m
    across: np.ndarray  # (rows,), m
    along: np.ndarray  # (columns,)

    def directions(self, axes_M: np.ndarray) -> np.ndarray:
        """(rows × columns, 3) unit vectors in M."""
        across, along = np.meshgrid(self.across / RADIUS, self.along / RADIUS, indexing="ij")
        way = axes_M[0] + along[..., None] * axes_M[1] + across[..., None] * axes_M[2]
        return (way / np.linalg.norm(way, axis=-1, keepdims=True)).reshape(-1, 3)


def layout(extent: Extent) -> list[Grid]:
    """The grids about a site, finest first; the last one reaches over the extent."""
    grids = []
    for k, cells in enumerate(LOCAL_CELLS):
        spacing = FINEST_M * RATIO**k
        ticks = spacing * (np.arange(cells + 1) - cells // 2)
        grids.append(Grid(spacing, ticks, ticks))
    rows, columns = extent.cells
    spacing = FINEST_M * RATIO ** len(LOCAL_CELLS)
    half = grids[-1].along[-1]  # the grid inside it lies on its posts
    near, far = (RADIUS * math.tan(way / RADIUS) for way in extent.along_m)
    near, far = min(near, -half), max(far, half)
    while (columns - 2) * spacing < far - near or rows * spacing < 2.0 * grids[-1].along[-1]:
        spacing *= RATIO
    first = math.floor(0.5 * (near + far) / spacing) - columns // 2
    grids.append(Grid(spacing, spacing * (np.arange(rows + 1) - rows // 2), spacing * (first + np.arange(columns + 1))))
    return grids


def ground_of(rasters: list[Raster], extent: Extent, detail: Detail | None, albedo: Albedo | None = None) -> Terrain:
    """The ground of a site with its track, from maps (coarse to fine) and the statistics of what lies below them, as bright as
    the site (or, with `albedo`, brighter or darker as that says).

    Raises UserError where the maps do not cover the track or say nothing at the site, or contradict each other.
    """
    grids = layout(extent)
    places = [grid.directions(extent.axes_M) for grid in grids]
    bases = [mapped(rasters, grid, place) for grid, place in zip(grids, places, strict=True)]
    check_maps(rasters, grids, bases, extent)
    bases = [held(base) for base in bases]
    if detail is not None:
        spectrum = spectrum_below(grids, bases, finest_posts(rasters, extent.axes_M[0]), detail)
        for grid, base, place in zip(grids, bases, places, strict=True):
            base += spectrum.heights(grid, place, extent.axes_M)
    ground = assembled(grids, without_cracks(grids, bases), extent.axes_M)
    if albedo is None:
        return ground
    relative = albedo.relative(places[-1], extent.axes_M[0]).reshape(ground.brightness.shape)
    return eqx.tree_at(lambda one: one.brightness, ground, jnp.asarray(relative, jnp.float32))


def mapped(rasters: list[Raster], grid: Grid, places: np.ndarray) -> np.ndarray:
    """(rows, columns) heights of the maps alone; each finer map fades in from its border."""
    latitude, longitude = np.arcsin(np.clip(places[:, 2], -1.0, 1.0)), np.arctan2(places[:, 1], places[:, 0])
    found = np.full(len(places), np.nan)
    coarser_m = 0.0
    for raster in rasters:
        heights = raster.heights(latitude, longitude, grid.spacing)
        share = inner_share(raster, latitude, longitude, coarser_m)
        is_there = np.isfinite(heights)
        share = np.where(is_there, np.where(np.isfinite(found), share, 1.0), 0.0)
        below = np.where(share < 1.0, (1.0 - share) * found, 0.0)  # NaN only where the finer map is all there is
        found = np.where(share > 0.0, share * np.where(is_there, heights, 0.0) + below, found)
        coarser_m = raster.posts_m(float(np.median(latitude)))
    return found.reshape(len(grid.across), len(grid.along))


def inner_share(raster: Raster, latitude: np.ndarray, longitude: np.ndarray, coarser_m: float) -> np.ndarray:
    """Weight of a map over the coarser one: 0 at its border and at holes, 1 from one post of the coarser map on (a tenth of the
    map's side, if that is less), smooth between."""
    if coarser_m == 0.0:
        return np.ones_like(latitude)
    mask, step = raster.coverage()
    row, column = raster.pixels(latitude, longitude)
    post = raster.posts_m(float(np.median(latitude)))
    turns = 1 if raster.is_round() else 0  # a map that goes round has no border in longitude
    inside = distance_transform_edt(np.pad(np.tile(mask, (1, 1 + 2 * turns)), 1))
    ramp = min(coarser_m, 0.1 * min(raster.shape) * post) / (post * step)
    place = np.stack([(row + 0.5) / step + 0.5, (column + 0.5) / step + 0.5 + turns * mask.shape[1]])
    depth = map_coordinates(inside, place, order=1, mode="constant") - 0.5  # from the border, in cells of the mask
    return smooth(np.clip(depth / max(ramp, 2.0), 0.0, 1.0))


def smooth(share: np.ndarray) -> np.ndarray:
    """0…1 with level ends."""
    return share * share * (3.0 - 2.0 * share)


def finest_posts(rasters: list[Raster], site_M: np.ndarray) -> float:
    """Metres between the posts of the finest map that has ground at the site."""
    latitude, longitude = math.asin(site_M[2]), math.atan2(site_M[1], site_M[0])
    place = np.array([latitude]), np.array([longitude])
    over = [raster for raster in rasters if np.isfinite(raster.heights(*place, 0.0)[0])]
    return min(raster.posts_m(latitude) for raster in over or rasters)


def degrees_of(site_M: np.ndarray) -> str:
    """A place in words."""
    return f"{math.degrees(math.asin(site_M[2])):.2f}°, {math.degrees(math.atan2(site_M[1], site_M[0])):.2f}°"


def within(grid: Grid, extent: Extent) -> np.ndarray:
    """(rows, columns) posts of a grid where there must be ground."""
    near, far = (RADIUS * math.tan(way / RADIUS) for way in extent.along_m)
    return (np.abs(grid.across) <= extent.aside_m)[:, None] & ((grid.along >= near) & (grid.along <= far))[None, :]


def check_maps(rasters: list[Raster], grids: list[Grid], bases: list[np.ndarray], extent: Extent) -> None:
    """Raises UserError with one sentence for maps that leave the ground track bare or contradict each other."""
    axes_M = extent.axes_M
    site, latitude = axes_M[0], np.array([math.asin(axes_M[0][2])])
    longitude = np.array([math.atan2(site[1], site[0])])
    first = rasters[0]
    for grid, base in zip(grids, bases, strict=True):
        bare = np.argwhere(~np.isfinite(base) & within(grid, extent))
        if len(bare):
            row, column = (int(k) for k in bare[len(bare) // 2])
            way = site + grid.along[column] / RADIUS * axes_M[1] + grid.across[row] / RADIUS * axes_M[2]
            raise UserError(
                f"Map {first.name} has no ground at {degrees_of(way / np.linalg.norm(way))}, under the track to the site "
                f"{degrees_of(site)}: give a coarse map of the whole track first and finer ones after it."
            )
    for around, finer in pairwise(rasters):
        own = finer.heights(latitude, longitude, 0.0)
        if finer.covers(latitude, longitude) and not np.isfinite(own[0]):
            raise UserError(f"Map {finer.name} has no data at the site {degrees_of(site)}: fill it there, or leave the map out.")
        coarse_m = around.posts_m(float(latitude[0]))
        grid = (
            next((one for one in grids if np.ptp(one.along) > 16.0 * coarse_m), grids[-1]) if np.isfinite(own[0]) else grids[-1]
        )
        ways = grid.directions(axes_M)
        places = np.arcsin(ways[:, 2]), np.arctan2(ways[:, 1], ways[:, 0])
        there = finer.heights(*places, coarse_m)
        if not np.any(np.isfinite(there)):
            raise UserError(
                f"Map {finer.name} does not overlap the ground track of the site {degrees_of(site)}: maps are nested, "
                "each inside the coarser one before it."
            )
        check_scale(finer, there, around.heights(*places, coarse_m))


def check_scale(finer: Raster, there: np.ndarray, around: np.ndarray) -> None:
    """Refuse a map whose heights, averaged over a post of the map around it, stand a kilometre off from that or have another
    relief by a factor of two: counts, feet, another datum. Gentler mistakes on level ground cannot be told this way."""
    is_both = np.isfinite(there) & np.isfinite(around)
    if is_both.sum() < 100:
        return
    gap = float(np.median(there[is_both] - around[is_both]))
    if abs(gap) > 1000.0:
        raise UserError(
            f"Map {finer.name} stands {gap:+,.0f} m from the map around it: are its heights counts, feet, or from another sphere "
            "than 1,737.4 km?"
        )
    relief = [float(np.std(part[is_both])) for part in (there, around)]
    if relief[1] > 30.0 and not 0.5 < relief[0] / relief[1] < 1.9:
        raise UserError(
            f"Map {finer.name} has {relief[0] / relief[1]:.2f} times the relief of the map around it: are its heights counts, "
            "feet or something else than metres?"
        )


def held(base: np.ndarray) -> np.ndarray:
    """The ground where there is none taken from the nearest post."""
    is_bare = ~np.isfinite(base)
    if not np.any(is_bare):
        return base
    nearest = np.asarray(distance_transform_edt(is_bare, return_distances=False, return_indices=True))
    return base[tuple(nearest)]


class Spectrum(NamedTuple):
    """What lies below the finest map's posts: octaves of roughness, and craters."""

    lattice_m: float  # of the first octave
    amplitudes_m: np.ndarray  # of the octaves
    craters_m: tuple[float, float]  # diameters
    detail: Detail

    def heights(self, grid: Grid, places: np.ndarray, axes_M: np.ndarray) -> np.ndarray:
        """(rows, columns) heights on a grid, m: of each kind as much as the grid's posts can carry."""
        shape = len(grid.across), len(grid.along)
        octaves = int(np.sum(self.lattice_m * 0.5 ** np.arange(len(self.amplitudes_m)) >= LATTICE_POSTS * grid.spacing))
        found = np.zeros(shape)
        if octaves:
            found += roughness(places, self.amplitudes_m[:octaves], self.lattice_m, self.detail.seed).reshape(shape)
        least = max(self.craters_m[0], SMALLEST_POSTS * grid.spacing)
        if least < self.craters_m[1]:
            middle = axes_M[0] + grid.along[shape[1] // 2] / RADIUS * axes_M[1]
            reach = 0.5 * math.hypot(np.ptp(grid.across), np.ptp(grid.along))
            near = craters_about(
                middle / np.linalg.norm(middle), reach, (least, self.craters_m[1]), self.detail.craters_over_1km_per_km2,
                self.detail.seed,
            )  # fmt: skip
            dig(found, grid, near, axes_M)
        return found


def spectrum_below(grids: list[Grid], bases: list[np.ndarray], posts_m: float, detail: Detail) -> Spectrum:
    """Craters up to the size of the map's posts, and roughness for what they leave of the map's own law, carried on below them.

    The rms height difference that the map has over two posts about the site (or that `detail` says), with the exponent of
    `detail`, gives the power of each octave; of it the craters' own power there is taken off, and an octave that they fill
    gets none.
    """
    grid, base = next((g, b) for g, b in zip(grids, bases, strict=True) if np.ptp(g.along) >= 12.0 * posts_m or g is grids[-1])
    deviation = detail.rms_difference_m or rms_difference(grid, base, 2.0 * posts_m)
    constant = law_constant(deviation, 2.0 * posts_m, detail.hurst_exponent)
    lattice = CENTRE * posts_m / (math.pi * math.sqrt(2.0))  # its band begins where the map's ends, at k = π a post
    octaves = max(math.floor(math.log2(lattice / (LATTICE_POSTS * FINEST_M))) + 1, 0)
    middle = CENTRE / (lattice * 0.5 ** np.arange(octaves))
    craters = (SMALLEST_POSTS * FINEST_M, max(posts_m, SMALLEST_POSTS * FINEST_M))
    variance = band_variance(constant, detail.hurst_exponent, middle)
    if octaves and craters[1] > craters[0]:
        ticks = middle[:, None] * np.geomspace(math.sqrt(0.5), math.sqrt(2.0), 9)[None, :]
        power = crater_power(ticks.ravel(), craters, detail.craters_over_1km_per_km2).reshape(ticks.shape)
        variance = variance - np.trapezoid(2.0 * math.pi * power * ticks, ticks, axis=1)
    return Spectrum(lattice, amplitudes(variance, detail.hurst_exponent), craters, detail)


def rms_difference(grid: Grid, heights: np.ndarray, lag_m: float) -> float:
    """Root mean square of height differences a lag apart, both ways over a grid, m."""
    step = max(round(lag_m / grid.spacing), 1)
    across, along = heights[step:] - heights[:-step], heights[:, step:] - heights[:, :-step]
    return math.sqrt(0.5 * (float(np.mean(across**2)) + float(np.mean(along**2))))


def dig(heights: np.ndarray, grid: Grid, craters: Craters, axes_M: np.ndarray) -> None:
    """Add craters to a grid's heights (rows, columns), in place.

    Distances in a crater's neighbourhood by the plane's metric at its centre: with X and Y along and across over R and
    W = 1 + X² + Y², ds² = R² [(1 + Y²) dX² − 2XY dX dY + (1 + X²) dY²]/W².
    """
    site, track, pole = (craters.centre_M @ axis for axis in axes_M)
    along, across = track / site, pole / site
    weight = 1.0 + along**2 + across**2
    metric = np.stack([1.0 + across**2, -along * across, 1.0 + along**2]) / weight**2
    scale = craters.diameter * depth_scale(craters.diameter)
    reach = REACH * craters.diameter * weight  # m in the plane, at the widest
    for k in range(len(craters.diameter)):
        rows = span(grid.across, RADIUS * across[k], reach[k])
        columns = span(grid.along, RADIUS * along[k], reach[k])
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        dy = (grid.across[rows] - RADIUS * across[k])[:, None]
        dx = (grid.along[columns] - RADIUS * along[k])[None, :]
        distance = np.sqrt(metric[0, k] * dx * dx + 2.0 * metric[1, k] * dx * dy + metric[2, k] * dy * dy)
        heights[rows, columns] += scale[k] * profile_at(distance / craters.diameter[k], float(craters.age[k]))


def span(ticks: np.ndarray, middle: float, reach: float) -> slice:
    """The posts within a reach."""
    step = ticks[1] - ticks[0]
    first, last = math.ceil((middle - reach - ticks[0]) / step), math.floor((middle + reach - ticks[0]) / step)
    return slice(max(first, 0), min(last + 1, len(ticks)))


def without_cracks(grids: list[Grid], bases: list[np.ndarray]) -> list[np.ndarray]:
    """Each grid faded, along its border, into the bilinear surface of the one around it; its outermost posts lie on that."""
    found = [bases[-1]]
    for k in range(len(grids) - 2, -1, -1):
        grid, base = grids[k], bases[k]
        around, coarse = found[0], grids[k + 1]
        rows = (grid.across - coarse.across[0]) / coarse.spacing
        columns = (grid.along - coarse.along[0]) / coarse.spacing
        surface = map_coordinates(around, np.meshgrid(rows, columns, indexing="ij"), order=1)
        steps = [np.minimum(np.arange(n), np.arange(n)[::-1]) for n in base.shape]
        share = smooth(np.clip(np.minimum(steps[0][:, None], steps[1][None, :]) / RAMP_POSTS, 0.0, 1.0))
        found.insert(0, np.where(share > 0.0, surface + share * (base - surface), surface))
    return found


def roofs_over(grids: list[Grid], posts: list[np.ndarray]) -> list[np.ndarray]:
    """The highest ground of every cell of every grid, of the finer grids in it, and of groups of the coarsest grid's cells."""
    roofs: list[np.ndarray] = []
    for k, (grid, heights) in enumerate(zip(grids, posts, strict=True)):
        roof = np.maximum.reduce([heights[1:, 1:], heights[1:, :-1], heights[:-1, 1:], heights[:-1, :-1]])
        if k:
            finer = grids[k - 1]
            over = grouped(roofs[-1], round(grid.spacing / finer.spacing))
            row = round((finer.across[0] - grid.across[0]) / grid.spacing)
            column = round((finer.along[0] - grid.along[0]) / grid.spacing)
            place = slice(row, row + over.shape[0]), slice(column, column + over.shape[1])
            roof[place] = np.maximum(roof[place], over)
        roofs.append(roof)
    for _ in range(GROUPS):
        roofs.append(grouped(roofs[-1], RATIO))
    return roofs


def grouped(roof: np.ndarray, count: int) -> np.ndarray:
    """The highest of every `count` by `count` cells; the last ones of a row or column may be fewer."""
    rows, columns = (-(-size // count) for size in roof.shape)
    padded = np.full((rows * count, columns * count), -np.inf, roof.dtype)
    padded[: roof.shape[0], : roof.shape[1]] = roof
    return padded.reshape(rows, count, columns, count).max(axis=(1, 3))


def assembled(grids: list[Grid], posts: list[np.ndarray], axes_M: np.ndarray) -> Terrain:
    """The terrain of finished grids."""
    single = [heights.astype(np.float32) for heights in posts]
    roofs = roofs_over(grids, single)
    return Terrain(
        heights=jnp.asarray(np.concatenate([heights.ravel() for heights in single])),
        roofs=jnp.asarray(np.concatenate([roof.ravel() for roof in roofs])),
        axes_M=jnp.asarray(axes_M),
        corner=jnp.asarray([[grid.across[0], grid.along[0]] for grid in grids]),
        spacing=jnp.asarray([grid.spacing for grid in grids]),
        brightness=jnp.ones(single[-1].shape, jnp.float32),
        lowest=jnp.asarray(min(float(heights.min()) for heights in single), jnp.float64),
        highest=jnp.asarray(max(float(heights.max()) for heights in single), jnp.float64),
        shapes=tuple(heights.shape for heights in single),
    )
