"""`perilune campaign`, `replay` and `compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .conversation import Json, assignments, err, out, print_json, sentences, toml_value

if TYPE_CHECKING:
    pass


def campaign(
    mission: Annotated[str, typer.Argument(help="A built-in mission's name, or the path of a mission file.")],
    runs: Annotated[int, typer.Option(help="How many landings: runs 0, 1, ….")] = 1024,
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
    put: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value.")] = None,
    beginning: Annotated[str, typer.Option("--from", metavar="orbit|pdi", help="As `fly` has it.")] = "pdi",
    design: Annotated[str, typer.Option(metavar="random|lhs|sobol", help="How runs are laid out.")] = "random",
    workers: Annotated[int | None, typer.Option(help="Processes, one a core (default: all cores).")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Where its runs are kept.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the campaign that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Fly many landings: how probable a landing is, and why the others were lost. Ctrl-C leaves what --resume goes on with."""
    from .campaigning import Going, Layout, default_folder, fly_with_display, plan_of
    from .campaigning import tell as tell_campaign
    from .fault_words import asked

    with sentences():
        from perilune.campaign.stopping import StopRule

        values = {path: toml_value(text) for path, text in assignments(put or [], "--set").items()}
        plan = plan_of(mission, seed, healthy, asked(fault or []), values, Layout(beginning, design, runs))
        target = folder or default_folder(plan)
        how_many = StopRule(halfwidth) if halfwidth is not None else runs
        tally = fly_with_display(plan, target, how_many, Going(resume, workers), None if as_json else err)
    if as_json:
        print_json({**tally.as_json(), "archive": str(target)})
    else:
        tell_campaign(tally, target, out)


def replay(
    folder: Annotated[Path, typer.Argument(help="A campaign's folder.")],
    run: Annotated[int, typer.Option(help="Which of its runs.")],
    target: Annotated[Path | None, typer.Option("--out", help="Where the flight goes (default: beside the runs).")] = None,
    plot: Annotated[bool, typer.Option(help="Draw the figures.")] = True,
    as_json: Json = False,
) -> None:
    """Fly one run of a campaign again with its whole history, and prove by its digest that it is the same run."""
    from .flying import draw, tell

    with sentences():
        from perilune.campaign.replay import fly_again

        from .campaigning import build
        from .entry import as_json as flight_json
        from .entry import with_cause, write_flight

        flight = with_cause(fly_again(folder, run, build()))
        archive = target or folder / f"replay-{run}"
        write_flight(flight, archive)
        figures = draw(flight, archive, ("png",)) if plot else []
        if as_json:
            print_json({**flight_json(flight), "run": run, "archive": str(archive), "figures": [str(path) for path in figures]})
        else:
            tell(flight, archive, figures, out)
            out.print(f"Run {run}, to the last bit: its digest is that of the campaign's row.", markup=False)


def compare(
    first: Annotated[Path, typer.Argument(help="A campaign's folder.")],
    second: Annotated[Path, typer.Argument(help="Another's, of the same seed.")],
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


def add_campaigns(app: typer.Typer) -> None:
    """Put these commands among the others."""
    app.command()(campaign)
    app.command()(replay)
    app.command()(compare)
