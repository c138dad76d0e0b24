"""The filter's covariance over 10⁵ cycles: symmetric and positive definite, without square roots (docs/models.md says why)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from perilune.flight.navigation.prediction import predict
from perilune.foundation.frames import fixed_to_inertial, surface_velocity
from perilune.foundation.rotation import compose, from_axes, from_rotation_vector
from perilune.foundation.vectors import unit
from perilune.simulation.scenario import lane_axes

CYCLES = 100_000
EVERY = 500  # slow steps between two looks


def test_covariance_stays_one(batch):
    """Hovering and swaying 600 m over the site for 2.8 hours with every sensor at work: 20,000 propagations and updates of seven
    rows. Its least eigenvalue in units of its own sigmas (the correlation matrix) stays above rounding."""
    scenarios, first, _ = batch.start([0])
    axes = lane_axes(scenarios)
    scenario = jax.tree.map(lambda x, a: x if a is None else x[0], scenarios, axes, is_leaf=lambda x: x is None)
    software, last = scenario.flight_software, jax.tree.map(lambda x: x[0], first)
    clock = jnp.asarray(700.0)
    site_I = fixed_to_inertial(software.settings.guidance.site_M, clock)
    up_I = unit(site_I)
    east_I = unit(jnp.cross(jnp.asarray([0.0, 0.0, 1.0]), up_I))
    position_I = site_I + 600.0 * up_I
    upright_IB = from_axes(east_I, jnp.cross(up_I, east_I), up_I)
    hover = eqx.tree_at(
        lambda n: (n.position_I, n.velocity_I),
        last.memory.navigation,
        (position_I, surface_velocity(position_I)),
    )

    def slow(memory, key):
        sway = from_rotation_vector(0.1 * jax.random.normal(key, (3,)))
        state = eqx.tree_at(lambda n: n.attitude_IB, hover, compose(upright_IB, sway))
        blank = eqx.tree_at(lambda m: m.tracker_attitude_IB, last.measurements, state.attitude_IB)
        design, settings = software.design, software.settings.navigation
        expected = predict(state, memory.rate_B, blank, software.onboard, design, settings, clock).residual
        yes = jnp.ones((), bool)
        measured = eqx.tree_at(
            lambda m: (m.velocity_S, m.slant_range, m.tracker_is_valid, m.velocimeter_is_valid, m.range_is_valid),
            blank,
            (blank.velocity_S - expected[3:6], blank.slant_range - expected[6], yes, yes, yes),
        )
        memory = eqx.tree_at(
            lambda m: (m.navigation, m.delta_velocity_I, m.delta_velocity_along, m.delta_angle_B),
            memory,
            (state, 0.81 * up_I, jnp.asarray(0.81), 0.02 * jax.random.normal(jax.random.fold_in(key, 1), (3,))),
        )
        return software.slow_step(memory, measured, clock), None

    def stretch(memory, key):
        memory = lax.scan(slow, memory, jax.random.split(key, EVERY))[0]
        return memory, memory.covariance

    looks = CYCLES // (EVERY * software.settings.slow_every)
    keys = jax.random.split(jax.random.key(3), looks)
    _, found = jax.jit(lambda memory: lax.scan(stretch, memory, keys))(last.memory)
    covariances = np.asarray(found)
    assert len(covariances) == 40
    for P in covariances:
        sigma = np.sqrt(np.diag(P))
        correlation = P / np.outer(sigma, sigma)
        assert np.max(np.abs(correlation - correlation.T)) < 1e-10  # rounding of the seven rows of one step, none kept
        assert np.min(np.linalg.eigvalsh(0.5 * (correlation + correlation.T))) > 1e-9
