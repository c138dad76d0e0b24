"""How a landing ends over leg span and direction of travel: stands, stands on a broken leg, leans, lies on its side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .style import BAD, BELIEVED, GOOD, WEAK, new_figure

ENDS = (("stands", GOOD), ("stands, a leg broken", WEAK), ("leans", BELIEVED), ("lies on its side", BAD))


def kinds_of(tilt_deg: np.ndarray, broken: np.ndarray, leans_deg: float, lies_deg: float) -> np.ndarray:
    """Which of `ENDS` each landing came to."""
    stands = np.where(broken > 0, 1, 0)
    return np.where(tilt_deg > lies_deg, 3, np.where(tilt_deg > leans_deg, 2, stands))


def contact_figure(
    tilt_deg: np.ndarray, broken: np.ndarray, spans_m: np.ndarray, directions_deg: np.ndarray, names: Sequence[str], title: str,
    limits_deg: tuple[float, float] = (22.0, 60.0),
) -> Figure:  # fmt: skip
    """`tilt_deg`, `broken`: rest tilt and count of broken legs, (panels, spans, directions); `names`: one a panel;
    `limits_deg`: tilt from which a lander leans, and from which it lies."""
    figure = new_figure(9.0, 4.6, left=0.075, right=0.985, top=0.86, bottom=0.2, wspace=0.08)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    colours = ListedColormap([colour for _, colour in ENDS])
    norm = BoundaryNorm(np.arange(len(ENDS) + 1) - 0.5, len(ENDS))
    axes = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    for panel, (axis, name) in enumerate(zip(axes, names, strict=True)):
        kinds = kinds_of(tilt_deg[panel], broken[panel], *limits_deg)
        axis.pcolormesh(
            directions_deg, spans_m, kinds, cmap=colours, norm=norm, shading="nearest", edgecolor="white", linewidth=0.4
        )
        for i, span in enumerate(spans_m):
            for j, direction in enumerate(directions_deg):
                axis.text(direction, span, f"{tilt_deg[panel, i, j]:.0f}", ha="center", va="center", fontsize=6.5, color="white")
        axis.set_title(name)
        axis.set_xticks(directions_deg[::2])
        axis.set_xlabel("direction of travel off downhill, °  (180 = uphill)")
        axis.grid(False)
    axes[0].set_ylabel("span over the pads, m")
    marks = [Patch(color=colour, label=name) for name, colour in ENDS]
    figure.legend(handles=marks, loc="lower left", ncols=len(ENDS), fontsize=8, bbox_to_anchor=(0.06, 0.0))
    figure.text(0.985, 0.03, "numbers: tilt at rest, °", ha="right", fontsize=8)
    return figure
