"""Runs parted by what fails in them: nothing, one thing of a table of priors, or two; and the landing probability over all.

Each thing i fails with probability p_i apart from the others (what fails together is one thing with several faults). Then

    P(none) = Π (1 − p_i),   P(i alone) = P(none) p_i / (1 − p_i),   P(i and j alone) = P(i alone) p_j / (1 − p_j),

and P(loss) = P(none) P(loss | none) + Σ P(i alone) P(loss | i) + P(two) P(loss | two) + what three or more may add, which is
not flown but bounded by its own probability. Two at once are one stratum, in which each run draws its pair by the pairs'
probabilities. Pairs that contradict each other (one part failing in two ways) are left out, and counted with three or more.

Run k belongs to the stratum in whose share of (0, 1) the k-th point of the additive recurrence of the golden ratio lies: a
function of k alone, whose counts stay within a few runs of their shares (Kronecker's sequence; Niederreiter 1992, section 3.1).
Half of all runs are shared out evenly, so that every loss given a fault becomes known, and half by probability, so that their
sum does.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any, Protocol, runtime_checkable

import numpy as np

from perilune.foundation.errors import UserError

from .priors import Prior
from .statistics import Stratum, clopper_pearson, combined_loss

NONE, TWO = "no fault", "two faults"
GOLDEN = np.uint64(11400714819323198485)  # 2⁶⁴ / φ, odd
JOINED = " + "  # between the names of two that fail
LEAST = 2  # runs that every stratum must get
OVER_STRATA = "strata of the priors: Clopper-Pearson in each, joined by Zou, Huang & Zhang (2009)"


@runtime_checkable
class Trial(Protocol):
    """What tells whether faults can fly."""

    def check(self, faults: dict[str, Any], where: str) -> None:
        """Raises UserError where they cannot."""


@dataclass(frozen=True)
class Strata:
    """Names and probabilities of the strata (none, each alone, two where a pair can be), the pairs with their share of the last,
    and the probability of what no stratum holds."""

    priors: tuple[Prior, ...]
    names: tuple[str, ...]
    masses: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...]
    pair_shares: tuple[float, ...]
    neglected: float

    def as_json(self) -> dict[str, Any]:
        """For campaign.json, without the priors, which the plan has."""
        return {key: x for key, x in asdict(self).items() if key != "priors"}

    @property
    def edges(self) -> np.ndarray:
        """Where each stratum's share of the runs ends."""
        masses = np.asarray(self.masses)
        return np.cumsum(0.5 / len(masses) + 0.5 * masses / masses.sum())

    def places(self, runs: np.ndarray) -> np.ndarray:
        """The stratum of each run, by number."""
        points = (np.asarray(runs, np.uint64) * GOLDEN).astype(float) / 2.0**64
        return np.minimum(np.searchsorted(self.edges, points, side="right"), len(self.names) - 1)

    def failing(self, seed: int, run: int) -> tuple[int, ...]:
        """Which of the priors happen in a run."""
        place = int(self.places(np.asarray([run]))[0])
        if place == 0:
            return ()
        if place <= len(self.priors):
            return (place - 1,)
        stream = np.random.default_rng(np.random.SeedSequence((seed, 4, run)))
        return self.pairs[int(np.searchsorted(np.cumsum(self.pair_shares)[:-1], stream.random(), side="right"))]

    def drawn(self, seed: int, run: int) -> dict[str, Any]:
        """The faults that chance puts into a run: name → table."""
        found: dict[str, Any] = {}
        for k in self.failing(seed, run):
            found |= self.priors[k].drawn(seed, run, k)
        return found

    def said(self, seed: int, run: int) -> str:
        """What fails in a run, for its row."""
        return JOINED.join(self.priors[k].name for k in self.failing(seed, run))

    def least_runs(self) -> int:
        """How many runs give every stratum its least."""
        count = 64
        while np.bincount(self.places(np.arange(count)), minlength=len(self.names)).min() < LEAST:
            count *= 2
        counts = np.eye(len(self.names), dtype=int)[self.places(np.arange(count))].cumsum(axis=0)
        return int(np.flatnonzero(counts.min(axis=1) >= LEAST)[0]) + 1


