"""Exact statements about probabilities from counts."""

from scipy.stats import beta


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval for a binomial probability (Clopper & Pearson 1934): coverage at least `confidence`."""
    tail = 0.5 * (1.0 - confidence)
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.ppf(1.0 - tail, successes + 1, trials - successes))
    return low, high
