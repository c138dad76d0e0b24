"""Where a cycle's time goes: the whole, and the same with one thing made rare or doubled. One core, 128 lanes."""

import os
import time

import jax.numpy as jnp

from perilune.campaign.batch import WIDTH, Batch
from perilune.campaign.pool import cores
from perilune.foundation.compilation import use_cache
from perilune.simulation.load import load
from perilune.simulation.simulate import fly_chunk
from perilune.telemetry.recorder import recorder

CHUNKS = 8  # of 100 cycles


def cost(overrides: dict, every: int = 50) -> float:
    """ns per lane-cycle in the first 90 s of braking, best of three."""
    batch = Batch(load("resilience", overrides))
    scenarios, last, _ = batch.start(range(WIDTH))
    record = recorder(("truth/speed_mps",), True)
    tick = jnp.asarray(0, jnp.int32)
    program = fly_chunk.lower(scenarios, last, tick, cycles=100, every=every, record=record).compile()
    last, _, alive = program(scenarios, last, tick)
    alive.block_until_ready()
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for k in range(1, CHUNKS + 1):
            last, _, alive = program(scenarios, last, jnp.asarray(100 * k, jnp.int32))
        alive.block_until_ready()
        best = min(best, time.perf_counter() - began)
    return 1e9 * best / (CHUNKS * 100 * WIDTH)


def rooms(_=None) -> dict[str, float]:
    """ns per lane-cycle by room, by difference."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores()[:1])
    use_cache()
    whole = cost({})
    rare = cost({"flight.slow_every": 100})
    doubled = cost({"flight.truth_substeps": 10})
    dynamics = doubled - whole
    return {
        "whole": whole,
        "world dynamics (5 truth steps)": dynamics,
        "slow sensors, filter update, predictor (2 Hz)": whole - rare,
        "the rest: IMU, dead reckoning, guidance, control, noise, events": rare - dynamics,
    }
