"""The gravity tables of a landing against the field that they were made of, term by term."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation.errors import UserError
from perilune.foundation.gravity import full_field
from perilune.foundation.moon import RADIUS
from perilune.simulation.build_gravity import fields_of, gravity_tables, moment_of, source_of, track_axes
from perilune.simulation.load import load
from perilune.simulation.scenario import read_maps
from perilune.simulation.sky import sky_of
from perilune.world.dynamics import Pull
from perilune.world.environment.gravity import Gravity

MILLIGAL = 1e-5  # m/s²
RNG = np.random.default_rng(7)


def along_the_track(mission, count=200):
    """Places where landers are: on the descent from 20 km, a few kilometres to either side; m in M."""
    axes, share = track_axes(mission), RNG.uniform(0.0, 1.0, count)
    along, across = -share * 600e3 / RADIUS, RNG.normal(0.0, 3e3, count) / RADIUS
    height = 20e3 * share**0.7 - 2.6e3 * (1.0 - share)
    on = np.cos(along)[:, None] * axes[0] + np.sin(along)[:, None] * axes[1]
    direction = np.cos(across)[:, None] * on + np.sin(across)[:, None] * axes[2]
    return jnp.asarray((RADIUS + height)[:, None] * direction)


def whole_of(mission, before_touchdown_s):
    """The field, Earth and Sun without a table; mission time runs to 0 at the planned touchdown."""
    epoch = moment_of(mission) - before_touchdown_s
    sky = sky_of(source_of(mission), epoch, 0.0, 2.0 * before_touchdown_s)
    return Gravity(fields_of(mission)[0], sky)


def worst(mission, before_touchdown_s):
    """Largest difference of what pulls on a lander from the field without tables, m/s²."""
    table, _ = gravity_tables(mission)
    places, time = along_the_track(mission), jnp.asarray(before_touchdown_s)
    whole = whole_of(mission, before_touchdown_s)

    def difference(place_M):
        from perilune.foundation.frames import fixed_to_inertial

        place_I = fixed_to_inertial(place_M, time)
        pull = Pull(full_field().gm, full_field().form(time), fixed_to_inertial(table.at(place_M), time))
        return pull.at(place_I) - whole.acceleration(place_I, time)

    return float(np.max(np.linalg.norm(np.asarray(jax.jit(jax.vmap(difference))(places)), axis=1)))


def test_table_of_the_shipped_field():
    """A hundredth of a milligal: 0.02 m in a landing; the field it tables is 26 milligal along the track."""
    assert worst(load("resilience"), 700.0) < 0.01 * MILLIGAL


def test_table_of_degree_60(shared):
    path = str(shared / "data" / "gravity" / "GRGM660PRIM_to150.gfc")
    mission = load("resilience", {"moon.gravity": path, "moon.gravity_degree": 60})
    assert worst(mission, 700.0) < 0.6 * MILLIGAL  # the field: 109 milligal; its degree 60 varies over four nodes a quarter wave


def test_kernels_and_series_agree(shared):
    """What pulls hardly hangs on where the Earth stands to a few arc minutes."""
    kernels = shared / "data" / "kernels"
    named = {
        "moon.ephemerides": str(kernels / "de421.bsp"),
        "moon.orientation": str(kernels / "moon_pa_de421_1900-2050.bpc"),
    }
    by_kernels, by_series = (gravity_tables(load("resilience", over))[0].nodes for over in (named, {}))
    assert float(jnp.max(jnp.abs(by_kernels - by_series))) < 0.01 * MILLIGAL


def test_beyond_the_box_the_border_goes_on():
    table, _ = gravity_tables(load("resilience"))
    far = jax.jit(lambda place: table.at(place))(-3.0 * along_the_track(load("resilience"), 1)[0])
    assert np.all(np.isfinite(far))
    assert np.linalg.norm(far) < 1e-2


def test_flight_software_knows_less_than_there_is():
    with pytest.raises(UserError, match=r"is not below moon\.gravity_degree = 8"):
        read_maps(load("resilience", {"flight.navigation.gravity_degree": 8}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"moon.gravity_degree": 40}, "ends at degree 8: for degree 40 name a file"),
        ({"moon.gravity": "nowhere.gfc"}, "nowhere.gfc cannot be read"),
        ({"moon.ephemerides": "a.bsp"}, "name both kernels"),
        ({"moon.ephemerides": "a.bsp", "moon.orientation": "b.bpc"}, "a.bsp cannot be read"),
        ({"moon.gravity_degree": 2}, "moon.gravity_degree = 2"),
    ],
)
def test_bad_fields_and_kernels_are_told(values, words):
    with pytest.raises(UserError, match=words):
        read_maps(load("resilience", values))


def test_sun_elevation_follows_the_planned_touchdown(resilience):
    from perilune.simulation.scenario import mission_numbers

    numbers = mission_numbers(resilience, read_maps(resilience))
    assert abs(float(numbers["site.sun_elevation_deg"]) - 11.86) < 0.05  # published for the planned touchdown
    given = load("resilience", {"site.sun_elevation_deg": -3.0})
    assert float(mission_numbers(given, read_maps(given))["site.sun_elevation_deg"]) == -3.0
