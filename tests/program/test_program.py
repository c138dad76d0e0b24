"""The compiled program: same bits again, one program for all faults, no hidden traps."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.interpreters.partial_eval import dce_jaxpr

from perilune.campaign.batch import Batch, Draws, in_orbit
from perilune.campaign.one import fly_one
from perilune.foundation.errors import UserError
from perilune.foundation.randomness import WIDTH
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINES
from perilune.simulation.lane_flight import flying_cycle
from perilune.simulation.scenario import lane_axes
from perilune.simulation.simulate import fly_chunk, nothing
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder
from perilune.world.faults import CATALOGUE, unbroken
from tests.conftest import ORBIT_LANES, REPORTED

from ..instruments import is_of_instruments


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
        is_map = any(part in name for part in ("ground.heights", "ground.roofs", "ground.brightness", "gravity_table.nodes"))
        wanted = (jnp.float32,) if is_map else (jnp.float64, jnp.bool_, jnp.int32)
        assert leaf.dtype in wanted, f"{name}: {leaf.dtype}"


def test_houses_hold_different_things(batch):
    """The onboard map and gravity are poorer, and no perturbed instance is shared."""
    scenarios, _, _ = batch.start([0, 1])
    world, flight = scenarios.world, scenarios.flight_software
    assert world.ground.heights.size > 4 * flight.onboard.ground.heights.size
    assert float(jnp.max(jnp.abs(flight.onboard.gravity.c22))) == 0.0
    assert float(jnp.min(jnp.abs(world.gravity.c22))) > 0.0
    assert not np.any(world.gravity_table.nodes == flight.onboard.gravity_table.nodes)
    assert not np.array_equal(world.engines.output[0], world.engines.output[1])  # dispersed in the world ...
    assert np.array_equal(flight.design.engine_thrust[0], flight.design.engine_thrust[1])  # ... as drawn on board
    assert not np.any(np.isclose(world.engines.output[:, 0, 2], flight.design.engine_thrust[:, 0], rtol=1e-9))


def test_unknown_fault_is_refused(batch):
    with pytest.raises(UserError, match=r"unknown fault “range_finder\.weak”\. Did you mean"):
        batch.start([0], {"range_finder.weak": 3.0})


def test_a_beginning_that_is_not_there_is_refused(batch, resilience):
    with pytest.raises(UserError, match="cannot begin at “moon”: choose one of pdi, orbit"):
        Batch(resilience, "moon")
    with pytest.raises(UserError, match=r"has no table \[orbit\]"):
        Batch(resilience.model_copy(update={"orbit": None}), "orbit")
    with pytest.raises(UserError, match="before powered descent"):
        batch.start([0], {"orbit.accelerometer_off": 1.0})


def test_an_impact_in_orbit_does_not_touch_its_neighbours(orbit_lanes):
    """Every other lane's accelerometers are off: its lander hits, finite to the last figure; the rest arrive as they would."""
    off = np.arange(ORBIT_LANES) % 2
    healthy, _ = orbit_lanes(range(ORBIT_LANES))
    arrival, rows = orbit_lanes(range(ORBIT_LANES), {"orbit.accelerometer_off": 1.0 * off})
    assert arrival.impact.has_hit.tolist() == (off == 1).tolist()
    assert not np.any(healthy.impact.has_hit)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((arrival, rows)))
    assert np.all(arrival.impact.time[off == 1] < -300.0)
    for a, b in zip(jax.tree.leaves(healthy), jax.tree.leaves(arrival), strict=True):
        assert np.array_equal(a[off == 0], b[off == 0])


def test_no_matrix_product_in_the_orbit_phase(from_orbit):
    text = from_orbit.prepare.lower(*from_orbit.arguments(range(2))).as_text()
    loops = [text[at:] for at in [text.find("stablehlo.while")]]
    assert loops and "dot_general" not in loops[0]


def test_requests_that_make_no_sense_are_refused(batch):
    with pytest.raises(UserError, match=r"does not have: lander\.colour"):
        batch.start([0], {}, {"lander.colour": 1.0})
    with pytest.raises(UserError, match=r"has shape \(3,\)"):
        batch.start([0, 1], {}, {"lander.dry_mass_kg": [1.0, 2.0, 3.0]})
    with pytest.raises(UserError, match="cannot be recorded every 20"):
        batch.fly([0], nothing, 20)


def test_no_matrix_product_in_the_loop(batch):
    """A dot inside the batched loop goes to XLA's thread pool and can lock up on two cores (seen, jaxlib 0.10.2)."""
    scenarios, last, _ = batch.start(range(4))
    record = recorder(BATCH_CHANNELS, True)
    text = fly_chunk.lower(scenarios, last, jnp.asarray(0, jnp.int32), cycles=10, every=10, record=record).as_text()
    assert "dot_general" not in text
    assert "triangular_solve" not in text


def lane(tree, axes, k):
    return jax.tree.map(lambda x, a: x if a is None else x[k], tree, axes, is_leaf=lambda x: x is None)


def test_nan_in_one_lane_does_not_touch_its_neighbours(short):
    def poisoned(last):
        return eqx.tree_at(
            lambda s: s.truth.motion.velocity_I, last, last.truth.motion.velocity_I.at[2, 0].set(jnp.nan)
        )  # fmt: skip

    clean, dirty = short(range(4)), short(range(4), change=poisoned)
    assert bool(dirty.truth.has_diverged[2])
    assert not bool(dirty.is_alive[2])
    assert differing(clean, dirty, [0, 1, 3], [0, 1, 3]) == []


