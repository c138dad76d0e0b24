"""Doppler beams, cameras, hazard lidar, gauge, tracker blinding and drifting IMU: residuals as their sheets say, within 10 %, and
each limit from both sides."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation.frames import surface_velocity
from perilune.foundation.moon import RADIUS
from perilune.foundation.randomness import HAZARD_LIDAR, WIDTH, draw, run_key, sensor_key
from perilune.foundation.rotation import compose, from_axes, from_rotation_vector, inverse, rotate
from perilune.simulation.build_terrain import Grid, assembled
from perilune.world.environment.ray import FAR
from perilune.world.sensors.doppler_beams import DopplerBeams, Seen, least_squares
from perilune.world.sensors.hazard_lidar import SIDE, HazardLidar
from perilune.world.sensors.optical_flow import OpticalFlow
from perilune.world.sensors.propellant_gauge import PropellantGauge
from perilune.world.sensors.terrain_camera import TerrainCamera, View
from perilune.world.state import Motion

SHOTS = 4000
RNG = np.random.default_rng(17)
NOW = jnp.asarray(0.0)
QUIET = jnp.zeros(WIDTH)
CANT = np.radians(22.5)
# B with Z up over the point where X of M comes out; the lander leans by 10° about Y.
UPRIGHT = from_axes(*(jnp.asarray(axis) for axis in ([0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0])))
LEAN = compose(UPRIGHT, from_rotation_vector(jnp.asarray([0.0, np.radians(10.0), 0.0])))


def array(*values):
    return jnp.asarray(values if len(values) > 1 else values[0], jnp.float64)


def standing(height=1000.0, attitude=UPRIGHT, velocity=(-30.0, 12.0, -7.0), rate=(0.0, 0.0, 0.0)) -> Motion:
    """A lander at a height over the sphere, with a velocity over the ground (m/s, I)."""
    position = array(RADIUS + height, 0.0, 0.0)
    return Motion(
        position, array(*velocity) + surface_velocity(position), attitude, array(*rate), array(100.0), jnp.zeros(3), jnp.zeros(3)
    )


def ground_of(height_of, posts=257, spacing=32.0):
    """Ground about the point where X of M comes out, from height by place across and along, m."""
    ticks = spacing * (np.arange(posts) - posts // 2)
    return assembled([Grid(spacing, ticks, ticks)], [height_of(ticks[:, None], ticks[None, :])], np.eye(3))


FLAT = ground_of(lambda across, along: 0.0 * across * along)
HILLS = ground_of(lambda across, along: 60.0 * np.sin(2 * np.pi * across / 1500.0) * np.cos(2 * np.pi * along / 1100.0))


@pytest.fixture(scope="module")
def noise():
    return jax.jit(jax.vmap(lambda t: draw(run_key(12, 3), t)))(jnp.arange(SHOTS))


def changed(module, **figures):
    """The same unit with other figures."""
    names = list(figures)
    return eqx.tree_at(lambda m: [getattr(m, name) for name in names], module, [array(figures[name]) for name in names])


# Doppler beams


def beams(**figures) -> DopplerBeams:
    """Three beams 22.5° off −Z and an empty slot, after NASA's lidar."""
    around = np.radians([0.0, 120.0, 240.0])
    ring = [[np.sin(CANT) * np.cos(a), np.sin(CANT) * np.sin(a), -np.cos(CANT)] for a in around]
    unit = DopplerBeams(
        directions_B=array(*ring, [0.0, 0.0, 0.0]), is_there=array(1.0, 1.0, 1.0, 0.0), divergence=array(1e-4),
        range_scale=array(0.0), range_bias=jnp.zeros(4), range_floor=array(2.0), range_share=array(0.0),
        speed_scale=array(0.0), speed_bias=jnp.zeros(4), speed_floor=array(0.02), speed_share=array(0.0),
        reach=array(4000.0), speed_limit=array(200.0), incidence_limit=array(np.radians(60.0)),
        dropout_probability=array(0.0), least_determinant=array(1e-3),
    )  # fmt: skip
    return changed(unit, **figures)


