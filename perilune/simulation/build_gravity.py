"""What the degree-2 fields leave of the Moon's gravity, of Earth and Sun, tabulated along a mission's ground track."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.corridor import Corridor
from perilune.foundation.errors import UserError
from perilune.foundation.frames import direction_to, local_axes
from perilune.foundation.gravity import GravityField, full_field, zonal_field
from perilune.foundation.gravity import acceleration as quadratic
from perilune.foundation.harmonics import HarmonicField, acceleration
from perilune.foundation.moon import GM_EARTH, GM_SUN, RADIUS
from perilune.foundation.time_scales import tdb_seconds
from perilune.world.environment.gravity import third_body

from .analytic_sky import AnalyticSky
from .gravity_files import read_field, shipped_field
from .kernels import KernelSky
from .mission import Mission
from .sky import Source, elevation

LEVELS, WIDTHS, LENGTHS = 8, 9, 128  # nodes: one shape for all missions, so that they share their programs
BELOW, ABOVE = 6e3, 6e3  # m, under the site's sphere height (the deepest ground of a landing site) and over perilune
ASIDE = 30e3  # m to either side of the track: fifty sigmas of the cross-track uncertainty
BEYOND = 40e3  # m behind the start and past the site
SHIPPED, SERIES = "package", "series"  # what a mission file says where it names no file


def source_of(mission: Mission) -> Source:
    """Where orientation, Sun and Earth come from. Raises UserError where kernels cannot be read."""
    moon = mission.moon
    if moon.ephemerides == SERIES:
        return AnalyticSky()
    return KernelSky(moon.ephemerides, moon.orientation)


def moment_of(mission: Mission) -> float:
    """The planned touchdown, TDB seconds since J2000."""
    return tdb_seconds(mission.site.planned_touchdown_utc)


def sun_over(mission: Mission) -> tuple[float, float]:
    """Elevation of the Sun's centre over the site's horizon at the planned touchdown, and its azimuth, degrees."""
    source, moment, site = source_of(mission), moment_of(mission), mission.site
    place_M = direction_to(*(jnp.asarray(math.radians(x)) for x in (site.latitude_deg, site.longitude_deg)))
    east_M, north_M, up_M = (np.asarray(axis) for axis in local_axes(place_M))
    sun_M = source.orientation(moment) @ source.sun(moment)
    azimuth = math.degrees(math.atan2(sun_M @ east_M, sun_M @ north_M))
    return math.degrees(elevation(RADIUS * up_M, sun_M)), azimuth % 360.0


def fields_of(mission: Mission) -> tuple[HarmonicField, HarmonicField]:
    """The Moon's field as it is, and the lower degree of it that is carried on board, padded to the same shape."""
    moon, onboard = mission.moon, mission.flight.navigation.gravity_degree
    if onboard >= moon.gravity_degree:
        raise UserError(
            f"{mission.name}: flight.navigation.gravity_degree = {onboard} is not below moon.gravity_degree = "
            f"{moon.gravity_degree}: flight software may not know the Moon's gravity as well as it is."
        )
    whole = shipped_field(moon.gravity_degree) if moon.gravity == SHIPPED else read_field(moon.gravity, moon.gravity_degree)
    kept = np.arange(whole.degree + 1)[:, None] <= onboard
    cosine, sine = (jnp.where(kept, part, 0.0) for part in (whole.cosine, whole.sine))
    lower = HarmonicField(whole.gm, whole.radius, cosine, sine, whole.axes_M)
    return whole, lower


def track_axes(mission: Mission) -> np.ndarray:
    """(3, 3), rows in M: towards the site, on along the approach, and the track's pole."""
    site = mission.site
    here = direction_to(*(jnp.asarray(math.radians(x)) for x in (site.latitude_deg, site.longitude_deg)))
    east, north, up = (np.asarray(axis) for axis in local_axes(here))
    azimuth = math.radians(mission.start.approach_azimuth_deg)
    on = math.cos(azimuth) * north + math.sin(azimuth) * east
    return np.stack([up, on, np.cross(up, on)])


def reach_behind(mission: Mission) -> float:
    """How far before the site (m) the ground and the fields under the flight begin."""
    start = mission.start
    return start.perilune_downrange_m + 1.8e3 * start.lead_time_s + BEYOND  # at orbital speed before mission time 0


def gravity_tables(mission: Mission) -> tuple[Corridor, Corridor]:
    """What the world's and the onboard degree-2 field leave, along the track. Raises UserError as its files ask for.

    The true one holds the rest of the field and the tides of Earth and Sun, both taken where they stand over M at the
    planned touchdown: within the quarter of an hour of a landing the Earth moves by 0.1° there and the Sun by 0.1°.
    """
    whole, lower = fields_of(mission)
    source, moment, start = source_of(mission), moment_of(mission), mission.start
    turn = source.orientation(moment)
    bodies = [jnp.asarray(turn @ place) for place in (source.earth(moment), source.sun(moment))]
    behind = reach_behind(mission)
    spans = (
        (-BELOW, start.perilune_height_above_site_m + ABOVE, LEVELS),
        (-ASIDE / RADIUS, ASIDE / RADIUS, WIDTHS),
        (-behind / RADIUS, BEYOND / RADIUS, LENGTHS),
    )
    ticks = [np.linspace(*span) for span in spans]
    axes = track_axes(mission)
    height, across, along = np.meshgrid(*ticks, indexing="ij")
    places = places_of(height.ravel(), across.ravel(), along.ravel(), axes)
    lowest, step = (jnp.asarray([f(tick) for tick in ticks], float) for f in (lambda t: t[0], lambda t: t[1] - t[0]))

    def table(field: HarmonicField, near: GravityField, tides: jax.Array) -> Corridor:
        rest = left_over(field, near, tides, *bodies, places)
        nodes = rest.reshape(LEVELS, WIDTHS, LENGTHS, 3).astype(jnp.float32)
        return Corridor(nodes, jnp.asarray(axes), lowest, step)

    return table(whole, full_field(), jnp.asarray(1.0)), table(lower, zonal_field(), jnp.asarray(0.0))


def places_of(height, across, along, axes: np.ndarray) -> jax.Array:
    """(n, 3) places in M, m, of heights over the sphere (m) and angles across and along the track (rad), (n,) each."""
    direction = [np.cos(across) * np.cos(along), np.cos(across) * np.sin(along), np.sin(across)]
    return jnp.asarray((RADIUS + height)[:, None] * sum(part[:, None] * axis for part, axis in zip(direction, axes, strict=True)))


@jax.jit
def left_over(field: HarmonicField, near: GravityField, tides, earth_M, sun_M, places) -> jax.Array:
    """(n, 3) m/s²: the field, and `tides` times what Earth and Sun add, less the degree-2 field `near`."""
    form = near.form(jnp.zeros(()))

    def one(position_M):
        beyond = third_body(GM_EARTH, earth_M, position_M) + third_body(GM_SUN, sun_M, position_M)
        return acceleration(field, position_M) - quadratic(near.gm, form, position_M) + tides * beyond

    return jax.lax.map(one, places, batch_size=256)
