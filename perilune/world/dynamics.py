"""Equations of motion of a rigid lander with draining tanks, and their fixed-step RK4.

ṙ = v,  v̇ = g(r) + C_IB F / m,  q̇ = ½ q ∘ ω,  J ω̇ = τ − ω × J ω,  ṁ = −flow   (Hughes 1986, ch. 3)
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.gravity import acceleration
from perilune.foundation.quantities import Mass, Matrix, Rate, Scalar, Vector
from perilune.foundation.rotation import normalised, rate_of_change, rotate
from perilune.foundation.vectors import cross

from .state import Motion
from .vehicle.engines import Push
from .vehicle.mass import MassProperties


class Stage(eqx.Module):
    """What is known in advance of one Runge-Kutta stage: engine output, rate gained from torque, propellant."""

    output: Float[Array, "7"]
    turned_B: Rate  # for the attitude: its Simpson sum over the stages gives the exact angle gained
    spun_B: Rate  # the gain itself, for the gyroscopic torque
    propellant: Mass


class Known(eqx.Module):
    """The part of a step that is known in closed form, because valves move only between steps.

    Body rate is integrated as its difference to the rate gained from torque alone, and the propellant not at all:
    that takes the jumps at valve edges out of Runge-Kutta's hands.
    """

    first: Stage
    middle: Stage
    last: Stage
    inertia: Vector  # at the middle of the step, which the gain was reckoned with


def known_part(push: Push, mass: MassProperties, propellant: Mass, step: Scalar) -> Known:
    """The stages of a step that starts with `propellant` kg."""
    first, middle, last = push.samples()
    halfway = propellant - step * push.half[6]
    centre, inertia = mass.centre(halfway), mass.inertia(halfway)

    def gain(share):
        return (share[3:6] - cross(centre, share[0:3])) * (step / inertia)

    none, half, whole = jnp.zeros(3), gain(push.half), gain(push.mean)
    angle = 0.25 * (6.0 * gain(push.early) - whole)
    return Known(
        first=Stage(first, none, none, propellant),
        middle=Stage(middle, angle, half, halfway),
        last=Stage(last, whole, whole, propellant - step * push.mean[6]),
        inertia=inertia,
    )


def derivative(motion: Motion, stage: Stage, reference: Vector, mass: MassProperties, gm: Scalar, form_I) -> Motion:
    """Time derivative in one stage. `motion.rate_B` is the rate less what torque alone has given (`Known`)."""
    force_B = stage.output[0:3]
    push_B = force_B / mass.total(stage.propellant)
    inertia = mass.inertia(stage.propellant)
    torque_B = stage.output[3:6] - cross(mass.centre(stage.propellant), force_B)
    spinning_B = motion.rate_B + stage.spun_B
    turning_B = motion.rate_B + stage.turned_B
    gravity_I = acceleration(gm, form_I, motion.position_I)
    return Motion(
        position_I=motion.velocity_I,
        velocity_I=gravity_I + rotate(motion.attitude_IB, push_B),
        attitude_IB=rate_of_change(motion.attitude_IB, turning_B),
        rate_B=(torque_B - cross(spinning_B, inertia * spinning_B)) / inertia - torque_B / reference,
        propellant=jnp.zeros_like(motion.propellant),
        delta_velocity_B=push_B,
        delta_angle_B=turning_B,
    )


def rk4(motion: Motion, push: Push, mass: MassProperties, gm: Scalar, form_I: Matrix, step: Scalar) -> Motion:
    """One classical Runge-Kutta step under an engine push; unit quaternion after."""
    known = known_part(push, mass, motion.propellant, step)

    def slope(at: Motion, stage: Stage) -> Motion:
        return derivative(at, stage, known.inertia, mass, gm, form_I)

    def along(rate: Motion, length) -> Motion:
        return jax.tree.map(lambda x, k: x + length * k, motion, rate)

    k1 = slope(motion, known.first)
    k2 = slope(along(k1, 0.5 * step), known.middle)
    k3 = slope(along(k2, 0.5 * step), known.middle)
    k4 = slope(along(k3, step), known.last)
    moved = jax.tree.map(lambda x, a, b, c, d: x + step / 6.0 * (a + 2.0 * (b + c) + d), motion, k1, k2, k3, k4)
    return Motion(
        position_I=moved.position_I,
        velocity_I=moved.velocity_I,
        attitude_IB=normalised(moved.attitude_IB),
        rate_B=moved.rate_B + known.last.spun_B,
        propellant=jnp.maximum(known.last.propellant, 0.0),
        delta_velocity_B=moved.delta_velocity_B,
        delta_angle_B=moved.delta_angle_B,
    )
