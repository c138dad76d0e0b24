"""From force and torque to valves: pairs of assist engines in whole valve steps, couples of attitude thrusters."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Flag, Scalar, Torque, Vector
from perilune.interface.design import COUPLES, ENGINE_CLASSES, LanderDesign

# Opposite engines of the ring make a pair without torque: (0, 3), (1, 4), (2, 5).
PAIR_OF_ASSIST = (0, 1, 2, 0, 1, 2)


def pulse_pairs(wanted_steps: Scalar, residual: Scalar, steps_a_cycle: Scalar, shortest: Scalar):
    """Valve steps of the three pairs, and the steps still owed.

    Pairs fill one after the other, so at most one pair is pulsed in a cycle; what rounding and the minimum on-time
    take away is owed to the next cycle (first-order sigma-delta), so that the mean thrust is what was asked.
    """
    owed = jnp.clip(wanted_steps, 0.0, 3.0 * steps_a_cycle) + residual
    whole = jnp.round(owed)
    pairs = jnp.stack([jnp.clip(whole - i * steps_a_cycle, 0.0, steps_a_cycle) for i in range(3)])
    pairs = jnp.where(pairs + 0.5 < shortest, 0.0, pairs)
    given = pairs[0] + pairs[1] + pairs[2]
    return pairs, jnp.clip(owed - given, -steps_a_cycle, steps_a_cycle)


def allocate(
    thrust: Scalar,
    torque_B: Torque,
    is_main_on: Flag,
    is_powered: Flag,
    assist_residual: Scalar,
    couple_residual: Vector,
    period: Scalar,
    design: LanderDesign,
) -> tuple[Float[Array, "19"], Scalar, Vector]:
    """On-times (s) of all engines, and what is owed to the next cycle by assist pairs and attitude couples."""
    steps_a_cycle = jnp.round(period / design.valve_step)
    main = jnp.where(is_main_on, design.engine_thrust[0], 0.0)
    pair_thrust = 2.0 * design.engine_thrust[ENGINE_CLASSES["assist"][0]]
    wanted = jnp.where(is_powered, (thrust - main) / pair_thrust * steps_a_cycle, 0.0)
    shortest = design.minimum_on_time / design.valve_step
    pairs, assist_residual = pulse_pairs(wanted, assist_residual, steps_a_cycle, shortest)
    assist_residual = jnp.where(is_powered, assist_residual, 0.0)

    owed = torque_B / design.couple_torque * steps_a_cycle + couple_residual
    whole = jnp.clip(jnp.round(owed), -steps_a_cycle, steps_a_cycle)
    couple_residual = jnp.clip(owed - whole, -1.0, 1.0)
    attitude = [jnp.zeros_like(thrust)] * ENGINE_CLASSES["attitude"][1]
    for axis, sign, first, second in COUPLES:
        steps = jnp.maximum(sign * whole[axis], 0.0)
        attitude[first], attitude[second] = steps, steps
    main_steps = jnp.where(is_main_on & is_powered, steps_a_cycle, 0.0)
    steps = jnp.stack([main_steps] + [jnp.where(is_powered, pairs[k], 0.0) for k in PAIR_OF_ASSIST] + attitude)
    return steps * design.valve_step, assist_residual, couple_residual
