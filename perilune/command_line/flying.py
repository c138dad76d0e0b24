"""`perilune fly`: the display while it flies and the story at its end."""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.status import Status
from rich.table import Table

from perilune.assessment.flight import Flight
from perilune.assessment.outcome import RestFigures
from perilune.assessment.propulsion import propulsion_figures
from perilune.foundation.errors import UserError
from perilune.simulation.fault_rows import words

from .entry import fly

COLOURS = {"landed": "green", "hard_landing": "yellow", "crashed": "red", "tipped": "red", "timeout": "red",
           "diverged": "red"}  # fmt: skip
SEVERITIES = {"info": "", "notice": "cyan", "warning": "yellow", "critical": "red"}


class Interrupt:
    """Ctrl-C that cannot get lost: raised at once, and again at the next look if a callback swallowed it."""

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> "Interrupt":
        self.before, self.hook = signal.signal(signal.SIGINT, self.note), sys.unraisablehook
        sys.unraisablehook = self.swallowed
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGINT, self.before)
        sys.unraisablehook = self.hook

    def swallowed(self, problem) -> None:
        """A Ctrl-C that a callback swallowed is not shown: `look` raises it again."""
        if not issubclass(problem.exc_type, KeyboardInterrupt):
            self.hook(problem)

    def note(self, *_) -> None:
        """The handler."""
        self.came = True
        raise KeyboardInterrupt

    def look(self) -> None:
        """Raise what came."""
        if self.came:
            raise KeyboardInterrupt


def default_folder(
    mission: str, seed: int, healthy: bool, faults: dict[str, Any], values: dict[str, Any], beginning: str = "pdi",
    flight_software: str | None = None,
) -> Path:  # fmt: skip
    """out/NAME-seed-N, or …-healthy, or …-orbit; what --fault, --set and --flight-software change, and a file's folder, by six
    digits of their digest."""
    where = str(Path(mission).resolve().parent) if Path(mission).suffix == ".toml" else ""
    own = [flight_software] if flight_software else []
    changed = json.dumps([faults, values, where, *own], sort_keys=True, default=str) if faults or values or where or own else ""
    mark = f"-{hashlib.sha256(changed.encode()).hexdigest()[:6]}" if changed else ""
    return (
        Path("out")
        / f"{Path(mission).stem}-seed-{seed}{'-healthy' if healthy else ''}{'' if beginning == 'pdi' else f'-{beginning}'}{mark}"
    )


def prepare_folder(folder: Path) -> None:
    """Find out before flying whether the archive could be written. Raises UserError."""
    try:
        refuse_folder(folder)
    except OSError as problem:
        raise UserError(f"Output folder {folder} cannot be used: {problem.strerror}; choose another --out.") from None


