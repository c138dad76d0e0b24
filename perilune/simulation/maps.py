"""Height maps from files: the package's own cut-outs, PDS3 .IMG/.LBL and GeoTIFF, through rasterio."""

import math
import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from perilune.foundation.errors import UserError
from perilune.foundation.grid import HeightMap, height_map
from perilune.foundation.moon import RADIUS

PACKAGE = "package:"
MARGIN_DEG = 1.0  # kept around what is asked for
METRES = {"": 1.0, "m": 1.0, "meter": 1.0, "metre": 1.0, "km": 1000.0, "kilometer": 1000.0, "kilometre": 1000.0}
TALLEST = 20e3  # m: no ground on the Moon is farther from the sphere (−9.1 to +10.8 km, LOLA)


class Grid(NamedTuple):
    """Where a file's pixels lie, degrees: northern and western edge, and the side of a pixel."""

    top: float
    left: float
    spacing: float


def resolve(name: str) -> Path:
    """The file of a map name: `package:NAME` or a path to a PDS3 label, image or GeoTIFF."""
    if name.startswith(PACKAGE):
        path = Path(str(resources.files("perilune.data").joinpath(f"{name[len(PACKAGE) :]}.tif")))
        if not path.is_file():
            known = sorted(f"{PACKAGE}{p.stem}" for p in path.parent.glob("*.tif"))
            raise UserError(f"There is no map {name} in the package: it has {', '.join(known)}.")
        return path
    path = Path(name).expanduser()
    if path.suffix.lower() == ".img" and path.with_suffix(".LBL").is_file():
        path = path.with_suffix(".LBL")
    elif path.suffix.lower() == ".img" and path.with_suffix(".lbl").is_file():
        path = path.with_suffix(".lbl")
    if not path.is_file():
        raise UserError(f"Map file {name} does not exist: give package:NAME or the path of a PDS3 label or GeoTIFF.")
    return path


def grid_of(dataset, name: str) -> Grid:
    """Where the pixels lie, from the file's own reference system. Raises UserError for what is not latitude by longitude."""
    if dataset.crs is None:
        raise UserError(f"Map {name} does not say where it lies: give it a geographic or simple cylindrical reference system.")
    transform, words = dataset.transform, dataset.crs.to_dict()
    said = re.search(r'(?:SPHEROID|ELLIPSOID)\["[^"]*",([\d.]+)', dataset.crs.to_wkt())
    radius = float(said.group(1)) if said else RADIUS
    if not 0.99 * RADIUS < radius < 1.01 * RADIUS:
        raise UserError(f"Map {name} is on a body of radius {radius / 1e3:.0f} km: the Moon's is 1,737.4 km.")
    per_degree, middle, east, north = 1.0, 0.0, 0.0, 0.0
    if not dataset.crs.is_geographic:
        if words.get("proj") != "eqc" or abs(words.get("lat_ts", 0.0)) > 1e-9:
            raise UserError(
                f"Map {name} is in the projection “{words.get('proj', 'unknown')}”: only latitude by longitude and simple "
                "cylindrical maps (standard parallel 0°) are read; warp it with gdalwarp -t_srs '+proj=longlat +R=1737400'."
            )
        per_degree = math.pi / 180.0 * radius
        middle, east, north = (float(words.get(key, 0.0)) for key in ("lon_0", "x_0", "y_0"))
    slanted = max(abs(transform.b), abs(transform.d)) > 1e-9 * abs(transform.a)
    if slanted or transform.e >= 0.0 or abs(transform.a + transform.e) > 1e-6 * abs(transform.a):
        raise UserError(f"Map {name} has pixels that are not square, north up: resample it with gdalwarp -tr.")
    return Grid(
        top=(transform.f - north) / per_degree,
        left=(transform.c - east) / per_degree + middle,
        spacing=transform.a / per_degree,
    )


def check_whole(dataset, name: str) -> None:
    """Refuse a raw PDS3 image shorter than its label says: GDAL reads what is missing as zeros."""
    if dataset.driver != "PDS":
        return
    wanted = dataset.width * dataset.height * np.dtype(dataset.dtypes[0]).itemsize
    held = max(Path(file).stat().st_size for file in dataset.files if Path(file).suffix.lower() != ".lbl")
    if held < wanted:
        raise UserError(f"Map {name} cannot be read: its image has {held} bytes and its label promises {wanted}.")


