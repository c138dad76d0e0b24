"""Faults as people ask for them (kind, part, magnitude, when, for how long) laid out as the table that flies.

`Wanted` is a fault of a mission file, a command line or a call. Its name may end in a part: “assist_engine.stuck_closed.3”;
without one, all parts of the kind fail. Magnitudes and times may be one for all lanes of a batch or one a lane.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from perilune.foundation.errors import UserError
from perilune.interface.events import ALL, INDEX
from perilune.world.faults import CATALOGUE, SLOTS, FaultKind
from perilune.world.faults.kinds import ROWS

from .nearest import nearest

TRIGGERS = ("start_s", "below_m", "event")
ENDS = ("touchdown", "time_limit", "diverged")  # events that no fault can follow
# A phase begins with an event.
PHASES = {
    "braking": "powered_descent_initiation",
    "pitch-up": "braking_end",
    "descent hold": "upright",
    "terminal descent": "terminal_descent_start",
    "final metres": "main_engine_off",
}
OPPOSITES = (("stuck_open", "stuck_closed"), ("said_valid", "said_invalid"), ("early", "dead"))


@dataclass(frozen=True)
class Wanted:
    """One fault: its kind, the part that fails (empty: all), magnitude and trigger. Times in s, height in m above the ground."""

    kind: FaultKind
    part: str
    magnitude: Any
    start_s: Any = None
    below_m: Any = None
    event: str | None = None
    delay_s: Any = 0.0
    duration_s: Any = None
    cause: str = ""

    @property
    def name(self) -> str:
        """As it is written."""
        return f"{self.kind.name}.{self.part}" if self.part else self.kind.name

    def given(self) -> list[str]:
        """The triggers that are said."""
        return [name for name in TRIGGERS if getattr(self, name) is not None]

    @property
    def is_triggered(self) -> bool:
        """Whether it begins at something else than the flight's beginning, or ends."""
        return bool(self.given()) or self.duration_s is not None

    @property
    def waits(self) -> bool:
        """Whether anything is said of when it strikes."""
        return self.is_triggered or bool(np.any(np.asarray(self.delay_s) != 0.0))

    def trigger(self) -> tuple:
        """What tells its trigger from another's; lanes with their own times have a trigger of their own."""
        return tuple(
            tuple(np.asarray(x, float).ravel()) if isinstance(x, list | tuple | np.ndarray) else x
            for x in (self.start_s, self.below_m, self.event, self.delay_s, self.duration_s)
        )

    def as_json(self) -> float | dict[str, Any]:
        """The magnitude alone where it strikes from the start, else a table as in a mission file."""
        if not self.waits:
            return float(self.magnitude)
        said: dict[str, Any] = {"magnitude": float(self.magnitude)}
        said |= {name: getattr(self, name) for name in self.given()}
        said |= {"delay_s": self.delay_s} if self.delay_s else {}
        said |= {"duration_s": self.duration_s} if self.duration_s is not None else {}
        return said | ({"cause": self.cause} if self.cause else {})


def kind_and_part(name: str, where: str) -> tuple[FaultKind, str]:
    """The kind and part that a name says. Raises UserError."""
    if name in CATALOGUE:
        return CATALOGUE[name], ""
    whole, _, part = name.rpartition(".")
    if whole in CATALOGUE:
        kind = CATALOGUE[whole]
        if part in kind.elements:
            return kind, part
        known = f"its parts are {', '.join(kind.elements)}" if kind.elements else "it has no parts"
        raise UserError(f"{where}: fault {whole} has no part “{part}”: {known}.")
    raise UserError(
        f"{where}: unknown fault “{name}”.{nearest(name, CATALOGUE)} `perilune faults` lists the {len(CATALOGUE)} there are."
    )


def wanted(name: str, value: Any, where: str) -> Wanted:
    """A fault by name from its magnitude or its table. Raises UserError with one sentence."""
    kind, part = kind_and_part(name, where)
    table = dict(value) if isinstance(value, Mapping) else {"magnitude": value}
    if phase := table.pop("phase", ""):
        if phase not in PHASES:
            raise UserError(
                f"{where}: fault {name}: unknown phase “{phase}”.{nearest(phase, PHASES)} Known: {', '.join(PHASES)}."
            )
        if table.get("event"):
            raise UserError(f"{where}: fault {name}: give phase or event, not both.")
        table["event"] = PHASES[phase]
    table.pop("text", None)
    table["event"] = table.get("event") or None
    if unknown := set(table) - {"magnitude", "delay_s", "duration_s", "cause", *TRIGGERS}:
        raise UserError(f"{where}: fault {name}: unknown key {min(unknown)}.")
    if "magnitude" not in table:
        raise UserError(f"{where}: fault {name} needs a magnitude.")
    for key in ("magnitude", "start_s", "below_m", "delay_s", "duration_s"):
        if table.get(key) is None and key not in ("magnitude", "delay_s"):
            continue
        try:
            np.asarray(table.get(key, 0.0), float) + 0.0
            is_number = table.get(key, 0.0) is not None and np.size(table.get(key, 0.0)) > 0
        except (TypeError, ValueError):
            is_number = False
        if not is_number:
            raise UserError(f"{where}: fault {name}: {key} = {table.get(key)!r} is not a number.")
    fault = Wanted(kind, part, **table)
    check_magnitude(fault, where)
    check_trigger(fault, where)
    return fault


