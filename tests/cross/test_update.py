"""Covariance step and measurement update against the textbook's dense matrices in NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.flight.navigation.prediction import Prediction
from perilune.flight.navigation.propagation import Interval, moved_rows, propagate_covariance
from perilune.flight.navigation.update import Offer, update
from perilune.foundation.moon import GM
from perilune.foundation.rotation import to_matrix

STATES, ROWS = 29, 7


def dense(covariance, residual, sensitivity, noise, offered, gate, underweight, inflates):
    """Bierman 1977, ch. V, with the whole matrix carried from row to row: x, P, innovations, what was accepted."""
    x, P, found, accepted = np.zeros(STATES), covariance.copy(), [], []
    rows = zip(residual, sensitivity, noise, offered, gate, underweight, inflates, strict=True)
    for z, h, r, is_offered, limit, beta, inflated in rows:
        left = z - h @ x
        variance = h @ P @ h * (1.0 + beta) + r
        takes = is_offered and (inflated or left**2 <= limit**2 * variance)
        if takes:  # one beyond its gate with the noise that puts it there
            gain = P @ h / max(variance, left**2 / limit**2)
            x = x + gain * left
            P = P - np.outer(gain, h @ P)
        found.append((left if is_offered else 0.0, variance))
        accepted.append(takes)
    return x, P, np.array(found), np.array(accepted)


@pytest.mark.parametrize("seed", range(5))
def test_rows_in_turn(seed):
    """Rows not offered, rows beyond their gate, refused or taken with more noise, rows under-weighted, in any mixture."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(STATES, STATES))
    covariance = root @ root.T
    sensitivity = rng.normal(size=(ROWS, STATES)) * (rng.uniform(size=(ROWS, STATES)) < 0.4)
    noise, residual = rng.uniform(0.1, 2.0, ROWS), rng.normal(size=ROWS) * rng.choice([1.0, 30.0], ROWS)
    offered, gate = rng.uniform(size=ROWS) < 0.7, rng.choice([3.0, np.inf], ROWS)
    underweight = rng.choice([0.0, 0.5], ROWS)
    inflates = rng.uniform(size=ROWS) < 0.3
    prediction = Prediction(*(jnp.asarray(x) for x in (residual, sensitivity, noise, np.zeros(3))))
    offer = Offer(*(jnp.asarray(x) for x in (offered, gate, underweight, inflates)))
    correction, after, innovations = update(jnp.asarray(covariance), prediction, offer)
    x, P, found, accepted = dense(covariance, residual, sensitivity, noise, offered, gate, underweight, inflates)
    assert np.array_equal(innovations.is_accepted, accepted)
    rounding = 1e-10 * np.abs(covariance).max()  # 29 × 29 sums of float64 with a condition number of 1e4
    assert np.asarray(after) == pytest.approx(P, abs=rounding)
    assert np.asarray(correction) == pytest.approx(x, abs=1e-9)  # likewise
    assert np.asarray(innovations.residual) == pytest.approx(found[:, 0], abs=1e-9)
    assert np.asarray(innovations.variance) == pytest.approx(found[:, 1], rel=1e-9)


def test_covariance_through_a_second(batch):
    """F P Fᵀ + Q row by row, against whole matrices: F from its effect on each state alone, Q by its own terms."""
    scenarios, last, _ = batch.start([0])
    memory, software = (jax.tree.map(lambda x: x[0], x) for x in (last.memory, scenarios.flight_software.settings))
    settings = software.navigation
    rng = np.random.default_rng(3)
    root = 0.1 * rng.normal(size=(STATES, STATES))
    covariance = root @ root.T
    turn = to_matrix(memory.navigation.attitude_IB)
    interval = Interval(
        position_I=memory.navigation.position_I,
        gained_I=jnp.asarray([1.2, -0.3, 0.8]),
        along_I=1.5 * turn[:, 2],
        angle_B=jnp.asarray([0.02, -0.01, 0.03]),
        axes_IB=turn,
        gm=jnp.asarray(GM),
        elapsed=jnp.asarray(0.5),
        over_ground=jnp.asarray(0.7),
        length=settings.terrain_length,
        relief_left=jnp.asarray(0.8),
    )

    def propagated(P):
        return np.asarray(propagate_covariance(eqx.tree_at(lambda m: m.covariance, memory, jnp.asarray(P)), interval, settings))

    motion, terrain = (np.asarray(rows) for rows in moved_rows(jnp.eye(STATES), interval))
    F = np.eye(STATES)
    F[0:9], F[22:25] = motion, terrain
    Q = propagated(np.zeros((STATES, STATES)))
    assert propagated(covariance) == pytest.approx(F @ covariance @ F.T + Q, rel=1e-11, abs=1e-13)  # rounding of 29-term sums
    own = np.zeros((STATES, STATES))
    velocity = settings.velocity_random_walk**2 + 2.0 * settings.unmodelled_acceleration**2 * settings.unmodelled_time
    own[3:6, 3:6] = 0.5 * float(velocity) * np.eye(3)
    own[6:9, 6:9] = 0.5 * float(settings.angle_random_walk) ** 2 * np.eye(3)
    steady = float(settings.terrain_sigma) ** 2 * np.diag([1.0, float(settings.terrain_length) ** -2])
    own[22:24, 22:24] = steady - F[22:24, 22:24] @ steady @ F[22:24, 22:24].T  # what keeps the stationary state stationary
    own[24, 24] = 0.36 * float(settings.terrain_roughness) ** 2  # likewise, 1 − 0.8²
    assert pytest.approx(own, rel=1e-12, abs=1e-18) == Q  # rounding
