"""Nested maps, polar maps, albedo maps: what is read, and what is refused in a sentence."""

import math
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.command_line.site import Question, survey_site
from perilune.foundation.errors import UserError
from perilune.foundation.moon import RADIUS
from perilune.simulation.albedo import Albedo
from perilune.simulation.build_terrain import Extent, ground_of, inner_share, layout
from perilune.simulation.load import load
from perilune.simulation.raster import Raster
from perilune.simulation.terrain_cache import build_terrain_once
from perilune.world.environment.photometry import GROUPS, normal_albedo

POLAR = "+proj=stere +lat_0=-90 +lon_0=0 +k=1 +x_0=0 +y_0=0 +R=1737400 +units=m"
LONGLAT = "+proj=longlat +R=1737400 +no_defs"


def smooth_ground(latitude, longitude):
    """A ground that any grid of ours carries: metres at latitudes and longitudes in rad, without a seam at the pole."""
    x, y, z = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)
    return 3000.0 * x - 2000.0 * y + 1500.0 * z


def written(path, crs, transform, heights, nodata=None):
    import rasterio

    with rasterio.open(
        path, "w", driver="GTiff", height=heights.shape[0], width=heights.shape[1], count=1, dtype="float32",
        crs=rasterio.CRS.from_string(crs), transform=transform, nodata=nodata,
    ) as dataset:  # fmt: skip
        dataset.write(heights.astype("float32"), 1)
    return str(path)


def polar_map(path, half_m=300e3, post_m=1000.0):
    """The south pole on a polar stereographic plane: latitudes and longitudes by the inverse formulae (Snyder 20-14 to 20-18)."""
    from rasterio.transform import Affine

    ticks = np.arange(-half_m + 0.5 * post_m, half_m, post_m)
    x, y = np.meshgrid(ticks, -ticks)
    distance = np.hypot(x, y)
    latitude = -(np.pi / 2 - 2.0 * np.arctan(distance / (2.0 * RADIUS)))
    longitude = np.arctan2(x, y)
    return written(path, POLAR, Affine(post_m, 0, -half_m, 0, -post_m, half_m), smooth_ground(latitude, longitude))


def local_map(path, side_deg=0.4, post_deg=0.002, middle=(60.5, -4.6), change=lambda z: z, hole=None):
    """A fine map by latitude and longitude about a site of the built-in mission: the shipped ground raised by 30 m."""
    from rasterio.transform import Affine

    count = round(side_deg / post_deg)
    latitude = middle[0] + side_deg / 2 - (np.arange(count) + 0.5) * post_deg
    longitude = middle[1] - side_deg / 2 + (np.arange(count) + 0.5) * post_deg
    rows, columns = np.meshgrid(np.radians(latitude), np.radians(longitude), indexing="ij")
    around = Raster("package:mare-frigoris").heights(rows.ravel(), columns.ravel(), 0.0).reshape(rows.shape)
    heights = change(np.where(np.isfinite(around), around, 0.0) + 30.0)
    if hole is not None:
        heights[hole] = -9999.0
    transform = Affine(post_deg, 0.0, middle[1] - side_deg / 2, 0.0, -post_deg, middle[0] + side_deg / 2)
    return written(path, LONGLAT, transform, heights,
                   nodata=-9999.0)  # fmt: skip


def axes_at(latitude_deg, longitude_deg):
    a, b = np.radians([latitude_deg, longitude_deg])
    up = np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])
    east = np.array([-np.sin(b), np.cos(b), 0.0])
    north = np.cross(up, east)
    return np.stack([up, north, np.cross(up, north)])


