"""The figure of a landing site."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from perilune.assessment.site import LEAST_ROCK_M, YARD_M, Site
from perilune.world.environment.rocks import HEIGHT

from .style import BAD, GOOD, GROUND, new_figure

MARK = "#e07a1f"
HILL_AZIMUTH_DEG, HILL_ELEVATION_DEG = 315.0, 35.0  # the map-maker's lamp, where no moment is given


def hillshade(site: Site) -> np.ndarray:
    """Lambert's cosine of the relief under the Sun of the moment, or under a map-maker's lamp; 0…1."""
    if site.light is None:
        azimuth, elevation = np.radians(HILL_AZIMUTH_DEG), np.radians(HILL_ELEVATION_DEG)
    else:
        azimuth = np.radians(site.light.sun_azimuth_deg)
        elevation = np.radians(max(site.light.sun_elevation_deg, 3.0))
    step = site.axis_m[1] - site.axis_m[0]
    north, east = np.gradient(site.height_m, step)
    lamp = np.array([np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
    cosine = (lamp[2] - east * lamp[0] - north * lamp[1]) / np.sqrt(1.0 + east**2 + north**2)
    dark, bright = np.percentile(cosine, (1.0, 99.0))  # stretched: level ground would be one grey
    return np.clip((cosine - dark) / max(bright - dark, 1e-9), 0.0, 1.0)


def draw_site(site: Site, name: str) -> Figure:
    """Relief, slope, light; roughness, rocks in the yard about the centre, and where a lander could stand."""
    figure = new_figure(14.0, 9.0, left=0.05, right=0.97, top=0.91, bottom=0.06, wspace=0.26, hspace=0.2)
    figure.suptitle(f"{site.latitude_deg:.3f}°, {site.longitude_deg:.3f}° E · {name} · {words_of_light(site)}",
                    x=0.01, ha="left", fontsize=10)  # fmt: skip
    (relief, slope, light), (rough, yard, safe) = figure.subplots(2, 3)
    km = site.axis_m / 1e3
    box = (km[0], km[-1], km[0], km[-1])
    relief.imshow(hillshade(site), extent=box, origin="lower", cmap="gray", vmin=0.0, vmax=1.0)
    lines = relief.contour(km, km, site.height_m, levels=10, cmap="copper", linewidths=0.8)
    relief.clabel(lines, fontsize=6, fmt="%.0f")
    relief.set_title("relief, m over the 1,737.4 km sphere")
    steepest = max(float(np.percentile(site.slope_deg, 99.5)), 1.0)
    shown = slope.imshow(site.slope_deg, extent=box, origin="lower", cmap="viridis", vmin=0.0, vmax=steepest)
    figure.colorbar(shown, ax=slope, shrink=0.85, pad=0.02)
    slope.set_title("slope, degrees, as fine as the ground's posts are there")
    draw_light(light, figure, site, box)
    rough.loglog(site.lags_m, np.maximum(site.deviation_m, 1e-6), "o-", color="#1b4965")
    rough.axvline(site.posts_m, color=MARK, linewidth=1.0)
    rough.text(site.posts_m, rough.get_ylim()[0], " posts of the map", color=MARK, fontsize=7, rotation=90, va="bottom")
    rough.set_title(f"roughness: rms height difference, m; H = {site.hurst():.2f}")
    rough.set_xlabel("lag, m")
    draw_yard(yard, site)
    level, lander = site.is_level(), site.lander
    safe.imshow(level, extent=box, origin="lower", cmap=ListedColormap([BAD, GOOD]), vmin=0, vmax=1, alpha=0.8)
    words = f"near the centre {100.0 * site.level_share():.1f} % within {lander.slope_limit_deg:g}°"
    if site.rocks is not None:
        words += f", {100.0 * site.safe_share():.1f} % and no rock"
    safe.set_title(words, fontsize=9)
    for axes in (relief, slope, safe, *((light,) if site.light is not None else ())):
        axes.plot(0.0, 0.0, "+", color="white" if axes is slope else MARK, markersize=10)
        axes.set_xlabel("east, km")
        axes.set_ylabel("north, km")
        axes.grid(visible=False)
    return figure


def draw_light(axes: Axes, figure: Figure, site: Site, box: tuple[float, float, float, float]) -> None:
    """The share of the Sun's disc over the horizon, and where the Sun stands."""
    if site.light is None:
        axes.set_axis_off()
        axes.text(0.0, 0.95, "light and shadow: ask for a moment with --at", transform=axes.transAxes, va="top")
        return
    shown = axes.imshow(site.light.share, extent=box, origin="lower", cmap="inferno", vmin=0.0, vmax=1.0)
    figure.colorbar(shown, ax=axes, shrink=0.85, pad=0.02)
    axes.set_title("share of the Sun's disc over the horizon")
    angle = np.radians(site.light.sun_azimuth_deg)
    middle, length = (0.88, 0.88), 0.08
    axes.annotate("", xy=(middle[0] + length * np.sin(angle), middle[1] + length * np.cos(angle)), xytext=middle,
                  xycoords="axes fraction", arrowprops={"arrowstyle": "->", "color": MARK})  # fmt: skip
    axes.text(0.86, 0.97, "Sun", transform=axes.transAxes, color=MARK, fontsize=7, ha="right", va="top")


def draw_yard(axes: Axes, site: Site) -> None:
    """Rocks about the centre, as large as they are, and the circle of the lander's feet."""
    if site.rocks is None:
        axes.set_axis_off()
        axes.text(0.0, 0.95, "rocks: the map says nothing of them", transform=axes.transAxes, va="top")
        return
    half = 0.5 * YARD_M
    axes.set_aspect("equal")
    axes.set_xlim(-half, half)
    axes.set_ylim(-half, half)
    for east, north, diameter in site.rocks_m():
        is_high = HEIGHT * diameter > site.lander.rock_limit_m
        axes.add_patch(Circle((east, north), 0.5 * diameter, color=BAD if is_high else GROUND))
    axes.add_patch(Circle((0.0, 0.0), site.lander.foot_radius_m, fill=False, color=MARK))
    axes.set_title(f"rocks over {LEAST_ROCK_M:g} m; red: higher than {site.lander.rock_limit_m:g} m; circle: the feet")
    axes.set_xlabel("east, m")
    axes.set_ylabel("north, m")
    axes.grid(visible=False)


def distance(metres: float) -> str:
    """Metres or kilometres, whichever reads better."""
    if metres < 1e3:
        return f"{metres:.3g} m"
    return f"{metres / 1e3:.1f} km" if metres < 1e4 else f"{metres / 1e3:.0f} km"


def words_of_light(site: Site) -> str:
    """The moment and the Sun, or that none was asked for."""
    if site.light is None:
        return "no moment given"
    return f"{site.light.moment:%Y-%m-%d %H:%M} UTC, Sun {site.light.sun_elevation_deg:.2f}° high"
