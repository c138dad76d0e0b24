"""Height maps from files: the package's own cut-outs, PDS3 .IMG/.LBL and GeoTIFF, through rasterio."""

import math
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np

from perilune.foundation.errors import UserError
from perilune.foundation.grid import HeightMap, height_map
from perilune.foundation.moon import RADIUS

PACKAGE = "package:"
MARGIN_DEG = 1.0  # kept around what is asked for


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


def scale_of(dataset, path: Path) -> tuple[float, float]:
    """Metres per count and metres to add, so that heights count from the 1,737.4 km sphere."""
    unit = (dataset.units[0] or "").lower()
    label = path.read_text(errors="replace") if path.suffix.lower() == ".lbl" else ""
    if "KILOMETER" in label.upper():
        unit = "km"
    factor = {"": 1.0, "m": 1.0, "meter": 1.0, "metre": 1.0, "km": 1000.0}.get(unit)
    if factor is None:
        raise UserError(f"Map {path} has heights in “{unit}”: m and km are understood.")
    offset = dataset.offsets[0] * factor
    offset = offset - RADIUS if offset > 1.0e6 else offset
    return dataset.scales[0] * factor, offset


def read_columns(dataset, first: int, count: int, rows: slice) -> np.ndarray:
    """`count` columns from `first` on, wrapping round the globe where the map does."""
    from rasterio.windows import Window

    pieces, width = [], dataset.width
    while count > 0:
        start = first % width
        take = min(count, width - start)
        window = Window(start, rows.start, take, rows.stop - rows.start)  # type: ignore[call-arg]
        pieces.append(dataset.read(1, window=window))
        first, count = first + take, count - take
    return np.concatenate(pieces, axis=1)


@lru_cache(maxsize=16)
def read_map(name: str, south_deg: float, north_deg: float, west_deg: float, east_deg: float) -> HeightMap:
    """The part of a map that covers a box (degrees, west < east) with a margin. Raises UserError with one sentence."""
    import rasterio
    import rasterio.errors

    path = resolve(name)
    try:
        with rasterio.open(path) as dataset:
            degree = abs(dataset.transform.a)
            metre_grid = degree > 10.0  # a cylindrical map in metres on the sphere, as GDAL gives a PDS3 label
            per_degree = math.pi / 180.0 * RADIUS if metre_grid else 1.0
            spacing = degree / per_degree
            top = dataset.transform.f / per_degree
            left = dataset.transform.c / per_degree
            if metre_grid:
                left += longitude_of_origin(dataset)
            scale, offset = scale_of(dataset, path)
            first_row = math.floor((top - north_deg - MARGIN_DEG) / spacing)
            last_row = math.ceil((top - south_deg + MARGIN_DEG) / spacing)
            rows = slice(max(first_row, 0), min(last_row, dataset.height))
            is_global = abs(dataset.width * spacing - 360.0) < 2.0 * spacing
            shift = 360.0 * round(((west_deg + east_deg) / 2 - left - dataset.width * spacing / 2) / 360.0)
            first = math.floor((west_deg - MARGIN_DEG - left - (0.0 if is_global else shift)) / spacing)
            last = math.ceil((east_deg + MARGIN_DEG - left - (0.0 if is_global else shift)) / spacing)
            if not is_global:
                first, last = max(first, 0), min(last, dataset.width)
            if rows.stop - rows.start < 2 or last - first < 2:
                raise UserError(
                    f"Map {name} does not cover latitude {south_deg:.2f}..{north_deg:.2f}°, "
                    f"longitude {west_deg:.2f}..{east_deg:.2f}°: choose a map of the ground track, or move the site."
                )
            counts = read_columns(dataset, first, last - first, rows).astype(np.float64)
            if dataset.nodata is not None and np.any(counts == dataset.nodata):
                raise UserError(f"Map {name} has posts without data inside the ground track: fill them first.")
    except rasterio.errors.RasterioError as problem:
        detail = str(problem).split("\n")[0]
        raise UserError(f"Map {name} cannot be read ({detail}): is the file whole, and a PDS3 or GeoTIFF map?") from None
    if not np.all(np.isfinite(counts)):
        raise UserError(f"Map {name} has posts without data inside the ground track: fill them first.")
    heights = counts[::-1] * scale + offset
    south = top - (rows.stop - 0.5) * spacing
    west = left + (0.0 if is_global else shift) + (first + 0.5) * spacing
    found = height_map(heights, math.radians(south), math.radians(west), math.radians(spacing))
    for latitude, longitude in ((south_deg, west_deg), (north_deg, east_deg)):
        if not found.covers(math.radians(latitude), math.radians(longitude)):
            raise UserError(
                f"Map {name} does not cover the point {latitude:.2f}°, {longitude:.2f}° of the ground track: "
                "choose a larger map, or move the site."
            )
    return found


def longitude_of_origin(dataset) -> float:
    """Central meridian of a projected map, degrees."""
    text = dataset.crs.to_wkt() if dataset.crs else ""
    for key in ("central_meridian", "Longitude of natural origin"):
        if key in text:
            tail = text.split(key, 1)[1].lstrip('",= ')
            return float(tail.split(",")[0].split("]")[0])
    return 0.0
