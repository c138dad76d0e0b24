"""Random streams: a run is a function of (seed, run), rows are append-only, consumers uncorrelated."""

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.randomness import ROWS, WIDTH, draw, run_key


def many(seed=3, ticks=4000):
    key = run_key(seed, 0)
    return np.asarray(jax.jit(jax.vmap(lambda t: draw(key, t)))(jnp.arange(ticks)))


def test_more_rows_leave_the_first_ones_alone():
    """A sensor added at the end of the table must not move another's noise."""
    key = jax.random.fold_in(run_key(5, 0), 77)
    few = jax.random.normal(key, (WIDTH,), jnp.float32)
    more = jax.random.normal(key, (WIDTH + 9,), jnp.float32)
    assert np.array_equal(few, more[:WIDTH])


def test_rows_do_not_overlap():
    used = [i for first, count in ROWS.values() for i in range(first, first + count)]
    assert sorted(used) == list(range(WIDTH))


def test_rows_are_white_and_uncorrelated():
    """All |correlations| of 16 rows over 4,000 ticks, and lag-1, stay below 4.5/√n (120 pairs: P ≈ 1e-3)."""
    noise = many()
    bound = 4.5 / np.sqrt(len(noise))
    correlation = np.corrcoef(noise.T)
    assert np.max(np.abs(correlation - np.eye(WIDTH))) < bound
    lag = [np.corrcoef(noise[:-1, k], noise[1:, k])[0, 1] for k in range(WIDTH)]
    assert np.max(np.abs(lag)) < bound
    assert abs(float(np.std(noise)) - 1.0) < 4.0 / np.sqrt(2 * noise.size)  # 4 sigma of a standard deviation


def test_seeds_and_runs_differ():
    first = draw(run_key(1, 0), 1)
    assert not np.array_equal(first, draw(run_key(2, 0), 1))
    assert not np.array_equal(first, draw(run_key(1, 1), 1))
    assert np.array_equal(first, draw(run_key(1, 0), 1))
