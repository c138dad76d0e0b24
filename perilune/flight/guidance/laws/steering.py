"""What braking laws have in common: the pull that is left, steering to the side, thrust limits, roots, the last seconds."""

import jax.numpy as jnp
from jax import lax

from perilune.foundation.moon import GM
from perilune.foundation.quantities import Scalar

from ...settings import GuidanceSettings
from ..geometry import Geometry
from ..thrust import exhaust_flow, full_thrust
from .base import Push, Situation

FREEZE_TIME = 12.0  # s before the end, after which throttle and turning are held: the ratio to what is left is noise
TIMES = (1.0, 4000.0)  # s, between which a time-to-go is looked for: no braking from orbit is longer
GRID, HALVINGS = 64, 40  # of that search; 40 halvings of a step of 14 % leave nothing


def run_on(settings: GuidanceSettings) -> Scalar:
    """Way over ground (m) that the lander still goes while it pitches up."""
    return settings.braking_end_speed**2 / (2.0 * settings.terminal_deceleration)


def pull(geometry: Geometry) -> Scalar:
    """Weight less what the turn about the Moon carries, m/s²: downward acceleration without thrust, g − u²/r."""
    return GM / geometry.radius**2 - geometry.horizontal_speed**2 / geometry.radius


def sideways(geometry: Geometry, total: Scalar, time_to_go: Scalar) -> Scalar:
    """Thrust acceleration to the left (m/s²) by proportional navigation of the heading: the ground speed ends as zero at the
    site, so only its direction counts."""
    heading_error = geometry.distance_left / jnp.maximum(geometry.distance_along, 1000.0)
    side = 3.0 * geometry.horizontal_speed * heading_error / jnp.maximum(time_to_go, FREEZE_TIME)
    return jnp.where(time_to_go > FREEZE_TIME, jnp.clip(side, -0.2 * total, 0.2 * total), 0.0)


def along(geometry: Geometry, total: Scalar, vertical: Scalar, side: Scalar):
    """The vector in M that has these parts up and to the left, and the rest of its length against the ground speed."""
    backward = jnp.sqrt(jnp.maximum(total**2 - vertical**2 - side**2, 0.0))
    return vertical * geometry.up_M - backward * geometry.along_M + side * geometry.left_M


def share_of(situation: Situation, acceleration: Scalar) -> Scalar:
    """Throttle for a thrust acceleration (m/s²), within what the mission allows."""
    most = full_thrust(situation.design) / situation.mass
    return jnp.clip(acceleration / most, situation.settings.throttle_floor, 1.0)


def limited(situation: Situation, vertical: Scalar, backward: Scalar) -> Push:
    """The nearest thrust within the limits: its length is clipped first, the vertical part comes before the horizontal."""
    geometry, full = situation.geometry, full_thrust(situation.design)
    throttle = share_of(situation, jnp.sqrt(vertical**2 + backward**2))
    total = throttle * full / situation.mass
    vertical = jnp.clip(vertical, -0.2 * total, 0.9 * total)
    side = sideways(geometry, total, situation.time_to_go)
    return Push(along(geometry, total, vertical, side), throttle * full)


def held(situation: Situation) -> Push:
    """The last seconds: throttle as it was, the gate's descent rate held, the rest against the ground speed."""
    settings, geometry, full = situation.settings, situation.geometry, full_thrust(situation.design)
    total = situation.throttle * full / situation.mass
    vertical = pull(geometry) - settings.rate_gain * (settings.constant_rate + geometry.climb_rate)
    vertical = jnp.clip(vertical, -0.2 * total, 0.9 * total)
    return Push(along(geometry, total, vertical, jnp.zeros_like(total)), situation.throttle * full)


def chosen_by_time(situation: Situation, polynomial: Push) -> Push:
    """The polynomial's push, or what is held in the last seconds."""
    last, is_on = held(situation), situation.time_to_go > FREEZE_TIME
    return Push(jnp.where(is_on, polynomial.wanted_M, last.wanted_M), jnp.where(is_on, polynomial.force, last.force))


def planned_end(situation: Situation, time_to_go: Scalar) -> Scalar:
    """Backward thrust acceleration (m/s²) that the planned throttle leaves beside the weight after a burn of so many seconds."""
    settings, geometry = situation.settings, situation.geometry
    flow = settings.ignition_throttle * exhaust_flow(situation.design)
    mass = jnp.maximum(situation.mass - flow * jnp.clip(time_to_go, 0.0, TIMES[1]), 0.2 * situation.mass)
    total, weight = settings.ignition_throttle * full_thrust(situation.design) / mass, GM / geometry.site_radius**2
    return jnp.sqrt(jnp.maximum(total**2 - weight**2, 0.01 * total**2))


def planned_now(situation: Situation, vertical: Scalar) -> Scalar:
    """Backward thrust acceleration (m/s²) that the planned throttle leaves beside a vertical part, now."""
    total = situation.settings.ignition_throttle * full_thrust(situation.design) / situation.mass
    return jnp.sqrt(jnp.maximum(total**2 - vertical**2, 0.01 * total**2))


def last_seconds(situation: Situation, backward: Scalar) -> Scalar:
    """s until the ground speed is down to the end of braking at a backward acceleration."""
    return jnp.maximum(situation.geometry.horizontal_speed - situation.settings.braking_end_speed, 0.0) / backward


def first_root(form, like: Scalar) -> Scalar:
    """The least time (s) at which a form that begins below zero rises through it; the longest time if it never does."""
    times = jnp.geomspace(*TIMES, GRID)
    above = form(times) > 0.0
    first = jnp.argmax(above)
    found = jnp.any(above)
    high = jnp.where(found, times[first], TIMES[1])
    low = jnp.where(found, jnp.where(first > 0, times[jnp.maximum(first - 1, 0)], 0.0), TIMES[1])

    def halve(_, bracket):
        low, high = bracket
        middle = 0.5 * (low + high)
        is_over = form(middle) > 0.0
        return jnp.where(is_over, low, middle), jnp.where(is_over, middle, high)

    low, high = lax.fori_loop(0, HALVINGS, halve, (low + 0.0 * like, high + 0.0 * like))
    return 0.5 * (low + high)
