"""A height map in a file, asked for heights at places: latitude by longitude, simple cylindrical or polar stereographic."""

import math
import re
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from perilune.foundation.errors import UserError
from perilune.foundation.moon import RADIUS

PACKAGE = "package:"
METRES: dict[str, float] = dict.fromkeys(("", "m", "meter", "meters", "metre", "metres"), 1.0)
METRES |= dict.fromkeys(("km", "kilometer", "kilometers", "kilometre", "kilometres"), 1000.0)
TALLEST = 20e3  # m: no ground on the Moon is farther from the sphere (−9.1 to +10.8 km, LOLA)
MOST_PIXELS = 3e7  # read at once; larger windows are averaged while reading
COVERAGE = 1000  # pixels a side, at most, of the picture of where a map has ground
DEGREE = math.pi / 180.0


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
    """Heights over the 1,737.4 km sphere; a map of radii from the centre is brought to it. NaN stays NaN."""
    is_there = np.isfinite(heights)
    if not np.any(is_there):
        return heights
    heights = heights - RADIUS if float(np.median(heights[is_there])) > 0.5 * RADIUS else heights
    highest = float(np.max(np.abs(heights[is_there])))
    if highest > TALLEST:
        raise UserError(
            f"Map {name} has ground {highest / 1e3:.0f} km from the 1,737.4 km sphere: is its unit (m or km) said rightly?"
        )
    return heights


