"""The story of a flight: the chain from its first trouble to the ground, read from onboard telemetry.

Nothing here asks the simulator, and neither the faults that were flown nor any true channel is looked at (a test takes
them away): heights and speeds are those that navigation believed, ranges those that the unit reported, thrust what the
accelerometers felt. Only the verdict itself, how the ground was met, is the assessment's.
"""

from typing import Any

import numpy as np

from perilune.assessment.flight import Event, Flight
from perilune.flight.modes import BRAKING, FINAL, HOLD, TERMINAL
from perilune.foundation.moon import SURFACE_GRAVITY

FULL = 0.95  # of the acceleration that full thrust gives by design: counts as full
SILENT = 0.1  # of the acceleration asked for: below it the engines count as silent ...
SILENT_FOR = 5  # ... when it lasts this many cycles, longer than any pulse's pause
DRY = 0.05  # of the propellant loaded: with less left by bookkeeping, silent engines mean dry tanks


def at(flight: Flight, name: str, time_s: float) -> float:
    """A channel at a moment, linear between samples."""
    return float(np.interp(time_s, flight.time, flight.channels[name]))


def drawn(flight: Flight, path: str) -> float:
    """A number of the lander as drawn."""
    return float(np.asarray(flight.drawn[path]))


def mass_by_bookkeeping(flight: Flight) -> np.ndarray:
    """kg, at every sample."""
    return drawn(flight, "lander.dry_mass_kg") + flight.channels["executive/propellant_kg"]


def full_thrust_felt(flight: Flight) -> float | None:
    """When the accelerometers first felt full thrust in terminal descent, s; None if they never did."""
    full = drawn(flight, "lander.engines.main.thrust_n") + 6.0 * drawn(flight, "lander.engines.assist.thrust_n")
    felt = flight.channels["executive/acceleration_sensed_mps2"] * mass_by_bookkeeping(flight)
    first = np.flatnonzero((flight.channels["executive/mode"] == TERMINAL) & (felt >= FULL * full))
    return float(flight.time[first[0]]) if first.size else None


def engines_silent(flight: Flight) -> float | None:
    """When engines that were asked for thrust stopped giving any, s; None if they never did."""
    c = flight.channels
    is_powered = (c["executive/mode"] >= BRAKING) & (c["executive/mode"] <= FINAL)
    felt = c["executive/acceleration_sensed_mps2"] * mass_by_bookkeeping(flight)
    # A cycle's thrust answers the demand of the cycle before it.
    asked = np.concatenate([[0.0], c["executive/thrust_demand_n"][:-1]])
    is_silent = is_powered & (asked > 0.0) & (felt < SILENT * asked)
    run = np.convolve(is_silent, np.ones(SILENT_FOR), "valid") >= SILENT_FOR
    first = np.flatnonzero(run)
    return float(flight.time[first[0]]) if first.size else None


def reaction_chain(flight: Flight) -> list[dict[str, Any]]:
    """Where the time between the first valid range and full thrust went: named causes and their seconds."""
    marks = [flight.event(name) for name in ("range_finder_acquired", "range_accepted", "terminal_descent_start")]
    times = [event.time_s if event else None for event in marks] + [full_thrust_felt(flight)]
    causes = (
        "m-of-n agreement before navigation takes a range in",
        "accepted ranges confirmed, executive changes mode",
        "attitude, valves and thrust rise, until full thrust is felt",
    )
    chain = []
    if times[0] is not None:
        latency = drawn(flight, "lander.sensors.range_finder.latency_s")
        chain.append({"cause": "age of a range when it is reported (latency)", "seconds": latency})
    for cause, a, b in zip(causes, times[:-1], times[1:], strict=True):
        if a is not None and b is not None:
            chain.append({"cause": cause, "seconds": round(b - a, 3)})
    return chain


def first_cause(flight: Flight) -> dict[str, Any]:
    """What went wrong first, and the chain from there to the ground. Empty where the flight landed."""
    outcome = flight.outcome
    if outcome.outcome == "landed" and outcome.is_within_requirements:
        return {}
    chain: list[str] = []
    waited, acquired = flight.event("below_gate_without_range"), flight.event("range_finder_acquired")
    rejected, silent = flight.event("range_rejected"), engines_silent(flight)
    cause = "unexplained: no onboard event stands out"
    fast = any(m.requirement == "vertical_speed_mps" and m.left < 0 for m in outcome.margins)
    if waited and (fast or outcome.touchdown is None):
        cause = "late_range" if acquired else "no_range"
        chain += late_range_chain(flight, waited, acquired)
    elif silent is not None:
        cause = silent_cause(flight, silent)
    elif rejected and not flight.event("range_accepted"):
        cause = "range_rejected"
        chain.append(f"{rejected.time_s:.1f} s: {rejected.text}")
    elif outcome.touchdown and outcome.outcome in ("hard_landing", "tipped"):
        worst = min((m for m in outcome.margins if m.requirement != "miss_distance_m"), key=lambda m: m.left / m.limit)
        cause = f"touchdown_{worst.requirement}"
    elif outcome.outcome == "landed":
        cause = "miss_distance"
    if silent is not None:
        left = at(flight, "executive/propellant_kg", silent)
        chain.append(
            f"{silent:.1f} s: thrust was asked for and the accelerometers felt none; by bookkeeping {left:.0f} kg of "
            "propellant were left."
        )
    chain.append(outcome.reason)
    return {"cause": cause, "chain": chain}


def silent_cause(flight: Flight, silent: float) -> str:
    """Whether silent engines mean dry tanks."""
    left = at(flight, "executive/propellant_kg", silent)
    return "propellant_exhausted" if left < DRY * drawn(flight, "lander.propellant_mass_kg") else "thrust_lost"


def late_range_chain(flight: Flight, waited: Event, acquired: Event | None) -> list[str]:
    """The chain of a flight whose range came after it was needed."""
    rate = -at(flight, "navigation/climb_rate_mps", waited.time_s)
    chain = [
        f"{waited.time_s:.1f} s: terminal descent was due, but there was no confirmed range; "
        f"navigation held {rate:.0f} m/s and waited."
    ]
    if acquired is None:
        return [*chain, "No valid range came before the ground."]
    when = acquired.time_s
    chain.append(
        f"{when:.1f} s: first valid range, {at(flight, 'range_finder/slant_range_m', when):.0f} m along the beam at "
        f"{at(flight, 'navigation/speed_mps', when):.0f} m/s; navigation had thought the ground to be "
        f"{at(flight, 'navigation/height_above_terrain_m', when):.0f} m below."
    )
    full = full_thrust_felt(flight)
    if full is None:
        return chain
    after = (flight.time >= full) & (flight.channels["executive/mode"] > HOLD) & (flight.channels["executive/mode"] <= TERMINAL)
    sensed = flight.channels["executive/acceleration_sensed_mps2"][after]
    net = float(np.median(sensed)) - SURFACE_GRAVITY
    speed = at(flight, "navigation/speed_mps", full)
    needed = speed**2 / (2.0 * net) if net > 0 else float("inf")
    chain.append(
        f"{full:.1f} s: full thrust, {full - when:.1f} s later, {at(flight, 'navigation/height_above_terrain_m', full):.0f} m "
        f"above the ground at {speed:.0f} m/s; the net {net:.2f} m/s² it gave stops that in {needed:.0f} m."
    )
    return chain
