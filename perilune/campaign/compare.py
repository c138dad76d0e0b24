"""Two campaigns of the same runs, flown by different designs: what became better, what worse, and which runs changed sides."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from perilune.foundation.errors import UserError

from .evidence import Evidence
from .run import differences
from .statistics import PairedDifference, paired_difference, weighted_difference
from .strata import Strata

MOST_TOLD = 12  # differences between two missions that are told
COMMON = ("seed", "design", "length", "beginning", "priors")  # what chance hangs on


@dataclass(frozen=True)
class Comparison:
    """Two campaigns, run by run."""

    runs: int
    difference: PairedDifference  # of landing probabilities, second less first
    lost: tuple[int, ...]  # runs that landed in the first and not in the second
    saved: tuple[int, ...]  # and the other way round
    outcomes: dict[str, int]  # “first → second” of the runs that changed
    changed: tuple[str, ...]  # what is different in mission, faults and settings

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        d = self.difference
        return {
            "runs": self.runs,
            "difference": {"estimate": d.difference, "low": d.low, "high": d.high, "p_value": d.p_value},
            "both_landed": d.both,
            "only_first_landed": d.only_b,
            "only_second_landed": d.only_a,
            "neither_landed": d.neither,
            "lost": list(self.lost),
            "saved": list(self.saved),
            "outcomes_changed": self.outcomes,
            "what_changed": list(self.changed),
        }


def compare(first: str | Path, second: str | Path) -> Comparison:
    """Compare two campaigns over the runs that both have. With one seed and design, run k met the same chance in both.

    Raises UserError where those are not the same.
    """
    one, other = Evidence(first), Evidence(second)
    check_common(one, other)
    runs, i, j = np.intersect1d(one.column("run"), other.column("run"), return_indices=True)
    if not len(runs):
        raise UserError(f"{first} and {second} have no run in common yet.")
    before, after = np.asarray(one.column("outcome")[i], str), np.asarray(other.column("outcome")[j], str)
    landed = before == "landed", after == "landed"
    turned = before != after
    names, counts = np.unique([f"{a} → {b}" for a, b in zip(before[turned], after[turned], strict=True)], return_counts=True)
    changed = [d for key in ("mission", "faults") for d in differences(one.head[key], other.head[key])]
    strata = one.strata
    difference = paired_difference(landed[1], landed[0])
    if strata is not None:
        kinds = np.asarray(one.column("stratum")[i], str)
        if not np.array_equal(kinds, np.asarray(other.column("stratum")[j], str)):
            raise UserError(f"{first} and {second} part their runs otherwise, though their priors are the same: no pairs.")
        difference = over_strata(difference, strata, kinds, landed)
    return Comparison(
        runs=len(runs),
        difference=difference,
        lost=tuple(int(k) for k in runs[landed[0] & ~landed[1]]),
        saved=tuple(int(k) for k in runs[~landed[0] & landed[1]]),
        outcomes={str(name): int(count) for name, count in zip(names, counts, strict=True)},
        changed=tuple(changed[:MOST_TOLD]),
    )


def check_common(one: Evidence, other: Evidence) -> None:
    """Raises UserError where run k did not meet the same chance in both: by another seed or design, or by dispersions that take
    other places in a run's draw."""
    both = f"{one.store.folder} and {other.store.folder} were not flown with common chance"
    plans = one.head["plan"], other.head["plan"]
    for key in COMMON:
        if (plans[0].get(key) or None) != (plans[1].get(key) or None):
            values = "two" if key == "priors" else f"{plans[0].get(key)!r} and {plans[1].get(key)!r}"
            raise UserError(f"{both}: their {key}: {values}. Fly one of them again with the other's.")
    rows = [head["mission"].get("dispersions") or [] for head in (one.head, other.head)]
    groups = [head["mission"].get("correlated") or [] for head in (one.head, other.head)]
    if any(groups) and len(rows[0]) != len(rows[1]):
        raise UserError(
            f"{both}: one has {len(rows[0])} dispersions and the other {len(rows[1])}, after which the correlated ones draw. "
            "Keep the row in both, with sigma 0 where it should do nothing."
        )


def over_strata(
    counted: PairedDifference, strata: Strata, names: np.ndarray, landed: tuple[np.ndarray, np.ndarray]
) -> PairedDifference:
    """The difference of probabilities over strata, each by its probability, either end wider by what no stratum holds; counts and
    p-value are those of the runs as laid out."""
    parts = []
    for name, mass in zip(strata.names, strata.masses, strict=True):
        here = names == name
        if not here.any():
            raise UserError(f"No run with {name} is in both campaigns yet: fly more.")
        parts.append((mass, paired_difference(landed[1][here], landed[0][here])))
    estimate, low, high = weighted_difference(parts)
    return replace(counted, difference=estimate, low=low - strata.neglected, high=high + strata.neglected)
