"""The figure of a mission on docs/history.md: height true and believed, as it flew and with what saves it."""

from pathlib import Path

import numpy as np

import perilune as pl
from perilune.report.style import BAD, BELIEVED, GOOD, TRUE, new_figure, save
from perilune.simulation.checks import mission_faults
from perilune.simulation.load import load

FROM_M = 14e3  # height above the ground from which on a flight is drawn


def panel(axis, flight, title: str) -> None:
    """One flight: height over the ground as it was and as navigation believed it, ranges refused."""
    c, time = flight.channels, flight.time
    above = np.flatnonzero(c["truth/height_above_terrain_m"] >= FROM_M)
    late = np.arange(len(time)) > above[-1]  # for good: mountains under the way come nearer for a moment
    shown = np.flatnonzero(late)[::5]
    axis.plot(time[shown], c["truth/height_above_terrain_m"][shown] / 1e3, color=TRUE, label="true, over the terrain")
    axis.plot(time[shown], c["navigation/height_above_terrain_m"][shown] / 1e3, color=BELIEVED, linestyle="--", label="believed")
    refused = late & (c["range_finder/is_offered"] > 0.5) & (c["range_finder/is_accepted"] < 0.5)
    taken = late & (c["range_finder/is_accepted"] > 0.5)
    for chosen, colour, label in ((taken, GOOD, "range taken"), (refused, BAD, "range refused")):
        axis.plot(time[chosen], np.full(int(chosen.sum()), -0.6), "|", color=colour, markersize=6, label=label)
    touch = flight.outcome.touchdown
    speed = f", {touch.vertical_speed_mps:.1f} m/s down" if touch else ""
    axis.set_title(f"{title}: {flight.outcome.outcome.replace('_', ' ')}{speed}")
    axis.set_xlabel("mission time, s")
    axis.axhline(0.0, color="#999999", linewidth=0.7)


def draw(mission: str, changes, saved_by: str, folder: Path) -> Path:
    """Seed 0 as it flew (or healthy, where nothing failed), and with the change that lands it."""
    read = load(mission)
    chosen = [change for change in changes if change.name in ("as it flew", saved_by)]
    chosen.sort(key=lambda change: change.name != "as it flew")
    width = 5.2 * len(chosen) + 0.6
    figure = new_figure(width, 3.6, left=0.75 / width, right=1.0 - 0.1 / width, top=0.86, bottom=0.13, wspace=0.12)
    figure.suptitle(f"{read.title}, seed 0", x=0.01, ha="left", fontsize=10)
    axes = figure.subplots(1, len(chosen), sharey=True, squeeze=False)[0]
    for axis, change in zip(axes, chosen, strict=True):
        faults = mission_faults(read) if change.is_broken else {}
        panel(axis, flown(mission, change, faults), change.name)
    axes[0].set_ylabel("km")
    axes[0].legend(fontsize=8, loc="upper right")
    return save(figure, folder, f"history-{mission}", ("png",))[0]


def flown(mission: str, change, faults):
    """The flight of seed 0 with a change's figures."""
    from perilune.flight.executive.contingency import NAMES as CONTINGENCIES
    from perilune.flight.monitoring.recovery import NAMES as POLICIES

    named = {"flight.monitoring.policy": POLICIES, "flight.contingency.without_range": CONTINGENCIES}
    overrides = {path: named[path][int(value)] if path in named else value for path, value in change.figures.items()}
    return pl.fly(mission, seed=0, healthy=not faults, overrides=overrides)
