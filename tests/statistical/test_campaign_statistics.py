"""Intervals cover as often as they say; expected values come from SciPy's laws, from simulation, or from printed examples."""

import re

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from perilune.campaign import stopping
from perilune.campaign.evidence import pawn_indices, pawn_of_nothing
from perilune.campaign.statistics import (
    MANY,
    Stratum,
    bootstrap_quantiles,
    clopper_pearson,
    combined_loss,
    paired_difference,
    wilson,
)
from perilune.campaign.stopping import StopRule
from perilune.foundation.errors import UserError

CAMPAIGNS = 20_000


def exact_coverage(interval, trials, probabilities):
    """Sum of the binomial law over the counts whose interval holds p, for each p."""
    ends = np.array([interval(s, trials) for s in range(trials + 1)])
    holds = (ends[:, 0] <= probabilities[:, None]) & (probabilities[:, None] <= ends[:, 1])
    return np.sum(holds * binom.pmf(np.arange(trials + 1), trials, probabilities[:, None]), axis=1)


@pytest.mark.parametrize("trials", [1, 10, 64, 300])
def test_clopper_pearson_covers_everywhere(trials):
    p = np.linspace(0.001, 0.999, 999)
    assert exact_coverage(clopper_pearson, trials, p).min() >= 0.95 - 1e-12  # guaranteed; 1e-12: rounding of sums


def test_clopper_pearson_and_wilson_by_simulation():
    """4,000 campaigns of 200 landings for each p."""
    stream = np.random.default_rng(1)
    for p in (0.5, 0.9, 0.987):
        counts = stream.binomial(200, p, 4000)
        for interval, least in ((clopper_pearson, 0.95), (wilson, 0.944)):  # Wilson: binomial sum at p = 0.5
            ends = np.array([interval(s, 200) for s in range(201)])[counts]
            share = np.mean((ends[:, 0] <= p) & (p <= ends[:, 1]))
            assert share >= least - 4.0 * np.sqrt(0.05 * 0.95 / 4000)  # four standard errors of 4,000 campaigns


def test_wilson_in_its_known_band():
    """Brown, Cai & DasGupta 2001: mean close to 0.95, deepest dip exp(-0.1765) next to p = 0.1765/n."""
    trials = 500
    middle = exact_coverage(wilson, trials, np.linspace(0.01, 0.99, 981))
    assert abs(middle.mean() - 0.95) < 0.005  # what is left of the lattice in the mean: 1e-4 by this sum, with room
    dip = exact_coverage(wilson, trials, np.linspace(0.1, 0.2, 400) / trials).min()
    assert abs(dip - np.exp(-0.1765)) < 0.003  # terms in 1/n: (0.1765)²/2n = 3e-5, and the grid's step 0.0003
    for s, n in ((0, 20), (7, 20), (20, 20), (963, 1024)):
        theirs = binomtest(s, n).proportion_ci(method="wilson")
        np.testing.assert_allclose(wilson(s, n), (theirs.low, theirs.high), atol=1e-12)  # the same formula: rounding only


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
def test_counts_at_the_ends_and_counts_that_are_none(interval):
    low, high = interval(0, 50)
    assert low == 0.0 and 0.0 < high < 0.1
    low, high = interval(50, 50)
    assert high == 1.0 and 0.9 < low < 1.0
    for successes, trials, confidence in ((0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)):
        with pytest.raises(ValueError):
            interval(successes, trials, confidence)


def ends_of(rule, p, stream):
    """Look, successes and runs [CAMPAIGNS] at which simulated campaigns stop."""
    looks = np.array(list(rule.looks()))
    counts = np.cumsum(stream.binomial(np.diff(looks, prepend=0), p, size=(CAMPAIGNS, len(looks))), axis=1)
    met = np.zeros(counts.shape, dtype=bool)
    for k, n in enumerate(looks.tolist()):
        seen, place = np.unique(counts[:, k], return_inverse=True)
        met[:, k] = np.array([rule.is_met(s, n, k) for s in seen.tolist()])[place]
    assert met[:, -1].all()
    look = met.argmax(axis=1)
    return look, counts[np.arange(CAMPAIGNS), look], looks[look]


def printed_coverages():
    lines = re.findall(r"^ +(0\.\d+) +(0\.\d+) +(0\.\d+) +(0\.\d+) +(\d+)$", stopping.__doc__ or "", re.MULTILINE)
    return [tuple(map(float, line)) for line in lines]


