"""The whole catalogue: each fault does something, none of them does anything at zero, and one program flies all."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.campaign.batch import in_orbit
from perilune.campaign.sample import already_broken, break_things, disperse
from perilune.foundation.errors import UserError
from perilune.foundation.randomness import run_key
from perilune.interface.events import ALL, INDEX
from perilune.simulation.checks import check_faults
from perilune.simulation.fault_rows import collected, fault_table, moved_numbers, wanted, words
from perilune.simulation.lane_flight import flying_cycle
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder
from perilune.world.faults import CATALOGUE, FaultTable, Struck, untouched
from perilune.world.faults.kinds import BLOCKS, FIRST, ROWS

from ..instruments import is_of_instruments

# Of the built-in lander; what it does not carry is broken in `test_instruments`.
DESCENT = [kind for kind in CATALOGUE.values() if not in_orbit(kind.name) and not is_of_instruments(kind)]
LANES = 64


programs: list[tuple[int, int]] = []  # how many were compiled when one lander had flown whole
LIT = ("main_engine.late_start_s",)  # after ignition there is nothing left to be late


@pytest.fixture(scope="module")
def flown(batch):
    """Of each kind, beside the whole lander in the same lane: the last snapshot of seed 0 with it at its example from T+600 s on
    (from the start, where it cannot wait). And of a lander with all of them at magnitude zero, beside a whole one."""

    def fly(faults):
        flown = batch.fly([0] * 64, recorder(BATCH_CHANNELS, True), 10, faults)
        return jax.device_get((flown.last, flown.rest))

    def said(kind, magnitude):
        waits = kind.strikes_in_flight and kind.name not in LIT
        return {"magnitude": magnitude, "start_s": 600.0} if waits else magnitude

    def pair(one, other, lane):
        return jax.tree.map(lambda x, y: (x[lane], y[lane]), one, other)

    found, whole = {}, fly({})
    programs.append((flying_cycle.cache_info().misses, batch.prepare._cache_size()))  # type: ignore[attr-defined]
    for first in range(0, len(DESCENT), LANES):
        kinds = DESCENT[first : first + LANES]
        last = fly({kind.name: said(kind, kind.example * (np.arange(LANES) == k)) for k, kind in enumerate(kinds)})
        found |= {kind.name: pair(whole, last, k) for k, kind in enumerate(kinds)}
    return found, pair(whole, fly({kind.name: said(kind, 0.0) for kind in DESCENT}), 0)


def differs(pair_tree) -> bool:
    """Whether the two of any leaf of what happened differ by a bit."""
    last, rest = pair_tree
    what = [rest, last.truth.motion, last.truth.touchdown, last.log, last.memory.navigation, last.tick]
    leaves = jax.tree.leaves(what, is_leaf=lambda x: isinstance(x, tuple) and not hasattr(x, "_fields"))
    return any(not np.array_equal(a, b, equal_nan=True) for a, b in leaves)


def is_measurable(pair) -> bool:
    """Whether it came down a millimetre elsewhere or a tenth of a millimetre a second faster, an event moved by a cycle, a leg
    took up a millimetre more, or the ground and legs together a hundredth more of its energy."""
    last, rest = pair
    touch, log = last.truth.touchdown, last.log
    place, speed = (np.max(np.abs(np.subtract(*x))) for x in (touch.position_I, touch.velocity_I))
    legs = np.max(np.abs(np.subtract(*rest.stroke)))
    lost = np.subtract(*rest.energies.dissipated) / rest.energies.dissipated[0]
    return bool(place > 1e-3 or speed > 1e-4 or not np.array_equal(*log.tick) or legs > 1e-3 or abs(lost) > 1e-2)


@pytest.mark.parametrize("kind", DESCENT, ids=lambda kind: kind.name)
def test_every_fault_does_something(flown, kind):
    assert is_measurable(flown[0][kind.name])


def test_no_fault_does_anything_at_zero(flown):
    assert not differs(flown[1])


def test_at_least_forty_kinds_with_sense():
    """Ranges hold zero and the example, whose magnitude is not zero; blocks hold their rows; texts are sentences."""
    assert len(CATALOGUE) >= 40
    taken = np.zeros(ROWS, int)
    for kind in CATALOGUE.values():
        assert kind.lower <= 0.0 <= kind.upper and kind.lower <= kind.example <= kind.upper and kind.example != 0.0, kind.name
        assert kind.text.endswith("."), kind.name
        assert bool(kind.block) or bool(kind.path), kind.name
        if kind.strikes_in_flight:
            assert kind.rows.stop <= FIRST[kind.block] + BLOCKS[kind.block], kind.name
            taken[kind.rows] += 1
    assert taken.max() == 1  # no two kinds share a row


@pytest.mark.parametrize("kind", [k for k in DESCENT if not k.strikes_in_flight], ids=lambda kind: kind.name)
def test_what_a_fault_of_numbers_moves(batch, kind):
    """On dispersed numbers: nothing at zero, and its own number at its example, in the house that it strikes."""
    healthy = disperse(batch.mission, batch.numbers, run_key(3, 0))
    for magnitude, wanted_moved in ((0.0, []), (kind.example, [kind.path.removeprefix("software:")])):
        for is_on_board in (False, True):
            broken = break_things(healthy, {kind.name: magnitude}, is_on_board)
            moved = [path for path in healthy if np.asarray(healthy[path]).tobytes() != np.asarray(broken[path]).tobytes()]
            assert moved == (wanted_moved if is_on_board == kind.path.startswith("software:") else [])


def test_the_orbit_phase_knows_what_is_broken_from_the_start(batch):
    healthy = disperse(batch.mission, batch.numbers, run_key(3, 0))
    asked = {"main_engine.thrust_error_percent": -10.0, "imu.accelerometer_bias_ug.z": {"magnitude": 70.0, "start_s": 5.0}}
    broken = already_broken(healthy, table_of(asked))
    moved = [path for path in healthy if not np.array_equal(healthy[path], broken[path])]
    assert moved == ["lander.engines.main.thrust_error_percent"]
    path = moved[0]
    assert np.asarray(broken[path] - healthy[path]) == pytest.approx(-10.0, abs=1e-12)  # rounding of ppm to percent and back


def table_of(faults: Mapping) -> FaultTable:
    """The table of one lane."""
    leaves = fault_table(collected(faults, "here"), 1, "here")
    return FaultTable(**{name: jnp.asarray(value[0]) for name, value in leaves.items()})


def history(faults: Mapping, name: str, heights=lambda t: 1e4, happened=lambda t: ()) -> list[float]:
    """A fault's magnitude in force at every second of a minute."""
    table, state, found = table_of(faults), untouched(), []
    for t in range(60):
        flags = np.zeros(len(ALL), bool)
        flags[[INDEX[event] for event in happened(t)]] = True
        state, struck = table.strike(state, jnp.asarray(float(t)), jnp.asarray(float(heights(t))), jnp.asarray(flags))
        found.append(float(struck.value[CATALOGUE[name].rows][0]))
    return found


