"""Where a cycle's time goes: the whole, and the same with one model switched off, made rare or doubled. One core, 128 lanes.

Measured over 80 s from 640 s on, when everything works: braking ends, ranges come in, terminal descent begins.
"""

import time
from unittest import mock

import jax
import jax.numpy as jnp

from perilune.campaign.batch import WIDTH, Batch
from perilune.campaign.pool import spread
from perilune.foundation.moon import RADIUS
from perilune.foundation.vectors import norm
from perilune.interface.design import FEET
from perilune.simulation import lane_flight
from perilune.simulation.load import load
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


def cost(overrides: dict) -> float:
    """ns per lane-cycle, best of three, of the program that is written now."""
    batch = Batch(load("resilience", overrides))
    scenarios, last, _ = batch.start(range(WIDTH))
    record = recorder(("truth/speed_mps",), True)
    lane_flight.program.cache_clear()  # a program that is there does not see what stands in for a model
    lane_flight.flying_cycle.cache_clear()
    lanes = lane_flight.take_off(scenarios, last, record)
    lanes.advance(CHUNK * BEFORE, CHUNK)
    at, times = lanes.last(), []
    for _ in range(3):
        again = lane_flight.take_off(scenarios, at, record, CHUNK * BEFORE)
        began = time.perf_counter()
        again.advance(CHUNK * CHUNKS, CHUNK)
        times.append(time.perf_counter() - began)
    return 1e9 * min(times) / (CHUNKS * CHUNK * WIDTH)


def without(model: str) -> float:
    """ns per lane-cycle with one model switched off."""
    place, name, stand_in = MODELS[model]
    target = mock.patch(f"{place}.{name}", stand_in) if isinstance(place, str) else mock.patch.object(place, name, stand_in)
    with target:
        jax.clear_caches()  # a traced function does not see the stand-in
        found = cost({})
    jax.clear_caches()
    return found


def measure() -> dict[str, float]:
    """ns per lane-cycle: the whole, and by difference each model and room."""
    return next(iter(spread(rooms, [None], workers=1)))


def rooms(_: None) -> dict[str, float]:
    """What a worker measures."""
    whole = cost({})
    rare = cost({"flight.slow_every": 100})
    dynamics = (cost({"flight.truth_substeps": 10}) - cost({"flight.truth_substeps": 5})) / 5.0
    return {
        "whole": whole,
        **{model: whole - without(model) for model in MODELS},
        "world dynamics (a truth step, a fifth of what 10 have over 5)": dynamics,
        "slow sensors, filter update, predictor (2 Hz)": whole - rare,
        "the rest: IMU, dead reckoning, guidance, control, noise, events, feet": rare - dynamics,
    }
