"""Against independent implementations: SciPy, NumPy re-derivations, the raw map file."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from scipy.spatial.transform import Rotation
from scipy.stats import binomtest

from perilune.campaign.statistics import clopper_pearson
from perilune.foundation import rotation
from perilune.foundation.frames import direction_to, inertial_to_fixed, latitude_longitude, moon_attitude
from perilune.foundation.gravity import acceleration, full_field
from perilune.foundation.grid import height_map
from perilune.foundation.moon import C20, C22, GM, GRAVITY_RADIUS, RADIUS, S22
from perilune.foundation.ray import cast
from perilune.simulation.maps import read_map

RNG = np.random.default_rng(7)


def scipy_rotation(q):
    return Rotation.from_quat([q[1], q[2], q[3], q[0]])


def random_attitude():
    q = RNG.normal(size=4)
    return jnp.asarray(q / np.linalg.norm(q))


def test_rotations_against_scipy():
    for _ in range(20):
        p, q, v = random_attitude(), random_attitude(), RNG.normal(size=3)
        np.testing.assert_allclose(rotation.rotate(p, jnp.asarray(v)), scipy_rotation(p).apply(v), atol=1e-14)
        both = scipy_rotation(rotation.compose(p, q)).as_matrix()
        np.testing.assert_allclose(both, (scipy_rotation(p) * scipy_rotation(q)).as_matrix(), atol=1e-14)
        np.testing.assert_allclose(rotation.to_matrix(p), scipy_rotation(p).as_matrix(), atol=1e-14)
        np.testing.assert_allclose(rotation.to_rotation_vector(p), scipy_rotation(p).as_rotvec(), atol=1e-12)
        w = RNG.normal(size=3)
        there = rotation.from_rotation_vector(jnp.asarray(w))
        np.testing.assert_allclose(rotation.to_matrix(there), Rotation.from_rotvec(w).as_matrix(), atol=1e-14)
        m = scipy_rotation(q).as_matrix()
        again = rotation.from_axes(*(jnp.asarray(m[:, k]) for k in range(3)))
        np.testing.assert_allclose(rotation.to_matrix(again), m, atol=1e-14)


def potential(r):
    x, y, z = r
    n = np.linalg.norm(r)
    degree_2 = C20 * 0.5 * (3 * z * z / n**2 - 1) + 3 * C22 * (x * x - y * y) / n**2 + 6 * S22 * x * y / n**2
    return GM / n * (1 + (GRAVITY_RADIUS / n) ** 2 * degree_2)


def test_gravity_is_the_gradient_of_its_potential():
    field = full_field()
    for _ in range(10):
        direction = RNG.normal(size=3)
        r = direction / np.linalg.norm(direction) * 1757e3
        h = 20.0
        gradient = [(potential(r + h * e) - potential(r - h * e)) / (2 * h) for e in np.eye(3)]
        ours = acceleration(field.gm, field.form(jnp.asarray(0.0)), jnp.asarray(r))
        np.testing.assert_allclose(ours, gradient, atol=2e-9)  # m/s²: rounding of the potential over 40 m


def test_gravity_turns_with_the_moon():
    field, time = full_field(), jnp.asarray(2e5)
    r_I = jnp.asarray([1.2e6, -0.9e6, 0.9e6])
    fixed = acceleration(field.gm, field.form(jnp.asarray(0.0)), inertial_to_fixed(r_I, time))
    turned = inertial_to_fixed(acceleration(field.gm, field.form(time), r_I), time)
    np.testing.assert_allclose(turned, fixed, atol=1e-14)  # same field seen from both frames


def test_frames_agree_with_their_quaternion():
    time, v = jnp.asarray(5e4), jnp.asarray(RNG.normal(size=3))
    by_quaternion = rotation.rotate(rotation.inverse(moon_attitude(time)), v)
    np.testing.assert_allclose(inertial_to_fixed(v, time), by_quaternion, atol=1e-15)
    latitude, longitude = latitude_longitude(RADIUS * direction_to(jnp.asarray(1.05), jnp.asarray(-0.08)))
    np.testing.assert_allclose([latitude, longitude], [1.05, -0.08], atol=1e-15)


@pytest.fixture(scope="module")
def relief():
    """A rough map of our own, 40 × 40 posts 2 km apart."""
    posts = RNG.normal(scale=150.0, size=(40, 40))
    return height_map(posts, 1.0, -0.1, 2e3 / RADIUS), posts


def test_bilinear_against_scipy(relief):
    ground, posts = relief
    s = 2e3 / RADIUS
    axis = np.arange(40)
    scipy = RegularGridInterpolator((1.0 + s * axis, -0.1 + s * axis), posts.astype(np.float32))
    points = np.column_stack([1.0 + s * RNG.uniform(0, 39, 200), -0.1 + s * RNG.uniform(0, 39, 200)])
    ours = jax.vmap(lambda p: ground.height(p[0], p[1]))(jnp.asarray(points))
    np.testing.assert_allclose(ours, scipy(points), atol=1e-4)  # m: posts are float32, ±600 m


def test_map_has_no_step_at_cell_borders(relief):
    ground, _ = relief
    s = 2e3 / RADIUS
    for k in range(1, 38):
        edge = 1.0 + s * k
        below, above = (float(ground.height(jnp.asarray(edge + d), jnp.asarray(-0.1 + 7.3 * s))) for d in (-1e-12, 1e-12))
        assert abs(below - above) < 1e-3  # m; 2e-12 rad is 3.5 µm of way


def rough_ground():
    """Random relief of 2 km posts, as steep as 0.25."""
    posts = RNG.normal(scale=75.0, size=(40, 40))
    return height_map(posts, 1.0, -0.1, 2e3 / RADIUS), (1.018, 1.028), (-0.082, -0.072), 60.0


def steepest_ground():
    """The shipped map where it is steepest, up to 45°: 51–52° N."""
    ground = read_map("package:mare-frigoris", 50.0, 53.0, -11.0, 3.0)
    return ground, (np.radians(51.0), np.radians(52.0)), (np.radians(-11.0), np.radians(3.0)), 50.0


@pytest.mark.parametrize("made", [rough_ground, steepest_ground], ids=lambda f: f.__name__)
def test_ray_cast_against_brute_force(made):
    """Same ground within 1 cm for rays up to 60° (over the steepest ground 50°) off nadir from 0.3 to 20 km above it."""
    ground, latitudes, longitudes, farthest = made()
    fly = jax.jit(lambda p, d: cast(ground, p, d, 8))
    height = jax.jit(jax.vmap(lambda p: jnp.linalg.norm(p) - RADIUS - ground.height_at(p)))
    worst = 0.0
    for _ in range(60):
        place = jnp.asarray(RNG.uniform(*latitudes)), jnp.asarray(RNG.uniform(*longitudes))
        up = direction_to(*place)
        off, turn = np.radians(RNG.uniform(0, farthest)), RNG.uniform(0, 2 * np.pi)
        side = np.cross(up, [0, 0, 1.0])
        side /= np.linalg.norm(side)
        other = np.cross(up, side)
        direction = -np.cos(off) * np.asarray(up) + np.sin(off) * (np.cos(turn) * side + np.sin(turn) * other)
        start = (RADIUS + float(ground.height(*place)) + RNG.uniform(300.0, 20e3)) * up
        found = float(fly(start, jnp.asarray(direction)))
        marks = np.linspace(0.0, 1.5 * found + 50.0, 60_001)
        heights = np.asarray(height(np.asarray(start)[None] + marks[:, None] * direction[None]))
        first = int(np.argmax(heights < 0))
        assert heights[first] < 0
        exact = marks[first - 1] + (marks[1] - marks[0]) * heights[first - 1] / (heights[first - 1] - heights[first])
        worst = max(worst, abs(found - exact))
    assert worst < 0.01  # m; flight software takes fewer steps, to under its map's own error


def test_cut_out_is_the_source_map(shared):
    """The shipped cut-out and the global file, read by NumPy, agree at posts; site height as the manifest says."""
    ours = read_map("package:mare-frigoris", 59.0, 61.0, -5.5, -4.0)
    raw = np.memmap(shared / "data/dem/LDEM_16.IMG", "<i2", "r").reshape(2880, 5760)
    for row, column in ((470, 5680), (480, 5690), (490, 5686)):
        latitude, longitude = 90 - (row + 0.5) / 16, (column + 0.5) / 16 - 360
        here = float(ours.height(jnp.asarray(np.radians(latitude)), jnp.asarray(np.radians(longitude))))
        assert here == pytest.approx(0.5 * raw[row, column], abs=1e-3)  # m: float32 corner of the grid
    site = float(ours.height(jnp.asarray(np.radians(60.5)), jnp.asarray(np.radians(-4.6))))
    assert site == pytest.approx(-2435.0, abs=1.0)  # m, data/MANIFEST.md


def test_users_own_pds_map_works(shared):
    """A PDS3 label by path gives the ground of the cut-out; its scale is rounded in the label (1895.21 m a post)."""
    own = read_map(str(shared / "data/dem/LDEM_16.LBL"), 58.0, 61.0, -5.5, -4.0)
    cut = read_map("package:mare-frigoris", 58.0, 61.0, -5.5, -4.0)
    for latitude, longitude in ((58.3, -5.2), (60.5, -4.6), (60.9, -4.1)):
        at = jnp.asarray(np.radians(latitude)), jnp.asarray(np.radians(longitude))
        assert float(own.height(*at)) == pytest.approx(float(cut.height(*at)), abs=0.5)  # m: 5 m sideways on 3 % slope


@pytest.fixture(scope="module")
def recorded():
    """World, first truth and valve commands of the undispersed, healthy flight."""
    from validation.numerics import recorded_commands, world_of

    batch, world, truth = world_of(1)
    commands, _ = recorded_commands(batch)
    return world, truth, np.concatenate([np.zeros((1, commands.shape[1])), commands])[:-1]


def test_clopper_pearson_against_scipy():
    for count, trials in ((0, 32), (31, 32), (1000, 1024), (32, 32)):
        exact = binomtest(count, trials).proportion_ci(method="exact")
        np.testing.assert_allclose(clopper_pearson(count, trials), (exact.low, exact.high), atol=1e-12)


@pytest.mark.parametrize(
    ("share", "metres", "speed"), [(0.0, 1e-4, 1e-6), (1.0, 0.02, 2e-3)], ids=["liquid frozen", "liquid swinging"]
)
def test_recorded_commands_against_dop853(recorded, share, metres, speed):
    """12 s of the healthy flight's commands from just before ignition on: our truth against NumPy bodies and forces under DOP853
    at rtol 1e-11. Liquid's place is taken once a cycle here: that left 3e-4 rad of attitude and 3 mm in 40 s (measured)."""
    from validation.numerics import Independent, replay, truth_vector

    world, truth, shifted = recorded
    world = eqx.tree_at(lambda w: w.structure.tanks.slosh_share, world, share * world.structure.tanks.slosh_share)
    lit = int(np.argmax(shifted[:, 0] > 0.0))  # the first cycle of the main engine
    burning = np.concatenate([shifted[:1], shifted[lit - 5 :]])
    reached, _ = replay(world, truth, jnp.asarray(burning), 120)
    apart = truth_vector(reached) - Independent(world).fly(truth, burning, 120)[:6]
    assert burning[:120].sum() > 80.0  # s of open valves: seven engines for 11.5 s
    assert np.linalg.norm(apart[:3]) < metres  # m; frozen: 2e-6
    assert np.linalg.norm(apart[3:]) < speed  # m/s
