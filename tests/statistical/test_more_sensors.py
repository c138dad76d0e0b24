"""Doppler beams, cameras, hazard lidar, gauge, tracker blinding and drifting IMU: residuals as their sheets say, within 10 %, and
each limit from both sides."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation.frames import surface_velocity
from perilune.foundation.moon import RADIUS, STANDARD_GRAVITY
from perilune.foundation.randomness import HAZARD_LIDAR, WIDTH, draw, rows, run_key, sensor_key
from perilune.foundation.rotation import compose, from_axes, from_rotation_vector, inverse, rotate, to_rotation_vector
from perilune.interface.design import TANKS
from perilune.simulation.build_terrain import Grid, assembled
from perilune.world.environment.ray import FAR
from perilune.world.faults import unbroken
from perilune.world.sensors.blinding import Blinding, disc_half_angle, is_behind_moon, lit_moon_angle
from perilune.world.sensors.doppler_beams import DopplerBeams, Seen, least_squares
from perilune.world.sensors.footprint import TOP_HAT, Footprint
from perilune.world.sensors.hazard_lidar import SIDE, HazardLidar
from perilune.world.sensors.imu import Imu
from perilune.world.sensors.imu_errors import ImuErrors, Triad
from perilune.world.sensors.optical_flow import OpticalFlow
from perilune.world.sensors.propellant_gauge import PropellantGauge
from perilune.world.sensors.star_tracker import StarTracker
from perilune.world.sensors.terrain_camera import TerrainCamera, View
from perilune.world.sensors.velocimeter import Velocimeter
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
    return jnp.asarray(values[0] if len(values) == 1 else values, jnp.float64)


def standing(height=1000.0, attitude=UPRIGHT, velocity=(-30.0, 12.0, -7.0), rate=(0.0, 0.0, 0.0)) -> Motion:
    """A lander at a height over the sphere, with a velocity over the ground (m/s, I)."""
    position = array(RADIUS + height, 0.0, 0.0)
    return Motion(
        position,
        array(*velocity) + surface_velocity(position),
        attitude,
        array(*rate),
        array(100.0),
        jnp.zeros((2, TANKS)),
        jnp.zeros((2, TANKS)),
        jnp.zeros(3),
        jnp.zeros(3),
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
    assert bool(jnp.all(read.is_valid) & jnp.all(read.each.is_locked[:, :3]) & ~jnp.any(read.each.is_locked[:, 3]))
    velocity_B = np.asarray(rotate(inverse(LEAN), array(-30.0, 12.0, -7.0)))
    closing = np.asarray(unit.directions_B)[:3] @ velocity_B
    assert np.std(read.each.slant_range[:, :3], axis=0) == pytest.approx(2.0, rel=0.1)
    assert np.mean(read.each.slant_range[:, :3], axis=0) == pytest.approx(
        1000.0, abs=4 * 2.0 / np.sqrt(SHOTS)
    )  # 4 sigma of a mean
    assert np.std(read.each.closing_speed[:, :3], axis=0) == pytest.approx(0.02, rel=0.1)
    assert np.mean(read.each.closing_speed[:, :3], axis=0) == pytest.approx(closing, abs=4 * 0.02 / np.sqrt(SHOTS))  # the same
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
    assert np.std(read.each.slant_range[:, :3], axis=0) == pytest.approx(spread[0], rel=0.1)
    assert np.std(read.each.closing_speed[:, :3], axis=0) == pytest.approx(spread[1], rel=0.1)
    far, fast = np.mean(read.each.slant_range[:, :3], axis=0), np.mean(read.each.closing_speed[:, :3], axis=0)
    assert far == pytest.approx(2020.0 + np.array([1.0, -2.0, 3.0]), abs=4 * spread[0] / np.sqrt(SHOTS))  # 4 sigma of a mean
    assert fast == pytest.approx(0.98 * closing + np.array([0.5, 0.0, -0.5]), abs=4 * spread[1] / np.sqrt(SHOTS))  # the same


def test_doppler_locks_at_each_limit(noise):
    """Both sides of reach, closing speed and incidence; by chance as often as said; no range below zero."""
    unit, motion = beams(range_floor=50.0), standing(velocity=(-60.0, 0.0, 0.0))
    lock = lambda unit, met, motion=motion: np.asarray(unit.measure(motion, met, QUIET).each.is_locked)[:3]  # noqa: E731
    assert lock(unit, seen(3999.0)).all() and not lock(unit, seen(4001.0)).any()
    closing = 60.0 * np.cos(CANT)
    assert lock(beams(speed_limit=closing + 0.01), seen()).all() and not lock(beams(speed_limit=closing - 0.01), seen()).any()
    away = standing(velocity=(60.0, 0.0, 0.0))
    assert not lock(beams(speed_limit=closing - 0.01), seen(), away).any()  # either way
    assert lock(unit, seen(cosine=0.501)).all() and not lock(unit, seen(cosine=0.499)).any()
    read = jax.vmap(lambda e: beams(range_floor=50.0, dropout_probability=0.2).measure(motion, seen(20.0), e))(noise)
    share = np.mean(read.each.is_locked[:, :3], axis=0)
    assert share == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / SHOTS))  # 4 sigma of a coin
    assert np.min(read.each.slant_range) == 0.0  # 50 m of noise on 20 m, held at zero
    assert np.array_equal(np.asarray(read.is_valid), np.asarray(read.each.is_locked).sum(axis=1) == 3)
    assert np.all(np.asarray(read.velocity_B)[~np.asarray(read.is_valid)] == 0.0)


def test_three_locked_beams_in_one_plane_give_no_velocity():
    flat = np.array([[np.sin(a), 0.0, -np.cos(a)] for a in (-0.4, 0.0, 0.3)] + [[0.0, np.sin(0.4), -np.cos(0.4)]])
    unit = beams(directions_B=flat, is_there=[1.0, 1.0, 1.0, 1.0])
    assert bool(unit.measure(standing(), seen(), QUIET).is_valid)
    read = changed(unit, is_there=[1.0, 1.0, 1.0, 0.0]).measure(standing(), seen(), QUIET)
    assert np.asarray(read.each.is_locked).sum() == 3 and not bool(read.is_valid)


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


@jax.jit
def both_looks(unit, motions, ground):
    """What the beams meet of every motion: by rays, and by heights."""
    return jax.vmap(lambda m: (unit.look(m, ground, NOW), unit.look_by_heights(m, ground, NOW)))(motions)


def scattered(count: int, lean: float):
    """Landers anywhere over the ground, leaning by an angle (rad, 1 sigma of each axis); the first straight over its middle."""
    turns, heights = RNG.normal(size=(count, 3)) * lean, RNG.uniform(300.0, 3000.0, count)
    aside = np.where(np.arange(count) == 0, 0.0, RNG.normal(size=(2, count)) * 500.0)
    places = np.stack([np.sqrt((RADIUS + heights) ** 2 - np.sum(aside**2, axis=0)), *aside], axis=1)
    attitudes = jax.vmap(lambda turn: compose(UPRIGHT, from_rotation_vector(turn)))(jnp.asarray(turns))
    still = jax.tree.map(lambda x: jnp.broadcast_to(x, (count, *x.shape)), standing())
    return eqx.tree_at(lambda m: (m.position_I, m.attitude_IB), still, (jnp.asarray(places), attitudes))


def test_beams_meet_level_ground():
    """Slant ranges over the sphere, and incidence there, both ways of looking."""
    unit, motions = beams(), scattered(120, 0.1)
    for met in both_looks(unit, motions, FLAT):
        for k in range(0, 120, 6):
            place = np.asarray(motions.position_I[k])
            ways = np.asarray(jax.vmap(lambda b, k=k: rotate(motions.attitude_IB[k], b))(unit.directions_B[:3]))
            slope = ways @ place
            wanted = -slope - np.sqrt(slope**2 - place @ place + RADIUS**2)
            np.testing.assert_allclose(met.distance[k, :3], wanted, atol=2e-4)  # m: how well a cast is polished
            at = place + wanted[:, None] * ways
            np.testing.assert_allclose(met.incidence_cosine[k, :3], -np.sum(at * ways, axis=1) / RADIUS, atol=1e-7)


def test_heights_do_for_rays():
    """On hills of 60 m whose slopes reach 18° the cheap way is within 0.5 % of the rays' range at 99 %, 0.1 % at the median."""
    rays, cheap = both_looks(beams(), scattered(120, 0.1), HILLS)
    error = np.abs(np.asarray(cheap.distance - rays.distance))[:, :3] / np.asarray(rays.distance)[:, :3]
    assert np.max(np.asarray(rays.distance)[:, :3]) < FAR
    assert np.median(error) < 1e-3
    assert np.percentile(error, 99) < 5e-3


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
    for figure, inside, outside in (
        ("height", 101.0, 99.0), ("height", 4999.0, 5001.0), ("sun", 5.1, 4.9), ("sun", 69.9, 70.1), ("sun", 30.0, -10.0),
    ):  # fmt: skip
        assert look(standing(), **{figure: inside})
        assert not look(standing(), **{figure: outside})
    for turn, is_open in ((29.9, True), (30.1, False)):
        tilted = compose(UPRIGHT, from_rotation_vector(array(np.radians(turn), 0.0, 0.0)))
        assert look(standing(attitude=tilted)) is is_open
    for rate, is_open in ((2.9, True), (3.1, False)):
        assert look(standing(rate=(0.0, 0.0, np.radians(rate)))) is is_open


