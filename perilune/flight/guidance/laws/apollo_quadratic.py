"""Apollo's quadratic guidance: of all accelerations quadratic in time the one that meets position, velocity and acceleration."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Scalar

from .base import Aim, BrakingLaw, Push, Situation
from .constant_descent_rate import predict_stop
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


def quadratic(offset: Scalar, rate: Scalar, end_rate: Scalar, end_acceleration: Scalar, time_to_go: Scalar) -> Scalar:
    """Acceleration now (m/s²), with T to go from an offset r − r_T (m) at a rate v: a = a_T − 6 (v + v_T)/T − 12 (r − r_T)/T².
    From r and v as polynomials of the fourth and third order about their end (Klumpp 1974)."""
    return end_acceleration - 6.0 * (rate + end_rate) / time_to_go - 12.0 * offset / time_to_go**2


def quadratic_time(distance: Scalar, speed: Scalar, end_speed: Scalar, backward: Scalar, growth: Scalar) -> Scalar:
    """Time-to-go (s) for which the backward acceleration ends as `backward`, growing by `growth` m/s³ (Klumpp's choice: the
    downrange jerk at the target is given, and T follows from a cubic): −j T³ + 6 a T² + (18 v_T + 6 v) T − 24 D = 0."""

    def form(t):
        return ((-growth * t + 6.0 * backward) * t + 18.0 * end_speed + 6.0 * speed) * t - 24.0 * distance

    return first_root(form, distance)


def needed_distance(now: Scalar, speed: Scalar, end_speed: Scalar, backward: Scalar, growth: Scalar):
    """Distance (m) and time (s) of the quadratic deceleration that begins as `now` and ends as `backward`, growing by `growth`.

    With s from a(T) = now, the change of speed is (2 a + now) T/3 − j T²/6, and the distance v_T T + a T²/2 − j T³/6 +
    (now − a + j T) T²/12.
    """
    slope, loss = (2.0 * backward + now) / 3.0, jnp.maximum(speed - end_speed, 0.0)
    t = 2.0 * loss / (slope + jnp.sqrt(jnp.maximum(slope**2 - 2.0 / 3.0 * growth * loss, 0.0)))
    distance = (end_speed + (0.5 * backward - growth * t / 6.0 + (now - backward + growth * t) / 12.0) * t) * t
    return distance, t


class ApolloQuadratic(BrakingLaw):
    """Klumpp, Apollo Lunar Descent Guidance, Automatica 10 (1974): the law of P63 and P64, here over a round Moon.

    Along the ground and in height, as coordinates of a curved Moon, so that what stands for gravity is g − u²/r, which the
    command bears as it is now. Target: the site less the run-on, gate height and rate, the end speed; target acceleration and
    jerk are such that the profile keeps near to constant planned thrust. To the side proportional navigation of the heading,
    which is the linear law (E-guidance, Cherry 1964) of a site to one side. Leaves out u ḣ/r, what the turn of the horizon
    takes of the ground speed (0.04 m/s² at 1,500 and 50 m/s): the next step takes it up.
    """

    def aim(self, situation: Situation) -> Aim:
        """Time-to-go from the cubic; throttle that the command asks for now; ignition when it is the planned one."""
        settings, geometry = situation.settings, situation.geometry
        note = jnp.where(situation.note[0] > 0.0, situation.note, self.end(situation))
        backward, growth = note
        distance, speed = geometry.distance_along - run_on(settings), geometry.horizontal_speed
        end = settings.braking_end_speed, backward, growth
        left = last_seconds(situation, backward)
        time_to_go = jnp.where(left > FREEZE_TIME, quadratic_time(distance, speed, *end), left)
        vertical, asked = self.parts(situation, backward, jnp.maximum(time_to_go, FREEZE_TIME))
        needed, _ = needed_distance(planned_now(situation, vertical), speed, *end)
        throttle = share_of(situation, jnp.sqrt(vertical**2 + asked**2))
        throttle = jnp.where(left > FREEZE_TIME, throttle, situation.throttle)
        return Aim(throttle, time_to_go, distance - needed, note)

    def end(self, situation: Situation) -> Float[Array, "2"]:
        """Backward acceleration (m/s²) and jerk (m/s³) at the end. The acceleration is that of constant planned thrust; with the
        jerk a quadratic that begins like it, too, takes as long: from `needed_distance`, j = (2 (2 a + now) T − 6 Δv)/T². Taken
        once, before ignition, and kept."""
        settings, geometry = situation.settings, situation.geometry
        planned, like = settings.ignition_throttle, (situation.time_to_go, situation.mass, settings, situation.design)
        time = jnp.maximum(predict_stop(geometry.horizontal_speed, planned, *like)[1], FREEZE_TIME)
        backward = planned_end(situation, time)
        loss = jnp.maximum(geometry.horizontal_speed - settings.braking_end_speed, 0.0)
        growth = (2.0 * (2.0 * backward + planned_now(situation, pull(geometry))) * time - 6.0 * loss) / time**2
        return jnp.stack([backward, growth])

    def parts(self, situation: Situation, backward: Scalar, time_to_go: Scalar) -> tuple[Scalar, Scalar]:
        """Thrust acceleration up and backward, m/s²."""
        settings, geometry = situation.settings, situation.geometry
        above = geometry.height_above_site - settings.gate_height
        climb = quadratic(above, geometry.climb_rate, -settings.constant_rate, jnp.zeros_like(backward), time_to_go)
        ahead = run_on(settings) - geometry.distance_along
        push = quadratic(ahead, geometry.horizontal_speed, settings.braking_end_speed, -backward, time_to_go)
        return pull(geometry) + climb, -push

    def push(self, situation: Situation) -> Push:
        """The polynomial's acceleration; near its end what was asked for last is held."""
        steps = jnp.maximum(situation.time_to_go, FREEZE_TIME)
        polynomial = limited(situation, *self.parts(situation, situation.note[0], steps))
        return chosen_by_time(situation, polynomial)
