"""`perilune campaign`, `replay` and `compare`: the display while they fly, and what they say at the end."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.live import Live
from rich.table import Table

from perilune import __version__
from perilune.assessment.flight import Flight
from perilune.campaign.compare import Comparison
from perilune.campaign.plan import Plan, digest_of, frozen
from perilune.campaign.run import Tally, fly_campaign
from perilune.campaign.stopping import StopRule
from perilune.investigation.orbit import orbit_cause
from perilune.investigation.timeline import first_cause
from perilune.telemetry.dictionary import CHANNELS

from .entry import commit

MOST_RUNS_SHOWN = 12  # runs that a comparison names
MOST_SHOWN = 6  # outcomes and causes in the live table


class Layout(NamedTuple):
    """Where flights begin, how runs are laid out, and how many."""

    beginning: str
    design: str
    runs: int


class Going(NamedTuple):
    """Whether to go on with a campaign that is there, and by how many processes."""

    resume: bool
    workers: int | None


def build() -> str:
    """Version and commit of what flies, and the first digits of the SHA-256 of its source: two edited trees of one commit differ,
    and what else lies in the folder does not count."""
    sha = hashlib.sha256()
    root = Path(__file__).resolve().parents[1]
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.toml")]):
        sha.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return f"{__version__} {(commit() or 'no commit').removesuffix('-changed')} {sha.hexdigest()[:12]}"


def plan_of(mission: str, seed: int, healthy: bool, faults: dict[str, Any], values: dict[str, Any], laid_out: Layout) -> Plan:
    """The plan from the command line's words; a mission file by its whole path, so that it can be replayed from anywhere."""
    where = str(Path(mission).resolve()) if Path(mission).is_file() else mission
    length = laid_out.runs if laid_out.design == "lhs" else 0
    said = frozen(faults), frozen(values)
    return Plan(where, seed, healthy, *said, laid_out.beginning, laid_out.design, length, build())


def default_folder(plan: Plan) -> Path:
    """out/campaign-MISSION-…, by six digits of its digest."""
    return Path("out") / f"campaign-{Path(plan.mission).stem}-{plan.seed}-{digest_of(plan)[:6]}"


def cause_of(flight: Flight) -> dict[str, Any]:
    """A lost flight's first cause, on the way from orbit or after it."""
    return orbit_cause(flight) if flight.orbit.get("impact") else first_cause(flight)


def as_time(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def shown(tally: Tally) -> Table:
    """How it stands."""
    rate, p = tally.landings_per_s, tally.probability()
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    left = as_time((tally.asked - tally.runs) / rate) if rate else "…"
    speed = f"; {rate:.1f} landings/s, {left} to go" if rate else ""
    table.add_row("runs", f"{tally.runs} of {tally.asked}{speed}")
    if tally.runs:
        table.add_row("landed", f"{p['estimate']:.4f}   (95 %: {p['low']:.4f} … {p['high']:.4f}, {p['method']})")
        table.add_row("within requirements", f"{tally.within_requirements / tally.runs:.4f}")
        table.add_row("outcomes", ", ".join(f"{n} {name}" for name, n in tally.outcomes.most_common(MOST_SHOWN)))
        causes = ", ".join(f"{n} {name}" for name, n in tally.first_causes.most_common(MOST_SHOWN))
        table.add_row("first causes", causes or "none")
    return table


def fly_with_display(plan: Plan, folder: Path, runs: int | StopRule, going: Going, console: Console | None) -> Tally:
    """Fly, with a live table where a person watches."""
    explain = (cause_of, tuple(CHANNELS))
    if console is None or not console.is_terminal:
        return fly_campaign(plan, folder, runs, going.resume, going.workers, explain)
    with Live(console=console, refresh_per_second=2) as live:
        return fly_campaign(plan, folder, runs, going.resume, going.workers, explain, lambda tally: live.update(shown(tally)))


def tell(tally: Tally, folder: Path, console: Console) -> None:
    """The end of it."""
    console.print(shown(tally))
    console.print(
        f"Kept in {folder}. Any run again, with its story: perilune replay {folder} --run K", markup=False, soft_wrap=True
    )  # fmt: skip


def tell_comparison(found: Comparison, console: Console) -> None:
    """What became of runs that both campaigns have."""
    d = found.difference
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row("runs of both", str(found.runs))
    table.add_row(
        "landed", f"{d.both} in both, {d.only_b} only in the first, {d.only_a} only in the second, {d.neither} in neither"
    )
    table.add_row("second less first", f"{d.difference:+.4f}   (95 %: {d.low:+.4f} … {d.high:+.4f}; McNemar p = {d.p_value:.2g})")
    for title, runs in (("saved", found.saved), ("lost", found.lost)):
        more = f" and {len(runs) - MOST_RUNS_SHOWN} more" if len(runs) > MOST_RUNS_SHOWN else ""
        table.add_row(title, (", ".join(str(k) for k in runs[:MOST_RUNS_SHOWN]) or "none") + more)
    for change, count in found.outcomes.items():
        table.add_row("", f"{count} {change}")
    for changed in found.changed:
        table.add_row("what differs", changed)
    console.print(table)
