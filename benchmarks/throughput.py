"""Landings per second on all cores: one pinned worker process a core, 128 lanes each, compiled beforehand."""

import time
from typing import Any

import numpy as np

from perilune.campaign.batch import WIDTH, Batch
from perilune.campaign.pool import cores, spread
from perilune.interface.events import INDEX
from perilune.simulation.load import load
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder

ROUNDS = 3


def warm_then_fly(first_seed: int) -> dict[str, Any]:
    """Compile on a first batch, wait for the agreed moment, then fly ROUNDS batches; wall times on a shared clock."""
    batch = Batch(load("resilience"))
    record = recorder(BATCH_CHANNELS, True)
    began = time.time()
    batch.fly(range(first_seed, first_seed + WIDTH), record, 10)
    compiled = time.time() - began
    start = time.time()
    cycles = 0
    for k in range(ROUNDS):
        flown = batch.fly(range(first_seed + k * WIDTH, first_seed + (k + 1) * WIDTH), record, 10)
        cycles += int(np.asarray(flown.last.log.tick)[:, INDEX["touchdown"]].sum())
    return {"start": start, "end": time.time(), "first_batch_s": compiled, "cycles": cycles}


def measure() -> dict[str, float]:
    """Throughput where the workers' flights overlap: landings over the span from the first start to the last end."""
    workers = len(cores())
    found = list(spread(warm_then_fly, [10_000 * (k + 1) for k in range(workers)]))
    span = max(f["end"] for f in found) - min(f["start"] for f in found)
    busy = sum(f["end"] - f["start"] for f in found)
    landings = workers * ROUNDS * WIDTH
    return {
        "workers": workers,
        "landings": landings,
        "landings_per_s": landings / span,
        "ns_per_lane_cycle": 1e9 * busy / sum(f["cycles"] for f in found),
        "first_batch_s": max(f["first_batch_s"] for f in found),
    }
