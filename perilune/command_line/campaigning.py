"""`perilune campaign`, `replay` and `compare`: the display while they fly, and what they say at the end."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from perilune.campaign.build import build
from perilune.campaign.compare import Comparison
from perilune.campaign.plan import DEVICES, Plan, digest_of, frozen
from perilune.campaign.priors import Prior, read_priors
from perilune.campaign.run import Means, fly_campaign
from perilune.campaign.stopping import StopRule
from perilune.campaign.tally import Tally
from perilune.foundation.compilation import use_processor
from perilune.foundation.errors import UserError
from perilune.investigation.causes import READS, cause_of
from perilune.simulation.load import from_here

MOST_RUNS_SHOWN = 12  # runs that a comparison names
MOST_SHOWN = 6  # outcomes, causes and strata in the live table
DEFAULT_RUNS = 1024
AUTO = "auto"


class Broken(NamedTuple):
    """What fails: without the mission's own faults or with them, those of every run, and the file of those by chance."""

    healthy: bool = False
    faults: tuple[tuple[str, Any], ...] = ()
    priors: Path | None = None


class Layout(NamedTuple):
    """Where flights begin, how runs are laid out, and on what device they fly."""

    beginning: str = "pdi"
    design: str = "random"
    device: str = AUTO


class Going(NamedTuple):
    """Whether to go on with a campaign that is there, and by what means."""

    resume: bool = False
    means: Means = Means()


def device_of(asked: str) -> str:
    """“cpu” or “gpu”; without a wish, the GPU where JAX sees one. Programs of this process are kept to it. Raises UserError."""
    import jax

    if asked not in (AUTO, *DEVICES):
        raise UserError(f"--device {asked}: choose one of {', '.join(DEVICES)}.")
    if asked == "cpu":
        use_processor()
        return asked
    found = jax.default_backend()
    if asked == "gpu" and found != "gpu":
        raise UserError(
            f"--device gpu: JAX sees no GPU here, only a {found}: install jax[cuda13] for it, or leave the option out."
        )
    return found if found in DEVICES else "cpu"


def how_many(runs: int | None, halfwidth: float | None) -> int | StopRule:
    """A number of runs, or the rule that ends them. Raises UserError where both are asked for."""
    if halfwidth is None:
        return DEFAULT_RUNS if runs is None else int(runs) if isinstance(runs, np.integer) else runs
    if runs is not None:
        raise UserError("--runs and --until-halfwidth: give one of them.")
    return StopRule(halfwidth)


def plan_of(mission: str, seed: int, broken: Broken, values: dict[str, Any], laid_out: Layout, runs: int | StopRule) -> Plan:
    """The plan from the command line's words; files by their whole paths, so that it can be replayed from anywhere.
    Raises UserError."""
    where = str(Path(mission).resolve()) if Path(mission).is_file() else mission
    length = runs if laid_out.design == "lhs" and isinstance(runs, int) else 0
    priors: tuple[Prior, ...] = read_priors(broken.priors) if broken.priors else ()
    return Plan(
        where, seed, broken.healthy, broken.faults, frozen(from_here(values)), laid_out.beginning, laid_out.design, length,
        build(), priors, device_of(laid_out.device),
    )  # fmt: skip


def default_folder(plan: Plan) -> Path:
    """out/campaign-MISSION-…, by six digits of its digest."""
    return Path("out") / f"campaign-{Path(plan.mission).stem}-{plan.seed}-{digest_of(plan)[:6]}"


def as_time(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def words_of(p: dict[str, Any]) -> str:
    """A probability with its interval."""
    if p["estimate"] is None:
        return f"not known yet: {p['method']}"
    more = f"; {p['neglected']:.1e} not flown" if p.get("neglected") else ""
    return f"{p['estimate']:.4f}   (95 %: {p['low']:.4f} … {p['high']:.4f}, {p['method']}{more})"


def shown(tally: Tally) -> Table:
    """How it stands."""
    rate, p = tally.landings_per_s, tally.probability()
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    left = as_time((tally.asked - tally.runs) / rate) if rate else "…"
    speed = f"; {rate:.1f} landings/s, {left} to go" if rate else ""
    table.add_row("runs", f"{tally.runs} of {tally.asked}{speed}")
    if tally.runs:
        within = tally.within()
        table.add_row("landed", words_of(p))
        table.add_row("within requirements", "not known yet" if within is None else f"{within:.4f}")
        table.add_row("outcomes", ", ".join(f"{n} {name}" for name, n in tally.outcomes.most_common(MOST_SHOWN)))
        causes = ", ".join(f"{n} {name}" for name, n in tally.first_causes.most_common(MOST_SHOWN))
        table.add_row("first causes", causes or "none")
    return table


def shown_strata(tally: Tally) -> Table:
    """What each kind of run adds to the loss, the most first."""
    table = Table(box=None, pad_edge=False)
    for title in ("what fails", "probability*", "runs", "lost", "P(loss | it)", "part of P(loss)"):
        table.add_column(title, justify="left" if title == "what fails" else "right")
    rows = tally.as_json()["strata"]
    for row in sorted(rows, key=lambda row: -(row["part_of_loss"] or 0.0)):
        loss = row["loss"]
        share = "" if loss["estimate"] is None else f"{loss['estimate']:.3f} ({loss['low']:.3f} … {loss['high']:.3f})"
        part = "" if row["part_of_loss"] is None else f"{row['part_of_loss']:.5f}"
        table.add_row(row["name"], f"{row['probability']:.5f}", str(row["runs"]), str(row["lost"]), share, part)
    table.caption = "* assumptions: each follows from the priors of the file, not from flights"
    table.caption_justify = "left"
    return table


def fly_with_display(plan: Plan, folder: str | Path, runs: int | StopRule, going: Going, console: Console | None) -> Tally:
    """Fly, with a live table where a person watches."""
    explain = (cause_of, READS)
    if console is None or not console.is_terminal:
        return fly_campaign(plan, folder, runs, going.resume, going.means, explain)
    with Live(console=console, refresh_per_second=2) as live:
        return fly_campaign(plan, folder, runs, going.resume, going.means, explain, lambda tally: live.update(shown(tally)))


def tell(tally: Tally, folder: str | Path, console: Console) -> None:
    """The end of it."""
    console.print(shown(tally))
    if tally.strata:
        console.print(shown_strata(tally))
    console.print(
        f"Kept in {folder}. A page of it: perilune report {folder}; any run again, with its story: "
        f"perilune replay {folder} --run K",
        markup=False, soft_wrap=True,
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
    table.add_row(
        "second less first",
        f"{d.difference:+.4f}   (95 %: {d.low:+.4f} … {d.high:+.4f}; McNemar p = {d.p_value:.2g}, runs as laid out)",
    )
    for title, runs in (("saved", found.saved), ("lost", found.lost)):
        more = f" and {len(runs) - MOST_RUNS_SHOWN} more" if len(runs) > MOST_RUNS_SHOWN else ""
        table.add_row(title, (", ".join(str(k) for k in runs[:MOST_RUNS_SHOWN]) or "none") + more)
    for change, count in found.outcomes.items():
        table.add_row("", f"{count} {change}")
    for changed in found.changed:
        table.add_row("what differs", changed)
    console.print(table)
