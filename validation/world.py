"""The world against measured data and other implementations: gravity, orientation, light. Needs the reference data."""

import math
import time
from datetime import UTC, datetime
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.frames import direction_to, latitude_longitude
from perilune.foundation.gravity import full_field
from perilune.foundation.moon import AXES_PA_IN_ME, RADIUS
from perilune.foundation.time_scales import J2000_JULIAN_DAY, tdb_seconds
from perilune.simulation.analytic_sky import DAY, AnalyticSky
from perilune.simulation.build_gravity import (
    fields_of,
    gravity_tables,
    left_over,
    moment_of,
    places_of,
    source_of,
    track_axes,
)
from perilune.simulation.gravity_files import read_field
from perilune.simulation.kernels import KernelSky
from perilune.simulation.load import load
from perilune.simulation.maps import read_map
from perilune.simulation.sky import elevation, sky_of
from perilune.world.environment.gravity import Gravity
from perilune.world.environment.photometry import GROUPS, normal_albedo
from perilune.world.orbit import coast

from .flights import column, fly_seeds
from .report import Claim, Section, spread

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
FIELD = SHARED / "gravity" / "GRGM660PRIM_to150.gfc"
ARC = "telemetry/lro_truth/LRO_2022001_Moon_ICRF_4h.csv"
MINUTES = (10, 30, 60)
# Retroreflectors in DE430's principal axes, m (Folkner et al. 2014, IPN Progress Report 42-196); a metre from DE421's.
REFLECTORS = {
    "Apollo 11": (1591967.049, 690698.573, 21004.461),
    "Apollo 14": (1652689.369, -520998.431, -109729.817),
    "Apollo 15": (1554678.104, 98094.498, 765005.863),
    "Lunokhod 1": (1114291.438, -781299.273, 1076059.049),
    "Lunokhod 2": (1339363.598, 801870.996, 756359.260),
}
DEGREES = (2, 8, 60, 100)
USED = load("resilience").site.reflectance_1064nm
# Site, moment, what is published or derived, degrees: Sun or Earth over the horizon.
ELEVATIONS = (
    ("M2, Sun", "sun", 60.5, -4.6, datetime(2025, 6, 5, 19, 17, tzinfo=UTC), 11.86, 0.05),
    ("M2, Earth", "earth", 60.5, -4.6, datetime(2025, 6, 5, 19, 17, tzinfo=UTC), 31.5, 0.3),
    ("M1, Sun", "sun", 47.5, 44.4, datetime(2023, 4, 25, 16, 40, tzinfo=UTC), 11.5, 0.2),
    ("Blue Ghost, Sun", "sun", 18.56, 61.81, datetime(2025, 3, 2, 8, 34, tzinfo=UTC), 3.4, 0.2),
    ("SLIM, Sun", "sun", -13.316, 25.251, datetime(2024, 1, 19, 15, 20, tzinfo=UTC), 37.2, 0.2),
)


def kernels() -> KernelSky:
    """DE421 and its orientation."""
    return KernelSky(SHARED / "kernels" / "de421.bsp", SHARED / "kernels" / "moon_pa_de421_1900-2050.bpc")


def arc() -> tuple[float, np.ndarray]:
    """Time of the first row (TDB seconds since J2000) and the states by the minute, ICRF, m and m/s."""
    lines = (SHARED / ARC).read_text().splitlines()
    rows = np.array([[float(x) for x in line.split(",")] for line in lines if line[:1].isdigit()])
    return (rows[0, 0] - J2000_JULIAN_DAY) * DAY, 1e3 * rows[:, 1:7]


def misses(source, degree: int) -> list[float]:
    """Distance (m) from the real orbiter after each of MINUTES, flown with this orientation and degree."""
    epoch, states = arc()
    sky, first = sky_of(source, epoch, -60.0, 60.0 * MINUTES[-1] + 60.0), source.orientation(epoch)
    gravity = Gravity(read_field(FIELD, degree), sky)
    fly = jax.jit(coast, static_argnums=5)
    state, flown, found = [jnp.asarray(first @ states[0, part]) for part in (slice(0, 3), slice(3, 6))], 0, []
    for minute in MINUTES:
        state = list(fly(gravity, *state, jnp.asarray(60.0 * flown), jnp.asarray(1.0), 60 * (minute - flown)))
        flown = minute
        found.append(float(np.linalg.norm(first.T @ np.asarray(state[0]) - states[minute, :3])))
    return found


