"""The campaign itself: which chunks are missing, who flies them, what has come of them so far."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from perilune.foundation.errors import UserError

from .batch import WIDTH
from .build import commit
from .chunk import Explain, Rows, Task, check_device, fly_task
from .cluster import client_of, done_by_cluster
from .crew import done_by_crew
from .design import check_design
from .plan import MOST_RUNS, Plan, batch_of, check_length, chunks_of, digest_of, read_anew, scenario_of, told_faults
from .pool import cores
from .sample import draw_count
from .stopping import StopRule
from .store import Store
from .strata import OVER_STRATA
from .tally import AT_STOPPING, Tally

AS_IF_RANDOM = "as if runs were random: too wide for a design, by how much is not known"
MOST_TOLD = 5  # differences that a message names
TOGETHER = 2  # chunks of a task that goes to another machine


class Means(NamedTuple):
    """By what a campaign is flown: so many processes of this machine (none: one a core), or a scheduler's workers."""

    workers: int | None = None
    scheduler: str = ""


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two tables differ, as dotted paths with both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(set(one) | set(other))
        return [d for key in keys for d in differences(one.get(key), other.get(key), f"{path}.{key}" if path else key)]
    return [] if one == other else [f"{path} was {one}, is {other}"]


def head_of(plan: Plan) -> dict[str, Any]:
    """What campaign.json says of what flies."""
    batch = batch_of(plan)
    return {
        "digest": digest_of(plan),
        "scenario_digest": scenario_of(plan),
        "plan": plan.as_json(),
        "commit": commit(),
        "strata": strata.as_json() if (strata := plan.strata(batch.mission)) else None,
        "faults": told_faults(plan, batch.mission),
        "mission": batch.mission.model_dump(mode="json"),
    }


def changed_since(held: dict[str, Any], plan: Plan) -> str:
    """What of mission, faults and ground is not as a campaign's head tells; empty where all of it is."""
    if held.get("scenario_digest") == scenario_of(plan):
        return ""
    wanted = head_of(plan)
    plans = [{key: x for key, x in said["plan"].items() if key != "build"} for said in (held, wanted)]
    found = differences(plans[0], plans[1])
    for key in ("faults", "mission"):
        found += differences(held.get(key), wanted[key], key)
    return "; ".join(found[:MOST_TOLD]) or "the ground under it"


def begin(store: Store, plan: Plan, resume: bool, asked: dict[str, Any], traced: tuple[str, ...]) -> dict[str, Any]:
    """The head of a folder that is free, or holds this same campaign and is to be gone on with, written with what is asked of it,
    the channels that are kept of every cycle, and without a result. Raises UserError."""
    held, wanted = store.read_head(), head_of(plan) | {"asked": asked, "traced": list(traced)}
    if held is None:
        others = store.others()
        if resume:
            raise UserError(f"{store.folder} holds no campaign to go on with: leave out --resume, or give its folder with --out.")
        if others:
            raise UserError(f"{store.folder} holds other things: give an empty or new folder with --out.")
        store.write_head(wanted)
        return wanted
    if not resume:
        raise UserError(f"{store.folder} holds a campaign already: go on with it by --resume, or give another --out.")
    if held.get("digest") != wanted["digest"]:
        said = changed_since(held, plan) or f"flown by {held['plan']['build']}, and this is {plan.build}"
        raise UserError(f"{store.folder} holds another campaign: {said}. Its runs and these would not mix: give another --out.")
    if plan.device != "cpu" and held.get("traced") != wanted["traced"]:  # XLA makes one program of flight and trace
        raise UserError(f"{store.folder} was flown with another explanation of lost runs: give the same, or another --out.")
    head = {key: x for key, x in held.items() if key != "result"} | {"asked": asked}
    store.write_head(head)
    return head


