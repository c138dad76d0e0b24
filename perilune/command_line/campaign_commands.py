"""`perilune campaign`, `replay`, `compare` and `report`."""

from pathlib import Path
from typing import Annotated

import typer

from .conversation import INTERRUPTED, Json, assignments, err, out, print_json, sentences, toml_value


def campaign(
    mission: Annotated[str, typer.Argument(help="A built-in mission's name, or the path of a mission file.")],
    runs: Annotated[int | None, typer.Option(help="How many landings: runs 0, 1, … (default: 1024).")] = None,
    halfwidth: Annotated[
        float | None,
        typer.Option("--until-halfwidth", help="Instead of --runs: until the landing probability is known to ± this, at 95 %."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all runs.", min=0, max=2**32 - 1)] = 0,
    healthy: Annotated[bool, typer.Option("--healthy", help="Without the mission's faults.")] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE[@WHEN]", help="Add or change a fault of all runs; WHEN as start_s=600,duration_s=5."),
    ] = None,
    priors: Annotated[
        Path | None,
        typer.Option("--faults", metavar="FILE", help="What may fail by chance: a table of priors (TOML), docs/campaigns.md."),
    ] = None,
    put: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value.")] = None,
    beginning: Annotated[str, typer.Option("--from", metavar="orbit|pdi", help="As `fly` has it.")] = "pdi",
    design: Annotated[str, typer.Option(metavar="random|lhs|sobol", help="How runs are laid out.")] = "random",
    workers: Annotated[int | None, typer.Option(help="Processes, one a core (default: all cores).")] = None,
    device: Annotated[str, typer.Option(metavar="cpu|gpu", help="What flies them (default: a GPU if JAX sees one).")] = "auto",
    scheduler: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help="Fly on the workers of this Dask scheduler: docs/cluster.md.")
    ] = "",
    folder: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Where its runs are kept: a folder, or s3://… as fsspec knows it.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the campaign that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Fly many landings: how probable a landing is, and why the others were lost. Ctrl-C leaves what --resume goes on with."""
    from .campaigning import Broken, Going, Layout, Means, default_folder, fly_with_display, how_many, plan_of
    from .campaigning import tell as tell_campaign
    from .fault_words import asked

    with sentences():
        from perilune.campaign.plan import frozen

        values = {path: toml_value(text) for path, text in assignments(put or [], "--set").items()}
        broken, length = Broken(healthy, frozen(asked(fault or [])), priors), how_many(runs, halfwidth)
        plan = plan_of(mission, seed, broken, values, Layout(beginning, design, device), length)
        target = folder or default_folder(plan)
        going = Going(resume, Means(workers, scheduler))
        try:
            tally = fly_with_display(plan, target, length, going, None if as_json else err)
        except KeyboardInterrupt:
            err.print(f"perilune: interrupted; what was flown is kept: the same command with --resume --out {target} goes on.",
                      style="yellow", markup=False, soft_wrap=True)  # fmt: skip
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({**tally.as_json(), "archive": str(target)})
    else:
        tell_campaign(tally, target, out)


def replay(
    folder: Annotated[str, typer.Argument(help="A campaign's folder.")],
    run: Annotated[int, typer.Option(help="Which of its runs.")],
    target: Annotated[Path | None, typer.Option("--out", help="Where the flight goes (default: beside the runs).")] = None,
    plot: Annotated[bool, typer.Option(help="Draw the figures.")] = True,
    as_json: Json = False,
) -> None:
    """Fly one run of a campaign again with its whole history, and prove by its digest that it is the same run."""
    from .flying import draw, tell

    with sentences():
        from perilune.campaign.build import build
        from perilune.campaign.replay import fly_again

        from .entry import as_json as flight_json
        from .entry import with_cause, write_flight

        flight = with_cause(fly_again(folder, run, build()))
        archive = target or (Path(f"replay-{run}") if "://" in folder else Path(folder) / f"replay-{run}")
        write_flight(flight, archive)
        figures = draw(flight, archive, ("png",)) if plot else []
        if as_json:
            print_json({**flight_json(flight), "archive": str(archive), "figures": [str(path) for path in figures]})
        else:
            tell(flight, archive, figures, out)
            out.print(f"Run {run}, to the last bit: its digest is that of the campaign's row.", markup=False)


def compare(
    first: Annotated[str, typer.Argument(help="A campaign's folder.")],
    second: Annotated[str, typer.Argument(help="Another's, of the same seed.")],
    as_json: Json = False,
) -> None:
    """Compare two campaigns run by run: what one design saves and what it loses, by common chance."""
    with sentences():
        from perilune.campaign.compare import compare as compare_campaigns

        from .campaigning import tell_comparison

        found = compare_campaigns(first, second)
    if as_json:
        print_json(found.as_json())
    else:
        tell_comparison(found, out)


def report(
    folder: Annotated[str, typer.Argument(help="A campaign's folder.")],
    target: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Where the page goes (default: report.html beside the runs).")
    ] = None,
    worst: Annotated[int, typer.Option(help="How many of the worst runs it tells.", min=0, max=200)] = 10,
    as_json: Json = False,
) -> None:
    """Make a page of a campaign: one HTML file with figures, to read on screen or paper, that needs nothing from elsewhere."""
    with sentences():
        from .reporting import as_json as report_json
        from .reporting import write_report

        written = write_report(folder, target, worst)
    if as_json:
        print_json(report_json(written))
    else:
        out.print(f"Written to {written.address}.", markup=False, soft_wrap=True)


def add_campaigns(app: typer.Typer) -> None:
    """Put these commands among the others."""
    app.command()(campaign)
    app.command()(replay)
    app.command()(compare)
    app.command()(report)
