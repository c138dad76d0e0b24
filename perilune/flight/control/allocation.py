"""From force and torque to valves: throttle of the main engines, pairs of assist engines, attitude thrusters, gimbal."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Flag, Scalar, Torque, Vector
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINE_CLASSES, PAIRS, LanderDesign, engine_slice

MAIN, ASSIST, ATTITUDE = engine_slice("main"), ENGINE_CLASSES["assist"], ENGINE_CLASSES["attitude"][1]


def pulse_pairs(wanted_steps: Scalar, residual: Scalar, steps_a_cycle: Scalar, shortest: Scalar, pairs_there: Scalar):
    """Valve steps of each pair (PAIRS slots), and the steps still owed.

    Pairs fill one after the other, so at most one pair is pulsed in a cycle; what rounding and the minimum on-time
    take away is owed to the next cycle (first-order sigma-delta), so that the mean thrust is what was asked.
    """
    owed = jnp.clip(wanted_steps, 0.0, pairs_there * steps_a_cycle) + residual
    whole = jnp.minimum(jnp.round(owed), pairs_there * steps_a_cycle)
    pairs = jnp.stack([jnp.clip(whole - i * steps_a_cycle, 0.0, steps_a_cycle) for i in range(PAIRS)])
    pairs = jnp.where(pairs + 0.5 < shortest, 0.0, pairs)
    given = pairs[0] + pairs[1] + pairs[2] + pairs[3]
    return pairs, jnp.clip(owed - given, -steps_a_cycle, steps_a_cycle)


def of_assist(pairs: Float[Array, " pairs"], pairs_there: Scalar) -> Float[Array, " assist"]:
    """Steps of each assist engine: engines k and k + n/2 of n are a pair, opposite each other, without torque."""
    place = jnp.arange(ASSIST[1], dtype=jnp.float64)
    own = jnp.where(place < pairs_there, place, place - pairs_there)
    steps = sum(jnp.where(own == k, pairs[k], 0.0) for k in range(PAIRS))
    return jnp.where(place < 2.0 * pairs_there, steps, 0.0)


def pulse_attitude(torque_B: Torque, owed_B: Torque, steps_a_cycle: Scalar, design: LanderDesign):
    """Valve steps of each attitude thruster for a mean torque (N m), and the torque still owed.

    Each signed axis has its own set of thrusters, worked out with the drawing; a pulse is whole valve steps.
    """
    wanted = torque_B + owed_B
    duty = sum(
        jnp.maximum(sign * wanted[axis], 0.0) * design.attitude_duty[2 * axis + k]
        for axis in range(3)
        for k, sign in enumerate((1.0, -1.0))
    )
    steps = jnp.clip(jnp.round(duty * steps_a_cycle), 0.0, steps_a_cycle)
    given = sum(steps[k] * design.attitude_torque[k] for k in range(ATTITUDE)) / steps_a_cycle
    one_step = design.couple_torque / steps_a_cycle
    return steps, jnp.clip(wanted - given, -one_step, one_step)


def allocate(
    thrust: Scalar,
    torque_B: Torque,
    trim_B: Torque,
    is_main_on: Flag,
    is_powered: Flag,
    owed: tuple[Scalar, Vector],
    period: Scalar,
    design: LanderDesign,
) -> tuple[Commands, Scalar, Vector]:
    """Commands for a thrust (N) and a torque (N m), and what assist pairs (valve steps) and attitude thrusters (N m) still owe.

    `trim_B` is the part of the torque that lasts: a gimbal takes as much of it as it can, thrusters the rest. `owed`: what was
    owed before.
    """
    assist_residual, torque_owed = owed
    steps_a_cycle = jnp.round(period / design.valve_step)
    main_full = jnp.sum(design.engine_thrust[MAIN])
    is_main_on = is_main_on & is_powered
    throttle = jnp.clip(thrust / jnp.maximum(main_full, 1e-9), design.throttle_floor, 1.0)
    main = jnp.where(is_main_on, throttle * main_full, 0.0)
    pair_thrust = 2.0 * design.engine_thrust[ASSIST[0]]
    wanted = jnp.where(is_powered, (thrust - main) / jnp.maximum(pair_thrust, 1e-9) * steps_a_cycle, 0.0)
    shortest = design.minimum_on_time / design.valve_step
    pairs, assist_residual = pulse_pairs(wanted, assist_residual, steps_a_cycle, shortest, design.assist_pairs)
    assist_residual = jnp.where(is_powered, assist_residual, 0.0)

    # Thrust turned by g about X pushes along −Y, an arm below the centre of mass: torque −F·arm·g about X, and Y likewise.
    lever = jnp.maximum(main * design.gimbal_arm, 1e-9)
    has_gimbal = is_main_on & (design.gimbal_limit > 0.0)
    gimbal = jnp.where(has_gimbal, jnp.clip(-trim_B[0:2] / lever, -design.gimbal_limit, design.gimbal_limit), 0.0)
    by_gimbal = jnp.where(has_gimbal, -gimbal * lever, 0.0)
    rest_B = jnp.concatenate([torque_B[0:2] - by_gimbal, torque_B[2:3]])
    attitude, torque_owed = pulse_attitude(rest_B, torque_owed, steps_a_cycle, design)

    main_steps = jnp.where(is_main_on & (design.engine_thrust[MAIN] > 0.0), steps_a_cycle, 0.0)
    assist = jnp.where(is_powered, of_assist(pairs, design.assist_pairs), 0.0)
    on_time = jnp.concatenate([main_steps, assist, attitude]) * design.valve_step
    return Commands(on_time, throttle, gimbal), assist_residual, torque_owed
