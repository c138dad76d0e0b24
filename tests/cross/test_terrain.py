"""The true ground: against SciPy, without cracks, the same however it is asked, and rays against a brute-force march."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from perilune.foundation.moon import RADIUS
from perilune.simulation.build_terrain import Extent, Grid, ground_of, rms_difference
from perilune.simulation.mission import Detail
from perilune.simulation.raster import Raster
from perilune.world.environment.craters import crater_power
from perilune.world.environment.ray import FAR, cast
from perilune.world.environment.roughness import roughness
from perilune.world.environment.terrain import Terrain, first_posts
from validation.ground import against_a_march, fine_march, places_in, rays

RNG = np.random.default_rng(31)


@pytest.fixture(scope="module")
def ground(batch) -> Terrain:
    return batch.maps.true


@pytest.mark.parametrize("grid", range(6))
def test_heights_against_scipy(ground, grid):
    """Inside each grid, outside the finer ones, SciPy's interpolator on the same posts gives the same height."""
    rows, columns = ground.shapes[grid]
    first = first_posts(ground.shapes)[grid]
    posts = np.asarray(ground.heights)[first : first + rows * columns].reshape(rows, columns)
    spacing, corner = float(ground.spacing[grid]), np.asarray(ground.corner[grid])
    inner = 0.0 if grid == 0 else 0.5 * (ground.shapes[grid - 1][0] - 1) * float(ground.spacing[grid - 1])
    reach = 0.5 * (rows - 1) * spacing
    across = RNG.uniform(min(1.01 * inner, 0.98 * reach) if inner else -0.99 * reach, 0.99 * reach, 300)
    along = RNG.uniform(-0.99 * reach, 0.99 * reach, 300)
    if grid == len(ground.shapes) - 1:  # as wide as the one inside it, and far longer
        across, along = along, RNG.uniform(-6 * reach, -2 * reach, 300)
    places = places_in(ground, grid, across, along)
    found = jax.vmap(ground.height_at)(jnp.asarray(places))
    axes = np.asarray(ground.axes_M)
    x, y, z = (places @ axis for axis in axes)
    ticks = (corner[0] + spacing * np.arange(rows), corner[1] + spacing * np.arange(columns))
    wanted = RegularGridInterpolator(ticks, posts.astype(np.float64))(np.stack([RADIUS * z / x, RADIUS * y / x], axis=1))
    np.testing.assert_allclose(found, wanted, atol=1e-6)  # m: rounding of a place of 1e6 m on slopes under one


@pytest.mark.parametrize("grid", range(5))
def test_no_crack_at_the_border_of_a_grid(ground, grid):
    """A hair inside and a hair outside each border the ground is the same but for the float32 of its posts."""
    rows = ground.shapes[grid][0]
    half = 0.5 * (rows - 1) * float(ground.spacing[grid])
    along = RNG.uniform(-half, half, 500)
    for side in (-1.0, 1.0):
        for turned in (False, True):
            rows_of = [side * half * np.ones(500) + step for step in (-1e-6, 1e-6)]
            pairs = [(along, r) if turned else (r, along) for r in rows_of]
            inside, outside = (np.asarray(jax.vmap(ground.height_at)(jnp.asarray(places_in(ground, grid, *p)))) for p in pairs)
            assert np.max(np.abs(inside - outside)) < 2e-3  # m: two roundings of float32 at 4 km are 0.5 mm


def test_gradient_against_differences(ground):
    """Central differences over a centimetre, in the middle of cells of the finest grid."""
    whole = RNG.integers(-400, 400, (200, 2)) + 0.5
    places = places_in(ground, 0, whole[:, 0], whole[:, 1])
    _, tilt = jax.vmap(ground.height_and_gradient)(jnp.asarray(places))
    for k in range(20):
        up = places[k] / RADIUS
        side = np.cross(up, RNG.normal(size=3))
        side /= np.linalg.norm(side)
        high, low = (float(ground.height_at(jnp.asarray(places[k] + way * 0.01 * side))) for way in (1.0, -1.0))
        assert float(np.dot(tilt[k], side)) == pytest.approx((high - low) / 0.02, abs=1e-5)
        assert abs(float(np.dot(tilt[k], up))) < 1e-12


def test_ten_thousand_rays_against_brute_force(ground):
    """A march of 3,000 steps, half of them before the end, finds no ground over the ray before the cast's, and ground at it."""
    found, last, least = against_a_march(ground, *rays(ground, 10_000, RNG))
    hits = found < FAR
    assert 0.9 < np.mean(hits) < 1.0  # some graze past all ground
    assert np.max(np.abs(last[hits])) < 0.01
    assert np.min(least) > -0.01  # no ray went through ground


def test_grazing_rays_against_a_fine_march(ground):
    """No ground at any quarter of the grid's spacing along 300 rays at 80° to 89.9° before where the cast ends."""
    starts, ways = (np.asarray(x)[::3] for x in rays(ground, 900, RNG))
    found = np.asarray(jax.jit(jax.vmap(lambda p, d: cast(ground, p, d)))(starts, ways))
    assert np.min(fine_march(ground, jnp.asarray(starts), jnp.asarray(ways), jnp.asarray(found))) > -0.01


