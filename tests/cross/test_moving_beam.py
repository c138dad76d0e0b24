"""A beam that moves over the ground: a range is expected of the ground where the beam has got to, not of that where it was."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.flight.navigation.prediction import predict
from perilune.simulation.scenario import lane_axes


@pytest.fixture(scope="module")
def on_board(batch):
    """One lane's flight software, and a memory of it 8 km up, upright, with a beam that has moved by 230 m."""
    scenarios, last, _ = batch.start([0])
    axes = lane_axes(scenarios)  # posts of maps are shared by the lanes
    scenario = jax.tree.map(lambda x, axis: x if axis is None else x[0], scenarios, axes, is_leaf=lambda x: x is None)
    software, memory, measured = (
        scenario.flight_software,
        *(jax.tree.map(lambda x: x[0], x) for x in (last.memory, last.measurements)),
    )
    belief = memory.navigation
    low_I = belief.position_I * (1.0 - 12e3 / jnp.sqrt(jnp.sum(belief.position_I**2)))
    belief = eqx.tree_at(
        lambda n: (n.position_I, n.terrain_bias, n.terrain_slope, n.terrain_relief),
        belief,
        (low_I, jnp.asarray(-300.0), jnp.asarray(0.2), jnp.asarray(9.0)),
    )
    clock = jnp.asarray(0.0)
    expected = predict(belief, memory.rate_B, measured, software.onboard, software.design, software.settings.navigation, clock)
    beside = jnp.asarray([0.0, 0.0, 230.0])
    memory = eqx.tree_at(lambda m: (m.navigation, m.ground_point_M), memory, (belief, expected.ground_point_M + beside))
    return software, memory, measured


def test_the_expected_range_is_that_over_the_ground_as_it_has_moved_on(on_board):
    """A range as the moved ground gives it leaves no innovation. The moved ground by the textbook (Gelb 1974), written
    out here; the range over it by casting the beam at it."""
    software, memory, measured = on_board
    settings, belief = software.settings.navigation, memory.navigation
    length, way = float(settings.terrain_length), 230.0
    x = way / length
    bias = np.exp(-x) * ((1.0 + x) * -300.0 + x * length * 0.2)
    relief = 9.0 * np.exp(-way / float(settings.terrain_roughness_length))
    moved = eqx.tree_at(lambda n: (n.terrain_bias, n.terrain_relief), belief, (jnp.asarray(bias), jnp.asarray(relief)))

    def residual_over(state):
        found = predict(state, memory.rate_B, measured, software.onboard, software.design, settings, jnp.asarray(0.0))
        return float(found.residual[6])  # less the measured range, which is zero

    ranged = eqx.tree_at(
        lambda m: (m.slant_range, m.range_is_valid), measured, (jnp.asarray(-residual_over(moved)), jnp.ones((), bool))
    )
    after = software.slow_step(memory, ranged, jnp.asarray(0.0))
    before = residual_over(belief) - residual_over(moved)  # what would be left over the ground of before
    assert abs(before) > 30.0
    assert abs(float(after.innovations.residual[6])) < 0.02 * abs(before)  # linear in the ground's rise; the map's facets are not
