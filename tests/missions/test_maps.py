"""Maps from files: whatever lies by latitude and longitude is read to the metre; the rest is refused in one sentence."""

import math
import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation.errors import UserError
from perilune.foundation.frames import direction_to
from perilune.foundation.moon import RADIUS
from perilune.simulation.load import load
from perilune.simulation.maps import read_map
from perilune.simulation.scenario import read_maps

GEOGRAPHIC = "+proj=longlat +R=1737400 +no_defs"
CYLINDRICAL = "+proj=eqc +lat_ts=0 +lon_0=180 +R=1737400 +units=m +no_defs"
METRES_PER_DEGREE = math.pi / 180.0 * RADIUS
BOX = (60.4, 60.6, -4.7, -4.5)  # south, north, west, east, degrees


def plane(latitude, longitude):
    """A tilted ground, m over the sphere, that bilinear reading gives back exactly."""
    return 1000.0 + 200.0 * (latitude - 60.5) - 150.0 * (longitude + 4.6)


def written(path, crs=GEOGRAPHIC, spacing=0.01, squeeze=1.0, dtype="float64", factor=1.0, offset=0.0, **tags):
    """A GeoTIFF of `plane` around the site: spacing in degrees, `squeeze` of the rows' height."""
    import rasterio
    from rasterio.transform import Affine

    count = round(0.4 / spacing)
    west, north = -4.8, 60.7
    longitude = west + (np.arange(count) + 0.5) * spacing
    latitude = north - (np.arange(count) + 0.5) * spacing * squeeze
    posts = (plane(latitude[:, None], longitude[None, :]) + offset) * factor
    unit, left = 1.0, west
    if "longlat" not in crs:
        unit, left = METRES_PER_DEGREE, west + 360.0 - 180.0 if "lon_0=180" in crs else west
    transform = Affine(spacing * unit, 0, left * unit, 0, -spacing * squeeze * unit, north * unit)
    with rasterio.open(
        path, "w", driver="GTiff", height=count, width=count, count=1, dtype=dtype,
        crs=rasterio.CRS.from_string(crs) if crs else None, transform=transform, nodata=tags.get("nodata"),
    ) as dataset:  # fmt: skip
        dataset.write(posts.astype(dtype), 1)
        if "unit" in tags:
            dataset.units = (tags["unit"],)
    return str(path)


READABLE = {
    "degrees": {},
    "simple cylindrical, metres, 303 m posts": {"crs": CYLINDRICAL},
    "simple cylindrical, metres, 9 m posts": {"crs": CYLINDRICAL, "spacing": 0.0003},
    "kilometres": {"factor": 1e-3, "unit": "km"},
    "pixels that are not square": {"squeeze": 0.9},
    "radii": {"offset": RADIUS},
    "radii in kilometres": {"offset": RADIUS, "factor": 1e-3, "unit": "km"},
}


@pytest.mark.parametrize("name", READABLE)
def test_every_readable_form_gives_the_same_ground(tmp_path, name):
    ground = read_map(written(tmp_path / "map.tif", **READABLE[name]), *BOX)
    for latitude, longitude in ((60.5, -4.6), (60.43, -4.67), (60.58, -4.52)):
        found = float(ground.height(jnp.asarray(math.radians(latitude)), jnp.asarray(math.radians(longitude))))
        assert found == pytest.approx(plane(latitude, longitude), abs=0.01)  # m: float32 posts, exact interpolation


