"""Tubes: between what values most of a campaign's runs fly, against time, and against height at the end."""

from typing import NamedTuple

import matplotlib.figure
import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from .campaign_facts import Facts, weighted_quantiles
from .campaign_figures import WIDTH
from .style import BAD, BELIEVED, TRUE, new_figure

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
LEAST_FLYING = 20  # runs from which a tube is drawn
LEAST_SHARE = 0.1  # of all weight: below it a tube would be that of a rare kind of run, which flies longest
MOST_LOST = 20  # lost runs drawn over it
HEIGHT, SPEED = "truth/height_above_terrain_m", "truth/speed_mps"
LEAST_SAMPLES = 10  # seconds of a track that is one: a run that met the ground from orbit leaves its last moment alone
LEAST = {"height": 1.0, "speed": 0.3}  # where a logarithmic axis begins: below is touchdown
CLOSE_M = np.geomspace(1500.0, 3.0, 90)  # heights of the end of the flight


class Track(NamedTuple):
    """One run's record, second by second: its row in the campaign, times (s) and quantities."""

    row: int
    time_s: np.ndarray
    values: dict[str, np.ndarray]


def tracks_of(facts: Facts) -> list[Track]:
    """The runs of which more than a moment was kept, with errors of what was believed: estimate − truth."""
    kept = facts.evidence.tracks()
    if not kept or not {HEIGHT, SPEED} <= set(kept):
        return []
    found = {"height": kept[HEIGHT], "speed": kept[SPEED]}
    pairs = (
        ("height error", "height_above_site_m"),
        ("speed error", "speed_mps"),
    )
    for title, name in pairs:
        if f"navigation/{name}" in kept and f"truth/{name}" in kept:
            found[title] = kept[f"navigation/{name}"] - kept[f"truth/{name}"]
    for title, name in (("height sigma", "navigation/height_sigma_m"), ("tilt", "truth/tilt_deg")):
        if name in kept:
            found[title] = kept[name]
    rows = {int(run): row for row, run in enumerate(facts.run)}
    order = np.lexsort((kept["time_s"], kept["run"]))
    runs, starts = np.unique(kept["run"][order], return_index=True)
    parts = zip(runs, np.split(order, starts[1:]), strict=True)
    return [
        Track(rows[int(run)], np.asarray(kept["time_s"][part], float), {k: np.asarray(v[part], float) for k, v in found.items()})
        for run, part in parts
        if int(run) in rows and len(part) >= LEAST_SAMPLES
    ]


