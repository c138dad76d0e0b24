"""A batch as a job that any worker process can fly: what to fly goes in by value, rows of figures come out."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from perilune.simulation.load import load
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder

from .batch import WIDTH, Batch, Flown
from .summary import rows

EVERY = 10  # cycles: one record a second


class Job(NamedTuple):
    """One batch of up to WIDTH lanes. Figures of faults and overrides are one for all lanes or one a lane."""

    mission: str
    seeds: tuple[int, ...]
    faults: dict[str, Any]
    overrides: dict[str, Any]
    values: tuple[tuple[str, Any], ...] = ()  # put into the mission file before it is read
    beginning: str = "pdi"


@lru_cache(maxsize=4)
def batch_of(mission: str, values: tuple[tuple[str, Any], ...] = (), beginning: str = "pdi") -> Batch:
    """A worker's own copy of a mission, made once."""
    return Batch(load(mission, dict(values)), beginning)


def padded(value: Any, count: int) -> Any:
    """A lane's figures drawn out to WIDTH lanes by repeating the last; a table's likewise, one figure for all as it is."""
    if isinstance(value, dict):
        return {key: x if isinstance(x, str) else padded(x, count) for key, x in value.items()}
    value = np.asarray(value, float)
    return np.concatenate([value, np.repeat(value[-1:], WIDTH - count, axis=0)]) if value.ndim and len(value) == count else value


def fly_lanes(job: Job) -> Flown:
    """Fly one job; short ones are padded to WIDTH, so that all use one program."""
    count = len(job.seeds)
    seeds = [*job.seeds, *([job.seeds[-1]] * (WIDTH - count))]
    faults, overrides = ({name: padded(x, count) for name, x in table.items()} for table in (job.faults, job.overrides))
    return batch_of(job.mission, job.values, job.beginning).fly(seeds, recorder(BATCH_CHANNELS, True), EVERY, faults, overrides)


def rows_of(job: Job, flown: Flown) -> list[dict[str, Any]]:
    """A row of figures a lane, without the padding."""
    mission = batch_of(job.mission, job.values, job.beginning).mission
    seeds = [*job.seeds, *([job.seeds[-1]] * (WIDTH - len(job.seeds)))]
    return rows(flown, seeds, mission.requirements, EVERY, mission.flight.period_s)[: len(job.seeds)]


def fly_rows(job: Job) -> list[dict[str, Any]]:
    """Fly one job, and a row of figures a lane."""
    return rows_of(job, fly_lanes(job))
