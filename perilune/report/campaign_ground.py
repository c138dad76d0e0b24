"""Where a campaign's runs met the ground, over a picture of it."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import matplotlib.figure
import numpy as np

from perilune.assessment.site import Lander, Site, survey
from perilune.foundation.errors import UserError
from perilune.foundation.frames import direction_to, local_axes
from perilune.foundation.moon import RADIUS
from perilune.simulation.mission import Mission
from perilune.simulation.scenario import true_ground

from .campaign_facts import Facts, weighted_quantiles
from .campaign_figures import COLOURS, OTHER
from .figures import OUTCOME_WORDS
from .page import number
from .site_figure import distance, hillshade
from .style import new_figure

LEAST_HALF_M, MOST_HALF_M = 500.0, 60e3  # half the window's side; in a wider one no ground is drawn
CROWD = 3000  # points from which they are painted, not drawn one by one
STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # by which the window grows


class Scatter(NamedTuple):
    """Touchdowns east and north of the site (m; NaN without), radii about it that hold 50 and 95 %, and half the window's
    side."""

    east_m: np.ndarray
    north_m: np.ndarray
    circles_m: tuple[float, float]
    half_m: float

    @property
    def outside(self) -> int:
        """How many touchdowns the window does not show."""
        return int(np.sum(np.fmax(np.abs(self.east_m), np.abs(self.north_m)) > self.half_m))

    @property
    def there(self) -> int:
        """How many runs met the ground."""
        return int(np.sum(np.isfinite(self.east_m)))


def scatter_of(facts: Facts) -> Scatter | None:
    """The touchdowns about the site; None where no run met the ground."""
    site = facts.head["mission"]["site"]
    latitude, longitude = (np.radians(facts.numbers(name)) for name in ("latitude_deg", "longitude_deg"))
    if not np.any(np.isfinite(latitude)):
        return None
    middle = direction_to(*(jnp.asarray(math.radians(site[name])) for name in ("latitude_deg", "longitude_deg")))
    east, north, up = (np.asarray(axis) for axis in local_axes(middle))
    place = np.stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1)
    across = np.stack([place @ east, place @ north])
    sine = np.hypot(*across)
    apart = RADIUS * np.arctan2(sine, place @ up)
    on = across / np.maximum(sine, 1e-15) * apart
    circles = weighted_quantiles(apart[:, None], facts.weights, (0.5, 0.95))[:, 0]
    wanted = max(1.08 * float(np.nanquantile(np.max(np.abs(on), axis=0), 0.98)), LEAST_HALF_M)
    power = 10.0 ** math.floor(math.log10(wanted))
    half = next(step * power for step in STEPS if step * power >= wanted - 1e-6)
    return Scatter(on[0], on[1], (float(circles[0]), float(circles[1])), half)


def ground_of(facts: Facts, half_m: float) -> Site | str:
    """The true ground about the site as it was flown over, or a sentence that says why it cannot be shown."""
    if half_m > MOST_HALF_M:
        return f"They lie farther apart than the ground is drawn for ({distance(2.0 * MOST_HALF_M)}): it is left out."
    try:
        mission = Mission.model_validate(facts.head["mission"])
        ground = true_ground(mission)
    except (UserError, OSError, ValueError) as problem:
        return f"The map of the ground is not shown: {str(problem).splitlines()[0]}"
    place_deg = (mission.site.latitude_deg, mission.site.longitude_deg)
    return survey(ground, place_deg, 2.0 * half_m, float(ground.spacing[0]), Lander(), None, None)


def ground_figure(facts: Facts, scatter: Scatter, ground: Site | str) -> matplotlib.figure.Figure:
    """Touchdowns by outcome over the relief, with the site and the circles of miss distance."""
    figure = new_figure(6.2, 5.5, left=0.125, right=0.98, top=0.985, bottom=0.09)
    axis = figure.subplots()
    unit, scale = ("km", 1e-3) if scatter.half_m >= 2e3 else ("m", 1.0)
    half = scale * scatter.half_m
    if isinstance(ground, Site):
        shade = 0.45 + 0.5 * hillshade(ground)  # light, so that points stand out
        axis.imshow(
            shade, extent=(-half, half, -half, half), origin="lower", cmap="gray", vmin=0.0, vmax=1.0, interpolation="bilinear"
        )
    axis.set_aspect("equal")
    is_crowd = scatter.there > CROWD
    counts = {name: int(np.sum(facts.outcome == name)) for name in dict.fromkeys(sorted(facts.outcome.tolist(), reverse=True))}
    for name in sorted(counts, key=lambda name: -counts[name]):
        chosen = (facts.outcome == name) & np.isfinite(scatter.east_m)
        if chosen.any():
            axis.scatter(
                scale * scatter.east_m[chosen],
                scale * scatter.north_m[chosen],
                s=4 if is_crowd else 13,
                alpha=0.85,
                color=COLOURS.get(name, OTHER),
                edgecolor="white",
                linewidth=0.0 if is_crowd else 0.3,
                rasterized=is_crowd,
                label=f"{OUTCOME_WORDS.get(name, name)} ({int(chosen.sum())})",
                zorder=3,
            )
    turn = np.linspace(0.0, 2.0 * np.pi, 181)
    for share, radius, line in zip(("50 %", "95 %"), scatter.circles_m, ("-", "--"), strict=True):
        if np.isfinite(radius):
            axis.plot(
                scale * radius * np.cos(turn),
                scale * radius * np.sin(turn),
                color="#111111",
                linewidth=1.1,
                linestyle=line,
                label=f"{share} within {number(scale * radius)} {unit}",
                zorder=4,
            )
    axis.plot(0.0, 0.0, "+", color="#111111", markersize=13, markeredgewidth=1.6, zorder=5, label="site")
    axis.set_xlim(-half, half)
    axis.set_ylim(-half, half)
    axis.set_xlabel(f"east of the site, {unit}")
    axis.set_ylabel(f"north of the site, {unit}")
    axis.grid(visible=False)
    legend = axis.legend(
        loc="best" if isinstance(ground, Site) else "upper left", fontsize=8, frameon=True, framealpha=0.85, edgecolor="none"
    )
    legend.set_zorder(6)
    return figure
