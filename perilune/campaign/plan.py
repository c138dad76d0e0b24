"""What a campaign is asked to do, as data: run k is a function of the plan without its length, and of k."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from socket import gethostname
from typing import Any

import numpy as np

from perilune.foundation.errors import UserError
from perilune.simulation.checks import check_faults, with_mission_faults
from perilune.simulation.load import load
from perilune.simulation.mission import Mission

from .batch import WIDTH, Batch
from .one import scenario_digest
from .priors import Prior
from .strata import Strata, strata_of

FORMAT = 2  # of a campaign's folder: 2 has units in all names of columns, tracks, priors of faults and the device
READABLE = (1, FORMAT)  # formats whose rows can be read
MOST_RUNS = 10**8
DEVICES = ("cpu", "gpu")
SIDE_BY_SIDE = {"cpu": 1, "gpu": 64}  # chunks of a batch: always the same ones, so that bits do not move


@dataclass(frozen=True)
class Plan:
    """A mission with what is put into it, its faults, a seed, and which build flies it."""

    mission: str
    seed: int = 0
    healthy: bool = False
    faults: tuple[tuple[str, Any], ...] = ()  # added to the mission's own, or over them: name, magnitude or table
    values: tuple[tuple[str, Any], ...] = ()  # put into the mission file before it is read
    beginning: str = "pdi"
    design: str = "random"
    length: int = 0  # runs of a Latin hypercube, which is laid out for as many; 0 for other designs
    build: str = field(default="", compare=False)  # version and source
    priors: tuple[Prior, ...] = ()  # what may fail by chance
    device: str = "cpu"

    def read(self) -> Mission:
        """The mission as it flies. Raises UserError."""
        return load(self.mission, dict(self.values))

    def faults_of(self, mission: Mission) -> dict[str, Any]:
        """Every run's faults: name → magnitude or table. Raises UserError."""
        extra = {name: dict(said) if isinstance(said, tuple) else said for name, said in self.faults}
        found = with_mission_faults(mission, self.healthy, extra)
        check_faults(found, mission, mission.name)
        return found

    def strata(self, mission: Mission) -> Strata | None:
        """Into what kinds of runs chance of failure parts them; None without priors. Raises UserError."""
        return strata_of(self.priors, Base(mission, self)) if self.priors else None

    def faults_of_run(self, mission: Mission, run: int) -> dict[str, Any]:
        """One run's faults: every run's, and those that chance put into it."""
        base, strata = self.faults_of(mission), self.strata(mission)
        return base if strata is None else base | strata.drawn(self.seed, run)

    def runs(self, chunk: int) -> list[tuple[int, int]]:
        """Seed and number of the runs of a chunk: run k flies in slot k mod 128 of chunk k div 128."""
        return [(self.seed, WIDTH * chunk + slot) for slot in range(WIDTH)]

    def group(self, chunk: int) -> range:
        """The chunks that fly side by side with one."""
        width = SIDE_BY_SIDE[self.device]
        return range(chunk // width * width, (chunk // width + 1) * width)

    def as_json(self) -> dict[str, Any]:
        """For campaign.json."""
        return json.loads(json.dumps(asdict(self), default=str))


class Base:
    """A mission with every run's faults, to try priors on; equal where the plan is."""

    def __init__(self, mission: Mission, plan: Plan):
        self.mission, self.plan = mission, plan

    def __hash__(self) -> int:
        return hash(self.plan)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Base) and self.plan == other.plan

    def check(self, faults: dict[str, Any], where: str) -> None:
        """Raises UserError where these cannot fly with those that every run has."""
        base = self.plan.faults_of(self.mission)
        if twice := sorted(set(base) & set(faults)):
            raise UserError(f"{where}: every run has {twice[0]} already: leave it out, or fly with --healthy.")
        batch = batch_of(self.plan)
        batch.checked(base | faults, where)
        batch.broken(base | faults, 1)  # as it will be: with a trigger for each that waits


def frozen(value: Any) -> Any:
    """A value from TOML or JSON as a plan may hold it: lists as tuples, tables as pairs. Raises UserError for lists of tables."""
    if isinstance(value, dict):
        return tuple((key, frozen(x)) for key, x in sorted(value.items()))
    if isinstance(value, list | tuple):
        if any(isinstance(x, dict) for x in value):
            raise UserError("A list of tables cannot be put into a campaign's mission by --set: write it into the mission file.")
        return tuple(frozen(x) for x in value)
    return value


@lru_cache(maxsize=2)
def batch_of(plan: Plan) -> Batch:
    """A process's own copy of the mission, made ready once. Raises UserError."""
    return Batch(plan.read(), plan.beginning)


def read_anew() -> None:
    """Forget what was read: a file may have changed since."""
    for kept in (batch_of, strata_of, scenario_of):
        kept.cache_clear()


def check_scenario(plan: Plan, wanted: str) -> None:
    """Raises UserError where this process does not read what the campaign was begun with: a mission or map that was changed
    since, or is another on this machine."""
    if scenario_of(plan) == wanted:
        return
    read_anew()
    if scenario_of(plan) != wanted:
        raise UserError(
            f"{plan.mission}, or a map or table that it names, is not what the campaign was begun with, here on {gethostname()}: "
            "put the same files there, and go on with --resume."
        )


def told_faults(plan: Plan, mission: Mission) -> dict[str, Any]:
    """The faults of every run, as archives tell them."""
    return {fault.name: fault.as_json() for fault in check_faults(plan.faults_of(mission), mission, mission.name)}


@lru_cache(maxsize=2)
def scenario_of(plan: Plan) -> str:
    """SHA-256 of everything that a run hangs on but the build: mission, ground, faults, and the seed of all runs."""
    batch = batch_of(plan)
    scenario = scenario_digest(batch.mission, batch.maps, told_faults(plan, batch.mission), plan.beginning)
    priors = json.dumps([asdict(prior) for prior in plan.priors])
    return hashlib.sha256(f"{scenario} {plan.seed} {plan.design} {plan.length} {plan.device} {priors}".encode()).hexdigest()


def digest_of(plan: Plan) -> str:
    """SHA-256 of everything that a run hangs on but its number: two campaigns with it may share a folder."""
    return hashlib.sha256(f"{scenario_of(plan)} {plan.build}".encode()).hexdigest()


def check_length(runs: int) -> None:
    """Raises UserError for a number of runs that cannot be flown."""
    if isinstance(runs, bool) or not isinstance(runs, int | np.integer) or not 1 <= runs <= MOST_RUNS:
        raise UserError(f"--runs {runs}: give a whole number from 1 to {MOST_RUNS}.")


def chunks_of(first: int, after: int) -> range:
    """The chunks in which runs `first` to `after` − 1 fly."""
    return range(first // WIDTH, -(-after // WIDTH))
