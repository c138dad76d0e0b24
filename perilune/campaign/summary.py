"""What is kept of each flight of a batch: one row of figures a lane."""

from typing import Any

import numpy as np

from perilune.assessment.outcome import Outcome, classify_batch
from perilune.interface.events import INDEX
from perilune.simulation.mission import Requirements
from perilune.telemetry.recorder import BATCH_CHANNELS

from .batch import Flown

COLUMN = {name: i for i, name in enumerate(("time_s", *BATCH_CHANNELS))}


def at_height(records: np.ndarray, end: int, name: str, height: float) -> float:
    """A channel of one lane where the height above the terrain last falls through `height` m; NaN if it never does.

    `records` (time, channels) of one lane, `end`: how many of them belong to the flight. Linear between samples.
    """
    heights = records[:end, COLUMN["truth/height_above_terrain_m"]]
    values = records[:end, COLUMN[name]]
    above = np.flatnonzero(heights > height)
    if not above.size or above[-1] + 1 >= end:
        return float("nan")
    k = above[-1]
    share = (heights[k] - height) / (heights[k] - heights[k + 1])
    return float(values[k] + share * (values[k + 1] - values[k]))


def rows(
    flown: Flown, seeds, limits: Requirements, every: int, period: float, outcomes: list[Outcome] | None = None
) -> list[dict[str, Any]]:
    """One dictionary a lane: seed, outcome, touchdown figures, events, speed at 192 m.

    The records must be of BATCH_CHANNELS, one every `every` cycles of `period` s. `outcomes`: the verdicts, where they are known.
    """
    outcomes = outcomes or classify_batch(flown.last, flown.scenarios, limits, flown.rest)
    ticks = np.asarray(flown.last.log.tick)
    heights, speeds = np.asarray(flown.last.log.foot_height), np.asarray(flown.last.log.speed)
    found = []
    for lane, (seed, outcome) in enumerate(zip(seeds, outcomes, strict=True)):
        touch = outcome.touchdown
        end = max(int(ticks[lane, INDEX["touchdown"]]) // every, 1)
        row: dict[str, Any] = {
            "seed": int(seed),
            "outcome": outcome.outcome,
            "reason": outcome.reason,
            "is_within_requirements": outcome.is_within_requirements,
            "speed_at_192_m_mps": at_height(flown.records[:, lane], end, "truth/speed_mps", 192.0),
        }
        for name, index in INDEX.items():
            happened = ticks[lane, index] >= 0
            row[f"{name}_s"] = ticks[lane, index] * period if happened else float("nan")
            row[f"{name}_foot_height_m"] = float(heights[lane, index]) if happened else float("nan")
            row[f"{name}_speed_mps"] = float(speeds[lane, index]) if happened else float("nan")
        for key in (
            "vertical_speed_mps",
            "horizontal_speed_mps",
            "tilt_deg",
            "slope_deg",
            "miss_distance_m",
            "propellant_kg",
            "latitude_deg",
            "longitude_deg",
        ):
            row[key] = getattr(touch, key) if touch else float("nan")
        rest = outcome.rest
        for key in ("tilt_deg", "clearance_m", "peak_load_n", "peak_stroke_m"):
            row[f"rest_{key}"] = getattr(rest, key) if rest else float("nan")
        row["broken_legs"] = len(rest.broken_legs) if rest else 0
        found.append(row)
    return found
