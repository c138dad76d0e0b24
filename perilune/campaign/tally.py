"""What has come of a campaign's runs so far."""

import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .batch import WIDTH
from .plan import chunks_of
from .statistics import clopper_pearson
from .store import Store
from .strata import Strata, landing_of, table_of

CONFIDENCE = 0.95
AT_STOPPING = "exact at the moment of stopping (perilune.campaign.stopping)"
SO_FAR = "Clopper-Pearson so far; not yet stopped"
COUNTED = ("outcome", "is_within_requirements", "first_cause")
STRATUM = "stratum"


@dataclass
class Tally:
    """Counts of the runs so far, by outcome, cause and stratum, and how fast they were flown."""

    asked: int
    method: str = "Clopper-Pearson"
    strata: Strata | None = None
    runs: int = 0
    landed: int = 0
    within_requirements: int = 0
    outcomes: Counter = field(default_factory=Counter)
    first_causes: Counter = field(default_factory=Counter)
    flown_in: Counter = field(default_factory=Counter)  # of each stratum
    landed_in: Counter = field(default_factory=Counter)
    within_in: Counter = field(default_factory=Counter)
    flown_now: int = 0  # of the runs, by this call
    began: float = field(default_factory=time.perf_counter)
    chunks: dict[str, list[float]] = field(default_factory=dict)  # seconds of each worker's chunks
    interval: tuple[float, float] | None = None  # of the landing probability, where not that of a fixed number of runs

    @property
    def counted(self) -> tuple[str, ...]:
        """The columns that are counted."""
        return (*COUNTED, STRATUM) if self.strata else COUNTED

    def add(self, columns: dict[str, np.ndarray], is_new: bool) -> None:
        """Take in rows, flown by this call or found."""
        outcomes = np.asarray(columns["outcome"], str)
        has_landed, is_within = outcomes == "landed", np.asarray(columns["is_within_requirements"], bool)
        self.runs += len(outcomes)
        self.flown_now += len(outcomes) if is_new else 0
        self.landed += int(has_landed.sum())
        self.within_requirements += int(is_within.sum())
        self.outcomes.update(outcomes.tolist())
        self.first_causes.update(str(cause) for cause in columns["first_cause"] if cause)
        if self.strata:
            names = np.asarray(columns[STRATUM], str)
            self.flown_in.update(names.tolist())
            self.landed_in.update(names[has_landed].tolist())
            self.within_in.update(names[is_within].tolist())

    def recounted(self, store: Store, digest: str, runs: int) -> None:
        """Count the first `runs` runs alone."""
        flown = self.flown_now
        self.runs = self.landed = self.within_requirements = 0
        self.outcomes, self.first_causes, self.asked = Counter(), Counter(), runs
        for chunk in chunks_of(0, runs):
            table = store.read_part(chunk, digest)
            if table is not None:
                self.add({name: table[name].to_numpy()[: runs - WIDTH * chunk] for name in self.counted}, is_new=False)
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
        if self.strata:
            return landing_of(self.strata, self.flown_in, self.landed_in, confidence, self.method)
        low, high = self.interval or clopper_pearson(self.landed, self.runs, confidence)
        is_under_way = self.interval is None and self.method == AT_STOPPING
        method = SO_FAR if is_under_way else self.method
        return {"estimate": self.landed / self.runs, "low": low, "high": high, "confidence": confidence, "method": method}

    def within(self) -> float | None:
        """The probability of a landing within all requirements, as estimated."""
        if self.strata:
            return landing_of(self.strata, self.flown_in, self.within_in, CONFIDENCE)["estimate"]
        return self.within_requirements / self.runs if self.runs else None

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        said = {
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
        if self.strata:
            said["strata"] = table_of(self.strata, self.flown_in, self.landed_in, CONFIDENCE)
            said["assumptions"] = "probabilities of strata follow from the priors, which are assumptions; losses were flown"
        return said
