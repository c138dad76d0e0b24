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


def new_figure(width: float, height: float) -> Figure:
    """A figure in the house style, inches."""
    matplotlib.rcParams.update(RULES)
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """PNG and SVG. Raises UserError where the folder cannot be written."""
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(paths[0], dpi=130)
        figure.savefig(paths[1], metadata={"Date": None})
    except OSError as problem:
        for path in paths:
            path.unlink(missing_ok=True)
        raise UserError(f"Figures cannot be written to {folder}: {problem}.") from problem
    return paths
