"""Random streams: a run is a function of (seed, run), rows are append-only, consumers uncorrelated."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

from perilune.foundation.randomness import LEAST, ROWS, WIDTH, draw, normal_of, run_key, standard_normals, uniforms


def many(seed=3, ticks=4000):
    key = run_key(seed, 0)
    return np.asarray(jax.jit(jax.vmap(lambda t: draw(key, t)))(jnp.arange(ticks)))


def test_more_rows_leave_the_first_ones_alone():
    """A sensor added at the end of the table must not move another's noise."""
    key = jax.random.fold_in(run_key(5, 0), 77)
    assert np.array_equal(standard_normals(key, WIDTH), standard_normals(key, WIDTH + 9)[:WIDTH])


def test_normal_numbers_are_those_of_the_uniform_ones():
    """All 2²³ that a draw can be, against SciPy. What `uniforms` draws lies on that lattice exactly: nothing is rounded before
    float64 begins. 2e-7: Giles' polynomials are 1.25e-7 off where they are worst, at |x| = 0.353."""
    lattice = -1.0 + (4.0 * np.arange(2**23) + 1.0) * 2.0**-24
    key = run_key(7, 1)
    drawn = np.asarray(uniforms(key, (5000,)))
    assert np.array_equal((drawn + 1.0) * 2.0**24 % 4.0, np.ones(5000))
    assert lattice[0] == LEAST and np.abs(lattice).max() < 1.0
    assert np.allclose(standard_normals(key, 5000), np.sqrt(2.0) * scipy.special.erfinv(drawn), rtol=2e-7, atol=0.0)
    assert np.allclose(normal_of(jnp.asarray(lattice)), np.sqrt(2.0) * scipy.special.erfinv(lattice), rtol=2e-7, atol=0.0)


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
