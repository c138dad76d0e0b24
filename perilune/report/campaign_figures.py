"""Figures of a campaign's page: what adds to the loss, touchdown against its limits, first causes, and what it hangs on."""

from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.ticker import MaxNLocator

from .campaign_facts import Facts, Figure, weighted_quantiles
from .style import BAD, BELIEVED, GOOD, TRUE, WEAK, new_figure

WIDTH = 8.2  # inches of a figure as wide as the page: letters stay readable on paper too
LETTER, ROW, MARGIN = 0.075, 0.26, 0.75  # inches: a letter of a label, a bar, and what stands above and below the bars
LONGEST = 52  # letters of a label
MOST_BARS = 24
BINS = 36
COLOURS = {"landed": GOOD, "hard_landing": WEAK, "crashed": BAD, "tipped": "#7b3fa0", "timeout": "#555555",
           "diverged": "#9a9a9a"}  # fmt: skip
OTHER = "#3b7ea1"


def shortened(name: str) -> str:
    """A name as a label: its end says most."""
    return name if len(name) <= LONGEST else "…" + name[1 - LONGEST :]


def bar_axes(names: Sequence[str], panels: int = 1, height: float = ROW):
    """A figure for horizontal bars with these labels, and its axes."""
    labels = [shortened(name) for name in names]
    tall = MARGIN + height * max(len(labels), 2)
    left = min(0.2 + LETTER * max(len(name) for name in labels), 0.55 * WIDTH)
    figure = new_figure(
        WIDTH, tall, left=left / WIDTH, right=0.97, top=1.0 - 0.28 / tall, bottom=0.47 / tall, wspace=0.12, hspace=0.0
    )
    axes = np.atleast_1d(figure.subplots(1, panels, sharey=True))
    axes[0].set_yticks(np.arange(len(labels)), labels)
    axes[0].set_ylim(len(labels) - 0.4, -0.6)
    for axis in axes:
        axis.grid(visible=False, axis="y")
        axis.tick_params(axis="y", length=0)
    return figure, axes


def parts_figure(rows: Sequence[dict[str, Any]]) -> matplotlib.figure.Figure:
    """What each kind of run adds to P(loss), with its interval; `rows` as `Evidence.by_fault` has them."""
    figure, (axis,) = bar_axes([row["name"] for row in rows])
    for k, row in enumerate(rows):
        part, mass, loss = row["part_of_loss"] or 0.0, row["probability"], row["loss"]
        axis.barh(k, part, height=0.62, color=TRUE)
        axis.plot([mass * loss["low"], mass * loss["high"]], [k, k], color=BELIEVED, linewidth=1.6, marker="|", markersize=7)
    axis.set_xlim(left=0.0)
    axis.set_xlabel("part of P(loss); lines: 95 % interval of P(loss | it), times its probability")
    return figure


def causes_figure(causes: dict[str, int], titles: Sequence[str]) -> matplotlib.figure.Figure:
    """How many runs have which first cause."""
    figure, (axis,) = bar_axes(titles)
    colours = ["#b8c0c8" if name == "not told" else BAD for name in causes]
    axis.barh(np.arange(len(causes)), list(causes.values()), height=0.62, color=colours)
    for k, count in enumerate(causes.values()):
        axis.text(count, k, f" {count}", va="center", fontsize=8)
    axis.set_xlim(0.0, 1.08 * max(causes.values()))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_xlabel("runs")
    return figure


def sensitivity_figure(indices: dict[str, float], noise: float, title: str) -> matplotlib.figure.Figure:
    """PAWN indices as bars, and how large an index numbers without meaning reach."""
    figure, (axis,) = bar_axes(list(indices))
    values = np.asarray(list(indices.values()))
    axis.barh(np.arange(len(values)), values, height=0.62, color=np.where(values > noise, TRUE, "#b8c0c8").tolist())
    axis.axvspan(0.0, noise, color=BELIEVED, alpha=0.16, linewidth=0, zorder=0)
    axis.axvline(noise, color=BELIEVED, linewidth=1.0, linestyle="--")
    axis.set_xlim(0.0, 1.12 * max(float(values.max()), noise))
    axis.set_xlabel("PAWN index; shaded: what numbers without meaning reach")
    axis.set_title(title)
    return figure


def span_of(figure: Figure, weights: np.ndarray) -> tuple[float, float]:
    """From where to where a histogram goes: those far beyond the limit, if they are the fewer, are told in words."""
    if not np.isfinite(figure.values).any():
        return 0.0, 1.15 * (figure.limit or 1.0)
    low, high = float(np.nanmin(figure.values)), float(np.nanmax(figure.values))
    least, middle, most = weighted_quantiles(figure.values[:, None], weights, (0.01, 0.5, 0.98))[:, 0]
    if figure.limit is None:
        reach = 0.5 * max(float(most - least), 0.02 * abs(float(middle)), 1e-3)
        floor, middle = 0.0 if low >= 0.0 else -np.inf, float(middle)
        least, most = max(float(least) - reach, min(low, middle - reach)), min(float(most) + reach, max(high, middle + reach))
        return max(least, floor), most
    if middle <= 2.0 * figure.limit:
        high = min(high, max(float(most), 2.0 * figure.limit))
    return min(low, 0.0), max(high, 1.15 * figure.limit)


def histograms_figure(facts: Facts) -> matplotlib.figure.Figure:
    """Touchdown's figures, landed and lost runs on each other, each run by its weight, with the limits."""
    figure = new_figure(WIDTH, 4.7, left=0.065, right=0.985, top=0.945, bottom=0.09, wspace=0.2, hspace=0.42)
    axes = figure.subplots(2, 3)
    for axis, one in zip(axes.flat, facts.figures, strict=True):
        low, high = span_of(one, facts.weights)
        edges = np.linspace(low, high, BINS + 1)
        kinds = [chosen & np.isfinite(one.values) for chosen in (facts.has_landed, ~facts.has_landed)]
        parts, weights = [one.values[kind] for kind in kinds], [100.0 * facts.weights[kind] for kind in kinds]
        axis.hist(parts, bins=edges, weights=weights, stacked=True, color=[GOOD, BAD], label=["landed", "lost"], linewidth=0)
        if one.limit is not None:
            axis.axvline(one.limit, color="#111111", linewidth=1.2, linestyle="--")
            axis.annotate(f"limit {one.limit:g}", (one.limit, 1.0), xycoords=("data", "axes fraction"), fontsize=8, rotation=90,
                          xytext=(2, -3), textcoords="offset points", va="top")  # fmt: skip
        beyond = int(np.sum((one.values > high) | (one.values < low)))
        if beyond:
            axis.set_xlabel(f"{beyond} more outside the picture", fontsize=8, color=BAD, loc="right", labelpad=1)
        axis.set_xlim(low, high)
        axis.xaxis.set_major_locator(MaxNLocator(4 if high < 1e5 else 2))
        axis.xaxis.set_major_formatter("{x:g}" if high < 1e5 else "{x:,.0f}")
        axis.set_title(f"{one.title}, {one.unit}", fontsize=9)
    for axis in axes[:, 0]:
        axis.set_ylabel("% of probability" if facts.is_weighted else "% of runs")
    axes[1, 2].legend(loc="best", fontsize=8)
    return figure