def test_triggers_go_off_once_and_end():
    name = "range_finder.bias_m"

    def on(first, last):
        return [7.0 if first <= t < last else 0.0 for t in range(60)]

    assert history({name: 7.0}, name) == on(0, 60)
    assert history({name: {"magnitude": 7.0, "start_s": 20.0, "duration_s": 5.0}}, name) == on(20, 25)
    assert history({name: {"magnitude": 7.0, "start_s": 20.0, "delay_s": 3.0}}, name) == on(23, 60)
    assert history({name: {"magnitude": 7.0, "duration_s": 4.0}}, name) == on(0, 4)
    below = {name: {"magnitude": 7.0, "below_m": 500.0, "duration_s": 10.0}}
    assert history(below, name, heights=lambda t: 1000.0 - 30.0 * t) == on(17, 27)
    bouncing = history(below, name, heights=lambda t: 400.0 if t in (5, 40) else 1000.0)
    assert bouncing == on(5, 15)  # once
    event = {name: {"magnitude": 7.0, "event": "upright", "delay_s": 2.0}}
    assert history(event, name, happened=lambda t: ("upright",) if t >= 30 else ()) == on(32, 60)
    phase = {name: {"magnitude": 7.0, "phase": "descent hold"}}
    assert history(phase, name, happened=lambda t: ("upright",) if t >= 30 else ()) == on(30, 60)


