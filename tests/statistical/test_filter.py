"""Is the filter as sure as it should be? 32 healthy flights; `make validate` flies 1,024 and prints every block."""

import numpy as np
import pytest
from scipy.stats import chi2

from validation.consistency import BLOCKS, INSTANTS, sample

FLIGHTS = 32
CHANCE = 1e-4  # that a consistent filter fails one of these bounds


@pytest.fixture(scope="module")
def found(batch):
    return sample(batch, range(FLIGHTS))


@pytest.mark.parametrize("block", ["vertical", "horizontal", "attitude", "biases", "total"])
@pytest.mark.parametrize("instant", ["ignition", "10 km", "first range"])
def test_errors_are_as_large_as_the_filter_says(found, instant, block):
    """Mean NEES of independent flights inside its chi-square bounds, before the map's own error enters."""
    values = found.nees[INSTANTS.index(instant), list(BLOCKS).index(block)]
    freedom = len(BLOCKS[block]) * FLIGHTS
    low, high = chi2.ppf([CHANCE / 2, 1 - CHANCE / 2], freedom) / FLIGHTS
    assert low < np.mean(values) < high


@pytest.mark.parametrize("instant", ["+30 s", "touchdown"])
@pytest.mark.parametrize("block", ["vertical", "horizontal", "attitude", "biases", "total"])
def test_errors_on_the_ground_are_not_larger_than_said(found, instant, block):
    """Once ranges come in, the map's error is carried too wide for the mare (docs/validation.md): the upper bound alone."""
    values = found.nees[INSTANTS.index(instant), list(BLOCKS).index(block)]
    high = chi2.ppf(1 - CHANCE, len(BLOCKS[block]) * FLIGHTS) / FLIGHTS
    assert np.mean(values) < high


@pytest.mark.parametrize("sensor", ["tracker", "velocimeter"])
def test_innovations_are_as_large_as_the_filter_says_and_white(found, sensor):
    """Mean NIS a row and lag-1 correlation of accepted updates; flights share nothing, updates of one nearly nothing."""
    values, _, accepted = found.innovations[sensor]
    count = int(accepted.sum())
    low, high = chi2.ppf([CHANCE / 2, 1 - CHANCE / 2], count) / count
    assert low < np.mean(values[accepted] ** 2) < high
    both = accepted[1:] & accepted[:-1]
    lag = np.mean(values[1:][both] * values[:-1][both])
    assert abs(lag) < 3.9 / np.sqrt(both.sum())  # two-sided 1e-4 of a normal


def test_accepted_ranges_are_not_worse_than_said(found):
    values, _, accepted = found.innovations["range"]
    assert np.mean(values[accepted] ** 2) < 1.0
