"""Why a lander met the ground before powered descent, from what was felt and commanded on board."""

from typing import Any

from perilune.assessment.flight import Flight

MISFIT = 0.01  # of the planned velocity: less felt than that is thrust, not an accelerometer's error


def orbit_cause(flight: Flight) -> dict[str, Any]:
    """Cause and chain of an impact in the orbit phase, as `timeline.first_cause` gives them for a landing."""
    o = flight.orbit
    felt, planned = o["delta_velocity_felt_mps"], o["delta_velocity_planned_mps"]
    burnt = o["burn_end_s"] - o["burn_start_s"]
    if felt < (1.0 - MISFIT) * planned:
        said = f"The accelerometers felt {felt:.3f} m/s of the {planned:.3f} m/s planned: "
        said += f"the timer ended the burn after {burnt:.1f} s."
        return {"cause": "burn_not_felt", "chain": [said, flight.outcome.reason]}
    said = f"The burn ended as planned after {burnt:.1f} s, {felt:.3f} m/s felt of {planned:.3f} m/s."
    return {"cause": "impact_from_orbit", "chain": [said, flight.outcome.reason]}
