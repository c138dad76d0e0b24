"""What the filter expects of beams, fixes and flow, against the world's own sensors without noise; its rows by differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.flight.memory import SIGHT_ROWS, STATES, NavigationState
from perilune.flight.navigation.sights import predict_sights
from perilune.flight.navigation.update import corrected
from perilune.foundation.frames import inertial_to_fixed
from perilune.foundation.grid import height_map
from perilune.foundation.moon import RADIUS
from perilune.foundation.rotation import compose, from_axes, from_rotation_vector
from perilune.interface.measurements import nothing_sighted
from perilune.world.sensors.optical_flow import OpticalFlow
from perilune.world.sensors.terrain_camera import TerrainCamera, View
from perilune.world.state import Motion
from tests.analytic.test_motion import moving
from tests.settings import filled

TIME = jnp.asarray(420.0)
LATENCY = 0.2
BEAMS = np.array([[0.38, 0.0, -0.925], [-0.19, 0.33, -0.925], [-0.19, -0.33, -0.925], [0.0, 0.0, -1.0]])


def level_map(height=0.0):
    """Level ground on board about latitude and longitude zero."""
    return height_map(np.full((64, 64), height), -0.05, -0.05, 0.1 / 63)


def lander(height=2000.0) -> Motion:
    """Over the map's middle, tilted by 0.2 rad, coming down and across."""
    angle = 2.6617e-6 * float(TIME)  # the Moon's turn until then
    up, east, north = np.array([np.cos(angle), np.sin(angle), 0.0]), np.array([-np.sin(angle), np.cos(angle), 0.0]), np.eye(3)[2]
    upright_IB = from_axes(jnp.asarray(east), jnp.asarray(north), jnp.asarray(up))
    return moving(
        position_I=jnp.asarray((RADIUS + height) * up),
        velocity_I=jnp.asarray(-25.0 * up + 40.0 * east + 12.0 * north),
        attitude_IB=compose(upright_IB, from_rotation_vector(jnp.asarray([0.12, -0.16, 0.3]))),
    )


def estimate_of(motion: Motion) -> NavigationState:
    """Flight software that knows it all."""
    zero = jnp.zeros(())
    return filled(NavigationState, zero)(
        position_I=motion.position_I,
        velocity_I=motion.velocity_I,
        attitude_IB=motion.attitude_IB,
        accelerometer_bias_B=jnp.zeros(3),
        gyro_bias_B=jnp.zeros(3),
        gyro_scale=jnp.zeros(3),
        tracker_alignment_B=jnp.zeros(3),
        fix_tie_M=jnp.zeros(3),
    )


def earlier(motion: Motion) -> Motion:
    """A latency ago, without acceleration and turning."""
    return eqx.tree_at(lambda m: m.position_I, motion, motion.position_I - LATENCY * motion.velocity_I)


def sights_of(motion: Motion, height: float):
    """What the sensors read without noise, at their latency."""
    wide = View(jnp.asarray([0.0, 0.0, -1.0]), *(jnp.asarray(x) for x in (0.0, 1e5, -2.0, 2.0, 1.0, 1.0)))
    one, none = jnp.asarray(1.0), jnp.asarray(0.0)
    camera = TerrainCamera(wide, none, none, none, none, one, jnp.zeros(3), none, none, none)
    flow = OpticalFlow(wide, jnp.asarray([1.0, 0.0, 0.0]), none, jnp.zeros(2), none, one, none)
    then, noise = earlier(motion), jnp.zeros(63)
    above = jnp.asarray(height + LATENCY * 25.0)
    cosine = wide.nadir_cosine(then)  # level ground
    flow_S, _ = flow.measure(then, above, above / cosine, jnp.asarray([1.0, 0.0, 0.0]), TIME, noise)
    fix = camera.measure(then, above, jnp.asarray([1.0, 0.0, 0.0]), TIME, noise)
    return eqx.tree_at(lambda s: (s.fix_M, s.flow_S), nothing_sighted(), (fix.position_M, flow_S))


def drawn_for(design):
    """Figures of the sights as above."""
    from perilune.interface.design import SightsDesign

    return design(SightsDesign, jnp.asarray(0.01, float))(
        is_carried=jnp.ones(3, bool),
        beams_B=jnp.asarray(BEAMS / np.linalg.norm(BEAMS, axis=1)[:, None]),
        beams_latency=jnp.asarray(0.0),
        fix_latency=jnp.asarray(LATENCY),
        flow_latency=jnp.asarray(LATENCY),
        flow_boresight_B=jnp.asarray([0.0, 0.0, -1.0]),
        flow_across_B=jnp.asarray([1.0, 0.0, 0.0]),
    )


