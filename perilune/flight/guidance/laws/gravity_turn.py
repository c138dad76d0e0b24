"""Gravity turn: thrust against the velocity over the ground, so that weight alone turns the path down."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from perilune.foundation.moon import GM
from perilune.foundation.quantities import Scalar

from ..thrust import exhaust_flow, full_thrust
from .base import Aim, BrakingLaw, Push, Situation
from .steering import FREEZE_TIME, along, planned_end, pull, run_on, sideways

MOST_LIFT = 0.2  # of the thrust, across the path
LEVEL_STEPS, TURN_STEPS = 12, 24  # of the predictor: in speed, then in its logarithm


class GravityTurn(BrakingLaw):
    """Cheng, Lunar Terminal Guidance (1966), flown by Surveyor; closed form for constant thrust over mass: McInnes 2003.

    A turn from level flight at orbital speed v falls by about g v²/(8 a²), a = T/m (steep turns aside), 90 km with a lander of
    2.5 m/s², and perilune lies at 20; from a speed V far below orbital by V²/(4 g (N² − 1)), N = a/g. So the height is held
    first, thrust as far up as that takes, down to the speed from which a turn at planned throttle ends at the gate. In level
    flight and in the turn the throttle takes the stop over the site, as in constant_descent_rate.py. What the turn would miss of
    the gate, and the heading of the site, small parts of the thrust across the path take up, for a turn alone has one throttle
    for both. The descent rate at its end is what the turn makes it. `note`: the speed to turn at, the part across (m/s²).
    """

    # It points against the velocity over the ground.
    needs: tuple[str, ...] = eqx.field(static=True, default=("velocimeter", "doppler_beams"), kw_only=True)

    def aim(self, situation: Situation) -> Aim:
        """The speed at which to turn and the throttle, one step better; ignition by the way that both take."""
        settings, geometry, throttle = situation.settings, situation.geometry, situation.throttle
        speed = geometry.horizontal_speed
        turn = jnp.where(situation.note[0] > 0.0, situation.note[0], first_guess(situation))
        throttles = jnp.stack([throttle, 1.01 * throttle, settings.ignition_throttle])
        distance, time, fall = jax.vmap(lambda k: predicted(situation, k, turn))(throttles)
        wanted = geometry.distance_along - run_on(settings)
        room = geometry.height_above_site - settings.gate_height
        is_level = speed > turn
        # The fall of a turn goes with the square of the speed that it begins at.
        fits = turn * jnp.sqrt(jnp.clip(room / jnp.maximum(fall[2], 1.0), 0.8, 1.25))
        slope = (distance[1] - distance[0]) / (0.01 * throttle)
        better = throttle + (wanted - distance[0]) / jnp.minimum(slope, -1e-3)
        better = jnp.clip(better, settings.throttle_floor, 1.0)
        turn = jnp.where(is_level, jnp.clip(fits, settings.braking_end_speed + 1.0, 3000.0), turn)
        is_free = time[0] > FREEZE_TIME
        lift = jnp.where(is_level | ~is_free, 0.0, 2.0 * (fall[0] - room) / jnp.maximum(time[0], FREEZE_TIME) ** 2)
        return Aim(jnp.where(is_free, better, throttle), time[0], wanted - distance[2], jnp.stack([turn, lift]))

    def push(self, situation: Situation) -> Push:
        """Level, then against the velocity."""
        settings, geometry = situation.settings, situation.geometry
        full = full_thrust(situation.design)
        total = situation.throttle * full / situation.mass
        off = settings.start_height - geometry.height_above_site
        level = pull(geometry) - settings.rate_gain * geometry.climb_rate + settings.height_gain * off
        speed = jnp.sqrt(geometry.horizontal_speed**2 + geometry.climb_rate**2)
        lift = jnp.clip(situation.note[1], -MOST_LIFT * total, MOST_LIFT * total)
        against = lift - total * geometry.climb_rate / jnp.maximum(speed, 1e-3)
        vertical = jnp.where(geometry.horizontal_speed > situation.note[0], level, against)
        vertical = jnp.clip(vertical, -0.2 * total, 0.98 * total)
        side = sideways(geometry, total, situation.time_to_go)
        return Push(along(geometry, total, vertical, side), situation.throttle * full)


def first_guess(situation: Situation) -> Scalar:
    """Speed (m/s) from which a turn falls by the height in hand, V² = 4 g (N² − 1) Δh (McInnes 2003, to rest); level at first."""
    geometry, backward = situation.geometry, planned_end(situation, situation.time_to_go)
    weight = GM / geometry.site_radius**2
    room = jnp.maximum(geometry.height_above_site - situation.settings.gate_height, 100.0)
    squared = 1.0 + (backward / weight) ** 2  # N² at the end of braking
    guess = jnp.sqrt(4.0 * weight * jnp.maximum(squared - 1.0, 0.1) * room)
    return jnp.minimum(guess, 0.9 * geometry.horizontal_speed)


def predicted(situation: Situation, throttle: Scalar, turn: Scalar):
    """Ground distance (m), time (s) and fall of the turn (m) until the end of braking, over a round Moon.

    Level: dt = du/√(a² − (g − u²/r)²). Then the turn in u, from u̇ = −a u/V − u ḣ/r and ḧ = −a ḣ/V − (g − u²/r), by the midpoint
    rule in ln u.
    """
    geometry, settings = situation.geometry, situation.settings
    thrust, flow = throttle * full_thrust(situation.design), throttle * exhaust_flow(situation.design)
    radius, end = geometry.radius, settings.braking_end_speed
    speed = jnp.maximum(geometry.horizontal_speed, end)
    begins = jnp.clip(turn, end, speed)
    du, ratio = (speed - begins) / LEVEL_STEPS, jnp.log(begins / end) / TURN_STEPS
    weight = GM / radius**2

    def burnt(mass, time):
        return jnp.maximum(mass - flow * time, 0.2 * situation.mass)

    def level(i, carry):
        distance, time, mass = carry
        u = speed - (i + 0.5) * du

        def slowed(mass):
            total, down = thrust / mass, weight - u**2 / radius
            return jnp.sqrt(jnp.maximum(total**2 - down**2, 0.01 * total**2))

        dt = du / slowed(burnt(mass, 0.5 * du / slowed(mass)))
        return distance + u * dt, time + dt, burnt(mass, dt)

    def turned(i, carry):
        distance, time, mass, fall, sink = carry
        u = begins * jnp.exp(-(i + 0.5) * ratio)

        def rates(sink, mass):
            velocity, total = jnp.sqrt(u**2 + sink**2), thrust / mass
            dt = ratio / (total / velocity - sink / radius)
            return dt, weight - u**2 / radius - total * sink / velocity

        first, change = rates(sink, mass)
        middle = sink + 0.5 * first * change
        dt, change = rates(middle, burnt(mass, 0.5 * first))
        return distance + u * dt, time + dt, burnt(mass, dt), fall + middle * dt, sink + dt * change

    zero = jnp.zeros_like(speed)
    sink = jnp.where(geometry.horizontal_speed > turn, 0.0, -geometry.climb_rate)
    distance, time, mass = lax.fori_loop(0, LEVEL_STEPS, level, (zero, zero, situation.mass))
    distance, time, _, fall, _ = lax.fori_loop(0, TURN_STEPS, turned, (distance, time, mass, zero, sink))
    return distance * geometry.site_radius / radius, time, fall
