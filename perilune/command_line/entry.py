"""The Python entry points: fly a mission, read a flight back, write it out."""

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perilune.assessment.flight import BUILT_IN, Event, Flight
from perilune.assessment.outcome import Margin, Outcome, RestFigures, TouchdownFigures
from perilune.assessment.propulsion import propulsion_figures
from perilune.campaign.build import commit
from perilune.foundation.errors import UserError
from perilune.simulation.checks import check_faults, with_mission_faults
from perilune.simulation.mission import Mission

if TYPE_CHECKING:
    from perilune.interface.flight_computer import FlightComputer


def faults_of(mission: Mission, healthy: bool, extra: dict[str, Any]) -> dict[str, Any]:
    """The faults to fly: the mission's own (unless healthy) with `extra` put in or over them."""
    faults = with_mission_faults(mission, healthy, extra)
    check_faults(faults, mission, mission.name)
    return faults


def fly(
    mission: str | Mission,
    seed: int = 0,
    healthy: bool = False,
    faults: dict[str, Any] | None = None,
    overrides: dict[str, Any] | None = None,
    watch: Callable | None = None,
    beginning: str = "pdi",
    flight_software: "FlightComputer | str | None" = None,
) -> Flight:
    """Fly one landing and return it with outcome, events, cause and every channel.

    `mission`: a built-in name, the path of a mission file, or a Mission. `seed`: which dispersions and noise; the
    same seed on the same machine flies the same flight. `healthy`: without the mission's faults. `faults`: name →
    magnitude, or a table with `magnitude` and when it strikes (`start_s`, `below_m`, `event` or `phase`; `delay_s`,
    `duration_s`), added or replacing. `overrides`: dotted path → value, put into the mission file. `watch`: called with
    a Progress every 10 s of mission time. `beginning`: “pdi”, a little before powered descent, or “orbit”, in the parking orbit
    of the mission's table [orbit]. `flight_software`: what flies in the place of the built-in software, an object of a class
    derived from `perilune.interface.flight_computer.FlightComputer`, or where such a class is found, as “module:Class” or
    “path/to/file.py:Class”. Raises UserError with one sentence for a mistake in any of them.
    """
    from perilune.campaign.batch import Batch
    from perilune.campaign.one import fly_one
    from perilune.foundation.compilation import use_cache
    from perilune.simulation.load import load

    from .own_class import load_computer

    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise UserError(f"seed = {seed!r}: a seed is a whole number from 0 to 4294967295.")
    if isinstance(mission, Mission):
        if overrides:
            raise UserError("overrides go with a mission's name or path, not with a Mission that is already built.")
        read = mission
    else:
        read = load(mission, overrides)
    use_cache()
    own = load_computer(flight_software) if isinstance(flight_software, str) else flight_software
    return with_cause(fly_one(Batch(read, beginning, own), seed, faults_of(read, healthy, faults or {}), watch))


def with_cause(flight: Flight) -> Flight:
    """The flight with its first cause and the chain from there."""
    from perilune.investigation.causes import cause_of
    from perilune.investigation.timeline import reaction_chain

    cause = cause_of(flight)
    if flight.orbit.get("impact"):
        return replace(flight, cause=cause)
    # The chain's steps are those of the built-in software: how it agrees, confirms and changes mode.
    has_waited = flight.event("below_gate_without_range") is not None and flight.flew_built_in()
    return replace(flight, cause={**cause, "reaction": reaction_chain(flight) if has_waited else []})


def finite_or_none(value: Any) -> Any:
    """The same with NaN and infinities as None: strict JSON has no word for them."""
    if isinstance(value, dict):
        return {key: finite_or_none(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [finite_or_none(x) for x in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(flight: Flight) -> dict[str, Any]:
    """The flight without its channels, for machines."""
    return finite_or_none(told(flight))


def told(flight: Flight) -> dict[str, Any]:
    """What `as_json` says, before its strictness."""
    return {
        "mission": flight.mission,
        "title": flight.title,
        "seed": flight.seed,
        "run": flight.run,
        "flight_software": flight.flight_software,
        "scenario_digest": flight.scenario_digest,
        "faults": flight.faults,
        **flight.outcome.as_dict(),
        "cause": flight.cause,
        "propulsion": propulsion_figures(flight),
        "events": [asdict(event) for event in flight.events],
        "digest": flight.digest,
        "speed": flight.speed,
        **({"orbit": flight.orbit} if flight.orbit else {}),
    }


def write_flight(flight: Flight, folder: Path) -> None:
    """Archive a flight: DESIGN §7's folder, whole or absent."""
    import jax

    from perilune import __version__
    from perilune.telemetry import archive
    from perilune.telemetry.dictionary import ONBOARD, TRUTH
    from perilune.telemetry.link import downlinked

    time = {"time_s": flight.time}
    end = flight.outcome.touchdown.time_s if flight.outcome.touchdown else float(flight.time[-1])
    header = {
        **as_json(flight),
        "version": __version__,
        "commit": commit(),
        "device": f"{jax.default_backend()}: {jax.devices()[0].device_kind}",
        "readouts": flight.readouts,
        "readouts_credit": flight.readouts_credit,
        "drawn": finite_or_none(flight.drawn),
        "resolved": finite_or_none(flight.resolved),
    }
    archive.write(
        folder,
        header,
        {
            "truth": time | {c.name: flight.channels[c.name] for c in TRUTH},
            "onboard": time | {c.name: flight.channels[c.name] for c in ONBOARD},
            "telemetry": downlinked(flight.channels, end),
            **({"orbit": flight.way} if flight.way else {}),
        },
    )


def read_flight(folder: str | Path) -> Flight:
    """A flight from its archive. Raises UserError with one sentence."""
    from perilune.telemetry import archive

    header, channels = archive.read(Path(folder))
    try:
        return flight_of(header, channels, archive.read_way(Path(folder)))
    except (KeyError, TypeError) as problem:
        raise UserError(f"The archive {folder} is not whole: {problem} is missing or of another kind.") from None


def numbers_back(row: dict[str, Any]) -> dict[str, Any]:
    """A row of figures with None as NaN again."""
    return {key: math.nan if value is None else value for key, value in row.items()}


def flight_of(header: dict[str, Any], channels: dict[str, Any], way: dict[str, Any]) -> Flight:
    """A flight from an archive's header, channels and history of the orbit phase."""
    touchdown, rest = header["touchdown"], header["rest"]
    margins = tuple(Margin(m["requirement"], m["limit"], m["value"], m["unit"]) for m in header["margins"])
    return Flight(
        mission=header["mission"],
        title=header["title"],
        seed=header["seed"],
        scenario_digest=header["scenario_digest"],
        faults=header["faults"],
        channels=channels,
        events=tuple(Event(**numbers_back(event)) for event in header["events"]),
        outcome=Outcome(
            header["outcome"],
            header["reason"],
            TouchdownFigures(**touchdown) if touchdown else None,
            margins,
            RestFigures(**(rest | {"broken_legs": tuple(rest["broken_legs"])})) if rest else None,
        ),
        digest=header["digest"],
        speed=header["speed"],
        cause=header["cause"],
        drawn=header["drawn"],
        resolved=header["resolved"],
        readouts=header["readouts"],
        readouts_credit=header["readouts_credit"],
        orbit=header.get("orbit", {}),
        way=way,
        flight_software=header.get("flight_software", dict(BUILT_IN)),
        run=header.get("run", 0),
    )
