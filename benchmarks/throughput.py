"""Landings per second on all cores: one pinned worker process a core, 128 lanes each, compiled beforehand."""

import resource
import time
from typing import Any

import numpy as np

from perilune.campaign.batch import WIDTH, Batch
from perilune.campaign.pool import cores, spread
from perilune.interface.events import INDEX
from perilune.simulation.load import load
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder
from tests.instruments import EVERYTHING

ROUNDS = 3

VARIANTS: dict[str, dict[str, Any]] = {  # what is put into the mission
    "plain": {},
    "every instrument": EVERYTHING,
    "multiple_model": {"flight.monitoring.policy": "multiple_model"},
}


def warm_then_fly(task: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    """Compile on a first batch, then fly ROUNDS batches; wall times on a shared clock."""
    first_seed, values = task
    batch = Batch(load("resilience", values))
    record = recorder(BATCH_CHANNELS, True)
    began = time.time()
    batch.fly(range(first_seed, first_seed + WIDTH), record, 10)
    compiled = time.time() - began
    start, used, cycles = time.time(), time.process_time(), 0
    for k in range(ROUNDS):
        flown = batch.fly(range(first_seed + k * WIDTH, first_seed + (k + 1) * WIDTH), record, 10)
        cycles += int(np.asarray(flown.last.log.tick)[:, INDEX["touchdown"]].sum())
    end, used = time.time(), time.process_time() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return {"start": start, "end": end, "used_s": used, "first_batch_s": compiled, "cycles": cycles, "memory_mib": memory}


def measure() -> dict[str, float]:
    """The plain mission, and landings per second of the others."""
    found = of_mission(VARIANTS["plain"])
    others = {name: values for name, values in VARIANTS.items() if name != "plain"}
    return found | {f"landings_per_s, {name}": of_mission(values)["landings_per_s"] for name, values in others.items()}


def of_mission(values: dict[str, Any], most: int | None = None) -> dict[str, float]:
    """Throughput where the workers' flights overlap: landings over the span from the first start to the last end.

    `values` are put into the mission; `most`: how many workers at most, for all cores otherwise.
    """
    workers = len(cores()[:most])
    found = list(spread(warm_then_fly, [(10_000 * (k + 1), values) for k in range(workers)], workers))
    span = max(f["end"] for f in found) - min(f["start"] for f in found)
    busy = sum(f["end"] - f["start"] for f in found)
    used = sum(f["used_s"] for f in found)
    landings, cycles = workers * ROUNDS * WIDTH, sum(f["cycles"] for f in found)
    return {
        "workers": workers,
        "landings": landings,
        "landings_per_s": landings / span,
        "lane_cycles_per_s": cycles / span,
        "landings_per_cpu_s": landings / used,
        "of their cores' time the workers had, %": 100.0 * used / busy,  # other work had the rest
        "ns_per_lane_cycle": 1e9 * busy / cycles,
        "first_batch_s": max(f["first_batch_s"] for f in found),
        "peak_memory_mib": max(f["memory_mib"] for f in found),
    }
