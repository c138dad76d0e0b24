"""Luna-25, 19 August 2023: the burn that the accelerometers, switched off, did not end (facts §6 and §9)."""

import numpy as np
import pytest

from perilune.campaign.batch import Batch
from perilune.simulation.checks import mission_faults
from perilune.simulation.load import load
from tests.conftest import ORBIT_CHANGES, ORBIT_LANES, REPORTED
from validation import luna_25

HALVES = {"apolune": slice(0, ORBIT_LANES // 2), "perilune": slice(ORBIT_LANES // 2, None)}


@pytest.fixture(scope="module")
def mission():
    """As it ships, in its parking orbit; not compiled for itself."""
    return Batch(load(luna_25.MISSION), "orbit")


@pytest.fixture(scope="module")
def burnt_at(mission):
    """What each apsis changes in the mission."""
    return luna_25.burnt_at(mission)


@pytest.fixture(scope="module")
def fly(orbit_lanes, mission, burnt_at):
    """Half the lanes burnt at apolune, half at perilune, with the mission's own orbit, burn, masses and site in the program that
    all orbit tests fly (its dispersions are the same figures)."""
    own = {path: np.broadcast_to(mission.numbers[path], ORBIT_LANES) for path in ORBIT_CHANGES}
    for path in burnt_at["apolune"]:
        own[path] = np.repeat([burnt_at[where][path] for where in HALVES], ORBIT_LANES // 2)
    ((name, fault),) = mission_faults(mission.mission).items()

    def fly(share: float):
        faults = {name: {**fault, "magnitude": share * fault["magnitude"]}}
        return luna_25.burn_figures(orbit_lanes(range(ORBIT_LANES), faults, own)[0])

    return fly


@pytest.fixture(scope="module")
def flown(fly):
    """As it happened."""
    return fly(1.0)


def test_the_mission_burns_at_apolune_for_84_s(burnt_at, mission):
    """Its thrust is derived from that: rounding to a tenth of a newton is 2e-4."""
    found = burnt_at["apolune"]
    assert mission.numbers["start.apolune_height_above_sphere_m"] == found["start.apolune_height_above_sphere_m"]
    assert mission.numbers["lander.engines.main.thrust_n"] == pytest.approx(found["lander.engines.main.thrust_n"], rel=2e-4)


@pytest.mark.parametrize("where", HALVES)
def test_luna_25(flown, where):
    found = {name: float(np.median(values[HALVES[where]])) for name, values in flown.items()}
    perilune_km, minutes = luna_25.KEPLER[where]
    REPORTED.append(
        f"Luna-25 burnt at {where}: perilune {found['perilune_km']:.1f} km, impact after {found['minutes']:.1f} min "
        f"at {found['angle_deg']:.2f}°"
    )
    assert np.all(flown["hit"] == 1.0)
    assert found["burn_s"] == pytest.approx(luna_25.FLOWN_S, abs=1e-6)  # the timer's, to rounding
    assert found["flown_mps"] / found["planned_mps"] == pytest.approx(127 / 84, rel=0.01)  # the mass left grows lighter
    assert found["perilune_km"] == pytest.approx(perilune_km, abs=3.0)  # km: osculating in a real field against Kepler
    assert found["minutes"] == pytest.approx(minutes, abs=1.0)  # min: the same, over ground 377 m up; from the burn's middle
    assert luna_25.ANGLE_DEG[0] <= found["angle_deg"] <= luna_25.ANGLE_DEG[1]  # F H


def test_burnt_at_apolune_it_is_as_published(flown):
    """The apsis that the mission takes; the other misses by what the field does to it (docs/history.md)."""
    for name, (low, high) in (("perilune_km", luna_25.PERILUNE_KM), ("minutes", luna_25.MINUTES)):
        assert low <= np.median(flown[name][HALVES["apolune"]]) <= high


def test_healthy_the_burn_ends_by_what_is_felt(fly):
    found = fly(0.0)
    assert not np.any(found["hit"])
    for half in HALVES.values():
        assert np.median(found["burn_s"][half]) == pytest.approx(
            luna_25.PLANNED_S, abs=0.5
        )  # s: sampling of a 0.5 % thrust error
        assert np.median(found["flown_mps"][half] / found["planned_mps"][half]) == pytest.approx(1.0, abs=1e-3)
