"""The story of a crash comes from what was on board: no true channel is read."""

from dataclasses import replace

import numpy as np
import pytest

from perilune.flight.modes import TERMINAL
from perilune.investigation.timeline import first_cause, full_thrust_felt, reaction_chain


def test_the_story_needs_no_truth(flight):
    onboard = {name: values for name, values in flight.channels.items() if not name.startswith("truth/")}
    blind = replace(flight, channels=onboard, resolved={}, faults={})
    told = first_cause(flight)
    assert told["cause"] == "late_range"
    assert len(told["chain"]) == 4
    assert first_cause(blind) == told
    assert reaction_chain(blind) == reaction_chain(flight)


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
