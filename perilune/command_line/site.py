"""`perilune site`: read a map about a place, survey it, tell it and draw it."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from perilune.assessment.site import Lander, Site, light_on, survey
from perilune.foundation.errors import UserError
from perilune.foundation.frames import direction_to, local_axes
from perilune.foundation.moon import RADIUS
from perilune.report.site_figure import distance, draw_site
from perilune.report.style import save
from perilune.simulation.analytic_sky import AnalyticSky
from perilune.simulation.build_terrain import Extent, finest_posts
from perilune.simulation.ground_kinds import KINDS
from perilune.simulation.mission import Detail
from perilune.simulation.raster import Raster, opened
from perilune.simulation.terrain_cache import build_terrain_once

REACHES_M = (200e3, 100e3, 50e3, 25e3, 10e3, 0.0)  # 10 km of relief stands over the horizon of level ground up to 190 km off
HIGHEST_LATITUDE_DEG = 89.99
NO_DETAIL = "none"
GROUND_TO_M = 262e3  # from the centre to the border of the outermost grid
SITE_CELLS = (512, 512)  # of the outermost grid, 524 km a side: the horizon on every hand


def moment_of(text: str | None) -> datetime | None:
    """A moment with its time zone, from text. Raises UserError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--at {text}: write a moment as 2025-06-05T19:17:00Z.") from None
    if moment.tzinfo is None:
        raise UserError(f"--at {text}: a moment needs its time zone: write {text}Z for UTC.")
    return moment.astimezone(UTC)


def ground_about(rasters: list[Raster], place_deg: tuple[float, float], size_m: float, detail: Detail | None):
    """The ground about a place, and how far (m) from it the maps reach for the horizon. Raises UserError."""
    latitude, longitude = (jnp.asarray(math.radians(x)) for x in place_deg)
    east, north, up = (np.asarray(axis) for axis in local_axes(direction_to(latitude, longitude)))
    half = 0.5 * math.sqrt(2.0) * size_m
    reach = next((reach for reach in REACHES_M if reaches(rasters, (east, north, up), half + reach)), 0.0)
    extent = Extent(np.stack([up, north, np.cross(up, north)]), (-0.5 * size_m, 0.5 * size_m), 0.5 * size_m, SITE_CELLS)
    return build_terrain_once(rasters, extent, detail), reach


def reaches(rasters: list[Raster], axes, distance_m: float) -> bool:
    """Whether some map holds a ring of places at a distance from a site (axes east, north, up in M)."""
    turn, arc = np.linspace(0.0, 2.0 * math.pi, 32, endpoint=False), distance_m / RADIUS
    side = np.cos(turn)[:, None] * axes[1] + np.sin(turn)[:, None] * axes[0]
    ring = math.cos(arc) * axes[2] + math.sin(arc) * side
    latitude, longitude = np.arcsin(np.clip(ring[:, 2], -1.0, 1.0)), np.arctan2(ring[:, 1], ring[:, 0])
    return any(raster.covers(latitude, longitude) for raster in rasters)


class Question(NamedTuple):
    """What is asked of a site."""

    latitude_deg: float
    longitude_deg: float
    map_names: tuple[str, ...] = ("package:mare-frigoris",)
    moment: datetime | None = None
    size_km: float = 40.0
    lander: Lander = Lander()
    kind: str = "mare"  # of the ground below the maps, or "none"
    seed: int = 0


def survey_site(asked: Question) -> Site:
    """Survey a square of ground. Raises UserError for places and sizes that make no sense."""
    place_deg, size_m = (asked.latitude_deg, asked.longitude_deg), 1e3 * asked.size_km
    if not abs(asked.latitude_deg) <= HIGHEST_LATITUDE_DEG:  # so that NaN is refused as well
        raise UserError(f"Latitude {asked.latitude_deg:g}°: give −{HIGHEST_LATITUDE_DEG} to {HIGHEST_LATITUDE_DEG}°; at the pole "
                        "itself no direction is east.")  # fmt: skip
    if not -180.0 <= asked.longitude_deg <= 360.0:
        raise UserError(f"Longitude {asked.longitude_deg:g}°: give degrees east, −180 to 180 or 0 to 360.")
    if not 0.05 <= asked.size_km <= 300.0:
        raise UserError(f"--size-km {asked.size_km:g}: give 0.05 to 300 km.")
    if asked.kind not in (*KINDS, NO_DETAIL):
        raise UserError(f"--ground {asked.kind}: there are {', '.join(KINDS)}, or {NO_DETAIL} for the map alone.")
    detail = None if asked.kind == NO_DETAIL else KINDS[asked.kind].model_copy(update={"seed": asked.seed})
    rasters = opened(asked.map_names)
    ground, reach = ground_about(rasters, place_deg, size_m, detail)
    posts_m = finest_posts(rasters, np.asarray(ground.axes_M[0]))
    light = None
    if asked.moment is not None:
        light = light_on(
            ground, place_deg, size_m, AnalyticSky(), asked.moment, min(reach + 0.5 * size_m, GROUND_TO_M - 0.75 * size_m)
        )
    return survey(ground, place_deg, size_m, posts_m, asked.lander, detail, light)


