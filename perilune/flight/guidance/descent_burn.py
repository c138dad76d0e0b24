"""The burn that leaves the parking orbit: held to an attitude, cut off by the velocity that the accelerometers felt."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Attitude, Flag, Mass, Scalar
from perilune.interface.design import LanderDesign, engine_slice


class BurnPlan(eqx.Module):
    """What was uplinked."""

    ignition: Scalar  # s, mission time
    delta_velocity: Scalar  # m/s, to be felt along Z of B
    attitude_IB: Attitude  # held through the burn
    tail: Scalar  # s of full thrust that the engine still gives once its valve has shut
    limit: Scalar  # s, the timer that stops the burn if the accelerometers do not


def valve_time(
    plan: BurnPlan, design: LanderDesign, felt: Scalar, propellant: Mass, elapsed: Scalar, is_over: Flag, period: Scalar
) -> tuple[Scalar, Flag]:
    """Open time (s) of the main engine's valve in the next cycle, and whether the burn ends in it.

    `felt`: m/s so far along Z of B. The last cycle's open time is what is left over the acceleration as drawn, in whole valve
    steps; no cycle opens the valve beyond `limit` s after ignition, whatever is felt.
    """
    acceleration = jnp.sum(design.engine_thrust[engine_slice("main")]) / (design.dry_mass + propellant)
    left = jnp.clip((plan.delta_velocity - felt) / acceleration - plan.tail, 0.0, period)
    left = jnp.round(left / design.valve_step) * design.valve_step
    on_time = jnp.minimum(left, jnp.clip(plan.limit - elapsed, 0.0, period))
    on_time = jnp.where(is_over, 0.0, on_time)
    return on_time, is_over | (on_time < period - 1e-9)