def test_parts_units_and_common_causes():
    asked = {
        "assist_engine.stuck_closed.3": {"magnitude": 1.0, "cause": "driver B", "start_s": 12.0, "duration_s": 6.0},
        "imu.gyro_stuck.x": {"magnitude": 1.0, "cause": "driver B"},
        "imu.gyro_bias_deg_per_h": 36.0,
    }
    table = table_of(asked)
    struck = Struck(table.magnitude)
    assert struck.of("engine_closed").tolist() == [0.0] * 4 + [1.0] + [0.0] * 21  # after two main slots
    assert struck.of("fast_stuck").tolist() == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    assert struck.of("fast_bias")[3:].tolist() == pytest.approx([np.radians(36.0) / 3600.0] * 3)
    engine, gyro = CATALOGUE["assist_engine.stuck_closed"].rows.start + 2, CATALOGUE["imu.gyro_stuck"].rows.start
    assert int(table.bit[engine]) == int(table.bit[gyro]) == 2
    assert history(asked, "imu.gyro_stuck") == [1.0 if 12 <= t < 18 else 0.0 for t in range(60)]


WRONG = {
    "unknown": ({"range_finder.bais_m": 1.0}, "Did you mean “range_finder.bias_m”"),
    "part": ({"assist_engine.stuck_open.9": 1.0}, "has no part “9”: its parts are 1, 2"),
    "no parts": ({"range_finder.bias_m.2": 1.0}, "it has no parts"),
    "outside": ({"range_finder.weak_return_db": -3.0}, "is outside 0..120"),
    "not a number": ({"range_finder.bias_m": float("nan")}, "is outside"),
    "two triggers": ({"range_finder.bias_m": {"magnitude": 1.0, "start_s": 1.0, "below_m": 5.0}}, "has 2 triggers"),
    "event": ({"range_finder.bias_m": {"magnitude": 1.0, "event": "uprigth"}}, "Did you mean “upright”"),
    "after the end": ({"range_finder.bias_m": {"magnitude": 1.0, "event": "touchdown"}}, "could never strike"),
    "after the limit": ({"range_finder.bias_m": {"magnitude": 1.0, "start_s": 2000.0}}, "could never strike"),
    "under the ground": ({"range_finder.bias_m": {"magnitude": 1.0, "below_m": -5.0}}, "nothing flies any more"),
    "no time": ({"range_finder.bias_m": {"magnitude": 1.0, "duration_s": 0.0}}, "lasts 0 s"),
    "phase": ({"range_finder.bias_m": {"magnitude": 1.0, "phase": "breaking"}}, "Did you mean “braking”"),
    "phase and event": ({"range_finder.bias_m": {"magnitude": 1.0, "phase": "braking", "event": "upright"}}, "not both"),
    "before the flight": ({"onboard_map.shift_up_m": {"magnitude": 1.0, "start_s": 5.0}}, "takes no trigger"),
    "no magnitude": ({"range_finder.bias_m": {"start_s": 5.0}}, "needs a magnitude"),
    "key": ({"range_finder.bias_m": {"magnitude": 1.0, "start": 5.0}}, "unknown key start"),
    "same part": ({"assist_engine.stuck_open": 1.0, "assist_engine.stuck_open.2": 1.0}, "strike the same part"),
    "open and closed": ({"main_engine.stuck_open": 1.0, "main_engine.stuck_closed": 1.0}, "contradict each other"),
    "part of all": ({"assist_engine.stuck_open": 1.0, "assist_engine.stuck_closed.2": 1.0}, "contradict each other"),
    "open for good": (
        {"main_engine.stuck_open": 1.0, "main_engine.stuck_closed": {"magnitude": 1.0, "start_s": 700.0}},
        "contradict each other",
    ),
    "the part of another": (
        {
            "assist_engine.stuck_closed.1": {"magnitude": 1.0, "start_s": 5.0},
            "assist_engine.stuck_closed.2": 1.0,
            "assist_engine.stuck_open.2": 1.0,
        },
        "contradict each other",
    ),
    "half a switch": ({"imu.off": 0.3}, "it is 0 or 1"),
    "word": ({"imu.off": "yes"}, "is not a number"),
    "word for a time": ({"imu.off": {"magnitude": 1.0, "start_s": "soon"}}, "is not a number"),
    "no delay": ({"imu.off": {"magnitude": 1.0, "delay_s": None}}, "is not a number"),
    "delay past the limit": ({"imu.off": {"magnitude": 1.0, "delay_s": 3600.0}}, "could never strike"),
    "before the beginning": ({"imu.off": {"magnitude": 1.0, "start_s": -5.0}}, "outside 0"),
    "cause of a map": (
        {
            "onboard_map.shift_up_m": {"magnitude": 9.0, "cause": "a"},
            "velocimeter.off": {"magnitude": 1.0, "cause": "a", "start_s": 2.0},
        },
        "takes no trigger",
    ),
    "two causes": (
        {
            "range_finder.bias_m": {"magnitude": 1.0, "cause": "a", "start_s": 1.0},
            "velocimeter.off": {"magnitude": 1.0, "cause": "a", "start_s": 2.0},
        },
        "two triggers",
    ),
    "too many": (
        {f"attitude_thruster.stuck_closed.{k}": {"magnitude": 1.0, "start_s": float(k)} for k in range(1, 13)},
        "more than 11 different triggers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_faults_that_make_no_sense_are_refused(batch, case):
    faults, said = WRONG[case]
    with pytest.raises(UserError, match=said):
        batch.arguments([0], faults)


def test_faults_that_do_not_contradict(resilience):
    """Other parts, other times, or one of them at zero."""
    check_faults({"assist_engine.stuck_open.1": 1.0, "assist_engine.stuck_closed.2": 1.0}, resilience, "here")
    soon, late = {"magnitude": 1.0, "start_s": 100.0, "duration_s": 9.0}, {"magnitude": 1.0, "start_s": 700.0}
    check_faults({"main_engine.stuck_open": soon, "main_engine.stuck_closed": late}, resilience, "here")
    check_faults({"velocimeter.off": {"magnitude": 1.0, "start_s": np.array([1.0, 2.0])}}, resilience, "here")
    check_faults({"velocimeter.off": 1.0, "velocimeter.said_valid": 1.0}, resilience, "here")
    check_faults({"main_engine.stuck_open": [1.0, 0.0], "main_engine.stuck_closed": [0.0, 1.0]}, resilience, "here")


def test_faults_as_words_and_tables():
    fault = wanted("velocimeter.off", {"magnitude": 1.0, "event": "upright", "delay_s": 2.0, "duration_s": 5.0}, "here")
    assert fault.as_json() == {"magnitude": 1.0, "event": "upright", "delay_s": 2.0, "duration_s": 5.0}
    assert words(fault.name, fault.as_json()) == "velocimeter.off = 1 from upright on, 2 s later, for 5 s"
    assert wanted("velocimeter.off", 1.0, "here").as_json() == 1.0
    assert set(moved_numbers([], 1)) == {kind.name for kind in CATALOGUE.values() if not kind.strikes_in_flight}


def test_the_catalogue_is_one_program(batch, flown):
    """Nothing was compiled for any kind, at its example or at zero, nor for a trigger by height, a part and a common cause."""
    faults = {
        "tank.leak_kgps": {"magnitude": 0.3, "below_m": 4000.0, "cause": "burst"},
        "attitude_thruster.stuck_open.7": {"magnitude": 1.0, "cause": "burst"},
        "computer.off": {"magnitude": 1.0, "event": "upright", "delay_s": 1.0, "duration_s": 0.5},
    }
    batch.fly(range(64), recorder(BATCH_CHANNELS, True), 10, faults)
    assert programs == [(flying_cycle.cache_info().misses, batch.prepare._cache_size())]  # type: ignore[attr-defined]
