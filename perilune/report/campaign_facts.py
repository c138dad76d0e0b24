"""What a campaign's page says in numbers: shares and quantiles of its runs, each run weighted by its stratum."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from perilune.campaign.evidence import Evidence
from perilune.campaign.statistics import Quantiles, Stratum, bootstrap_quantiles, clopper_pearson, combined_loss
from perilune.campaign.strata import NONE
from perilune.foundation.errors import UserError

CONFIDENCE = 0.95
LEAST_BEYOND = 5  # values that must lie beyond a quantile, for a resampled interval to be worth what it says
DRAWN = 40_000_000  # numbers drawn for one weighted interval, about


class Figure(NamedTuple):
    """A figure of touchdown: what it is, its unit, its limit where a requirement sets one, and its value in each run."""

    name: str
    title: str
    unit: str
    limit: float | None
    values: np.ndarray


class Facts:
    """A campaign read for its page."""

    def __init__(self, evidence: Evidence):
        self.evidence = evidence
        self.head = evidence.head
        self.runs = len(evidence.column("run"))
        self.run = np.asarray(evidence.column("run"), int)
        self.outcome = self.words("outcome")
        self.has_landed = self.outcome == "landed"

    def words(self, name: str) -> np.ndarray:
        """A column of words; empty ones where the campaign has none such."""
        if name not in self.evidence.names:
            return np.full(self.runs, "", dtype=object)
        return np.asarray([str(x) if x is not None else "" for x in self.evidence.column(name)], dtype=object)

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers; NaN where the campaign has none such."""
        if name not in self.evidence.names:
            return np.full(self.runs, np.nan)
        return np.asarray(self.evidence.column(name), float)

    @cached_property
    def weights(self) -> np.ndarray:
        """What each run counts for: its stratum's probability over the stratum's runs; without priors all the same."""
        strata = self.evidence.strata
        if strata is None:
            return np.full(self.runs, 1.0 / self.runs)
        names = self.words("stratum")
        flown, masses = Counter(names.tolist()), dict(zip(strata.names, strata.masses, strict=True))
        found = np.asarray([masses[name] / flown[name] for name in names])
        return found / found.sum()

    @property
    def is_weighted(self) -> bool:
        """Whether runs were parted by priors."""
        return self.evidence.strata is not None

    def share(self, is_it: np.ndarray) -> dict[str, Any]:
        """How probable something is, with its interval: over strata as their losses are joined; none where a rule on landings
        ended the campaign."""
        strata, said = self.evidence.strata, np.asarray(is_it, bool)
        if strata is not None:
            flown, hit = self.evidence.counts(said)
            if all(flown.get(name) for name in strata.names):
                parts = zip(strata.names, strata.masses, strict=True)
                found = combined_loss([Stratum(n, hit[n], flown[n], mass) for n, mass in parts], CONFIDENCE)
                return {"estimate": found.estimate, "low": found.low, "high": found.high}
            return {"estimate": float(self.weights @ said), "low": None, "high": None}
        if self.head.get("result", {}).get("was_stopped"):
            return {"estimate": float(np.mean(said)), "low": None, "high": None}
        low, high = clopper_pearson(int(said.sum()), self.runs, CONFIDENCE)
        return {"estimate": float(np.mean(said)), "low": low, "high": high}

    def kept(self, is_kept: np.ndarray) -> dict[str, Any]:
        """How probable it is that something is kept to, as `share`; what no stratum holds counts as the landings' does."""
        lost = self.share(~np.asarray(is_kept, bool))
        ends = [None if lost[key] is None else 1.0 - lost[key] for key in ("high", "low")]
        return {"estimate": 1.0 - lost["estimate"], "low": ends[0], "high": ends[1]}

    def within(self) -> dict[str, Any] | str:
        """The probability of a landing within all requirements, or why there is no interval of it."""
        try:
            return self.evidence.landing_probability(CONFIDENCE, within_requirements=True)
        except UserError as reason:
            return str(reason)

    def judged_tilt(self) -> np.ndarray:
        """The tilt that the requirement is about: at rest; of a lander that broke up, the larger of tilt at contact and
        slope."""
        rest, tilt, slope = (self.numbers(name) for name in ("rest_tilt_deg", "tilt_deg", "slope_deg"))
        return np.where(np.isfinite(rest), rest, np.fmax(tilt, slope))

    @cached_property
    def figures(self) -> list[Figure]:
        """The figures of touchdown, those that requirements limit first."""
        limits = self.head["mission"].get("requirements", {})

        def limit(name: str) -> float | None:
            return float(limits[name]) if name in limits else None

        return [
            Figure(
                "vertical_speed_mps",
                "vertical speed at touchdown",
                "m/s",
                limit("vertical_speed_mps"),
                self.numbers("vertical_speed_mps"),
            ),
            Figure(
                "horizontal_speed_mps",
                "horizontal speed at touchdown",
                "m/s",
                limit("horizontal_speed_mps"),
                self.numbers("horizontal_speed_mps"),
            ),
            Figure("tilt_deg", "tilt at rest", "°", limit("tilt_deg"), self.judged_tilt()),
            Figure("miss_distance_m", "miss distance", "m", limit("miss_distance_m"), self.numbers("miss_distance_m")),
            Figure("slope_deg", "slope under the feet", "°", None, self.numbers("slope_deg")),
            Figure("propellant_kg", "propellant left", "kg", None, self.numbers("propellant_kg")),
        ]

    def quantiles(self, values: np.ndarray, shares: Sequence[float]) -> Quantiles:
        """Quantiles of the runs that have a value, with intervals; over strata, each resampled by itself."""
        if not self.is_weighted:
            return bootstrap_quantiles(np.asarray(values, float), shares, CONFIDENCE)
        return stratified_quantiles(np.asarray(values, float), self.weights, self.words("stratum"), shares)

    def counting(self, values: np.ndarray) -> float:
        """To how many runs of equal weight those with a value amount (Kish 1965, section 11.7)."""
        weights = self.weights[np.isfinite(values)]
        return float(weights.sum() ** 2 / np.sum(weights**2)) if weights.size else 0.0

    def failed(self, row: int) -> str:
        """What chance made fail in a run."""
        found = self.words("failing")[row]
        return str(found) if found and found != NONE else ""


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Quantiles [share, column] of columns of values [run, column], each run with its weight; NaN values are left out.

    The smallest value up to which the weights reach the share: with equal weights a value of the sample.
    """
    table = np.asarray(values, float)
    order = np.argsort(table, axis=0)  # NaN come last
    ordered = np.take_along_axis(table, order, axis=0)
    heavy = np.where(np.isnan(ordered), 0.0, np.asarray(weights)[order])
    reached = np.cumsum(heavy, axis=0)
    total = reached[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        reached = reached / total
    places = [np.minimum(np.sum(reached < share - 1e-12, axis=0), len(table) - 1) for share in shares]
    found = np.stack([np.take_along_axis(ordered, place[None], axis=0)[0] for place in places])
    return np.where(total > 0.0, found, np.nan)


def stratified_quantiles(values: np.ndarray, weights: np.ndarray, strata: np.ndarray, shares: Sequence[float]) -> Quantiles:
    """Weighted quantiles with the percentile bootstrap's interval (Efron & Tibshirani 1993, chapter 13), every stratum
    resampled
    by itself: its number of runs was not left to chance."""
    count = int(np.sum(np.isfinite(values)))
    nothing = tuple([float("nan")] * len(shares))
    if count < 2:
        return Quantiles(tuple(shares), nothing, nothing, nothing, count, len(values) - count, "none")
    estimates = weighted_quantiles(values[:, None], weights, shares)[:, 0]
    order = np.argsort(values)
    sorted_values, sorted_weights, sorted_strata = values[order], weights[order], strata[order]
    groups = [np.flatnonzero(sorted_strata == name) for name in dict.fromkeys(sorted_strata.tolist())]
    stream, found = np.random.default_rng(0), []
    for _ in range(int(np.clip(DRAWN // len(values), 100, 1000))):
        counts = np.empty(len(values))
        for group in groups:
            counts[group] = np.bincount(stream.integers(len(group), size=len(group)), minlength=len(group))
        reached = np.cumsum(np.where(np.isfinite(sorted_values), counts * sorted_weights, 0.0))
        if reached[-1] > 0.0:
            places = np.searchsorted(reached, np.asarray(shares) * reached[-1] * (1.0 - 1e-12))
            found.append(sorted_values[np.minimum(places, count - 1)])
    tail = 0.5 * (1.0 - CONFIDENCE)
    lows, highs = np.quantile(np.stack(found), [tail, 1.0 - tail], axis=0)
    return Quantiles(
        tuple(shares),
        tuple(estimates.tolist()),
        tuple(lows.tolist()),
        tuple(highs.tolist()),
        count,
        len(values) - count,
        "percentile bootstrap in each stratum",
    )
