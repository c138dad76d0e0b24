"""A chunk of a campaign: 128 runs flown side by side, and a row of each."""

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from perilune.assessment.flight import Flight
from perilune.assessment.outcome import Outcome, classify_batch
from perilune.simulation.mission import Mission
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder

from .batch import WIDTH, Flown, Prepared
from .design import normals_of
from .jobs import EVERY
from .one import flight_of, run_digest
from .plan import Plan, batch_of, told_faults
from .sample import draw_count
from .summary import rows

TOLD = 16  # lost runs of a chunk whose cause is worked out: they fly once more, recorded every cycle
Explain = Callable[[Flight], dict[str, Any]]  # a lost flight's first cause


class Task(NamedTuple):
    """A chunk to fly: its plan and number, how a lost flight is explained, and the channels that the explanation reads."""

    plan: Plan
    chunk: int
    explain: Explain | None = None
    channels: tuple[str, ...] = ()


class Flights(NamedTuple):
    """A chunk that has been flown: what was ready, what came of it, the verdicts, and a digest a run."""

    ready: Prepared
    flown: Flown
    outcomes: list[Outcome]
    digests: list[str]


def fly_chunk(plan: Plan, chunk: int) -> Flights:
    """Fly all 128 runs of a chunk, whoever asks for how many of them."""
    batch = batch_of(plan)
    first, draws = WIDTH * chunk, draw_count(batch.mission)
    normals = normals_of(plan.design, plan.seed, plan.length, first, WIDTH, draws)
    ready = batch.prepared(plan.runs(chunk), plan.faults_of(batch.mission), None, normals)
    flown = batch.fly_on(ready, recorder(BATCH_CHANNELS, True), EVERY)
    outcomes = classify_batch(flown.last, flown.scenarios, batch.mission.requirements, flown.rest)
    last, numbers = jax.device_get((flown.last, flown.numbers))
    last = jax.tree.map(np.asarray, last)
    digests = [
        run_digest(
            {path: np.asarray(value)[lane] for path, value in numbers.items()},
            jax.tree.map(lambda x, lane=lane: x[lane], last),
            outcomes[lane].as_dict(),
        )
        for lane in range(WIDTH)
    ]
    return Flights(ready, flown, outcomes, digests)


def moved_paths(mission: Mission) -> list[str]:
    """Paths of all numbers that dispersions move."""
    one_by_one = [path for row in mission.dispersions for path in row.moves]
    return one_by_one + [path for group in mission.correlated for path in group.paths]


def applied(plan: Plan, flown: Flown) -> dict[str, np.ndarray]:
    """What dispersions put into each run, read back from the numbers that flew: path, with the element's number for lists."""
    mission = batch_of(plan).mission
    found = {}
    for path in moved_paths(mission):
        values = np.asarray(flown.numbers[path], float)
        for place in np.ndindex(values.shape[1:]):
            found[".".join([f"applied/{path}", *(str(k) for k in place)])] = values[(slice(None), *place)]
    return found


def causes_of(task: Task, flights: Flights) -> list[str]:
    """The first cause of each run: empty where it landed within requirements; “not told” beyond the first few lost ones."""
    batch, found = batch_of(task.plan), [""] * WIDTH
    lost = [k for k in range(WIDTH) if not flights.outcomes[k].is_within_requirements]
    for k in lost:
        found[k] = "not told"
    told = lost[:TOLD]
    if not told or task.explain is None:
        return found
    again = batch.fly_on(flights.ready.lanes(told), recorder(task.channels), 1)
    for place, k in enumerate(told):
        flight = flight_of(batch, again, place, task.channels, task.plan.seed, told_faults(task.plan, batch.mission))
        found[k] = task.explain(flight).get("cause", "")
    return found


class Rows(NamedTuple):
    """A chunk's rows, and what flying them took."""

    columns: dict[str, np.ndarray]
    seconds: float
    worker: int  # which process


def fly_task(task: Task) -> Rows:
    """The rows of a chunk."""
    began = time.perf_counter()
    return Rows(columns_of(task), time.perf_counter() - began, os.getpid())


def columns_of(task: Task) -> dict[str, np.ndarray]:
    """The columns of a chunk."""
    plan, batch = task.plan, batch_of(task.plan)
    flights = fly_chunk(plan, task.chunk)
    runs = plan.runs(task.chunk)
    figures = rows(flights.flown, [run for _, run in runs], batch.mission.requirements, EVERY, batch.mission.flight.period_s)
    columns: dict[str, Any] = {"run": [run for _, run in runs]}
    columns |= {name: [row[name] for row in figures] for name in figures[0] if name != "seed"}
    columns["first_cause"] = causes_of(task, flights)
    columns |= applied(plan, flights.flown)
    columns["digest"] = flights.digests
    return {name: np.asarray(values) for name, values in columns.items()}
