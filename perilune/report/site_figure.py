"""The figure of a landing site."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from perilune.assessment.site import Site

from .style import BAD, GOOD, new_figure

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


def draw_site(site: Site, name: str, slope_limit_deg: float) -> Figure:
    """Relief, slope, light (or the spectrum of relief where no moment is given), and where a lander could stand."""
    figure = new_figure(10.5, 9.2, left=0.07, right=0.97, top=0.91, bottom=0.06, wspace=0.22, hspace=0.2)
    figure.suptitle(f"{site.latitude_deg:.3f}°, {site.longitude_deg:.3f}° E · {name} · {words_of_light(site)}",
                    x=0.01, ha="left", fontsize=10)  # fmt: skip
    (relief, slope), (third, safe) = figure.subplots(2, 2)
    km = site.axis_m / 1e3
    box = (km[0], km[-1], km[0], km[-1])
    relief.imshow(hillshade(site), extent=box, origin="lower", cmap="gray", vmin=0.0, vmax=1.0)
    lines = relief.contour(km, km, site.height_m, levels=10, cmap="copper", linewidths=0.8)
    relief.clabel(lines, fontsize=6, fmt="%.0f")
    relief.set_title("relief, m over the 1,737.4 km sphere")
    shown = slope.imshow(site.slope_deg, extent=box, origin="lower", cmap="viridis")
    figure.colorbar(shown, ax=slope, shrink=0.85, pad=0.02)
    slope.set_title(f"slope, degrees over {distance(site.posts_m)} posts")
    if site.light is not None:
        shown = third.imshow(site.light.share, extent=box, origin="lower", cmap="inferno", vmin=0.0, vmax=1.0)
        figure.colorbar(shown, ax=third, shrink=0.85, pad=0.02)
        third.set_title("share of the Sun's disc over the horizon")
        angle = np.radians(site.light.sun_azimuth_deg)
        middle, length = (0.88, 0.88), 0.08
        third.annotate("", xy=(middle[0] + length * np.sin(angle), middle[1] + length * np.cos(angle)), xytext=middle,
                       xycoords="axes fraction", arrowprops={"arrowstyle": "->", "color": MARK})  # fmt: skip
        third.text(0.86, 0.97, "Sun", transform=third.transAxes, color=MARK, fontsize=7, ha="right", va="top")
    else:
        third.loglog(site.lags_m, site.deviation_m, "o-", color="#1b4965")
        third.set_title(f"roughness: rms height difference, H = {site.hurst():.2f}")
        third.set_xlabel("lag, m")
        third.set_ylabel("m")
    level = site.is_level(slope_limit_deg)
    safe.imshow(level, extent=box, origin="lower", cmap=ListedColormap([BAD, GOOD]), vmin=0, vmax=1, alpha=0.8)
    safe.set_title(f"slope within {slope_limit_deg:g}°: {100.0 * float(np.mean(level)):.1f} % of the square")
    for axes in (relief, slope, safe, *((third,) if site.light is not None else ())):
        axes.plot(0.0, 0.0, "+", color="white" if axes is slope else MARK, markersize=10)
        axes.set_xlabel("east, km")
        axes.set_ylabel("north, km")
        axes.grid(visible=False)
    return figure


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
