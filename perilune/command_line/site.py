"""`perilune site`: read a map about a place, survey it, tell it and draw it."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from perilune.assessment.site import Site, survey
from perilune.foundation.errors import UserError
from perilune.foundation.grid import HeightMap
from perilune.foundation.moon import RADIUS
from perilune.report.site_figure import distance, draw_site
from perilune.report.style import save
from perilune.simulation.analytic_sky import AnalyticSky
from perilune.simulation.maps import read_map

REACHES_M = (200e3, 100e3, 50e3, 25e3, 10e3, 0.0)  # 10 km of relief stands over the horizon of level ground up to 190 km off
HIGHEST_LATITUDE_DEG = 88.0  # a latitude-longitude grid runs out of columns beyond


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


def ground_about(name: str, place_deg: tuple[float, float], size_m: float) -> tuple[HeightMap, float]:
    """The map about a place, and how far (m) beyond the square it reaches for the horizon. Raises UserError."""
    latitude, longitude = place_deg
    problem: UserError | None = None
    for reach in REACHES_M:
        half = math.degrees((0.5 * math.sqrt(2.0) * size_m + reach) / RADIUS)
        south, north = latitude - half, latitude + half
        if max(abs(south), abs(north)) > HIGHEST_LATITUDE_DEG + 1.5:
            continue
        wide = half / math.cos(math.radians(min(max(abs(south), abs(north)), 89.5)))
        try:
            return read_map(name, south, north, longitude - wide, longitude + wide), reach
        except UserError as found:
            problem = found
    raise problem or UserError(f"Latitude {latitude:g}° is too near the pole for a square of {size_m / 1e3:g} km on this map.")


def survey_site(latitude_deg: float, longitude_deg: float, map_name: str, moment: datetime | None, size_km: float) -> Site:
    """Survey a square of ground. Raises UserError for places and sizes that make no sense."""
    if not abs(latitude_deg) <= HIGHEST_LATITUDE_DEG:  # so that NaN is refused as well
        raise UserError(
            f"Latitude {latitude_deg:g}° is beyond ±{HIGHEST_LATITUDE_DEG:g}°: latitude-longitude maps end in a point there."
        )
    if not -180.0 <= longitude_deg <= 360.0:
        raise UserError(f"Longitude {longitude_deg:g}°: give degrees east, −180 to 180 or 0 to 360.")
    if not 0.05 <= size_km <= 300.0:
        raise UserError(f"--size-km {size_km:g}: give 0.05 to 300 km.")
    ground, reach = ground_about(map_name, (latitude_deg, longitude_deg), 1e3 * size_km)
    return survey(ground, (latitude_deg, longitude_deg), 1e3 * size_km, AnalyticSky(), moment, reach + 500.0 * size_km)


def figures_of(site: Site, slope_limit_deg: float) -> dict[str, Any]:
    """What is told of a site, with units in the names."""
    light = site.light
    found: dict[str, Any] = {
        "latitude_deg": site.latitude_deg,
        "longitude_deg": site.longitude_deg,
        "map_posts_m": site.posts_m,
        "height_above_sphere_m": site.at_centre(site.height_m),
        "relief_m": float(np.ptp(site.height_m)),
        "slope_deg": site.at_centre(site.slope_deg),
        "slope_median_deg": float(np.median(site.slope_deg)),
        "slope_95_percent_deg": float(np.percentile(site.slope_deg, 95)),
        "hurst_exponent": site.hurst(),
        "rms_difference_at_shortest_lag_m": float(site.deviation_m[0]),
        "shortest_lag_m": float(site.lags_m[0]),
        "slope_limit_deg": slope_limit_deg,
        "share_within_slope_limit": float(np.mean(site.is_level(slope_limit_deg))),
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
        (f"slope over {distance(site.posts_m)} posts: here, median, 95 %",
         " · ".join(f"{figures[key]:.1f}°" for key in ("slope_deg", "slope_median_deg", "slope_95_percent_deg"))),
        (f"roughness: rms height difference at {distance(figures['shortest_lag_m'])}; Hurst exponent",
         f"{figures['rms_difference_at_shortest_lag_m']:.1f} m; {figures['hurst_exponent']:.2f}"),
        (f"slope within {figures['slope_limit_deg']:g}°", f"{100 * figures['share_within_slope_limit']:.1f} % of the square"),
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
    out.print(f"The map says nothing of what lies between its posts, {distance(site.posts_m)} apart. Figure: {picture}",
              markup=False)  # fmt: skip


def draw(site: Site, name: str, slope_limit_deg: float, target: Path) -> Path:
    """Write the figure; its ending says which kind. Raises UserError."""
    kind = target.suffix.lstrip(".").lower()
    if kind not in ("png", "svg"):
        raise UserError(f"--out {target}: a figure's name ends in .png or .svg.")
    return save(draw_site(site, Path(name).name, slope_limit_deg), target.parent, target.stem, (kind,))[0]
