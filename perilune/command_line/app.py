"""The `perilune` command."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .campaign_commands import add_campaigns
from .conversation import Json, assignments, err, out, print_json, sentences, toml_value

app = typer.Typer(
    help="Will a lunar lander land, and if not, why not, and what would have saved it?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def missions(as_json: Json = False) -> None:
    """List the built-in missions, one line each."""
    from perilune.simulation.mission import built_in, parse, read_table

    with sentences():
        found = {name: parse(*read_table(name)).title for name in built_in()}
    if as_json:
        print_json([{"name": name, "title": title} for name, title in found.items()])
        return
    for name, title in found.items():
        out.print(f"{name}  {title}", markup=False)


@app.command()
def show(mission: str, as_json: Json = False) -> None:
    """Print a resolved mission: every value with its unit and source."""
    from .show import rows, show_table

    with sentences():
        from perilune.simulation.load import load

        read = load(mission)
        if as_json:
            print_json({"mission": read.name, "title": read.title, "values": [row._asdict() for row in rows(read)]})
        else:
            show_table(read, out)


@app.command()
def check(
    file: str,
    put: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value.")] = None,
    as_json: Json = False,
) -> None:
    """Validate a mission file, maps included. Exit code 2 and one sentence where something is wrong."""
    with sentences():
        from perilune.simulation.load import load
        from perilune.simulation.scenario import read_maps
        from perilune.telemetry.readouts import read as published

        read = load(file, {path: toml_value(text) for path, text in assignments(put or [], "--set").items()})
        read_maps(read)
        if read.reference:
            published(read.reference.readouts)
    if as_json:
        print_json({"mission": read.name, "is_valid": True})
    else:
        out.print(f"{file}: valid ({read.title}).", markup=False)


@app.command()
def schema(as_json: Json = False) -> None:
    """Print the JSON schema of a mission file, for editors; it is JSON with or without --json."""
    from perilune.simulation.mission import Mission

    print_json(Mission.model_json_schema())


@app.command()
def faults(
    target: Annotated[str | None, typer.Argument(help="What can fail, or one kind of fault: each explained.")] = None,
    as_json: Json = False,
) -> None:
    """List the faults that can be flown with --fault NAME=VALUE; those of one target with what they mean."""
    from .fault_words import as_json as kind_json
    from .fault_words import of_target
    from .fault_words import tell as tell_faults

    with sentences():
        kinds = of_target(target)
    if as_json:
        print_json([kind_json(kind) for kind in kinds])
    else:
        tell_faults(kinds, target is None, out)


@app.command()
def sweep(
    mission: Annotated[str, typer.Argument(help="A built-in mission's name, or the path of a mission file.")],
    fault: Annotated[str, typer.Option(metavar="NAME", help="Which fault; NAME@start_s=600 with a trigger.")],
    begin: Annotated[float, typer.Option("--from", help="Its magnitude at one end.")],
    end: Annotated[float, typer.Option("--to", help="And at the other.")],
    points: Annotated[int, typer.Option(help="How many magnitudes.", min=2, max=1000)] = 16,
    runs: Annotated[int, typer.Option(help="Flights of each, seeds 0, 1, ….", min=1, max=1_000_000)] = 32,
    healthy: Annotated[bool, typer.Option("--healthy", help="Without the mission's own faults.")] = False,
    put: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value.")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Where it is kept; the same sweep goes on there.")] = None,
    as_json: Json = False,
) -> None:
    """Draw landing probability and touchdown speed against one fault's magnitude."""
    from dataclasses import asdict

    from .sweeping import default_folder, fly_with_bar, sweep_of
    from .sweeping import draw as draw_sweep
    from .sweeping import tell as tell_sweep

    with sentences():
        values = {path: toml_value(text) for path, text in assignments(put or [], "--set").items()}
        asked_for = sweep_of(mission, fault, (begin, end), (points, runs), healthy, values)
        target = folder or default_folder(asked_for)
        found = fly_with_bar(asked_for, target, None if as_json else err)
        figures = draw_sweep(asked_for, found, target)
    if as_json:
        from .entry import finite_or_none

        said = [finite_or_none({**asdict(p), "share": p.share}) for p in found]
        print_json({"fault": asked_for.fault, "points": said, "archive": str(target), "figures": [str(f) for f in figures]})
    else:
        tell_sweep(asked_for, found, out)
        out.print(f"Kept in {target}; drawn in {figures[0]}.", markup=False, soft_wrap=True)


