"""The story of a flight: the chain from its first trouble to the ground, read from onboard telemetry.

Nothing here asks the simulator, and neither the faults that were flown nor any true channel is looked at (a test takes
them away): heights and speeds are those that navigation believed, ranges those that the unit reported, thrust what the
accelerometers felt. Only the verdict itself, how the ground was met, is the assessment's.
"""

from typing import Any

import numpy as np

from perilune.assessment.flight import Event, Flight
from perilune.assessment.outcome import Outcome
from perilune.assessment.propulsion import full_thrust
from perilune.flight.modes import BRAKING, FINAL, HOLD, TERMINAL
from perilune.foundation.moon import SURFACE_GRAVITY

RISE = 3.0  # time constants to 95 % of full thrust, a first-order rise
FULL = 0.95  # of the acceleration that full thrust gives by design: counts as full
SILENT = 0.1  # of the acceleration asked for: below it the engines count as silent ...
SILENT_FOR = 5  # ... when it lasts this many cycles, longer than any pulse's pause
MISFIT = 0.05  # of the thrust asked for in braking: this much more or less, felt in the median, is an engine at fault
ASTRAY_M = 20.0  # a believed height over the ground this far off at contact is no landing radar's noise
FINAL_FOR = 60.0  # s: the last metres take ten at a metre a second; much longer, and the ground is elsewhere
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
    full = full_thrust(flight.drawn)
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


def thrust_share(flight: Flight) -> float:
    """Median of thrust felt over thrust asked for while braking; NaN for a flight that never braked."""
    c = flight.channels
    felt = c["executive/acceleration_sensed_mps2"] * mass_by_bookkeeping(flight)
    asked = np.concatenate([[0.0], c["executive/thrust_demand_n"][:-1]])
    braking = (c["executive/mode"] == BRAKING) & (asked > 0.0)
    return float(np.median(felt[braking] / asked[braking])) if braking.any() else float("nan")


def height_astray(flight: Flight, silent: float | None) -> str | None:
    """A sentence where the ground, empty tanks or the end of time came at a height that navigation did not believe in."""
    contact = flight.event("contact_sensed")
    met = contact is not None and silent is None
    when = contact.time_s if contact is not None and met else float(flight.time[-1]) if silent is None else silent
    believed = at(flight, "navigation/height_above_terrain_m", when)
    if met and abs(believed) > ASTRAY_M:
        return f"{when:.1f} s: a footpad met the ground while navigation believed it {believed:.0f} m below."
    if not met and believed < -ASTRAY_M:
        return f"{when:.1f} s: navigation believed the lander {-believed:.0f} m under the ground, and still aloft."
    final = flight.event("main_engine_off")
    if final is not None and when - final.time_s > FINAL_FOR:
        return (
            f"{final.time_s:.1f} s: the last metres were believed to begin, and {when - final.time_s:.0f} s later they "
            "were not over."
        )
    return None


def reaction_chain(flight: Flight) -> list[dict[str, Any]]:
    """Where the time between the first valid range and full thrust went: named causes and their seconds."""
    marks = [flight.event(name) for name in ("range_finder_acquired", "range_accepted", "terminal_descent_start")]
    times = [event.time_s if event else None for event in marks] + [full_thrust_felt(flight)]
    causes = (
        "m-of-n agreement before navigation takes a range in",
        "accepted ranges confirmed, executive changes mode",
        "attitude and valves, until full thrust is felt",
    )
    rise = RISE * drawn(flight, "lander.engines.main.rise_time_s")
    chain = []
    if times[0] is not None:
        latency = drawn(flight, "lander.sensors.range_finder.latency_s")
        chain.append({"cause": "age of a range when it is reported (latency)", "seconds": latency})
    for cause, a, b in zip(causes, times[:-1], times[1:], strict=True):
        if a is None or b is None:
            continue
        last = cause == causes[-1]
        chain.append({"cause": cause, "seconds": round(max(b - a - rise, 0.0) if last else b - a, 3)})
        if last:
            chain.append({"cause": "thrust rise to 95 %", "seconds": round(min(rise, b - a), 3)})
    return chain


