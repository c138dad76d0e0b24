"""A campaign that has been flown, as something to ask: its runs, its landing probability, its causes, what it hangs on."""

from collections import Counter
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import ndtri

from perilune.foundation.errors import UserError

from .priors import priors_back
from .replay import campaign_head
from .statistics import clopper_pearson
from .store import Store
from .strata import OVER_STRATA, Strata, landing_of, strata_back, table_of
from .tally import SO_FAR

ENOUGH = 20_000  # runs from which distances shrink as the root of their number
FEW = ("run", "outcome", "is_within_requirements", "first_cause", "stratum", "failing")  # columns that most questions are about
APPLIED, FAULT = "applied/", "fault/"  # columns of what dispersions and faults put into a run


class Evidence:
    """A campaign's folder, read. Raises UserError where it is none."""

    def __init__(self, folder: str | Path):
        self.store = Store(folder)
        self.head = campaign_head(self.store, is_read_only=True)
        self.digest = self.head["digest"]
        self.chunks = self.store.chunks()
        if not self.chunks:
            raise UserError(f"{folder} has no runs yet: fly them with --resume.")
        first = self.store.read_part(self.chunks[0], self.digest)
        self.names: list[str] = [] if first is None else first.column_names
        few = self.read([name for name in FEW if name in self.names])
        result = self.head.get("result", {})  # none while it is unfinished: then all that is there
        self.is_counted = pa.array(few["run"].to_numpy() < result.get("runs", np.inf))
        self.few: pa.Table = few.filter(self.is_counted)

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Some columns of all rows that are there, or all."""
        parts = [self.store.read_part(chunk, self.digest, columns=columns) for chunk in self.chunks]
        return pa.concat_tables([part for part in parts if part is not None])

    @cached_property
    def table(self) -> pa.Table:
        """All columns of the runs that count: of a million runs 6 GB, which most questions do not need."""
        return self.read().filter(self.is_counted)

    def column(self, name: str) -> np.ndarray:
        """One column, in the order of runs. Raises UserError for a name that there is not."""
        if name not in self.names:
            raise UserError(f"The runs have no column {name}: {', '.join(self.names)}.")
        return (self.few if name in FEW else self.table)[name].to_numpy()

    @property
    def runs(self):
        """All rows as a DataFrame, indexed by run. Needs pandas."""
        return self.table.to_pandas().set_index("run")

    @cached_property
    def strata(self) -> Strata | None:
        """Into what kinds of runs the priors part them; None without priors."""
        told = self.head.get("strata")
        return strata_back(priors_back(self.head["plan"]["priors"]), told) if told else None

    def counts(self, is_success: np.ndarray) -> tuple[Counter, Counter]:
        """Runs and successes in each stratum."""
        names = np.asarray(self.column("stratum"), str)
        return Counter(names.tolist()), Counter(names[is_success].tolist())

    def by_fault(self, confidence: float = 0.95) -> list[dict[str, Any]]:
        """A row for each kind of run that the priors part: its probability (an assumption), runs, losses, P(loss | kind), and its
        part of P(loss); none without priors."""
        if self.strata is None:
            return []
        return table_of(self.strata, *self.counts(self.column("outcome") == "landed"), confidence)

    def landing_probability(self, confidence: float = 0.95, within_requirements: bool = False) -> dict[str, Any]:
        """Probability of a landing (or of one within all requirements), with its interval: exact where the number of runs was
        fixed; as the stop rule gives it where a rule stopped the campaign, and only that; over strata, by their probabilities,
        where faults were drawn by priors. Raises UserError."""
        if not 0.0 < confidence < 1.0:
            raise UserError(f"confidence = {confidence}: give a share between 0 and 1, as 0.95.")
        column = self.column("is_within_requirements") if within_requirements else self.column("outcome") == "landed"
        asked = self.head.get("asked", {})
        if self.strata is not None:
            return landing_of(self.strata, *self.counts(np.asarray(column, bool)), confidence, asked.get("method", OVER_STRATA))
        landed, runs = int(np.sum(column)), len(column)
        kept = self.head.get("result", {}).get("landing_probability", {})
        if self.head.get("result", {}).get("was_stopped"):
            if within_requirements or confidence != kept["confidence"]:
                raise UserError(
                    f"A rule on landings, at {kept['confidence']:.0%}, stopped this campaign: no other interval is right."
                )
            return dict(kept)
        low, high = clopper_pearson(landed, runs, confidence)
        method = kept.get("method") or asked.get("method", "Clopper-Pearson")
        if "until_halfwidth" in asked:
            method = SO_FAR
        return {"estimate": landed / runs, "low": low, "high": high, "confidence": confidence, "method": method}

    def causes(self) -> dict[str, int]:
        """How many lost runs have which first cause, most first."""
        names, counts = np.unique([str(c) for c in self.column("first_cause") if c], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {str(names[k]): int(counts[k]) for k in order}

    def tracks(self) -> dict[str, np.ndarray]:
        """Second by second, while they fly, the channels that are kept of the first runs: `run`, `time_s` and channels,
        (samples,); empty where the campaign has none."""
        parts = [self.store.read_part(chunk, self.digest, "tracks") for chunk in self.store.chunks("tracks")]
        if not parts:
            return {}
        whole = pa.concat_tables([part for part in parts if part is not None])
        counted = whole["run"].to_numpy() <= self.column("run").max()
        return {name: whole[name].to_numpy()[counted] for name in whole.column_names}

    def inputs(self) -> dict[str, np.ndarray]:
        """What dispersions put into the runs: path → value of each run; those that never moved are left out."""
        return self.moved(APPLIED)

    def faults(self) -> dict[str, np.ndarray]:
        """What faults put into the runs: name → magnitude in each run; those that never moved are left out."""
        return self.moved(FAULT)

    def moved(self, beginning: str) -> dict[str, np.ndarray]:
        """The columns of a beginning whose values are not all the same."""
        names = [name for name in self.names if name.startswith(beginning)]
        found = {name.removeprefix(beginning): self.column(name) for name in names}
        return {name: values for name, values in found.items() if np.ptp(np.nan_to_num(values)) > 0.0}

    def sensitivity(self, of: str = "vertical_speed_mps", slices: int = 10) -> dict[str, float]:
        """PAWN index (Pianosi & Wagener 2015; median over slices) of a figure for each dispersed number, most first: how far
        fixing the number moves the figure's distribution, 0 for not at all. Needs SALib. Runs without the figure are left out;
        where faults were drawn by priors, those with one are too."""
        found = pawn_indices(*self.samples(of, slices), slices)
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    def sensitivity_to_nothing(self, of: str = "vertical_speed_mps", slices: int = 10) -> float:
        """What the largest PAWN index of as many numbers as are dispersed, on none of which the figure hangs, stays under in 95 %
        of cases with so many runs. Indices up to it tell nothing."""
        inputs, figure = self.samples(of, slices)
        return pawn_of_nothing(len(figure), len(inputs), slices)

    def samples(self, of: str, slices: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Dispersed numbers and a figure of the runs that sensitivity looks at. Raises UserError where they are too few."""
        inputs, column = self.inputs(), self.column(of)
        if not np.issubdtype(column.dtype, np.number):
            raise UserError(f"{of} is no figure: sensitivity is that of a number, as vertical_speed_mps.")
        figure = column.astype(float)
        is_there = np.isfinite(figure)
        if "failing" in self.names:
            is_there &= np.asarray(self.column("failing"), str) == ""
        chosen = {name: values[is_there] for name, values in inputs.items()}
        chosen = {name: values for name, values in chosen.items() if values.size and np.ptp(values) > 0.0}
        if not chosen or is_there.sum() < 10 * slices:
            raise UserError(f"Too little to tell: {len(chosen)} dispersed numbers and {is_there.sum()} runs with {of}.")
        return chosen, figure[is_there]


