"""How much of what this machine's cores can do with float64 numbers the flights of a campaign draw from them."""

from benchmarks import flops, machine

GOAL_PERCENT = 5.0


def measure(lane_cycles_per_s: float) -> dict[str, float | str]:
    """Share of the measured peak at so many lane-cycles a second on all cores."""
    counted, one, all_of = flops.per_cycle(), machine.peak(1), machine.peak()
    share = {kind: 100.0 * operations * lane_cycles_per_s / all_of for kind, operations in counted.items()}
    met = "met" if share["arithmetic"] >= GOAL_PERCENT else "not met"
    return {
        "float64 arithmetic a lane-cycle, operations": counted["arithmetic"],
        "all operations a lane-cycle, as XLA counts": counted["by XLA"],
        "caveat": flops.CAVEAT,
        "lane-cycles per second, all cores, millions": 1e-6 * lane_cycles_per_s,
        "float64 matrix product on one core, GFLOP/s": 1e-9 * one,
        "float64 matrix product on all cores at once, GFLOP/s": 1e-9 * all_of,
        "share of that by float64 arithmetic, %": share["arithmetic"],
        "share of that by all operations, %": share["by XLA"],
        "goal": f"at least {GOAL_PERCENT:g} % by float64 arithmetic: {met}",
    }