class Projection(NamedTuple):
    """How a file's plane lies on the sphere. Formulae: Snyder (1987), USGS Prof. Paper 1395, eqs. 12-1 and 21-5 to 21-8."""

    kind: str  # "longlat", "eqc" or "stere"
    radius: float  # m
    middle_deg: float  # central meridian
    east: float  # false easting and northing, m
    north: float
    scale: float  # of eqc: cosine of the standard parallel; of stere: at the pole
    is_south: bool  # which pole stere is about

    def place(self, latitude: np.ndarray, longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x and y in the file's units at latitudes and east longitudes (rad)."""
        turn = np.remainder(longitude - self.middle_deg * DEGREE + math.pi, 2.0 * math.pi) - math.pi
        if self.kind == "longlat":
            return np.degrees(turn) + self.middle_deg, np.degrees(latitude)
        if self.kind == "eqc":
            return self.radius * self.scale * turn + self.east, self.radius * latitude + self.north
        sign = -1.0 if self.is_south else 1.0
        distance = 2.0 * self.radius * self.scale * np.tan(math.pi / 4 - sign * latitude / 2)
        return distance * np.sin(turn) + self.east, -sign * distance * np.cos(turn) + self.north

    def turn_over(self) -> float:
        """x of one turn of longitude, in the file's units; 0 for a plane about a pole."""
        return {"longlat": 360.0, "eqc": 2.0 * math.pi * self.radius * self.scale, "stere": 0.0}[self.kind]

    def metres(self, latitude: float) -> float:
        """Metres on the ground a unit of y."""
        if self.kind == "longlat":
            return DEGREE * self.radius
        return 1.0 if self.kind == "eqc" else (1.0 + math.sin(abs(latitude))) / (2.0 * self.scale)


def projection_of(dataset, name: str) -> Projection:
    """The file's own reference system. Raises UserError for what is not read."""
    if dataset.crs is None:
        raise UserError(f"Map {name} does not say where it lies: give it a geographic, simple cylindrical or polar stereographic "
                        "reference system.")  # fmt: skip
    words = dataset.crs.to_dict()
    said = re.search(r'(?:SPHEROID|ELLIPSOID)\["[^"]*",([\d.]+)', dataset.crs.to_wkt())
    radius = float(said.group(1)) if said else RADIUS
    if not 0.99 * RADIUS < radius < 1.01 * RADIUS:
        raise UserError(f"Map {name} is on a body of radius {radius / 1e3:.0f} km: the Moon's is 1,737.4 km.")
    kind = "longlat" if dataset.crs.is_geographic else str(words.get("proj", "unknown"))
    middle, east, north = (float(words.get(key, 0.0)) for key in ("lon_0", "x_0", "y_0"))
    pole = float(words.get("lat_0", 0.0))
    north -= radius * DEGREE * pole if kind == "eqc" else 0.0  # y counts from the latitude of origin
    if kind not in ("longlat", "eqc", "stere") or (kind == "stere" and abs(abs(pole) - 90.0) > 1e-6):
        raise UserError(
            f"Map {name} is in the projection “{kind}”: latitude by longitude, simple cylindrical and polar stereographic "
            "maps are read; warp it with gdalwarp -t_srs '+proj=longlat +R=1737400'."
        )
    scale = 1.0
    if kind == "eqc":
        scale = math.cos(DEGREE * float(words.get("lat_ts", 0.0)))
    if kind == "stere":
        true, scale = words.get("lat_ts"), float(words.get("k", words.get("k_0", 1.0)))
        scale = scale if true is None else 0.5 * (1.0 + math.sin(DEGREE * abs(float(true))))
    return Projection(kind, radius, middle, east, north, scale, pole < 0.0)


class Raster:
    """A map file ready to be asked. Opened for each question, so that nothing is left open."""

    def __init__(self, name: str, is_height: bool = True):
        """`is_height`: values are heights and say their unit; else plain numbers. Raises UserError where the file is missing,
        unreadable, not of the Moon, or in a form that is not read."""
        import rasterio
        import rasterio.errors

        self.name, self.path = name, resolve(name)
        try:
            with rasterio.open(self.path) as dataset:
                check_whole(dataset, name)
                self.projection = projection_of(dataset, name)
                plain = (dataset.scales[0], dataset.offsets[0])
                self.factor, self.offset = scale_of(dataset, self.path) if is_height else plain
                self.transform, self.shape, self.files = dataset.transform, dataset.shape, tuple(dataset.files)
        except rasterio.errors.RasterioError as problem:
            raise UserError(f"Map {name} cannot be read ({first_line(problem)}): is it a PDS3 or GeoTIFF map?") from None
        if max(abs(self.transform.b), abs(self.transform.d)) > 1e-9 * abs(self.transform.a) or self.transform.e >= 0.0:
            raise UserError(f"Map {name} is turned or upside down: resample it north up with gdalwarp.")

    def pixels(self, latitude: np.ndarray, longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and column, counted from the first pixel's middle, at latitudes and east longitudes (rad)."""
        x, y = self.projection.place(latitude, longitude)
        column, row = (x - self.transform.c) / self.transform.a, (y - self.transform.f) / self.transform.e
        turn = self.projection.turn_over() / self.transform.a
        if turn > 0.0:  # longitudes may count from 0° or from −180°: the map's own turn
            column = column - turn * np.floor((column - 0.5 * (self.shape[1] - turn)) / turn)
        if self.is_round():  # labels round the side of a pixel: so many make a turn
            rows, columns = self.shape
            column, row = (0.5 * n + (k - 0.5 * n) * columns / turn for k, n in ((column, columns), (row, rows)))
        return row - 0.5, column - 0.5

    def posts_m(self, latitude: float) -> float:
        """Metres between posts, north to south."""
        return abs(self.transform.e) * self.projection.metres(latitude)

    def is_round(self) -> bool:
        """Whether the map goes all round the Moon in longitude."""
        turn = self.projection.turn_over() / self.transform.a
        return turn > 0.0 and abs(self.shape[1] - turn) < 1.5

    def heights(self, latitude: np.ndarray, longitude: np.ndarray, spacing_m: float) -> np.ndarray:
        """Heights (n,), m above the 1,737.4 km sphere, bilinear; NaN where the map has none. Averaged first over `spacing_m`."""
        row, column = self.pixels(latitude, longitude)
        rows, columns = self.shape
        wraps = self.is_round()
        if wraps:  # unroll about the middle of what is asked for
            middle = float(np.median(column))
            column = column - columns * np.round((column - middle) / columns)
        is_in = (row >= -0.5) & (row <= rows - 0.5) & (wraps | ((column >= -0.5) & (column <= columns - 0.5)))
        found = np.full(row.shape, np.nan)
        if not np.any(is_in):
            return found
        window = [math.floor(row[is_in].min()) - 1, math.ceil(row[is_in].max()) + 2,
                  math.floor(column[is_in].min()) - 1, math.ceil(column[is_in].max()) + 2]  # fmt: skip
        window[0], window[1] = max(window[0], 0), min(window[1], rows)
        if not wraps:
            window[2], window[3] = max(window[2], 0), min(window[3], columns)
        step = max(int(spacing_m / self.posts_m(float(np.mean(latitude[is_in])))), 1)
        posts, step = self.window(window, step)
        y = np.clip((row[is_in] - window[0] + 0.5) / step - 0.5, 0.0, posts.shape[0] - 1)
        x = np.clip((column[is_in] - window[2] + 0.5) / step - 0.5, 0.0, posts.shape[1] - 1)
        i, j = (np.minimum(np.floor(v).astype(int), count - 2) for v, count in zip((y, x), posts.shape, strict=True))
        y, x = y - i, x - j
        found[is_in] = (1 - y) * ((1 - x) * posts[i, j] + x * posts[i, j + 1]) + y * (
            (1 - x) * posts[i + 1, j] + x * posts[i + 1, j + 1]
        )
        return found

    def covers(self, latitude: np.ndarray, longitude: np.ndarray) -> bool:
        """Whether places (rad) all lie inside the map's frame."""
        row, column = self.pixels(latitude, longitude)
        is_in = (row >= -0.5) & (row <= self.shape[0] - 0.5)
        return bool(np.all(is_in & (self.is_round() | ((column >= -0.5) & (column <= self.shape[1] - 0.5)))))

    def coverage(self) -> tuple[np.ndarray, int]:
        """Where the map has ground, on every so manieth pixel, and how manieth."""
        step = max(math.ceil(max(self.shape) / COVERAGE), 1)
        whole = [0, self.shape[0] // step * step, 0, self.shape[1] // step * step]
        return np.isfinite(self.read(whole, step)), step

    def window(self, window: list[int], step: int) -> tuple[np.ndarray, int]:
        """Heights of a window of pixels (first and last row, first and last column), averaged over `step` by `step` of them, and
        the step taken: less where the window is not two steps wide."""
        height, width = window[1] - window[0], window[3] - window[2]
        step = max(min(step, height // 2, width // 2), 1)
        is_large = height * width > MOST_PIXELS
        whole = [window[0], window[0] + height // step * step, window[2], window[2] + width // step * step]
        counts = self.read(whole if is_large else window, step if is_large else 1)
        heights = over_sphere(counts * self.factor + self.offset, self.name)
        return (heights if is_large or step == 1 else averaged(heights, step)), step

    def read(self, window: list[int], step: int) -> np.ndarray:
        """Counts of a window, wrapping round the Moon where the map does; NaN where there are none. Raises UserError."""
        import rasterio
        import rasterio.errors
        from rasterio.enums import Resampling
        from rasterio.windows import Window

        pieces, first, left = [], window[2], window[3] - window[2]
        height = window[1] - window[0]
        try:
            with rasterio.open(self.path) as dataset:
                while left > 0:
                    start = first % dataset.width
                    take = min(left, dataset.width - start)
                    part = Window(start, window[0], take, height)  # type: ignore[call-arg]
                    shape = (max(height // step, 2), max(take // step, 1))
                    piece = dataset.read(1, window=part, out_shape=shape, resampling=Resampling.average, masked=True)
                    pieces.append(piece.astype(np.float64).filled(np.nan))
                    first, left = first + take, left - take
        except rasterio.errors.RasterioError as problem:
            raise UserError(f"Map {self.name} cannot be read ({first_line(problem)}): is the file whole?") from None
        return np.concatenate(pieces, axis=1)


def averaged(posts: np.ndarray, step: int) -> np.ndarray:
    """Means over `step` by `step` posts, of those that there are."""
    rows, columns = (count // step for count in posts.shape)
    blocks = posts[: rows * step, : columns * step].reshape(rows, step, columns, step)
    is_there = np.isfinite(blocks)
    count = is_there.sum(axis=(1, 3))
    return np.where(count > 0, np.where(is_there, blocks, 0.0).sum(axis=(1, 3)) / np.maximum(count, 1), np.nan)


def first_line(problem: Exception) -> str:
    """What went wrong, without the rest."""
    return str(problem).split("\n")[0]


def opened(names: tuple[str, ...]) -> list[Raster]:
    """The rasters of these names, in their order."""
    return [Raster(name) for name in names]
