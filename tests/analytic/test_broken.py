"""What faults make of readings and valves, against what they say in words."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation.randomness import WIDTH
from perilune.foundation.rotation import compose, from_rotation_vector, inverse, to_rotation_vector
from perilune.interface.design import ENGINES, FEET, TANKS
from perilune.world.faults import CATALOGUE, Struck, unbroken, untouched
from perilune.world.faults.kinds import UNITS
from perilune.world.sensors.broken import Readings, broken_increments, broken_readings, earlier, moved_to, switches
from perilune.world.state import Motion
from perilune.world.vehicle.valves import opened, shares

PERIOD = jnp.asarray(0.1)
MIDDLING = jnp.zeros(WIDTH)  # a normal draw of zero: a chance of one half
STATE = untouched()
TRUE = Readings(
    from_rotation_vector(jnp.asarray([0.1, 0.2, -0.3])),
    jnp.asarray(700.0),
    jnp.asarray([1.0, -2.0, 30.0]),
    jnp.asarray([1.7e6, 2e5, 3e5]),
    jnp.asarray([0.02, -0.04]),
    jnp.asarray(150.0),
    jnp.ones(len(UNITS), bool),
)
DUE = jnp.ones(len(UNITS), bool)


def changed(**parts) -> Readings:
    """TRUE with other parts."""
    names = list(parts)
    return eqx.tree_at(lambda r: [getattr(r, name) for name in names], TRUE, [jnp.asarray(parts[name]) for name in names])


def struck(**faults) -> Struck:
    """Magnitudes in force, SI: kind with __ for its dot and a part after the next → magnitude in the kind's unit."""
    value = np.zeros(len(unbroken().value))
    for name, magnitude in faults.items():
        kind = CATALOGUE[name.replace("__", ".")]
        value[kind.rows] = np.asarray(magnitude) * kind.si
    return Struck(jnp.asarray(value))


def increments(state=STATE, velocity=(0.2, 0.0, 0.4), angle=(0.01, 0.0, -0.02), **faults):
    return broken_increments(jnp.asarray(velocity), jnp.asarray(angle), state, struck(**faults), PERIOD)


def test_increments_of_a_broken_imu():
    velocity, angle, _ = increments()
    assert velocity.tolist() == [0.2, 0.0, 0.4] and angle.tolist() == [0.01, 0.0, -0.02]
    biased, turned, _ = increments(imu__accelerometer_bias_ug=[1e6, 0.0, 0.0], imu__gyro_bias_deg_per_h=[0.0, 3600.0, 0.0])
    assert biased.tolist() == pytest.approx([0.2 + 0.1 * 9.80665, 0.0, 0.4])  # one g for a tenth of a second
    assert turned.tolist() == pytest.approx([0.01, np.radians(0.1), -0.02])  # a degree a second
    scaled, _, _ = increments(imu__accelerometer_scale_ppm=[0.0, 0.0, 5e5])
    assert scaled.tolist() == pytest.approx([0.2, 0.0, 0.6])
    limited, slow, _ = increments(imu__accelerometer_limit_mps2=[1.0, 0.0, 3.0], imu__gyro_limit_deg_per_s=[0.0, 0.0, 1.0])
    assert limited.tolist() == pytest.approx([0.1, 0.0, 0.3])
    assert slow.tolist() == pytest.approx([0.01, 0.0, -np.radians(0.1)])
    lost, still, _ = increments(imu__off=1.0)
    assert not np.any(lost) and not np.any(still)


def test_drift_grows_and_starts_anew_and_stuck_repeats():
    state, seen = STATE, []
    for rate in (2.0, 2.0, 2.0, 0.0, 2.0):
        velocity, _, state = increments(state, imu__accelerometer_drift_ug_per_s=[1e6 / 9.80665 * rate, 0.0, 0.0])
        seen.append(float(velocity[0]) - 0.2)
    assert seen == pytest.approx([0.02, 0.04, 0.06, 0.0, 0.02])  # 2 m/s³, each tenth of a second, over a tenth
    _, _, state = increments(velocity=(0.7, 0.0, 0.0))
    velocity, _, state = increments(state, imu__accelerometer_stuck=[1.0, 0.0, 0.0])
    again, _, _ = increments(state, velocity=(0.9, 0.0, 0.1), imu__accelerometer_stuck=[1.0, 0.0, 0.0])
    assert velocity.tolist() == [0.7, 0.0, 0.4] and again.tolist() == [0.7, 0.0, 0.1]