@app.command()
def fly(
    mission: Annotated[str, typer.Argument(help="A built-in mission's name, or the path of a mission file.")],
    seed: Annotated[int, typer.Option(help="Which dispersions and noise.", min=0, max=2**32 - 1)] = 0,
    healthy: Annotated[bool, typer.Option("--healthy", help="Fly without the mission's faults.")] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE[@WHEN]", help="Add or change a fault; WHEN as start_s=600,duration_s=5."),
    ] = None,
    put: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value.")] = None,
    beginning: Annotated[
        str, typer.Option("--from", metavar="orbit|pdi", help="Begin in the parking orbit, or just before powered descent.")
    ] = "pdi",
    own: Annotated[
        str | None,
        typer.Option(
            "--flight-software", metavar="MODULE|FILE:CLASS", help="Fly software or a law of your own: docs/extending.md"
        ),
    ] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Where the archive goes.")] = None,
    plot: Annotated[bool, typer.Option(help="Draw the figures (PNG; `perilune plot` makes SVG too).")] = True,
    as_json: Json = False,
) -> None:
    """Fly one landing. A lost lander is a result: exit code 0; anything else means that it could not be flown."""
    from .fault_words import asked
    from .flying import Asked, default_folder, draw, fly_with_display, prepare_folder, tell

    with sentences():
        values = {path: toml_value(text) for path, text in assignments(put or [], "--set").items()}
        question = Asked(mission, seed, healthy, asked(fault or []), values, beginning, own)
        target = folder or default_folder(*question)
        prepare_folder(target)
        flight = fly_with_display(question, None if as_json else err)
        from .entry import as_json as flight_json
        from .entry import write_flight

        write_flight(flight, target)
        figures = draw(flight, target, ("png",)) if plot else []
        if as_json:
            print_json({**flight_json(flight), "archive": str(target), "figures": [str(path) for path in figures]})
        else:
            tell(flight, target, figures, out)


@app.command("plot")
def plot_command(folder: Path, as_json: Json = False) -> None:
    """Redraw the figures of an archive, PNG and SVG, into its folder."""
    with sentences():
        from .entry import read_flight
        from .flying import draw

        figures = draw(read_flight(folder), folder, ("png", "svg"))
    if as_json:
        print_json({"figures": [str(path) for path in figures]})
    else:
        for path in figures:
            out.print(str(path), markup=False, soft_wrap=True)


@app.command(context_settings={"ignore_unknown_options": True})  # a southern latitude is not an option
def site(
    latitude: Annotated[float, typer.Argument(help="Degrees north.")],
    longitude: Annotated[float, typer.Argument(help="Degrees east.")],
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", help="package:NAME, or the path of a PDS3 label or GeoTIFF; again for finer maps inside it."),
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="MOMENT", help="For light and shadow, as 2025-06-05T19:17:00Z.")] = None,
    size_km: Annotated[float, typer.Option("--size-km", help="Side of the square.")] = 40.0,
    slope_limit_deg: Annotated[float, typer.Option(help="Steepest ground that the lander may stand on.", min=0, max=90)] = 10.0,
    rock_limit_m: Annotated[float, typer.Option(help="Highest rock that it clears.", min=0.05, max=10)] = 0.3,
    foot_radius_m: Annotated[float, typer.Option(help="Of the circle through its footpads.", min=0.1, max=20)] = 1.5,
    ground: Annotated[str, typer.Option("--ground", help="What lies below the map: mare, highland or none.")] = "mare",
    seed: Annotated[int, typer.Option(help="Of what lies below the map.", min=0, max=2**31 - 1)] = 0,
    target: Annotated[Path, typer.Option("--out", help="The figure to write, .png or .svg.")] = Path("site.png"),
    as_json: Json = False,
) -> None:
    """Draw a landing site: relief, slope, rocks, light and shadow at a moment, and how much of it a lander could stand on."""
    with sentences():
        from .site import Lander, Question, figures_of, moment_of, survey_site
        from .site import draw as draw_figure
        from .site import tell as tell_site

        names = tuple(maps or ["package:mare-frigoris"])
        lander = Lander(slope_limit_deg, rock_limit_m, foot_radius_m)
        surveyed = survey_site(Question(latitude, longitude, names, moment_of(at), size_km, lander, ground, seed))
        figures = figures_of(surveyed)
        picture = draw_figure(surveyed, names[-1], target)
    if as_json:
        print_json({**figures, "figure": str(picture)})
    else:
        tell_site(surveyed, figures, picture, out)


add_campaigns(app)


def main() -> None:
    """Entry point of the `perilune` script."""
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
