"""The executive on Resilience: signs of the ground that are wrong, no range, a thruster that is stuck. All in one batch."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from perilune.campaign.summary import rows
from perilune.flight.executive.contingency import NAMES as CONTINGENCIES
from perilune.flight.executive.cut_off import NAMES as CUT_OFFS
from perilune.flight.executive.health import STATES
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder
from tests.conftest import REPORTED

SEEDS, LANES, THRUSTERS = 4, 64, 12
WEAK = 21.53  # dB, as it flew
AS_DRAWN = {
    "flight.cut_off.by": 0.0,
    "flight.cut_off.contact_time_s": 0.0,
    "flight.cut_off.height_m": 0.5,
    "flight.contingency.without_range": 0.0,
    "flight.contingency.hover_height_m": 0.0,
    "flight.contingency.height_m": 0.0,
    "flight.contingency.rate_mps": 0.0,
    "flight.contingency.reserve_s": 0.0,
    "start.time_limit_s": 1000.0,
}
# kind → what triggers it; magnitude 0 where a case does not name it.
KINDS: dict[str, dict[str, float]] = {
    "range_finder.weak_return_db": {},
    "range_finder.off": {},
    "range_finder.bias_m": {"below_m": 200.0},
    "footpad_switch.early.1": {"below_m": 1500.0},
    "footpad_switch.chatter_probability": {"below_m": 1500.0},
    "footpad_switch.dead": {},
}


class Case(NamedTuple):
    """Figures off the drawn ones, by the last part of their path, and what is broken."""

    figures: dict[str, Any]
    faults: dict[str, float]


def cut_off(by: str, contact_time_s: float = 0.0, height_m: float = 0.5) -> dict[str, float]:
    return {"by": float(CUT_OFFS.index(by)), "contact_time_s": contact_time_s, "cut_off.height_m": height_m}


def without(name: str, **figures: float) -> dict[str, float]:
    given = {"contingency.height_m" if key == "height_m" else key: value for key, value in figures.items()}
    return {"without_range": float(CONTINGENCIES.index(name))} | given


CHATTER, EARLY, DEAD = "footpad_switch.chatter_probability", "footpad_switch.early.1", "footpad_switch.dead"
SHORT, WEAKENED, OFF = "range_finder.bias_m", "range_finder.weak_return_db", "range_finder.off"
CASES = {
    "contact at once, chatter": Case(cut_off("contact"), {CHATTER: 0.01}),
    "contact for 0.3 s, chatter": Case(cut_off("contact", 0.3), {CHATTER: 0.01}),
    "contact for 0.3 s, stuck early": Case(cut_off("contact", 0.3), {EARLY: 1.0}),
    "contact and height, stuck early": Case(cut_off("contact_and_height", 0.3, 1.0), {EARLY: 1.0}),
    "contact or height, dead": Case(cut_off("contact_or_height", 0.3), {DEAD: 1.0}),
    "height, 20 m short": Case(cut_off("height"), {SHORT: -20.0}),
    "contact and height, 20 m short": Case(cut_off("contact_and_height", 0.3, 1.0), {SHORT: -20.0}),
    "wait, weak return": Case(without("wait"), {WEAKENED: WEAK}),
    "hover, weak return": Case(without("hover", hover_height_m=500.0), {WEAKENED: WEAK}),
    "wait, no range": Case(without("wait"), {OFF: 1.0}),
    "hover until dry, no range": Case(without("hover", hover_height_m=500.0, time_limit_s=1600.0), {OFF: 1.0}),
    "hover, then descend, no range": Case(
        without("hover", hover_height_m=500.0, height_m=100.0, rate_mps=2.5, reserve_s=150.0, time_limit_s=1600.0), {OFF: 1.0}
    ),
    "descend, no range": Case(without("descend", height_m=100.0, rate_mps=2.5), {OFF: 1.0}),
}


@pytest.fixture(scope="module")
def flown(batch):
    """Four seeds of each case, and each thruster stuck closed in a lane of its own: rows by case, and the records."""
    cases = [*(case for case in CASES.values() for _ in range(SEEDS)), *[Case({}, {})] * THRUSTERS]
    seeds = [*(seed for _ in CASES for seed in range(SEEDS)), *range(THRUSTERS)]
    assert len(cases) == LANES  # the width of the other tests' program

    def figure(path: str) -> np.ndarray:
        given = ({k: v for k, v in case.figures.items() if path.endswith(f".{k}")} for case in cases)
        return np.array([next(iter(found.values()), AS_DRAWN[path]) for found in given])

    faults: dict[str, Any] = {
        kind: {"magnitude": np.array([case.faults.get(kind, 0.0) for case in cases]), **when} for kind, when in KINDS.items()
    }
    for k in range(THRUSTERS):
        faults[f"attitude_thruster.stuck_closed.{k + 1}"] = (np.arange(LANES) == LANES - THRUSTERS + k).astype(float)
    flight = batch.fly(seeds, recorder(BATCH_CHANNELS, True), 10, faults, {path: figure(path) for path in AS_DRAWN})
    found = rows(flight, seeds, batch.mission.requirements, 10, 0.1)
    return {name: found[k * SEEDS : (k + 1) * SEEDS] for k, name in enumerate([*CASES])} | {"stuck": found[-THRUSTERS:]}


def landed(rows) -> int:
    return sum(row["outcome"] == "landed" for row in rows)


def figures(rows, name: str) -> np.ndarray:
    return np.array([row[name] for row in rows], float)


def test_what_each_cut_off_falls_for(flown):
    """One cycle of chatter, a switch that is stuck, a height of 0 in the air: engines off aloft, and a crash."""
    for name in ("contact at once, chatter", "contact for 0.3 s, stuck early", "height, 20 m short"):
        assert {row["outcome"] for row in flown[name]} == {"crashed"}, name
    assert np.all(
        figures(flown["contact at once, chatter"], "contact_sensed_foot_height_m") > 500.0
    )  # m, of the 1,500 it begins at
    aloft = figures(flown["height, 20 m short"], "ground_believed_reached_foot_height_m")
    assert np.all((aloft > 10.0) & (aloft < 25.0))  # m: the bias, and what the ground hides


@pytest.mark.parametrize(
    "name",
    [
        *("contact for 0.3 s, chatter", "contact and height, stuck early", "contact or height, dead"),
        "contact and height, 20 m short",
    ],
)
def test_what_each_cut_off_survives(flown, name):
    """Down to earth at the planned rate: at most one of four fails, by what stands under its feet."""
    assert landed(flown[name]) >= SEEDS - 1
    assert np.all(figures(flown[name], "vertical_speed_mps") < 2.0)  # the requirement


def test_dead_switches_are_made_up_for_by_the_height(flown):
    assert not np.any(np.isfinite(figures(flown["contact or height, dead"], "contact_sensed_s")))


def test_waiting_hovering_and_descending_without_a_range(flown):
    """As it flew all crash who wait at the held rate; who hovers gets the range at 893 m and lands. Without any range waiting
    meets the ground at the held rate, hovering ends dry, and what descends does so no faster than it was told to."""
    assert landed(flown["wait, weak return"]) == 0 and landed(flown["hover, weak return"]) >= SEEDS - 1
    assert np.all(figures(flown["wait, no range"], "vertical_speed_mps") > 50.0)  # 66 m/s are held
    dry = flown["hover until dry, no range"]
    assert landed(dry) == 0 and np.all(np.isfinite(figures(dry, "propellant_exhausted_s")))
    for name in ("hover, then descend, no range", "descend, no range"):
        slow = flown[name]
        REPORTED.append(f"{name}: {landed(slow)} of {SEEDS} land, {np.median(figures(slow, 'vertical_speed_mps')):.1f} m/s down")


def test_any_attitude_thruster_may_be_stuck(flown):
    """Twelve seeds, each without another thruster: all come down slowly, and no more than one stands on ground that tips it."""
    assert landed(flown["stuck"]) >= THRUSTERS - 1
    assert np.all(figures(flown["stuck"], "vertical_speed_mps") < 2.0)  # the requirement


def test_what_an_operator_reads(flight):
    """Of the flight as it crashed: health of the range finder in order, and a margin that an impulsive stop at the end had."""
    c, time = flight.channels, flight.time
    states = [STATES[int(k)] for k in c["health/range_finder"]]
    accepted = flight.event("range_accepted").time_s
    before = [state for state, at in zip(states, time, strict=True) if at < flight.event("range_finder_acquired").time_s - 0.05]
    assert set(before) == {"never heard"}
    assert {state for state, at in zip(states, time, strict=True) if at > accepted + 0.55} == {"good"}
    assert STATES[int(c["health/terrain_camera"][-1])] == "never heard"  # none is carried
    assert np.all(c["health/imu"] == STATES.index("good"))
    assert c["executive/propellant_margin_kg"][-1] < c["executive/propellant_kg"][-1]
    drop = -np.diff(c["executive/time_to_touchdown_s"])[time[1:] < flight.event("upright").time_s][-300:]
    assert np.median(drop) == pytest.approx(0.1, abs=0.02)  # s a cycle: as planned, but for what the throttle corrects
