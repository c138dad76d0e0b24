"""The monitors' means against NumPy, their false alarms by chance, and the bank against Bayes' rule done by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

from perilune.flight.monitoring.bank import MAP, SENSOR, STATE, Reading, at_rest, weighed
from perilune.flight.monitoring.monitors import RANGE_FINDER, ROWS_OF_UNIT, UNITS, Look, alarms, monitored, quiet
from perilune.simulation.build_software import monitoring_settings

SIGMA, PERIOD = 500.0, 0.5


@pytest.fixture(scope="module")
def settings(batch):
    """The built-in mission's."""
    return monitoring_settings({k: jnp.asarray(v) for k, v in batch.numbers.items()}, jnp.asarray(PERIOD))


def looks(residuals, offered, accepted):
    """Looks in a row; variances are 1."""
    no = jnp.zeros((), bool)
    rows = jnp.asarray(residuals), jnp.asarray(offered), jnp.asarray(accepted)
    return jax.vmap(lambda x, is_offered, is_accepted: Look(x, jnp.ones(16), is_offered, is_accepted, no, no, no, no))(*rows)


def through(settings, seen):
    """The monitors after each look."""

    def one(monitors, look):
        monitors = monitored(monitors, look, settings)
        return monitors, monitors

    return jax.lax.scan(one, quiet(jnp.asarray(SIGMA)), seen)[1]


def test_every_row_belongs_to_one_unit():
    assert sorted(itertools.chain(*ROWS_OF_UNIT.values())) == list(range(16))


def test_the_limit_is_the_chi_square_of_the_window(settings, batch):
    """Wilson and Hilferty's figure is above SciPy's, by no more than its docstring says."""
    steps = float(batch.numbers["flight.monitoring.window_s"]) / PERIOD
    probability = float(batch.numbers["flight.monitoring.window_false_alarm"])
    for unit, rows in enumerate(ROWS_OF_UNIT.values()):
        exact = chi2.isf(probability, steps * len(rows)) / (steps * len(rows))
        assert 1.0 <= float(settings.window_limit[unit]) / exact < 1.05


def test_means_follow_numpy(settings):
    """Of random looks, some without an offer: the recursion written out in NumPy."""
    rng = np.random.default_rng(1)
    residuals, offered = rng.normal(size=(60, 16)) * 2.0, rng.random((60, 16)) < 0.6
    accepted = offered & (rng.random((60, 16)) < 0.5)
    found = through(settings, looks(residuals, offered, accepted))
    keep = float(settings.window_keep)
    for unit, rows in enumerate(ROWS_OF_UNIT.values()):
        mean = share = 0.0
        for k in range(60):
            mine = [row for row in rows if offered[k, row]]
            good = [row for row in mine if accepted[k, row]]
            if good:
                mean = keep * mean + (1 - keep) * np.mean([residuals[k, row] ** 2 for row in good])
            if mine:
                share = keep * share + (1 - keep) * (not any(accepted[k, row] for row in rows))
            assert float(found.nis[k, unit]) == pytest.approx(mean, rel=1e-12)  # rounding
            assert float(found.refused[k, unit]) == pytest.approx(share, rel=1e-12)


def test_chance_alone_is_quiet_and_three_sigma_is_not(settings):
    """10⁵ looks at white innovations raise as good as no alarm; innovations of three sigmas do within the window."""
    rng = np.random.default_rng(2)
    yes = np.ones((100_000, 16), bool)
    found = through(settings, looks(rng.normal(size=(100_000, 16)), yes, yes))
    alarmed = np.asarray(jax.vmap(lambda m: alarms(m, settings).window)(found))
    # 1e-9 a look if the mean were flat; a fading mean's tail is heavier, and 10⁵ looks in a row are 10⁴ independent ones
    assert alarmed.mean(axis=0).max() < 1e-4
    loud = through(settings, looks(3.0 * rng.normal(size=(40, 16)), yes[:40], yes[:40]))
    first = np.argmax(np.asarray(jax.vmap(lambda m: alarms(m, settings).window)(loud)), axis=0)
    assert (first > 0).all()  # not by one reading alone
    assert first.max() <= 20  # two windows: the mean of nine is over the limit after one, give or take the draw


