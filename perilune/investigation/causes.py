"""The first cause of a lost flight, wherever it was lost, and the channels from which it is read."""

from typing import Any

from perilune.assessment.flight import Flight

from .orbit import orbit_cause
from .timeline import first_cause

# All that the story of a flight looks at: a campaign keeps these of every cycle.
READS = (
    "executive/acceleration_sensed_mps2",
    "executive/mode",
    "executive/propellant_kg",
    "executive/thrust_demand_n",
    "navigation/climb_rate_mps",
    "navigation/height_above_terrain_m",
    "navigation/speed_mps",
    "range_finder/innovation_m",
    "range_finder/innovation_sigma_m",
    "range_finder/is_offered",
    "range_finder/slant_range_m",
)


def cause_of(flight: Flight) -> dict[str, Any]:
    """A lost flight's first cause and the chain from it to the ground, on the way from orbit or after it; empty where it
    landed."""
    return orbit_cause(flight) if flight.orbit.get("impact") else first_cause(flight)