@lru_cache(maxsize=8)
def pawn_of_nothing(runs: int, numbers: int, slices: int) -> float:
    """The 95 % point of the largest PAWN index of `numbers` numbers without meaning.

    Such an index hangs on ranks alone: a shuffle of the runs, cut into slices, each held against the whole (Kolmogorov and
    Smirnov's distance), and the median of these. 400 of them, and a normal law for the tail between them; of many runs, those of
    `ENOUGH` times √(ENOUGH/runs)."""
    few, stream = min(runs, ENOUGH), np.random.default_rng(0)
    found = np.empty(400)
    for k in range(len(found)):
        parts = np.array_split(stream.permutation(few), slices)
        distances = []
        for part in parts:
            ranks, steps = np.sort(part), np.arange(len(part) + 1) / len(part)
            distances.append(max(np.max(steps[1:] - ranks / few), np.max((ranks + 1) / few - steps[:-1]), 0.0))
        found[k] = np.median(distances)
    reach = ndtri(0.95 ** (1.0 / numbers))
    return float((found.mean() + reach * found.std()) * np.sqrt(few / runs))


def pawn_indices(inputs: dict[str, np.ndarray], figure: np.ndarray, slices: int) -> dict[str, float]:
    """PAWN index of a figure for each number. Raises ImportError without SALib."""
    try:
        from SALib.analyze import pawn
    except ImportError:
        raise ImportError("sensitivity needs SALib: pip install 'perilune[sensitivity]'") from None
    problem = {"num_vars": len(inputs), "names": list(inputs), "bounds": [[v.min(), v.max()] for v in inputs.values()]}
    found = pawn.analyze(problem, np.stack(list(inputs.values()), axis=1), figure, S=slices, print_to_console=False, seed=0)
    return {str(name): float(x) for name, x in zip(found["names"], found["median"], strict=True)}