def camera(**figures) -> TerrainCamera:
    unit = TerrainCamera(
        view=view(), pixel_angle=array(1e-3), pixels=array(1.0), pixels_up=array(4.0), floor=array(0.0),
        map_quality=array(1.5), map_tie_M=array(12.0, -20.0, 31.0), miss_probability=array(0.0), false_probability=array(0.0),
        false_distance=array(400.0),
    )  # fmt: skip
    return changed(unit, **figures)


def test_terrain_camera_residuals(noise):
    """σ = quality × pixels × h × pixel: 3 m across and 12 m up from 2 km; the mean is the map's tie."""
    motion = standing(2000.0)
    fixes = jax.vmap(lambda e: camera().measure(motion, array(2000.0), sun_at(30.0), NOW, e))(noise)
    error = np.asarray(fixes.position_M) - np.asarray(motion.position_I)
    assert np.std(error, axis=0) == pytest.approx([12.0, 3.0, 3.0], rel=0.1)
    assert np.mean(error, axis=0) == pytest.approx([12.0, -20.0, 31.0], abs=4 * 12.0 / np.sqrt(SHOTS))  # 4 sigma of a mean
    assert np.all(fixes.is_valid) and not np.any(fixes.is_false)


def test_terrain_camera_misses_and_false_matches(noise):
    unit, motion = camera(miss_probability=0.1, false_probability=0.05, map_quality=0.0, map_tie_M=[0.0] * 3), standing(2000.0)
    fixes = jax.vmap(lambda e: unit.measure(motion, array(2000.0), sun_at(30.0), NOW, e))(noise)
    assert np.mean(fixes.is_valid) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / SHOTS))  # 4 sigma of a coin
    assert np.mean(fixes.is_false) == pytest.approx(0.05, abs=4 * np.sqrt(0.0475 / SHOTS))  # the same
    error = np.asarray(fixes.position_M) - np.asarray(motion.position_I)
    is_false = np.asarray(fixes.is_false)
    assert np.all(error[np.asarray(fixes.is_valid) & ~is_false] == 0.0)
    assert np.max(np.abs(error[is_false, 0])) < 1e-6  # along the ground only
    few = 4 / np.sqrt(2 * 2 * is_false.sum())  # 4 sigma of a deviation from 200 pairs
    assert np.sqrt(np.mean(error[is_false, 1:] ** 2)) == pytest.approx(400.0, rel=few)
    assert not bool(camera().measure(motion, array(2000.0), sun_at(-1.0), NOW, QUIET).is_valid)


