"""Spherical harmonics against pyshtools, the quadratic form, and central differences of nothing but themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation import gravity
from perilune.foundation.errors import UserError
from perilune.foundation.harmonics import HarmonicField, acceleration
from perilune.foundation.moon import C20, C22, GM, GRAVITY_RADIUS, RADIUS, S22
from perilune.simulation.gravity_files import read_field, shipped_field

RNG = np.random.default_rng(3)


def as_coefficients(field):
    return np.stack([np.asarray(field.cosine), np.asarray(field.sine)])


def in_own_axes(field):
    """The field with its axes laid along M, as pyshtools takes it."""
    return HarmonicField(field.gm, field.radius, field.cosine, field.sine, jnp.eye(3))


def points(count):
    """Random points 0–100 km above the sphere, some within half a degree of the poles (pyshtools is singular at them)."""
    direction = RNG.normal(size=(count, 3))
    direction[:4] = [[1e-2, 0, 1], [0, 1e-2, -1], [3e-3, -2e-3, 1], [1e-3, 1e-3, -1]]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return direction * (RADIUS + RNG.uniform(0, 1e5, count))[:, None]


def by_pyshtools(field, place):
    from pyshtools.gravmag import MakeGravGridPoint

    radius = np.linalg.norm(place)
    latitude, longitude = np.arctan2(place[2], np.hypot(place[0], place[1])), np.arctan2(place[1], place[0])
    args = (float(field.gm), float(field.radius), radius, np.degrees(latitude), np.degrees(longitude))
    up, south, east = MakeGravGridPoint(as_coefficients(field), *args, lmax=field.degree)
    c, s, cl, sl = np.cos(latitude), np.sin(latitude), np.cos(longitude), np.sin(longitude)
    return up * np.array([c * cl, c * sl, s]) + south * np.array([s * cl, s * sl, -c]) + east * np.array([-sl, cl, 0.0])


@pytest.mark.parametrize("degree", [8, 60, 150])
def test_accelerations_are_those_of_pyshtools(request, degree):
    pytest.importorskip("pyshtools", reason="pyshtools is not installed")
    if degree == 8:
        field = in_own_axes(shipped_field())
    else:
        field = in_own_axes(read_field(request.getfixturevalue("shared") / "data" / "gravity" / "GRGM660PRIM_to150.gfc", degree))
    ours = jax.jit(lambda place: acceleration(field, place))
    for place in points(100):
        theirs = by_pyshtools(field, place)
        assert np.linalg.norm(ours(jnp.asarray(place)) - theirs) < 1e-12 * np.linalg.norm(theirs)  # the figure


def test_the_poles_are_ordinary_places():
    field = shipped_field()
    ours = jax.jit(lambda place: acceleration(field, place))
    for sign in (1.0, -1.0):
        pole, near = jnp.asarray([0.0, 0.0, sign * 1.75e6]), jnp.asarray([1e-3, 0.0, sign * 1.75e6])
        assert np.all(np.isfinite(ours(pole)))
        np.testing.assert_allclose(ours(pole), ours(near), atol=1e-8)  # m/s²: a millimetre at the gravity gradient 2e-6/s²


def test_degree_two_is_the_quadratic_form():
    """The closed form that flies in the loop and the harmonics are the same field, axis for axis."""
    cosine, sine = np.zeros((3, 3)), np.zeros((3, 3))
    cosine[0, 0], cosine[2, 0], cosine[2, 2], sine[2, 2] = 1.0, C20 / 5**0.5, C22 / (5 / 12) ** 0.5, S22 / (5 / 12) ** 0.5
    gm, radius = jnp.asarray(GM), jnp.asarray(GRAVITY_RADIUS)
    field = HarmonicField(gm, radius, jnp.asarray(cosine), jnp.asarray(sine), jnp.eye(3))
    form = gravity.full_field().form(jnp.asarray(0.0))
    for place in points(20):
        here = jnp.asarray(place)
        theirs = gravity.acceleration(jnp.asarray(GM), form, here)
        np.testing.assert_allclose(acceleration(field, here), theirs, rtol=0, atol=1e-14)  # m/s²: rounding of 1.6


def test_lowest_degree_leaves_out_what_is_below(shared):
    field = read_field(shared / "data" / "gravity" / "GRGM660PRIM_to150.gfc", 20)
    below = HarmonicField(field.gm, field.radius, field.cosine[:4, :4], field.sine[:4, :4], field.axes_M)
    here = jnp.asarray(points(9)[5])
    whole, high, low = acceleration(field, here), acceleration(field, here, lowest=4), acceleration(below, here)
    np.testing.assert_allclose(high + low, whole, rtol=0, atol=1e-14)  # m/s²: rounding


def test_shipped_field_is_the_published_one(shared):
    whole, own = read_field(shared / "data" / "gravity" / "GRGM660PRIM_to150.gfc", 8), shipped_field()
    assert np.array_equal(as_coefficients(whole), as_coefficients(own))
    assert float(whole.gm) == float(own.gm)


def test_shadr_table_is_read(shared):
    """Lunar Prospector against GRAIL: the same Moon to about a part in a hundred of the low degrees."""
    old, new = (read_field(shared / "data" / "gravity" / name, 8) for name in ("lpe200.txt", "GRGM660PRIM_to150.gfc"))
    gap = as_coefficients(old)[:, 2:5] - as_coefficients(new)[:, 2:5]
    assert 0 < np.max(np.abs(gap)) < 1e-6  # low degrees are 1e-5 to 1e-4; the far side was not tracked before GRAIL


BAD = {
    "absent": (None, "cannot be read"),
    "words": ("this is no gravity field", "neither ICGEM"),
    "short": ("1738.0, 4902.8, 0\n 2, 0, -9.1e-5, 0.0\n", "ends at degree 2: degree 4"),
    "another body": ("6378.1363, 398600.4415\n" + "".join(f"{n}, 0, 1e-6, 0.0\n" for n in range(2, 5)), "field of the Moon"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_gravity_files_are_sentences(tmp_path, name):
    text, words = BAD[name]
    path = tmp_path / "field.tab"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=words):
        read_field(path, 4)


def test_known_bad_gm_is_warned_of_and_put_right(tmp_path):
    path = tmp_path / "field.tab"
    path.write_text("1738.0, 4900.28\n" + "".join(f"{n}, 0, 1e-6, 0.0\n" for n in range(2, 5)))
    with pytest.warns(UserWarning, match=r"4900\.280000 km³/s², the Moon's is 4902\.799807"):
        field = read_field(path, 4)
    assert float(field.gm) == GM
