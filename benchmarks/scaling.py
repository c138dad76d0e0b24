"""What a second core is worth: landings per second of one worker and of one on every core, by turns."""

import statistics

from benchmarks.throughput import of_mission
from perilune.campaign.pool import cores

TURNS = 2
GOAL_PER_CORE = 0.9  # of one worker's rate for each core: 1.8 on two


def measure() -> dict[str, float | str]:
    """Both rates and their ratio, turn by turn; by processor time too, which other work on the machine disturbs less."""
    count = len(cores())
    if count == 1:
        return {"scaling": "not measured: there is one core here"}
    one, all_of = [], []
    for _ in range(TURNS):
        one.append(of_mission({}, 1))
        all_of.append(of_mission({}))

    def ratios(of: str) -> list[float]:
        return [many[of] / alone[of] for many, alone in zip(all_of, one, strict=True)]

    found, goal = ratios("landings_per_s"), GOAL_PER_CORE * count
    ratio = statistics.median(found)
    return {
        "landings_per_s, 1 worker": statistics.median(f["landings_per_s"] for f in one),
        f"landings_per_s, {count} workers": statistics.median(f["landings_per_s"] for f in all_of),
        "ratio, median": ratio,
        "ratio, lowest": min(found),
        "ratio, highest": max(found),
        "ratio by processor time": count * statistics.median(ratios("landings_per_cpu_s")),
        "of their cores' time the workers had, least, %": min(f["of their cores' time the workers had, %"] for f in one + all_of),
        "goal": f"at least {goal:.1f}: {'met' if ratio >= goal else 'not met'}",
    }
