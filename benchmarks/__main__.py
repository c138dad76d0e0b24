"""`python -m benchmarks`: measure, print, and record in benchmarks/results.json."""

import json
import platform
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import commands, rooms, throughput


def spin() -> float:
    """Best of three: what this machine needs for a loop that everybody can time on theirs."""

    def once() -> float:
        began, total = time.perf_counter(), 0
        for k in range(10_000_000):
            total += k * k
        return time.perf_counter() - began

    return min(once() for _ in range(3))


def main() -> None:
    """All measurements, one after the other, on an otherwise idle machine."""
    console = Console()
    found = {
        "throughput": throughput.measure(),
        "ns per lane-cycle by room": rooms.measure(),
        "commands": commands.measure(),
    }
    for title, figures in found.items():
        table = Table(title=title, title_justify="left", box=None, show_header=False)
        for name, value in figures.items():
            table.add_row(name, f"{value:,.2f}")
        console.print(table)
    record = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "seconds for ten million additions in Python": spin(),
        }
    }
    path = Path(__file__).parent / "results.json"
    path.write_text(json.dumps(record | found, indent=2) + "\n")
    console.print(f"Recorded in {path}.")


if __name__ == "__main__":
    main()