@pytest.fixture(scope="module")
def predicted():
    """The rows of an estimate, as a function of it."""
    from perilune.flight.settings import NavigationSettings

    three = {name: jnp.ones(3) for name in ("position_sigma", "velocity_sigma", "tracker_sigma")}
    settings, drawn = filled(NavigationSettings, jnp.asarray(1.0, float))(**three), drawn_for(filled)
    motion, height = lander(), 2000.0
    seen = sights_of(motion, height)
    run = jax.jit(lambda state: predict_sights(state, jnp.zeros(3), seen, level_map(), drawn, settings, TIME))
    return estimate_of(motion), run


def test_expected_is_what_the_sensors_read(predicted):
    state, run = predicted
    residual = np.asarray(run(state).residual)
    fix, flow = residual[4:7], residual[7:9]
    assert np.abs(fix).max() < 1e-6  # m: rounding at 1.7e6 m
    # rad/s of 0.02: the sensor turns its latency's way round the Moon, 8 m of 2 km, which the speed's level part follows by 5e-6
    assert np.abs(flow).max() < 1e-6
    position_M = np.asarray(inertial_to_fixed(state.position_I, TIME))
    axes = np.asarray(jax.vmap(lambda d: inertial_to_fixed(rotated(state, d), TIME))(jnp.asarray(BEAMS)))
    for k, ray in enumerate(axes / np.linalg.norm(axes, axis=1)[:, None]):
        b = position_M @ ray  # sphere of RADIUS: s² + 2 b s + r² − R² = 0
        exact = -b - np.sqrt(b * b - position_M @ position_M + RADIUS**2)
        assert -residual[k] == pytest.approx(exact, abs=0.02)  # m: the ray's march; residual = 0 − predicted


def rotated(state, direction_B):
    from perilune.foundation.rotation import rotate

    return rotate(state.attitude_IB, direction_B)


def test_rows_are_the_derivatives(predicted):
    """Each row against central differences of the residual under a corrected estimate."""
    state, run = predicted
    rows = np.asarray(run(state).sensitivity)
    residual = jax.jit(lambda dx: run(corrected(state, dx)).residual)
    steps = np.concatenate([np.full(3, 1.0), np.full(3, 0.1), np.full(3, 1e-4), np.full(13, 1e-6), np.full(7, 1.0)])
    for j in [*range(9), 22, 24, 26, 27, 28]:
        step = jnp.zeros(STATES).at[j].set(steps[j])
        numeric = -(np.asarray(residual(step)) - np.asarray(residual(-step))) / (2 * steps[j])
        for k, kind in enumerate(SIGHT_ROWS):
            scale = {"beam": 1.0, "fix": 1.0, "flow": 1e-3}[kind] * (2000.0 if 6 <= j < 9 else 1.0)
            assert rows[k, j] == pytest.approx(numeric[k], abs=2e-3 * scale), (kind, k, j)  # the beams' short march


def test_beams_are_the_range_finders_alternate():
    """Their ranges are offered while none of the finder's is taken, under-weighted at first, and not with a foot down."""
    from perilune.flight.navigation.sights import offered_sights
    from perilune.flight.settings import NavigationSettings
    from perilune.interface.measurements import nothing_measured

    three = {name: jnp.ones(3) for name in ("position_sigma", "velocity_sigma", "tracker_sigma")}
    settings, drawn = filled(NavigationSettings, jnp.asarray(2.0))(**three), drawn_for(filled)
    blank = nothing_measured(jnp.asarray([1.0, 0.0, 0.0, 0.0]), jnp.asarray(0.1))
    locked = jnp.asarray([True, True, False, True])
    flags = lambda m: (m.sights.beams.is_locked, m.sights.fix_is_valid, m.sights.flow_is_valid)  # noqa: E731
    measured = eqx.tree_at(flags, blank, (locked, jnp.ones((), bool), jnp.ones((), bool)))
    yes, no = jnp.ones((), bool), jnp.zeros((), bool)
    first = offered_sights(measured, jnp.asarray(0.0), yes, drawn, settings)
    assert first.is_offered.tolist() == [True, True, False, True] + [True] * 5
    assert first.underweight.tolist() == [2.0] * 4 + [0.0] * 5
    assert not np.any(offered_sights(measured, jnp.asarray(5.0), yes, drawn, settings).underweight)
    assert offered_sights(measured, jnp.asarray(0.0), no, drawn, settings).is_offered.tolist() == [False] * 4 + [True] * 5
    down = eqx.tree_at(lambda m: m.has_contact, measured, yes)
    assert not np.any(offered_sights(down, jnp.asarray(0.0), yes, drawn, settings).is_offered)
