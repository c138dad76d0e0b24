"""Where a cycle's time goes: the whole, and the same with one model switched off, made rare or doubled. One core, 128 lanes.

Measured over 80 s from 640 s on, when everything works: braking ends, ranges come in, terminal descent begins.
"""

import os
import time
from unittest import mock

import jax
import jax.numpy as jnp

from perilune.campaign.batch import WIDTH, Batch
from perilune.campaign.pool import cores, spread
from perilune.foundation.compilation import use_cache
from perilune.foundation.moon import RADIUS
from perilune.foundation.vectors import norm
from perilune.interface.design import FEET
from perilune.simulation.load import load
from perilune.simulation.simulate import fly_chunk
from perilune.telemetry.recorder import recorder
from perilune.world.environment.surface import Surface
from perilune.world.environment.terrain import Terrain
from perilune.world.faults import FaultTable, unbroken
from perilune.world.world import World

CHUNK, BEFORE, CHUNKS = 100, 64, 8  # cycles a chunk; chunks flown before, and measured
OVER_SPHERE = 2435.0  # m below the sphere: the site, for what stands in for the ground

# What is switched off: where its name is looked up, and what stands in for it.
MODELS = {
    "gravity beyond degree 2, Earth and Sun": (World, "rest_of_gravity", lambda self, motion, time: jnp.zeros(3)),
    "ground under the feet": (
        World,
        "feet_over_ground",
        lambda self, motion, tanks, time: (jnp.full(FEET, norm(motion.position_I) - RADIUS + OVER_SPHERE), jnp.zeros(2)),
    ),
    "ground under the range finder's ray": (
        "perilune.world.sensors.footprint",
        "cast",
        lambda ground, position_M, direction_M: norm(position_M) - RADIUS + OVER_SPHERE,
    ),
    "albedo map": (Terrain, "brightness_at", lambda self, position_M: jnp.ones(())),
    "faults": (FaultTable, "in_force", lambda self, since, time: unbroken()),
    "dust": (Surface, "optical_depth", lambda self, height, thrust: jnp.zeros(())),
}


def cost(overrides: dict, flies: bool = True) -> float:
    """ns per lane-cycle, best of three, of the program that is traced now; NaN where it is only compiled."""
    batch = Batch(load("resilience", overrides))
    scenarios, last, _ = batch.start(range(WIDTH))
    record = recorder(("truth/speed_mps",), True)
    tick = jnp.asarray(0, jnp.int32)
    program = fly_chunk.lower(scenarios, last, tick, cycles=CHUNK, every=50, record=record).compile()
    if not flies:
        return float("nan")
    for k in range(BEFORE):
        last, _, _ = program(scenarios, last, jnp.asarray(CHUNK * k, jnp.int32))
    times = []
    for _ in range(3):
        at = jax.tree.map(jnp.copy, last)  # a chunk gives its own argument's memory away
        jax.block_until_ready(at)
        began = time.perf_counter()
        for k in range(BEFORE, BEFORE + CHUNKS):
            at, _, _ = program(scenarios, at, jnp.asarray(CHUNK * k, jnp.int32))
        jax.block_until_ready(at)
        times.append(time.perf_counter() - began)
    return 1e9 * min(times) / (CHUNKS * CHUNK * WIDTH)


def without(model: str, flies: bool) -> float:
    """ns per lane-cycle with one model switched off."""
    place, name, stand_in = MODELS[model]
    target = mock.patch(f"{place}.{name}", stand_in) if isinstance(place, str) else mock.patch.object(place, name, stand_in)
    with target:
        jax.clear_caches()  # a traced program does not see the stand-in
        found = cost({}, flies)
    jax.clear_caches()
    return found


def measure() -> dict[str, float]:
    """ns per lane-cycle: the whole, and by difference each model and room.

    One process compiles all programs and another flies them from the cache: a program flown by the process that compiled it a
    moment ago was seen up to a fifth slower (why is not known), which is more than most of the differences.
    """
    for flies in (False, True):
        found = next(iter(spread(rooms, [flies], workers=1)))
    return found


def rooms(flies: bool) -> dict[str, float]:
    """One process's part of `measure`."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores()[:1])
    use_cache()
    whole = cost({}, flies)
    rare = cost({"flight.slow_every": 100}, flies)
    dynamics = (cost({"flight.truth_substeps": 10}, flies) - cost({"flight.truth_substeps": 5}, flies)) / 5.0
    return {
        "whole": whole,
        **{model: whole - without(model, flies) for model in MODELS},
        "world dynamics (a truth step, a fifth of what 10 have over 5)": dynamics,
        "slow sensors, filter update, predictor (2 Hz)": whole - rare,
        "the rest: IMU, dead reckoning, guidance, control, noise, events, feet": rare - dynamics,
    }
