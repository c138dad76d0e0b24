"""Vertical descent by what would be missed: zero-effort miss and zero-effort velocity."""

import jax.numpy as jnp

from perilune.foundation.moon import GM
from perilune.foundation.quantities import Scalar, Vector
from perilune.foundation.vectors import dot, norm
from perilune.interface.design import engine_slice

from ..thrust import full_thrust
from .base import DescentLaw, Fall
from .rate_schedule import horizontal_part, tilted, vertical_part

NEAR = 2.0  # s to go, below which the touchdown rate is held: the gain 4/T would pass that of any rate loop
NEAR_ACROSS = 10.0  # s to go, below which only speed across is taken off: the attitude loop is not fast enough for more
MARGIN = 0.95  # of full thrust, planned for


def command(miss, missed_rate, time_to_go: Scalar):
    """a = 6 ZEM/T² − 2 ZEV/T: least ∫a·a dt to a place and a velocity at a given time (Ebrahimi, Bahrami and Roshanian 2008; Guo,
    Hawkins and Wie 2013). ZEM and ZEV are what is missed of both if nothing more is thrust."""
    return 6.0 * miss / time_to_go**2 - 2.0 * missed_rate / time_to_go


def fall_time(room: Scalar, rate: Scalar, end_rate: Scalar, end: Scalar, most: Scalar) -> Scalar:
    """Time (s) through `room` m from one descent rate to another (m/s), so that the deceleration ends as `end` m/s²:
    a_f T² + (2 v + 4 v_f) T − 6 R = 0. With a_f = g and v_f = 0 it is the time of least ∫a·a dt (the quartic of dsouza.py, along
    one line, is a square). Where it would begin with more than `most`, the time of a beginning with `most`, but not less than
    that of even deceleration, 2 R/(v + v_f), which asks for the least of all.
    """
    half = rate + 2.0 * end_rate
    free = (jnp.sqrt(half**2 + 6.0 * end * room) - half) / end
    first = 4.0 * rate + 2.0 * end_rate
    inside = first**2 - 24.0 * room * most
    bound = 12.0 * room / (first + jnp.sqrt(jnp.maximum(inside, 0.0)))
    even = 2.0 * room / (rate + end_rate)
    return jnp.where(inside > 0.0, jnp.minimum(free, jnp.maximum(bound, even)), free)


def within_reach(way: Vector, velocity: Vector, time_to_go: Scalar, most: Scalar) -> Vector:
    """The nearest to a way (m) that the law goes to rest in the time without asking for more than `most` m/s², at its beginning
    (4 v/T − 6 d/T²) or its end (6 d/T² − 2 v/T): |d − v T/2| ≤ a T²/6 − |v| T/6. Else it would lean towards a site beyond its
    reach until nothing is left to stop with. Where speed alone is too much, it brakes evenly, d = v T/2."""
    middle = 0.5 * time_to_go * velocity
    reach = jnp.maximum(most * time_to_go - norm(velocity), 0.0) * time_to_go / 6.0
    beyond = way - middle
    return middle + beyond * jnp.minimum(1.0, reach / jnp.maximum(norm(beyond), 1e-9))


class ZemZev(DescentLaw):
    """Optimal feedback to the site, once terminal descent has begun; until then the hold rate, as in rate_schedule.py.

    Target: over the site at `constant_final_height`, at the touchdown rate, which is held from there. One time-to-go for all
    axes, from the vertical: that of free final time, with the end deceleration g or what the engines that are left at the end
    give beside the weight. Limits: the time is shortened where the first thrust would be too much, tilt is bounded, and the
    vertical part comes first; of a site beyond the reach of that tilt the nearest within it is aimed at. Takes the ground to be
    as far below the site as below the lander.
    """

    def acceleration(self, fall: Fall) -> Vector:
        """Thrust acceleration in M, m/s²."""
        settings, geometry = fall.settings, fall.geometry
        weight = GM / geometry.radius**2
        room = jnp.maximum(fall.foot_height - settings.constant_final_height, 0.1)
        time_to_go = self.time_to_go(fall, weight, room)
        steps = jnp.maximum(time_to_go, NEAR)
        miss = -room - geometry.climb_rate * steps + 0.5 * weight * steps**2
        up = command(miss, -settings.touchdown_rate - geometry.climb_rate + weight * steps, steps)
        is_on = fall.is_terminal & (time_to_go > NEAR)
        vertical = jnp.where(is_on, jnp.maximum(up, 0.4 * weight), vertical_part(fall))

        steps = jnp.maximum(time_to_go, NEAR_ACROSS)
        flat_M = geometry.velocity_M - geometry.climb_rate * geometry.up_M
        to_site_M = settings.site_M - dot(settings.site_M, geometry.up_M) * geometry.up_M
        to_site_M = within_reach(to_site_M, flat_M, steps, vertical * jnp.tan(settings.tilt_limit))
        across_M = command(to_site_M - steps * flat_M, -flat_M, steps)
        across_M = jnp.where(time_to_go > NEAR_ACROSS, across_M, -settings.horizontal_gain * flat_M)
        return tilted(fall, vertical, jnp.where(fall.is_terminal, across_M, horizontal_part(fall)))

    def time_to_go(self, fall: Fall, weight: Scalar, room: Scalar) -> Scalar:
        """s to the constant final height, by what engines there are now and at the end."""
        design, settings = fall.design, fall.settings
        main = jnp.sum(design.engine_thrust[engine_slice("main")])
        full, lands_on_assist = full_thrust(design), design.assist_pairs > 0.0
        least = 0.1 * weight  # engines that hardly bear the lander
        at_end = MARGIN * jnp.where(lands_on_assist, full - main, full) / fall.mass - weight
        now = MARGIN * jnp.where(lands_on_assist & fall.is_final, full - main, full) / fall.mass - weight
        rate = jnp.maximum(-fall.geometry.climb_rate, 0.0)
        end = jnp.clip(at_end, least, weight)
        return fall_time(room, rate, settings.touchdown_rate, end, jnp.maximum(now, least))
