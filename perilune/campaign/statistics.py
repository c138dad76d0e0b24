"""What may be said about probabilities and quantiles from independent landings; nothing here knows what a landing is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import beta, binom, binomtest

from perilune.foundation.errors import UserError

MANY = 2000  # values from which quantiles get the exact order-statistic interval; resampling would cost 2,000 x as much there
BLOCK = 4_000_000  # drawn indices held at once while resampling: 32 MB
ROUNDING = 1e-9  # by which priors typed in decimals may add up to more than one


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval for a binomial probability (Clopper & Pearson 1934): coverage at least `confidence`."""
    _check_count(successes, trials, confidence)
    tail = 0.5 * (1.0 - confidence)
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.ppf(1.0 - tail, successes + 1, trials - successes))
    return low, high


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval for a binomial probability (Wilson 1927): coverage near `confidence` on average, less at some p.

    Its dips are deepest near p = 0 and 1: exp(-0.1765) = 0.838 for 95 % at p just under 0.1765/n, n large (Brown, Cai & DasGupta
    2001, Statistical Science 16, 101-133).
    """
    _check_count(successes, trials, confidence)
    z = float(ndtri(0.5 + 0.5 * confidence))
    share, weight = successes / trials, 1.0 + z * z / trials
    middle = (share + 0.5 * z * z / trials) / weight
    reach = z / weight * np.sqrt(share * (1.0 - share) / trials + 0.25 * (z / trials) ** 2)
    low = 0.0 if successes == 0 else float(middle - reach)  # exactly, where rounding would leave 1e-17
    high = 1.0 if successes == trials else float(middle + reach)
    return low, high


def _check_count(successes: int, trials: int, confidence: float) -> None:
    """A share of nothing is no number."""
    if trials < 1:
        raise ValueError(f"An interval needs at least one trial; there are {trials}.")
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials are not a count.")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"The confidence is {confidence:g}; it lies between 0 and 1.")


@dataclass(frozen=True)
class Quantiles:
    """Quantiles with intervals: shares, estimates, lows, highs [share]; values used and left out (NaN); the method's name."""

    shares: tuple[float, ...]
    estimates: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    used: int
    left_out: int
    method: str


