"""The gate study: which gate, and which policy behind it, would have brought four landers down, each with its own trouble.

Mission 1 wants a large innovation believed, a false return wants it refused, Mission 2 wants patience, IM-1 an alternate. All
of them are flown with every recovery policy behind gates of several widths, the same seeds in every cell:

    python examples/gate_study.py                  # 200 flights a cell, half an hour on two cores
    python examples/gate_study.py --runs 20        # a first look
    python examples/gate_study.py --docs docs      # writes the page and its picture there too

Flights are kept batch by batch under --out: interrupted, the same command goes on from there.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from perilune import __version__
from perilune.campaign.batch import WIDTH
from perilune.campaign.jobs import Job, fly_rows
from perilune.campaign.place import whole
from perilune.campaign.pool import spread
from perilune.campaign.statistics import clopper_pearson
from perilune.command_line.entry import commit
from perilune.flight.executive.contingency import NAMES as CONTINGENCIES
from perilune.flight.monitoring.recovery import NAMES
from perilune.foundation.errors import UserError
from perilune.report.style import new_figure, save
from perilune.simulation.checks import mission_faults
from perilune.simulation.load import load

GATES = (2.0, 4.0, 8.0)  # sigmas
ENOUGH = 0.9  # of what the healthy lander lands, from which a policy counts as surviving


class Trouble(NamedTuple):
    """A lander, what fails in it, and with which other figures it flies."""

    name: str
    mission: str
    faults: dict[str, Any]
    figures: dict[str, float]
    wants: str


def as_it_flew(mission: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A mission's own faults, but for some."""
    return {name: table for name, table in mission_faults(load(mission)).items() if name not in without}


def troubles() -> list[Trouble]:
    """What is flown."""
    by_estimate = {"flight.contingency.without_range": float(CONTINGENCIES.index("descend"))}
    false = {"range_finder.false_probability": {"magnitude": 0.5, "event": "range_accepted"}}
    return [
        Trouble("M1: a rim, level ground on board", "hakuto-r-m1", as_it_flew("hakuto-r-m1"), {}, "large innovations believed"),
        Trouble("every second return false", "resilience", false, {}, "innovations refused"),
        Trouble("M2: first range at 900 m, waited for", "resilience", as_it_flew("resilience"), {}, "another descent"),
        Trouble("M2: the same, not waited for", "resilience", as_it_flew("resilience"), by_estimate, "patience"),
        Trouble(
            "IM-1: no altimeter, its Doppler lidar heard", "odysseus", as_it_flew("odysseus", ("velocimeter.said_invalid",)), {},
            "an alternate",
        ),
    ]  # fmt: skip


def jobs_of(trouble: Trouble, runs: int) -> list[Job]:
    """All cells of one trouble, policies by gates by seeds, and behind them the healthy lander with its own figures."""
    numbers = load(trouble.mission).flight
    cells = [(float(k), gate, 1.0) for k in range(len(NAMES)) for gate in GATES]
    cells.append((float(NAMES.index(numbers.monitoring.policy)), numbers.navigation.range_gate_sigma, 0.0))
    policy, gate, broken = (np.repeat([cell[k] for cell in cells], runs) for k in range(3))
    seeds = np.tile(np.arange(runs), len(cells))
    jobs = []
    for first in range(0, len(seeds), WIDTH):
        part = slice(first, first + WIDTH)
        faults = {name: {**table, "magnitude": table["magnitude"] * broken[part]} for name, table in trouble.faults.items()}
        figures = {name: np.full(len(seeds[part]), value) for name, value in trouble.figures.items()}
        gates = dict.fromkeys(("flight.navigation.range_gate_sigma", "flight.navigation.beam_gate_sigma"), gate[part])
        figures |= {"flight.monitoring.policy": policy[part], **gates}
        jobs.append(Job(trouble.mission, tuple(int(s) for s in seeds[part]), faults, figures))
    return jobs


