"""The story of a crash comes from what was on board: no true channel is read."""

from dataclasses import replace

import numpy as np
import pytest

from perilune.campaign.one import fly_one
from perilune.flight.modes import TERMINAL
from perilune.interface.events import ONBOARD
from perilune.investigation.causes import READS, cause_of
from perilune.investigation.timeline import first_cause, full_thrust_felt, reaction_chain


def test_the_story_needs_no_truth(flight):
    """Nor anything else but what a campaign keeps of every cycle."""
    onboard = {name: flight.channels[name] for name in ("time_s", *READS)}
    assert not any(name.startswith("truth/") for name in READS)
    # Events of the outside go altogether; those raised on board lose the true height and speed they are told with.
    lost = {"height_above_terrain_m": float("nan"), "speed_mps": float("nan")}
    raised = tuple(replace(event, **lost) for event in flight.events if event.name in {kind.name for kind in ONBOARD})
    blind = replace(flight, channels=onboard, events=raised, resolved={}, faults={})
    told = first_cause(flight)
    assert told["cause"] == "late_range"
    assert len(told["chain"]) == 4  # waited, first range, full thrust, ground
    assert first_cause(blind) == told
    assert reaction_chain(blind) == reaction_chain(flight)


def test_a_diverged_lane_is_blamed_on_nothing_on_board(flight):
    """Its range came late too; but what ended it is the simulation."""
    assert first_cause(flight)["cause"] == "late_range"
    lost = replace(flight.outcome, outcome="diverged", reason="No longer finite.", touchdown=None, margins=())
    assert first_cause(replace(flight, outcome=lost)) == {"cause": "diverged", "chain": ["No longer finite."]}


def test_full_thrust_is_felt_when_it_is_there(flight):
    """The accelerometers tell it within the cycles of thrust rise of the true event."""
    assert full_thrust_felt(flight) == pytest.approx(flight.event("full_thrust").time_s, abs=0.2)


@pytest.mark.parametrize(("left", "cause"), [(3.0, "propellant_exhausted"), (60.0, "thrust_lost")])
def test_silent_engines_are_heard(flight, left, cause):
    """Thrust asked for and not felt in the last 5 s: dry tanks or a lost engine, by what bookkeeping has left."""
    c = dict(flight.channels)
    late = (flight.time > flight.time[-1] - 5.0) & (c["executive/mode"] == TERMINAL)
    c["executive/acceleration_sensed_mps2"] = np.where(late, 0.0, c["executive/acceleration_sensed_mps2"])
    c["executive/propellant_kg"] = np.where(late, left, c["executive/propellant_kg"])
    kept = tuple(e for e in flight.events if e.name != "below_gate_without_range")
    told = first_cause(replace(flight, channels=c, events=kept))
    assert told["cause"] == cause
    began = float(flight.time[late][0])
    assert told["chain"][0].startswith(f"{began:.1f} s: thrust was asked for")


# Fault, magnitude → the cause that its story must name; None: it lands all the same (seed 1).
CAUSES = [
    ("range_finder.weak_return_db", 120.0, "no_range"),
    ("range_finder.bias_m", 500.0, "height_believed_wrong"),
    ("range_finder.bias_m", -2500.0, "height_believed_wrong"),
    ("range_finder.bias_m", -5000.0, "height_believed_wrong"),
    ("range_finder.dropout_probability", 1.0, "no_range"),
    ("range_finder.false_probability", 1.0, "range_not_believed"),
    ("main_engine.thrust_error_percent", -100.0, "thrust_low"),
    ("main_engine.thrust_error_percent", 50.0, "thrust_high"),
    ("velocimeter.off", 1.0, "touchdown_horizontal_speed_mps"),
    ("range_finder.false_probability", 0.5, None),
]


@pytest.mark.parametrize(("kind", "magnitude", "cause"), CAUSES)
def test_every_fault_has_a_cause_in_its_story(batch, kind, magnitude, cause):
    flown = fly_one(batch, 1, {kind: magnitude})
    assert first_cause(flown).get("cause") == cause
    kept = {name: flown.channels[name] for name in ("time_s", *READS)}
    assert cause_of(replace(flown, channels=kept)) == first_cause(flown)
    is_met = flown.outcome.outcome == "landed" and all(margin.left >= 0.0 for margin in flown.outcome.margins)
    assert (cause is None) == is_met  # a soft landing far from the site has its cause as well
    # An engine that gives nothing makes no propellant either.
    assert np.all(np.diff(flown.channels["truth/propellant_kg"]) <= 0.0)