def seen(distance=1000.0, cosine=0.9) -> Seen:
    return Seen(jnp.full(4, float(distance)), jnp.full(4, float(cosine)))


def test_doppler_residuals(noise):
    """Ranges to 2 m, speeds to 2 cm/s, and 2.13 and 0.62 of that in the velocity across and along the axis."""
    unit, motion = beams(), standing(attitude=LEAN)
    read = jax.vmap(lambda e: unit.measure(motion, seen(), e))(noise)
    assert bool(jnp.all(read.is_valid) & jnp.all(read.is_locked[:, :3]) & ~jnp.any(read.is_locked[:, 3]))
    velocity_B = np.asarray(rotate(inverse(LEAN), array(-30.0, 12.0, -7.0)))
    closing = np.asarray(unit.directions_B)[:3] @ velocity_B
    assert np.std(read.slant_range[:, :3], axis=0) == pytest.approx(2.0, rel=0.1)
    assert np.mean(read.slant_range[:, :3], axis=0) == pytest.approx(1000.0, abs=4 * 2.0 / np.sqrt(SHOTS))  # 4 sigma of a mean
    assert np.std(read.closing_speed[:, :3], axis=0) == pytest.approx(0.02, rel=0.1)
    assert np.mean(read.closing_speed[:, :3], axis=0) == pytest.approx(closing, abs=4 * 0.02 / np.sqrt(SHOTS))  # the same
    wanted = 0.02 * np.array([1 / (np.sqrt(1.5) * np.sin(CANT))] * 2 + [1 / (np.sqrt(3) * np.cos(CANT))])
    assert np.std(read.velocity_B, axis=0) == pytest.approx(wanted, rel=0.1)
    assert np.mean(read.velocity_B, axis=0) == pytest.approx(velocity_B, abs=4 * wanted[0] / np.sqrt(SHOTS))  # 4 sigma of a mean


def test_doppler_shares_scale_and_bias(noise):
    """A radar's figures: 2 % of range, 0.1 m/s and 1 % of speed; scale and bias move the mean by what they say."""
    radar = beams(range_floor=1.0, range_share=0.02, speed_floor=0.1, speed_share=0.01, range_scale=0.01, speed_scale=-0.02,
                  range_bias=[1.0, -2.0, 3.0, 0.0], speed_bias=[0.5, 0.0, -0.5, 0.0])  # fmt: skip
    motion = standing(velocity=(-100.0, 0.0, 0.0))
    read = jax.vmap(lambda e: radar.measure(motion, seen(2000.0), e))(noise)
    closing = 100.0 * np.cos(CANT)
    spread = np.hypot(1.0, 40.0), np.hypot(0.1, 0.01 * closing)
    assert np.std(read.slant_range[:, :3], axis=0) == pytest.approx(spread[0], rel=0.1)
    assert np.std(read.closing_speed[:, :3], axis=0) == pytest.approx(spread[1], rel=0.1)
    far, fast = np.mean(read.slant_range[:, :3], axis=0), np.mean(read.closing_speed[:, :3], axis=0)
    assert far == pytest.approx(2020.0 + np.array([1.0, -2.0, 3.0]), abs=4 * spread[0] / np.sqrt(SHOTS))  # 4 sigma of a mean
    assert fast == pytest.approx(0.98 * closing + np.array([0.5, 0.0, -0.5]), abs=4 * spread[1] / np.sqrt(SHOTS))  # the same