def test_one_wild_reading_is_no_alarm_and_refusals_are(settings):
    rows = np.zeros((40, 16))
    rows[10, 6] = 1e4
    yes = np.ones((40, 16), bool)
    single = through(settings, looks(rows, yes, yes & (rows == 0.0)))
    assert not np.asarray(jax.vmap(lambda m: alarms(m, settings).window)(single)).any()
    assert not np.asarray(jax.vmap(lambda m: alarms(m, settings).persistence)(single)).any()
    rows[10:, 6] = 1e4
    lasting = through(settings, looks(rows, yes, yes & (rows == 0.0)))
    refused = np.asarray(jax.vmap(lambda m: alarms(m, settings).persistence)(lasting))[:, RANGE_FINDER]
    # half of the share is reached at 1 − α^n = 0.5: n = ln 2 / −ln α
    assert np.argmax(refused) == 10 + int(np.ceil(np.log(2.0) / -np.log(float(settings.window_keep)))) - 1
    assert UNITS[RANGE_FINDER] == "range_finder"


NOISE, RELIEF, CLIMB, WAY = 4.0, 9.0, 0.2, 0.7


def reading(slant: float, residual: float) -> Reading:
    """One valid reading straight down, m."""
    one = jnp.asarray
    return Reading(
        cosine=one(1.0),
        slant_range=one(slant),
        height_residual=one(residual),
        noise_variance=one(NOISE),
        relief_variance=one(RELIEF),
        height_variance=one(0.0),
        climb_variance=one(CLIMB**2),
        over_ground=one(WAY),
        is_valid=one(True),
    )


def joint(values: np.ndarray, covariance: np.ndarray) -> float:
    """Density of a normal vector about 0."""
    exponent = -0.5 * values @ np.linalg.solve(covariance, values)
    return float(np.exp(exponent) / np.sqrt(np.linalg.det(2.0 * np.pi * covariance)))


def bank_after(residuals, ranges):
    """Weights after a row of readings in doubt."""
    bank = at_rest(jnp.asarray(SIGMA))
    for d, slant in zip(residuals, ranges, strict=True):
        bank = weighed(bank, reading(slant, d), jnp.asarray(True), jnp.asarray(SIGMA), jnp.asarray(PERIOD))
    return np.asarray(bank.weights)


def by_bayes(residuals, ranges):
    """The same by joint densities of all readings at once."""
    n, k = len(residuals), np.arange(len(residuals))
    own = (NOISE + RELIEF) * np.eye(n)
    walk = np.minimum(k[:, None], k[None, :]) + 1.0
    state = SIGMA**2 + (CLIMB * PERIOD) ** 2 * walk
    ground = SIGMA**2 * np.exp(-WAY * np.abs(k[:, None] - k[None, :]))
    likelihood = [joint(np.asarray(residuals), own + covariance) for covariance in (state, ground)]
    steps = np.diff(np.concatenate([[0.0], ranges]))
    repeated = np.exp(-0.5 * steps**2 / (2.0 * NOISE)) / np.sqrt(2.0 * np.pi * 2.0 * NOISE)
    likelihood.append(np.prod(0.5 / (6.0 * SIGMA) + 0.5 * repeated))
    return np.array(likelihood) / np.sum(likelihood)


@pytest.mark.parametrize(
    ("residuals", "ranges", "winner"),
    [
        ([300.0, 303.0], [2000.0, 1975.0], STATE),
        ([300.0, 610.0, 450.0], [2000.0, 2285.0, 2100.0], MAP),
        ([300.0, -700.0, 1200.0], [2000.0, 975.0, 2850.0], SENSOR),
        ([300.0, 325.0, 351.0], [2000.0, 2001.0, 1999.0], SENSOR),
    ],
)
def test_the_bank_is_bayes_rule(residuals, ranges, winner):
    """Recursion against joint densities: to rounding where no weight meets its floor, and the right account leads everywhere."""
    found, exact = bank_after(residuals, ranges), by_bayes(residuals, ranges)
    if winner == STATE:
        assert exact.min() > 1e-4  # no weight meets its floor
        np.testing.assert_allclose(found, exact, rtol=1e-9)  # rounding
    np.testing.assert_allclose(found, exact, atol=0.01)  # the floor of 1e-4 lets what was ruled out come back by fifty times
    assert np.argmax(found) == winner == np.argmax(exact)


def test_a_bank_rests_when_nothing_is_in_doubt():
    bank = at_rest(jnp.asarray(SIGMA))
    rested = weighed(bank, reading(900.0, 5.0), jnp.asarray(False), jnp.asarray(SIGMA), jnp.asarray(PERIOD))
    np.testing.assert_allclose(np.asarray(rested.weights), 1 / 3)
    assert float(rested.last_range) == 900.0
