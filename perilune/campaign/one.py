"""One flight with full history: the same cycle as a batch's, one lane wide, recorded every cycle."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from perilune.assessment.flight import BUILT_IN, Flight, events_of
from perilune.assessment.orbit import orbit_figures
from perilune.assessment.outcome import classify_batch
from perilune.flight.modes import NAMES
from perilune.simulation.checks import check_faults
from perilune.simulation.mission import Mission
from perilune.simulation.scenario import Maps
from perilune.telemetry.dictionary import CHANNELS
from perilune.telemetry.orbit_way import orbit_channels
from perilune.telemetry.recorder import recorder

from .batch import Batch

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
    told = {fault.name: fault.as_json() for fault in check_faults(faults, batch.mission, batch.mission.name)}
    names = ("time_s", *ALL_CHANNELS)
    place = {name: i for i, name in enumerate(names)}
    began = time.perf_counter()
    marks: list[float] = []

    def report(latest: np.ndarray) -> None:
        marks.append(time.perf_counter())
        if watch:
            row = latest[0]
            watch(
                Progress(
                    time_s=float(row[0]),
                    phase=NAMES[int(row[place["executive/mode"]])],
                    height_above_terrain_m=float(row[place["truth/height_above_terrain_m"]]),
                    speed_mps=float(row[place["truth/speed_mps"]]),
                    propellant_kg=float(row[place["truth/propellant_kg"]]),
                )
            )

    flown = batch.fly([seed], recorder(ALL_CHANNELS), 1, faults, watch=report, chunk=CHUNK)
    ended = time.perf_counter()
    table = flown.records[:, 0, :]
    last = jax.device_get(flown.last)
    lane = jax.tree.map(lambda x: x[0], last)
    # Frozen once it has ended, the lane repeats its last row to the end of the chunk: cut that off.
    channels = {name: table[: max(int(lane.tick), 1), i] for name, i in place.items()}
    outcome = classify_batch(flown.last, flown.scenarios, batch.mission.requirements, flown.rest)[0]
    numbers = {path: np.asarray(value)[0] for path, value in jax.device_get(flown.numbers).items()}
    orbit = jax.tree.map(lambda x: np.asarray(x)[0], jax.device_get(flown.orbit))
    simulated = float(channels["time_s"][-1])
    run_s = ended - marks[0]  # the first chunk holds tracing and compilation
    period = batch.mission.flight.period_s
    rate = (simulated - CHUNK * period) / run_s if run_s > 0 and simulated > CHUNK * period else float("nan")
    return Flight(
        mission=batch.mission.name,
        title=batch.mission.title,
        seed=seed,
        scenario_digest=scenario_digest(batch.mission, batch.maps, told, batch.beginning, batch.software),
        faults=told,
        channels=channels,
        events=events_of(lane.log.tick, period, channels, outcome.touchdown),
        outcome=outcome,
        digest=run_digest(numbers, lane, outcome.as_dict()),
        speed={"compile_s": marks[0] - began, "run_s": run_s, "real_time_factor": rate},
        readouts=batch.mission.reference.readouts if batch.mission.reference else None,
        readouts_credit=batch.mission.reference.credit if batch.mission.reference else "",
        drawn={path: np.asarray(value).tolist() for path, value in batch.numbers.items()},
        resolved={path: np.asarray(value).tolist() for path, value in numbers.items()},
        orbit=orbit_figures(*orbit) if orbit else {},
        way=orbit_channels(orbit[1], orbit[0].impact) if orbit else {},
        flight_software=batch.software,
    )
