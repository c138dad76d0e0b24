"""A lander with every instrument: read when they are due, by the program that flies all others, and each fault of theirs seen."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.campaign.batch import Batch
from perilune.foundation.errors import UserError
from perilune.foundation.frames import direction_to, surface_velocity
from perilune.foundation.moon import RADIUS
from perilune.foundation.randomness import draw, run_key
from perilune.foundation.rotation import from_axes
from perilune.simulation.checks import check_faults
from perilune.simulation.lane_flight import flying_cycle, take_off
from perilune.simulation.load import load
from perilune.simulation.numbers import numbers_of
from perilune.simulation.scenario import lane_axes
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder
from perilune.world.faults import CATALOGUE, Struck, unbroken

from ..instruments import EVERYTHING, is_of_instruments

KEY = run_key(4, 0)
TICKS = range(100, 500, 50)  # all instruments are due
LANES = 64
KINDS = [kind for kind in CATALOGUE.values() if is_of_instruments(kind) or kind.target == "velocimeter"]


@pytest.fixture(scope="module")
def laden():
    """The built-in mission with every instrument."""
    return load("resilience", EVERYTHING)


@pytest.fixture(scope="module")
def lander(laden):
    """Its world; two poses 60 m apart over its site, sinking and drifting; and one that is out of reach of all instruments."""
    batch = Batch(laden)
    scenarios, last, _ = batch.start([0])
    axes = lane_axes(scenarios)
    world = jax.tree.map(lambda x, a: x if a is None else x[0], scenarios, axes, is_leaf=lambda x: x is None).world
    truth = jax.tree.map(lambda x: x[0], last.truth)
    truth = eqx.tree_at(lambda t: t.engines.mean, truth, truth.engines.mean.at[6].set(0.4))  # kg/s
    up = direction_to(jnp.radians(laden.site.latitude_deg), jnp.radians(laden.site.longitude_deg))
    east = jnp.cross(jnp.asarray([0.0, 0.0, 1.0]), up)
    east = east / jnp.linalg.norm(east)
    attitude = from_axes(east, jnp.cross(up, east), up)

    def over(height, push=0.2):
        position = (RADIUS + world.ground.height_at(RADIUS * up) + height) * up
        velocity = surface_velocity(position) - 20.0 * up + 3.0 * east
        parts = lambda t: (t.motion.position_I, t.motion.velocity_I, t.motion.attitude_IB, t.motion.delta_velocity_B)  # noqa: E731
        return eqx.tree_at(parts, truth, (position, velocity, attitude, jnp.asarray([0.0, 0.0, push])))

    return world, over(400.0), over(340.0), over(9000.0, 0.0)


@pytest.fixture(scope="module")
def read(lander):
    """Readings at a tick and in a pose with faults in force, lane by lane, after a whole reading in the first pose 50 cycles
    before. One program for all."""
    world, before, *_ = lander

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None, None))
    def twice(value, tick, motion):
        earlier = tick - 50
        _, _, truth = world.measure(before, unbroken(), draw(KEY, earlier), KEY, earlier)
        moved = eqx.tree_at(lambda t: t.motion, truth, motion)
        return world.measure(moved, Struck(value), draw(KEY, tick), KEY, tick)[0]

    def at(values, tick, pose):
        padded = np.zeros((LANES, len(unbroken().value)))
        for lane, value in enumerate(values):
            padded[lane] = value
        return jax.device_get(twice(jnp.asarray(padded), jnp.asarray(tick, jnp.int32), pose.motion))

    return at


def what_is_read(measured, lane):
    """Every figure and flag of a lane."""
    kept = measured.velocity_S, measured.velocimeter_is_valid, measured.sights
    return [np.asarray(leaf)[lane] for leaf in jax.tree.leaves(kept)]


def test_every_fault_of_an_instrument_is_seen(lander, read):
    """Against a whole lander in another lane: in reach of all instruments, or out of reach of them."""
    _, _, after, away = lander
    values = np.zeros((len(KINDS) + 1, len(unbroken().value)))
    for lane, kind in enumerate(KINDS):
        values[lane, kind.rows] = kind.si * kind.example
    several = [*(read(values, tick, after) for tick in TICKS), read(values, TICKS[0], away)]
    for lane, kind in enumerate(KINDS):
        pairs = [zip(what_is_read(one, lane), what_is_read(one, len(KINDS)), strict=True) for one in several]
        assert any(not np.array_equal(a, b) for pair in pairs for a, b in pair), kind.name
    assert len(KINDS) < LANES


def test_a_lost_beam_of_three_leaves_no_velocity(lander, read):
    kind = CATALOGUE["velocimeter.beam_lost"]
    values = np.zeros((2, len(unbroken().value)))
    values[1, kind.rows.start + 1] = 1.0
    measured = read(values, 100, lander[2])
    assert measured.sights.beams.is_locked[:2].tolist() == [[True, True, True, False], [True, False, True, False]]
    assert measured.velocimeter_is_valid[:2].tolist() == [True, False]


def test_a_unit_that_is_off_tells_nothing(lander, read):
    values = np.zeros((2, len(unbroken().value)))
    for lane, name in enumerate(("velocimeter.off", "hazard_lidar.off")):
        values[lane, CATALOGUE[name].rows] = 1.0
    sights = read(values, 100, lander[2]).sights
    assert not np.any(sights.beams.is_locked[0]) and not np.any(sights.beams.slant_range[0])
    assert sights.patch.share[:2].tolist() == [1.0, 0.0] and not np.any(sights.patch.heights[1])
    assert sights.patch.is_valid[:2].tolist() == [True, False]


def test_instruments_read_when_they_are_due(lander, read):
    """At their own intervals: beams and flow every slow step, camera and gauge every second one, the lidar every tenth."""
    ticks, flags = np.arange(50, 155, 5), []
    for tick in ticks:
        sights = jax.tree.map(lambda x: x[0], read([], int(tick), lander[2]).sights)
        flags.append([np.any(sights.beams.is_locked), sights.flow_is_valid, sights.fix_is_valid, sights.propellant_is_valid,
                      sights.patch.is_valid])  # fmt: skip
    assert np.array_equal(np.array(flags), np.stack([ticks % k == 0 for k in (5, 5, 10, 10, 50)], axis=1))
    between = read([], 107, lander[2]).sights
    assert not any(np.any(x) for x in jax.tree.leaves(between))


def test_it_flies_by_the_same_program(short, laden, batch):
    """What a lander carries is a number, not a program; readings hold true when flown."""
    short(range(4))
    known = flying_cycle.cache_info().misses
    assert {k: v.shape for k, v in numbers_of(laden).items()} == {k: v.shape for k, v in numbers_of(batch.mission).items()}
    scenarios, last, _ = Batch(laden).start(range(4), None, {"start.lead_time_s": 0.0})
    lanes = take_off(scenarios, last, recorder(BATCH_CHANNELS, True))
    lanes.advance(50, 10)
    last = lanes.last()
    assert flying_cycle.cache_info().misses == known
    gauge = last.measurements.sights.propellant  # kg; 5 s into the burn, at a slow step
    assert bool(jnp.all(last.measurements.sights.propellant_is_valid))
    assert np.asarray(gauge) == pytest.approx(np.asarray(last.truth.motion.propellant), abs=8.0)  # 4 sigma with slosh noise
    assert float(jnp.std(last.truth.imu.gyros.drift)) > 0.0


@pytest.mark.parametrize("name", ["terrain_camera.off", "velocimeter.beam_lost.1", "hazard_lidar.noise_m",
                                  "assist_engine.stuck_open.7", "leg.strength_error_percent.5",
                                  "attitude_thruster.stuck_open.14"])  # fmt: skip
def test_what_a_lander_does_not_have_cannot_fail(resilience, name):
    with pytest.raises(UserError, match=r"this lander has (no|6|4|12) "):
        check_faults({name: 1.0}, resilience, "here")


def test_a_laden_lander_has_beams_but_not_four(laden):
    check_faults({"velocimeter.beam_lost.3": 1.0, "terrain_camera.off": 1.0}, laden, "here")
    with pytest.raises(UserError, match="this lander has 3 Doppler beams"):
        check_faults({"velocimeter.beam_lost.4": 1.0}, laden, "here")


DOWN, AHEAD = [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]
WRONG = {
    "beams in one plane": ({"lander.sensors.doppler_beams.direction": [DOWN, AHEAD, [0.7071, 0.0, -0.7071]]}, "lie in one plane"),
    "never reads": ({"lander.sensors.terrain_camera.interval_s": 1e10}, "it would never read"),
    "between steps": ({"lander.sensors.terrain_camera.interval_s": 0.7}, "not a whole number of slow steps"),
    "through the body": ({"lander.sensors.optical_flow.boresight": [0.0, 0.0, 1.0]}, "looks through the body"),
    "out of its side": (
        {"lander.sensors.terrain_camera.boresight": AHEAD, "lander.sensors.terrain_camera.place_m": [-0.8, 0.0, 1.0]},
        "looks through the body",
    ),
    "askew": ({"lander.sensors.optical_flow.across": DOWN}, "not at right angles"),
    "never sees": ({"lander.sensors.terrain_camera.least_height_m": 9e3}, "never"),
    "a lidar to the side": ({"lander.sensors.hazard_lidar.tilt_limit_deg": 180.0}, "less than or equal to 45"),
    "two velocities": ({"lander.sensors.velocimeter.is_fitted": 1.0}, "set velocimeter.is_fitted to 0.0"),
    "not a direction": ({"lander.sensors.hazard_lidar.boresight": [0.0, 0.0, -2.0]}, "unit vector"),
    "too many beams": ({"lander.sensors.doppler_beams.direction": [DOWN] * 5}, "at most 4"),
}


@pytest.mark.parametrize("case", WRONG)
def test_instruments_that_make_no_sense_are_refused(case):
    changes, said = WRONG[case]
    with pytest.raises(UserError, match=said):
        load("resilience", EVERYTHING | changes)


def test_what_looks_away_from_the_body_may_stand_on_it():
    load("resilience", EVERYTHING | {"lander.sensors.terrain_camera.boresight": AHEAD,
                                     "lander.sensors.terrain_camera.place_m": [0.8, 0.0, 1.0]})  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [("velocimeter.bias_mps", "no velocimeter and no Doppler beams"), ("star_tracker.off", "no assist engines to land on")],
)
def test_faults_that_a_lander_cannot_have(name, said):
    """On a lander without velocimeter, and at an event that one without assist engines never comes to."""
    mission = load("slim") if name == "star_tracker.off" else load("resilience", {"lander.sensors.velocimeter.is_fitted": 0.0})
    fault = {"magnitude": 1.0, "phase": "final metres"} if name == "star_tracker.off" else 1.0
    with pytest.raises(UserError, match=said):
        check_faults({name: fault}, mission, "here")