def flow(**figures) -> OpticalFlow:
    unit = OpticalFlow(
        view=view(), across_B=array(1.0, 0.0, 0.0), scale_error=array(0.0), bias=jnp.zeros(2),
        noise=array(1e-3), flow_limit=array(0.5), dropout_probability=array(0.0),
    )  # fmt: skip
    return changed(unit, **figures)


def test_optical_flow_residuals(noise):
    """v/h over level ground with 1 mrad/s of noise: X of B is south here (−Z of M), Y is east."""
    motion = standing(velocity=(-30.0, 12.0, -7.0))
    read, valid = jax.vmap(lambda e: flow(bias=[2e-3, 0.0]).measure(motion, array(500.0), array(500.0), sun_at(30.0), NOW, e))(
        noise
    )
    true = np.array([7.0 / 500.0, -12.0 / 500.0])  # −Z × X = −Y
    assert np.all(valid)
    assert np.std(read, axis=0) == pytest.approx(1e-3, rel=0.1)
    assert np.mean(read, axis=0) == pytest.approx(true + np.array([2e-3, 0.0]), abs=4e-3 / np.sqrt(SHOTS))  # 4 sigma of a mean
    scaled, _ = flow(scale_error=0.1).measure(motion, array(500.0), array(500.0), sun_at(30.0), NOW, QUIET)
    assert np.asarray(scaled) == pytest.approx(1.1 * true, rel=1e-9)