@dataclass
class Underway:
    """One call's campaign: where it is kept, what flies, by what means, who is told, what has come of it."""

    store: Store
    plan: Plan
    digest: str
    scenario: str
    tally: Tally
    means: Means
    explain: tuple[Explain | None, tuple[str, ...]]
    watch: Callable[[Tally], None] | None
    landed: dict[int, np.ndarray] = field(default_factory=dict)  # of each chunk that is there, which of its runs landed

    def told(self) -> None:
        """Show how it stands."""
        if self.watch:
            self.watch(self.tally)

    def take_in(self, chunk: int, columns: dict[str, np.ndarray], runs: int, is_new: bool) -> None:
        """Count a chunk's rows, of the first `runs` runs."""
        counted = {name: np.asarray(columns[name])[: max(runs - WIDTH * chunk, 0)] for name in self.tally.counted}
        self.tally.add(counted, is_new)
        self.landed[chunk] = np.asarray(columns["outcome"]) == "landed"

    def tasks(self, chunks: list[int]) -> list[Task]:
        """Chunks as tasks: one by one for processes of this machine, some together for others or where they fly side by side."""
        size = max(TOGETHER if self.means.scheduler else 1, len(self.plan.group(0)))
        parts: dict[int, list[int]] = {}
        for chunk in chunks:
            parts.setdefault(chunk // size, []).append(chunk)
        return [Task(self.plan, tuple(part), self.scenario, *self.explain) for part in parts.values()]

    def done(self, tasks: list[Task]) -> Generator[tuple[int, list[Rows]], None, None]:
        """The tasks' rows, as they come."""
        if self.means.scheduler:
            return done_by_cluster(fly_task, tasks, self.means.scheduler)
        if self.plan.device == "gpu":
            return ((k, fly_task(task)) for k, task in enumerate(tasks))  # its memory is one process's
        return done_by_crew(fly_task, tasks, self.means.workers)

    def fly_up_to(self, runs: int, is_over: Callable[[], bool] = lambda: False) -> None:
        """Fly what is missing of runs 0 to `runs` − 1, in whole chunks, first ones first, until it is over."""
        is_there = set(self.store.chunks())
        for chunk in (chunk for chunk in chunks_of(0, runs) if chunk in is_there):
            table = self.store.read_part(chunk, self.digest)
            if table is not None:
                self.take_in(chunk, {name: table[name].to_numpy() for name in self.tally.counted}, runs, is_new=False)
        self.told()
        missing = [chunk for chunk in chunks_of(0, runs) if chunk not in self.landed]
        if is_over() or not missing:
            return
        with closing(self.done(self.tasks(missing))) as done:
            for _, found in done:
                for rows in found:
                    self.keep(rows, runs)
                if is_over():
                    return

    def keep(self, rows: Rows, runs: int) -> None:
        """Write a chunk's rows, and count them. Tracks go first: a chunk that is there is whole."""
        if rows.seconds is not None:
            self.tally.chunks.setdefault(rows.worker, []).append(rows.seconds)
        if rows.chunk in self.landed:
            return  # it came with others of its batch
        if rows.tracks is not None:
            self.store.write_part(rows.chunk, rows.tracks, self.digest, "tracks")
        self.store.write_part(rows.chunk, rows.columns, self.digest)
        self.take_in(rows.chunk, rows.columns, runs, is_new=True)
        self.told()

    def landed_of(self, runs: int) -> int:
        """How many of the first `runs` runs landed."""
        return int(sum(self.landed[chunk][: runs - WIDTH * chunk].sum() for chunk in chunks_of(0, runs)))

    def fly_until(self, rule: StopRule) -> None:
        """Look after so many runs as the rule says, and stop where it is met. Counts are then those of that look."""
        self.tally.asked = rule.largest()
        looks, look = list(rule.looks()), 0

        def is_met() -> bool:
            nonlocal look
            while all(chunk in self.landed for chunk in chunks_of(0, looks[look])):
                if rule.is_met(self.landed_of(looks[look]), looks[look], look):
                    return True
                look += 1  # there is one: the last stops whatever was seen
            return False

        self.fly_up_to(rule.largest(), is_met)
        runs = looks[look]
        self.tally.recounted(self.store, self.digest, runs)
        self.tally.interval = rule.interval(self.landed_of(runs), runs, look)


def fly_campaign(
    plan: Plan,
    folder: str | Path,
    runs: int | StopRule,
    resume: bool = False,
    means: Means = Means(),
    explain: tuple[Explain | None, tuple[str, ...]] = (None, ()),
    watch: Callable[[Tally], None] | None = None,
) -> Tally:
    """Fly runs 0 to `runs` − 1 of a plan into a folder (a path, or an address that fsspec knows), those that are not there yet,
    and tell what came of them; or as many as a stop rule asks for.

    `explain`: what names a lost flight's first cause, and the channels it reads; the flight that it is shown has those of every
    cycle, events, outcome and the lander as drawn, and nothing of what was put into it (`one.bare_flight`). `watch` is
    shown the tally after every chunk. Runs fly in whole chunks of 128; those beyond the last that counts are kept, not counted.
    Interrupted, it leaves whole chunks behind; the same call with `resume` goes on from them. Raises UserError.
    """
    read_anew()
    check_campaign(plan, runs, means)
    store = Store(folder)
    strata = plan.strata(batch_of(plan).mission)
    tally = Tally(runs if isinstance(runs, int) else 0, method_of(plan, runs), strata)
    length = {"until_halfwidth": runs.halfwidth} if isinstance(runs, StopRule) else {"runs": runs}
    with store.locked():
        head = begin(store, plan, resume, {**length, "method": tally.method}, explain[1])
        underway = Underway(store, plan, head["digest"], head["scenario_digest"], tally, means, explain, watch)
        if isinstance(runs, StopRule):
            underway.fly_until(runs)
        else:
            underway.fly_up_to(runs)
        store.write_head({**head, "result": tally.as_json()})
    return tally


def check_campaign(plan: Plan, runs: int | StopRule, means: Means) -> None:
    """Raises UserError for what cannot be flown."""
    if not isinstance(runs, StopRule):
        check_length(runs)
    elif plan.design != "random":
        raise UserError(f"--until-halfwidth goes with runs of chance: a {plan.design} design has no exact interval to stop by.")
    elif plan.priors:
        raise UserError(
            "--until-halfwidth goes without --faults: a sum over strata has no exact interval to stop by. Give --runs."
        )
    if means.workers is not None and (means.scheduler or plan.device == "gpu"):
        raise UserError("--workers counts processes of this machine's processor: leave it out with --scheduler or a GPU.")
    if means.workers is not None and not 1 <= means.workers <= len(cores()):
        raise UserError(f"--workers {means.workers}: this machine has {len(cores())} cores for it; give 1 to {len(cores())}.")
    check_design(plan.design, draw_count(batch_of(plan).mission))
    if plan.design == "lhs" and not plan.length:
        raise UserError("A Latin hypercube is laid out for a number of runs: give --runs.")
    if plan.length not in (0, runs):
        raise UserError(f"This Latin hypercube was laid out for {plan.length} runs: {runs} do not fill it; give {plan.length}.")
    check_means(plan, means)
    strata = plan.strata(batch_of(plan).mission)
    if strata and isinstance(runs, int) and runs < strata.least_runs():
        raise UserError(
            f"--runs {runs} are too few for {len(strata.names)} kinds of runs: give {strata.least_runs()} to {MOST_RUNS}."
        )


def check_means(plan: Plan, means: Means) -> None:
    """Raises UserError where what is to fly is not there, before anything is written."""
    if means.scheduler:
        client_of(means.scheduler).close()
        return
    if plan.device == "gpu":
        check_device(plan.device)


def method_of(plan: Plan, runs: int | StopRule) -> str:
    """How the interval is worked out."""
    if isinstance(runs, StopRule):
        return AT_STOPPING
    exact = OVER_STRATA if plan.priors else "Clopper-Pearson"
    return exact if plan.design == "random" else f"{exact}, {AS_IF_RANDOM}"
