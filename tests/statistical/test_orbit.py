"""Is navigation as sure of its orbit as it should be, and is the orbit's own error drawn as the mission file says?"""

import jax
import numpy as np
import pytest
from scipy.stats import chi2

from perilune.foundation.randomness import dispersion_key, run_key
from perilune.simulation.orbit_phase import orbit_covariance, orbit_error
from tests.conftest import ORBIT_LANES, REPORTED
from validation.orbit import errors_of, nees, tracks

SEEDS = 256
GROUPS = {"position": slice(0, 3), "velocity": slice(3, 6), "both": slice(0, 6)}


@pytest.fixture(scope="module")
def errors(orbit_lanes):
    """Truth minus estimate at mission time 0, (256, 6), and its covariance: each flight over ground of its own, all round the
    Moon, since along one orbit the field's omitted degrees are the same error every time."""
    rng = np.random.default_rng(20)  # other tracks than those that the noise was fitted to
    parts = []
    for first in range(0, SEEDS, ORBIT_LANES):
        arrival, _ = orbit_lanes(range(first, first + ORBIT_LANES), None, tracks(rng, ORBIT_LANES))
        parts.append(errors_of(arrival))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


@pytest.mark.parametrize("group", GROUPS)
def test_error_at_ignition_is_as_large_as_navigation_says(errors, group):
    """Mean NEES of 256 independent flights inside the central 95 % of chi-square; position or velocity alone not above it: the
    noise that stands for the omitted field is white, and what it stands for is not: position is said 7 % too wide."""
    values = nees(errors[0], errors[1], GROUPS[group])
    freedom = errors[0][:, GROUPS[group]].shape[1] * SEEDS
    low, high = chi2.ppf([0.025, 0.975], freedom) / SEEDS
    REPORTED.append(f"NEES at ignition from orbit, {group}: {values.mean():.2f} in {low:.2f} … {high:.2f}")
    assert values.mean() < high
    assert values.mean() > low or group != "both"


def test_drawn_errors_have_the_given_covariance(resilience):
    """4,096 draws: each entry of the sample correlation within 5 standard errors, (1 − ρ²)/√n or so, of the mission file's."""
    from perilune.simulation.numbers import numbers_of

    numbers = numbers_of(resilience)
    keys = np.arange(4096)
    drawn = np.asarray(jax.jit(jax.vmap(lambda k: orbit_error(numbers, jax.random.fold_in(jax.random.key(7), k))))(keys))
    wanted = np.asarray(orbit_covariance(numbers))
    sigma = np.sqrt(np.diag(wanted))
    np.testing.assert_allclose(drawn.std(axis=0), sigma, rtol=5.0 / np.sqrt(2 * 4096))  # five standard errors of a sigma
    found, given = np.corrcoef(drawn.T), wanted / sigma[:, None] / sigma[None, :]
    assert np.max(np.abs(found - given)) < 5.0 / np.sqrt(4096)


def test_the_orbits_draw_moves_no_dispersion():
    """The run's second key still gives the draw that it gave, and the orbit's keys are others."""
    from perilune.foundation.randomness import orbit_key

    key = run_key(3, 0)
    keys = [dispersion_key(key), orbit_key(key, 0), orbit_key(key, 1), key]
    assert len({tuple(np.asarray(jax.random.key_data(k)).tolist()) for k in keys}) == 4