def test_optical_flow_on_a_leaning_lander():
    """Straight down at 20 m/s, leaning 10°: the flow is 20 sin 10° over h/cos 10°, along the way it leans."""
    lean = np.radians(10.0)
    motion, far = standing(attitude=LEAN, velocity=(-20.0, 0.0, 0.0)), array(400.0 / np.cos(lean))
    read, _ = flow().measure(motion, array(400.0), far, sun_at(30.0), NOW, QUIET)
    assert np.abs(np.asarray(read)) == pytest.approx([20.0 * np.sin(lean) * np.cos(lean) / 400.0, 0.0], abs=1e-9)


def test_optical_flow_ends_at_each_limit(noise):
    read = lambda unit=None, height=1000.0, sun=30.0, rate=0.0, v=50.0: bool(  # noqa: E731
        (unit or flow()).measure(
            standing(velocity=(0, v, 0), rate=(rate, 0, 0)), array(height), array(height), sun_at(sun), NOW, QUIET
        )[1]
    )
    assert read()
    assert read(height=101.0) and not read(height=99.0) and not read(height=5001.0)
    assert not read(sun=4.9) and not read(sun=71.0) and not read(rate=0.06)
    assert read(height=200.0, v=99.0) and not read(height=200.0, v=101.0)  # 0.5 rad/s
    far = array(500.0)
    _, valid = jax.vmap(lambda e: flow(dropout_probability=0.3).measure(standing(), far, far, sun_at(30.0), NOW, e))(noise)
    assert np.mean(valid) == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / SHOTS))  # 4 sigma of a coin


# Hazard lidar


def lidar(**figures) -> HazardLidar:
    unit = HazardLidar(
        boresight_B=array(0.0, 0.0, -1.0), field=array(np.radians(20.0)), width=array(1600.0),
        noise=array(0.05), bias=array(0.0), dropout_probability=array(0.0), least_share=array(0.8), most_height=array(500.0),
        tilt_limit=array(np.radians(15.0)),
    )  # fmt: skip
    return changed(unit, **figures)


KEYS = jax.vmap(lambda k: sensor_key(run_key(4, 0), HAZARD_LIDAR, k))(jnp.arange(60))
STRAIGHT_DOWN = (RADIUS, 0.0, 0.0)
aim = jax.jit(lambda unit, motion, ground: unit.aim(motion, ground, NOW))


@jax.jit
def compiled_scans(unit, motion, target, ground, keys):
    return jax.vmap(lambda key: unit.measure(motion, target, ground, NOW, key))(keys)


def scans(unit, motion, target=STRAIGHT_DOWN, ground=FLAT):
    """Sixty scans of one patch."""
    return compiled_scans(unit, motion, jnp.asarray(target), ground, KEYS)


def leaning(degrees: float):
    return compose(UPRIGHT, from_rotation_vector(array(np.radians(degrees), 0.0, 0.0)))


def test_hazard_lidar_sees_the_ground():
    """Without noise the patch is the ground's own heights, row by row to the north and column by column to the east."""
    unit, motion = lidar(noise=0.0), standing(400.0)
    target = aim(unit, motion, HILLS)
    patch = jax.tree.map(lambda x: x[0], scans(unit, motion, target, HILLS))
    assert float(jnp.linalg.norm(target)) == pytest.approx(RADIUS, abs=0.01)  # m: at a crossing of the hills' zeros
    place = (np.arange(SIDE) - (SIDE - 1) / 2) * 100.0
    true = 60.0 * np.sin(2 * np.pi * place[:, None] / 1500.0) * np.cos(2 * np.pi * place[None, :] / 1100.0)
    # Posts 32 m apart cut off crests by up to h (k² + l²) d²/8: 60 m × (4.2e-3² + 5.7e-3²) × 32²/8 = 0.4 m.
    np.testing.assert_allclose(patch.heights, true - true.mean(), atol=0.5)
    assert bool(patch.is_valid) and bool(jnp.all(patch.is_seen)) and float(patch.spacing) == 100.0
    np.testing.assert_allclose(patch.centre_B, [0.0, 0.0, -400.0], atol=0.02)  # m: the same crossing


def test_hazard_lidar_residuals():
    """A bin's noise is that of range times the cosine of the slant, seen straight and from 30° aside; and dropout as said."""
    unit, motion = lidar(width=16.0), standing(400.0)
    read = scans(unit, motion)
    assert np.std(read.heights) == pytest.approx(0.05, rel=0.1)
    assert np.abs(np.mean(read.heights, axis=0)).max() < 5 * 0.05 / np.sqrt(60)  # 256 bins: 5 sigma of a mean
    assert np.abs(np.corrcoef(np.asarray(read.heights).reshape(60, -1))[np.triu_indices(60, 1)]).max() < 5 / SIDE  # 1770 pairs
    slant = scans(unit, motion, (RADIUS, 400.0 * np.tan(np.radians(30.0)), 0.0))
    assert np.std(slant.heights) == pytest.approx(0.05 * np.cos(np.radians(30.0)), rel=0.1)
    holed = scans(changed(unit, dropout_probability=0.1), standing(400.0, leaning(10.0)))
    assert np.mean(holed.is_seen) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / (60 * SIDE**2)))  # 4 sigma of a coin
    assert np.all(np.asarray(holed.heights)[~np.asarray(holed.is_seen)] == 0.0) and np.all(holed.is_valid)
    shown = np.sum(np.asarray(holed.heights), axis=(1, 2))
    assert np.max(np.abs(shown)) < 1e-9  # m: rounding; heights are over the mean of the bins seen