def test_doppler_locks_at_each_limit(noise):
    """Both sides of reach, closing speed and incidence; by chance as often as said; no range below zero."""
    unit, motion = beams(range_floor=50.0), standing(velocity=(-60.0, 0.0, 0.0))
    lock = lambda unit, met, motion=motion: np.asarray(unit.measure(motion, met, QUIET).is_locked)[:3]  # noqa: E731
    assert lock(unit, seen(3999.0)).all() and not lock(unit, seen(4001.0)).any()
    closing = 60.0 * np.cos(CANT)
    assert lock(beams(speed_limit=closing + 0.01), seen()).all() and not lock(beams(speed_limit=closing - 0.01), seen()).any()
    away = standing(velocity=(60.0, 0.0, 0.0))
    assert not lock(beams(speed_limit=closing - 0.01), seen(), away).any()  # either way
    assert lock(unit, seen(cosine=0.501)).all() and not lock(unit, seen(cosine=0.499)).any()
    read = jax.vmap(lambda e: beams(range_floor=50.0, dropout_probability=0.2).measure(motion, seen(20.0), e))(noise)
    share = np.mean(read.is_locked[:, :3], axis=0)
    assert share == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / SHOTS))  # 4 sigma of a coin
    assert np.min(read.slant_range) == 0.0  # 50 m of noise on 20 m, held at zero
    assert np.array_equal(np.asarray(read.is_valid), np.asarray(read.is_locked).sum(axis=1) == 3)
    assert np.all(np.asarray(read.velocity_B)[~np.asarray(read.is_valid)] == 0.0)


def test_three_locked_beams_in_one_plane_give_no_velocity():
    flat = np.array([[np.sin(a), 0.0, -np.cos(a)] for a in (-0.4, 0.0, 0.3)] + [[0.0, np.sin(0.4), -np.cos(0.4)]])
    unit = beams(directions_B=flat, is_there=[1.0, 1.0, 1.0, 1.0])
    assert bool(unit.measure(standing(), seen(), QUIET).is_valid)
    read = changed(unit, is_there=[1.0, 1.0, 1.0, 0.0]).measure(standing(), seen(), QUIET)
    assert np.asarray(read.is_locked).sum() == 3 and not bool(read.is_valid)


def test_least_squares_against_numpy():
    """Any beams, any three or four of them: NumPy's least squares, and the determinant of the normal matrix."""
    for _ in range(200):
        ways = RNG.normal(size=(4, 3))
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        speeds, used = RNG.normal(size=4) * 50.0, np.arange(4) < RNG.integers(3, 5)
        normal = ways[used].T @ ways[used]
        if np.linalg.det(normal) < 1e-3:
            continue
        found, determinant = least_squares(jnp.asarray(ways), jnp.asarray(speeds), jnp.asarray(used))
        wanted = np.linalg.lstsq(ways[used], speeds[used], rcond=None)[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-8)  # the normal matrix squares a condition of 1e3
        assert float(determinant) == pytest.approx(np.linalg.det(normal), rel=1e-9)
    ways = np.asarray(beams().directions_B)
    assert float(least_squares(jnp.asarray(ways), jnp.zeros(4), jnp.asarray([True] * 3 + [False]))[1]) == pytest.approx(
        27 / 4 * np.sin(CANT) ** 4 * np.cos(CANT) ** 2  # (3√3/2 sin² cos)²
    )


@pytest.mark.parametrize("way", ["look", "look_by_heights"])
def test_beams_meet_level_ground(way):
    """Slant ranges over the sphere, and incidence there."""
    unit, motion = beams(), standing(2000.0, LEAN)
    met = getattr(unit, way)(motion, FLAT, NOW)
    ways = np.asarray(jax.vmap(lambda b: rotate(LEAN, b))(unit.directions_B[:3]))
    r, slope = RADIUS + 2000.0, (RADIUS + 2000.0) * ways[:, 0]
    wanted = -slope - np.sqrt(slope**2 - r**2 + RADIUS**2)
    np.testing.assert_allclose(met.distance[:3], wanted, atol=2e-4)  # m: between posts 32 m apart level posts are the sphere
    at = np.array([r, 0.0, 0.0]) + wanted[:, None] * ways
    np.testing.assert_allclose(met.incidence_cosine[:3], -np.sum(at * ways, axis=1) / RADIUS, atol=1e-7)  # its gradient is zero