def scale_of(dataset, path: Path) -> tuple[float, float]:
    """Metres per count and metres to add, so that heights count from the 1,737.4 km sphere or from the centre."""
    unit = (dataset.units[0] or "").lower()
    if path.suffix.lower() == ".lbl":
        said = re.search(r"^\s*UNIT\s*=\s*\"?(\w+)", path.read_text(errors="replace"), re.MULTILINE)
        unit = said.group(1).lower() if said else unit
    factor = METRES.get(unit)
    if factor is None:
        raise UserError(f"Map {path} has heights in “{unit}”: m and km are understood.")
    return dataset.scales[0] * factor, dataset.offsets[0] * factor


def over_sphere(heights: np.ndarray, name: str) -> np.ndarray:
    """Heights over the 1,737.4 km sphere; a map of radii from the centre is brought to it."""
    if not np.all(np.isfinite(heights)):
        raise UserError(f"Map {name} has posts without data inside the ground track: fill them first.")
    heights = heights - RADIUS if float(np.median(heights)) > 0.5 * RADIUS else heights
    highest = float(np.max(np.abs(heights)))
    if highest > TALLEST:
        raise UserError(
            f"Map {name} has ground {highest / 1e3:.0f} km from the 1,737.4 km sphere: is its unit (m or km) said rightly?"
        )
    return heights


def read_columns(dataset, first: int, count: int, rows: slice) -> np.ndarray:
    """`count` columns from `first` on, wrapping round the globe where the map does; posts without data as NaN."""
    from rasterio.windows import Window

    pieces, width = [], dataset.width
    while count > 0:
        start = first % width
        take = min(count, width - start)
        window = Window(start, rows.start, take, rows.stop - rows.start)  # type: ignore[call-arg]
        pieces.append(dataset.read(1, window=window).astype(np.float64))
        first, count = first + take, count - take
    counts = np.concatenate(pieces, axis=1)
    return counts if dataset.nodata is None else np.where(counts == dataset.nodata, np.nan, counts)


def cut_out(dataset, grid: Grid, box: tuple[float, float, float, float]) -> tuple[slice, int, int, float]:
    """Rows, first column, columns and degrees of longitude to add to the map's own, for a box with its margin."""
    south, north, west, east = box
    rows = slice(
        max(math.floor((grid.top - north - MARGIN_DEG) / grid.spacing), 0),
        min(math.ceil((grid.top - south + MARGIN_DEG) / grid.spacing), dataset.height),
    )
    is_global = abs(dataset.width * grid.spacing - 360.0) < 2.0 * grid.spacing
    turns = round(((west + east) / 2 - grid.left - dataset.width * grid.spacing / 2) / 360.0)
    shift = 0.0 if is_global else 360.0 * turns
    first = math.floor((west - MARGIN_DEG - grid.left - shift) / grid.spacing)
    last = math.ceil((east + MARGIN_DEG - grid.left - shift) / grid.spacing)
    if not is_global:
        first, last = max(first, 0), min(last, dataset.width)
    return rows, first, last - first, shift


@lru_cache(maxsize=16)
def read_map(name: str, south_deg: float, north_deg: float, west_deg: float, east_deg: float) -> HeightMap:
    """The part of a map that covers a box (degrees, west < east) with a margin. Raises UserError with one sentence."""
    import rasterio
    import rasterio.errors

    path = resolve(name)
    try:
        with rasterio.open(path) as dataset:
            check_whole(dataset, name)
            grid = grid_of(dataset, name)
            scale, offset = scale_of(dataset, path)
            rows, first, columns, shift = cut_out(dataset, grid, (south_deg, north_deg, west_deg, east_deg))
            if rows.stop - rows.start < 2 or columns < 2:
                raise UserError(
                    f"Map {name} does not cover latitude {south_deg:.2f}..{north_deg:.2f}°, "
                    f"longitude {west_deg:.2f}..{east_deg:.2f}°: choose a map of the ground track, or move the site."
                )
            counts = read_columns(dataset, first, columns, rows)
    except rasterio.errors.RasterioError as problem:
        detail = str(problem).split("\n")[0]
        raise UserError(f"Map {name} cannot be read ({detail}): is the file whole, and a PDS3 or GeoTIFF map?") from None
    heights = over_sphere(counts[::-1] * scale + offset, name)
    south = grid.top - (rows.stop - 0.5) * grid.spacing
    west = grid.left + shift + (first + 0.5) * grid.spacing
    found = height_map(heights, math.radians(south), math.radians(west), math.radians(grid.spacing))
    for latitude, longitude in ((south_deg, west_deg), (north_deg, east_deg)):
        if not found.covers(math.radians(latitude), math.radians(longitude)):
            raise UserError(
                f"Map {name} does not cover the point {latitude:.2f}°, {longitude:.2f}° of the ground track: "
                "choose a larger map, or move the site."
            )
    return found