def test_hazard_lidar_ends_at_each_limit():
    def scan(unit=None, motion=None, target=STRAIGHT_DOWN):
        return bool(scans(unit or lidar(), motion or standing(400.0), target).is_valid[0])

    assert scan()
    assert scan(motion=standing(499.0)) and not scan(motion=standing(501.0)) and not scan(motion=standing(-1.0))
    assert scan(motion=standing(400.0, leaning(14.9))) and not scan(motion=standing(400.0, leaning(15.1)))
    aside = [(RADIUS, 400.0 * np.tan(np.radians(angle)), 0.0) for angle in (19.9, 20.1)]  # of a field of 20°
    assert scan(target=aside[0]) and not scan(target=aside[1])
    assert not scan(lidar(dropout_probability=0.3)) and scan(lidar(dropout_probability=0.1))  # 80 % wanted, 2.5 % sigma
    level = standing(400.0, leaning(90.0))
    past = scans(lidar(), level, aim(lidar(), level, FLAT))
    assert not np.any(past.is_valid) and np.all(np.isfinite(past.heights))  # it looks past all ground


# Propellant gauge


def gauge(**figures) -> PropellantGauge:
    return changed(PropellantGauge(*(array(x) for x in (1.5, 0.02, 0.8, 2.0, 0.0, 0.3))), **figures)


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


# Blinding of the star tracker


def brute_force_angle(boresight, position, sun):
    """Nearest lit point that is in sight, among 80,000 over the cap that is."""
    up = position / np.linalg.norm(position)
    least = RADIUS / np.linalg.norm(position)
    rise = 1.0 - (1.0 - least) * np.linspace(0.0, 1.0, 200) ** 2  # denser at nadir; the limb itself included
    turn = np.linspace(0.0, 2 * np.pi, 400, endpoint=False)
    side = np.cross(up, [0.3, -0.5, 0.8])
    side /= np.linalg.norm(side)
    other = np.cross(up, side)
    flat = np.sqrt(1.0 - rise**2)[:, None, None]
    points = rise[:, None, None] * up + flat * (np.cos(turn)[None, :, None] * side + np.sin(turn)[None, :, None] * other)
    points = points.reshape(-1, 3)
    lit = points[points @ sun > 0.0]
    if not len(lit):
        return np.pi
    ways = RADIUS * lit - position
    return np.arccos(np.clip(np.max(ways @ boresight / np.linalg.norm(ways, axis=1)), -1.0, 1.0))


def random_way():
    way = RNG.normal(size=3)
    return way / np.linalg.norm(way)


def test_angle_to_the_lit_moon_against_brute_force():
    """From 2 km to 2,000 km up, boresights up to 45° off the limb, any Sun: the angle is never less than to the nearest lit point
    but for the sampling, and at most 3° more where that lies inside 45°."""
    gaps = []
    angle = jax.jit(lit_moon_angle)
    for height in (2e3, 2e4, 1e5, 2e6):
        half = np.arcsin(RADIUS / (RADIUS + height))
        for _ in range(60):
            up, side, sun = random_way(), random_way(), random_way()
            side = side - (side @ up) * up
            off = half + RNG.uniform(0.0, np.radians(45.0))
            boresight = -np.cos(off) * up + np.sin(off) * side / np.linalg.norm(side)
            found = float(angle(*(jnp.asarray(v) for v in (boresight, (RADIUS + height) * up, sun))))
            wanted = brute_force_angle(boresight, (RADIUS + height) * up, sun)
            assert (found == np.pi) == (wanted == np.pi) or wanted > np.radians(60.0)
            if wanted < np.radians(45.0):
                gaps.append(np.degrees(found - wanted))
    assert len(gaps) > 80
    assert min(gaps) > -0.7  # degrees: points are 0.9° apart around the limb
    assert max(gaps) < 3.0  # degrees: rarely, a point of the terminator between the two that are looked at is nearer than both
    assert np.percentile(gaps, 90) < 0.1  # nearly always exact


