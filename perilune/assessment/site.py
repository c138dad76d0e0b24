"""What a map says of a landing site: relief, slope, roughness, light, and how much of it a lander could stand on."""

import math
from dataclasses import dataclass
from datetime import datetime

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.frames import direction_to, local_axes
from perilune.foundation.moon import RADIUS
from perilune.foundation.time_scales import tdb_seconds
from perilune.simulation.mission import Detail
from perilune.simulation.sky import Source
from perilune.world.environment.light import elevation_of, horizon, look_out, share_over
from perilune.world.environment.rocks import Rocks, chance_of_none, rocks_about
from perilune.world.environment.terrain import Terrain

POINTS = 161  # a side of the square that is drawn
NEAR_M = 900.0  # side of the square about the centre in which the ground has posts a metre apart
YARD_M = 100.0  # a side of the square about the centre in which single rocks are shown
LEAST_ROCK_M = 0.25  # diameter
LARGEST_ROCK_M = 20.0


@dataclass(frozen=True)
class Lander:
    """What a lander can stand on."""

    slope_limit_deg: float = 10.0
    rock_limit_m: float = 0.3  # height of a rock that its underside clears
    foot_radius_m: float = 1.5  # of the circle through its footpads


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
    posts_m: float  # between the finest map's posts
    finest_m: float  # between the ground's own posts at the centre
    axis_m: np.ndarray  # (points,), from the centre
    height_m: np.ndarray  # (points, points), over the 1,737.4 km sphere
    slope_deg: np.ndarray  # between the lander's feet, where the ground's posts are fine enough to have it
    near_m: float  # side of the square about the centre in which they are
    near_slope_deg: np.ndarray  # (points, points), in that square
    lags_m: np.ndarray
    deviation_m: np.ndarray  # rms difference of heights a lag apart
    light: Light | None
    lander: Lander
    rocks: Rocks | None  # in the yard about the centre; None without statistics of them
    rock_free_share: float  # of the ground, where no rock too high stands between the feet

    def at_centre(self, values: np.ndarray) -> float:
        """The middle one of a square of values."""
        return float(values[len(values) // 2, len(values) // 2])

    def is_level(self) -> np.ndarray:
        """Where the slope of the square is within the lander's limit; away from the centre, that of posts farther apart."""
        return self.slope_deg <= self.lander.slope_limit_deg

    def level_share(self) -> float:
        """Share of the ground near the centre whose slope between the feet is within the lander's limit."""
        return float(np.mean(self.near_slope_deg <= self.lander.slope_limit_deg))

    def rocks_m(self) -> np.ndarray:
        """(n, 3): how far east and north of the centre (m) each rock in the yard lies, and its diameter (m)."""
        assert self.rocks is not None
        place = direction_to(*(jnp.asarray(math.radians(x)) for x in (self.latitude_deg, self.longitude_deg)))
        east, north, _ = (np.asarray(axis) for axis in local_axes(place))
        way = RADIUS * self.rocks.place_M
        return np.stack([way @ east, way @ north, self.rocks.diameter], axis=1)

    def safe_share(self) -> float:
        """Share of the ground near the centre that is level enough and free of rocks too high, the two taken as independent."""
        return self.level_share() * self.rock_free_share

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


def light_on(
    ground: Terrain, place_deg: tuple[float, float], size_m: float, source: Source, moment: datetime, reach_m: float
) -> Light:
    """Sun, Earth and shadow over a square of `size_m` a side at a moment; the horizon is looked for to `reach_m`."""
    places = square(*place_deg, np.linspace(-0.5 * size_m, 0.5 * size_m, POINTS))
    tdb = tdb_seconds(moment)
    turn = source.orientation(tdb)
    sun_M, earth_M = turn @ source.sun(tdb), turn @ source.earth(tdb)
    distances = jnp.asarray(look_out(float(ground.spacing[0]), reach_m))
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
    ground: Terrain,
    place_deg: tuple[float, float],
    size_m: float,
    posts_m: float,
    lander: Lander,
    detail: Detail | None,
    light: Light | None,
) -> Site:
    """A square of `size_m` a side about a place (latitude, longitude); `posts_m`: between the finest map's posts."""
    axis = np.linspace(-0.5 * size_m, 0.5 * size_m, POINTS)
    places = square(*place_deg, axis)
    reach = lander.foot_radius_m / RADIUS

    def one(place_M):
        east, north, _ = local_axes(place_M)
        on = [ground.height_at(place_M + way * reach * side) for side in (east, north) for way in (1.0, -1.0)]
        by_east, by_north = (on[0] - on[1]) / (2.0 * lander.foot_radius_m), (on[2] - on[3]) / (2.0 * lander.foot_radius_m)
        return jnp.stack([ground.height_at(place_M), jnp.arctan(jnp.sqrt(by_east**2 + by_north**2))])

    look = jax.jit(jax.vmap(one))
    found = np.asarray(look(places)).reshape(POINTS, POINTS, 2)
    near_m = min(size_m, NEAR_M)
    near = np.asarray(look(square(*place_deg, axis * near_m / size_m))).reshape(POINTS, POINTS, 2)
    finest_m = float(ground.spacing[0])
    lags, deviation = deviogram(found[..., 0], axis, finest_m if detail else posts_m)
    centre = np.asarray(places[len(places) // 2])
    rocks, free = None, 1.0
    if detail is not None:
        law = (detail.rocks_over_1m_per_m2, detail.rock_exponent)
        rocks = rocks_about(centre, 0.75 * YARD_M, (LEAST_ROCK_M, LARGEST_ROCK_M), *law, detail.seed)
        free = chance_of_none(lander.rock_limit_m, lander.foot_radius_m, *law)
    return Site(
        latitude_deg=place_deg[0],
        longitude_deg=place_deg[1],
        posts_m=posts_m,
        finest_m=finest_m,
        axis_m=axis,
        height_m=found[..., 0],
        slope_deg=np.degrees(found[..., 1]),
        near_m=near_m,
        near_slope_deg=np.degrees(near[..., 1]),
        lags_m=lags,
        deviation_m=deviation,
        light=light,
        lander=lander,
        rocks=rocks,
        rock_free_share=free,
    )
