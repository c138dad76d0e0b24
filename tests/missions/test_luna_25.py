"""Luna-25, 19 August 2023: the burn that the accelerometers, switched off, did not end (facts §6 and §9)."""

import pytest

from tests.conftest import ORBIT_LANES, REPORTED
from validation.orbit import LUNA_FLOWN_S, luna_25


@pytest.fixture(scope="module")
def flown(orbit_lanes, from_orbit):
    """Medians of 32 lanes that burn at apolune, and of 32 at perilune."""
    return luna_25(orbit_lanes, from_orbit.numbers, ORBIT_LANES // 2)


@pytest.mark.parametrize(("where", "perilune_km"), [("apolune", -18.0), ("perilune", -28.0)])
def test_luna_25(flown, where, perilune_km):
    found = flown[where]
    REPORTED.append(
        f"Luna-25 burnt at {where}: perilune {found['perilune_km']:.1f} km, impact after {found['minutes']:.1f} min "
        f"at {found['angle_deg']:.2f}°"
    )
    assert found["hit"] == 1.0
    assert found["burn_s"] == pytest.approx(LUNA_FLOWN_S, abs=1e-6)  # the timer's, to rounding
    assert found["flown_mps"] / found["planned_mps"] == pytest.approx(127 / 84, rel=0.01)  # the mass left grows lighter
    assert found["perilune_km"] == pytest.approx(perilune_km, abs=3.0)  # km: osculating in a real field against Kepler
    assert 38.0 <= found["minutes"] <= 47.0  # F H, from the burn's middle as from an impulse
    assert -2.0 <= found["angle_deg"] <= -1.0  # F H