def first_cause(flight: Flight) -> dict[str, Any]:
    """What went wrong first, and the chain from there to the ground. Empty where the flight landed.

    Causes are asked in the order in which one brings about the next; the first that holds is named.
    """
    outcome = flight.outcome
    if outcome.outcome == "landed" and outcome.is_within_requirements:
        return {}
    if outcome.outcome == "diverged":  # whatever came before it, what it tells of is the simulation
        return {"cause": "diverged", "chain": [outcome.reason]}
    waited, acquired = flight.event("below_gate_without_range"), flight.event("range_finder_acquired")
    rejected, given_up = flight.event("range_rejected"), flight.event("range_finder_given_up")
    silent = engines_silent(flight)
    fast = any(m.requirement == "vertical_speed_mps" and m.left < 0 for m in outcome.margins) or outcome.touchdown is None
    is_late = waited is not None and fast and (acquired is None or acquired.time_s > waited.time_s)
    share, astray = thrust_share(flight), height_astray(flight, silent)
    chain: list[str] = []
    if abs(share - 1.0) > MISFIT:
        cause = "thrust_low" if share < 1.0 else "thrust_high"
        chain.append(f"While braking the accelerometers felt {share:.0%} of the thrust that was asked for.")
    elif given_up is not None and (astray is not None or waited is not None):
        cause = "range_finder_given_up"
        chain += [given_up_sentence(flight, given_up), *([astray] if astray else [])]
    elif is_late and waited is not None:
        cause = "late_range" if acquired else "no_range"
        chain += late_range_chain(flight, waited, acquired)
    elif waited is not None and fast and not flight.event("range_accepted"):
        cause = "range_not_believed"
        why = "too few agreed" if flight.flew_built_in() else "none was taken in"
        chain.append(f"{waited.time_s:.1f} s: terminal descent was due; there were valid ranges, but {why}.")
    elif astray is not None:
        cause = "height_believed_wrong"
        chain.append(astray)
    elif silent is not None:
        cause = silent_cause(flight, silent)
    elif rejected and not flight.event("range_accepted"):
        cause = "range_rejected"
        chain.append(f"{rejected.time_s:.1f} s: {rejected.text}")
    else:
        cause = touchdown_cause(outcome)
    if silent is not None:
        left = at(flight, "executive/propellant_kg", silent)
        chain.append(
            f"{silent:.1f} s: thrust was asked for and the accelerometers felt none; by bookkeeping {left:.0f} kg of "
            "propellant were left."
        )
    chain.append(outcome.reason)
    return {"cause": cause, "chain": chain}


def given_up_sentence(flight: Flight, given_up: Event) -> str:
    """What the last range said before none was looked at any more."""
    c = flight.channels
    offered = np.flatnonzero((c["range_finder/is_offered"] > 0.5) & (flight.time <= given_up.time_s))
    if not offered.size:  # software of one's own does not tell what it expected of a range
        return f"{given_up.time_s:.1f} s: the range finder was given up."
    last = offered[-1]
    off, sigma = c["range_finder/innovation_m"][last], c["range_finder/innovation_sigma_m"][last]
    return (
        f"{given_up.time_s:.1f} s: the range finder was given up after refusals alone; its last range lay {abs(off):.0f} m from "
        f"what navigation expected, {abs(off) / sigma:.0f} of its sigmas, and nothing corrected the height from there on."
    )


def touchdown_cause(outcome: Outcome) -> str:
    """The requirement that a flight without an earlier trouble broke most; of one that broke none of them at contact, what
    became of it on the ground."""
    if outcome.touchdown is None:
        return "unexplained: no onboard event stands out"
    worst = min((m for m in outcome.margins if m.requirement != "miss_distance_m"), key=lambda m: m.left / m.limit)
    if worst.left >= 0.0:
        return "miss_distance" if outcome.outcome == "landed" else f"ground_{outcome.outcome}"
    return f"touchdown_{worst.requirement}"


def silent_cause(flight: Flight, silent: float) -> str:
    """Whether silent engines mean dry tanks."""
    left = at(flight, "executive/propellant_kg", silent)
    return "propellant_exhausted" if left < DRY * drawn(flight, "lander.propellant_mass_kg") else "thrust_lost"


def late_range_chain(flight: Flight, waited: Event, acquired: Event | None) -> list[str]:
    """The chain of a flight whose range came after it was needed."""
    rate = -at(flight, "navigation/climb_rate_mps", waited.time_s)
    # Only of the built-in software is it known that it holds its rate.
    said = f"held {rate:.0f} m/s and waited" if flight.flew_built_in() else f"believed in {rate:.0f} m/s of descent"
    chain = [f"{waited.time_s:.1f} s: terminal descent was due, but there was no confirmed range; navigation {said}."]
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