def over_time(tracks: list[Track], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Whole seconds, and a quantity of each run at them (run, second); NaN where a run does not fly."""
    first = min(int(np.rint(t.time_s[0])) for t in tracks)
    last = max(int(np.rint(t.time_s[-1])) for t in tracks)
    table = np.full((len(tracks), last - first + 1), np.nan)
    for k, track in enumerate(tracks):
        if name in track.values:
            table[k, np.rint(track.time_s).astype(int) - first] = track.values[name]
    return np.arange(first, last + 1, dtype=float), table


def over_height(tracks: list[Track], name: str) -> np.ndarray:
    """A quantity of each run where it first comes down to each of `CLOSE_M` (run, height); NaN where it never does."""
    table = np.full((len(tracks), len(CLOSE_M)), np.nan)
    for k, track in enumerate(tracks):
        if name in track.values:
            lowest = np.minimum.accumulate(track.values["height"])
            inside = (lowest[-1] <= CLOSE_M) & (lowest[0] >= CLOSE_M)
            table[k, inside] = np.interp(CLOSE_M[inside], lowest[::-1], track.values[name][::-1])
    return table


def lost_of(facts: Facts, tracks: list[Track]) -> list[int]:
    """Places of the lost runs that are drawn one by one: the first ones."""
    return [k for k, track in enumerate(tracks) if not facts.has_landed[track.row]][:MOST_LOST]


def tube_of(table: np.ndarray, weights: np.ndarray, shares) -> np.ndarray:
    """Quantiles [share, column] where enough runs still fly; NaN elsewhere."""
    there = np.isfinite(table)
    enough = (np.sum(there, axis=0) >= LEAST_FLYING) & (weights @ there >= LEAST_SHARE * weights.sum())
    return np.where(enough, weighted_quantiles(table, weights, shares), np.nan)


def log_axis(axis, least: float, shown: np.ndarray) -> None:
    """A logarithmic axis with plain numbers, which begins where what it shows does, at `least` or above."""
    axis.set_yscale("log")
    axis.set_ylim(bottom=max(least, 0.7 * float(np.nanmin(shown))))
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0,) if np.nanmax(shown) > 300.0 * np.nanmin(shown) else (1.0, 3.0)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())


def draw_tube(axis, x: np.ndarray, table: np.ndarray, weights: np.ndarray, lost: list[int]) -> None:
    """Quantiles as two bands and a line, lost runs as thin lines over them."""
    low, lower, middle, upper, high = tube_of(table, weights, SHARES)
    for k in lost:
        axis.plot(x, table[k], color=BAD, linewidth=0.6, alpha=0.7)
    axis.fill_between(x, low, high, color=TRUE, alpha=0.18, linewidth=0, label="5 to 95 %")
    axis.fill_between(x, lower, upper, color=TRUE, alpha=0.35, linewidth=0, label="25 to 75 %")
    axis.plot(x, middle, color=TRUE, linewidth=1.3, label="median")
    if lost:
        axis.plot([], [], color=BAD, linewidth=0.8, label="lost runs")


def thin(x: np.ndarray, table: np.ndarray, most: int = 260) -> tuple[np.ndarray, np.ndarray]:
    """No more points than a line across the page can show; the last ones are kept whole, where it ends."""
    step = max(1, len(x) // most)
    chosen = np.unique(np.r_[np.arange(0, len(x), step), np.arange(max(len(x) - 60, 0), len(x))])
    return x[chosen], table[:, chosen]


def limits(tube: np.ndarray, sigma: np.ndarray | None) -> tuple[float, float]:
    """A range about zero that holds the tube and what navigation believes, so that one lost run does not flatten the rest."""
    reach = 1.4 * float(np.nanquantile(np.max(np.abs(tube), axis=0), 0.99))
    if sigma is not None:
        reach = max(reach, 1.1 * float(np.nanmax(sigma)))
    reach = max(reach, 1e-3)
    return -reach, reach


def draw_error(axis, x: np.ndarray, table: np.ndarray, weights: np.ndarray, lost: list[int], sigma: np.ndarray | None) -> None:
    """An error's tube, with the median of ± the sigma that navigation believes."""
    middle = None
    if sigma is not None and np.isfinite(sigma).any():
        middle = tube_of(sigma, weights, (0.5,))[0]
        middle = middle if np.isfinite(middle).any() else None
    if middle is not None:
        for sign in (1.0, -1.0):
            axis.plot(x, sign * middle, color=BELIEVED, linewidth=1.1, linestyle="--",
                      label="± sigma believed, median" if sign > 0.0 else None)  # fmt: skip
    draw_tube(axis, x, table, weights, lost)
    tube = tube_of(table, weights, (SHARES[0], SHARES[-1]))
    if np.isfinite(tube).any():
        axis.set_ylim(*limits(tube, middle))


PANELS = (
    ("height", "height above the terrain, m"),
    ("speed", "speed, m/s"),
    ("height error", "error of the believed height, m"),
    ("speed error", "error of the believed speed, m/s"),
)


def draw_panels(axes, facts: Facts, tracks: list[Track], panels, of) -> None:
    """A tube a panel; `of` gives x and the table of a quantity."""
    weights, lost = facts.weights[[track.row for track in tracks]], lost_of(facts, tracks)
    for axis, (name, title) in zip(axes, panels, strict=True):
        x, table = of(name)
        if "error" in name:
            sigma = of("height sigma")[1] if name == "height error" else None
            draw_error(axis, x, table, weights, lost, sigma)
        else:
            shown = np.maximum(table, LEAST.get(name, 0.0))
            draw_tube(axis, x, shown, weights, lost)
            if name in LEAST and np.isfinite(shown).any():
                log_axis(axis, LEAST[name], shown)
        axis.set_title(title, fontsize=9)


def named_sigma(axis) -> list:
    """The line that stands for what navigation believes, where it is drawn."""
    return [line for line in axis.get_lines() if str(line.get_label()).startswith("±")]


def time_figure(facts: Facts, tracks: list[Track]) -> matplotlib.figure.Figure:
    """Height, speed and the errors of both against mission time."""
    figure = new_figure(WIDTH, 5.4, left=0.075, right=0.985, top=0.955, bottom=0.075, wspace=0.2, hspace=0.24)
    grid = figure.subplots(2, 2, sharex=True)
    draw_panels(grid.flat, facts, tracks, PANELS, lambda name: thin(*over_time(tracks, name)))
    for axis in grid[1]:
        axis.set_xlabel("mission time, s")
    grid[0, 0].legend(loc="lower left", fontsize=8)
    grid[1, 0].legend(loc="upper left", fontsize=8, handles=named_sigma(grid[1, 0]))
    return figure


def close_figure(facts: Facts, tracks: list[Track]) -> matplotlib.figure.Figure:
    """Speed, tilt and the errors of height and speed against the height that is left."""
    figure = new_figure(WIDTH, 5.4, left=0.075, right=0.985, top=0.955, bottom=0.075, wspace=0.2, hspace=0.24)
    grid = figure.subplots(2, 2, sharex=True)
    panels = (PANELS[1], ("tilt", "tilt from the vertical, °"), *PANELS[2:])
    draw_panels(grid.flat, facts, tracks, panels, lambda name: (CLOSE_M, over_height(tracks, name)))
    grid[0, 0].set_xscale("log")
    grid[0, 0].set_xlim(CLOSE_M[0], CLOSE_M[-1])
    for axis in grid[1]:
        axis.set_xticks([1000, 300, 100, 30, 10, 3], labels=["1000", "300", "100", "30", "10", "3"])
        axis.set_xlabel("height above the terrain that is left, m")
    grid[0, 0].legend(loc="lower left", fontsize=8)
    return figure
