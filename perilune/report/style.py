"""How figures look: one set of colours and one way to save."""

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from perilune.foundation.errors import UserError

TRUE, BELIEVED, PUBLISHED = "#1b4965", "#e07a1f", "#111111"
GOOD, WEAK, BAD, GROUND = "#2a9d4a", "#d9a400", "#c1272d", "#8d8478"

RULES: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.0,
    "legend.frameon": False,
    "svg.hashsalt": "perilune",
}


def new_figure(width: float, height: float, **margins: float) -> Figure:
    """A figure in the house style, inches; margins as for `subplots_adjust`.

    They are given, not worked out: matplotlib's own layout draws everything twice, half of all drawing time.
    """
    matplotlib.rcParams.update(RULES)
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(**margins)
    return figure


def save(figure: Figure, folder: Path, name: str, kinds: tuple[str, ...]) -> list[Path]:
    """One file a kind (png, svg). Raises UserError where the folder cannot be written."""
    paths = [folder / f"{name}.{kind}" for kind in kinds]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    except OSError as problem:
        for path in paths:
            path.unlink(missing_ok=True)
        raise UserError(f"Figures cannot be written to {folder}: {problem}.") from problem
    return paths