def test_tracker_is_blinded_inside_each_exclusion():
    """100 km up over lit ground the limb stands 19° below the level plane, the Sun 50° over it; the camera turns between them."""
    position, sun = array(RADIUS + 1e5, 0.0, 0.0), sun_at(50.0)
    unit = Blinding(array(0.0, 0.0, 1.0), array(np.radians(30.0)), array(np.radians(15.0)))
    half = float(disc_half_angle(position))
    assert np.degrees(half) == pytest.approx(71.01, abs=0.01)  # asin(1737.4/1837.4)

    def blind(elevation_deg, sun=sun, position=position):
        """Looking this high over the level plane, away from the Sun's azimuth (or to it, over 90°)."""
        a = np.radians(elevation_deg)
        look = array(np.sin(a), -np.cos(a) * 0.6, -np.cos(a) * 0.8)
        other = array(0.0, 0.8, -0.6)
        attitude = from_axes(other, jnp.cross(look, other), look)
        return bool(unit.is_blinded(attitude, position, sun))

    dip = np.degrees(half) - 90.0  # of the limb, −19°
    assert not blind(dip + 15.1) and blind(dip + 14.9) and blind(dip - 5.0)
    assert not blind(99.9) and blind(100.1)  # the Sun stands at 130° on this scale, 30° are excluded
    dark = sun_at(-50.0)
    assert not blind(dip + 0.1, dark) and blind(dip - 0.1, dark)  # night below: only the disc itself hides stars
    assert bool(is_behind_moon(position, dark)) and not bool(is_behind_moon(position, sun_at(dip + 0.1)))


# Inertial measurement unit

PERIOD, CORRELATION, SAMPLES, COPIES = 0.1, 100.0, 20_000, 24
WHITE = 35e-6 * STANDARD_GRAVITY, np.radians(0.07) / 60  # m/s/√s and rad/√s: LN-200S, 35 µg/√Hz and 0.07 °/√h
UNSTABLE = 300e-6 * STANDARD_GRAVITY, np.radians(1.0) / 3600  # m/s² and rad/s: 300 µg and 1 °/h
WALK = 1e-5, 1e-7  # m/s²/√s and rad/s/√s, M
STEP = 2.0**-14, 2.0**-19  # m/s and rad, M


def triad(instability=0.0, walk=0.0, quantum=0.0, limit=0.0, misalignment=(0.0, 0.0, 0.0), skew=(0.0, 0.0, 0.0)) -> Triad:
    return Triad(array(*misalignment), array(*skew), *(array(x) for x in (instability, CORRELATION, walk, quantum, limit)))


def inertial(kind: str):
    """A unit with one kind of error or all of them, and the movement (1 sigma of each increment) that it is shaken by."""
    some = lambda name, pair: pair if kind in (name, "all") else (0.0, 0.0)  # noqa: E731
    unstable, walk, step = some("instability", UNSTABLE), some("walk", WALK), some("quantum", STEP)
    white = some("white", WHITE)
    imu = Imu(jnp.zeros(3), jnp.zeros(3), array(white[0]), jnp.zeros(3), jnp.zeros(3), array(white[1]))
    errors = ImuErrors(*(triad(unstable[k], walk[k], step[k]) for k in range(2)))
    return imu, errors, array(1.0 if kind == "quantum" else 0.0)


@jax.jit
def drift_of(units, keys):
    """(lanes, samples, 6) errors of increments over 2,000 s at 10 Hz."""

    def lane(unit, key):
        imu, errors, shaken = unit

        def step(state, tick):
            noise = draw(key, tick)
            moved = shaken * jnp.concatenate([rows(noise, "velocimeter"), 1e-2 * rows(noise, "star_tracker")])
            motion = eqx.tree_at(lambda m: (m.delta_velocity_B, m.delta_angle_B), standing(), (moved[0:3], moved[3:6]))
            velocity, angle = imu.measure(motion, unbroken(), noise, jnp.asarray(PERIOD))
            velocity, angle, state = errors.measure(state, velocity, angle, rows(noise, "imu_drift"), jnp.asarray(PERIOD))
            return state, jnp.concatenate([velocity, angle]) - moved

        start = errors.initial(jax.random.normal(jax.random.fold_in(key, 2**30), (6,), jnp.float64))
        return jax.lax.scan(step, start, jnp.arange(SAMPLES))[1]

    return jax.vmap(lane)(units, keys)


KINDS = ("white", "instability", "walk", "quantum", "all")