def orientation_gap(days: float) -> float:
    """Angle between the series' orientation and the kernels', rad, days after J2000."""
    turn = AnalyticSky().orientation(days * DAY) @ kernels().orientation(days * DAY).T
    return float(np.linalg.norm([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2)


def elevations() -> list[list[str]]:
    """A row a body and site: published, by kernels, by series, degrees."""
    rows = []
    for name, body, latitude, longitude, moment, wanted, tolerance in ELEVATIONS:
        tdb = tdb_seconds(moment)
        place_M = RADIUS * np.asarray(direction_to(jnp.asarray(np.radians(latitude)), jnp.asarray(np.radians(longitude))))
        found = [
            np.degrees(elevation(place_M, source.orientation(tdb) @ getattr(source, body)(tdb)))
            for source in (kernels(), AnalyticSky())
        ]
        holds = all(abs(x - wanted) <= tolerance for x in found)
        judged = "holds" if holds else "**misses**"
        rows.append([name, f"{wanted:g} ± {tolerance:g}", *(f"{x:.3f}" for x in found), judged])
    return rows


def table_row(degree: int) -> list[str]:
    """Degree, seconds to make its tables, rms of what they hold, their rms and largest error along M2's track (milligal)."""
    mission = flown_with(degree)
    began = time.perf_counter()
    table, _ = gravity_tables(mission)
    table.nodes.block_until_ready()
    took = time.perf_counter() - began
    field, source, moment = fields_of(mission)[0], source_of(mission), moment_of(mission)
    bodies = [jnp.asarray(source.orientation(moment) @ place) for place in (source.earth(moment), source.sun(moment))]
    rng, axes = np.random.default_rng(1), track_axes(mission)
    share = rng.uniform(0.0, 1.0, 2000)
    height, along = 20e3 * share**0.7 - 2.6e3 * (1.0 - share), -share * 600e3 / RADIUS
    places = places_of(height, rng.normal(0.0, 3e3, 2000) / RADIUS, along, axes)
    direct = left_over(field, full_field(), jnp.asarray(1.0), *bodies, places)
    error = np.linalg.norm(np.asarray(jax.jit(jax.vmap(lambda place: table.at(place)))(places) - direct), axis=1)
    rms = [1e5 * float(np.sqrt(np.mean(np.square(x)))) for x in (np.linalg.norm(direct, axis=1), error)]
    return [str(degree), f"{took:.1f}", f"{rms[0]:.1f}", f"{rms[1]:.3f}", f"{1e5 * error.max():.3f}"]


def flown_with(degree: int):
    """Resilience in the true field of this degree; flight software keeps the degree that the mission gives it."""
    shipped = load("resilience")
    if degree <= shipped.moon.gravity_degree:
        return shipped
    return load("resilience", {"moon.gravity": str(FIELD), "moon.gravity_degree": degree})


def landing_row(degree: int, onboard: int, seeds: int = 256) -> list[str]:
    """Landings in the field of this degree with that degree on board."""
    over = [("flight.navigation.gravity_degree", onboard)]
    if degree > load("resilience").moon.gravity_degree:
        over += [("moon.gravity", str(FIELD)), ("moon.gravity_degree", degree)]
    rows = fly_seeds("resilience", range(seeds), values=tuple(over))
    landed = sum(row["is_within_requirements"] for row in rows)
    return [
        f"{degree}", f"{onboard}", f"{landed}/{seeds}",
        *(spread(column(rows, name)) for name in ("miss_distance_m", "horizontal_speed_mps", "propellant_kg")),
    ]  # fmt: skip


def reflector_height(name: str) -> tuple[float, float, float]:
    """Height of a reflector over the sphere by laser ranging, of LDEM_16's ground there, and ground less reflector, m."""
    place_M = AXES_PA_IN_ME.T @ np.asarray(REFLECTORS[name])
    latitude, longitude = (float(x) for x in latitude_longitude(jnp.asarray(place_M)))
    box = [math.degrees(x) + side for x in (latitude, longitude) for side in (-0.5, 0.5)]
    ground = read_map(str(SHARED / "dem" / "LDEM_16.LBL"), *box)
    ranged = float(np.linalg.norm(place_M)) - RADIUS
    mapped = float(ground.height(jnp.asarray(latitude), jnp.asarray(longitude)))
    return ranged, mapped, mapped - ranged


def reflector_rows() -> list[list[str]]:
    """A row a reflector."""
    rows = []
    for name in REFLECTORS:
        ranged, mapped, over = reflector_height(name)
        judged = "printed" if name == "Lunokhod 2" else "holds" if abs(over) <= 15.0 else "**misses**"
        rows.append([name, f"{ranged:.1f}", f"{mapped:.1f}", f"{over:+.1f}", judged])
    return rows


def track_reflectance() -> list[list[str]]:
    """M2's ground track in Kaguya's groups of albedo: a row a group that it crosses, and the mean, against the mission's."""
    groups = np.fromfile(SHARED / "photometry" / "SP_albedo_group_05x05.dat", "<i2").reshape(360, 720)
    mission = load("resilience")
    site, used = mission.site, mission.site.reflectance_1064nm
    south = site.latitude_deg - math.degrees(mission.start.perilune_downrange_m / RADIUS)
    rows = ((np.arange(south, site.latitude_deg, 0.1) + 90.0) / 0.5).astype(int)  # the approach is northward
    met = groups[rows, int((site.longitude_deg % 360.0) / 0.5)]
    found, mean = [], 0.0
    for name, group in GROUPS.items():
        share, value = float(np.mean(met == group.code)), normal_albedo(group)
        error = value * group.surge_error / (1.0 + group.surge)
        mean += share * value
        if share > 0.0:
            found.append([name, f"{100 * share:.0f} %", f"{value:.3f} ± {error:.3f}", f"{10 * math.log10(value / used):+.2f}"])
    at_site = next(group for group in GROUPS.values() if group.code == met[-1])
    here = normal_albedo(at_site)
    found.append(["mean of the track", "100 %", f"{mean:.3f}", f"{10 * math.log10(mean / used):+.2f}"])
    found.append(["at the site", "", f"{here:.3f}", f"{10 * math.log10(here / used):+.2f}"])
    return found


def study() -> Section:
    """All of it, or a sentence where the reference data is absent."""
    title = "The Moon as it is"
    if not SHARED.is_dir():
        return Section(title, words=["Not measured here: the reference data (orbit, field, kernels) is absent."])
    by_degree = {degree: misses(kernels(), degree) for degree in DEGREES}
    gaps = [orientation_gap(days) for days in np.linspace(7300, 11000, 50)]
    return Section(
        title,
        words=[
            "The arc is the Lunar Reconnaissance Orbiter's on 1 January 2022, 79 to 108 km high, from JPL Horizons, flown in "
            "one-second Runge-Kutta steps with the field GRGM660PRIM, the Earth and the Sun, from its first row. The field's "
            "coefficients are those of principal axes; the orientation is DE421's. Accelerations against pyshtools to 1e-12 "
            "and orientation against SPICE to 1e-9 rad are in tests/cross.",
            "Landings look the field up in a table along their track; its price does not hang on the degree. The second table "
            "says what that table gets wrong, the third what the degrees above the shipped 8 do to 256 landings with a working "
            "range finder, when flight software knows them and when it does not.",
            "Reflectance at zero phase follows from Kaguya's photometry by an extrapolation from 5° of phase; ± is the fit's own "
            "error of the opposition surge. Of the 21.53 dB that the flown range finder lacked, the ground's darkness "
            "can account for no more than the last column.",
            f"The IAU series' orientation differs from DE421's by {np.mean(gaps):.1e} rad in the mean and {np.max(gaps):.1e} "
            f"at most from 2020 to 2030: {RADIUS * np.max(gaps):.0f} m of ground.",
        ],
        claims=[
            Claim(
                "real LRO orbit, degree 60, Earth and Sun, after 30 min, m",
                f"{by_degree[60][1]:.2f}",
                "≤ 5",
                "JPL Horizons",
                by_degree[60][1] <= 5.0,
            ),
            Claim("the same with degree 2 alone, m", f"{by_degree[2][1]:.0f}", "printed", "JPL Horizons"),
            Claim(
                "the same, degree 60, with the IAU series' orientation, Sun and Earth, m",
                f"{misses(AnalyticSky(), 60)[1]:.2f}",
                "printed",
                "JPL Horizons",
            ),
        ],
        tables=[
            (["degree", *(f"m after {minute} min" for minute in MINUTES)],
             [[str(degree), *(f"{x:.2f}" for x in found)] for degree, found in by_degree.items()]),
            (["degree tabulated", "s to make", "it holds, milligal rms", "error, rms", "error, largest"],
             [table_row(degree) for degree in (8, 60, 150)]),
            (["true degree", "degree on board", "within requirements", "miss, m", "speed across at touchdown, m/s",
              "propellant left, kg"],
             [landing_row(*pair) for pair in ((8, 7), (60, 7), (60, 40), (150, 100))]),
            (["reflector", "over the sphere by laser ranging, m", "LDEM_16 there, m", "ground less reflector, m", "within 15 m"],
             reflector_rows()),
            (["albedo group under M2's track", "share", "normal albedo, 1064 nm", f"dB against the mission's {USED:g}"],
             track_reflectance()),
            (["over the horizon, degrees", "published or derived", "kernels", "series", ""], elevations()),
        ],
    )  # fmt: skip