def differing(one, other, lanes, others) -> list[str]:
    """Names of the leaves that are not the same bits in these lanes of two last snapshots."""
    return [
        jax.tree_util.keystr(path)
        for (path, a), b in zip(jax.tree_util.tree_leaves_with_path(one), jax.tree.leaves(other), strict=True)
        if not np.array_equal(np.asarray(a)[list(lanes)], np.asarray(b)[list(others)])
    ]


def test_an_ended_lane_is_frozen(short):
    """A lane that has ended keeps its last snapshot while its neighbours fly on as they would have."""
    free = short(range(4))
    held = short(range(4), change=lambda s: eqx.tree_at(lambda s: s.time_limit, s, s.time_limit.at[1].set(2.0)))
    assert not bool(held.is_alive[1])
    assert held.tick.tolist() == [50, 20, 50, 50]
    assert differing(free, held, [0, 2, 3], [0, 2, 3]) == []


def test_bits_are_equal_with_recording_on_and_off(short):
    recorded, bare = short(range(4)), short(range(4), record=nothing)
    assert differing(recorded, bare, range(4), range(4)) == []


def variants(prepare: Any) -> tuple[int, int]:
    """How many variants this process has compiled: of the flying program, and of what prepares a batch."""
    return flying_cycle.cache_info().misses, prepare._cache_size()


def test_faults_are_not_traced_again(batch, short):
    """One program for all faults: preparing and flying another kind or magnitude traces nothing."""
    short(range(4))
    before = variants(batch.prepare)
    for kind in CATALOGUE.values():
        if not in_orbit(kind.name) and not is_of_instruments(kind):
            short(range(4), {kind.name: kind.example})
    assert variants(batch.prepare) == before


def test_slots_and_widths(batch, short):
    """The same seed in another slot: the same bits. In a batch of another width too, as long as what prepares it, which XLA
    compiles for each width, gives it the same; whether it does is reported."""
    forth, back = short([0, 1, 2, 3]), short([3, 2, 1, 0])
    assert np.all(forth.memory.mode == 1)  # braking: the comparison is one of flights under thrust
    assert differing(forth, back, range(4), [3, 2, 1, 0]) == []
    wide = short(range(64))
    narrow, broad = (batch.start(seeds, {}, {"start.lead_time_s": 0.0})[1] for seeds in (range(4), range(64)))
    is_alike = differing(narrow, broad, range(4), range(4)) == []
    found = differing(forth, wide, range(4), range(4))
    assert not (is_alike and found)
    REPORTED.append(f"bits across widths after 5 s of flight: {'not equal in ' + ', '.join(found[:4]) if found else 'equal'}")
    gap = forth.truth.motion.position_I - wide.truth.motion.position_I[:4]
    assert np.max(np.abs(gap)) < 1e-6  # m: rounding of 1.8e6 m over 5 s; one flipped valve step makes a millimetre


def test_at_most_six_large_programs():
    """Runs last (conftest): programs of the flight in one process of the whole suite, and variants of XLA's way of it."""
    assert 0 < flying_cycle.cache_info().misses <= 6
    assert fly_chunk._cache_size() <= 1  # type: ignore[attr-defined]


def test_forward_gradient_through_a_burn_is_finite_and_right(batch):
    """d(height lost in 2 s)/d(share of thrust) with all valves held open, by jvp, against a central difference."""
    scenarios, last, _ = batch.start([0])
    scenario = lane(scenarios, lane_axes(scenarios), 0)
    first = jax.tree.map(lambda x: x[0], last).truth
    all_open = Commands(jnp.where(jnp.arange(ENGINES) < 8, 0.1, 0.0), jnp.ones(()), jnp.zeros(2))

    def end(share):
        engines = eqx.tree_at(lambda e: e.output, scenario.world.engines, scenario.world.engines.output * share)
        world = eqx.tree_at(lambda w: w.engines, scenario.world, engines)
        flown = jax.lax.fori_loop(
            0, 20, lambda k, s: world.advance(s, all_open, unbroken(), jnp.zeros(WIDTH), k.astype(jnp.int32)), first
        )
        return jnp.stack([flown.motion.velocity_I @ first.motion.velocity_I, flown.motion.propellant])

    one = jnp.asarray(1.0)
    value, slope = jax.jit(lambda x: jax.jvp(end, (x,), (one,)))(one)
    far = jax.jit(end)
    by_difference = (far(one + 1e-4) - far(one - 1e-4)) / 2e-4
    assert np.all(np.isfinite(slope))
    np.testing.assert_allclose(slope, by_difference, rtol=1e-6)  # rounding of 3e6 m²/s² over 2e-4
    burned = float(first.motion.propellant - value[1])
    assert float(slope[1]) == pytest.approx(-burned, rel=0.02)  # flow grows with thrust; the valves' lag is common to both


def test_every_number_reaches_the_flight(batch):
    """By the program that builds lanes: what a dispersion can move has a way into the scenario or the first snapshot. What has
    none, when flights begin at pdi, is what only the way from orbit uses, and how many tanks there are."""
    draws, numbers, _, broken, maps, orbit, own = batch.arguments([0])
    one = jax.tree.map(lambda x: jnp.asarray(x[0]), broken)

    def built(numbers):
        scenario, first, *_ = batch.lane(Draws(draws.key[0]), numbers, one, maps, orbit, own)
        return scenario, first

    jaxpr = jax.make_jaxpr(built)(numbers).jaxpr
    _, used = dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    paths = [path[0].key for path, _ in jax.tree_util.tree_flatten_with_path(numbers)[0]]
    lost = {path for path, is_used in zip(paths, used, strict=True) if not is_used}
    assert {path for path in lost if not path.startswith("orbit.")} == {"lander.tanks.is_there"}
    assert "lander.dry_mass_kg" in paths and len(paths) > 300