@lru_cache(maxsize=4)
def strata_of(priors: tuple[Prior, ...], trial: Trial) -> Strata:
    """The strata of a table of priors, each tried. Raises UserError where one cannot fly."""
    if taken := sorted({NONE, TWO} & {prior.name for prior in priors}):
        raise UserError(f"A prior cannot be called “{taken[0]}”, which has a meaning of its own: give it another name.")
    if joined := [prior.name for prior in priors if JOINED in prior.name]:
        raise UserError(f"A prior cannot be called “{joined[0]}”: “{JOINED}” stands between two that fail. Give it another name.")
    for prior in priors:
        for faults in prior.tried():
            trial.check(faults, f"prior “{prior.name}”")
    odds = np.asarray([prior.probability / (1.0 - prior.probability) for prior in priors])
    none = float(np.prod([1.0 - prior.probability for prior in priors]))
    pairs = [(i, j) for i, j in combinations(range(len(priors)), 2) if can_meet(priors[i], priors[j], trial)]
    both = np.asarray([none * odds[i] * odds[j] for i, j in pairs])
    masses = [none, *(float(x) for x in none * odds), *([float(both.sum())] if pairs else [])]
    return Strata(
        priors=priors,
        names=(NONE, *(prior.name for prior in priors), *([TWO] if pairs else [])),
        masses=tuple(masses),
        pairs=tuple(pairs),
        pair_shares=tuple(float(x) for x in both / both.sum()) if pairs else (),
        neglected=max(1.0 - sum(masses), 0.0),
    )


def strata_back(priors: tuple[Prior, ...], told: dict[str, Any]) -> Strata:
    """The strata that campaign.json tells."""
    return Strata(
        priors, tuple(told["names"]), tuple(told["masses"]), tuple((i, j) for i, j in told["pairs"]), tuple(told["pair_shares"]),
        told["neglected"],
    )  # fmt: skip


def can_meet(one: Prior, other: Prior, trial: Trial) -> bool:
    """Whether both can happen in one flight."""
    names = {failure.name for failure in one.failures} & {failure.name for failure in other.failures}
    if names:
        return False
    try:
        for first, second in zip(one.tried(), other.tried(), strict=True):
            trial.check(first | second, "")
    except UserError:
        return False
    return True


def landing_of(
    strata: Strata, flown: dict[str, int], landed: dict[str, int], confidence: float, method: str = OVER_STRATA
) -> dict[str, Any]:
    """The landing probability over all strata, from runs flown and landed in each: as `Tally.probability` tells it, with the
    probability of what no stratum holds, which counts as lost at the low end and as landed at the high one and in the
    estimate."""
    missing = [name for name in strata.names if not flown.get(name)]
    if missing:
        return {"estimate": None, "low": 0.0, "high": 1.0, "confidence": confidence, "method": f"none flown with {missing[0]}"}
    found = combined_loss(
        [Stratum(n, flown[n] - landed.get(n, 0), flown[n], mass) for n, mass in zip(strata.names, strata.masses, strict=True)],
        confidence,
    )
    return {
        "estimate": 1.0 - found.estimate, "low": 1.0 - found.high, "high": 1.0 - found.low, "confidence": confidence,
        "method": method, "neglected": found.neglected,
    }  # fmt: skip


def table_of(strata: Strata, flown: dict[str, int], landed: dict[str, int], confidence: float) -> list[dict[str, Any]]:
    """A row a stratum: its probability (an assumption), runs, losses, P(loss | stratum) with interval, its part of P(loss)."""
    rows = []
    sources = {prior.name: prior.source for prior in strata.priors}
    for name, mass in zip(strata.names, strata.masses, strict=True):
        runs, lost = flown.get(name, 0), flown.get(name, 0) - landed.get(name, 0)
        low, high = clopper_pearson(lost, runs, confidence) if runs else (0.0, 1.0)
        share = lost / runs if runs else None
        rows.append(
            {
                "name": name, "probability": mass, "runs": runs, "lost": lost,
                "loss": {"estimate": share, "low": low, "high": high, "confidence": confidence},
                "part_of_loss": None if share is None else mass * share,
                "rests_on": sources.get(name, "follows from the priors"),
            }
        )  # fmt: skip
    return rows
