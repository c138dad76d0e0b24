"""A flown flight as a value: its channels, events and outcome, wherever it came from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perilune.interface.events import ALL, EventKind

from .outcome import Outcome, TouchdownFigures

BUILT_IN = {"name": "built-in"}


@dataclass(frozen=True)
class Event:
    """One thing that happened, as told to people and archives."""

    time_s: float
    name: str
    severity: str
    text: str
    height_above_terrain_m: float
    speed_mps: float


@dataclass(frozen=True)
class Flight:
    """One flight: what flew, how it went, and the full history of every channel at the cycle rate."""

    mission: str
    title: str
    seed: int
    scenario_digest: str
    faults: dict[str, Any]  # name → magnitude, or a table with the trigger it waits for
    channels: dict[str, np.ndarray]
    events: tuple[Event, ...]
    outcome: Outcome
    digest: str
    speed: dict[str, float] = field(default_factory=dict)
    cause: dict[str, Any] = field(default_factory=dict)
    drawn: dict[str, Any] = field(default_factory=dict)  # every number of the lander as drawn: what its makers know
    resolved: dict[str, Any] = field(default_factory=dict)  # the same with dispersions and faults: what flew
    readouts: str | None = None  # what was published of the real flight: `package:NAME` or a CSV file, and whom to credit
    readouts_credit: str = ""
    orbit: dict[str, Any] = field(default_factory=dict)  # figures of the orbit phase; empty where the flight began at perilune
    way: dict[str, np.ndarray] = field(default_factory=dict)  # its history, every 10 s
    flight_software: dict[str, str] = field(default_factory=lambda: dict(BUILT_IN))  # name; of one's own the SHA-256 too
    run: int = 0  # of the campaign with this seed

    @property
    def chance(self) -> str:
        """Which dispersions and noise: the seed, and the run where it is one of a campaign."""
        return f"seed {self.seed}, run {self.run}" if self.run else f"seed {self.seed}"

    @property
    def time(self) -> np.ndarray:
        """Mission time of every sample, s."""
        return self.channels["time_s"]

    def flew_built_in(self) -> bool:
        """Whether the package's own flight software flew."""
        return self.flight_software == BUILT_IN

    def event(self, name: str) -> Event | None:
        """The event of that name, if it happened."""
        return next((event for event in self.events if event.name == name), None)

    def to_pandas(self):
        """All channels as a DataFrame indexed by time_s. Needs pandas."""
        try:
            import pandas
        except ImportError:
            raise ImportError("to_pandas needs pandas: pip install pandas") from None
        frame = pandas.DataFrame({name: values for name, values in self.channels.items() if name != "time_s"})
        frame.index = pandas.Index(self.time, name="time_s")
        return frame


def events_of(ticks, period: float, channels: dict[str, np.ndarray], touchdown: TouchdownFigures | None) -> tuple[Event, ...]:
    """Events in order of time from their first ticks (−1: never); height and true speed read from the channels, NaN where these
    are not among them.

    Touchdown falls inside a cycle: its time and speed are those of the touchdown figures.
    """

    def true(name: str, tick: int) -> float:
        series = channels.get(f"truth/{name}", np.asarray([np.nan]))
        return float(series[min(max(tick - 1, 0), len(series) - 1)])

    found: list[tuple[int, EventKind]] = [(int(t), kind) for t, kind in zip(ticks, ALL, strict=True) if t >= 0]
    found.sort(key=lambda pair: pair[0])
    told = []
    for tick, kind in found:
        time, speed = tick * period, true("speed_mps", tick)
        if kind.name == "touchdown" and touchdown is not None:
            time, speed = touchdown.time_s, float(np.hypot(touchdown.vertical_speed_mps, touchdown.horizontal_speed_mps))
        told.append(
            Event(
                time_s=round(time, 9),
                name=kind.name,
                severity=kind.severity,
                text=kind.text,
                height_above_terrain_m=true("height_above_terrain_m", tick),
                speed_mps=speed,
            )
        )
    return tuple(sorted(told, key=lambda event: event.time_s))