def test_heights_do_for_rays():
    """On hills of 60 m whose slopes reach 18° the cheap way is within 0.5 % of range of the rays at 99 %, and 0.1 % at the median."""
    unit = beams(reach=1e5)
    turns = jnp.asarray(RNG.normal(size=(400, 3)) * 0.1)
    heights = jnp.asarray(RNG.uniform(300.0, 3000.0, 400))

    @jax.jit
    @jax.vmap
    def both(height, turn):
        motion = standing(attitude=compose(UPRIGHT, from_rotation_vector(turn)))
        motion = eqx.tree_at(lambda m: m.position_I, motion, jnp.stack([RADIUS + height, 700.0 * turn[2] / 0.1, 500.0 * turn[1]]))
        return unit.look(motion, HILLS, NOW), unit.look_by_heights(motion, HILLS, NOW)

    rays, cheap = both(heights, turns)
    error = np.abs(np.asarray(cheap.distance - rays.distance))[:, :3] / np.asarray(rays.distance)[:, :3]
    assert np.median(error) < 1e-3
    assert np.percentile(error, 99) < 5e-3
    assert np.max(np.asarray(rays.distance)[:, :3]) < FAR


# Cameras


def view(**figures) -> View:
    boresight = array(0.0, 0.0, -1.0)
    window = {"least_height": 100.0, "most_height": 5000.0, "least_sun": 5.0, "most_sun": 70.0, "tilt_limit": 30.0}
    window = {k: array(np.radians(v) if k.endswith(("sun", "limit")) else v) for k, v in window.items()}
    return changed(View(boresight_B=boresight, rate_limit=array(np.radians(3.0)), **window), **figures)


def sun_at(elevation_deg):
    """Direction of a Sun that stands this high where X of M comes out."""
    a = np.radians(elevation_deg)
    return array(np.sin(a), np.cos(a) * 0.6, np.cos(a) * 0.8)


def test_a_view_opens_inside_each_limit():
    look = lambda motion, height=1000.0, sun=30.0: bool(view().is_open(motion, array(height), sun_at(sun), NOW))  # noqa: E731
    assert look(standing())
    for inside, outside in (({"height": 101.0}, {"height": 99.0}), ({"height": 4999.0}, {"height": 5001.0}),
                            ({"sun": 5.1}, {"sun": 4.9}), ({"sun": 69.9}, {"sun": 70.1}), ({"sun": 30.0}, {"sun": -10.0})):  # fmt: skip
        assert look(standing(), **inside) and not look(standing(), **outside)
    for turn, is_open in ((29.9, True), (30.1, False)):
        tilted = compose(UPRIGHT, from_rotation_vector(array(np.radians(turn), 0.0, 0.0)))
        assert look(standing(attitude=tilted)) is is_open
    for rate, is_open in ((2.9, True), (3.1, False)):
        assert look(standing(rate=(0.0, 0.0, np.radians(rate)))) is is_open


def camera(**figures) -> TerrainCamera:
    unit = TerrainCamera(
        is_fitted=array(1.0), view=view(), pixel_angle=array(1e-3), pixels=array(1.0), pixels_up=array(4.0),
        map_quality=array(1.5), map_tie_M=array(12.0, -20.0, 31.0), miss_probability=array(0.0), false_probability=array(0.0),
        false_distance=array(400.0),
    )  # fmt: skip
    return changed(unit, **figures)


def test_terrain_camera_residuals(noise):
    """σ = quality × pixels × h × pixel: 3 m across and 12 m up from 2 km; the mean is the map's tie."""
    motion = standing(2000.0)
    fixes = jax.vmap(lambda e: camera().measure(motion, array(2000.0), sun_at(30.0), NOW, e))(noise)
    error = np.asarray(fixes.position_M - motion.position_I)
    assert np.std(error, axis=0) == pytest.approx([12.0, 3.0, 3.0], rel=0.1)
    assert np.mean(error, axis=0) == pytest.approx([12.0, -20.0, 31.0], abs=4 * 12.0 / np.sqrt(SHOTS))  # 4 sigma of a mean
    assert np.all(fixes.is_valid) and not np.any(fixes.is_false)


