"""`perilune sweep`: the display while it flies, its figure, and the table at its end."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from perilune import __version__
from perilune.campaign.build import commit
from perilune.campaign.sweep import Point, Sweep, check_sweep, fly_sweep
from perilune.foundation.errors import UserError
from perilune.simulation.load import load


def sweep_of(
    mission: str, fault: str, ends: tuple[float, float], size: tuple[int, int], healthy: bool, values: dict[str, Any]
) -> Sweep:
    """The question from the command line's words: `fault` as NAME or NAME@KEY=VALUE,…; `size`: points and runs. Raises
    UserError."""
    from .fault_words import trigger

    name, at, when = fault.partition("@")
    if not np.all(np.isfinite(ends)):
        raise UserError(f"A sweep from {ends[0]:g} to {ends[1]:g} has no end: give two finite magnitudes.")
    magnitudes = tuple(float(x) for x in np.linspace(*ends, size[0]))
    said = tuple(trigger(when, f"--fault {fault}").items()) if at else ()
    put = tuple((path, tuple(value) if isinstance(value, list) else value) for path, value in values.items())
    sweep = Sweep(mission, name.strip(), magnitudes, size[1], said, healthy, put, f"{__version__} {commit()}")
    check_sweep(sweep)
    return sweep


def default_folder(sweep: Sweep) -> Path:
    """out/sweep-MISSION-FAULT-…, by six digits of its digest: the same question goes on where it was left."""
    return Path("out") / f"sweep-{Path(sweep.mission).stem}-{sweep.fault}-{sweep.digest()[:6]}"


def fly_with_bar(sweep: Sweep, folder: Path, console: Console | None) -> list[Point]:
    """Fly, with a bar where a person watches."""
    if console is None or not console.is_terminal:
        return fly_sweep(sweep, folder)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("flights"), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Flying", total=None)
        return fly_sweep(sweep, folder, lambda done, of: progress.update(bar, completed=done, total=of))


def draw(sweep: Sweep, points: list[Point], folder: Path) -> list[Path]:
    """The figure, into the sweep's folder."""
    from perilune.report.style import save
    from perilune.report.sweep_figure import sweep_figure

    mission = load(sweep.mission, dict(sweep.values))
    base = "healthy but for it" if sweep.healthy else "with the mission's other faults"
    title = f"{mission.title}\n{sweep.runs} flights a point, {base}"
    what = ", ".join([sweep.fault, *(f"{key} = {value}" for key, value in sweep.when)])
    return save(sweep_figure(points, what, title, mission.requirements.vertical_speed_mps), folder, "sweep", ("png", "svg"))


def tell(sweep: Sweep, points: list[Point], console: Console) -> None:
    """The table."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    heads = (sweep.fault, "landed within requirements", "95 %", "vertical speed, m/s: median (5 … 95 %)", "outcomes")
    for k, name in enumerate(heads):
        table.add_column(name, justify="left" if k == 4 else "right")
    for p in points:
        low, middle, high = p.vertical_speed_mps
        outcomes = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in p.outcomes.items())
        shown = f"{middle:.1f} ({low:.1f} … {high:.1f})"
        table.add_row(f"{p.magnitude:g}", f"{p.landed}/{p.runs}", f"{p.low:.2f} … {p.high:.2f}", shown, outcomes)
    console.print(table)