def check_magnitude(fault: Wanted, where: str) -> None:
    """Inside the kind's range."""
    kind, values = fault.kind, np.asarray(fault.magnitude, float)
    if not np.all(np.isfinite(values)) or np.any((values < kind.lower) | (values > kind.upper)):
        bad = values.ravel()[~((values >= kind.lower) & (values <= kind.upper)).ravel()][0]
        raise UserError(f"{where}: fault {fault.name} = {bad:g} is outside {kind.lower:g}..{kind.upper:g}.")
    if kind.is_switch and not np.all((values == 0.0) | (values == 1.0)):
        raise UserError(f"{where}: fault {fault.name} = {np.max(values):g}: it is 0 or 1, nothing between.")


def check_trigger(fault: Wanted, where: str) -> None:
    """One trigger, one that can go off, on a fault that can wait."""
    given = fault.given()
    if len(given) > 1:
        raise UserError(f"{where}: fault {fault.name} has {len(given)} triggers ({', '.join(given)}): give one.")
    if fault.waits and not fault.kind.strikes_in_flight:
        raise UserError(f"{where}: fault {fault.name} is there before the flight begins: it takes no trigger and no duration.")
    if fault.event is not None and fault.event not in INDEX:
        raise UserError(f"{where}: fault {fault.name}: unknown event “{fault.event}”.{nearest(fault.event, INDEX)}")
    if fault.event in ENDS:
        raise UserError(f"{where}: fault {fault.name} waits for {fault.event}, after which nothing flies: it could never strike.")
    for key, low, high in (("start_s", 0.0, 3600.0), ("delay_s", 0.0, 3600.0), ("duration_s", 0.0, np.inf)):
        value = getattr(fault, key)
        if value is not None and not np.all((np.asarray(value, float) >= low) & (np.asarray(value, float) <= high)):
            raise UserError(f"{where}: fault {fault.name}: {key} = {value} is outside {low:g}..{high:g} s.")
    if fault.below_m is not None and not np.all(np.asarray(fault.below_m, float) > 0.0):
        raise UserError(f"{where}: fault {fault.name} waits for a height of {fault.below_m} m, where nothing flies any more.")
    if fault.duration_s is not None and np.any(np.asarray(fault.duration_s) == 0.0):
        raise UserError(f"{where}: fault {fault.name} lasts 0 s: it would do nothing.")


def collected(faults: Mapping[str, Any], where: str) -> list[Wanted]:
    """All faults of a flight, checked against each other. Raises UserError with one sentence."""
    found = with_causes([wanted(name, value, where) for name, value in faults.items()], where)
    for fault in found:
        check_trigger(fault, where)  # again: a cause may have given it one
    taken: dict[tuple[str, str], Wanted] = {}
    for fault in found:
        for part in (fault.part,) if fault.part else (fault.kind.elements or ("",)):
            if (fault.kind.name, part) in taken:
                raise UserError(f"{where}: faults {taken[fault.kind.name, part].name} and {fault.name} strike the same part.")
            taken[fault.kind.name, part] = fault
    for (name, part), fault in taken.items():
        target, _, what = name.partition(".")
        for one, other in OPPOSITES:
            rival = taken.get((f"{target}.{other}", part)) if what == one else None
            if rival is not None and meet(fault, rival) and both_strike(fault, rival):
                raise UserError(f"{where}: faults {fault.name} and {rival.name} contradict each other.")
    return found


def meet(fault: Wanted, rival: Wanted) -> bool:
    """Whether the two are bound to be in force together: on one trigger, or one of them from the start for good."""
    return fault.trigger() == rival.trigger() or not fault.waits or not rival.waits


def both_strike(fault: Wanted, rival: Wanted) -> bool:
    """Whether there is a lane in which neither is at zero."""
    return bool(np.any((np.asarray(fault.magnitude, float) != 0.0) & (np.asarray(rival.magnitude, float) != 0.0)))


