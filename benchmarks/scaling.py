"""What a second core is worth: landings per second of one worker and of one on every core, by turns."""

import statistics

from benchmarks.throughput import of_mission
from perilune.campaign.pool import cores

TURNS = 2
GOAL_PER_CORE = 0.9  # of one worker's rate for each core: 1.8 on two


def measure() -> dict[str, float | str]:
    """Both rates and their ratio, turn by turn."""
    count = len(cores())
    if count == 1:
        return {"scaling": "not measured: there is one core here"}
    one, all_of = [], []
    for _ in range(TURNS):
        one.append(of_mission({}, 1)["landings_per_s"])
        all_of.append(of_mission({})["landings_per_s"])
    ratios = [many / alone for many, alone in zip(all_of, one, strict=True)]
    ratio, goal = statistics.median(ratios), GOAL_PER_CORE * count
    return {
        "landings_per_s, 1 worker": statistics.median(one),
        f"landings_per_s, {count} workers": statistics.median(all_of),
        "ratio, median": ratio,
        "ratio, lowest": min(ratios),
        "ratio, highest": max(ratios),
        "goal": f"at least {goal:.1f}: {'met' if ratio >= goal else 'not met'}",
    }
