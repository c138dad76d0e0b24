"""What is made up for when engines give less: nothing while they work, and the right share and torque when they do not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.flight.control.effectiveness import LARGE_TORQUE, Watch, counted, given, kept_up, shortfall, watched
from perilune.flight.settings import ControlSettings
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINES
from perilune.simulation.build_software import design
from perilune.simulation.load import load
from perilune.simulation.numbers import numbers_of
from tests.settings import filled

STEP, LAG = 0.1, 1.0
SETTINGS = filled(ControlSettings, jnp.asarray(1.0, float))(thrust_loss_share=jnp.asarray(0.8), thrust_loss_time=jnp.asarray(LAG))
MASS, INERTIA = jnp.asarray(300.0), jnp.asarray([200.0, 210.0, 150.0])


@pytest.fixture(scope="module")
def drawn():
    """SLIM, two main engines and no assist engines."""
    numbers = {path: jnp.asarray(value) for path, value in numbers_of(load("slim")).items()}
    return jax.jit(lambda n: design(n, jnp.zeros(3, bool)))(numbers)


def nothing() -> Watch:
    zero = jnp.zeros(())
    return Watch(zero, zero, zero, jnp.zeros(3), jnp.zeros(3), zero)


def flown(drawn, comes, torque_B, cycles: int, asked=lambda k: 600.0, gap=lambda k: 1.0, rise=0.1):
    """What is to be made up for after each cycle, of engines with a rise that give a share `comes(k)` of `asked(k)` N and a
    torque that nobody asked for."""
    rate = jnp.exp(-STEP / jnp.maximum(drawn.engine_rise, 1e-3))

    @jax.jit
    def one(watch, thrust, wanted, gap):
        felt = thrust / MASS, jnp.zeros(3), torque_B / INERTIA
        after = watched(watch, felt, (wanted, jnp.zeros(3)), MASS, INERTIA, jnp.asarray(STEP / LAG), rate)
        watch = counted(kept_up(watch, after, gap, thrust != 0.0), jnp.asarray(STEP), SETTINGS, drawn)
        return watch, shortfall(watch, SETTINGS, drawn)

    watch, output, found = nothing(), 0.0, []
    for k in range(cycles):
        fade = np.exp(-STEP / rise) if rise else 0.0  # the mean of a first-order rise over the cycle
        target = asked(k) * comes(k)
        mean = target + (output - target) * (1.0 - fade) * rise / STEP
        output = target + (output - target) * fade
        watch, short = one(watch, jnp.asarray(mean), jnp.asarray(asked(k)), jnp.asarray(gap(k)))
        found.append(short)
    return found


@pytest.mark.parametrize("asked", [lambda k: 600.0, lambda k: 200.0 if k < 30 else 900.0, lambda k: 0.0 if k % 20 < 3 else 500.0],
                         ids=["ignition", "throttle up", "pulses"])  # fmt: skip
def test_working_engines_fly_as_if_it_were_not_there(drawn, asked):
    for short in flown(drawn, lambda k: 1.0, jnp.zeros(3), 80, asked):
        assert float(short.share) == 1.0 and not bool(short.is_short)
        assert float(short.most) == np.inf and not np.any(short.torque_B)


def test_lost_thrust_is_told_after_the_lag_and_in_its_size(drawn):
    """A lag τ lets the ratio fall as 1 − 0.45 (1 − e^(−t/τ)): below 0.8 after 0.59 τ, and told a τ later."""
    found = flown(drawn, lambda k: 1.0 if k < 60 else 0.55, jnp.zeros(3), 140)
    first = next(k for k, short in enumerate(found) if bool(short.is_short))
    assert (first - 60) * STEP == pytest.approx(1.59, abs=0.25)  # s: cycles, and the engines' own rise
    assert float(found[-1].share) == pytest.approx(0.55, abs=0.01)  # e^(−8) of the old is left
    assert float(found[-1].most) == np.inf  # nothing turns it


def test_torque_of_the_engine_that_is_left_holds_thrust_back(drawn):
    """The torque has its sign, is made up for only with thrust lost, and bounds the thrust by what thrusters hold."""
    couple = np.asarray(drawn.couple_torque)
    torque_B = jnp.asarray([0.0, -0.9 * couple[1], 0.0])
    quiet = flown(drawn, lambda k: 1.0, torque_B, 60)[-1]
    assert not np.any(quiet.torque_B) and float(quiet.most) == np.inf
    short = flown(drawn, lambda k: 0.55, torque_B, 120)[-1]
    assert np.asarray(short.torque_B) == pytest.approx(np.asarray(torque_B), abs=1e-2)  # N m, e^(−12) of nothing is left
    assert float(short.most) == pytest.approx(0.55 * 600.0 * 0.85 / 0.9, rel=1e-3)  # N: the margin over the part taken
    small = flown(drawn, lambda k: 0.55, 0.9 * LARGE_TORQUE / 0.9 * torque_B, 120)[-1]
    assert not np.any(small.torque_B)


def test_an_outage_and_a_dead_imu_are_no_lost_engine(drawn):
    """The flight computer stands still for 3 s (valves shut, nothing felt); the IMU gives zeros."""
    paused = flown(drawn, lambda k: 1.0, jnp.zeros(3), 80, gap=lambda k: 30.0 if k == 40 else 1.0)
    dead = flown(drawn, lambda k: 1.0 if k < 40 else 0.0, jnp.zeros(3), 80, rise=0.0)
    assert not any(bool(short.is_short) for short in [*paused, *dead])


def test_given_thrust_is_what_commands_ask(drawn):
    main = jnp.where(jnp.arange(ENGINES) < 2, 0.1, 0.0)
    thrust, torque_B = given(Commands(main, jnp.asarray(0.6), jnp.zeros(2)), jnp.asarray(STEP), drawn)
    assert float(thrust) == pytest.approx(0.6 * 1000.0, rel=1e-12)  # 2 × 500 N
    assert not np.any(torque_B)
    one = main.at[10].set(0.05)
    _, torque_B = given(Commands(one, jnp.asarray(0.6), jnp.zeros(2)), jnp.asarray(STEP), drawn)
    assert np.asarray(torque_B) == pytest.approx(0.5 * np.asarray(drawn.attitude_torque[0]), rel=1e-12)  # half a cycle open