@pytest.mark.parametrize("halfwidth", [0.05, 0.02])
def test_stop_rule_covers_at_its_stopping_time(halfwidth):
    """The table of the module's docstring, flown again with other random numbers; never under 94 %, half-widths kept."""
    rule, stream = StopRule(halfwidth), np.random.default_rng(20)
    lines = [line[1:] for line in printed_coverages() if line[0] == halfwidth]
    assert [line[0] for line in lines] == [0.5, 0.9, 0.987, 0.999]
    for p, exact, ordinary, mean_runs in lines:
        look, counts, runs = ends_of(rule, p, stream)
        seen, place = np.unique(np.stack([look, counts, runs], axis=1), axis=0, return_inverse=True)
        weights = np.bincount(place.ravel()) / CAMPAIGNS
        ends = np.array([rule.interval(s, n, k) for k, s, n in seen.tolist()])
        plain = np.array([clopper_pearson(s, n) for _, s, n in seen.tolist()])
        for found, printed in ((ends, exact), (plain, ordinary)):
            share = np.sum(weights * ((found[:, 0] <= p) & (p <= found[:, 1])))
            assert abs(share - printed) < 4.0 * np.sqrt(2.0 * printed * (1.0 - printed) / CAMPAIGNS)  # two samples, 4 sigma
            if found is ends:
                assert share >= 0.95 - 4.0 * np.sqrt(0.05 * 0.95 / CAMPAIGNS)  # guaranteed 0.95; 4 standard errors: 0.0062
        assert 0.5 * np.max(ends[:, 1] - ends[:, 0]) <= halfwidth * 1.001  # interpolated ends are good to 6e-4 of it
        assert abs(runs.mean() - mean_runs) < 0.5 + 4.0 * np.sqrt(2.0 / CAMPAIGNS) * (runs.std() + 1.0)  # printed to one run


def stopped_law(rule, p, ends):
    """Coverage and total probability by stepping the law of the count from look to look: another way than the module's."""
    law, before, covered, total = np.ones(1), 0, 0.0, 0.0
    for k, n in enumerate(rule.looks()):
        law, before = np.convolve(law, binom.pmf(np.arange(n - before + 1), n - before, p)), n
        for s in np.flatnonzero(law > 0.0).tolist():
            if rule.is_met(s, n, k):
                if (k, s) not in ends:
                    ends[k, s] = rule.interval(s, n, k)
                low, high = ends[k, s]
                covered, total = covered + law[s] * (low <= p <= high), total + law[s]
                law[s] = 0.0
    return covered, total


@pytest.mark.parametrize(
    "rule", [StopRule(0.1), StopRule(0.12, 0.9, 10, 1.3), StopRule(0.2, 0.95, 1, 1.5)], ids=["default", "90 %", "from one run"]
)
def test_stop_rule_covers_for_every_p(rule):
    """Exact coverage on 80 values of p, from a law that knows nothing of shares, orders or hypergeometric steps."""
    ends = {}
    for p in np.linspace(0.003, 0.997, 80):
        covered, total = stopped_law(rule, p, ends)
        assert abs(total - 1.0) < 1e-9  # the last look stops always; rounding of a few hundred sums
        assert covered >= rule.confidence - 1e-6  # guaranteed; shares of orders are cut 5 sigmas out: 6e-7


def test_stop_rule_at_one_look_is_clopper_pearson():
    """Before anything can have stopped, and where the first look stops always, there is nothing to correct."""
    for rule, s in ((StopRule(0.02), 60), (StopRule(0.45), 31)):
        np.testing.assert_allclose(rule.interval(s, 64, 0), clopper_pearson(s, 64), atol=2e-9)  # the root is sought to 1e-9
    assert list(StopRule(0.45).looks()) == [64] and StopRule(0.45).largest() == 64


def test_ordinary_interval_covers_too_rarely_where_stopping_bites():
    """Why the rule is needed: at p = 0.9586 and half-width 0.02 the ordinary interval covers 93 %."""
    rule, p = StopRule(0.02), 0.9586
    look, counts, runs = ends_of(rule, p, np.random.default_rng(8))
    seen, place = np.unique(np.stack([look, counts, runs], axis=1), axis=0, return_inverse=True)
    weights = np.bincount(place.ravel()) / CAMPAIGNS
    plain = np.array([clopper_pearson(s, n) for _, s, n in seen.tolist()])
    ends = np.array([rule.interval(s, n, k) for k, s, n in seen.tolist()])
    ordinary, exact = (np.sum(weights * ((x[:, 0] <= p) & (p <= x[:, 1]))) for x in (plain, ends))
    assert ordinary < 0.94  # the lower end of what is asked of 95 % intervals; 5 standard errors (0.0018) above the exact 0.930
    assert exact >= 0.95 - 4.0 * np.sqrt(0.05 * 0.95 / CAMPAIGNS)  # guaranteed 0.95; four standard errors


