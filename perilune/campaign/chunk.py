"""Chunks of a campaign: 128 runs flown side by side, a row of each, and tracks of the first ones."""

import os
import time
from collections.abc import Callable, Sequence
from socket import gethostname
from typing import Any, NamedTuple

import jax
import numpy as np

from perilune.assessment.flight import Flight
from perilune.assessment.outcome import Outcome, classify_batch
from perilune.foundation.compilation import use_cache, use_processor
from perilune.foundation.errors import UserError
from perilune.interface.events import INDEX
from perilune.simulation.simulate import nothing
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder

from .batch import WIDTH, Flown, Prepared
from .build import check_build
from .design import normals_of
from .jobs import EVERY
from .one import bare_flight, run_digest
from .plan import Plan, batch_of, check_scenario
from .said import applied
from .sample import draw_count
from .summary import COLUMN, rows

TRACKED = 4  # chunks whose tracks are kept: 512 runs draw a tube, and a million would fill a disk
TRACKS = (
    "time_s",
    "truth/height_above_terrain_m",
    "truth/height_above_site_m",
    "truth/speed_mps",
    "truth/climb_rate_mps",
    "truth/horizontal_speed_mps",
    "truth/tilt_deg",
    "truth/propellant_kg",
    "navigation/height_above_site_m",
    "navigation/height_sigma_m",
    "navigation/speed_mps",
    "executive/mode",
)
Explain = Callable[[Flight], dict[str, Any]]  # a lost flight's first cause, of what `bare_flight` leaves of it


class Task(NamedTuple):
    """Chunks to fly: their plan and numbers, the digest of what is to fly (empty: whatever is read here), how a lost flight is
    explained, and the channels that the explanation reads."""

    plan: Plan
    chunks: tuple[int, ...]
    scenario: str = ""
    explain: Explain | None = None
    channels: tuple[str, ...] = ()


class Flights(NamedTuple):
    """Chunks that have been flown: what was ready, what came of it, the verdicts, and a digest a run."""

    ready: Prepared
    flown: Flown
    outcomes: list[Outcome]
    digests: list[str]


def fly_chunks(plan: Plan, chunks: Sequence[int], traced: tuple[str, ...] = ()) -> Flights:
    """Fly all runs of these chunks side by side, whoever asks for how many of them. `traced`: channels kept of every cycle, on a
    GPU, where thousands fly side by side, in float32."""
    batch = batch_of(plan)
    draws, runs = draw_count(batch.mission), [run for chunk in chunks for run in plan.runs(chunk)]
    normals = [normals_of(plan.design, plan.seed, plan.length, WIDTH * chunk, WIDTH, draws) for chunk in chunks]
    faults = [plan.faults_of_run(batch.mission, run) for _, run in runs] if plan.priors else plan.faults_of(batch.mission)
    ready = batch.prepared(runs, faults, None, None if normals[0] is None else np.concatenate(normals))
    trace = recorder(traced, plan.device != "cpu") if traced else nothing
    flown = batch.fly_on(ready, recorder(BATCH_CHANNELS, True), EVERY, trace=trace)
    outcomes = classify_batch(flown.last, flown.scenarios, batch.mission.requirements, flown.rest)
    last, numbers = jax.tree.map(np.asarray, jax.device_get((flown.last, flown.numbers)))
    digests = [
        run_digest(
            {path: value[lane] for path, value in numbers.items()},
            jax.tree.map(lambda x, lane=lane: x[lane], last),
            outcomes[lane].as_dict(),
        )
        for lane in range(len(runs))
    ]
    return Flights(ready, flown._replace(last=last, numbers=numbers), outcomes, digests)


