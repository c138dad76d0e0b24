"""What an operator watches: how long the flight still lasts, what propellant is left for, and how each unit fares."""

import jax.numpy as jnp

from perilune.flight import modes
from perilune.flight.executive import health
from perilune.flight.executive.outlook import descent_time, hover_time, margin
from perilune.foundation.quantities import Scalar

from .channel import Channel
from .view import View

STATES = ", ".join(f"{k} {state}" for k, state in enumerate(health.STATES))
FINDER = health.UNITS.index("range_finder")


def foot_height(v: View) -> Scalar:
    """m over the ground, as believed."""
    return v.onboard.height_above_terrain - v.scenario.flight_software.design.foot_height


def time_to_touchdown(v: View) -> Scalar:
    """s: the rest of braking, and the planned descent from the gate or from here; 0 once the engines are off."""
    guidance, mode = v.scenario.flight_software.settings.guidance, v.snapshot.memory.mode
    is_early = mode <= modes.BRAKING
    height = jnp.where(is_early, guidance.gate_height, foot_height(v))
    before = jnp.where(is_early, v.snapshot.memory.time_to_go, 0.0)
    return jnp.where(mode == modes.OFF, 0.0, before + descent_time(height, guidance))


def state(v: View, unit: int) -> Scalar:
    """How a unit fares, by number; no number where flight software of one's own says nothing of it."""
    software, memory = v.scenario.flight_software, v.snapshot.memory
    heard, taken = memory.health.heard[unit], memory.health.taken[unit]
    found = health.state_of(heard, taken, software.settings.navigation.range_gap)
    if unit == FINDER:
        found = jnp.where(memory.acquisition.is_isolated, health.GIVEN_UP, found)
    return jnp.where(jnp.isfinite(heard), found.astype(heard.dtype), jnp.nan)


def imu_state(v: View) -> Scalar:
    """The IMU's: it says of no reading that it is valid, but increments that are all zero are none."""
    heard = v.snapshot.memory.health.heard[0]
    return jnp.where(jnp.isfinite(heard), jnp.where(v.snapshot.memory.felt == 0.0, health.SILENT, health.GOOD), jnp.nan)


OPERATORS = [
    Channel("executive/time_to_touchdown_s", "s", "as planned from here on", time_to_touchdown),
    Channel("executive/propellant_sigma_kg", "kg", "1 sigma of what is believed left",
            lambda v: jnp.sqrt(v.snapshot.memory.book.variance)),
    Channel("executive/propellant_margin_kg", "kg", "left by the shortest possible stop at the ground: no descent leaves more",
            lambda v: margin(v.snapshot.memory.propellant, v.believed.speed, foot_height(v), v.scenario.flight_software.design)),
    Channel("executive/hover_time_s", "s", "for which propellant holds the lander's weight",
            lambda v: hover_time(v.snapshot.memory.propellant, v.scenario.flight_software.design)),
    *(Channel(f"health/{unit}", "1", STATES, lambda v, k=k: state(v, k)) for k, unit in enumerate(health.UNITS)),
    Channel("health/imu", "1", STATES, imu_state),
]  # fmt: skip