def test_stop_rule_refuses_what_makes_no_sense():
    for halfwidth, confidence, first_look, growth in (
        (0.0, 0.95, 64, 1.1),
        (0.5, 0.95, 64, 1.1),
        (0.1, 1.0, 64, 1.1),
        (0.1, 0.95, 0, 1.1),
        (0.1, 0.95, 64, 1.0),
    ):
        with pytest.raises(UserError):
            StopRule(halfwidth, confidence, first_look, growth)
    for successes, trials, look in ((3, 65, 0), (65, 64, 0), (3, 64, 99)):
        with pytest.raises(ValueError):
            StopRule(0.1).is_met(successes, trials, look)
    with pytest.raises(ValueError):  # a first look with no failure has stopped at 0.1 already
        StopRule(0.1).interval(71, 71, 1)


@pytest.mark.parametrize("count", [300, MANY], ids=["bootstrap", "order statistics"])
@pytest.mark.parametrize("law", ["normal", "exponential"])
def test_quantile_intervals_cover(count, law):
    """True quantiles of the two laws, 600 samples each."""
    stream, shares = np.random.default_rng(3), (0.05, 0.5, 0.9)
    truth = {"normal": np.array([-1.6448536, 0.0, 1.2815516]), "exponential": -np.log1p(-np.array(shares))}[law]
    samples = 600
    drawn = stream.normal(size=(samples, count)) if law == "normal" else stream.exponential(size=(samples, count))
    found = [bootstrap_quantiles(row, shares, resamples=400, seed=k) for k, row in enumerate(drawn)]
    held = np.mean([(np.array(q.lows) <= truth) & (truth <= np.array(q.highs)) for q in found], axis=0)
    least = 0.93 if count < MANY else 0.95  # 300 values leave 15 beyond the 5 % quantile: approximate, 2 % allowed
    assert (held >= least - 4.0 * np.sqrt(0.05 * 0.95 / samples)).all()  # four standard errors of 600 samples
    assert (held <= 0.96 + 4.0 * np.sqrt(0.04 * 0.96 / samples)).all()  # ranks are discrete: 0.953 to 0.960 by binomial sums


def test_the_two_quantile_methods_agree():
    values = np.random.default_rng(4).gamma(2.0, size=MANY)
    exact, drawn = bootstrap_quantiles(values, (0.1, 0.5, 0.9)), bootstrap_quantiles(values[:-1], (0.1, 0.5, 0.9))
    assert (exact.method, drawn.method) == ("order statistics", "percentile bootstrap")
    width = np.array(exact.highs) - np.array(exact.lows)
    for one, other in ((exact.lows, drawn.lows), (exact.highs, drawn.highs)):
        assert (
            np.abs(np.array(one) - np.array(other)) < 0.15 * width
        ).all()  # 2,000 resamples place an end to 4 % of the width (1 sigma)


def test_quantiles_of_few_values_and_of_none():
    some = bootstrap_quantiles(np.array([np.nan, 3.0, np.nan]), (0.5,))
    assert (some.used, some.left_out, some.estimates) == (1, 2, (3.0,)) and np.isnan([*some.lows, *some.highs]).all()
    none = bootstrap_quantiles(np.array([np.nan]), (0.1, 0.5))
    assert none.used == 0 and np.isnan([*none.estimates, *none.lows, *none.highs]).all()
    far = bootstrap_quantiles(np.arange(float(MANY)), (0.9999,))
    assert far.highs[0] == np.inf  # (0.9999)^2000 = 0.82: most samples hold no value beyond it
    with pytest.raises(ValueError):
        bootstrap_quantiles(np.arange(5.0), (1.0,))


def pairs(both, only_a, only_b, neither):
    times = (both, only_a, only_b, neither)
    return np.repeat([True, True, False, False], times), np.repeat([True, False, True, False], times)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [((1, 1, 7, 12), -0.507, -0.026), ((14, 5, 0, 22), 0.011, 0.226)],
    ids=["Bentur 2009 in Fagerland et al. 2014", "Altman 2000 p. 52"],
)
def test_paired_difference_of_printed_examples(table, low, high):
    found = paired_difference(*pairs(*table))
    assert (found.both, found.only_a, found.only_b, found.neither) == table
    np.testing.assert_allclose((found.low, found.high), (low, high), atol=6e-4)  # printed to three places
    assert found.p_value == pytest.approx(binomtest(table[1], table[1] + table[2]).pvalue, abs=1e-12)  # rounding


def test_mcnemar_of_a_printed_example():
    """Armitage & Berry 1994, p. 127: 20, 12, 2, 16; Liddell's exact two-sided P = 0.0129."""
    assert abs(paired_difference(*pairs(20, 12, 2, 16)).p_value - 0.0129) < 6e-5  # printed to four places


