"""Every sensor's residuals have the figures of its sheet within 10 %, and the link budget its laws."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation.randomness import WIDTH, draw, run_key
from perilune.foundation.rotation import compose, inverse, to_rotation_vector
from perilune.interface.design import TANKS
from perilune.world.faults import unbroken
from perilune.world.sensors.range_finder import Scene
from perilune.world.state import Motion

SHOTS = 3000


@pytest.fixture(scope="module")
def world(batch):
    scenarios, _, _ = batch.start([0, 1])
    from perilune.simulation.scenario import lane_axes

    axes = lane_axes(scenarios)
    one = jax.tree.map(lambda x, a: x if a is None else x[0], scenarios, axes, is_leaf=lambda x: x is None)
    return one.world


@pytest.fixture(scope="module")
def noise():
    return jax.vmap(lambda t: draw(run_key(9, 0), t))(jnp.arange(SHOTS))


QUIET = jnp.zeros(WIDTH)
STILL = Motion(
    jnp.asarray([1740e3, 0.0, 0.0]), jnp.asarray([-60.0, 4.0, 10.0]), jnp.asarray([1.0, 0, 0, 0]), jnp.zeros(3),
    jnp.asarray(100.0), jnp.zeros((2, TANKS)), jnp.zeros((2, TANKS)),
    jnp.asarray([0.0, 0.0, 0.3]), jnp.asarray([0.001, 0.0, 0.0]),
)  # fmt: skip


def test_imu(world, noise):
    velocity, angle = jax.vmap(lambda e: world.imu.measure(STILL, unbroken(), e, jnp.asarray(0.1)))(noise)
    assert np.std(velocity, axis=0) == pytest.approx(35e-6 * 9.80665 * np.sqrt(0.1), rel=0.1)  # µg/√Hz over 0.1 s
    assert np.std(angle, axis=0) == pytest.approx(np.radians(0.07) / 60 * np.sqrt(0.1), rel=0.1)  # °/√h over 0.1 s


def test_star_tracker(world, noise):
    readings, valid = jax.vmap(lambda e: world.star_tracker.measure(STILL, jnp.zeros(3), e))(noise)
    errors = jax.vmap(lambda q: to_rotation_vector(compose(inverse(STILL.attitude_IB), q)))(readings)
    assert np.all(valid)
    assert np.std(errors, axis=0) == pytest.approx(np.radians([8 / 3600, 50 / 3600, 8 / 3600]), rel=0.1)
    assert np.mean(errors, axis=0) == pytest.approx(np.asarray(world.star_tracker.alignment_B), abs=1e-5)


def test_velocimeter(world, noise):
    readings, _ = jax.vmap(lambda e: world.velocimeter.measure(STILL, jnp.asarray(500.0), jnp.zeros(3), e))(noise)
    assert np.std(readings, axis=0) == pytest.approx(0.1, rel=0.1)  # m/s
    _, out_of_reach = world.velocimeter.measure(STILL, jnp.asarray(2500.0), jnp.zeros(3), noise[0])
    assert not bool(out_of_reach)


def scene_of(ground, surface, dust=0.0) -> Scene:
    """What a thin beam meets at mission time 0."""
    return Scene(ground, surface, jnp.asarray(dust), jnp.asarray(0.0), jnp.zeros((), bool))


def test_link_budget_laws(world):
    """R⁻² exactly, cosine exactly, dB exactly, monotonic in closing speed; healthy over mare valid at 10 km nadir."""
    finder, surface = world.range_finder, world.surface
    s = lambda r, c=1.0, v=0.0, f=finder: float(f.strength(surface, jnp.asarray(r), jnp.asarray(c), jnp.asarray(v)))  # noqa: E731
    assert s(2000.0) / s(4000.0) == pytest.approx(4.0, rel=1e-12)
    assert s(2000.0, 0.5) / s(2000.0) == pytest.approx(0.5, rel=1e-12)
    assert s(2000.0, 1.0, 66.0) < s(2000.0, 1.0, 10.0) < s(2000.0)
    weak = eqx.tree_at(lambda f: f.return_loss, finder, jnp.asarray(10 ** (-2.1)))
    assert s(2000.0) / s(2000.0, f=weak) == pytest.approx(10**2.1, rel=1e-12)
    assert s(10e3) > float(finder.threshold) + 1.0  # one sigma over: detected at 84 % or better


def test_detection_is_a_coin_with_the_stated_probability(world, noise):
    """At a strength equal to the threshold half of the shots return."""
    finder = eqx.tree_at(lambda f: (f.false_probability, f.latency), world.range_finder, (jnp.asarray(0.0), jnp.asarray(0.0)))
    above = eqx.tree_at(lambda m: m.attitude_IB, STILL, jnp.asarray([np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0]))  # Z up
    ground = eqx.tree_at(lambda g: (g.heights, g.roofs, g.lowest, g.highest), world.ground, replace_fn=jnp.zeros_like)
    scene = scene_of(ground, world.surface)
    strength = float(finder.shoot(above, scene, QUIET).strength)
    finder = eqx.tree_at(lambda f: f.threshold, finder, jnp.asarray(strength))
    hits = jnp.zeros(4, bool)
    shots, _ = jax.vmap(lambda e: finder.measure(above, hits, scene, jnp.asarray(1e3), unbroken(), e))(noise)
    share = float(np.mean(shots.is_detected))
    assert share == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(SHOTS))  # 4 sigma of a fair coin
    assert not np.any(shots.is_valid)  # one hit is not yet three of four
    found = np.asarray(shots.slant_range - shots.true_range)[np.asarray(shots.is_detected)]
    sheet = np.hypot(0.2, 10.0 / max(strength, 1.0))
    assert np.std(found) == pytest.approx(sheet, rel=0.1)


def test_dust_hides_the_ground_under_a_burning_engine(world):
    """None over the onset height or with engines off; the stated depth at half of it; the law of pressure below; two ways."""
    surface = eqx.tree_at(lambda s: (s.dust_onset, s.dust_depth), world.surface, (jnp.asarray(0.35), jnp.asarray(1.2)))
    onset = 0.35 * np.sqrt(900.0)
    depth = lambda h, f=900.0: float(surface.optical_depth(jnp.asarray(h), jnp.asarray(f)))  # noqa: E731
    assert depth(onset * 1.001) == 0.0
    assert depth(2.0, 0.0) == 0.0
    assert depth(onset / 2) == pytest.approx(1.2, rel=1e-12)
    assert depth(onset / 4) == pytest.approx(6.0, rel=1e-12)  # (16 − 1)/3 of it
    assert depth(onset / 2, 3600.0) == depth(onset / 4)  # four times the thrust, twice the height
    clear, dusty = (world.range_finder.shoot(STILL, scene_of(world.ground, surface, d), QUIET).strength for d in (0.0, 1.2))
    assert float(dusty / clear) == pytest.approx(np.exp(-2.4), rel=1e-12)


def test_a_darker_ground_answers_less(world):
    """Half as bright under the beam: half the signal, less what the Sun's glare loses with it."""
    dark = eqx.tree_at(lambda g: g.brightness, world.ground, 0.5 * world.ground.brightness)
    finder = eqx.tree_at(lambda f: f.sun_noise, world.range_finder, jnp.asarray(0.0))
    down = eqx.tree_at(lambda m: m.attitude_IB, STILL, jnp.asarray([np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0]))
    ratio = [float(finder.shoot(down, scene_of(ground, world.surface), QUIET).strength) for ground in (dark, world.ground)]
    assert ratio[0] / ratio[1] == pytest.approx(0.5, rel=1e-6)  # posts are float32
