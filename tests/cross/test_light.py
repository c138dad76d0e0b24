"""Shadow against a brute-force march towards the Sun; the disc's share against a count of its points; sites against history."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.assessment.site import square
from perilune.command_line.site import figures_of, ground_about, moment_of, survey_site
from perilune.foundation.errors import UserError
from perilune.foundation.grid import height_map
from perilune.foundation.moon import RADIUS
from perilune.world.environment.light import NEAREST, SUN_RADIUS, elevation_of, horizon, look_out, share_over

RNG = np.random.default_rng(11)
DEGREE = np.pi / 180.0


def brute_force(heights, corner, spacing, place, way, reach):
    """How far (rad) the Sun's centre is over the ground, seen along a straight ray: the smallest angle between the ray and
    the ground under it, found in NumPy by steps of a twentieth of a post."""
    metre = spacing * RADIUS
    near = np.geomspace(NEAREST * metre, 0.05 * metre, 60)  # nearer lies the cell that the place itself is in
    along = np.concatenate([near, np.arange(0.05 * metre, reach, 0.05 * metre)])
    points = place[None, :] + along[:, None] * way[None, :]
    radius = np.linalg.norm(points, axis=1)
    y = (np.arcsin(points[:, 2] / radius) - corner[0]) / spacing
    x = (np.arctan2(points[:, 1], points[:, 0]) - corner[1]) / spacing
    y, x = np.clip(y, 0, heights.shape[0] - 1.001), np.clip(x, 0, heights.shape[1] - 1.001)
    r, c = y.astype(int), x.astype(int)
    fy, fx = y - r, x - c
    ground = (1 - fy) * ((1 - fx) * heights[r, c] + fx * heights[r, c + 1])
    ground += fy * ((1 - fx) * heights[r + 1, c] + fx * heights[r + 1, c + 1])
    return np.min((radius - RADIUS - ground) / along)


@pytest.mark.parametrize("elevation_deg", [2.0, 5.0, 12.0])
def test_shadow_is_that_of_a_brute_force_march(elevation_deg):
    """Rough ground with 1 km posts; they may differ only where the Sun grazes the horizon."""
    spacing, corner = 1e3 / RADIUS, (20.0 * DEGREE, 10.0 * DEGREE)
    heights = np.cumsum(np.cumsum(RNG.normal(size=(160, 160)), axis=0), axis=1)
    heights = 900.0 * (heights - heights.mean()) / heights.std() + 60.0 * RNG.normal(size=heights.shape)
    ground = height_map(heights, *corner, spacing)
    heights = np.asarray(ground.heights, np.float64)
    distances = jnp.asarray(look_out(1e3, 60e3))
    raised = jax.jit(lambda place, toward: horizon(ground, place, toward, 0.0, distances))
    looked_up = jax.jit(lambda latitude, longitude: ground.height(latitude, longitude))
    missed = 0.005 * float(ground.steepest) + 0.02 * DEGREE  # what lies between samples, and the march's own step
    differ, shadowed = 0, 0
    for _ in range(400):
        latitude, longitude = corner[0] + spacing * RNG.uniform(70, 90), corner[1] + spacing * RNG.uniform(70, 90)
        up = np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
        east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
        azimuth, elevation = RNG.uniform(0, 2 * np.pi), elevation_deg * DEGREE
        level = np.sin(azimuth) * east + np.cos(azimuth) * np.cross(up, east)
        way = np.cos(elevation) * level + np.sin(elevation) * up
        over = elevation - float(raised(jnp.asarray(up), jnp.asarray(way)))
        own = float(looked_up(jnp.asarray(latitude), jnp.asarray(longitude)))
        clear = brute_force(heights, corner, spacing, (RADIUS + own) * up, way, 60e3)
        shadowed += clear < 0
        differ += (over > 0) != (clear > 0) and abs(over) > missed
    assert differ == 0
    assert shadowed > 20 or elevation_deg > 10.0


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


def test_the_planned_site_lay_in_sunlight():
    site = survey_site(60.5, -4.6, "package:mare-frigoris", moment_of("2025-06-05T19:17:00Z"), 20.0)
    told = figures_of(site, 10.0)
    assert abs(told["sun_elevation_deg"] - 11.86) < 0.05  # derived from the published moment
    assert abs(told["earth_elevation_deg"] - 31.5) < 0.3
    assert abs(told["height_above_sphere_m"] + 2435.0) < 5.0  # LDEM_16 there
    assert told["sun_disc_over_horizon_share"] == 1.0
    assert 0.9 < told["share_within_slope_limit"] <= 1.0


def test_atlas_throws_its_shadow(shared):
    """At 11.6° of Sun the eastern wall of Atlas darkens its floor, and the M1 site lies in the light."""
    label = str(shared / "data" / "dem" / "LDEM_16.LBL")
    site = survey_site(47.5, 44.4, label, moment_of("2023-04-25T16:40:00Z"), 120.0)
    assert site.light is not None
    assert site.light.centre_share == 1.0
    wall = site.light.share[40:70, 118:132]  # 27 to 38 km east, 8 to 30 km south: under the wall
    assert np.mean(wall < 0.5) > 0.5
    around = survey_site(46.71, 44.33, label, None, 110.0)  # about the crater's centre; its diameter is 87.1 km
    x, y = np.meshgrid(around.axis_m, around.axis_m)
    distance, bearing = np.hypot(x, y), np.degrees(np.arctan2(x, y)) % 360.0
    on_rim = (distance > 36e3) & (distance < 50e3)
    crest = [around.height_m[on_rim & (bearing >= a) & (bearing < a + 10)].max() for a in range(0, 360, 10)]
    over = np.asarray(crest) - site.at_centre(site.height_m)
    assert 2200.0 < np.median(over) < 3000.0  # the rim over the site, as published


def test_a_map_that_ends_nearby_is_looked_at_as_far_as_it_goes():
    ground, reach = ground_about("package:mare-frigoris", (60.5, -4.6), 40e3)
    assert 0.0 <= reach < 200e3
    assert ground.covers(60.5 * DEGREE, -4.6 * DEGREE)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: moment_of("2025-06-05T19:17:00"), "needs its time zone"),
        (lambda: moment_of("yesterday"), "write a moment as"),
        (lambda: survey_site(89.0, 0.0, "package:mare-frigoris", None, 10.0), "end in a point"),
        (lambda: survey_site(float("nan"), 0.0, "package:mare-frigoris", None, 10.0), "end in a point"),
        (lambda: survey_site(60.5, -4.6, "package:mare-frigoris", moment_of("3000-01-01T00:00:00Z"), 10.0), "from 1900 to 2100"),
        (lambda: survey_site(60.5, 700.0, "package:mare-frigoris", None, 10.0), "degrees east"),
        (lambda: survey_site(60.5, -4.6, "package:mare-frigoris", None, 1e4), "300 km"),
        (lambda: survey_site(10.0, 10.0, "package:mare-frigoris", None, 40.0), "does not cover"),
        (lambda: survey_site(60.5, -4.6, "package:venus", None, 40.0), "no map package:venus"),
    ],
)
def test_bad_places_and_moments_are_told(call, words):
    with pytest.raises(UserError, match=words):
        call()