@pytest.mark.parametrize("place", [(-89.5, 20.0), (-86.0, 170.0), (-84.0, -100.0)])
def test_a_polar_map_is_the_ground_about_the_pole(tmp_path, place):
    raster = Raster(polar_map(tmp_path / "pole.tif"))
    ground = ground_of([raster], Extent(axes_at(*place), (-4e4, 4e4)), None)
    rng = np.random.default_rng(4)
    ways = axes_at(*place)[0] + rng.uniform(-3e4, 3e4, (200, 2)) @ axes_at(*place)[1:] / RADIUS
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    found = np.asarray(jax.vmap(ground.height_at)(jnp.asarray(RADIUS * ways)))
    wanted = smooth_ground(np.arcsin(ways[:, 2]), np.arctan2(ways[:, 1], ways[:, 0]))
    assert np.max(np.abs(found - wanted)) < 0.5  # m: bilinear on 1 km posts twice, curvature 1e-6 of 3 km a post squared
    site = survey_site(Question(place[0], place[1], (str(tmp_path / "pole.tif"),), None, 20.0, kind="none"))
    assert site.at_centre(site.height_m) == pytest.approx(smooth_ground(math.radians(place[0]), math.radians(place[1])), abs=0.5)


def test_nested_maps_join_without_a_step(tmp_path):
    """The finer map, 30 m higher, is the ground at the site; far away the coarse one; and no step lies between."""
    rasters = [Raster("package:mare-frigoris"), Raster(local_map(tmp_path / "fine.tif"))]
    ground = ground_of(rasters, Extent(axes_at(60.5, -4.6), (-2e5, 3e4)), None)
    coarse = ground_of(rasters[:1], Extent(axes_at(60.5, -4.6), (-2e5, 3e4)), None)
    axes = axes_at(60.5, -4.6)
    way = axes[0][None, :] + np.linspace(-3e4, 3e4, 4001)[:, None] * axes[1][None, :] / RADIUS
    places = jnp.asarray(RADIUS * way / np.linalg.norm(way, axis=1, keepdims=True))
    raised = np.asarray(jax.vmap(ground.height_at)(places) - jax.vmap(coarse.height_at)(places))
    assert raised[2000] == pytest.approx(30.0, abs=1.5)  # m: the coarse grids there have posts 64 m apart and more
    assert abs(raised[0]) < 0.5
    assert abs(raised[-1]) < 0.5
    assert np.max(np.abs(np.diff(raised))) < 3.0  # m in 15 m; a step would be 30


