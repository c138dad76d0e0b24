"""What faults make of readings: a few forms, the same for every channel, after the sensor's own model has had its say.

    y' = (1 + scale) y + bias + drift · t,  limited,  lost,  or the last one again

Increments of the IMU are rates times the cycle, so bias, drift and limit are multiplied by it. The forms act on whole blocks of
channels; at magnitude zero each of them leaves every bit as it was. More noise is the sensors' own (σ' = √(σ² + fault²)).
"""

from functools import reduce
from operator import mul, or_

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Bool, Float

from perilune.foundation.frames import local_axes
from perilune.foundation.fusion import once
from perilune.foundation.moon import GM
from perilune.foundation.quantities import Attitude, Flag, Position, Scalar, Vector, Velocity
from perilune.foundation.randomness import Noise, rows
from perilune.foundation.rotation import compose, from_rotation_vector, rotate
from perilune.foundation.vectors import norm, unit
from perilune.interface.design import FEET

from ..faults.kinds import SLOW, UNITS
from ..faults.table import FaultState, Struck
from ..state import Motion

TRACKER, RANGE, VELOCITY = slice(0, 3), SLOW.index("range"), slice(4, 7)
FIX, FLOW, PROPELLANT = slice(7, 10), slice(10, 12), SLOW.index("propellant")
FIGURES = (4, 1, 3, 3, 2, 1, 0)  # that each unit of `UNITS` reports here; a lidar's patch has faults of its own
LIMITLESS = 1e30


class Readings(eqx.Module):
    """What the slow units report: readings, and whether they say that these are valid, in the order of `UNITS`."""

    tracker_IB: Attitude
    slant_range: Scalar
    velocity_B: Vector
    fix_M: Position
    flow_S: Float[Array, "2"]
    propellant: Scalar
    is_valid: Bool[Array, " units"]


def each(flags: Bool[Array, " units"]) -> Bool[Array, " held"]:
    """A flag of every unit for each of the figures that it reports."""
    return jnp.stack([flags[k] for k, count in enumerate(FIGURES) for _ in range(count)])


def drifted(reached: Float[Array, " n"], rate: Float[Array, " n"], elapsed: Scalar) -> Float[Array, " n"]:
    """How far drifts have come `elapsed` s later; one that has ended starts from nothing."""
    return jnp.where(rate != 0.0, reached + rate * elapsed, 0.0)


def broken_increments(
    velocity: Vector, angle: Vector, state: FaultState, struck: Struck, period: Scalar
) -> tuple[Vector, Vector, FaultState]:
    """Increments of velocity (m/s) and angle (rad) as a broken IMU gives them."""
    whole = jnp.concatenate([velocity, angle])
    drift = drifted(state.fast_drift, struck.of("fast_drift"), period)
    error = (struck.of("fast_bias") + drift) * period
    limit = struck.of("fast_limit")
    most = jnp.where(limit > 0.0, limit * period, LIMITLESS)
    read = jnp.clip((1.0 + struck.of("fast_scale")) * whole + error, -most, most)
    read = jnp.where(struck.has("imu_off"), 0.0, read)
    read = jnp.where(struck.of("fast_stuck") > 0.5, state.fast_held, read)
    state = eqx.tree_at(lambda s: (s.fast_drift, s.fast_held), state, (drift, read))
    return read[0:3], read[3:6], state