def bootstrap_quantiles(
    values: NDArray[np.floating],
    shares: Sequence[float],
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Quantiles:
    """Intervals for the quantiles of what `values` [n] were drawn from; estimates interpolate linearly (NumPy's default).

    Below `MANY` values: percentile bootstrap (Efron & Tibshirani 1993, chapter 13), drawn in blocks of bounded memory. It cannot
    reach beyond the sample, so it covers too rarely where n·share or n·(1 - share) is under about 5. From `MANY` on: the
    order statistics x(l), x(u) with P(B < l) and P(B >= u) at most half the rest for B ~ Binomial(n, share) (David & Nagaraja
    2003, section 7.1): exact for every continuous distribution, one sort, no random numbers; infinite where no value is
    far enough out. NaN intervals for fewer than two values; infinities are values like others.
    """
    if any(not 0.0 < share < 1.0 for share in shares):
        raise ValueError(f"Shares lie between 0 and 1; they are {tuple(shares)}.")
    flat = np.asarray(values, dtype=float).ravel()
    kept = np.sort(flat[~np.isnan(flat)])
    count = len(kept)
    nothing = np.full(len(shares), np.nan)
    estimates, ends, method = nothing, np.stack([nothing, nothing]), "none"
    if count >= 1:
        estimates = np.quantile(kept, shares)
    if count >= MANY:
        ends, method = _order_statistics(kept, np.asarray(shares), confidence), "order statistics"
    elif count >= 2:
        ends, method = _resampled(kept, np.asarray(shares), confidence, resamples, seed), "percentile bootstrap"
    lows, highs = ends
    return Quantiles(
        tuple(shares), tuple(estimates.tolist()), tuple(lows.tolist()), tuple(highs.tolist()), count, len(flat) - count, method
    )


def _resampled(
    ordered: NDArray[np.float64], shares: NDArray[np.float64], confidence: float, resamples: int, seed: int
) -> NDArray[np.float64]:
    """Ends [2, share] between which the middle part of the quantiles of resamples lies."""
    stream, count = np.random.default_rng(seed), len(ordered)
    rows = max(1, BLOCK // count)
    found = []
    for first in range(0, resamples, rows):
        drawn = stream.integers(count, size=(min(rows, resamples - first), count))
        found.append(np.quantile(ordered[drawn], shares, axis=1))
    tail = 0.5 * (1.0 - confidence)
    return np.quantile(np.concatenate(found, axis=1), [tail, 1.0 - tail], axis=1)


def _order_statistics(ordered: NDArray[np.float64], shares: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Ends [2, share]: the values whose ranks bracket the quantile, or infinity."""
    count, tail = len(ordered), 0.5 * (1.0 - confidence)
    below = binom.ppf(tail, count, shares).astype(int)  # least l with P(B <= l) >= tail, so P(B < l) <= tail: rank l
    above = binom.ppf(1.0 - tail, count, shares).astype(int) + 1  # P(B >= u) <= tail: rank u
    padded = np.concatenate([[-np.inf], ordered, [np.inf]])
    return np.stack([padded[below], padded[above]])


@dataclass(frozen=True)
class PairedDifference:
    """Two ways of flying the same runs: counts of successes, P(a) - P(b) with its interval, McNemar's two-sided p-value."""

    both: int
    only_a: int
    only_b: int
    neither: int
    difference: float
    low: float
    high: float
    p_value: float


def paired_difference(a: NDArray[np.bool_], b: NDArray[np.bool_], confidence: float = 0.95) -> PairedDifference:
    """Compare successes a [n] and b [n] of the same runs (common random numbers).

    Interval, approximate: Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10: Wilson's intervals joined by the
    correlation. p-value: McNemar's exact test, the discordant pairs as fair coins (1 where there are none).
    """
    a, b = np.asarray(a, dtype=bool), np.asarray(b, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or len(a) == 0:
        raise ValueError(f"Pairs need two rows of the same runs, at least one; they are shaped {a.shape} and {b.shape}.")
    both, only_a, only_b = int(np.sum(a & b)), int(np.sum(a & ~b)), int(np.sum(~a & b))
    neither = len(a) - both - only_a - only_b
    difference = (only_a - only_b) / len(a)
    low_a, high_a = wilson(both + only_a, len(a), confidence)
    low_b, high_b = wilson(both + only_b, len(a), confidence)
    share_a, share_b = (both + only_a) / len(a), (both + only_b) / len(a)
    phi = _correlation(both, only_a, only_b, neither)
    down, up = _joined(share_a - low_a, high_b - share_b, phi), _joined(high_a - share_a, share_b - low_b, phi)
    discordant = only_a + only_b
    p_value = float(binomtest(only_a, discordant, 0.5).pvalue) if discordant else 1.0
    return PairedDifference(both, only_a, only_b, neither, difference, difference - down, difference + up, p_value)


def weighted_difference(parts: Sequence[tuple[float, PairedDifference]]) -> tuple[float, float, float]:
    """Sum of weight · difference over strata flown apart, with its interval: reaches added in squares (Zou & al. 2009)."""
    weights = np.array([weight for weight, _ in parts])
    ends = np.array([[d.difference, d.low, d.high] for _, d in parts])
    estimate = float(weights @ ends[:, 0])
    down = float(np.linalg.norm(weights * (ends[:, 0] - ends[:, 1])))
    up = float(np.linalg.norm(weights * (ends[:, 2] - ends[:, 0])))
    return estimate, estimate - down, estimate + up


def _correlation(both: int, only_a: int, only_b: int, neither: int) -> float:
    """Newcombe's phi, shrunk by half a pair where positive (his equation for method 10); 0 where a margin is empty."""
    product = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if product == 0:
        return 0.0
    cross = both * neither - only_a * only_b
    shrunk = max(cross - 0.5 * (both + only_a + only_b + neither), 0.0) if cross > 0 else float(cross)
    return float(shrunk / np.sqrt(float(product)))


def _joined(one: float, other: float, correlation: float) -> float:
    """Reach of a difference from the reaches of its terms."""
    return float(np.sqrt(max(one * one - 2.0 * correlation * one * other + other * other, 0.0)))


@dataclass(frozen=True)
class Stratum:
    """Flights under one fault, or none: `lost` of `flown`, and the `prior` probability of being in this stratum."""

    name: str
    lost: int
    flown: int
    prior: float


@dataclass(frozen=True)
class CombinedLoss:
    """P(loss) over all strata, its interval, the prior mass that no stratum holds, and each stratum's part of the estimate."""

    estimate: float
    low: float
    high: float
    neglected: float
    parts: dict[str, float]


def combined_loss(strata: Sequence[Stratum], confidence: float = 0.95) -> CombinedLoss:
    """P(loss) = sum of prior · P(loss | stratum), with an interval; priors are taken as known.

    Interval: Zou, Huang & Zhang (2009), Computational Statistics & Data Analysis 53, 1080-1085: the reaches of the strata's own
    intervals, times their priors, added in squares. The strata's intervals are Clopper & Pearson's, as losses are rare and
    Wilson's dips lie there. Coverage is not proven, but measured: 0.954 to 0.974 for 95 % in three cases of three strata.
    What no stratum holds, 1 - sum of priors, counts as no loss at the low end and as loss at the high; the estimate leaves
    it out.
    """
    total = sum(stratum.prior for stratum in strata)
    if not strata or any(stratum.prior < 0.0 for stratum in strata) or total > 1.0 + ROUNDING:
        raise UserError(f"Prior probabilities are positive and add up to at most 1; they add up to {total:g}.")
    unflown = [stratum.name for stratum in strata if stratum.flown < 1]
    if unflown:
        raise UserError(
            f"No landing was flown for {', '.join(unflown)}; fly some, or leave it out, so that it counts as neglected."
        )
    priors = np.array([stratum.prior for stratum in strata])
    shares = np.array([stratum.lost / stratum.flown for stratum in strata])
    ends = np.array([clopper_pearson(stratum.lost, stratum.flown, confidence) for stratum in strata])
    parts = priors * shares
    estimate, neglected = float(parts.sum()), max(1.0 - total, 0.0)
    down = float(np.linalg.norm(priors * (shares - ends[:, 0])))
    up = float(np.linalg.norm(priors * (ends[:, 1] - shares)))
    named = {stratum.name: float(part) for stratum, part in zip(strata, parts, strict=True)}
    return CombinedLoss(estimate, max(estimate - down, 0.0), min(estimate + up + neglected, 1.0), neglected, named)