def figures(read: Readings) -> list[float]:
    """What the units report, in a row."""
    return [float(x) for part in jax.tree.leaves(read)[:-1] for x in np.ravel(part)]


def readings(state=STATE, whole=TRUE, due=DUE, **faults):
    return broken_readings(whole, due, state, struck(**faults), MIDDLING, jnp.asarray(0.5))


def test_readings_of_broken_units():
    read, _ = readings()
    assert figures(read) == figures(TRUE) and all(read.is_valid)
    read, _ = readings(range_finder__bias_m=-40.0, range_finder__scale_percent=10.0, velocimeter__bias_mps=[0.0, 1.0, 0.0])
    assert float(read.slant_range) == pytest.approx(730.0) and read.velocity_B.tolist() == [1.0, -1.0, 30.0]
    assert float(readings(range_finder__bias_m=-5000.0)[0].slant_range) == 0.0
    read, _ = readings(star_tracker__bias_arcsec=[0.0, 3600.0, 0.0])
    off = to_rotation_vector(compose(inverse(TRUE.tracker_IB), read.tracker_IB))
    assert off.tolist() == pytest.approx([0.0, np.radians(1.0), 0.0], abs=1e-12)
    read, state = readings(velocimeter__said_invalid=1.0, star_tracker__off=1.0)
    assert read.is_valid.tolist()[:3] == [False, True, False]
    late, _ = readings(state, changed(slant_range=600.0), range_finder__stuck=1.0)
    assert float(late.slant_range) == 700.0 and bool(late.is_valid[1])
    blind = changed(slant_range=2e4, is_valid=[True] + [False] * (len(UNITS) - 1))
    _, state = readings(whole=blind, velocimeter__off=1.0)
    read, _ = readings(state, velocimeter__stuck=1.0, range_finder__stuck=1.0)
    assert read.is_valid.tolist()[:3] == [True, False, False]  # they have never had a reading to repeat
    for share, is_lost in ((0.6, True), (0.4, False)):  # the draw stands at one half
        assert bool(readings(velocimeter__dropout_probability=share)[0].is_valid[2]) != is_lost
    read, _ = readings(whole=blind, range_finder__said_valid=1.0, velocimeter__said_valid=1.0)
    assert read.is_valid.tolist()[:3] == [True] * 3
    assert float(read.slant_range) == 2e4 and not np.any(read.velocity_B)  # never the truth


def test_readings_of_broken_instruments():
    """A fix moves along the ground's own axes; flow and gauge by share and constant; what is not due reports nothing."""
    read, _ = readings(
        terrain_camera__bias_m=[300.0, -400.0, 50.0], optical_flow__scale_percent=[50.0, 0.0],
        optical_flow__bias_mrad_per_s=[0.0, 10.0], propellant_gauge__scale_percent=-20.0, propellant_gauge__bias_kg=5.0,
    )  # fmt: skip
    off, up = np.asarray(read.fix_M - TRUE.fix_M), np.asarray(TRUE.fix_M) / np.linalg.norm(TRUE.fix_M)
    assert off @ up == pytest.approx(50.0) and np.linalg.norm(off - 50.0 * up) == pytest.approx(500.0)
    east = np.array([-2e5, 1.7e6, 0.0]) / np.hypot(2e5, 1.7e6)
    assert off @ east == pytest.approx(300.0)
    assert read.flow_S.tolist() == pytest.approx([0.03, -0.03]) and float(read.propellant) == pytest.approx(125.0)
    assert float(readings(propellant_gauge__bias_kg=-1000.0)[0].propellant) == 0.0
    read, _ = readings(due=DUE.at[3:].set(False), terrain_camera__said_valid=1.0, optical_flow__stuck=1.0)
    assert read.is_valid.tolist() == [True] * 3 + [False] * 4
    _, state = readings()
    again, _ = readings(
        state, changed(fix_M=[1.8e6, 0.0, 0.0], propellant=90.0), terrain_camera__stuck=1.0, propellant_gauge__stuck=1.0
    )
    assert again.fix_M.tolist() == TRUE.fix_M.tolist() and float(again.propellant) == 150.0


