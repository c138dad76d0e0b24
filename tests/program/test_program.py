"""The compiled program: same bits again, one program for all faults, no hidden traps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.campaign.one import fly_one
from perilune.simulation.simulate import cycle, fly_chunk
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder
from perilune.world.faults import CATALOGUE


def test_same_seed_flies_the_same_bits(batch, flight):
    again = fly_one(batch, 1, dict(flight.faults))
    assert again.digest == flight.digest
    assert again.scenario_digest == flight.scenario_digest
    for name in ("truth/position_I_x_m", "navigation/height_sigma_m", "range_finder/slant_range_m"):
        assert np.array_equal(again.channels[name], flight.channels[name])


def test_every_leaf_is_strong_float64_or_a_flag(batch):
    scenarios, last, _ = batch.start([0])
    for path, leaf in jax.tree_util.tree_leaves_with_path((scenarios, last)):
        name = jax.tree_util.keystr(path)
        if "run_key" in name:
            continue
        assert not leaf.weak_type, name
        wanted = (jnp.float32,) if "ground.heights" in name else (jnp.float64, jnp.bool_, jnp.int32)
        assert leaf.dtype in wanted, f"{name}: {leaf.dtype}"


def test_houses_hold_different_things(batch):
    """The onboard map and gravity are poorer, and no perturbed instance is shared."""
    scenarios, _, _ = batch.start([0, 1])
    world, flight = scenarios.world, scenarios.flight_software
    assert world.ground.heights.size > 4 * flight.onboard.ground.heights.size
    assert float(jnp.max(jnp.abs(flight.onboard.gravity.c22))) == 0.0
    assert float(jnp.min(jnp.abs(world.gravity.c22))) > 0.0
    assert not np.array_equal(world.engines.output[0], world.engines.output[1])  # dispersed in the world ...
    assert np.array_equal(flight.design.engine_thrust[0], flight.design.engine_thrust[1])  # ... as drawn on board
    assert not np.any(np.isclose(world.engines.output[:, 0, 2], flight.design.engine_thrust[:, 0], rtol=1e-9))


def test_faults_share_one_program(batch, sixty_four):
    """Every fault is a number: scenarios with any of them have the same structure, shapes and types, so no new trace."""
    _, flown = sixty_four
    shape = jax.tree.map(lambda x: (x.shape[1:], x.dtype), flown.scenarios.world.range_finder)
    for kind in CATALOGUE.values():
        scenarios, _, _ = batch.start([0], {kind.name: 0.5 * (kind.neutral + kind.upper)})
        assert jax.tree.structure(scenarios) == jax.tree.structure(flown.scenarios), kind.name
        assert jax.tree.map(lambda x: (x.shape[1:], x.dtype), scenarios.world.range_finder) == shape, kind.name


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda k: k.name)
def test_neutral_fault_is_no_fault_and_another_is_one(batch, kind):
    """On a dispersed lander: bit for bit the same world at the neutral magnitude, another at an extreme one."""

    def leaves(faults):
        return [np.asarray(x) for x in jax.tree.leaves(batch.start([3], faults)[0].world)]

    healthy = leaves({})
    assert all(np.array_equal(a, b) for a, b in zip(healthy, leaves({kind.name: kind.neutral}), strict=True))
    extreme = kind.upper if kind.upper != kind.neutral else kind.lower
    assert any(not np.array_equal(a, b) for a, b in zip(healthy, leaves({kind.name: extreme}), strict=True))


def test_no_matrix_product_in_the_loop(batch):
    """A dot inside the batched loop goes to XLA's thread pool and can lock up on two cores (seen, jaxlib 0.10.2)."""
    scenarios, last, _ = batch.start(range(4))
    record = recorder(BATCH_CHANNELS, True)
    text = fly_chunk.lower(scenarios, last, jnp.asarray(0, jnp.int32), cycles=10, every=10, record=record).as_text()
    assert "dot_general" not in text
    assert "triangular_solve" not in text


def lane(tree, axes, k):
    return jax.tree.map(lambda x, a: x if a is None else x[k], tree, axes, is_leaf=lambda x: x is None)


def test_nan_in_one_lane_does_not_touch_its_neighbours(batch):
    record = recorder(BATCH_CHANNELS, True)
    seeds = range(4)

    def fly(poison):
        scenarios, last, _ = batch.start(seeds)
        if poison:
            import equinox as eqx

            velocity = last.truth.motion.velocity_I.at[2, 0].set(jnp.nan)
            last = eqx.tree_at(lambda s: s.truth.motion.velocity_I, last, velocity)
        last, _, _ = fly_chunk(scenarios, last, jnp.asarray(0, jnp.int32), cycles=10, every=10, record=record)
        return jax.device_get(last)

    clean, dirty = fly(False), fly(True)
    assert bool(dirty.truth.has_diverged[2])
    assert not bool(dirty.is_alive[2])
    for a, b in zip(jax.tree.leaves(clean), jax.tree.leaves(dirty), strict=True):
        keep = [0, 1, 3]
        assert np.array_equal(np.asarray(a)[keep], np.asarray(b)[keep])


def test_forward_gradient_of_a_cycle_is_finite_and_right(batch):
    """d(speed after 2 s of coast)/d(start speed) by jvp against a central difference."""
    from perilune.simulation.scenario import lane_axes

    scenarios, last, _ = batch.start([0])
    scenario = lane(scenarios, lane_axes(scenarios), 0)
    first = jax.tree.map(lambda x: x[0], last)
    direction = jnp.asarray([0.0, 1.0, 0.0])

    def end(shift):
        import equinox as eqx

        state = eqx.tree_at(lambda s: s.truth.motion.velocity_I, first, first.truth.motion.velocity_I + shift * direction)
        state = jax.lax.fori_loop(1, 21, lambda k, s: cycle(scenario, s, jnp.asarray(k, jnp.int32)), state)
        return state.truth.motion.position_I[1]

    _, slope = jax.jit(lambda x: jax.jvp(end, (x,), (jnp.asarray(1.0),)))(jnp.asarray(0.0))
    by_difference = (jax.jit(end)(jnp.asarray(1e-2)) - jax.jit(end)(jnp.asarray(-1e-2))) / 2e-2
    assert float(slope) == pytest.approx(float(by_difference), rel=1e-6)  # rounding of 1e6 m over 0.02 m/s
    assert float(slope) == pytest.approx(2.0, rel=1e-3)  # two seconds of coast
