"""Flying thousands of seeds on all cores, for the studies."""

from typing import Any

import numpy as np

from perilune.campaign.batch import WIDTH
from perilune.campaign.jobs import Job, batch_of, fly_lanes, rows_of
from perilune.campaign.pool import spread
from perilune.campaign.summary import COLUMN
from perilune.telemetry.readouts import fit, read, waiting_ends

BROADCAST_FIGURES = (
    "broadcast_shift_s",
    "broadcast_free_shift_s",
    "broadcast_speed_rms",
    "broadcast_height_rms",
    "broadcast_count",
    "true_speed_rms",
    "true_height_rms",
    "true_height_rms_less_offset",
    "true_height_offset",
)
FREE_SHIFT_S = 30.0  # how far the shift may go where it is not held to the published ±5 s


def fly(job: Job) -> list[dict[str, Any]]:
    """Fly one job; beside the figures of every row navigation's errors, and those against a broadcast where there was one."""
    flown = fly_lanes(job)
    found = rows_of(job, flown)
    mission = batch_of(job.mission, job.values, job.beginning).mission
    for lane, row in enumerate(found):
        row.update(velocity_errors(flown.records[:, lane], row))
        row["terrain_height_error"] = terrain_height_error(flown.records[:, lane], row)
    if mission.reference:
        readouts = read(mission.reference.readouts)
        for lane, row in enumerate(found):
            row.update(broadcast_figures(flown.records[:, lane], row, readouts))
    return found


def broadcast_figures(records: np.ndarray, row: dict[str, Any], readouts) -> dict[str, float]:
    """Rms against the readouts: on board, true, and true with one height offset; up to the first valid range."""
    end = min(int(row["touchdown_s"]), len(records)) if np.isfinite(row["touchdown_s"]) else len(records)
    c = {name: records[:end, i].astype(float) for name, i in COLUMN.items()}
    until = waiting_ends(row["range_finder_acquired_s"], row["range_finder_acquired_foot_height_m"])
    believed = c["time_s"], c["navigation/speed_mps"], c["navigation/height_above_site_m"]
    onboard, free = fit(readouts, *believed, until), fit(readouts, *believed, until, FREE_SHIFT_S)
    if onboard is None or free is None:
        return dict.fromkeys(BROADCAST_FIGURES, float("nan"))
    when, shown = onboard.origin_s + readouts.time_s[onboard.is_counted], onboard.is_counted
    true_height = np.interp(when, c["time_s"], c["truth/height_above_site_m"]) - readouts.height_m[shown]
    true_speed = np.interp(when, c["time_s"], c["truth/speed_mps"]) - readouts.speed_mps[shown]
    return {
        "broadcast_shift_s": onboard.shift_s,
        "broadcast_free_shift_s": free.shift_s,
        "broadcast_speed_rms": onboard.speed_rms,
        "broadcast_height_rms": onboard.height_rms,
        "broadcast_count": float(onboard.is_counted.sum()),
        "true_speed_rms": float(np.sqrt(np.mean(true_speed**2))),
        "true_height_rms": float(np.sqrt(np.mean(true_height**2))),
        "true_height_rms_less_offset": float(np.std(true_height)),
        "true_height_offset": float(-np.mean(true_height)),
    }


def velocity_errors(records: np.ndarray, row: dict[str, Any]) -> dict[str, float]:
    """Estimate − truth of the horizontal velocity (m/s) when braking ends, before any velocimeter is in reach."""
    if not np.isfinite(row["braking_end_s"]):
        return {"east_error": float("nan"), "north_error": float("nan")}
    at = max(min(int(row["braking_end_s"]), len(records)) - 1, 0)
    c = {
        way: [records[at, COLUMN[f"{house}/velocity_{way}_mps"]] for house in ("navigation", "truth")]
        for way in ("east", "north")
    }
    return {f"{way}_error": float(believed - true) for way, (believed, true) in c.items()}


def terrain_height_error(records: np.ndarray, row: dict[str, Any]) -> float:
    """Estimate − truth of the height over the ground (m) at the last record before contact."""
    if not np.isfinite(row["touchdown_s"]):
        return float("nan")
    last = records[min(int(row["touchdown_s"]), len(records)) - 1]
    return float(last[COLUMN["navigation/height_above_terrain_m"]] - last[COLUMN["truth/height_above_terrain_m"]])


def fly_seeds(
    mission: str,
    seeds,
    faults: dict[str, Any] | None = None,
    overrides: dict[str, Any] | None = None,
    values: tuple[tuple[str, Any], ...] = (),
    beginning: str = "pdi",
) -> list[dict[str, Any]]:
    """Rows of many seeds, flown in batches of WIDTH on all cores. Per-lane faults and overrides are arrays."""
    seeds = [int(seed) for seed in seeds]
    jobs = []
    for first in range(0, len(seeds), WIDTH):
        part = slice(first, first + WIDTH)

        def cut(value: Any, part=part) -> Any:
            if isinstance(value, dict):
                return {key: cut(x) for key, x in value.items()}
            return np.asarray(value)[part] if np.ndim(value) and len(np.asarray(value)) == len(seeds) else value

        jobs.append(Job(mission, tuple(seeds[part]), cut(faults or {}), cut(overrides or {}), values, beginning))
    return [row for rows_ in spread(fly, jobs) for row in rows_]


def column(rows_: list[dict[str, Any]], name: str) -> np.ndarray:
    """One figure of all rows."""
    return np.array([row[name] for row in rows_], float)