def test_earlier_against_a_parabola():
    """A body that turns at a steady rate under steady thrust and gravity: 0.5 s ago to 1e-3 m of a fine integration."""
    rate, push = jnp.asarray([0.0, 0.02, 0.0]), jnp.asarray([0.0, 0.0, 2.0])
    now = Motion(jnp.asarray([1.75e6, 0.0, 0.0]), jnp.asarray([-50.0, 300.0, 0.0]), jnp.asarray([1.0, 0, 0, 0]), rate,
                 jnp.asarray(100.0), jnp.zeros((2, TANKS)), jnp.zeros((2, TANKS)), push * PERIOD, rate * PERIOD)  # fmt: skip
    then = moved_to(now, earlier(now, PERIOD, jnp.asarray(0.5)))
    pull = np.asarray([-4.9028e12 / 1.75e6**2, 0.0, 0.0]) + np.asarray(push)
    assert np.asarray(then.velocity_I) == pytest.approx(np.asarray(now.velocity_I) - 0.5 * pull, abs=1e-4)
    assert np.asarray(then.position_I) == pytest.approx(
        np.asarray(now.position_I) - 0.5 * np.asarray(now.velocity_I) + 0.125 * pull, abs=1e-4
    )
    assert np.asarray(then.attitude_IB) == pytest.approx([np.cos(0.005), 0.0, -np.sin(0.005), 0.0], abs=1e-12)
    same = moved_to(now, earlier(now, PERIOD, jnp.asarray(0.0)))
    assert same.position_I.tobytes() == now.position_I.tobytes()


def test_switches():
    four = jnp.asarray([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    up = jnp.zeros(FEET, bool)
    down = up.at[1].set(True)

    def says(touching, **faults):
        return bool(switches(touching, four, struck(**faults), MIDDLING))

    assert says(down) and not says(up)
    assert not says(down, footpad_switch__dead=[0.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    assert says(up, footpad_switch__early=[0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    assert not says(up, footpad_switch__early=[0.0, 0.0, 0.0, 0.0, 1.0, 1.0])  # there are no such feet
    assert says(up, footpad_switch__chatter_probability=0.2)  # 1 − 0.8⁴ = 0.59
    assert not says(up, footpad_switch__chatter_probability=0.15)  # 0.48


def test_valves():
    asked = jnp.zeros(ENGINES).at[0].set(0.1).at[3].set(0.04)
    moved, _ = opened(asked, STATE, struck(), jnp.asarray(5.0), PERIOD)
    assert moved.tolist() == asked.tolist()
    moved, _ = opened(asked, STATE, struck(assist_engine__stuck_open=[1.0, 0, 0, 0, 0, 0, 0, 0], main_engine__stuck_closed=1.0),
                      jnp.asarray(5.0), PERIOD)  # fmt: skip
    assert moved[0] == 0.0 and moved[2] == 0.1 and moved[3] == 0.04
    state, flow = STATE, []
    for k in range(12):  # asked from cycle 2 to 6
        wish = jnp.zeros(ENGINES).at[0].set(0.1 if 2 <= k < 7 else 0.0)
        late = struck(main_engine__late_start_s=0.3, main_engine__late_cut_off_s=0.2)
        moved, state = opened(wish, state, late, jnp.asarray(0.1 * k), PERIOD)
        flow.append(float(moved[0]))
    assert flow == [0.1 if 5 <= k < 9 else 0.0 for k in range(12)]
    state, burnt = STATE, 0.0
    for k in range(40):  # a second asked for, a second more
        wish = jnp.zeros(ENGINES).at[0].set(0.1 if k < 10 else 0.0)
        moved, state = opened(wish, state, struck(main_engine__late_cut_off_s=1.0), jnp.asarray(0.1 * k), PERIOD)
        burnt += float(moved[0])
    assert burnt == pytest.approx(2.0)
    state = STATE
    for k in range(40):  # never lit: nothing to go on
        wish = jnp.zeros(ENGINES).at[0].set(0.1 if k < 10 else 0.0)
        late = struck(main_engine__late_start_s=5.0, main_engine__late_cut_off_s=1.0)
        moved, state = opened(wish, state, late, jnp.asarray(0.1 * k), PERIOD)
        assert float(moved[0]) == 0.0
    thrust, drain = shares(struck(main_engine__thrust_error_percent=-100.0, assist_engine__specific_impulse_error_percent=-20.0))
    assert thrust[0] == 0.0 and drain[0] == 0.0 and thrust[2] == 1.0 and float(drain[2]) == pytest.approx(1.25)