@pytest.fixture(scope="module")
def integrals():
    """Of each kind of error: (copies, samples + 1, 6) velocity and angle that it adds up to."""
    every = [inertial(kind) for kind in KINDS for _ in range(COPIES)]
    units = jax.tree.map(lambda *leaves: jnp.stack(leaves), *every)
    keys = jax.vmap(lambda k: jax.random.fold_in(jax.random.key(77), k))(jnp.arange(len(every)))
    whole = np.pad(np.cumsum(np.asarray(drift_of(units, keys)), axis=1), ((0, 0), (1, 0), (0, 0)))
    return {kind: whole[k * COPIES : (k + 1) * COPIES] for k, kind in enumerate(KINDS)}


def allan(integral: np.ndarray, tau: float) -> np.ndarray:
    """Overlapping Allan deviation (IEEE Std 952-1997, annex C) of accelerometers and gyros, over copies and axes."""
    m = round(tau / PERIOD)
    second = integral[:, 2 * m :] - 2 * integral[:, m:-m] + integral[:, : -2 * m]
    variance = np.mean(second**2, axis=(0, 1)) / (2 * tau**2)
    return np.sqrt([np.mean(variance[0:3]), np.mean(variance[3:6])])


def markov(tau: float) -> np.ndarray:
    """Allan deviation of the Gauss-Markov process, closed form."""
    c = CORRELATION
    kicked = np.array(UNSTABLE) * np.sqrt(2 / c)
    return kicked * c * np.sqrt((1 - c / (2 * tau) * (3 - 4 * np.exp(-tau / c) + np.exp(-2 * tau / c))) / tau)


LAWS = {
    "white": lambda tau: np.array(WHITE) / np.sqrt(tau),
    "instability": markov,
    "walk": lambda tau: np.array(WALK) * np.sqrt(tau / 3),
    "quantum": lambda tau: np.array(STEP) / (2 * tau),
}


# Ten per cent: 72 series of 2,000 s hold 480 stretches of 300 s and more of the shorter ones, 3.3 % of a deviation at 1 sigma.
@pytest.mark.parametrize(
    ("kind", "taus"),
    [("white", (0.1, 1.0, 10.0, 100.0)), ("instability", (10.0, 50.0, 189.0, 300.0)), ("walk", (1.0, 10.0, 100.0, 300.0)),
     ("quantum", (0.1, 1.0, 10.0, 100.0))],
)  # fmt: skip
def test_allan_deviation_of_each_error(integrals, kind, taus):
    """Slopes −1/2, +1/2 and −1, and the Gauss-Markov process' own curve with its top of 0.617 σ at 1.89 correlation times."""
    for tau in taus:
        assert allan(integrals[kind], tau) == pytest.approx(LAWS[kind](tau), rel=0.1)
    assert markov(189.0) == pytest.approx(0.617 * np.array(UNSTABLE), rel=1e-3)  # three digits of 0.617


def test_allan_deviation_of_an_ln_200s(integrals):
    """All at once: variances add."""
    for tau in (0.1, 1.0, 10.0, 100.0, 300.0):
        wanted = np.sqrt(sum(law(tau) ** 2 for law in LAWS.values()))
        assert allan(integrals["all"], tau) == pytest.approx(wanted, rel=0.1)


def test_drift_begins_as_it_goes_on(integrals):
    """At any time the bias has the sheet's deviation: the mean over the first 10 s is as wide as any other."""
    first = integrals["instability"][:, 100] / 10.0
    assert np.sqrt(np.mean(first[:, 0:3] ** 2)) == pytest.approx(UNSTABLE[0], rel=4 / np.sqrt(144))  # 4 sigma of 72 draws
    late = (integrals["instability"][:, 5100::10_000] - integrals["instability"][:, 5000:-100:10_000]) / 10.0
    count = late[..., 3:6].size  # 1000 s apart, ten correlation times: independent
    assert np.sqrt(np.mean(late[..., 3:6] ** 2)) == pytest.approx(UNSTABLE[1], rel=4 / np.sqrt(2 * count))  # 4 sigma