def test_terrain_camera_misses_and_false_matches(noise):
    unit, motion = camera(miss_probability=0.1, false_probability=0.05, map_quality=0.0, map_tie_M=[0.0] * 3), standing(2000.0)
    fixes = jax.vmap(lambda e: unit.measure(motion, array(2000.0), sun_at(30.0), NOW, e))(noise)
    assert np.mean(fixes.is_valid) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / SHOTS))  # 4 sigma of a coin
    assert np.mean(fixes.is_false) == pytest.approx(0.05, abs=4 * np.sqrt(0.0475 / SHOTS))  # the same
    error = np.asarray(fixes.position_M - motion.position_I)
    is_false = np.asarray(fixes.is_false)
    assert np.all(error[np.asarray(fixes.is_valid) & ~is_false] == 0.0)
    assert np.max(np.abs(error[is_false, 0])) < 1e-6  # along the ground only
    few = 4 / np.sqrt(2 * 2 * is_false.sum())  # 4 sigma of a deviation from 200 pairs
    assert np.sqrt(np.mean(error[is_false, 1:] ** 2)) == pytest.approx(400.0, rel=few)
    assert not bool(camera(is_fitted=0.0).measure(motion, array(2000.0), sun_at(30.0), NOW, QUIET).is_valid)
    assert not bool(camera().measure(motion, array(2000.0), sun_at(-1.0), NOW, QUIET).is_valid)


def flow(**figures) -> OpticalFlow:
    unit = OpticalFlow(
        is_fitted=array(1.0), view=view(), across_B=array(1.0, 0.0, 0.0), scale_error=array(0.0), bias=jnp.zeros(2),
        noise=array(1e-3), flow_limit=array(0.5), dropout_probability=array(0.0),
    )  # fmt: skip
    return changed(unit, **figures)


def test_optical_flow_residuals(noise):
    """v/h over level ground with 1 mrad/s of noise: X of B is south here (−Z of M), Y is east."""
    motion = standing(velocity=(-30.0, 12.0, -7.0))
    read, valid = jax.vmap(lambda e: flow(bias=[2e-3, 0.0]).measure(motion, array(500.0), sun_at(30.0), NOW, e))(noise)
    true = np.array([7.0 / 500.0, -12.0 / 500.0])  # −Z × X = −Y
    assert np.all(valid)
    assert np.std(read, axis=0) == pytest.approx(1e-3, rel=0.1)
    assert np.mean(read, axis=0) == pytest.approx(true + np.array([2e-3, 0.0]), abs=4e-3 / np.sqrt(SHOTS))  # 4 sigma of a mean
    scaled, _ = flow(scale_error=0.1).measure(motion, array(500.0), sun_at(30.0), NOW, QUIET)
    assert np.asarray(scaled) == pytest.approx(1.1 * true, rel=1e-9)


def test_optical_flow_on_a_leaning_lander():
    """Straight down at 20 m/s, leaning 10°: the flow is 20 sin 10° over h/cos 10°, along the way it leans."""
    read, _ = flow().measure(standing(attitude=LEAN, velocity=(-20.0, 0.0, 0.0)), array(400.0), sun_at(30.0), NOW, QUIET)
    lean = np.radians(10.0)
    assert np.abs(np.asarray(read)) == pytest.approx([20.0 * np.sin(lean) * np.cos(lean) / 400.0, 0.0], abs=1e-9)


