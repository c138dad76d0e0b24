"""Equations of motion of a rigid lander with draining tanks and swinging liquid, and their fixed-step RK4.

ṙ = v,  v̇ = g(r) + C_IB F / m,  q̇ = ½ q ∘ ω,  J ω̇ = τ − ω × J ω,  ṁ = −flow   (Hughes 1986, ch. 3; liquid: `vehicle.mass`)

Left out: jet damping and the change of inertia while turning, together under 0.1 N m at 12 °/s and full thrust.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp

from perilune.foundation.fusion import by_number, once
from perilune.foundation.gravity import acceleration
from perilune.foundation.quantities import Acceleration, Mass, Matrix, Position, Rate, Scalar, Vector
from perilune.foundation.rotation import normalised, rate_of_change, rotate

from .state import Motion
from .vehicle.engines import Push
from .vehicle.mass import Balance, MassProperties, Slosh, Stiffness, stiffness, swing, swung, times


class Stage(eqx.Module):
    """What is known in advance of one Runge-Kutta stage."""

    push_B: Acceleration  # of the engines
    spun_B: Rate  # rad/s, from torque; not the gain at the stage, but what makes Runge-Kutta's sums of it exact (`known_part`)
    turns_B: Vector  # rad/s², the turn that the torque gives here
    more_turns_B: Vector  # rad/s², of that, what it gives beyond what it would give halfway
    balance: Balance


class Known(eqx.Module):
    """The part of a step that is known in closed form.

    Body rate is integrated as its difference to the rate gained from torque alone, and the propellant not at all:
    that takes the jumps at valve edges out of Runge-Kutta's hands.
    """

    first: Stage
    middle: Stage
    last: Stage
    gained_B: Rate  # over the whole step
    propellant: Mass  # kg at its end
    stiffness: Stiffness  # of the liquid under the step's mean thrust


def known_part(push: Push, mass: MassProperties, propellant: Mass, step: Scalar) -> Known:
    """The stages of a step that starts with `propellant` kg.

    RK4 with stage rates ω₀, ω₀ + β, ω₀ + β, ω₀ + w sums the gain to (4 β + w)/6, and where it meets what else changes in
    the step (the old rate, the gyroscopic torque) with weights (2 β + w)/6 and β/3. With a gain g(s) those should be ∫ g,
    ∫ s g and ∫ (1 − s) g: so β = 3 ∫ (1 − s) g and w = 6 ∫ g − 4 β, whatever the shape of the torque's rise. Halfway there is as
    much propellant as makes the stages' sum its mean over the step.
    """
    first, middle, final = push.samples()
    midway = propellant - step * (1.5 * push.early[6] - 0.25 * push.mean[6])
    ends = propellant - step * push.mean[6]
    halfway = mass.at(midway)

    def gain(share):
        return step * halfway.turns(halfway.moment(share[0:3], share[3:6]))

    beta = 3.0 * gain(push.earliest)
    last = 6.0 * gain(push.early) - 4.0 * beta

    def stage(output, spun_B, left):
        here = mass.at(left)
        torque_B = here.moment(output[0:3], output[3:6])
        more_B = (left - midway) * times(mass.inverse_slope, torque_B)
        return Stage(output[0:3] / here.total, spun_B, here.turns(torque_B), more_B, here)

    return Known(
        first=stage(first, jnp.zeros(3), propellant),
        middle=stage(middle, beta, midway),
        last=stage(final, last, ends),
        gained_B=gain(push.mean),
        propellant=ends,
        stiffness=stiffness(mass.slosh, push.mean[2] / halfway.total),
    )


class Pull(eqx.Module):
    """Gravity in a cycle: the degree-2 field in I axes, and all the rest at its middle."""

    gm: Scalar
    form_I: Matrix
    rest_I: Acceleration

    def at(self, position_I: Position) -> Acceleration:
        """m/s² in I."""
        return acceleration(self.gm, self.form_I, position_I) + self.rest_I


def derivative(motion: Motion, stage: Stage, known: Known, slosh: Slosh, pull: Pull) -> Motion:
    """Time derivative in one stage. `motion.rate_B` is the rate less what torque alone has given (`Known`)."""
    rate_B, balance = motion.rate_B + stage.spun_B, stage.balance
    own = swing(slosh, known.stiffness, motion, rate_B, stage.push_B)
    turns_B = balance.turns(own.torque_B + balance.gyroscopic(rate_B))
    moved, gives_B = swung(slosh, own, turns_B + stage.turns_B, stage.push_B)
    return Motion(
        position_I=motion.velocity_I,
        velocity_I=pull.at(motion.position_I) + rotate(motion.attitude_IB, stage.push_B),
        attitude_IB=rate_of_change(motion.attitude_IB, rate_B),
        rate_B=turns_B + stage.more_turns_B,
        propellant=jnp.zeros_like(motion.propellant),
        slosh=motion.slosh_rate,
        slosh_rate=moved,
        delta_velocity_B=stage.push_B - gives_B,
        delta_angle_B=rate_B,
    )


def rk4(motion: Motion, push: Push, mass: MassProperties, pull: Pull, step: Scalar) -> Motion:
    """One classical Runge-Kutta step under an engine push; unit quaternion after."""
    known = known_part(push, mass, motion.propellant, step)

    def slope(at: Motion, stage: Stage) -> Motion:
        return once(derivative(at, stage, known, mass.slosh, pull))

    def along(rate: Motion, length) -> Motion:
        return jax.tree.map(lambda x, k: by_number(lambda a, b: a + length * b, x, k), motion, rate)

    k1 = slope(motion, known.first)
    k2 = slope(along(k1, 0.5 * step), known.middle)
    k3 = slope(along(k2, 0.5 * step), known.middle)
    k4 = slope(along(k3, step), known.last)

    def summed(x, a, b, c, d):
        return x + step / 6.0 * (a + 2.0 * (b + c) + d)

    moved = jax.tree.map(partial(by_number, summed), motion, k1, k2, k3, k4)
    return eqx.tree_at(
        lambda m: (m.attitude_IB, m.rate_B, m.propellant),
        moved,
        (normalised(moved.attitude_IB), moved.rate_B + known.gained_B, jnp.maximum(known.propellant, 0.0)),
    )
