"""Minimum-acceleration guidance with a price on time; Blue Ghost's."""

import jax.numpy as jnp

from perilune.foundation.moon import GM
from perilune.foundation.quantities import Scalar

from ..thrust import exhaust_flow, full_thrust
from .base import Aim, BrakingLaw, Push, Situation
from .steering import (
    FREEZE_TIME,
    chosen_by_time,
    first_root,
    last_seconds,
    limited,
    planned_end,
    planned_now,
    pull,
    run_on,
    share_of,
)

Plane = tuple[Scalar, Scalar]  # along the ground and up


def linear(offset: Scalar, rate: Scalar, end_rate: Scalar, time_to_go: Scalar) -> Scalar:
    """Acceleration now (m/s²), with T to go from an offset Δr (m) at a rate v: −(4 v + 2 v_f)/T − 6 Δr/T²; thrust bears the
    pull besides. With v_f = 0 it is D'Souza's law."""
    return -(4.0 * rate + 2.0 * end_rate) / time_to_go - 6.0 * offset / time_to_go**2


def optimal_time(offset: Plane, rate: Plane, end_rate: Plane, price: Scalar, weight: Scalar) -> Scalar:
    """Time-to-go (s) that costs least: the least positive root of

    (Γ + g²/2) T⁴ − 2 (v·v + v·v_f + v_f·v_f) T² − 12 Δr·(v + v_f) T − 18 Δr·Δr = 0,

    D'Souza's quartic; the terms in v_f (none in his) come of the same condition, that the Hamiltonian be zero, for an end in
    motion. A larger root is a path that runs past the target and comes back.
    """
    squares = sum(v * v + v * f + f * f for v, f in zip(rate, end_rate, strict=True))
    cross = sum(r * (v + f) for r, v, f in zip(offset, rate, end_rate, strict=True))
    away = sum(r * r for r in offset)

    def form(t):
        return (((price + 0.5 * weight**2) * t**2 - 2.0 * squares) * t - 12.0 * cross) * t - 18.0 * away

    return first_root(form, weight)


def needed_distance(now: Scalar, speed: Scalar, end_speed: Scalar, backward: Scalar) -> Scalar:
    """Distance (m) of the deceleration that goes linearly from `now` to `backward` while the speed falls."""
    t = 2.0 * jnp.maximum(speed - end_speed, 0.0) / (now + backward)
    return ((4.0 * speed + 2.0 * end_speed) * t - now * t**2) / 6.0


class DSouza(BrakingLaw):
    """D'Souza, An Optimal Guidance Law for Planetary Landing, AIAA 97-3709 (1997): least Γ T + ½∫a² dt under uniform gravity.

    Along the ground and in height, as apollo_quadratic.py has it over a round Moon: the command bears g − u²/r as it is now, the
    quartic takes g of the site, so that the law is optimal only where the way is short against the Moon. Γ is not a figure of the
    mission but follows from the engines, which he leaves free: the acceleration ends with a_f² = 2 Γ + g², so that
    Γ = ½ (a_f² − g²), with a_f such that the linear profile stays about constant planned thrust. Limits clip the command, and
    the next quartic starts from what came of that.
    """

    def aim(self, situation: Situation) -> Aim:
        """Time-to-go from the quartic; throttle that the command asks for now; ignition when it is the planned one."""
        settings, geometry = situation.settings, situation.geometry
        backward = jnp.where(situation.note[0] > 0.0, situation.note[0], self.end_acceleration(situation))
        weight = GM / geometry.site_radius**2
        distance, speed = geometry.distance_along - run_on(settings), geometry.horizontal_speed
        offset = -distance, geometry.height_above_site - settings.gate_height
        rate, end_rate = (speed, geometry.climb_rate), (settings.braking_end_speed, -settings.constant_rate)
        left = last_seconds(situation, backward)
        best = optimal_time(offset, rate, end_rate, 0.5 * (backward**2 - weight**2), weight)
        time_to_go = jnp.where(left > FREEZE_TIME, best, left)
        vertical, asked = self.parts(situation, jnp.maximum(time_to_go, FREEZE_TIME))
        needed = needed_distance(planned_now(situation, vertical), speed, settings.braking_end_speed, backward)
        throttle = share_of(situation, jnp.sqrt(vertical**2 + asked**2))
        throttle = jnp.where(left > FREEZE_TIME, throttle, situation.throttle)
        return Aim(throttle, time_to_go, distance - needed, jnp.stack([backward, jnp.zeros_like(backward)]))

    def end_acceleration(self, situation: Situation) -> Scalar:
        """a_f, m/s²: of the linear profile that has at its beginning and when half the speed is gone what constant planned thrust
        leaves beside the pull; a² grows evenly with the speed that is gone, so that a_f² = 2 a_half² − a_now². At least the
        floor's share of what it leaves at the end: the throttle must not come to its floor. Taken once, before ignition."""
        settings, geometry, mass = situation.settings, situation.geometry, situation.mass
        flow = settings.ignition_throttle * exhaust_flow(situation.design)
        thrust, speed = settings.ignition_throttle * full_thrust(situation.design), geometry.horizontal_speed
        loss = jnp.maximum(speed - settings.braking_end_speed, 0.0)
        down = pull(geometry) + (speed**2 - (speed - 0.5 * loss) ** 2) / geometry.radius
        now = half = planned_now(situation, pull(geometry))
        for _ in range(2):  # time to half the speed, and what is left of mass then
            total = thrust / jnp.maximum(mass - flow * loss / (now + half), 0.2 * mass)
            half = jnp.sqrt(jnp.maximum(total**2 - down**2, 0.01 * total**2))
        fit = jnp.sqrt(jnp.maximum(2.0 * half**2 - now**2, 0.1 * now**2))
        least = settings.throttle_floor / settings.ignition_throttle
        return jnp.maximum(fit, least * planned_end(situation, 2.0 * loss / (now + fit)))

    def parts(self, situation: Situation, time_to_go: Scalar) -> Plane:
        """Thrust acceleration up and backward, m/s²."""
        settings, geometry = situation.settings, situation.geometry
        above = geometry.height_above_site - settings.gate_height
        climb = linear(above, geometry.climb_rate, -settings.constant_rate, time_to_go)
        ahead = run_on(settings) - geometry.distance_along
        return pull(geometry) + climb, -linear(ahead, geometry.horizontal_speed, settings.braking_end_speed, time_to_go)

    def push(self, situation: Situation) -> Push:
        """The linear acceleration; near its end what was asked for last is held."""
        polynomial = limited(situation, *self.parts(situation, jnp.maximum(situation.time_to_go, FREEZE_TIME)))
        return chosen_by_time(situation, polynomial)