def test_paired_intervals_cover():
    """3,000 campaigns of 200 pairs: a fix that saves most losses, no difference at all, and few losses left to tell by."""
    stream, campaigns = np.random.default_rng(6), 3000
    for chances in ((0.80, 0.12, 0.02, 0.06), (0.5, 0.1, 0.1, 0.3), (0.95, 0.03, 0.0, 0.02)):
        tables, place = np.unique(stream.multinomial(200, chances, campaigns), axis=0, return_inverse=True)
        found = [paired_difference(*pairs(*table)) for table in tables.tolist()]
        held = np.array([x.low <= chances[1] - chances[2] <= x.high for x in found])[place.ravel()].mean()
        assert (
            0.94 - 4.0 * np.sqrt(0.05 * 0.95 / campaigns) <= held <= 0.99
        )  # Newcombe's table IV: means 0.95, some p 0.94 to 0.99


def test_pairs_at_the_ends():
    same = paired_difference(*pairs(40, 0, 0, 0))
    assert (same.difference, same.p_value) == (0.0, 1.0) and same.low < 0.0 < same.high
    for a, b in ((np.zeros(0, bool), np.zeros(0, bool)), (np.zeros(3, bool), np.zeros(4, bool))):
        with pytest.raises(ValueError):
            paired_difference(a, b)


@pytest.mark.parametrize("chances", [(0.01, 0.4, 0.9), (0.001, 0.05, 0.5), (0.2, 0.2, 0.2)])
def test_combined_loss_covers(chances):
    """Three strata, 4,000 campaigns; the prior mass in no stratum is taken out of the high end before comparing."""
    stream, priors, flown, campaigns = np.random.default_rng(7), np.array([0.9, 0.07, 0.02]), np.array([400, 200, 50]), 4000
    truth = float(priors @ np.array(chances))
    held = []
    for lost in stream.binomial(flown, chances, size=(campaigns, 3)).tolist():
        strata = [Stratum(str(k), lost[k], int(flown[k]), float(priors[k])) for k in range(3)]
        found = combined_loss(strata)
        held.append(found.low <= truth <= found.high - found.neglected)
    assert np.mean(held) >= 0.95 - 4.0 * np.sqrt(
        0.05 * 0.95 / campaigns
    )  # not proven, but exact strata leave room; four standard errors


def test_combined_loss_of_one_stratum_and_of_neglected_mass():
    """One stratum of prior one is its own interval; half of it missing halves that and adds the missing half at the top."""
    theirs = binomtest(3, 40).proportion_ci(method="exact")
    alone = combined_loss([Stratum("none", 3, 40, 1.0)])
    np.testing.assert_allclose((alone.low, alone.high), (theirs.low, theirs.high), atol=1e-12)  # rounding
    half = combined_loss([Stratum("none", 3, 40, 0.5)])
    assert half.neglected == 0.5 and half.parts == {"none": 0.5 * 3 / 40}
    np.testing.assert_allclose((half.low, half.high), (0.5 * theirs.low, 0.5 * theirs.high + 0.5), atol=1e-12)  # rounding
    for strata in ([], [Stratum("a", 0, 0, 0.5)], [Stratum("a", 0, 9, 0.7), Stratum("b", 0, 9, 0.4)], [Stratum("a", 0, 9, -0.1)]):
        with pytest.raises(UserError):
            combined_loss(strata)


@pytest.mark.parametrize(("runs", "numbers"), [(300, 12), (1200, 40)])
def test_what_numbers_without_meaning_reach(runs, numbers):
    """Against SALib's own indices of made-up numbers: the largest stays under the level in 95 % of cases."""
    stream = np.random.default_rng(11)
    level = pawn_of_nothing(runs, numbers, 10)
    cases, over = 200, 0
    for _ in range(cases):
        made_up = {str(k): stream.random(runs) for k in range(numbers)}
        over += max(pawn_indices(made_up, stream.normal(size=runs), 10).values()) > level
    low, high = binom.ppf([0.0005, 0.9995], cases, 0.05)  # one in a thousand by chance; the seed is fixed
    assert low <= over <= high


def test_many_runs_are_as_few_by_the_root():
    few, many = pawn_of_nothing(20_000, 30, 10), pawn_of_nothing(80_000, 30, 10)
    assert many == pytest.approx(few / 2.0, rel=1e-12)  # by definition
    direct = pawn_of_nothing(5_000, 30, 10)
    assert direct == pytest.approx(2.0 * few, rel=0.05)  # 400 draws of each: 3 % of the level
