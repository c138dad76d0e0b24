"""Equations of motion of a rigid lander with draining tanks, and their fixed-step RK4.

ṙ = v,  v̇ = g(r) + C_IB F / m,  q̇ = ½ q ∘ ω,  J ω̇ = τ − ω × J ω,  ṁ = −flow   (Hughes 1986, ch. 3)
"""

import jax
import jax.numpy as jnp

from perilune.foundation.gravity import acceleration
from perilune.foundation.quantities import Matrix, Scalar
from perilune.foundation.rotation import normalised, rate_of_change, rotate
from perilune.foundation.vectors import cross

from .state import Motion
from .vehicle.mass import MassProperties


def derivative(motion: Motion, output, mass: MassProperties, gm: Scalar, form_I: Matrix) -> Motion:
    """Time derivative of the motion under an engine output (7,): force, torque about the datum, flow."""
    force_B, torque_datum_B, flow = output[0:3], output[3:6], output[6]
    total = mass.total(motion.propellant)
    push_B = force_B / total
    torque_B = torque_datum_B - cross(mass.centre(motion.propellant), force_B)
    inertia = mass.inertia(motion.propellant)
    momentum_B = inertia * motion.rate_B
    gravity_I = acceleration(gm, form_I, motion.position_I)
    return Motion(
        position_I=motion.velocity_I,
        velocity_I=gravity_I + rotate(motion.attitude_IB, push_B),
        attitude_IB=rate_of_change(motion.attitude_IB, motion.rate_B),
        rate_B=(torque_B - cross(motion.rate_B, momentum_B)) / inertia,
        propellant=-flow,
        delta_velocity_B=push_B,
        delta_angle_B=motion.rate_B,
    )


def rk4(motion: Motion, outputs, mass: MassProperties, gm: Scalar, form_I: Matrix, step: Scalar) -> Motion:
    """One classical Runge-Kutta step with engine outputs at its start, middle and end; unit quaternion after."""

    def slope(at: Motion, output) -> Motion:
        return derivative(at, output, mass, gm, form_I)

    def along(rate: Motion, length) -> Motion:
        return jax.tree.map(lambda x, k: x + length * k, motion, rate)

    first, middle, last = outputs
    k1 = slope(motion, first)
    k2 = slope(along(k1, 0.5 * step), middle)
    k3 = slope(along(k2, 0.5 * step), middle)
    k4 = slope(along(k3, step), last)
    moved = jax.tree.map(lambda x, a, b, c, d: x + step / 6.0 * (a + 2.0 * (b + c) + d), motion, k1, k2, k3, k4)
    return Motion(
        position_I=moved.position_I,
        velocity_I=moved.velocity_I,
        attitude_IB=normalised(moved.attitude_IB),
        rate_B=moved.rate_B,
        propellant=jnp.maximum(moved.propellant, 0.0),
        delta_velocity_B=moved.delta_velocity_B,
        delta_angle_B=moved.delta_angle_B,
    )
