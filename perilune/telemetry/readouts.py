"""Published readouts of a real flight, and how far a flown one is from them."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from perilune.foundation.errors import UserError

SHIFT_LIMIT_S = 5.0  # the broadcast's figures are late by up to about 5 s
LATE_M = 5000.0  # m: terminal descent starts below 2 km; a range above this is no late one
COLUMNS = ("time_s", "speed_mps", "altitude_m")


@dataclass(frozen=True)
class Readouts:
    """Time since the first readout (s), speed (m/s) and height over the site radius (m) as shown."""

    time_s: np.ndarray
    speed_mps: np.ndarray
    height_m: np.ndarray


@dataclass(frozen=True)
class Fit:
    """How well a flight meets the readouts after one shift in time. Heights in m, speeds in m/s, rms."""

    start_s: float  # mission time of readout zero: when the flight was at the height of the first readout
    shift_s: float  # added to it, within its limit
    speed_rms: float
    height_rms: float
    is_counted: np.ndarray  # which readouts came before the first valid range

    @property
    def origin_s(self) -> float:
        """Mission time of readout zero after the shift."""
        return self.start_s + self.shift_s


def read(name: str) -> Readouts:
    """Readouts from `package:NAME` or a CSV file with the columns time_s, speed_mps, altitude_m."""
    if name.startswith("package:"):
        path = Path(str(resources.files("perilune.data").joinpath(name.removeprefix("package:"))))
    else:
        path = Path(name)
    try:
        table = np.genfromtxt(path, delimiter=",", names=True)
        return Readouts(*(np.atleast_1d(table[column]) for column in COLUMNS))
    except (OSError, ValueError, IndexError) as problem:
        raise UserError(f"Readouts {name} cannot be read as a CSV table of {', '.join(COLUMNS)}: {problem}.") from None


def waiting_ends(acquired_s: float, height: float) -> float | None:
    """Until when the published flight and one that acquired at this time (s) and height (m) are comparable, s.

    Late in the descent a range changes the flight; one that comes at its proper height, as on a healthy flight, does not
    yet. None where there is no such end.
    """
    return acquired_s if np.isfinite(acquired_s) and height < LATE_M else None


def fit(readouts: Readouts, time, speed, height, until_s: float | None = None, limit_s: float = SHIFT_LIMIT_S) -> Fit | None:
    """One shift in time, within ±`limit_s`, that brings the flight nearest to the readouts; rms after it.

    Readout zero is first put where the flight falls through the height of the first readout. Readouts later than
    `until_s` (mission time, unshifted: see `waiting_ends`) do not count. Speed and height errors are weighed by
    their acceptance limits of 15 m/s and 300 m. None for a flight that never came down to the first readout, or
    where nothing counts.
    """
    below = np.flatnonzero(height <= readouts.height_m[0])
    if below.size == 0:
        return None
    start = float(time[below[0]])
    counted = np.ones_like(readouts.time_s, bool) if until_s is None else start + readouts.time_s <= until_s
    if not counted.any():
        return None
    at, shown_speed, shown_height = readouts.time_s[counted], readouts.speed_mps[counted], readouts.height_m[counted]

    def errors(shift):
        when = start + shift + at
        return np.interp(when, time, speed) - shown_speed, np.interp(when, time, height) - shown_height

    def cost(shift):
        ds, dh = errors(shift)
        return np.mean((ds / 15.0) ** 2 + (dh / 300.0) ** 2)

    shifts = np.arange(-limit_s, limit_s + 1e-9, 0.05)
    best = float(shifts[np.argmin([cost(shift) for shift in shifts])])
    ds, dh = errors(best)
    return Fit(start, best, float(np.sqrt(np.mean(ds**2))), float(np.sqrt(np.mean(dh**2))), counted)
