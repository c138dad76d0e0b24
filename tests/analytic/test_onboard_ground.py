"""The ground as flight software has it: level ground in a map's place, and relief from the beam's end to the nadir."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.flight.navigation.relief import ground_below
from perilune.foundation.frames import direction_to
from perilune.foundation.grid import height_map
from perilune.foundation.moon import RADIUS
from perilune.simulation.build_software import planned_ground

LENGTH = 200.0


@pytest.fixture(scope="module")
def rough():
    """A map of 8 × 8 posts with some hundred metres of relief about 10° N 20° E."""
    posts = np.random.default_rng(0).normal(-1500.0, 300.0, (8, 8))
    return height_map(posts, np.radians(9.0), np.radians(19.0), np.radians(0.25))


def at(latitude_deg, longitude_deg, height=0.0):
    """A point in M."""
    return (RADIUS + height) * direction_to(jnp.radians(jnp.asarray(latitude_deg)), jnp.radians(jnp.asarray(longitude_deg)))


def numbers(above):
    return {"site.onboard_flat_above_site_m": jnp.asarray(above), "site.height_m": jnp.asarray(-1620.0)}


def test_without_a_level_the_map_is_read_bit_for_bit(rough):
    kept = planned_ground(numbers(0.0), rough)
    for latitude, longitude in np.random.default_rng(1).uniform((9.2, 19.2), (10.5, 20.5), (20, 2)):
        assert float(kept.height_at(at(latitude, longitude))) == float(rough.height_at(at(latitude, longitude)))


def test_level_ground_is_level_everywhere_and_keeps_its_error(rough):
    level = planned_ground(numbers(85.0), rough)
    tied = eqx.tree_at(lambda m: m.shift_up, level, level.shift_up + 3.0)
    for latitude, longitude in np.random.default_rng(1).uniform((9.2, 19.2), (10.5, 20.5), (20, 2)):
        height, east, north = level.height_and_slope(jnp.radians(jnp.asarray(latitude)), jnp.radians(jnp.asarray(longitude)))
        assert float(height) == pytest.approx(-1535.0, abs=1e-9)  # rounding
        assert float(east) == 0.0
        assert float(north) == 0.0
        assert float(tied.height_at(at(latitude, longitude))) == pytest.approx(-1532.0, abs=1e-9)


@pytest.mark.parametrize(
    ("apart", "left"), [(0.0, 1.0), (LENGTH, np.exp(-1.0)), (3.0 * LENGTH, np.exp(-3.0)), (40.0 * LENGTH, 0.0)]
)
def test_relief_fades_between_the_beam_and_the_nadir(batch, apart, left):
    """Whole under the beam itself, 1/e a length away, none of it far off; the map's error counts whole."""
    scenarios, last, _ = batch.start([0])
    belief, settings = (jax.tree.map(lambda x: x[0], x) for x in (last.memory.navigation, scenarios.flight_software.settings))
    belief = eqx.tree_at(
        lambda n: (n.position_I, n.terrain_bias, n.terrain_relief),
        belief,
        (at(10.0, 20.0, 500.0), jnp.asarray(-40.0), jnp.asarray(6.0)),
    )
    settings = eqx.tree_at(lambda s: s.terrain_roughness_length, settings.navigation, jnp.asarray(LENGTH))
    east_M = jnp.asarray([-np.sin(np.radians(20.0)), np.cos(np.radians(20.0)), 0.0])
    below = float(ground_below(belief, at(10.0, 20.0) + apart * east_M, settings, jnp.asarray(0.0)))
    assert below == pytest.approx(-40.0 + 6.0 * left, abs=1e-6)  # rounding