def broken_readings(
    whole: Readings, is_due: Bool[Array, " units"], state: FaultState, struck: Struck, noise: Noise, elapsed: Scalar
) -> tuple[Readings, FaultState]:
    """What the slow units report when broken, `elapsed` s after the slow step before; those that are not due report nothing."""
    drift = drifted(state.slow_drift, struck.of("slow_drift"), elapsed)
    error = struck.of("slow_bias") + drift
    share = 1.0 + struck.of("slow_scale")
    turned_IB = compose(whole.tracker_IB, from_rotation_vector(error[TRACKER]))
    is_turned = (error[0] != 0.0) | (error[1] != 0.0) | (error[2] != 0.0)
    long = share[RANGE] * whole.slant_range + error[RANGE]
    left = share[PROPELLANT] * whole.propellant + error[PROPELLANT]
    read = jnp.concatenate(
        [
            jnp.where(is_turned, turned_IB, whole.tracker_IB),
            jnp.where(long == whole.slant_range, long, jnp.maximum(long, 0.0))[None],
            share[VELOCITY] * whole.velocity_B + error[VELOCITY],
            moved_aside(whole.fix_M, error[FIX]),
            share[FLOW] * whole.flow_S + error[FLOW],
            jnp.where(left == whole.propellant, left, jnp.maximum(left, 0.0))[None],
        ]
    )
    first, second = ndtr(rows(noise, "fault_dropouts"))
    own = jnp.ones(1)  # range finder and lidar lose their returns in their own models
    luck = once(jnp.concatenate([first[None], own, second[None], ndtr(rows(noise, "fault_more_dropouts")), own]))
    is_lost = (struck.of("unit_off") > 0.5) | (luck < struck.of("unit_dropout"))
    has_reading, lies = whole.is_valid & ~is_lost, struck.of("unit_said_valid") > 0.5
    is_stuck = struck.of("unit_stuck") > 0.5
    # What stands in a register without a reading: the attitude before, the range where counting ended, no speed.
    empty = jnp.concatenate([state.slow_held[0:4], read[4:5], jnp.zeros(len(read) - 5)])
    read = jnp.where(each(~has_reading & lies), empty, read)
    is_new = has_reading & ~is_stuck  # a unit can only repeat what it has once read
    held = jnp.where(each(is_new), read, state.slow_held)
    had = state.slow_had | is_new
    read = jnp.where(each(is_stuck), held, read)
    is_valid = (jnp.where(is_stuck, had, has_reading) | lies) & ~(struck.of("unit_said_invalid") > 0.5) & is_due
    state = eqx.tree_at(lambda s: (s.slow_drift, s.slow_held, s.slow_had), state, (drift, held, had))
    return Readings(read[0:4], read[4], read[5:8], read[8:11], read[11:13], read[13], is_valid), state


def moved_aside(fix_M: Position, error_L: Vector) -> Position:
    """A fix with an error towards east, north and up (m); the same bits for none."""
    east_M, north_M, up_M = local_axes(unit(jnp.where(fix_M == 0.0, 1.0, fix_M)))  # an empty register has no vertical
    is_moved = (error_L[0] != 0.0) | (error_L[1] != 0.0) | (error_L[2] != 0.0)
    return jnp.where(is_moved, fix_M + error_L[0] * east_M + error_L[1] * north_M + error_L[2] * up_M, fix_M)


Pose = tuple[Position, Velocity, Attitude]  # in I


def earlier(motion: Motion, period: Scalar, latency: Scalar) -> Pose:
    """Place, velocity and attitude as they were `latency` s ago, run back by this cycle's mean acceleration and rate; the same
    bits for none.

    Engines are pulsed, so that one cycle's acceleration is not quite that of the cycles before; what they did then is left out.
    """
    gravity_I = -GM / norm(motion.position_I) ** 3 * motion.position_I
    change_I = rotate(motion.attitude_IB, motion.delta_velocity_B / period) + gravity_I
    back_I = motion.position_I - latency * motion.velocity_I + 0.5 * latency**2 * change_I
    then = (
        back_I,
        motion.velocity_I - latency * change_I,
        compose(motion.attitude_IB, from_rotation_vector(-latency * motion.rate_B)),
    )
    now = (motion.position_I, motion.velocity_I, motion.attitude_IB)
    position_I, velocity_I, attitude_IB = (jnp.where(latency > 0.0, a, b) for a, b in zip(then, now, strict=True))
    return position_I, velocity_I, attitude_IB


def moved_to(motion: Motion, pose: Pose) -> Motion:
    """The motion at another pose."""
    return eqx.tree_at(lambda m: (m.position_I, m.velocity_I, m.attitude_IB), motion, pose)


def place_of(name: str) -> int:
    """The place of a slow unit in per-unit arrays."""
    return UNITS.index(name)


def switches(is_down: Bool[Array, " feet"], is_there: Float[Array, " feet"], struck: Struck, noise: Noise) -> Flag:
    """Whether any footpad switch says contact. One that chatters does so by chance, with the others or without."""
    early, dead, chatter = (struck.of(f"switch_{what}") for what in ("early", "dead", "chatter"))
    works = (is_there > 0.5) & ~(dead > 0.5)
    says = (is_down | (early > 0.5)) & works
    quiet = reduce(mul, (1.0 - jnp.where(works[k], chatter[k], 0.0) for k in range(FEET)))
    return reduce(or_, (says[k] for k in range(FEET))) | (ndtr(rows(noise, "fault_switches")[0]) < 1.0 - quiet)