def figures_of(site: Site) -> dict[str, Any]:
    """What is told of a site, with units in the names."""
    light = site.light
    found: dict[str, Any] = {
        "latitude_deg": site.latitude_deg,
        "longitude_deg": site.longitude_deg,
        "map_posts_m": site.posts_m,
        "ground_posts_m": site.finest_m,
        "height_above_sphere_m": site.at_centre(site.height_m),
        "relief_m": float(np.ptp(site.height_m)),
        "slope_deg": site.at_centre(site.slope_deg),
        "slope_median_deg": float(np.median(site.near_slope_deg)),
        "slope_95_percent_deg": float(np.percentile(site.near_slope_deg, 95)),
        "slopes_within_m": site.near_m,
        "hurst_exponent": site.hurst(),
        "rms_difference_at_shortest_lag_m": float(site.deviation_m[0]),
        "shortest_lag_m": float(site.lags_m[0]),
        "slope_limit_deg": site.lander.slope_limit_deg,
        "share_within_slope_limit": site.level_share(),
    }
    if site.rocks is not None:
        found |= {
            "rock_limit_m": site.lander.rock_limit_m,
            "share_free_of_rocks": site.rock_free_share,
            "rocks_in_yard": len(site.rocks.diameter),
            "share_safe": site.safe_share(),
        }
    if light is not None:
        found |= {
            "moment_utc": f"{light.moment:%Y-%m-%dT%H:%M:%SZ}",
            "sun_elevation_deg": light.sun_elevation_deg,
            "sun_azimuth_deg": light.sun_azimuth_deg,
            "earth_elevation_deg": light.earth_elevation_deg,
            "earth_azimuth_deg": light.earth_azimuth_deg,
            "horizon_towards_sun_deg": light.horizon_deg,
            "sun_disc_over_horizon_share": light.centre_share,
            "share_of_square_in_sunlight": float(np.mean(light.share > 0.5)),
            "horizon_looked_for_to_m": light.reach_m,
        }
    return found


def tell(site: Site, figures: dict[str, Any], picture: Path, out: Console) -> None:
    """The survey in words and numbers."""
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = [
        ("height above the 1,737.4 km sphere", f"{figures['height_above_sphere_m']:,.0f} m"),
        ("relief inside the square", f"{figures['relief_m']:,.0f} m"),
        (f"slope between feet {distance(2.0 * site.lander.foot_radius_m)} apart ({distance(site.near_m)} about): median, 95 %",
         " · ".join(f"{figures[key]:.1f}°" for key in ("slope_median_deg", "slope_95_percent_deg"))),
        (f"roughness: rms height difference at {distance(figures['shortest_lag_m'])}; Hurst exponent",
         f"{figures['rms_difference_at_shortest_lag_m']:.1f} m; {figures['hurst_exponent']:.2f}"),
        (f"of that ground within {figures['slope_limit_deg']:g}°", f"{100 * figures['share_within_slope_limit']:.1f} %"),
    ]  # fmt: skip
    if site.rocks is not None:
        rows += [
            (f"no rock higher than {figures['rock_limit_m']:g} m between the feet",
             f"{100 * figures['share_free_of_rocks']:.1f} % of the ground"),
            ("level enough and free of rocks", f"{100 * figures['share_safe']:.1f} % of the ground there"),
        ]  # fmt: skip
    if site.light is not None:
        rows += [
            ("Sun: elevation, azimuth", f"{figures['sun_elevation_deg']:.2f}°, {figures['sun_azimuth_deg']:.1f}°"),
            ("Earth: elevation, azimuth", f"{figures['earth_elevation_deg']:.2f}°, {figures['earth_azimuth_deg']:.1f}°"),
            (f"horizon towards the Sun, out to {distance(figures['horizon_looked_for_to_m'])}",
             f"{figures['horizon_towards_sun_deg']:.2f}°: {100 * figures['sun_disc_over_horizon_share']:.0f} % of its disc seen"),
            ("in sunlight", f"{100 * figures['share_of_square_in_sunlight']:.1f} % of the square"),
        ]  # fmt: skip
    for name, value in rows:
        table.add_row(name, value)
    out.print(table)
    below = (
        "nothing: what lies between them is left out"
        if site.rocks is None
        else "craters, roughness and rocks by their statistics"
    )
    out.print(f"Below the map's posts, {distance(site.posts_m)} apart: {below}. Figure: {picture}", markup=False)


def draw(site: Site, name: str, target: Path) -> Path:
    """Write the figure; its ending says which kind. Raises UserError."""
    kind = target.suffix.lstrip(".").lower()
    if kind not in ("png", "svg"):
        raise UserError(f"--out {target}: a figure's name ends in .png or .svg.")
    return save(draw_site(site, Path(name).name), target.parent, target.stem, (kind,))[0]
