"""A braking law of one's own: E-guidance (Cherry 1964) in height, constant throttle along the ground, in the built-in software.

    perilune fly resilience --healthy --flight-software examples/own_guidance_law.py:EGuidance

Of all vertical accelerations linear in time it takes the one that meets gate height and gate rate; the rest of the thrust brakes.
The throttle follows the distance to go over the stopping distance. Only this file is new: navigation, vertical descent, attitude
and engines are the built-in software's.
"""

import jax.numpy as jnp
from jax import lax

from perilune.flight.guidance.laws import Aim, BrakingLaw, Push, Situation
from perilune.flight.guidance.laws.steering import FREEZE_TIME, along, pull, run_on, sideways
from perilune.flight.guidance.thrust import exhaust_flow, full_thrust
from perilune.foundation.moon import GM

STEPS = 16  # of the stopping distance, in speed


class EGuidance(BrakingLaw):
    """A figure of the class is a figure of the law: EGuidance(planned=0.95) flies without compiling anew."""

    planned: float = 0.97  # of full thrust

    def aim(self, situation: Situation) -> Aim:
        """Planned stopping distance over distance to go; ignition when they are the same."""
        settings, geometry = situation.settings, situation.geometry
        needed, time = self.stop(situation)
        to_go = geometry.distance_along - run_on(settings)
        throttle = jnp.clip(self.planned * needed / jnp.maximum(to_go, 1.0), settings.throttle_floor, 1.0)
        throttle = jnp.where(time > FREEZE_TIME, throttle, situation.throttle)
        return Aim(throttle, time, to_go - needed, situation.note)

    def push(self, situation: Situation) -> Push:
        """Up: pull + 6 (h_T − h)/T² − (4 ḣ + 2 ḣ_T)/T; to the side: towards the site; against the speed: the rest."""
        settings, geometry = situation.settings, situation.geometry
        force = situation.throttle * full_thrust(situation.design)
        total, left = force / situation.mass, jnp.maximum(situation.time_to_go, FREEZE_TIME)
        down = settings.gate_height - geometry.height_above_site
        planned = 6.0 * down / left**2 + (2.0 * settings.constant_rate - 4.0 * geometry.climb_rate) / left
        up = jnp.clip(pull(geometry) + planned, -0.2 * total, 0.9 * total)
        side = sideways(geometry, total, situation.time_to_go)
        return Push(along(geometry, total, up, side), force)

    def stop(self, situation: Situation):
        """Ground distance (m) and time (s) to the end of braking at the planned throttle."""
        geometry, design, end = situation.geometry, situation.design, situation.settings.braking_end_speed
        du = jnp.maximum(geometry.horizontal_speed - end, 0.0) / STEPS
        thrust, flow = self.planned * full_thrust(design), self.planned * exhaust_flow(design)

        def step(i, carry):
            distance, time, mass = carry
            u = geometry.horizontal_speed - (i + 0.5) * du
            total, weight = thrust / mass, GM / geometry.radius**2 - u**2 / geometry.radius
            dt = du / jnp.sqrt(jnp.maximum(total**2 - weight**2, 0.01 * total**2))
            return distance + u * dt * geometry.site_radius / geometry.radius, time + dt, mass - flow * dt

        zero = jnp.zeros_like(du)
        distance, time, _ = lax.fori_loop(0, STEPS, step, (zero, zero, situation.mass))
        return distance, time
