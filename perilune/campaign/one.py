"""One flight with full history: the same cycle as a batch's, one lane wide, recorded every cycle."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from perilune.assessment.flight import BUILT_IN, Flight, events_of
from perilune.assessment.orbit import orbit_figures
from perilune.assessment.outcome import Outcome, classify_batch
from perilune.flight.modes import NAMES
from perilune.simulation.checks import check_faults
from perilune.simulation.mission import Mission
from perilune.simulation.scenario import Maps
from perilune.telemetry.dictionary import CHANNELS
from perilune.telemetry.orbit_way import orbit_channels
from perilune.telemetry.recorder import recorder

from .batch import Batch, Flown, Prepared

ALL_CHANNELS = tuple(CHANNELS)
CHUNK = 100  # cycles between progress reports: 10 s of mission time


class Progress(NamedTuple):
    """Where a flight stands, for a display."""

    time_s: float
    phase: str
    height_above_terrain_m: float
    speed_mps: float
    propellant_kg: float


def scenario_digest(
    mission: Mission, maps: Maps, faults: dict[str, Any], beginning: str = "pdi", software: dict[str, str] = BUILT_IN
) -> str:
    """SHA-256 of the resolved mission, the ground itself (not the names of its files) and the faults that are flown; of the
    parking orbit too where the flight begins in it, and of `software` (name and digest) that is not the built-in."""
    out = {
        "faults": True,
        "sources": True,
        "title": True,
        "reference": True,
        "site": {"true_map", "onboard_map", "reflectance_map"},
    }
    out |= {} if beginning == "orbit" else {"orbit": True}
    table = mission.model_dump(mode="json", exclude=out)  # type: ignore[arg-type]
    asked = {"mission": table, "faults": faults} | ({} if software == BUILT_IN else {"flight_software": software})
    sha = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    for leaf in jax.tree.leaves(maps):
        sha.update(np.ascontiguousarray(leaf).tobytes())
    return sha.hexdigest()


def run_digest(numbers: dict[str, Any], last, figures: dict | None) -> str:
    """SHA-256 of what was applied, where it ended, when the events were, and how it was judged."""
    sha = hashlib.sha256()
    for path in sorted(numbers):
        sha.update(path.encode())
        sha.update(np.ascontiguousarray(numbers[path]).tobytes())
    for leaf in jax.tree.leaves((last.truth, last.memory.navigation, last.log.tick)):
        sha.update(np.ascontiguousarray(leaf).tobytes())
    sha.update(json.dumps(figures, sort_keys=True).encode())
    return sha.hexdigest()


def fly_one(
    batch: Batch,
    seed: int,
    faults: dict[str, Any],
    watch: Callable[[Progress], None] | None = None,
) -> Flight:
    """Fly one seed of a mission with these faults (name → magnitude, or a table with its trigger)."""
    return fly_lane(batch, lambda: batch.prepared([seed], faults), seed, faults, watch)


def fly_lane(
    batch: Batch,
    ready: Callable[[], Prepared],
    seed: int,
    faults: dict[str, Any],
    watch: Callable[[Progress], None] | None = None,
    proof: Callable[[Flown], None] = lambda _: None,
) -> Flight:
    """Fly the one lane that `ready` makes, with full history. `seed` and `faults` are told, not flown: they are in the lane.
    `proof` is shown what was flown, and raises where it is not what it should be."""
    told = {fault.name: fault.as_json() for fault in check_faults(faults, batch.mission, batch.mission.name)}
    began = time.perf_counter()
    marks: list[float] = []

    def report(latest: np.ndarray) -> None:
        marks.append(time.perf_counter())
        if watch:
            watch(progress_of(latest[0]))

    flown = batch.fly_on(ready(), recorder(ALL_CHANNELS), 1, report, CHUNK)
    proof(flown)
    run_s = time.perf_counter() - marks[0]  # the first chunk holds tracing and compilation
    flight = flight_of(batch, flown, 0, ALL_CHANNELS, seed, told)
    simulated, period = float(flight.time[-1]), batch.mission.flight.period_s
    rate = (simulated - CHUNK * period) / run_s if run_s > 0 and simulated > CHUNK * period else float("nan")
    return replace(flight, speed={"compile_s": marks[0] - began, "run_s": run_s, "real_time_factor": rate})


def progress_of(row: np.ndarray) -> Progress:
    """Where a lane stands, from a record of all channels."""
    place = {name: i for i, name in enumerate(("time_s", *ALL_CHANNELS))}
    return Progress(
        time_s=float(row[0]),
        phase=NAMES[int(row[place["executive/mode"]])],
        height_above_terrain_m=float(row[place["truth/height_above_terrain_m"]]),
        speed_mps=float(row[place["truth/speed_mps"]]),
        propellant_kg=float(row[place["truth/propellant_kg"]]),
    )


def flight_of(batch: Batch, flown: Flown, lane: int, names: tuple[str, ...], seed: int, told: dict[str, Any]) -> Flight:
    """One lane of a batch that was recorded every cycle, in `names`, as a flight."""
    outcome = classify_batch(flown.last, flown.scenarios, batch.mission.requirements, flown.rest)[lane]
    last, numbers = jax.tree.map(lambda x: np.asarray(x)[lane], jax.device_get((flown.last, flown.numbers)))
    channels = dict(zip(("time_s", *names), flown.records[: flown.cycles(lane), lane].T, strict=True))
    reference = batch.mission.reference
    return replace(
        bare_flight(batch, flown, lane, channels, outcome),
        seed=seed,
        scenario_digest=scenario_digest(batch.mission, batch.maps, told, batch.beginning, batch.software),
        faults=told,
        digest=run_digest(numbers, last, outcome.as_dict()),
        readouts=reference.readouts if reference else None,
        readouts_credit=reference.credit if reference else "",
        resolved={path: np.asarray(value).tolist() for path, value in numbers.items()},
    )


def bare_flight(batch: Batch, flown: Flown, lane: int, channels: dict[str, np.ndarray], outcome: Outcome) -> Flight:
    """One lane of a batch as the story of a flight reads it: channels of every cycle, events (with heights and speeds where the
    true ones are among the channels), outcome, and the lander as drawn. What was put into it is left empty."""
    orbit = jax.tree.map(lambda x: np.asarray(x)[lane], jax.device_get(flown.orbit))
    ticks = np.asarray(flown.last.log.tick[lane])
    return Flight(
        mission=batch.mission.name,
        title=batch.mission.title,
        seed=0,
        scenario_digest="",
        faults={},
        channels=channels,
        events=events_of(ticks, batch.mission.flight.period_s, channels, outcome.touchdown),
        outcome=outcome,
        digest="",
        drawn=batch.drawn,
        orbit=orbit_figures(*orbit) if orbit else {},
        way=orbit_channels(orbit[1], orbit[0].impact) if orbit else {},
        flight_software=batch.software,
    )