def causes_of(task: Task, flights: Flights) -> list[str]:
    """The first cause of each run: empty where it landed within requirements, “not told” where nobody asks for causes."""
    explain, batch = task.explain, batch_of(task.plan)

    def channels(lane: int) -> dict[str, np.ndarray]:
        return dict(zip(("time_s", *task.channels), flights.flown.trace(lane).T, strict=True)) if task.channels else {}

    def cause(lane: int, outcome: Outcome) -> str:
        if explain is None:
            return "not told"
        return explain(bare_flight(batch, flights.flown, lane, channels(lane), outcome)).get("cause", "")

    return ["" if outcome.is_within_requirements else cause(lane, outcome) for lane, outcome in enumerate(flights.outcomes)]


class Rows(NamedTuple):
    """A chunk's rows and tracks (none beyond the first), and what flying it took; of chunks that flew side by side, all of them
    with the first."""

    chunk: int
    columns: dict[str, np.ndarray]
    tracks: dict[str, np.ndarray] | None
    seconds: float | None
    worker: str  # which process of which machine


def fly_task(task: Task) -> list[Rows]:
    """The rows of a task's chunks. Raises UserError where this process is not what the plan was made for."""
    use_cache()
    check_build(task.plan.build)
    check_device(task.plan.device)
    if task.scenario:
        check_scenario(task.plan, task.scenario)
    found: list[Rows] = []
    for group in dict.fromkeys(task.plan.group(chunk) for chunk in task.chunks):
        began = time.perf_counter()
        columns, flown = columns_of(task, group)
        seconds, worker = time.perf_counter() - began, f"{gethostname()} {os.getpid()}"
        for k, chunk in enumerate(group):
            lanes = slice(WIDTH * k, WIDTH * (k + 1))
            tracks = tracks_of(task.plan, chunk, flown, lanes) if chunk < TRACKED else None
            own = {name: values[lanes] for name, values in columns.items()}
            found.append(Rows(chunk, own, tracks, None if k else seconds, worker))
    return found


def check_device(device: str) -> None:
    """Raises UserError where this process's programs would run on another kind of device."""
    if device == "cpu":
        use_processor()
    here = jax.default_backend()
    if here != device:
        raise UserError(
            f"The campaign is flown by --device {device}, and JAX finds a {here} here: install jax for it, or change it."
        )


def columns_of(task: Task, chunks: Sequence[int]) -> tuple[dict[str, np.ndarray], Flown]:
    """The columns of chunks that fly side by side, and what flew."""
    plan, batch = task.plan, batch_of(task.plan)
    flights = fly_chunks(plan, chunks, task.channels)
    runs = [run for chunk in chunks for _, run in plan.runs(chunk)]
    period = batch.mission.flight.period_s
    figures = rows(flights.flown, runs, batch.mission.requirements, EVERY, period, flights.outcomes)
    columns: dict[str, Any] = {"run": runs}
    columns |= {name: [row[name] for row in figures] for name in figures[0] if name != "seed"}
    columns["first_cause"] = causes_of(task, flights)
    if strata := plan.strata(batch.mission):
        columns["stratum"] = [strata.names[k] for k in strata.places(np.asarray(runs))]
        columns["failing"] = [strata.said(plan.seed, run) for run in runs]
    columns |= applied(plan, flights.flown)
    columns["digest"] = flights.digests
    return {name: np.asarray(values) for name, values in columns.items()}, flights.flown._replace(traces=())


def tracks_of(plan: Plan, chunk: int, flown: Flown, lanes: slice) -> dict[str, np.ndarray]:
    """A second-by-second record of each run of a chunk while it flies: run, mission time and some of the channels that batches
    keep."""
    touchdown, last = np.asarray(flown.last.log.tick)[lanes, INDEX["touchdown"]], np.asarray(flown.last.tick)[lanes]
    records, ends = flown.records[:, lanes], np.where(touchdown > 0, touchdown, last) // EVERY
    flies = np.arange(len(records))[:, None] < ends
    runs = np.asarray([run for _, run in plan.runs(chunk)])
    found = {"run": np.broadcast_to(runs, flies.shape).T[flies.T]}
    for k, name in ((COLUMN[name], name) for name in TRACKS):
        found[name] = records[:, :, k].T[flies.T].astype(np.float32)
    return found
