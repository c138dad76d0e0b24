"""`python -m benchmarks.peers`: landings per second beside Basilisk's, by turns on the same cores, recorded in peers.json.

The peers' scripts lie outside this repository, in `../shared/bench`; Basilisk is no dependency, and whichever interpreter has it
can be named by `--peer-python`. Nobody's compiling counts; starting the peers' pool does, some hundredths of their time.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.record import keep
from benchmarks.throughput import of_mission
from perilune.campaign.pool import cores
from perilune.simulation.load import load

SCRIPTS = Path(__file__).resolve().parents[2] / "shared" / "bench"
VERSIONS = "from importlib.metadata import version; import Basilisk, numba; print(version('bsk'), version('numba'))"
LIMIT_S = 900  # a script that takes longer is stuck
BUSY = 0.25  # load average a core before the first round
FLIGHT_SOFTWARE_HZ = 10.0  # of the peers' scripts, and of the mission


@dataclass(frozen=True)
class Side:
    """Who flies: its name, what it models in one line, and how to measure its landings per second."""

    name: str
    models: str
    measure: Callable[[], float]


def of_script(python: str, script: Path, *options: object) -> float:
    """Landings per second that a script prints. Exits with a sentence where it fails."""
    done = subprocess.run(
        [python, script.name, *(str(option) for option in options)],
        cwd=script.parent,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    found = re.search(r"([\d.]+) landings/s", done.stdout)
    if done.returncode or not found:
        sys.exit(f"{script.name} gave no landings per second:\n{(done.stdout + done.stderr)[-1500:]}")
    flown = re.search(r"runs=(\d+).*landed (\d+)", done.stdout)
    if flown and flown[1] != flown[2]:
        sys.exit(f"{script.name}: {flown[2]} of {flown[1]} flights landed, and only whole landings compare.")
    return float(found[1])


def sides(scripts: Path, python: str, truth_hz: float, substeps: int) -> list[Side]:
    """Ours first, then the peers, then bare engines for scale."""
    count = len(cores())

    def basilisk(*options: object) -> Callable[[], float]:
        return lambda: of_script(python, scripts / "bsk_mc.py", *options, "--procs", count, "--truth-hz", truth_hz)

    def probe(script: str) -> Callable[[], float]:
        return lambda: of_script(sys.executable, scripts / script, 128 * count, count)

    lander = (
        "six-DoF hub with a draining tank, point-mass Moon, force and torque as commanded, the true state with noise for "
        "navigation; no filter, terrain, legs or faults"
    )
    engine = "six-DoF point-mass flight with a 15-state filter, for scale: no terrain, thrusters, faults or output"
    return [
        Side(
            "Perilune",
            f"truth {truth_hz:g} Hz: six-DoF with slosh and 19 engines, gravity of degree 8, terrain map, IMU, range finder, "
            "star tracker, velocimeter, filter, faults, touchdown on legs; 1 Hz records",
            lambda: of_mission({"flight.truth_substeps": substeps})["landings_per_s"],
        ),
        Side(
            "Basilisk, the usual way",
            f"truth {truth_hz:g} Hz: {lander}; Python flight software, MonteCarlo Controller, 1 Hz records",
            basilisk("--engine", "controller", "--guid", "py", "--runs", 10 * count, "--retain"),
        ),
        Side(
            "Basilisk at its best",
            f"truth {truth_hz:g} Hz: {lander}; Numba flight software, plain pool of processes",
            basilisk("--engine", "pool", "--guid", "numba", "--runs", 40 * count),
        ),
        Side("bare engine", f"truth 50 Hz: {engine}", probe("engine_probe.py")),
        Side("bare engine, written for XLA", f"truth 50 Hz: {engine}", probe("engine_probe_fast.py")),
    ]


def versions(python: str) -> str:
    """Versions of Basilisk and Numba there. Exits where they cannot be imported."""
    try:
        done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True)
        is_there = done.returncode == 0
    except OSError:
        is_there, done = False, None
    if done is None or not is_there:
        print(
            f"Basilisk cannot be imported by {python}: pip install bsk==2.12.1 numba==0.68.1 into an environment of its own, and "
            "name that one's interpreter by --peer-python.",
            file=sys.stderr,
        )
        sys.exit(2)
    bsk, numba = done.stdout.split()[-2:]
    return f"bsk {bsk}, numba {numba}"


def asked() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--peer-python", default=sys.executable, help="The interpreter that has bsk (default: this one).")
    parser.add_argument("--scripts", type=Path, default=SCRIPTS, help="Where the peers' scripts are.")
    parser.add_argument("--rounds", type=int, default=2, help="How often each side flies, by turns.")
    parser.add_argument("--truth-hz", type=float, help="Truth steps a second on both sides (default: the mission's).")
    return parser.parse_args()


def steps_of(truth_hz: float | None) -> tuple[float, int]:
    """Truth steps a second, and a cycle. Exits where they are not whole steps of a cycle, or flight software is not as fast."""
    flight = load("resilience").flight
    if abs(flight.period_s * FLIGHT_SOFTWARE_HZ - 1.0) > 1e-9:
        sys.exit(f"The peers' flight software runs at {FLIGHT_SOFTWARE_HZ:g} Hz, the mission's at {1.0 / flight.period_s:g} Hz.")
    substeps = flight.truth_substeps if truth_hz is None else round(truth_hz * flight.period_s)
    if truth_hz is not None and (substeps < 1 or abs(substeps / flight.period_s - truth_hz) > 1e-9):
        sys.exit(f"--truth-hz {truth_hz:g}: give a whole multiple of {1.0 / flight.period_s:g}.")
    return substeps / flight.period_s, substeps


def spread_of(values: list[float]) -> dict[str, float]:
    """Lowest, median, highest."""
    return {"lowest": min(values), "median": statistics.median(values), "highest": max(values)}


def show(console: Console, those: list[Side], rates: dict[str, list[float]], ratios: dict[str, list[float]]) -> None:
    """Who flies what, how fast, and how many times as fast ours is."""
    table = Table(title="landings per second, by turns on the same cores", title_justify="left", box=None)
    for name in ("", "landings/s", "ours is × as fast", "what it models"):
        table.add_column(name, vertical="top")
    for side in those:
        rate, ratio = spread_of(rates[side.name]), spread_of(ratios[side.name]) if side.name in ratios else None
        table.add_row(
            side.name,
            f"{rate['median']:.2f} ({rate['lowest']:.2f} … {rate['highest']:.2f})",
            f"{ratio['median']:.1f} ({ratio['lowest']:.1f} … {ratio['highest']:.1f})" if ratio else "",
            side.models,
        )
    console.print(table)


def main() -> None:
    """All sides by turns, the table, and the record."""
    said, console = asked(), Console()
    if not (said.scripts / "bsk_mc.py").is_file():
        sys.exit(f"The peers' scripts are not in {said.scripts}: say where they are by --scripts.")
    truth_hz, substeps = steps_of(said.truth_hz)
    peer = versions(said.peer_python)
    those = sides(said.scripts, said.peer_python, truth_hz, substeps)
    rates: dict[str, list[float]] = {side.name: [] for side in those}
    loads: list[float] = []
    for k in range(said.rounds):
        loads.append(os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"))
        if k == 0 and loads[0] > BUSY * len(cores()):
            console.print(f"Other work runs here (load average {loads[0]:.1f}): it falls on one side or the other.")
        for side in those:
            rates[side.name].append(side.measure())
            console.print(f"round {k + 1}: {side.name} {rates[side.name][-1]:.2f} landings/s")
    ours = rates[those[0].name]
    ratios = {side.name: [a / b for a, b in zip(ours, rates[side.name], strict=True)] for side in those[1:]}
    show(console, those, rates, ratios)
    found = {
        "machine": machine.described(),
        "peer": peer,
        "truth_hz": truth_hz,
        "flight_software_hz": FLIGHT_SOFTWARE_HZ,
        "load average before each round": loads,
        "sides": {side.name: {"models": side.models, "landings_per_s": rates[side.name]} for side in those},
        "ours is so many times as fast": {name: spread_of(values) for name, values in ratios.items()},
    }
    keep(console, "peers.json", found)


if __name__ == "__main__":
    main()