def with_causes(faults: list[Wanted], where: str) -> list[Wanted]:
    """Faults of a common cause strike together: those without a trigger take the one that their cause has."""
    triggers: dict[str, Wanted] = {}
    for fault in faults:
        if not (fault.cause and fault.waits):
            continue
        first = triggers.setdefault(fault.cause, fault)
        if first.trigger() != fault.trigger():
            raise UserError(
                f"{where}: faults {first.name} and {fault.name} have the cause “{fault.cause}” and two triggers: one."
            )
    return [
        Wanted(f.kind, f.part, f.magnitude, t.start_s, t.below_m, t.event, t.delay_s, t.duration_s, f.cause)
        if f.cause and not f.waits and (t := triggers.get(f.cause)) is not None
        else f
        for f in faults
    ]


def fault_table(faults: list[Wanted], lanes: int, where: str) -> dict[str, np.ndarray]:
    """The leaves of `world.faults.FaultTable` by name, one row a lane. Raises UserError where there are too many triggers."""
    slots: dict[tuple, int] = {}
    table = {
        "magnitude": np.zeros((lanes, ROWS)),
        "bit": np.zeros((lanes, ROWS), np.int32),
        "moment": np.full((lanes, SLOTS), np.inf),
        "below": np.full((lanes, SLOTS), -np.inf),
        "event": np.zeros((lanes, SLOTS), np.int32),
        "delay": np.zeros((lanes, SLOTS)),
        "duration": np.full((lanes, SLOTS), np.inf),
    }
    table["moment"][:, 0] = -np.inf  # the beginning of the flight
    for fault in (f for f in faults if f.kind.strikes_in_flight):
        slot = slots.setdefault(fault.trigger(), len(slots) + 1) if fault.waits else 0
        if slot >= SLOTS:
            raise UserError(f"{where}: more than {SLOTS - 1} different triggers: let faults share theirs (cause = …).")
        rows = fault.kind.rows
        if fault.part:
            first = rows.start + fault.kind.elements.index(fault.part)
            rows = slice(first, first + 1)
        table["magnitude"][:, rows] = fault.kind.si * np.broadcast_to(np.asarray(fault.magnitude, float), lanes)[:, None]
        table["bit"][:, rows] = 1 << slot
        if slot:
            set_trigger(table, slot, fault)
    return table


def set_trigger(table: dict[str, np.ndarray], slot: int, fault: Wanted) -> None:
    """Write a fault's trigger into a slot of all lanes."""
    if fault.event is not None:
        table["event"][:, slot] = 1 << INDEX[fault.event]
    elif fault.below_m is not None:
        table["below"][:, slot] = fault.below_m
    else:
        table["moment"][:, slot] = -np.inf if fault.start_s is None else fault.start_s
    table["delay"][:, slot] = fault.delay_s
    if fault.duration_s is not None:
        table["duration"][:, slot] = fault.duration_s


def moved_numbers(faults: list[Wanted], lanes: int) -> dict[str, np.ndarray]:
    """Kind → magnitudes, (lanes,) or (lanes, elements), of the faults that move numbers before the flight; every such kind is
    always there, at zero if nobody asked, so that one program prepares them all."""
    kinds = [kind for kind in CATALOGUE.values() if not kind.strikes_in_flight]
    found = {kind.name: np.zeros((lanes, len(kind.elements)) if kind.elements else lanes) for kind in kinds}
    for fault in (f for f in faults if f.kind.name in found):
        magnitude = np.broadcast_to(np.asarray(fault.magnitude, float), lanes)
        if fault.part:
            found[fault.kind.name][:, fault.kind.elements.index(fault.part)] = magnitude
        else:
            found[fault.kind.name][:] = magnitude[:, None] if fault.kind.elements else magnitude
    return found


def words(name: str, value: float | Mapping[str, Any]) -> str:
    """A fault as it is told to people."""
    if not isinstance(value, Mapping):
        return f"{name} = {value:g}"
    said = f"{name} = {value['magnitude']:g}"
    if "start_s" in value:
        said += f" from T+{value['start_s']:g} s"
    if "below_m" in value:
        said += f" below {value['below_m']:g} m"
    if "event" in value:
        said += f" from {value['event']} on"
    if value.get("delay_s"):
        said += f", {value['delay_s']:g} s later"
    return said + (f", for {value['duration_s']:g} s" if value.get("duration_s") is not None else "")


assert len(ALL) < 31, "events are told to triggers as bits of an int32"
