"""Braking at nearly full thrust along a planned height history, timed to stop over the site.

The vertical plan is a function of time-to-go: level flight, a parabola, then a leg of constant descent rate down to
the gate. What thrust the vertical plan leaves over brakes the horizontal speed, so distance to stop follows from
thrust over mass; a predictor integrates it and the throttle is corrected until the stop is over the site. Ignition is
the moment when the predicted distance at the planned throttle equals the distance to go.
"""

import jax
import jax.numpy as jnp
from jax import lax

from perilune.foundation.moon import GM, STANDARD_GRAVITY
from perilune.foundation.quantities import Scalar, Vector
from perilune.foundation.vectors import dot
from perilune.interface.design import LanderDesign, engine_slice

from ..settings import GuidanceSettings
from .geometry import Geometry

PREDICTOR_STEPS = 16  # in horizontal speed; within 0.4 km of the limit over 600 km, which the throttle loop takes up
FREEZE_TIME = 12.0  # s before the end, after which throttle and turning are held: the ratio to what is left is noise


def reference(settings: GuidanceSettings, time_to_go: Scalar):
    """Planned height above the site radius (m), climb rate (m/s) and vertical acceleration (m/s²)."""
    rate, leg = settings.constant_rate, settings.constant_rate_time
    parabola = 2.0 * (settings.start_height - settings.gate_height - rate * leg) / rate
    inside = jnp.clip(time_to_go - leg, 0.0, parabola)
    height = settings.gate_height + rate * jnp.minimum(time_to_go, leg) + rate * (inside - inside**2 / (2.0 * parabola))
    bending = (inside > 0.0) & (inside < parabola)
    return height, -rate * (1.0 - inside / parabola), jnp.where(bending, -rate / parabola, 0.0)


def exhaust_flow(design: LanderDesign) -> Scalar:
    """Mass flow of main and assist engines at full thrust, kg/s."""
    main = jnp.sum(design.engine_thrust[engine_slice("main")]) / design.specific_impulse[0]
    assist = jnp.sum(design.engine_thrust[engine_slice("assist")]) / design.specific_impulse[1]
    return (main + assist) / STANDARD_GRAVITY


def full_thrust(design: LanderDesign) -> Scalar:
    """Main and assist engines together, N."""
    return jnp.sum(design.engine_thrust[engine_slice("main")]) + jnp.sum(design.engine_thrust[engine_slice("assist")])


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


def aim(geometry: Geometry, mass: Scalar, throttle, time_to_go, settings: GuidanceSettings, design: LanderDesign):
    """Throttle that stops over the site (one secant step), time-to-go, and distance still to be braked less that
    needed at ignition throttle (m): ignition is due when it falls to zero."""
    speed = geometry.horizontal_speed
    coast = settings.braking_end_speed**2 / (2.0 * settings.terminal_deceleration)  # run-on while pitching up
    wanted = geometry.distance_along - coast
    throttles = jnp.stack([throttle, 1.01 * throttle, settings.ignition_throttle])
    distance, time = jax.vmap(lambda k: predict_stop(speed, k, time_to_go, mass, settings, design))(throttles)
    slope = (distance[1] - distance[0]) / (0.01 * throttle)
    better = throttle + (wanted - distance[0]) / jnp.minimum(slope, -1e-3)
    better = jnp.clip(better, settings.throttle_floor, 1.0)
    return jnp.where(time[0] > FREEZE_TIME, better, throttle), time[0], wanted - distance[2]


def braking_acceleration(
    geometry: Geometry, mass: Scalar, throttle, time_to_go, settings: GuidanceSettings, design: LanderDesign
) -> Vector:
    """Wanted thrust acceleration in M, m/s², of length throttle · full thrust / mass."""
    total = throttle * full_thrust(design) / mass
    height, rate, planned = reference(settings, time_to_go)
    weight = GM / geometry.radius**2 - geometry.horizontal_speed**2 / geometry.radius
    vertical = (
        weight
        + planned
        + settings.rate_gain * (rate - geometry.climb_rate)
        + settings.height_gain * (height - geometry.height_above_site)
    )
    vertical = jnp.clip(vertical, -0.2 * total, 0.9 * total)
    # Proportional navigation of the heading: the ground speed ends as zero at the site, so only its direction counts.
    heading_error = geometry.distance_left / jnp.maximum(geometry.distance_along, 1000.0)
    side = 3.0 * geometry.horizontal_speed * heading_error / jnp.maximum(time_to_go, FREEZE_TIME)
    side = jnp.where(time_to_go > FREEZE_TIME, jnp.clip(side, -0.2 * total, 0.2 * total), 0.0)
    backward = jnp.sqrt(jnp.maximum(total**2 - vertical**2 - side**2, 0.0))
    return vertical * geometry.up_M - backward * geometry.along_M + side * geometry.left_M
