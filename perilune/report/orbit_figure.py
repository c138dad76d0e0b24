"""The orbit phase drawn: height above the sphere with the burn, and what navigation did not know."""

import numpy as np
from matplotlib.figure import Figure

from perilune.assessment.flight import Flight
from perilune.assessment.orbit import axes_of

from .style import BAD, BELIEVED, TRUE, new_figure

MINUTE = 60.0
AXES = ("radial", "along_track", "cross_track")


def errors(way: dict[str, np.ndarray]) -> np.ndarray:
    """(n, 3) m: estimate − truth, along the estimate's orbit axes."""

    def stacked(house, what, unit):
        return np.stack([way[f"{house}/{what}_I_{letter}_{unit}"] for letter in "xyz"], axis=1)

    position, velocity = stacked("navigation", "position", "m"), stacked("navigation", "velocity", "mps")
    off = position - stacked("truth", "position", "m")
    return np.stack([axes_of(p, v) @ x for p, v, x in zip(position, velocity, off, strict=True)])


def orbit_phase(flight: Flight, heading: str) -> Figure:
    """Height above the sphere against time with the burn marked; errors of position with ±3 sigma believed."""
    way, figures = flight.way, flight.orbit
    figure = new_figure(10.5, 7.0, left=0.075, right=0.985, top=0.92, bottom=0.075, hspace=0.14)
    figure.suptitle(f"From orbit · {heading}", x=0.01, ha="left", fontsize=10)
    top, *below = figure.subplots(4, 1, sharex=True, height_ratios=(2.2, 1.0, 1.0, 1.0))
    minutes = way["time_s"] / MINUTE
    top.plot(minutes, way["truth/height_above_sphere_m"] / 1e3, color=TRUE, label="true")
    top.plot(minutes, way["navigation/height_above_sphere_m"] / 1e3, color=BELIEVED, linestyle="--", label="believed on board")
    burn = [figures[f"burn_{edge}_s"] / MINUTE for edge in ("start", "end")]
    for axis in (top, *below):
        axis.axvspan(*burn, color=BAD, alpha=0.35, linewidth=0)
    top.annotate(
        f"burn, {figures['delta_velocity_flown_mps']:.2f} m/s ({figures['delta_velocity_planned_mps']:.2f} planned)",
        (burn[1], 0.06), xycoords=("data", "axes fraction"), xytext=(5, 0), textcoords="offset points", fontsize=8,
    )  # fmt: skip
    if hit := figures["impact"]:
        top.plot(hit["time_s"] / MINUTE, way["truth/height_above_sphere_m"][-1] / 1e3, "x", color=BAD, label="the ground")
    top.set_ylabel("height above the sphere, km")
    top.legend(loc="upper right", fontsize=8)
    off = errors(way)
    for k, axis in enumerate(below):
        band = 3.0 * way[f"navigation/{AXES[k]}_sigma_m"]
        axis.fill_between(minutes, -band, band, color=BELIEVED, alpha=0.25, linewidth=0, label="±3 sigma believed")
        axis.plot(minutes, off[:, k], color=TRUE, linewidth=1.0, label="estimate − truth")
        axis.set_ylabel(f"{AXES[k].replace('_', '-')}, m")
        if hit:  # a burn that no one felt dwarfs the band
            axis.set_yscale("symlog", linthresh=1e3)
    below[0].legend(loc="upper left", fontsize=8)
    below[-1].set_xlabel("mission time, min")
    return figure