REFUSED = {
    "oblique stereographic": ({"crs": "+proj=stere +lat_0=60 +R=1737400 +units=m"}, "projection “stere”"),
    "Mercator": ({"crs": "+proj=merc +R=1737400 +units=m"}, "projection “merc”"),
    "no reference system": ({"crs": ""}, "does not say where it lies"),
    "the Earth": ({"crs": "+proj=longlat +datum=WGS84"}, "radius 6378 km"),
    "feet": ({"unit": "ft"}, "in “ft”"),
    "metres said to be kilometres": ({"unit": "km"}, "is its unit"),
    "no data": ({"nodata": plane(60.7 - 19.5 * 0.01, -4.8 + 19.5 * 0.01)}, "without data"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_rest_is_refused_in_a_sentence(tmp_path, name):
    given, words = REFUSED[name]
    with pytest.raises(UserError, match=words) as caught:
        read_map(written(tmp_path / "map.tif", **given), *BOX)
    assert "\n" not in str(caught.value)


LABEL = """PDS_VERSION_ID = "PDS3"
RECORD_TYPE = FIXED_LENGTH
RECORD_BYTES = 80
FILE_RECORDS = 40
^IMAGE = "OWN.IMG"
DESCRIPTION = "Radii of a sphere of 1737.4 KILOMETER; the word here is no unit."
OBJECT = IMAGE
  LINES = 40
  LINE_SAMPLES = 40
  SAMPLE_TYPE = LSB_INTEGER
  SAMPLE_BITS = 16
  UNIT = METER
  SCALING_FACTOR = 0.5
  OFFSET = 1737400.
END_OBJECT = IMAGE
OBJECT = IMAGE_MAP_PROJECTION
  MAP_PROJECTION_TYPE = "SIMPLE CYLINDRICAL"
  MAP_RESOLUTION = 4 <pix/deg>
  MAP_SCALE = 7580.84 <m/pix>
  A_AXIS_RADIUS = 1737.4 <km>
  B_AXIS_RADIUS = 1737.4 <km>
  C_AXIS_RADIUS = 1737.4 <km>
  POSITIVE_LONGITUDE_DIRECTION = "EAST"
  CENTER_LATITUDE = 0 <deg>
  CENTER_LONGITUDE = 180 <deg>
  LINE_PROJECTION_OFFSET = 259.5 <pix>
  SAMPLE_PROJECTION_OFFSET = -680.5 <pix>
  MAXIMUM_LATITUDE = 65 <deg>
  MINIMUM_LATITUDE = 55 <deg>
  WESTERNMOST_LONGITUDE = 350 <deg>
  EASTERNMOST_LONGITUDE = 360 <deg>
END_OBJECT = IMAGE_MAP_PROJECTION
END
"""


def pds3(folder):
    """A PDS3 image of 10° around the site, laid out as the LOLA products are: half-metre counts, label apart."""
    latitude, longitude = 65.0 - (np.arange(40) + 0.5) / 4, -10.0 + (np.arange(40) + 0.5) / 4
    counts = np.round(plane(latitude[:, None], longitude[None, :]) / 0.5).astype("<i2")
    (folder / "OWN.LBL").write_text(LABEL.replace("\n", "\r\n"))
    (folder / "OWN.IMG").write_bytes(counts.tobytes())
    return folder


def test_pds3_label_and_image(tmp_path):
    folder = pds3(tmp_path)
    for name in ("OWN.LBL", "OWN.IMG"):
        ground = read_map(str(folder / name), *BOX)
        found = float(ground.height(jnp.asarray(math.radians(60.5)), jnp.asarray(math.radians(-4.6))))
        assert found == pytest.approx(plane(60.5, -4.6), abs=0.5)  # m: half-metre counts, a label with six digits of scale


def test_truncated_pds3_image(tmp_path):
    folder = pds3(tmp_path)
    (folder / "OWN.IMG").write_bytes((folder / "OWN.IMG").read_bytes()[:1000])
    with pytest.raises(UserError, match="cannot be read"):
        read_map(str(folder / "OWN.LBL"), *BOX)


def test_shipped_files_are_those_of_the_manifest():
    import hashlib
    import json
    from importlib import resources

    folder = resources.files("perilune.data")
    entries = json.loads(folder.joinpath("manifest.json").read_text())
    assert {entry["file"] for entry in entries} == {p.name for p in folder.iterdir() if p.name.endswith((".tif", ".csv"))}
    for entry in entries:
        assert hashlib.sha256(folder.joinpath(entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["file"]


def test_the_onboard_map_may_not_be_as_good_as_the_truth():
    with pytest.raises(UserError, match=r"site\.onboard_map has posts 1895 m apart"):
        read_maps(load("resilience", {"site.onboard_map": "package:mare-frigoris"}))


def test_a_map_error_names_its_key():
    with pytest.raises(UserError, match=r"resilience: site\.onboard_map: Map file nowhere\.tif does not exist"):
        read_maps(load("resilience", {"site.onboard_map": "nowhere.tif"}))


def test_the_cut_out_is_the_global_map(shared):
    """What ships is LDEM_16 as the PDS label gives it, wherever the braking phase passes."""
    ours = read_map("package:mare-frigoris", 40.0, 60.5, -8.0, -3.0)
    whole = read_map(str(shared / "data" / "dem" / "LDEM_16.LBL"), 40.0, 60.5, -8.0, -3.0)
    for latitude, longitude in ((41.3, -7.7), (50.02, -5.1), (60.5, -4.6)):
        point = jnp.asarray(math.radians(latitude)), jnp.asarray(math.radians(longitude))
        assert float(ours.height(*point)) == pytest.approx(float(whole.height(*point)), abs=0.01)  # m, float32


def test_site_outside_the_map():
    with pytest.raises(UserError, match="has no ground at"):
        read_maps(load("resilience", {"site.longitude_deg": 44.4}))


def test_missing_map():
    with pytest.raises(UserError, match="does not exist"):
        read_maps(load("resilience", {"site.true_map": "nowhere.LBL"}))
    with pytest.raises(UserError, match="There is no map package:atlas"):
        read_maps(load("resilience", {"site.true_map": "package:atlas"}))


def test_truncated_map(tmp_path):
    import perilune

    whole = f"{perilune.__path__[0]}/data/mare-frigoris.tif"
    cut = tmp_path / "cut.tif"
    cut.write_bytes(Path(whole).read_bytes()[:60_000])
    with pytest.raises(UserError, match="cannot be read"):
        read_maps(load("resilience", {"site.true_map": str(cut)}))


def test_own_geotiff_is_the_same_ground(tmp_path, resilience):
    import perilune

    own = tmp_path / "own.tif"
    shutil.copy(f"{perilune.__path__[0]}/data/mare-frigoris.tif", own)
    mine, theirs = read_maps(load("resilience", {"site.true_map": str(own)})), read_maps(resilience)
    assert np.array_equal(mine.true.heights, theirs.true.heights)


def test_maps_of_a_mission_file_lie_beside_it(tmp_path, monkeypatch):
    from importlib import resources

    folder = tmp_path / "mine"
    folder.mkdir()
    text = resources.files("perilune.missions").joinpath("resilience.toml").read_text()
    (folder / "own.toml").write_text(text.replace('"package:mare-frigoris"', '"ground.tif"'))
    shutil.copy(str(resources.files("perilune.data").joinpath("mare-frigoris.tif")), folder / "ground.tif")
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(read_maps(load("mine/own.toml")).true.heights, read_maps(load("resilience")).true.heights)


def test_longitude_may_count_from_zero():
    """A site at 355.4° E is the site at 4.6° W, on the same ground."""
    ours = read_maps(load("resilience")).true
    other = read_maps(load("resilience", {"site.longitude_deg": 355.4})).true
    places = [direction_to(jnp.asarray(math.radians(60.5)), jnp.asarray(math.radians(lon))) for lon in (-4.6, 355.4)]
    heights = [float(m.height_at(RADIUS * place)) for m in (ours, other) for place in places]
    assert heights == pytest.approx([heights[0]] * 4, abs=1e-6)  # m: rounding of a turn
    assert heights[0] == pytest.approx(-2435.0, abs=20.0)  # m, data/MANIFEST.md, and what lies below the map
