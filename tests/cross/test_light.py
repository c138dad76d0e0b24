"""Shadow against a brute-force march towards the Sun; the disc's share against a count of its points; sites against history."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.assessment.site import square
from perilune.command_line.site import Question, figures_of, ground_about, moment_of, survey_site
from perilune.foundation.errors import UserError
from perilune.foundation.moon import RADIUS
from perilune.simulation.build_terrain import Grid, assembled
from perilune.simulation.ground_kinds import KINDS
from perilune.simulation.raster import opened
from perilune.world.environment.light import NEAREST, SUN_RADIUS, elevation_of, horizon, is_lit, look_out, share_over

RNG = np.random.default_rng(11)
DEGREE = np.pi / 180.0


AXES_M = np.array([[0.6, 0.48, 0.64], [-0.8, 0.36, 0.48], [0.0, -0.8, 0.6]])  # towards a site, along, pole


def brute_force(heights, ticks, place, way, reach):
    """How far (rad) the Sun's centre is over the ground, seen along a straight ray: the smallest angle between the ray and
    the ground under it, found in NumPy by steps of a twentieth of a post."""
    metre = ticks[1] - ticks[0]
    near = np.geomspace(NEAREST * metre, 0.05 * metre, 60)  # nearer lies the cell that the place itself is in
    along = np.concatenate([near, np.arange(0.05 * metre, reach, 0.05 * metre)])
    points = place[None, :] + along[:, None] * way[None, :]
    radius = np.linalg.norm(points, axis=1)
    y = (RADIUS * (points @ AXES_M[2]) / (points @ AXES_M[0]) - ticks[0]) / metre
    x = (RADIUS * (points @ AXES_M[1]) / (points @ AXES_M[0]) - ticks[0]) / metre
    y, x = np.clip(y, 0, heights.shape[0] - 1.001), np.clip(x, 0, heights.shape[1] - 1.001)
    r, c = y.astype(int), x.astype(int)
    fy, fx = y - r, x - c
    ground = (1 - fy) * ((1 - fx) * heights[r, c] + fx * heights[r, c + 1])
    ground += fy * ((1 - fx) * heights[r + 1, c] + fx * heights[r + 1, c + 1])
    return np.min((radius - RADIUS - ground) / along)


@pytest.mark.parametrize("elevation_deg", [2.0, 5.0, 12.0])
def test_shadow_is_that_of_a_brute_force_march(elevation_deg):
    """Rough ground with 1 km posts; they may differ only where the Sun grazes the horizon."""
    ticks = 1e3 * (np.arange(161) - 80.0)
    heights = np.cumsum(np.cumsum(RNG.normal(size=(161, 161)), axis=0), axis=1)
    heights = 900.0 * (heights - heights.mean()) / heights.std() + 60.0 * RNG.normal(size=heights.shape)
    heights = heights.astype(np.float32).astype(np.float64)
    ground = assembled([Grid(1e3, ticks, ticks)], [heights], AXES_M)
    steepest = np.max([np.hypot(*np.gradient(heights, 1e3))]) * 2.0  # of single cells at most
    distances = jnp.asarray(look_out(1e3, 60e3))
    raised = jax.jit(lambda place, toward: horizon(ground, place, toward, 0.0, distances))
    missed = 0.005 * float(steepest) + 0.02 * DEGREE  # what lies between samples, and the march's own step
    differ, shadowed = 0, 0
    for _ in range(400):
        u, v = RNG.uniform(-1e4, 1e4, 2) / RADIUS
        up = AXES_M[0] + u * AXES_M[1] + v * AXES_M[2]
        up /= np.linalg.norm(up)
        east = np.array([-up[1], up[0], 0.0]) / np.hypot(up[0], up[1])
        azimuth, elevation = RNG.uniform(0, 2 * np.pi), elevation_deg * DEGREE
        level = np.sin(azimuth) * east + np.cos(azimuth) * np.cross(up, east)
        way = np.cos(elevation) * level + np.sin(elevation) * up
        over = elevation - float(raised(jnp.asarray(up), jnp.asarray(way)))
        own = float(ground.height_at(jnp.asarray(RADIUS * up)))
        clear = brute_force(heights, ticks, (RADIUS + own) * up, way, 60e3)
        shadowed += clear < 0
        differ += (over > 0) != (clear > 0) and abs(over) > missed
    assert differ == 0
    assert shadowed > 20 or elevation_deg > 10.0


def test_a_ray_to_the_sun_and_a_horizon_say_the_same():
    """Over the built-in ground with its craters, at 4° of Sun, where shadows are long."""
    asked = Question(60.5, -4.6, size_km=2.0)
    rasters = opened(asked.map_names)
    ground, _ = ground_about(rasters, (60.5, -4.6), 2e3, KINDS["mare"])
    places = square(60.5, -4.6, np.linspace(-1e3, 1e3, 21))
    centre = np.asarray(places[220])
    east = np.array([-centre[1], centre[0], 0.0]) / np.hypot(centre[0], centre[1])
    sun = jnp.asarray(np.cos(4.0 * DEGREE) * east + np.sin(4.0 * DEGREE) * centre)
    distances = jnp.asarray(look_out(1.0, 30e3))
    raised = np.asarray(jax.jit(jax.vmap(lambda place: horizon(ground, place, sun, 0.1, distances)))(places))
    up = np.asarray([float(elevation_of(place, jnp.asarray(0.0), 1.5e11 * sun)) for place in places])
    lit = np.asarray(jax.jit(jax.vmap(lambda place: is_lit(ground, place, sun)))(places))
    clear = np.abs(up - raised) > 0.3 * DEGREE  # what lies between a horizon's samples, a hundredth of their distance apart
    assert np.array_equal(lit[clear], (up > raised)[clear])
    assert 0 < np.sum(~lit) < len(lit) / 2


def test_share_of_the_disc_is_its_area():
    """Half a million points in the unit disc, counted."""
    points = RNG.uniform(-1, 1, (500_000, 2))
    inside = points[np.hypot(*points.T) < 1.0]
    for x in (-1.2, -0.7, 0.0, 0.4, 2.0):
        counted = float(np.mean(inside[:, 1] < x))
        assert abs(float(share_over(jnp.asarray(x * SUN_RADIUS), jnp.asarray(0.0))) - counted) < 4e-3  # three sigmas of the count


def test_square_keeps_distances():
    axis = np.linspace(-20e3, 20e3, 161)
    places = np.asarray(square(60.5, -4.6, axis))
    centre = places[len(places) // 2]
    assert abs(RADIUS * np.arccos(places[160] @ centre) - np.hypot(20e3, 20e3)) < 0.1
    body = jnp.asarray(1.5e11 * centre)
    assert abs(float(elevation_of(jnp.asarray(centre), jnp.asarray(0.0), body)) - np.pi / 2) < 1e-6


M2 = Question(60.5, -4.6, moment=moment_of("2025-06-05T19:17:00Z"), size_km=20.0)


def test_the_planned_site_lay_in_sunlight():
    site = survey_site(M2)
    told = figures_of(site)
    assert abs(told["sun_elevation_deg"] - 11.86) < 0.05  # derived from the published moment
    assert abs(told["earth_elevation_deg"] - 31.5) < 0.3
    assert abs(told["height_above_sphere_m"] + 2435.0) < 20.0  # LDEM_16 there, and what lies below it
    assert told["sun_disc_over_horizon_share"] == 1.0
    assert 0.8 < told["share_within_slope_limit"] <= 1.0
    assert told["share_safe"] < told["share_within_slope_limit"]
    alone = survey_site(M2._replace(kind="none", moment=None))
    assert alone.rocks is None
    assert abs(alone.at_centre(alone.height_m) + 2435.0) < 5.0  # LDEM_16 there


def test_atlas_throws_its_shadow(shared):
    """At 11.6° of Sun the eastern wall of Atlas darkens its floor, and the M1 site lies in the light."""
    label = (str(shared / "data" / "dem" / "LDEM_16.LBL"),)
    site = survey_site(Question(47.5, 44.4, label, moment_of("2023-04-25T16:40:00Z"), 120.0, kind="none"))
    assert site.light is not None
    assert site.light.centre_share == 1.0
    wall = site.light.share[40:70, 118:132]  # 27 to 38 km east, 8 to 30 km south: under the wall
    assert np.mean(wall < 0.5) > 0.5
    around = survey_site(Question(46.71, 44.33, label, None, 110.0, kind="none"))  # about the centre; its diameter is 87.1 km
    x, y = np.meshgrid(around.axis_m, around.axis_m)
    distance, bearing = np.hypot(x, y), np.degrees(np.arctan2(x, y)) % 360.0
    on_rim = (distance > 36e3) & (distance < 50e3)
    crest = [around.height_m[on_rim & (bearing >= a) & (bearing < a + 10)].max() for a in range(0, 360, 10)]
    over = np.asarray(crest) - site.at_centre(site.height_m)
    assert 2200.0 < np.median(over) < 3000.0  # the rim over the site, as published


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: moment_of("2025-06-05T19:17:00"), "needs its time zone"),
        (lambda: moment_of("yesterday"), "write a moment as"),
        (lambda: survey_site(Question(90.0, 0.0)), "at the pole"),
        (lambda: survey_site(Question(float("nan"), 0.0)), "at the pole"),
        (lambda: survey_site(M2._replace(moment=moment_of("3000-01-01T00:00:00Z"))), "from 1900 to 2100"),
        (lambda: survey_site(M2._replace(longitude_deg=700.0)), "degrees east"),
        (lambda: survey_site(M2._replace(size_km=1e4)), "300 km"),
        (lambda: survey_site(Question(10.0, 10.0)), "has no ground at"),
        (lambda: survey_site(M2._replace(map_names=("package:venus",))), "no map package:venus"),
        (lambda: survey_site(M2._replace(kind="swamp")), "mare, highland"),
    ],
)
def test_bad_places_and_moments_are_told(call, words):
    with pytest.raises(UserError, match=words):
        call()
