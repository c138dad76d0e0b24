"""Two campaigns of the same runs, flown by different designs: what became better, what worse, and which runs changed sides."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perilune.foundation.errors import UserError

from .evidence import Evidence
from .run import differences
from .statistics import PairedDifference, paired_difference

MOST_TOLD = 12  # differences between two missions that are told


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


def compare(first: Path, second: Path) -> Comparison:
    """Compare two campaigns over the runs that both have. With one seed and design, run k met the same chance in both.

    Raises UserError where those are not the same.
    """
    one, other = Evidence(first), Evidence(second)
    for key in ("seed", "design", "length", "beginning"):
        if one.head["plan"][key] != other.head["plan"][key]:
            raise UserError(
                f"{first} and {second} were not flown with common chance: their {key} is {one.head['plan'][key]!r} and "
                f"{other.head['plan'][key]!r}. Fly one of them again with the other's."
            )
    runs, i, j = np.intersect1d(one.column("run"), other.column("run"), return_indices=True)
    if not len(runs):
        raise UserError(f"{first} and {second} have no run in common yet.")
    before, after = np.asarray(one.column("outcome")[i], str), np.asarray(other.column("outcome")[j], str)
    landed = before == "landed", after == "landed"
    turned = before != after
    names, counts = np.unique([f"{a} → {b}" for a, b in zip(before[turned], after[turned], strict=True)], return_counts=True)
    changed = [d for key in ("mission", "faults") for d in differences(one.head[key], other.head[key])]
    return Comparison(
        runs=len(runs),
        difference=paired_difference(landed[1], landed[0]),
        lost=tuple(int(k) for k in runs[landed[0] & ~landed[1]]),
        saved=tuple(int(k) for k in runs[~landed[0] & landed[1]]),
        outcomes={str(name): int(count) for name, count in zip(names, counts, strict=True)},
        changed=tuple(changed[:MOST_TOLD]),
    )