def test_a_ray_up_or_from_below(ground):
    start = jnp.asarray((1.0 + 100.0 / RADIUS) * places_in(ground, 0, np.zeros(1), np.zeros(1))[0])
    up = start / jnp.linalg.norm(start)
    assert float(cast(ground, start, up)) == FAR
    assert float(cast(ground, start - 5e3 * up, up)) == 0.0
    assert float(cast(ground, start, jnp.cross(up, jnp.asarray([0.0, 0.0, 1.0])))) >= 0.0  # along the horizon: never NaN


def test_a_ray_beside_a_border_goes_forward(ground):
    """Rays along grid lines, on them and a hair beside, end at the same ground as rays a centimetre off."""
    axes = np.asarray(ground.axes_M)
    for across in (0.0, 1e-9, -1e-9, 16.0):
        for way in (axes[1], -axes[1], axes[2], -axes[2]):
            start = places_in(ground, 0, np.array([across]), np.array([0.0]))[0]
            start = start * (1.0 + (float(ground.height_at(jnp.asarray(start))) + 2.0) / RADIUS)
            down = 0.999 * way - 0.04 * start / np.linalg.norm(start)
            down /= np.linalg.norm(down)
            found = float(cast(ground, jnp.asarray(start), jnp.asarray(down)))
            beside = float(cast(ground, jnp.asarray(start + 0.01 * (axes[1] + axes[2])), jnp.asarray(down)))
            assert 0.0 < found < 500.0
            assert found == pytest.approx(beside, rel=0.2)  # two metres up at 2.3°: 50 m, on ground that differs


MARE = Detail(
    seed=5,
    hurst_exponent=0.76,
    rms_difference_m=150.0,
    craters_over_1km_per_km2=4.8e-3,
    rocks_over_1m_per_m2=3e-4,
    rock_exponent=2.482,
)


def axes_at(latitude_deg, longitude_deg, azimuth_deg):
    """Rows: up, along a bearing, and the pole of that track."""
    a, b, c = np.radians([latitude_deg, longitude_deg, azimuth_deg])
    up = np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])
    east = np.array([-np.sin(b), np.cos(b), 0.0])
    on = np.cos(c) * np.cross(up, east) + np.sin(c) * east
    return np.stack([up, on, np.cross(up, on)])


def test_the_same_place_has_the_same_ground_for_another_track():
    """Another site 200 m away, another approach: heights near both differ by what lies between posts a metre apart."""
    rasters = [Raster("package:mare-frigoris")]
    first = ground_of(rasters, Extent(axes_at(60.5, -4.6, 0.0), (-2e5, 3e4)), MARE)
    other = ground_of(rasters, Extent(axes_at(60.505, -4.605, 70.0), (-2e4, 2e4)), MARE)
    places = jnp.asarray(places_in(first, 0, RNG.uniform(-250, 250, 2000), RNG.uniform(-250, 250, 2000)))
    gap = np.asarray(jax.vmap(first.height_at)(places) - jax.vmap(other.height_at)(places))
    assert np.std(gap) < 0.05  # m; the ground there stands 3 m rms about its plane
    again = ground_of(rasters, Extent(axes_at(60.5, -4.6, 0.0), (-2e5, 3e4)), MARE)
    assert np.array_equal(first.heights, again.heights)
    another = ground_of(rasters, Extent(axes_at(60.5, -4.6, 0.0), (-2e5, 3e4)), MARE.model_copy(update={"seed": 6}))
    assert np.std(np.asarray(first.heights[:1000] - another.heights[:1000])) > 0.1


def test_roughness_hangs_on_the_place_alone():
    way = RNG.normal(size=(1000, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    whole = roughness(way, np.array([3.0, 2.0, 1.0]), 500.0, 9)
    assert np.array_equal(roughness(way[317:320], np.array([3.0, 2.0, 1.0]), 500.0, 9), whole[317:320])


def test_differences_of_height_follow_the_craters_power():
    """Ground of craters alone: the rms difference at each lag is that of their power, 2 ∫ P (1 − J₀(kL)) 2πk dk."""
    from scipy.special import j0

    from perilune.simulation.build_terrain import dig
    from perilune.world.environment.craters import craters_about

    axes = axes_at(10.0, 20.0, 0.0)
    ticks = 4.0 * (np.arange(801) - 400)
    grid = Grid(4.0, ticks, ticks)
    squares = []
    for seed in range(6):
        heights = np.zeros((801, 801))
        dig(heights, grid, craters_about(axes[0], 2300.0, (16.0, 256.0), 4.8e-3, seed), axes)
        squares.append([rms_difference(grid, heights, lag) ** 2 for lag in (8.0, 16.0, 32.0, 64.0, 128.0)])
    k = np.geomspace(1e-4, 2.0, 4000)
    power = crater_power(k, (16.0, 256.0), 4.8e-3)
    wanted = [2.0 * np.trapezoid(power * (1.0 - j0(k * lag)) * 2.0 * np.pi * k, k) for lag in (8.0, 16.0, 32.0, 64.0, 128.0)]
    ratio = np.sqrt(np.mean(squares, axis=0) / wanted)
    assert np.all((ratio > 0.85) & (ratio < 1.15))  # ten craters over 128 m in six squares make most of it: ±10 %