REFUSED = {
    "elsewhere": ({"middle": (40.0, 3.0), "change": lambda z: 0.0 * z}, "does not overlap"),
    "no data at the site": ({"hole": (slice(90, 110), slice(90, 110))}, "has no data at the site"),
    "counts": ({"change": lambda z: 2.0 * z}, "counts, feet"),
    "feet": ({"change": lambda z: z / 0.3048}, "counts, feet"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_maps_that_do_not_nest_are_refused(tmp_path, name):
    given, words = REFUSED[name]
    rasters = [Raster("package:mare-frigoris"), Raster(local_map(tmp_path / "fine.tif", **given))]
    with pytest.raises(UserError, match=words) as caught:
        ground_of(rasters, Extent(axes_at(60.5, -4.6), (-2e5, 3e4)), None)
    assert "\n" not in str(caught.value)


def test_a_mission_may_name_several_maps(tmp_path):
    own = local_map(tmp_path / "fine.tif")
    assert load("resilience", {"site.true_map": ["package:mare-frigoris", own]}).site.true_map == ("package:mare-frigoris", own)


def test_albedo_by_group_and_by_raster(tmp_path, shared):
    """Mare at the site: mare is as bright as that, highland brighter by the ratio of their normal albedos."""
    groups = Albedo(str(shared / "data" / "photometry" / "SP_albedo_group_05x05.dat"))
    site = axes_at(60.5, -4.6)[0]
    highland, mare = axes_at(-60.0, 10.0)[0], axes_at(30.0, -20.0)[0]  # south of Clavius, and Mare Imbrium
    found = groups.relative(np.stack([site, highland, mare]), site)
    ratio = normal_albedo(GROUPS["mid"]) / normal_albedo(GROUPS["low"])
    assert found == pytest.approx([1.0, ratio, 1.0], rel=1e-12)
    from rasterio.transform import Affine

    plain = written(tmp_path / "own.tif", LONGLAT, Affine(1.0, 0, -10.0, 0, -1.0, 65.0), np.full((20, 20), 0.3))
    assert Albedo(plain).relative(np.stack([site, highland]), site) == pytest.approx([1.0, 1.0])
    bright = written(tmp_path / "counts.tif", LONGLAT, Affine(1.0, 0, -10.0, 0, -1.0, 65.0), np.full((20, 20), 120.0))
    with pytest.raises(UserError, match="reflectance goes from 0 to 1"):
        Albedo(bright).relative(np.stack([site, site]), site)
    with pytest.raises(UserError, match="says nothing at the site"):
        Albedo(plain).relative(np.stack([site]), highland)
    with pytest.raises(UserError, match="is not there"):
        Albedo(str(tmp_path / "none.dat"))


def test_a_large_finer_map_fades_in_from_its_border(tmp_path):
    """A map of 2,400 columns, whose mask of where it has ground is thinned: nothing at its border, all of it inside."""
    raster = Raster(local_map(tmp_path / "large.tif", side_deg=0.48, post_deg=0.0002))
    assert raster.coverage()[1] > 1
    latitude = np.radians(np.full(5, 60.5))
    longitude = np.radians(-4.6 + np.array([-0.24, -0.2399, -0.2, 0.0, 0.2399]))
    share = inner_share(raster, latitude, longitude, 1895.0)
    assert share[[0, 1, 4]] == pytest.approx([0.0, 0.0, 0.0], abs=1e-3)
    assert 0.0 < share[2] <= 1.0
    assert share[3] == 1.0


def test_a_latitude_of_origin_counts(tmp_path):
    """Simple cylindrical from 30° N: y is counted from there (Snyder 12-2; PROJ's lat_0)."""
    from rasterio.transform import Affine

    metres = np.pi / 180.0 * RADIUS
    rows = 31.0 - (np.arange(100) + 0.5) * 0.02
    heights = np.repeat((100.0 * rows)[:, None], 100, axis=1)
    name = written(tmp_path / "own.tif", "+proj=eqc +lat_ts=0 +lat_0=30 +lon_0=0 +R=1737400 +units=m",
                   Affine(0.02 * metres, 0.0, -1.0 * metres, 0.0, -0.02 * metres, 1.0 * metres), heights)  # fmt: skip
    found = Raster(name).heights(np.radians([30.5]), np.radians([0.0]), 0.0)
    assert found[0] == pytest.approx(3050.0, abs=0.01)


def test_a_damaged_cache_is_built_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked = [Raster("package:mare-frigoris")], Extent(axes_at(60.5, -4.6), (-2e5, 3e4)), None
    first = build_terrain_once(*asked)
    (kept,) = (tmp_path / "perilune" / "terrain").glob("*.npz")
    assert np.array_equal(build_terrain_once(*asked).heights, first.heights)
    whole = kept.read_bytes()
    for damage in (b"", whole[: len(whole) // 2], b"not an archive"):
        kept.write_bytes(damage)
        assert np.array_equal(build_terrain_once(*asked).heights, first.heights)
    assert not list(kept.parent.glob("*.part"))


def test_no_map_and_a_start_too_far_away_are_told():
    with pytest.raises(UserError, match="true_map"):
        load("resilience", {"site.true_map": []})
    with pytest.raises(UserError, match="descents begin within"):
        load("resilience", {"start.perilune_downrange_m": 3e6})


@pytest.mark.parametrize("behind", [640e3, 820e3, 880e3, 900e3, 1500e3])
def test_grids_lie_inside_one_another(behind):
    grids = layout(Extent(axes_at(60.5, -4.6), (-behind, 15e3)))
    for finer, coarser in pairwise(grids):
        for inner, outer in ((finer.across, coarser.across), (finer.along, coarser.along)):
            assert outer[0] <= inner[0] < inner[-1] <= outer[-1]
            assert ((inner[0] - outer[0]) / coarser.spacing) % 1.0 == 0.0  # on its posts