def test_axes_askew_steps_and_the_end_of_range():
    """Against plain matrices; what steps leave is carried on and never lost; beyond the range it is."""
    misalignment, skew, moved = np.array([1e-3, -2e-3, 3e-3]), np.array([4e-4, 5e-4, 6e-4]), np.array([0.3, -0.2, 0.5])
    period = jnp.asarray(0.1)
    unit = triad(misalignment=misalignment, skew=skew)
    read, _ = unit.measure(unit.initial(jnp.zeros(3)), jnp.asarray(moved), jnp.zeros(6), period)
    turned = moved - np.cross(misalignment, moved)
    lower = np.array([[1, 0, 0], [skew[0], 1, 0], [skew[1], skew[2], 1]])
    assert np.asarray(read) == pytest.approx(lower @ turned, rel=1e-12)
    stepped, total = triad(quantum=0.25), np.zeros(3)
    state = stepped.initial(jnp.zeros(3))
    for _ in range(50):
        read, state = stepped.measure(state, jnp.asarray(moved), jnp.zeros(6), period)
        assert np.all(np.asarray(read) % 0.25 == 0.0)
        total += np.asarray(read)
    assert np.max(np.abs(total - 50 * moved)) <= 0.125 + 1e-9  # half a step, and rounding
    limited = triad(limit=4.0)
    read, _ = limited.measure(limited.initial(jnp.zeros(3)), jnp.asarray(moved), jnp.zeros(6), period)
    assert np.asarray(read) == pytest.approx([0.3, -0.2, 0.4], rel=1e-12)
    plain = triad()
    read, _ = plain.measure(plain.initial(jnp.ones(3)), jnp.asarray(moved), jnp.ones(6), period)
    assert np.array_equal(read, moved)


def test_a_footprints_echo_is_a_coin_at_its_threshold(noise):
    """An echo as strong as the threshold is heard half of the time; two of them, by at least one chance in three of four."""
    unit = Footprint(*(array(x) for x in (1e-3, TOP_HAT.ring, TOP_HAT.centre_weight, 2.0, 5.0, 0.0)))
    one = jax.vmap(lambda e: unit.measure(jnp.full(5, 800.0), jnp.full(5, 5.0), e))(noise)
    assert np.mean(one[1]) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(SHOTS))  # 4 sigma of a coin
    apart, equal = array(800.0, 810.0, 810.0, 800.0, 800.0), array(8.0, 40 / 3, 40 / 3, 8.0, 8.0)
    two = jax.vmap(lambda e: unit.measure(apart, equal, e))(noise)
    assert np.mean(two[1]) == pytest.approx(0.75, abs=4 * np.sqrt(0.1875 / SHOTS))  # the same
    heard = np.asarray(two[0].distance)[np.asarray(two[1])]
    assert np.mean(heard == 800.0) == pytest.approx(2 / 3, abs=4 * np.sqrt(2 / 9 / (0.75 * SHOTS)))  # first, where it is heard


# All of them together


def test_no_sensor_moves_anothers_noise(noise):
    """|r| < 4/√n between any two figures of any two sensors, new or old (40 of them: 780 pairs, P = 5 % of one beyond)."""
    motion, sun, height = standing(), sun_at(30.0), array(1000.0)
    imu = Imu(jnp.zeros(3), jnp.zeros(3), array(1.0), jnp.zeros(3), jnp.zeros(3), array(1.0))
    drifting = ImuErrors(triad(instability=1.0, walk=0.0), triad(instability=1.0))
    shocked = eqx.tree_at(lambda e: (e.accelerometers.correlation_time, e.gyros.correlation_time), drifting, (array(1e-3),) * 2)
    tracker = StarTracker(array(1e-4, 1e-4, 1e-4), jnp.zeros(3), array(1.0))
    speed = Velocimeter(*(array(x) for x in (1.0, 2e3, 300.0, 0.0, 0.1)))

    @jax.jit
    @jax.vmap
    def residuals(e):
        beam, (moved, turned) = beams().measure(motion, seen(), e), imu.measure(motion, unbroken(), e, jnp.asarray(0.1))
        drift = shocked.measure(shocked.initial(jnp.zeros(6)), jnp.zeros(3), jnp.zeros(3), rows(e, "imu_drift"), jnp.asarray(0.1))
        attitude, _ = tracker.measure(motion, jnp.zeros(3), e)
        parts = (
            beam.each.slant_range[:3], beam.each.closing_speed[:3], camera().measure(motion, height, sun, NOW, e).position_M,
            flow().measure(motion, height, height, sun, NOW, e)[0], gauge().measure(motion, array(1.0), array(1.0), e)[0][None],
            drift[0], drift[1], rows(e, "footprint"), moved, turned,
            to_rotation_vector(compose(inverse(motion.attitude_IB), attitude)),
            speed.measure(motion, array(500.0), jnp.zeros(3), e)[0], rows(e, "range_noise"), rows(e, "range_detection"),
        )  # fmt: skip
        return jnp.concatenate(parts)

    figures = np.asarray(residuals(noise))
    correlation = np.corrcoef(figures.T)
    assert np.all(np.std(figures, axis=0) > 0.0)
    assert np.max(np.abs(correlation[np.triu_indices(len(correlation), 1)])) < 4.0 / np.sqrt(SHOTS)