def digest(found: list[Trouble], runs: int) -> str:
    """Of the question and all missions: other ones' flights are not gone on with."""
    asked = [[t._asdict(), load(t.mission).model_dump(mode="json")] for t in found]
    return hashlib.sha256(json.dumps([__version__, commit(), GATES, NAMES, runs, asked], default=str).encode()).hexdigest()


def fly(found: list[Trouble], runs: int, folder: Path, console: Console) -> list[np.ndarray]:
    """Outcomes of all flights, a row a cell. Raises UserError where the folder holds another study."""
    head = folder / "study.json"
    if folder.exists() and any(folder.iterdir()) and not head.is_file():
        raise UserError(f"Output folder {folder} holds other things: give an empty or new folder with --out.")
    if head.is_file() and json.loads(head.read_text()) != digest(found, runs):
        raise UserError(f"Output folder {folder} holds another study, or another build's: give a new folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    whole(head, json.dumps(digest(found, runs)).encode())
    jobs = [job for trouble in found for job in jobs_of(trouble, runs)]
    parts = [folder / f"part-{k:04d}.json" for k in range(len(jobs))]
    missing = [k for k, part in enumerate(parts) if not part.is_file()]
    columns = (TextColumn("Flying"), BarColumn(), MofNCompleteColumn(), TextColumn("batches"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=len(jobs), completed=len(jobs) - len(missing))
        for k, rows in zip(missing, spread(fly_rows, [jobs[k] for k in missing]) if missing else (), strict=True):
            whole(parts[k], json.dumps([row["outcome"] for row in rows]).encode())
            progress.advance(bar)
    outcomes = [json.loads(part.read_text()) for part in parts]
    flown, first = [], 0
    for trouble in found:
        count = len(jobs_of(trouble, runs))
        flown.append(np.reshape([x for part in outcomes[first : first + count] for x in part], (-1, runs)))
        first += count
    return flown


def shares(outcomes: np.ndarray) -> tuple[np.ndarray, float]:
    """Share landed, policies by gates, and that of the healthy lander."""
    landed = np.mean(outcomes == "landed", axis=1)
    return landed[:-1].reshape(len(NAMES), len(GATES)), float(landed[-1])


def surviving(flown: list[np.ndarray]) -> list[tuple[str, float]]:
    """Policies and gates that land, in every trouble, nearly as often as the healthy lander."""
    good = [landed >= ENOUGH * healthy for landed, healthy in map(shares, flown)]
    return [(NAMES[p], GATES[g]) for p, g in np.argwhere(np.all(good, axis=0))]


def draw(found: list[Trouble], flown: list[np.ndarray], folder: Path) -> Path:
    """One panel a trouble: share landed, written and coloured."""
    width = 2.1 + 2.35 * len(found)
    figure = new_figure(width, 3.5, left=1.75 / width, right=0.99, top=0.72, bottom=0.17, wspace=0.08)
    runs = flown[0].shape[1]
    figure.suptitle(f"Share landed by recovery policy and gate, {runs} flights a cell", x=0.01, ha="left", fontsize=10)
    for axis, trouble, outcomes in zip(figure.subplots(1, len(found), sharey=True), found, flown, strict=True):
        landed, healthy = shares(outcomes)
        axis.imshow(landed, cmap="RdYlGn", vmin=0.0, vmax=1.0, aspect="auto")
        for p, g in np.ndindex(landed.shape):
            ink = "white" if abs(landed[p, g] - 0.5) > 0.4 else "black"
            axis.text(g, p, f"{100.0 * landed[p, g]:.0f}", ha="center", va="center", fontsize=9, color=ink)
        head, _, tail = trouble.name.partition(", ")
        head = f"{head},\n{tail}" if tail else f"{head}\n"
        axis.set_title(f"{head}\nwants {trouble.wants}\nhealthy: {100.0 * healthy:.0f} %", fontsize=8)
        axis.set_xticks(range(len(GATES)), [f"{gate:g}" for gate in GATES])
        axis.set_yticks(range(len(NAMES)), [name.replace("_", " ") for name in NAMES])
        axis.grid(visible=False)
        axis.set_xlabel("gate, sigmas")
    return save(figure, folder, "gate-study", ("png",))[0]


def cell(outcomes: np.ndarray) -> str:
    """Share landed with its exact interval, and what else became of the flights."""
    landed, runs = int(np.sum(outcomes == "landed")), len(outcomes)
    low, high = clopper_pearson(landed, runs)
    rest = Counter(x for x in outcomes.tolist() if x != "landed")
    others = "".join(f"; {count} {name.replace('_', ' ')}" for name, count in rest.most_common())
    return f"{100.0 * landed / runs:.1f} % ({100.0 * low:.0f}–{100.0 * high:.0f}){others}"


def page(found: list[Trouble], flown: list[np.ndarray]) -> str:
    """The page in Markdown."""
    runs = flown[0].shape[1]
    lines = [
        "# The gate study",
        "",
        "Generated by `python examples/gate_study.py --docs docs`; do not edit. Which gate on a range, and which recovery policy "
        f"behind it, lands a lander in trouble? {runs} flights a cell, the same seeds in every cell; in brackets the exact 95 % "
        "interval, behind it what became of the others. Each policy's assumptions stand in its file under "
        "`perilune/flight/monitoring/recovery/`. The gate is the range finder's and the Doppler beams'.",
        "",
        "![Share landed](pictures/gate-study.png)",
        "",
    ]
    best = surviving(flown)
    told = ", ".join(f"`{name}` at {gate:g} sigmas" for name, gate in best) or "none"
    share = f"at least {100 * ENOUGH:.0f} % of what the healthy lander lands"
    lines += [f"**Policies that survive all of these** ({share}): {told}.", ""]
    if not best:
        told = ", ".join(f"`{name}` at {gate:g} sigmas" for name, gate in best_of_the_rest(flown)) or "none"
        lines += [f"Without the trouble that no cell survives: {told}.", ""]
    lines += [
        "A lander without Doppler beams flies `switch_to_alternate` as `reject_forever`; `perilune check` refuses it there. "
        "Where the range finder gives nothing at all, every policy takes beams, behind their gate: there is nothing to choose.",
        "",
    ]
    for trouble, outcomes in zip(found, flown, strict=True):
        lines += [f"## {trouble.name}", "", f"It wants {trouble.wants}. The healthy lander: {cell(outcomes[-1])}.", ""]
        lines += ["| policy | " + " | ".join(f"{gate:g} sigmas" for gate in GATES) + " |", "|" + " --- |" * (len(GATES) + 1)]
        for p, name in enumerate(NAMES):
            cells = [cell(outcomes[p * len(GATES) + g]) for g in range(len(GATES))]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    lines.append(f"Flown at commit {(commit() or 'unknown')[:10]}.")
    return "\n".join(lines) + "\n"


def best_of_the_rest(flown: list[np.ndarray]) -> list[tuple[str, float]]:
    """Survivors where the troubles that no cell survives are left out."""
    possible = [each for each in flown if (shares(each)[0] >= ENOUGH * shares(each)[1]).any()]
    return surviving(possible) if possible else []


def main() -> int:
    """Fly, draw, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="flights a cell")
    parser.add_argument("--out", type=Path, default=Path("out/gate-study"))
    parser.add_argument("--docs", type=Path, help="folder of gate-study.md and pictures/gate-study.png")
    asked = parser.parse_args()
    console = Console()
    try:
        if asked.runs < 1:
            raise UserError(f"--runs {asked.runs}: give one flight a cell or more.")
        found = troubles()
        flown = fly(found, asked.runs, asked.out, console)
        console.print(f"Figure: {draw(found, flown, asked.out)}")
        console.print(page(found, flown))
        if asked.docs:
            draw(found, flown, asked.docs / "pictures")
            (asked.docs / "gate-study.md").write_text(page(found, flown))
    except UserError as problem:
        console.print(str(problem), style="red")
        return 2
    except KeyboardInterrupt:
        console.print(f"Interrupted: the same command goes on from {asked.out}.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
