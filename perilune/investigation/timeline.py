"""The story of a flight: the chain from its first trouble to the ground, read from events and onboard telemetry.

Nothing here asks the simulator, and the faults that were flown are not looked at. Onboard channels say what was believed
and sensed; the heights and speeds that events are told with are the true ones, for the reader's sake.
"""

from typing import Any

import numpy as np

from perilune.assessment.flight import Event, Flight
from perilune.flight.modes import HOLD
from perilune.foundation.moon import SURFACE_GRAVITY


def reaction_chain(flight: Flight) -> list[dict[str, Any]]:
    """Where the time between the first valid range and full thrust went: named causes and their seconds."""
    steps = (
        ("range_finder_acquired", "range_accepted", "m-of-n agreement before navigation takes a range in"),
        ("range_accepted", "terminal_descent_start", "accepted ranges confirmed, executive changes mode"),
        ("terminal_descent_start", "full_thrust", "attitude, valves and thrust rise"),
    )
    chain = []
    latency = flight.resolved.get("lander.sensors.range_finder.latency_s")
    if flight.event("range_finder_acquired") and latency is not None:
        chain.append({"cause": "age of a range when it is reported (latency)", "seconds": float(np.asarray(latency))})
    for first, second, cause in steps:
        a, b = flight.event(first), flight.event(second)
        if a and b:
            chain.append({"cause": cause, "seconds": round(b.time_s - a.time_s, 3)})
    return chain


def descent_rate_at(flight: Flight, event: Event) -> float:
    """Descent rate that navigation believed at an event, m/s, down positive."""
    return -float(np.interp(event.time_s, flight.time, flight.channels["navigation/climb_rate_mps"]))


def first_cause(flight: Flight) -> dict[str, Any]:
    """What went wrong first, and the chain from there to the ground. Empty where the flight landed."""
    outcome = flight.outcome
    if outcome.outcome == "landed" and outcome.is_within_requirements:
        return {}
    chain: list[str] = []
    waited, acquired = flight.event("below_gate_without_range"), flight.event("range_finder_acquired")
    dry, rejected = flight.event("propellant_exhausted"), flight.event("range_rejected")
    cause = "unexplained: no onboard event stands out"
    fast = any(m.requirement == "vertical_speed_mps" and m.left < 0 for m in outcome.margins)
    if waited and (fast or outcome.touchdown is None):
        cause = "late_range" if acquired else "no_range"
        chain += late_range_chain(flight, waited, acquired)
    elif dry:
        cause = "propellant_exhausted"
    elif rejected and not flight.event("range_accepted"):
        cause = "range_rejected"
        chain.append(f"{rejected.time_s:.1f} s: {rejected.text}")
    elif outcome.touchdown and outcome.outcome in ("hard_landing", "tipped"):
        worst = min((m for m in outcome.margins if m.requirement != "miss_distance_m"), key=lambda m: m.left / m.limit)
        cause = f"touchdown_{worst.requirement}"
    elif outcome.outcome == "landed":
        cause = "miss_distance"
    if dry:
        chain.append(f"{dry.time_s:.1f} s: {dry.text}")
    chain.append(outcome.reason)
    return {"cause": cause, "chain": chain}


def late_range_chain(flight: Flight, waited: Event, acquired: Event | None) -> list[str]:
    """The chain of a flight whose range came after it was needed."""
    rate = descent_rate_at(flight, waited)
    chain = [
        f"{waited.time_s:.1f} s: terminal descent was due, but there was no confirmed range; "
        f"navigation held {rate:.0f} m/s and waited."
    ]
    if acquired is None:
        return [*chain, "No valid range came before the ground."]
    chain.append(
        f"{acquired.time_s:.1f} s: first valid range, {acquired.height_above_terrain_m:.0f} m above the ground "
        f"at {acquired.speed_mps:.0f} m/s."
    )
    lost = sum(step["seconds"] for step in reaction_chain(flight)[1:])
    full = flight.event("full_thrust")
    if full is None:
        return chain
    after = (flight.time >= full.time_s) & (flight.channels["executive/mode"] > HOLD)
    sensed = flight.channels["executive/acceleration_sensed_mps2"][after]
    net = float(np.median(sensed)) - SURFACE_GRAVITY if sensed.size else float("nan")
    speed, height = full.speed_mps, full.height_above_terrain_m
    needed = speed**2 / (2.0 * net) if net > 0 else float("inf")
    chain.append(
        f"{full.time_s:.1f} s: full thrust, {lost:.1f} s later, {height:.0f} m above the ground at {speed:.0f} m/s; "
        f"the net {net:.2f} m/s² it gave stops that in {needed:.0f} m."
    )
    return chain
