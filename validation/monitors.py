"""What each monitor sees, how late, and how often it cries wolf: 1,000 healthy and 1,000 broken flights of two landers."""

from typing import Any, NamedTuple

import numpy as np

from perilune.campaign.batch import WIDTH
from perilune.campaign.jobs import Job, fly_rows
from perilune.campaign.pool import spread

from .report import Section

FLIGHTS = 1000
ALARMS = {  # event → heading
    "range_rejected": "range: gate",
    "range_window_alarm": "range: window",
    "range_persistence_alarm": "range: persistence",
    "range_cross_check_alarm": "range: cross-check",
    "range_plausibility_alarm": "range: map",
    "star_tracker_alarm": "tracker",
    "velocimeter_alarm": "velocimeter",
    "doppler_beams_alarm": "beams",
    "terrain_camera_alarm": "camera",
    "optical_flow_alarm": "flow",
}


class Broken(NamedTuple):
    """A fault of a magnitude that begins so long (s) after an event."""

    fault: str
    magnitude: float
    event: str
    delay: float = 5.0


PDI, RANGE, DESCENT = "powered_descent_initiation", "range_accepted", "terminal_descent_start"
OF_RANGE = (
    Broken("range_finder.bias_m", 300.0, RANGE),
    Broken("range_finder.scale_percent", 10.0, RANGE),
    Broken("range_finder.drift_mps", 10.0, RANGE),
    Broken("range_finder.stuck", 1.0, RANGE),
    Broken("range_finder.false_probability", 0.5, RANGE),
)
CASES = {
    "resilience": (
        *OF_RANGE,
        Broken("range_finder.noise_m", 100.0, RANGE),
        Broken("velocimeter.bias_mps", 2.0, DESCENT),
        Broken("star_tracker.noise_arcsec", 300.0, PDI),
    ),
    "odysseus": (
        *OF_RANGE,
        Broken("terrain_camera.noise_m", 1000.0, PDI),
        Broken("optical_flow.scale_percent", 50.0, DESCENT),
        Broken("star_tracker.bias_arcsec", 1200.0, PDI),
    ),
}


def jobs_of(mission: str) -> list[Job]:
    """Healthy seeds from 0, and as many broken ones, the same share of them by each fault."""
    cases, each = CASES[mission], FLIGHTS // len(CASES[mission])
    hit = np.repeat(np.arange(-1, len(cases)), [FLIGHTS, *[each] * len(cases)])
    jobs = []
    for first in range(0, len(hit), WIDTH):
        part = hit[first : first + WIDTH]
        faults = {
            case.fault: {"magnitude": np.where(part == k, case.magnitude, 0.0), "event": case.event, "delay_s": case.delay}
            for k, case in enumerate(cases)
        }
        jobs.append(Job(mission, tuple(range(first, first + len(part))), faults, {}))
    return jobs


def detected(rows: list[dict[str, Any]], onset: np.ndarray, event: str) -> str:
    """Share of flights in which an alarm came after the fault, and the median delay, s; a dash where it never did."""
    when = np.array([row[f"{event}_s"] for row in rows]) - onset
    seen = when >= 0.0
    return f"{100.0 * seen.mean():.0f} %, {np.median(when[seen]):.1f}" if seen.any() else "—"


def table_of(mission: str, rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """A row of healthy flights, and one of each fault."""
    cases, each = CASES[mission], FLIGHTS // len(CASES[mission])
    healthy = rows[:FLIGHTS]
    counts = [int(sum(np.isfinite(row[f"{event}_s"]) for row in healthy)) for event in ALARMS]
    table = [["none: alarms in flights", str(len(healthy)), *(str(count) for count in counts), landed(healthy)]]
    for k, case in enumerate(cases):
        mine = rows[FLIGHTS + k * each : FLIGHTS + (k + 1) * each]
        onset = np.array([row[f"{case.event}_s"] for row in mine]) + case.delay
        end = np.array([row["touchdown_s"] for row in mine])
        struck = onset < np.where(np.isfinite(end), end, np.inf)  # an onset that never came is not below it
        chosen = [row for row, is_so in zip(mine, struck, strict=True) if is_so]
        cells = [detected(chosen, onset[struck], event) for event in ALARMS]
        table.append([f"{case.fault} = {case.magnitude:g}", str(len(chosen)), *cells, landed(chosen)])
    return ["fault", "flights", *ALARMS.values(), "landed"], table


def landed(rows: list[dict[str, Any]]) -> str:
    """Share that stands."""
    return f"{100.0 * np.mean([row['outcome'] == 'landed' for row in rows]):.0f} %"


def study() -> Section:
    """Both landers."""
    jobs = {mission: jobs_of(mission) for mission in CASES}
    flown = spread(fly_rows, [job for each in jobs.values() for job in each])
    tables = []
    for mission, each in jobs.items():
        rows = [row for _ in each for row in next(flown)]
        header, table = table_of(mission, rows)
        tables.append(([f"{mission}: {header[0]}", *header[1:]], table))
    return Section(
        "Monitors",
        words=[
            f"{FLIGHTS:,} healthy flights of each lander: in how many of them each alarm was raised, once or more. And "
            f"{FLIGHTS:,} broken ones, a fault from so long after an event (5 s after the first range was taken, after terminal "
            "descent or braking began): the share of flights in which an alarm came first after that, and its median delay in s. "
            "What is missing to 100 % are missed detections, or flights that had the alarm before. Window, share and false alarm "
            "probability as the mission files': 5 s, half, 1e-9 a look, for ground is not normally distributed. The recovery "
            "policy is the missions', `reject_until_consistent`: it takes up what agrees with itself, and alarms end with that.",
        ],
        tables=tables,
    )