def test_optical_flow_ends_at_each_limit(noise):
    read = lambda unit=None, height=1000.0, sun=30.0, rate=0.0, v=50.0: bool(  # noqa: E731
        (unit or flow()).measure(standing(velocity=(0, v, 0), rate=(rate, 0, 0)), array(height), sun_at(sun), NOW, QUIET)[1]
    )
    assert read() and not read(flow(is_fitted=0.0))
    assert read(height=101.0) and not read(height=99.0) and not read(height=5001.0)
    assert not read(sun=4.9) and not read(sun=71.0) and not read(rate=0.06)
    assert read(height=200.0, v=99.0) and not read(height=200.0, v=101.0)  # 0.5 rad/s
    _, valid = jax.vmap(lambda e: flow(dropout_probability=0.3).measure(standing(), array(500.0), sun_at(30.0), NOW, e))(noise)
    assert np.mean(valid) == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / SHOTS))  # 4 sigma of a coin


# Hazard lidar


def lidar(**figures) -> HazardLidar:
    unit = HazardLidar(
        is_fitted=array(1.0), boresight_B=array(0.0, 0.0, -1.0), field=array(np.radians(20.0)), width=array(1600.0),
        noise=array(0.05), bias=array(0.0), dropout_probability=array(0.0), least_share=array(0.8), most_height=array(500.0),
        tilt_limit=array(np.radians(15.0)),
    )  # fmt: skip
    return changed(unit, **figures)


def test_hazard_lidar_sees_the_ground():
    """Without noise the patch is the ground's own heights, row by row to the north and column by column to the east."""
    unit, motion = lidar(noise=0.0), standing(400.0)
    target = unit.aim(motion, HILLS, NOW)
    patch = unit.measure(motion, target, HILLS, NOW, jax.random.key(1))
    assert float(jnp.linalg.norm(target)) == pytest.approx(RADIUS, abs=0.01)  # m: at a crossing of the hills' zeros
    place = (np.arange(SIDE) - (SIDE - 1) / 2) * 100.0
    true = 60.0 * np.sin(2 * np.pi * place[:, None] / 1500.0) * np.cos(2 * np.pi * place[None, :] / 1100.0)
    # Posts 32 m apart cut off crests by up to h k² d²/8: 60 m × (5.7e-3)² × 32²/8 × 1.5 = 0.4 m.
    np.testing.assert_allclose(patch.heights, true - true.mean(), atol=0.5)
    assert bool(patch.is_valid) and bool(jnp.all(patch.is_seen)) and float(patch.spacing) == 100.0
    np.testing.assert_allclose(patch.centre_B, [0.0, 0.0, -400.0], atol=0.02)  # m: the same crossing


def test_hazard_lidar_residuals():
    """A bin's noise is that of range times the cosine of the slant, seen straight and from 30° aside; and dropout as said."""
    motion, aside = standing(400.0), standing(400.0, attitude=compose(UPRIGHT, from_rotation_vector(array(0.17, 0.0, 0.0))))
    keys = jax.vmap(lambda k: sensor_key(run_key(4, 0), HAZARD_LIDAR, k))(jnp.arange(60))
    target = array(RADIUS, 0.0, 0.0)
    read = jax.vmap(lambda k: lidar(width=16.0).measure(motion, target, FLAT, NOW, k))(keys)
    assert np.std(read.heights) == pytest.approx(0.05, rel=0.1)
    assert np.abs(np.mean(read.heights, axis=0)).max() < 5 * 0.05 / np.sqrt(60)  # 256 bins: 5 sigma of a mean
    assert np.abs(np.corrcoef(np.asarray(read.heights).reshape(60, -1))[np.triu_indices(60, 1)]).max() < 5 / SIDE  # 1770 pairs
    far = array(RADIUS, 400.0 * np.tan(np.radians(30.0)), 0.0)
    slant = jax.vmap(lambda k: lidar(width=16.0).measure(motion, far, FLAT, NOW, k))(keys)
    assert np.std(slant.heights) == pytest.approx(0.05 * np.cos(np.radians(30.0)), rel=0.1)
    holed = jax.vmap(lambda k: lidar(width=16.0, dropout_probability=0.1).measure(aside, target, FLAT, NOW, k))(keys)
    assert np.mean(holed.is_seen) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / (60 * SIDE**2)))  # 4 sigma of a coin
    assert np.all(np.asarray(holed.heights)[~np.asarray(holed.is_seen)] == 0.0) and np.all(holed.is_valid)
    shown = np.sum(np.where(holed.is_seen, holed.heights, 0.0), axis=(1, 2))
    assert np.max(np.abs(shown)) < 1e-9  # m: rounding; heights are over the mean of the bins seen