FIGURES = ("descent", "trajectory", "estimate_errors", "range_finder", "orbit")
OURS = {"flight.json", "truth.parquet", "onboard.parquet", "telemetry.parquet", "orbit.parquet"}
OURS |= {f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")}


def refuse_folder(folder: Path) -> None:
    """Raise UserError for a folder that must not or cannot be replaced."""
    if folder.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise UserError(f"Output folder {folder} is the folder you are in or above it: name a folder of its own with --out.")
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not existing.is_dir():
        raise UserError(f"Output folder {folder}: {existing} is a file; give a folder with --out.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"Output folder {folder} cannot be written: no permission in {existing}; choose another --out.")
    if folder.exists() and (os.path.ismount(folder) or not os.access(folder.absolute().parent, os.W_OK | os.X_OK)):
        raise UserError(f"Output folder {folder} cannot be replaced where it stands: name a new folder inside it with --out.")
    held = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if held - OURS or (held and "flight.json" not in held):
        raise UserError(f"Output folder {folder} holds other things: give an empty or new folder with --out.")


class Asked(NamedTuple):
    """A flight as the command line was asked for it."""

    mission: str
    seed: int
    healthy: bool
    faults: dict[str, Any]
    values: dict[str, Any]
    beginning: str = "pdi"
    flight_software: str | None = None

    def fly(self, watch: Callable) -> Flight:
        """Fly it."""
        mission, seed, healthy, faults, values, beginning, own = self
        return fly(mission, seed, healthy, faults, values, watch, beginning, own)


def fly_with_display(asked: Asked, console: Console | None) -> Flight:
    """Fly, with a line that moves where a person watches. Ctrl-C ends it between two chunks at the latest."""
    with Interrupt() as interrupt:
        flight = fly_watched(asked, console, interrupt)
        interrupt.look()
        return flight


def fly_watched(asked: Asked, console: Console | None, interrupt: Interrupt) -> Flight:
    """The flight itself."""
    if console is None or not console.is_terminal:
        return asked.fly(lambda _: interrupt.look())
    status = Status("Preparing (the first flight on a machine compiles for some seconds) …", console=console)

    def watch(now) -> None:
        interrupt.look()
        status.update(
            f"T+{now.time_s:6.1f} s  [bold]{now.phase}[/]  {now.height_above_terrain_m / 1e3:7.3f} km above the ground  "
            f"{now.speed_mps:7.1f} m/s  {now.propellant_kg:6.1f} kg propellant"
        )

    with status:
        return asked.fly(watch)


def tell(flight: Flight, folder: Path, figures: list[Path], console: Console) -> None:
    """The story of a flight on the terminal."""
    outcome = flight.outcome
    faults = ", ".join(words(name, value) for name, value in flight.faults.items()) or "none"
    console.print(f"{flight.title}  {flight.chance}, faults: {faults}", style="bold", markup=False)
    if not flight.flew_built_in():
        console.print(f"Flight software: {flight.flight_software['name']}", markup=False)
    if flight.orbit:
        console.print(orbit_table(flight.orbit))
    console.print(timeline(flight))
    word = outcome.outcome.replace("_", " ").upper()
    console.print(f"[bold {COLOURS[outcome.outcome]}]{word}[/]  {outcome.reason}")
    hit = flight.orbit.get("impact")
    if outcome.touchdown and not hit:
        console.print(margin_table(flight))
        t = outcome.touchdown
        console.print(
            f"Touchdown at T+{t.time_s:.1f} s, {t.latitude_deg:.4f}° N {t.longitude_deg:.4f}° E, tilt {t.tilt_deg:.1f}° "
            f"on a slope of {t.slope_deg:.1f}°, {t.propellant_kg:.1f} kg of propellant left."
        )
    if outcome.rest:
        console.print(rest_line(outcome.rest))
    if flight.cause.get("chain"):
        console.print(f"[bold]First cause[/] ({flight.cause['cause']}), told from onboard telemetry alone:")
        for line in flight.cause["chain"]:
            console.print(f"  {line}", markup=False)
    if flight.cause.get("reaction") and outcome.outcome == "crashed":
        console.print("Where the time between first valid range and full thrust went:")
        for step in flight.cause["reaction"]:
            console.print(f"  {step['seconds']:4.1f} s  {step['cause']}", markup=False)
    if not hit:
        console.print(propulsion_lines(flight))
    speed = flight.speed
    rate = "" if hit else f" ({speed['real_time_factor']:.0f} × real time)"
    console.print(
        f"Compiled in {speed['compile_s']:.1f} s, flown in {speed['run_s']:.2f} s{rate}. "
        f"Archive{' and figures' if figures else ''}: {folder}",
        markup=False,
        soft_wrap=True,
    )


def propulsion_lines(flight: Flight) -> str:
    """What pulsing cost."""
    figures = propulsion_figures(flight)
    lines = [
        f"{phase.capitalize()}: effective throttle {f['effective_throttle']:.3f} (ripple {f['throttle_ripple']:.3f}), engine "
        f"torque {f['torque_mean_nm']:.1f} N m (ripple {f['torque_ripple_nm']:.1f})."
        for phase, f in figures["phases"].items()
    ]
    lines.append(
        f"Starts cost {figures['start_loss_kg']:.2f} kg of propellant, {figures['specific_impulse_loss_s']:.2f} s of "
        "specific impulse."
    )
    return "\n".join(lines)


def timeline(flight: Flight) -> Table:
    """Events as a table."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (("T+ s", "right"), ("above ground", "right"), ("speed", "right"), ("event", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for event in flight.events:
        height = event.height_above_terrain_m
        shown = f"{height / 1e3:.2f} km" if height > 2000 else f"{height:.0f} m"
        table.add_row(f"{event.time_s:.1f}", shown, f"{event.speed_mps:.1f} m/s", event.text, style=SEVERITIES[event.severity])
    return table


def orbit_table(orbit: dict[str, Any]) -> Table:
    """The orbit phase in a few rows."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("T+ s", justify="right")
    table.add_column("orbit phase", overflow="fold")
    o = orbit
    rows = [
        (o["start_s"], "In the parking orbit, off its determination by this run's error."),
        (o["burn_start_s"], f"Main engine lit for the descent orbit: {o['delta_velocity_planned_mps']:.3f} m/s planned."),
        (
            o["burn_end_s"],
            f"Cut off after {o['burn_end_s'] - o['burn_start_s']:.1f} s: {o['delta_velocity_felt_mps']:.3f} m/s felt, "
            f"{o['delta_velocity_flown_mps']:.3f} m/s flown, {o['propellant_burnt_kg']:.2f} kg of propellant burnt "
            f"({o['propellant_planned_kg']:.2f} planned); perilune left at {o['perilune_height_above_sphere_m'] / 1e3:.2f} km "
            "above the sphere.",
        ),
    ]
    if hit := o["impact"]:
        rows.append(
            (
                hit["time_s"],
                f"The ground: {hit['speed_mps']:.0f} m/s, {hit['flight_path_angle_deg']:.2f}° from the horizon, "
                f"{hit['after_burn_s'] / 60.0:.1f} min after the burn, "
                f"{hit['latitude_deg']:.2f}° N {hit['longitude_deg']:.2f}° E.",
            )
        )
    else:
        rows += [(0.0, said) for said in arrival_lines(o)]
    for when, said in rows:
        table.add_row(f"{when:.1f}", said)
    return table


def arrival_lines(orbit: dict[str, Any]) -> list[str]:
    """Navigation's error at mission time 0 against what it believed of it."""
    lines = []
    for what, unit, digits in (("position", "m", 0), ("velocity", "mps", 3)):
        error, sigma = orbit[f"{what}_error_rtn_{unit}"], orbit[f"{what}_sigma_rtn_{unit}"]
        parts = ", ".join(
            f"{e:+.{digits}f} ± {s:.{digits}f} {way}"
            for e, s, way in zip(error, sigma, ("radial", "along", "across"), strict=True)
        )
        lines.append(f"Onboard {what} error ± 1 sigma believed, {'m' if unit == 'm' else 'm/s'}: {parts}.")
    return lines


def rest_line(rest: RestFigures) -> str:
    """How it stood in the end."""
    when = f"At rest {rest.time_s:.1f} s later" if rest.is_at_rest else f"Not at rest {rest.time_s:.0f} s later"
    return (
        f"{when}: {rest.tilt_deg:.1f}° from upright, heading {rest.heading_deg:.0f}°, {rest.clearance_m:.2f} m under the body; "
        f"struts loaded to {1e-3 * rest.peak_load_n:.1f} kN and {100.0 * rest.peak_stroke_m:.0f} cm of stroke, "
        f"pads {100.0 * rest.sinkage_m:.0f} cm deep."
    )


def margin_table(flight: Flight) -> Table:
    """Requirements against what was flown."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (("requirement", "left"), ("limit", "right"), ("flown", "right"), ("margin", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for margin in flight.outcome.margins:
        name = margin.requirement.rsplit("_", 1)[0].replace("_", " ")
        table.add_row(
            name, f"{margin.limit:g} {margin.unit}", f"{margin.value:.2f} {margin.unit}", f"{margin.left:+.2f}",
            style="" if margin.left >= 0 else "red",
        )  # fmt: skip
    return table


def draw(flight: Flight, folder: Path, kinds: tuple[str, ...]) -> list[Path]:
    """Draw a flight's figures into a folder, with the mission's published readouts where it has some."""
    from perilune.report.figures import draw_all
    from perilune.telemetry import readouts as published

    return draw_all(flight, published.read(flight.readouts) if flight.readouts else None, folder, kinds)
