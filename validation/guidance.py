"""The guidance laws side by side: the same healthy flights under each."""

from typing import Any

import numpy as np

from perilune.campaign.batch import WIDTH
from perilune.campaign.jobs import Job, fly_lanes, rows_of
from perilune.campaign.pool import spread as over_cores
from perilune.flight.guidance.laws import BRAKING, DESCENT

from .report import Section, spread

MISSIONS = ("resilience",)
LOAD = "lander.propellant_mass_kg"


def flown(mission: str, braking: str, descent: str) -> list[dict[str, Any]]:
    """A row of figures a flight, with the propellant that it used (kg)."""
    laws = (("flight.guidance.braking_law", braking), ("flight.guidance.descent_law", descent))
    job = Job(mission, tuple(range(WIDTH)), {}, {}, laws)
    done = fly_lanes(job)
    found = rows_of(job, done)
    for row, load in zip(found, np.asarray(done.numbers[LOAD]), strict=True):
        row["used_kg"] = float(load) - row["propellant_kg"]
    return found


def line(case: tuple[str, str, str]) -> list[str]:
    """One row of the table: mission, braking law, law of vertical descent."""
    mission, braking, descent = case
    found = flown(mission, braking, descent)
    outcomes = [row["outcome"] for row in found]
    landed = [row for row, outcome in zip(found, outcomes, strict=True) if outcome == "landed"]
    others = ", ".join(f"{outcomes.count(what)} {what}" for what in sorted(set(outcomes) - {"landed"}))
    figures = ("used_kg", "miss_distance_m", "vertical_speed_mps", "horizontal_speed_mps")
    return [
        mission,
        braking,
        descent,
        f"{len(landed)}" + (f" ({others})" if others else ""),
        f"{sum(bool(row['is_within_requirements']) for row in found)}",
        *(spread([row[name] for row in found]) for name in figures),
    ]


def study() -> Section:
    """A row a mission, braking law and law of vertical descent."""
    cases = [(mission, braking, descent) for mission in MISSIONS for descent in DESCENT for braking in BRAKING]
    rows = list(over_cores(line, cases))
    return Section(
        "Guidance laws",
        words=[
            f"{WIDTH} healthy flights a row, seeds 0 to {WIDTH - 1}, everything as the mission has it but the laws. Median, in "
            "brackets the central 95 %, of all flights. What keeps flights that landed from the requirements is mostly the slope "
            "that they stand on, which no law sees; the miss is mostly navigation's.",
        ],
        tables=[
            (
                [
                    "mission",
                    "braking",
                    "descent",
                    f"landed of {WIDTH}",
                    "within requirements",
                    "propellant used, kg",
                    "miss, m",
                    "down at touchdown, m/s",
                    "across at touchdown, m/s",
                ],
                rows,
            )
        ],
    )
