"""A beam as wide as it is: the closed form on a plane, mixed and double returns at a cliff, and echoes against plain sorting."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation.moon import RADIUS
from perilune.foundation.randomness import WIDTH
from perilune.simulation.build_terrain import Grid, assembled
from perilune.world.environment.ray import FAR
from perilune.world.environment.terrain import Terrain
from perilune.world.sensors.footprint import GAUSSIAN, TOP_HAT, Footprint, across, echoes

POSTS, SPACING, HEIGHT = 401, 0.1, 100.0  # m between posts; m of the sensor over the middle of the patch
QUIET = jnp.zeros(WIDTH)
DOWN = jnp.asarray([-1.0, 0.0, 0.0])
ABOVE = jnp.asarray([RADIUS + HEIGHT, 0.0, 0.0])
OFF = np.sqrt(2.0 / 3.0)  # of the half angle: where a top hat's ring lies


def patch(height_of) -> Terrain:
    """40 m of ground about the point under `ABOVE`, from its height (m) by place along (towards Y of M)."""
    ticks = SPACING * (np.arange(POSTS) - POSTS // 2)
    return assembled([Grid(SPACING, ticks, ticks)], [np.tile(height_of(ticks), (POSTS, 1))], np.eye(3))


def footprint(divergence: float, gate: float, wants_last: float = 0.0, threshold: float = 0.0, beam=TOP_HAT) -> Footprint:
    return Footprint(*(jnp.asarray(x) for x in (divergence, beam.ring, beam.centre_weight, gate, threshold, wants_last)))


@jax.jit
def seen(beam: Footprint, ground: Terrain):
    """Distance of each ray, and its strength in the law of a Lambertian target, 1 at 100 m and full face."""
    distances, cosines = beam.look(ground, ABOVE, DOWN, jnp.asarray(True))
    return distances, cosines * (HEIGHT / distances) ** 2


def test_five_rays_have_the_beams_moments():
    """Mean square and mean fourth power of the radius: a²/2 and a⁴/3 of a disc, w²/2 and w⁴/2 of a Gaussian e^(−2r²/w²)."""
    for beam, square, fourth in ((TOP_HAT, 1 / 2, 1 / 3), (GAUSSIAN, 1 / 2, 1 / 2)):
        around = 1.0 - beam.centre_weight
        assert around * beam.ring**2 == pytest.approx(square, rel=1e-12)
        assert around * beam.ring**4 == pytest.approx(fourth, rel=1e-12)


@pytest.mark.parametrize("slope_deg", [0.0, 10.0, 20.0, 35.0, 45.0])
def test_range_on_a_slope(slope_deg):
    """R (1 + a²/4 (1 − 2 tan² i)), and the same by a fine sum over the disc."""
    half, slope = 0.02, np.tan(np.radians(slope_deg))
    beam = footprint(2 * half, 20.0)
    distances, strengths = seen(beam, patch(lambda along: slope * along))
    first, last = echoes(distances, beam.weights() * strengths, beam.gate)
    assert first.distance == last.distance
    bias = float(first.distance) - HEIGHT
    assert bias == pytest.approx(HEIGHT * half**2 / 4 * (1 - 2 * slope**2), abs=1e-4)  # terms of a⁴: 2e-5 m; curvature 1e-6 m
    r, turn = np.meshgrid((np.arange(400) + 0.5) / 400, (np.arange(400) + 0.5) / 400 * 2 * np.pi)
    x, y = half * r * np.cos(turn), half * r * np.sin(turn)  # tangents
    length = np.sqrt(1 + x * x + y * y)
    distance = HEIGHT * length / (1 + slope * x)  # of a plane that rises along x
    energy = r * (1 + slope * x) / length / distance**2
    assert bias == pytest.approx(np.sum(energy * distance) / np.sum(energy) - HEIGHT, abs=1e-4)  # five rays for the disc: a⁴


def cliff(step: float) -> Terrain:
    """Ground that drops by `step` m at 0.25 m along, inside 0.1 m."""
    return patch(lambda along: np.where(along > 0.25, -step, 0.0))


def test_a_small_step_gives_a_mixed_return():
    """One ring ray and no more over the edge: its range is in the mean with its share of the energy."""
    beam = footprint(0.05, 2.0)
    distances, strengths = seen(beam, cliff(1.5))
    ring = HEIGHT / np.cos(0.025 * OFF)
    over = (HEIGHT + 1.5) / np.cos(0.025 * OFF)
    assert sorted(np.asarray(distances)) == pytest.approx([HEIGHT, ring, ring, ring, over], abs=1e-5)  # m: float32 of posts, R
    energies = np.array([0.25, *[3 / 16] * 4]) * np.cos(0.025 * OFF * np.array([0, 1, 1, 1, 1]))
    energies = energies * (HEIGHT / np.array([HEIGHT, ring, ring, ring, over])) ** 2
    mixed = np.sum(energies * [HEIGHT, ring, ring, ring, over]) / np.sum(energies)
    for wants_last in (0.0, 1.0):
        echo, is_detected = footprint(0.05, 2.0, wants_last).measure(distances, strengths, QUIET)
        assert bool(is_detected)
        assert float(echo.distance) == pytest.approx(mixed, abs=1e-4)  # m: incidence by ground half a spot wide, at the edge
    assert HEIGHT + 0.2 < mixed < HEIGHT + 0.4  # neither the upper ground nor the lower


def test_a_large_step_gives_two_returns():
    """The upper ground for the first, the lower for the last; neither is anywhere between."""
    distances, strengths = seen(footprint(0.05, 2.0), cliff(6.0))
    upper, _ = footprint(0.05, 2.0, 0.0).measure(distances, strengths, QUIET)
    lower, _ = footprint(0.05, 2.0, 1.0).measure(distances, strengths, QUIET)
    assert float(upper.distance) == pytest.approx(HEIGHT, abs=0.02)  # the ring's slant, 100 m × 0.02²/2
    assert float(lower.distance) == pytest.approx((HEIGHT + 6.0) / np.cos(0.025 * OFF), abs=1e-4)  # m: one ray
    assert float(upper.energy + lower.energy) == pytest.approx(float(jnp.sum(footprint(0.05, 2.0).weights() * strengths)))
    assert float(upper.energy) > 4.0 * float(lower.energy)  # 13/16 of the spot against 3/16


def test_each_echo_passes_the_threshold_on_its_own():
    """A weak second echo is not heard; the one that is heard counts, whichever is wanted."""
    strengths, rest = jnp.asarray([20.0] * 5), jnp.asarray([FAR] * 3)
    near_weak = jnp.concatenate([jnp.asarray([100.0, 112.0]), jnp.full(3, 112.0)])  # the middle ray's quarter is the near one
    for wants_last in (0.0, 1.0):
        echo, is_detected = footprint(0.01, 2.0, wants_last, 8.0).measure(near_weak, strengths, QUIET)
        assert bool(is_detected)
        assert float(echo.distance) == 112.0  # 5 of 20 is below 8, 15 is not
        echo, is_detected = footprint(0.01, 2.0, wants_last, 4.0).measure(near_weak, strengths, QUIET)
        assert float(echo.distance) == (112.0 if wants_last else 100.0)
        echo, is_detected = footprint(0.01, 2.0, wants_last, 16.0).measure(near_weak, strengths, QUIET)
        assert not bool(is_detected)
    none, is_detected = footprint(0.01, 2.0).measure(jnp.full(5, FAR), strengths, QUIET)
    assert not bool(is_detected)
    assert float(none.distance) == FAR
    some, _ = footprint(0.01, 2.0).measure(jnp.concatenate([jnp.asarray([80.0, 80.5]), rest]), strengths, QUIET)
    assert float(some.energy) == pytest.approx(20.0 * (4 / 16 + 3 / 16))  # the others met nothing
    one = footprint(0.01, 2.0, 0.0, 20.5)  # a single echo has one chance, not two
    lucky_second = QUIET.at[45].set(3.0)
    assert not bool(one.measure(jnp.full(5, 90.0), strengths, lucky_second)[1])


def sorted_echoes(distances, energies, gate):
    """The same by sorting and cutting at gaps."""
    order = [k for k in np.argsort(distances) if distances[k] < FAR]
    if not order:
        return (FAR, 0.0), (FAR, 0.0)
    groups = [[order[0]]]
    for before, k in pairwise(order):
        if distances[k] - distances[before] < gate:
            groups[-1].append(k)
        else:
            groups.append([k])
    return [(np.average(distances[g], weights=energies[g]), np.sum(energies[g])) for g in (groups[0], groups[-1])]


def test_echoes_against_sorting():
    rng = np.random.default_rng(8)
    distances = 100.0 + rng.exponential(3.0, (3000, 5)) * rng.integers(0, 3, (3000, 5))
    distances = np.where(rng.random((3000, 5)) < 0.1, FAR, distances)
    energies = rng.uniform(0.1, 2.0, (3000, 5))
    first, last = jax.vmap(lambda d, e: echoes(d, e, jnp.asarray(2.0)))(jnp.asarray(distances), jnp.asarray(energies))
    wanted = [sorted_echoes(d, e, 2.0) for d, e in zip(distances, energies, strict=True)]
    for found, k in ((first, 0), (last, 1)):
        np.testing.assert_allclose(found.distance, [w[k][0] for w in wanted], rtol=1e-12)  # rounding of a mean
        np.testing.assert_allclose(found.energy, [w[k][1] for w in wanted], rtol=1e-12)


def test_rays_lie_on_a_cone_about_the_boresight():
    beam = footprint(0.2, 1.0, beam=GAUSSIAN)
    for boresight in (*np.eye(3), *-np.eye(3), np.array([0.6, -0.64, 0.48])):
        side, other = across(jnp.asarray(boresight))
        np.testing.assert_allclose(
            np.stack([side, other, boresight]) @ np.stack([side, other, boresight]).T, np.eye(3), atol=1e-15
        )
        rays = np.asarray(beam.rays(jnp.asarray(boresight)))
        np.testing.assert_allclose(rays[1:] @ boresight, np.cos(0.1), rtol=1e-12)
        np.testing.assert_allclose(np.mean(rays[1:], axis=0), np.cos(0.1) * boresight, atol=1e-15)
