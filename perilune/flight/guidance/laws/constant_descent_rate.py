"""Braking at nearly full thrust along a planned height history, timed to stop over the site.

The vertical plan is a function of time-to-go: level flight, a parabola, then a leg of constant descent rate down to
the gate. What thrust the vertical plan leaves over brakes the horizontal speed, so distance to stop follows from
thrust over mass; a predictor integrates it and the throttle is corrected until the stop is over the site. Ignition is
the moment when the predicted distance at the planned throttle equals the distance to go.
"""

import jax
import jax.numpy as jnp
from jax import lax

from perilune.foundation.moon import GM
from perilune.foundation.quantities import Scalar
from perilune.foundation.vectors import dot
from perilune.interface.design import LanderDesign

from ...settings import GuidanceSettings
from ..thrust import exhaust_flow, full_thrust
from .base import Aim, BrakingLaw, Push, Situation
from .steering import FREEZE_TIME, along, pull, run_on, sideways

PREDICTOR_STEPS = 16  # in horizontal speed; within 0.4 km of the limit over 600 km, which the throttle loop takes up


def reference(settings: GuidanceSettings, time_to_go: Scalar):
    """Planned height above the site radius (m), climb rate (m/s) and vertical acceleration (m/s²)."""
    rate, leg = settings.constant_rate, settings.constant_rate_time
    parabola = 2.0 * (settings.start_height - settings.gate_height - rate * leg) / rate
    inside = jnp.clip(time_to_go - leg, 0.0, parabola)
    height = settings.gate_height + rate * jnp.minimum(time_to_go, leg) + rate * (inside - inside**2 / (2.0 * parabola))
    bending = (inside > 0.0) & (inside < parabola)
    return height, -rate * (1.0 - inside / parabola), jnp.where(bending, -rate / parabola, 0.0)


def predict_stop(
    speed: Scalar, throttle: Scalar, time_to_go: Scalar, mass: Scalar, settings: GuidanceSettings, design: LanderDesign
):
    """Ground distance (m) and time (s) until the horizontal speed is down to the end-of-braking speed.

    Midpoint rule in horizontal speed u: dt = du / a_h, a_h = √(a_T² − a_v²), a_v = g − u²/r + planned acceleration.
    """
    site_radius = jnp.sqrt(dot(settings.site_M, settings.site_M))
    du = jnp.maximum(speed - settings.braking_end_speed, 0.0) / PREDICTOR_STEPS
    thrust, flow = throttle * full_thrust(design), throttle * exhaust_flow(design)

    def deceleration(u, mass, time):
        height, _, planned = reference(settings, time_to_go - time)
        radius = site_radius + height
        vertical = GM / radius**2 - u**2 / radius + planned
        total = thrust / mass
        return jnp.sqrt(jnp.maximum(total**2 - vertical**2, 0.01 * total**2)), radius

    def step(i, carry):
        distance, time, mass = carry
        u = speed - (i + 0.5) * du
        first, _ = deceleration(u, mass, time)
        half = 0.5 * du / first
        middle, radius = deceleration(u, mass - flow * half, time + half)
        dt = du / middle
        return distance + u * dt * site_radius / radius, time + dt, mass - flow * dt

    zero = jnp.zeros_like(speed)
    distance, time, _ = lax.fori_loop(0, PREDICTOR_STEPS, step, (zero, zero, mass))
    return distance, time


class ConstantDescentRate(BrakingLaw):
    """The present plan of the built-in missions; what the broadcast of HAKUTO-R Mission 2 shows."""

    def aim(self, situation: Situation) -> Aim:
        """One secant step of the throttle towards a stop over the site."""
        settings, design, throttle = situation.settings, situation.design, situation.throttle
        geometry, time_to_go = situation.geometry, situation.time_to_go
        wanted = geometry.distance_along - run_on(settings)
        throttles = jnp.stack([throttle, 1.01 * throttle, settings.ignition_throttle])

        def stop(k):
            return predict_stop(geometry.horizontal_speed, k, time_to_go, situation.mass, settings, design)

        distance, time = jax.vmap(stop)(throttles)
        slope = (distance[1] - distance[0]) / (0.01 * throttle)
        better = throttle + (wanted - distance[0]) / jnp.minimum(slope, -1e-3)
        better = jnp.clip(better, settings.throttle_floor, 1.0)
        throttle = jnp.where(time[0] > FREEZE_TIME, better, throttle)
        return Aim(throttle, time[0], wanted - distance[2], situation.note)

    def push(self, situation: Situation) -> Push:
        """Thrust acceleration of length throttle · full thrust / mass."""
        settings, geometry, time_to_go = situation.settings, situation.geometry, situation.time_to_go
        full = full_thrust(situation.design)
        total = situation.throttle * full / situation.mass
        height, rate, planned = reference(settings, time_to_go)
        vertical = (
            pull(geometry)
            + planned
            + settings.rate_gain * (rate - geometry.climb_rate)
            + settings.height_gain * (height - geometry.height_above_site)
        )
        vertical = jnp.clip(vertical, -0.2 * total, 0.9 * total)
        side = sideways(geometry, total, time_to_go)
        return Push(along(geometry, total, vertical, side), situation.throttle * full)
