"""A sweep drawn: share of landings and touchdown speed against one fault's magnitude."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BAD, GOOD, TRUE, new_figure


def sweep_figure(points: Sequence[Any], fault: str, title: str, limit_mps: float) -> Figure:
    """`points`: of `campaign.sweep`. `limit_mps`: the requirement on vertical speed."""
    figure = new_figure(8.0, 6.0, left=0.09, right=0.985, top=0.88, bottom=0.09, hspace=0.12)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    above, below = figure.subplots(2, 1, sharex=True)
    at = [p.magnitude for p in points]
    share = np.array([p.share for p in points])
    bars = np.array([[p.share - p.low for p in points], [p.high - p.share for p in points]])
    above.errorbar(at, share, yerr=np.maximum(bars, 0.0), color=GOOD, marker="o", markersize=3, linewidth=1.2, capsize=2)
    above.set_ylim(-0.03, 1.03)
    above.set_ylabel("landed within requirements\n(95 % interval)")
    low, middle, high = (np.array([p.vertical_speed_mps[k] for p in points]) for k in range(3))
    below.fill_between(at, low, high, color=TRUE, alpha=0.2, linewidth=0, label="5 to 95 % of flights")
    below.plot(at, middle, color=TRUE, marker="o", markersize=3, linewidth=1.2, label="median")
    below.axhline(limit_mps, color=BAD, linewidth=1.0, linestyle="--", label="requirement")
    below.set_ylabel("vertical speed at touchdown, m/s")
    below.set_yscale("symlog", linthresh=1.0)
    below.yaxis.set_major_formatter("{x:g}")
    below.set_ylim(bottom=0.0)
    below.set_xlabel(fault)
    below.legend(loc="best", fontsize=8)
    return figure
