"""The campaign itself: which chunks are missing, who flies them, what has come of them so far."""

import statistics
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from perilune.foundation.errors import UserError

from .batch import WIDTH
from .chunk import Explain, Task, fly_task
from .crew import done_by_crew
from .design import check_design
from .plan import Plan, batch_of, check_length, chunks_of, digest_of, scenario_of, told_faults
from .pool import cores
from .sample import draw_count
from .statistics import clopper_pearson
from .stopping import StopRule
from .store import Store

CONFIDENCE = 0.95
AS_IF_RANDOM = "Clopper-Pearson, as if runs were random: too wide for a design, by how much is not known"
OURS = ("runs", ".lock", ".campaign.json.part")  # what a campaign may have left before its head was written
AT_STOPPING = "exact at the moment of stopping (perilune.campaign.stopping)"
COUNTED = ("outcome", "is_within_requirements", "first_cause")
MOST_TOLD = 5  # differences that a message names


@dataclass
class Tally:
    """What has come of the runs so far."""

    asked: int
    method: str = "Clopper-Pearson"
    runs: int = 0
    landed: int = 0
    within_requirements: int = 0
    outcomes: Counter = field(default_factory=Counter)
    first_causes: Counter = field(default_factory=Counter)
    flown_now: int = 0  # of the runs, by this call
    began: float = field(default_factory=time.perf_counter)
    chunks: dict[int, list[float]] = field(default_factory=dict)  # seconds of each worker's chunks
    interval: tuple[float, float] | None = None  # of the landing probability, where not that of a fixed number of runs

    def add(self, columns: dict[str, np.ndarray], is_new: bool) -> None:
        """Take in rows, flown by this call or found."""
        outcomes = [str(outcome) for outcome in columns["outcome"]]
        self.runs += len(outcomes)
        self.flown_now += len(outcomes) if is_new else 0
        self.landed += outcomes.count("landed")
        self.within_requirements += int(np.sum(columns["is_within_requirements"]))
        self.outcomes.update(outcomes)
        self.first_causes.update(str(cause) for cause in columns["first_cause"] if cause)

    def recounted(self, store: Store, digest: str, runs: int) -> None:
        """Count the first `runs` runs alone."""
        flown = self.flown_now
        self.runs = self.landed = self.within_requirements = 0
        self.outcomes, self.first_causes, self.asked = Counter(), Counter(), runs
        for chunk in chunks_of(0, runs):
            table = store.read_part(chunk, digest)
            if table is not None:
                self.add({name: table[name].to_numpy()[: runs - WIDTH * chunk] for name in COUNTED}, is_new=False)
        self.flown_now = flown

    @property
    def wall_s(self) -> float:
        """Seconds since the call."""
        return time.perf_counter() - self.began

    @property
    def compile_s(self) -> float | None:
        """What a worker's first chunk took longer than its others, at most; None before any has flown two."""
        found = [first - statistics.median(others) for first, *others in self.chunks.values() if others]
        return max(max(found), 0.0) if found else None

    @property
    def landings_per_s(self) -> float | None:
        """Runs flown by this call over its time, but for compiling."""
        busy = self.wall_s - (self.compile_s or 0.0)
        return self.flown_now / busy if self.flown_now and busy > 0.0 else None

    def probability(self, confidence: float = CONFIDENCE) -> dict[str, Any]:
        """Landing probability with its interval."""
        if not self.runs:
            return {"estimate": None, "low": 0.0, "high": 1.0, "confidence": confidence, "method": "none flown"}
        if self.interval is None and self.method == AT_STOPPING:
            low, high = clopper_pearson(self.landed, self.runs, confidence)
            so_far = "Clopper-Pearson so far; not yet stopped"
            return {"estimate": self.landed / self.runs, "low": low, "high": high, "confidence": confidence, "method": so_far}
        low, high = self.interval or clopper_pearson(self.landed, self.runs, confidence)
        return {
            "estimate": self.landed / self.runs, "low": low, "high": high, "confidence": confidence, "method": self.method,
        }  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "runs": self.runs,
            "landed": self.landed,
            "within_requirements": self.within_requirements,
            "landing_probability": self.probability(),
            "was_stopped": self.interval is not None,
            "outcomes": dict(self.outcomes.most_common()),
            "first_causes": dict(self.first_causes.most_common()),
            "landings_per_s": self.landings_per_s,
            "compile_s": self.compile_s,
            "wall_s": self.wall_s,
        }


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


def begin(store: Store, plan: Plan, resume: bool) -> dict[str, Any]:
    """The head of a folder that is free, or holds this same campaign and is to be gone on with. Raises UserError."""
    held, wanted = store.read_head(), head_of(plan)
    if held is None:
        others = [p.name for p in store.folder.iterdir() if p.name not in OURS] + [str(k) for k in store.chunks()]
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
    return held


