"""The way from the parking orbit to mission time 0 as channels: truth and estimate every 10 s."""

from typing import NamedTuple

import numpy as np

from perilune.foundation.moon import RADIUS
from perilune.simulation.arrival import Impact, OrbitRow

EVERY_S = 10.0


class Column(NamedTuple):
    """A column of the orbit phase's table that no other table has."""

    name: str
    unit: str
    text: str


AXES = ("radial", "along_track", "cross_track")
SIGMAS = [Column(f"navigation/{axis}_sigma_m", "m", "1 sigma, along the estimate's orbit axes") for axis in AXES]
SIGMAS += [Column(f"navigation/{axis}_velocity_sigma_mps", "m/s", "1 sigma, along the estimate's orbit axes") for axis in AXES]
ORBIT_COLUMNS = {column.name: column for column in SIGMAS}


def between(times: np.ndarray, at: np.ndarray, places: np.ndarray, speeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities (n, 3) at `at`, by cubics through rows at `times` that meet their positions and velocities.

    Rows are 10 s apart in coast: 4e-5 m off (h⁴/384 times the fourth derivative, n⁴ r); a second apart in the burn.
    """
    row = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    span = (times[row + 1] - times[row])[:, None]
    s = ((at - times[row])[:, None]) / span
    p, q, u, v = places[row], places[row + 1], span * speeds[row], span * speeds[row + 1]
    place = (1 + 2 * s) * (1 - s) ** 2 * p + s * (1 - s) ** 2 * u + s**2 * (3 - 2 * s) * q + s**2 * (s - 1) * v
    speed = 6 * s * (s - 1) * (p - q) + (1 - s) * (1 - 3 * s) * u + s * (3 * s - 2) * v
    return place, speed / span


def orbit_channels(rows: OrbitRow, impact: Impact) -> dict[str, np.ndarray]:
    """Channels at whole tens of seconds of mission time, from the beginning to time 0, or to the impact if there was one."""
    times = np.asarray(rows.time)
    end = float(impact.time) if bool(impact.has_hit) else float(times[-1])
    at = np.arange(np.ceil(times[0] / EVERY_S), np.floor(end / EVERY_S + 1e-6) + 1) * EVERY_S
    found = {"time_s": at}
    states = {"truth": (rows.true_position_I, rows.true_velocity_I), "navigation": (rows.position_I, rows.velocity_I)}
    for house, state in states.items():
        place, speed = between(times, at, *(np.asarray(part) for part in state))
        for i, letter in enumerate("xyz"):
            found[f"{house}/position_I_{letter}_m"] = place[:, i]
        for i, letter in enumerate("xyz"):
            found[f"{house}/velocity_I_{letter}_mps"] = speed[:, i]
        found[f"{house}/height_above_sphere_m"] = np.linalg.norm(place, axis=1) - RADIUS
    for i, name in enumerate(ORBIT_COLUMNS):
        found[name] = np.interp(at, times, np.asarray(rows.sigma_rtn)[:, i])
    return found
