"""The map that is carried on board: a latitude-longitude grid cut out of a file."""

import math
from functools import lru_cache

import numpy as np

from perilune.foundation.errors import UserError
from perilune.foundation.grid import HeightMap, height_map
from perilune.foundation.moon import RADIUS

from .raster import Raster

MARGIN_DEG = 1.0  # kept around what is asked for, where the file has it


def posts_about(raster: Raster, low_deg: float, high_deg: float, spacing_deg: float, is_east: bool) -> np.ndarray:
    """Latitudes or east longitudes (degrees) of a file's own posts over a span with its margin; of a plane about a pole, which
    has none, evenly spaced ones."""
    plane, transform = raster.projection, raster.transform
    first = 0.0
    if raster.is_round() and is_east:  # labels round the side of a pixel: so many make a turn
        first = plane.middle_deg - 180.0 + 0.5 * spacing_deg if plane.kind == "eqc" else transform.c + 0.5 * spacing_deg
    elif plane.kind != "stere":
        per_degree = 1.0 if plane.kind == "longlat" else math.radians(plane.radius) * (plane.scale if is_east else 1.0)
        edge = transform.c - plane.east if is_east else transform.f - plane.north
        middle = plane.middle_deg if is_east and plane.kind == "eqc" else 0.0
        first = edge / per_degree + middle + math.copysign(0.5 * spacing_deg, transform.a if is_east else transform.e)
    low = math.floor((low_deg - MARGIN_DEG - first) / spacing_deg)
    return first + spacing_deg * np.arange(low, math.ceil((high_deg + MARGIN_DEG - first) / spacing_deg) + 1)


@lru_cache(maxsize=16)
def read_map(name: str, south_deg: float, north_deg: float, west_deg: float, east_deg: float) -> HeightMap:
    """The part of a map that covers a box (degrees, west < east) with a margin. Raises UserError with one sentence.

    A map by latitude and longitude keeps its own posts; another is read at posts as far apart as its own.
    """
    raster = Raster(name)
    spacing_deg = math.degrees(raster.posts_m(math.radians(0.5 * (south_deg + north_deg))) / RADIUS)
    if raster.is_round():
        spacing_deg = 360.0 / raster.shape[1]
    elif raster.projection.kind == "longlat":
        spacing_deg = abs(raster.transform.e)
    corners = np.array([(south_deg, west_deg), (south_deg, east_deg), (north_deg, west_deg), (north_deg, east_deg)])
    latitude = posts_about(raster, south_deg, north_deg, spacing_deg, False)
    longitude = posts_about(raster, west_deg, east_deg, spacing_deg, True)
    across, along = np.meshgrid(np.radians(np.clip(latitude, -90.0, 90.0)), np.radians(longitude), indexing="ij")
    heights = raster.heights(across.ravel(), along.ravel(), 0.0).reshape(across.shape)
    rows = np.flatnonzero((latitude >= south_deg - spacing_deg) & (latitude <= north_deg + spacing_deg))
    columns = np.flatnonzero((longitude >= west_deg - spacing_deg) & (longitude <= east_deg + spacing_deg))
    wanted = heights[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    for point in corners:
        if not raster.covers(np.radians(point[:1]), np.radians(point[1:])):
            raise UserError(
                f"Map {name} does not cover the point {point[0]:.2f}°, {point[1]:.2f}° of the ground track: choose a larger map, "
                "or move the site."
            )
    if not np.all(np.isfinite(wanted)):
        raise UserError(f"Map {name} has posts without data inside the ground track: fill them first.")
    rows, columns = (np.flatnonzero(np.all(np.isfinite(part), axis=axis)) for part, axis in
                     ((heights[:, columns], 1), (heights[rows], 0)))  # fmt: skip
    kept = heights[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    kept = np.where(np.isfinite(kept), kept, float(np.mean(wanted)))  # holes in the margin, beyond what is flown over
    return height_map(kept, math.radians(latitude[rows[0]]), math.radians(longitude[columns[0]]), math.radians(spacing_deg))