@dataclass
class Underway:
    """One call's campaign: where it is kept, what flies, who is told, what has come of it."""

    store: Store
    plan: Plan
    digest: str
    tally: Tally
    workers: int | None
    explain: tuple[Explain | None, tuple[str, ...]]
    watch: Callable[[Tally], None] | None
    landed: dict[int, np.ndarray] = field(default_factory=dict)  # of each chunk that is there, which of its runs landed

    def told(self) -> None:
        """Show how it stands."""
        if self.watch:
            self.watch(self.tally)

    def take_in(self, chunk: int, columns: dict[str, np.ndarray], runs: int, is_new: bool) -> None:
        """Count a chunk's rows, of the first `runs` runs."""
        counted = {name: np.asarray(columns[name])[: max(runs - WIDTH * chunk, 0)] for name in COUNTED}
        self.tally.add(counted, is_new)
        self.landed[chunk] = np.asarray(columns["outcome"]) == "landed"

    def fly_up_to(self, runs: int) -> None:
        """Fly what is missing of runs 0 to `runs` − 1, in whole chunks."""
        missing = []
        for chunk in (chunk for chunk in chunks_of(0, runs) if chunk not in self.landed):
            table = self.store.read_part(chunk, self.digest)
            if table is None:
                missing.append(Task(self.plan, chunk, *self.explain))
            else:
                self.take_in(chunk, {name: table[name].to_numpy() for name in COUNTED}, runs, is_new=False)
        self.told()
        if not missing:
            return
        with closing(done_by_crew(fly_task, missing, self.workers)) as done:
            for k, rows in done:
                self.store.write_part(missing[k].chunk, rows.columns, self.digest)
                self.take_in(missing[k].chunk, rows.columns, runs, is_new=True)
                self.tally.chunks.setdefault(rows.worker, []).append(rows.seconds)
                self.told()

    def landed_of(self, runs: int) -> int:
        """How many of the first `runs` runs landed."""
        return int(sum(self.landed[chunk][: runs - WIDTH * chunk].sum() for chunk in chunks_of(0, runs)))

    def fly_until(self, rule: StopRule) -> None:
        """Look after so many runs as the rule says, and stop where it is met. Counts are then those of that look."""
        for look, runs in enumerate(rule.looks()):
            self.tally.asked = rule.largest()
            self.fly_up_to(WIDTH * len(chunks_of(0, runs)))
            landed = self.landed_of(runs)
            if rule.is_met(landed, runs, look):
                self.tally.recounted(self.store, self.digest, runs)
                low, high = rule.interval(landed, runs, look)
                self.tally.interval = low, high
                return


def fly_campaign(
    plan: Plan,
    folder: Path,
    runs: int | StopRule,
    resume: bool = False,
    workers: int | None = None,
    explain: tuple[Explain | None, tuple[str, ...]] = (None, ()),
    watch: Callable[[Tally], None] | None = None,
) -> Tally:
    """Fly runs 0 to `runs` − 1 of a plan into a folder, those that are not there yet, and tell what came of them; or as many as a
    stop rule asks for.

    `explain`: what names a lost flight's first cause, and the channels it reads. `watch` is shown the tally after every chunk.
    Runs fly in whole chunks of 128; those beyond the last that counts are kept and not counted. Interrupted, it leaves whole
    chunks behind; the same call with `resume` goes on from them. Raises UserError.
    """
    check_campaign(plan, runs, workers)
    store, tally = Store(folder), Tally(runs if isinstance(runs, int) else 0, method_of(plan, runs))
    with store.locked():
        head = begin(store, plan, resume)
        underway = Underway(store, plan, head["digest"], tally, workers, explain, watch)
        if isinstance(runs, StopRule):
            underway.fly_until(runs)
        else:
            underway.fly_up_to(runs)
        store.write_head({**head, "result": tally.as_json()})
    return tally


def check_campaign(plan: Plan, runs: int | StopRule, workers: int | None) -> None:
    """Raises UserError for what cannot be flown."""
    if not isinstance(runs, StopRule):
        check_length(runs)
    elif plan.design != "random":
        raise UserError(f"--until-halfwidth goes with runs of chance: a {plan.design} design has no exact interval to stop by.")
    if workers is not None and not 1 <= workers <= len(cores()):
        raise UserError(f"--workers {workers}: this machine has {len(cores())} cores for it; give 1 to {len(cores())}.")
    check_design(plan.design, draw_count(batch_of(plan).mission))
    if plan.length not in (0, runs):
        raise UserError(f"This Latin hypercube was laid out for {plan.length} runs: {runs} do not fill it; give {plan.length}.")


def method_of(plan: Plan, runs: int | StopRule) -> str:
    """How the interval is worked out."""
    if isinstance(runs, StopRule):
        return AT_STOPPING
    return "Clopper-Pearson" if plan.design == "random" else AS_IF_RANDOM
