"""Whole processes as a user runs them: the first flight on a machine, the next one, and the flight alone."""

import json
import os
import subprocess
import sys
import tempfile
import time

import jax

from perilune.campaign.batch import Batch
from perilune.campaign.one import ALL_CHANNELS
from perilune.campaign.pool import spread
from perilune.simulation import lane_flight
from perilune.simulation.load import load
from perilune.simulation.simulate import nothing
from perilune.telemetry.recorder import recorder

COMMAND = (sys.executable, "-m", "perilune.command_line.app", "fly", "resilience", "--seed", "1", "--json", "--out")


def run(cache: str, folder: str) -> tuple[float, dict]:
    """Wall seconds of one `perilune fly` with this compilation cache, and what it says."""
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    began = time.perf_counter()
    done = subprocess.run([*COMMAND, folder], capture_output=True, text=True, env=environment, check=True)
    return time.perf_counter() - began, json.loads(done.stdout)


def trace_and_write(_=None) -> float:
    """Seconds to trace the programs of a single flight, lower the first and write the second: what no cache saves."""
    batch = Batch(load("resilience"))
    record = recorder(ALL_CHANNELS)
    began = time.perf_counter()
    batch.prepare.lower(*batch.arguments([0]))
    preparing = time.perf_counter() - began
    scenarios, last, _ = batch.start([0])
    shapes = lane_flight.shapes_of(scenarios, last)
    lane_flight.program(shapes, record, nothing)  # now the machine code is in the cache
    lane_flight.program.cache_clear()
    lane_flight.flying_cycle.cache_clear()
    lane_flight.tracing.cache_clear()
    jax.clear_caches()
    began = time.perf_counter()
    lane_flight.program(shapes, record, nothing)
    return preparing + time.perf_counter() - began


def measure() -> dict[str, float]:
    """Cold and warm whole-process times, tracing and writing, and the single flight's rate."""
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as out:
        cold, first = run(cache, f"{out}/a")
        again = sorted((run(cache, f"{out}/b{k}") for k in range(5)), key=lambda pair: pair[0])
    warm, second = again[2]
    return {
        "fly_cold_s": cold,
        "fly_warm_s, median of five": warm,
        "fly_warm_s, best": again[0][0],
        "fly_warm_s, worst": again[-1][0],
        "compile_cold_s": first["speed"]["compile_s"],
        "trace_and_write_s": next(iter(spread(trace_and_write, [None], workers=1))),
        "trace_write_and_load_warm_s": second["speed"]["compile_s"],
        "real_time_factor": second["speed"]["real_time_factor"],
    }
