"""What an operator asks of the rest of the flight: how long it lasts, and what propellant is left for. It decides the end of
hovering, and nothing else."""

import jax.numpy as jnp

from perilune.foundation.moon import GM, RADIUS, STANDARD_GRAVITY
from perilune.foundation.quantities import Mass, Scalar
from perilune.interface.design import CLASS_OF_ENGINE, LanderDesign, engine_slice

from ..settings import GuidanceSettings

PUSHERS = slice(engine_slice("main").start, engine_slice("assist").stop)
WEIGHT = GM / RADIUS**2  # m/s²


def exhaust_speed(design: LanderDesign) -> Scalar:
    """m/s, of main and assist engines together: their thrust over their flow."""
    thrust = design.engine_thrust[PUSHERS]
    flow = thrust / (STANDARD_GRAVITY * design.specific_impulse[CLASS_OF_ENGINE[PUSHERS]])
    return jnp.sum(thrust) / jnp.maximum(jnp.sum(flow), 1e-12)


def hover_time(propellant: Mass, design: LanderDesign) -> Scalar:
    """s for which propellant holds the lander's lunar weight: c/g ln(m/m_dry)."""
    return exhaust_speed(design) / WEIGHT * jnp.log1p(propellant / design.dry_mass)


def margin(propellant: Mass, speed: Scalar, height: Scalar, design: LanderDesign) -> Mass:
    """kg that would be left after the shortest of stops: all speed (m/s) and height (m over the ground) shed at once at the end,
    √(v² + 2 g h). No descent spends less, so below zero there is none."""
    change = jnp.sqrt(speed**2 + 2.0 * WEIGHT * jnp.maximum(height, 0.0))
    mass = design.dry_mass + propellant
    return propellant - mass * (1.0 - jnp.exp(-change / exhaust_speed(design)))


def descent_time(height: Scalar, guidance: GuidanceSettings) -> Scalar:
    """s that the planned descent takes with the feet at a height (m) over the ground: the held rate, √(v² + 2 a h) down to the
    touchdown rate v, and that rate through the last metres."""
    last, slow, fast = guidance.constant_final_height, guidance.touchdown_rate, guidance.hold_rate
    braked = (fast**2 - slow**2) / (2.0 * guidance.terminal_deceleration)
    above = jnp.clip(height - last, 0.0, braked)
    rate = jnp.sqrt(slow**2 + 2.0 * guidance.terminal_deceleration * above)
    waiting = jnp.maximum(height - last - braked, 0.0) / fast
    return waiting + (rate - slow) / guidance.terminal_deceleration + jnp.clip(height, 0.0, last) / slow
