"""What a map says of a landing site: relief, slope, roughness, light, and how much of it a lander could stand on."""

import math
from dataclasses import dataclass
from datetime import datetime

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.frames import direction_to, latitude_longitude, local_axes
from perilune.foundation.grid import HeightMap
from perilune.foundation.moon import RADIUS
from perilune.foundation.time_scales import tdb_seconds
from perilune.simulation.sky import Source
from perilune.world.environment.light import elevation_of, horizon, look_out, share_over

POINTS = 161  # a side of the square that is drawn


@dataclass(frozen=True)
class Light:
    """Where Sun and Earth stand at the site's centre, degrees, and what reaches the ground."""

    moment: datetime
    sun_elevation_deg: float
    sun_azimuth_deg: float
    earth_elevation_deg: float
    earth_azimuth_deg: float
    horizon_deg: float  # towards the Sun, at the centre
    centre_share: float  # of the Sun's disc that the centre sees
    share: np.ndarray  # (points, points), the same everywhere
    reach_m: float  # how far the horizon was looked for


@dataclass(frozen=True)
class Site:
    """A square of ground, rows from south to north, columns from west to east."""

    latitude_deg: float
    longitude_deg: float
    posts_m: float  # between the map's posts
    axis_m: np.ndarray  # (points,), from the centre
    height_m: np.ndarray  # (points, points), over the 1,737.4 km sphere
    slope_deg: np.ndarray  # of the map's own cells
    lags_m: np.ndarray
    deviation_m: np.ndarray  # rms difference of heights a lag apart
    light: Light | None

    def at_centre(self, values: np.ndarray) -> float:
        """The middle one of a square of values."""
        return float(values[len(values) // 2, len(values) // 2])

    def is_level(self, slope_limit_deg: float) -> np.ndarray:
        """Where the map's slope is within a limit."""
        return self.slope_deg <= slope_limit_deg

    def hurst(self) -> float:
        """Exponent H of the deviation's growth with the lag, ν(L) ∝ L^H (Shepard et al. 2001, J. Geophys. Res. 106(E12))."""
        return float(np.polyfit(np.log(self.lags_m), np.log(np.maximum(self.deviation_m, 1e-9)), 1)[0])


def square(latitude_deg: float, longitude_deg: float, axis_m: np.ndarray) -> jnp.ndarray:
    """(points², 3) unit vectors in M of a square grid about a place, by distance and bearing from it."""
    centre = direction_to(*(jnp.asarray(math.radians(x)) for x in (latitude_deg, longitude_deg)))
    east, north, up = (np.asarray(axis) for axis in local_axes(centre))
    x, y = np.meshgrid(axis_m, axis_m)
    distance = np.hypot(x, y)
    arc, least = distance / RADIUS, np.maximum(distance, 1e-9)
    on = (x / least)[..., None] * east + (y / least)[..., None] * north
    return jnp.asarray((np.cos(arc)[..., None] * up + np.sin(arc)[..., None] * on).reshape(-1, 3))


def deviogram(heights: np.ndarray, axis_m: np.ndarray, posts_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Lags (m), from a post to a quarter of the square, and the rms difference of heights a lag apart, east and north (m)."""
    step = axis_m[1] - axis_m[0]
    first, last = max(math.ceil(posts_m / step), 1), len(axis_m) // 4
    counts = np.unique(np.round(np.geomspace(first, max(last, first + 1), 12)).astype(int))
    found = []
    for k in counts:
        east, north = heights[:, k:] - heights[:, :-k], heights[k:] - heights[:-k]
        found.append(math.sqrt((np.mean(east**2) + np.mean(north**2)) / 2.0))
    return counts * step, np.asarray(found)


def bearing(place_M: np.ndarray, body_M: np.ndarray) -> float:
    """Azimuth of a body at a place, degrees from north over east."""
    east, north, _ = (np.asarray(axis) for axis in local_axes(jnp.asarray(place_M)))
    return math.degrees(math.atan2(body_M @ east, body_M @ north)) % 360.0


def light_on(ground: HeightMap, places: jnp.ndarray, source: Source, moment: datetime, reach_m: float) -> Light:
    """Sun, Earth and shadow over a square at a moment."""
    tdb = tdb_seconds(moment)
    turn = source.orientation(tdb)
    sun_M, earth_M = turn @ source.sun(tdb), turn @ source.earth(tdb)
    distances = jnp.asarray(look_out(RADIUS * float(ground.spacing), reach_m))
    body = jnp.asarray(sun_M)

    def one(place_M):
        up = elevation_of(place_M, ground.height_at(place_M), body)
        raised = horizon(ground, place_M, body / jnp.linalg.norm(body), 0.0, distances)
        return jnp.stack([up, raised, share_over(up, raised)])

    found = np.asarray(jax.jit(lambda all_of: jax.lax.map(one, all_of, batch_size=512))(places))
    middle = len(places) // 2
    centre = np.asarray(places[middle])
    earth_up = elevation_of(places[middle], ground.height_at(places[middle]), jnp.asarray(earth_M))
    return Light(
        moment=moment,
        sun_elevation_deg=math.degrees(found[middle, 0]),
        sun_azimuth_deg=bearing(centre, sun_M),
        earth_elevation_deg=math.degrees(float(earth_up)),
        earth_azimuth_deg=bearing(centre, earth_M),
        horizon_deg=math.degrees(found[middle, 1]),
        centre_share=float(found[middle, 2]),
        share=found[:, 2].reshape(POINTS, POINTS),
        reach_m=reach_m,
    )


def survey(
    ground: HeightMap,
    place_deg: tuple[float, float],
    size_m: float,
    source: Source,
    moment: datetime | None,
    reach_m: float,
) -> Site:
    """A square of `size_m` a side about a place (latitude, longitude), and the light on it at a moment."""
    axis = np.linspace(-0.5 * size_m, 0.5 * size_m, POINTS)
    places = square(*place_deg, axis)

    def one(place_M):
        height, east, north = ground.height_and_slope(*latitude_longitude(place_M))
        return jnp.stack([height, jnp.arctan(jnp.sqrt(east * east + north * north))])

    found = np.asarray(jax.jit(jax.vmap(one))(places)).reshape(POINTS, POINTS, 2)
    posts_m = RADIUS * float(ground.spacing)
    lags, deviation = deviogram(found[..., 0], axis, posts_m)
    return Site(
        latitude_deg=place_deg[0],
        longitude_deg=place_deg[1],
        posts_m=posts_m,
        axis_m=axis,
        height_m=found[..., 0],
        slope_deg=np.degrees(found[..., 1]),
        lags_m=lags,
        deviation_m=deviation,
        light=light_on(ground, places, source, moment, reach_m) if moment else None,
    )