def test_hazard_lidar_ends_at_each_limit():
    key, target = jax.random.key(2), array(RADIUS, 0.0, 0.0)
    scan = lambda unit=None, motion=None, target=target: bool(  # noqa: E731
        (unit or lidar()).measure(motion or standing(400.0), target, FLAT, NOW, key).is_valid
    )
    assert scan() and not scan(lidar(is_fitted=0.0))
    assert scan(motion=standing(499.0)) and not scan(motion=standing(501.0)) and not scan(motion=standing(-1.0))
    for turn, is_valid in ((14.9, True), (15.1, False)):
        turned = compose(UPRIGHT, from_rotation_vector(array(np.radians(turn), 0.0, 0.0)))
        assert scan(motion=standing(400.0, attitude=turned)) is is_valid
    assert scan(target=array(RADIUS, 400.0 * np.tan(0.34), 0.0)) and not scan(target=array(RADIUS, 400.0 * np.tan(0.36), 0.0))
    assert not scan(lidar(dropout_probability=0.3)) and scan(lidar(dropout_probability=0.1))  # 80 % wanted, 2.5 % sigma
    level = standing(400.0, attitude=compose(UPRIGHT, from_rotation_vector(array(np.pi / 2, 0.0, 0.0))))
    up = lidar().measure(level, lidar().aim(level, FLAT, NOW), FLAT, NOW, key)
    assert not bool(up.is_valid) and bool(jnp.all(jnp.isfinite(up.heights)))  # looks past all ground


# Propellant gauge


def gauge(**figures) -> PropellantGauge:
    names = ("is_fitted", "bias", "scale_error", "noise", "slosh", "quantum", "settling")
    return changed(PropellantGauge(*(array(x) for x in (1.0, 1.5, 0.02, 0.8, 2.0, 0.0, 0.3))), **figures) if names else gauge()


def test_propellant_gauge(noise):
    """Scale and bias in the mean; σ² = noise² + (slosh × change)²; steps; never negative; valid while something presses."""
    motion = standing()
    read = lambda unit, now=1.0, before=1.0: jax.vmap(lambda e: unit.measure(motion, array(now), array(before), e))(noise)  # noqa: E731
    steady, valid = read(gauge())
    assert np.std(steady) == pytest.approx(0.8, rel=0.1) and np.all(valid)
    assert np.mean(steady) == pytest.approx(1.02 * 100.0 + 1.5, abs=4 * 0.8 / np.sqrt(SHOTS))  # 4 sigma of a mean
    sloshing, _ = read(gauge(), 1.0, 0.2)
    assert np.std(sloshing) == pytest.approx(np.hypot(0.8, 1.6), rel=0.1)
    stepped, _ = read(gauge(quantum=0.5))
    assert np.all(np.asarray(stepped) % 0.5 == 0.0)
    empty = eqx.tree_at(lambda m: m.propellant, motion, array(0.1))
    low, _ = jax.vmap(lambda e: gauge(bias=0.0).measure(empty, array(1.0), array(1.0), e))(noise)
    assert np.min(low) == 0.0
    assert bool(gauge().measure(motion, array(0.31), array(0.3), QUIET)[1])
    assert not bool(gauge().measure(motion, array(0.29), array(0.3), QUIET)[1])
    assert not bool(gauge(is_fitted=0.0).measure(motion, array(1.0), array(1.0), QUIET)[1])
