"""`python -m benchmarks`: measure, print, and record in benchmarks/results.json."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from benchmarks import commands, gpu, machine, overhead, peak, rooms, scaling, throughput
from benchmarks.record import keep, show


def main() -> None:
    """All measurements, one after the other, on an otherwise idle machine."""
    console, found = Console(), {}

    def take(title: str, measure: Callable[[], Mapping[str, Any]]) -> None:
        found[title] = measure()
        show(console, title, found[title])

    take("throughput", throughput.measure)
    take("share of the float64 peak", lambda: peak.measure(found["throughput"]["lane_cycles_per_s"]))
    take("scaling over cores", scaling.measure)
    take("a campaign over bare flight", overhead.measure)
    take("GPU", gpu.measure)
    take("ns per lane-cycle by room", rooms.measure)
    take("commands", commands.measure)
    keep(console, "results.json", {"machine": machine.described(), **found})


if __name__ == "__main__":
    main()
