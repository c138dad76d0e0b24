"""The lander as contact knows it, the push that its engines still give, and how a rigid body moves through one step.

Frame L at the touchdown: x east, y north, z up, gravity (0, 0, −g) flat. The Moon's rotation is left out: 2 Ω v is 1.6e-5 m/s²
at 3 m/s, a hundred-thousandth of g, 0.2 mm in five seconds; so is the change of g over the patch. Equations (Hughes 1986, ch. 3):

    ẋ = v,  m v̇ = F + C_LB F_e − m g ẑ,  q̇ = ½ q ∘ ω,  J ω̇ = τ + τ_e − ω × J ω

by the velocity Verlet scheme (Hairer, Lubich and Wanner 2006, section I.1.4: kick, drift, kick): one look at the ground a step,
second order, and no drift of energy where forces have a potential.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Attitude, Force, Mass, Matrix, Position, Rate, Scalar, Torque, Vector, Velocity
from perilune.foundation.rotation import compose, from_rotation_vector, normalised, rotate
from perilune.foundation.vectors import cross, dot

from .legs import Legs

HULL = 8  # points, of which the first four are the corners of the bottom, going round


class Lander(eqx.Module):
    """Mass, legs and hull. Mass and inertia stay as they are through contact."""

    mass: Mass
    centre_B: Vector  # m from the datum, of mass
    inertia: Matrix  # kg m², about the centre of mass, along B
    legs: Legs
    hull_B: Float[Array, "hull 3"]  # m from the datum
    hull_radius: Scalar  # m, of the plate that presses on the ground at each point of the hull


class Push(eqx.Module):
    """What engines give after first contact: force (N) and torque about the centre of mass (N m) in B, a row a cycle.

    Constant within a cycle; after the last the last row dies away as e^(−t/decay).
    """

    wrench_B: Float[Array, "cycles 6"]
    period: Scalar  # s
    decay: Scalar  # s
    begun: Scalar  # s of the first cycle that had passed at first contact

    def end(self) -> Scalar:
        """When the last cycle is over, s after first contact."""
        return self.wrench_B.shape[0] * self.period - self.begun

    def at(self, time: Scalar) -> Float[Array, "6"]:
        """Force and torque at a time (s) after first contact."""
        cycles = self.wrench_B.shape[0]
        cycle = jnp.clip(jnp.floor((time + self.begun) / self.period), 0.0, cycles - 1.0).astype(jnp.int32)
        past = jnp.maximum(time - self.end(), 0.0)
        return self.wrench_B[cycle] * jnp.exp(-past / jnp.maximum(self.decay, 1e-9))


def silent(cycles: int = 1) -> Push:
    """Engines off."""
    return Push(jnp.zeros((cycles, 6)), jnp.asarray(0.1), jnp.asarray(0.1), jnp.asarray(0.0))


def box_hull(half_width: float, bottom: float, top: float) -> Float[Array, "8 3"]:
    """The corners of a square box: half its width, and heights of its bottom and top over the datum, m."""
    corners = [(-half_width, -half_width), (half_width, -half_width), (half_width, half_width), (-half_width, half_width)]
    return jnp.asarray([[x, y, z] for z in (bottom, top) for x, y in corners], float)


class Pose(eqx.Module):
    """Where the body is and how it moves."""

    position_L: Position  # of the centre of mass
    velocity_L: Velocity
    attitude_LB: Attitude
    rate_B: Rate


class Wrench(eqx.Module):
    """Force, and torque about the centre of mass."""

    force_L: Force
    torque_B: Torque


def times_vector(matrix: Matrix, a: Vector) -> Vector:
    """matrix @ a, by component."""
    return jnp.stack([matrix[i, 0] * a[0] + matrix[i, 1] * a[1] + matrix[i, 2] * a[2] for i in range(3)])


def inverse_of(matrix: Matrix) -> Matrix:
    """Inverse of a symmetric matrix, by cofactors."""
    x, y, z = matrix[0], matrix[1], matrix[2]
    cofactors = jnp.stack([cross(y, z), cross(z, x), cross(x, y)], axis=1)
    return cofactors / dot(x, cross(y, z))


def spin_up(rate_B: Rate, torque_B: Torque, inertia: Matrix, inverse: Matrix) -> Vector:
    """ω̇ = J⁻¹ (τ − ω × J ω), rad/s²."""
    return times_vector(inverse, torque_B - cross(rate_B, times_vector(inertia, rate_B)))


def kicked(pose: Pose, wrench: Wrench, lander: Lander, inverse: Matrix, gravity: Scalar, half: Scalar) -> Pose:
    """The first half-kick: velocities after half a step (s) under forces as they are now."""
    gain_L = wrench.force_L / lander.mass - jnp.stack([jnp.zeros_like(gravity), jnp.zeros_like(gravity), gravity])
    rate_B = pose.rate_B + half * spin_up(pose.rate_B, wrench.torque_B, lander.inertia, inverse)
    return Pose(pose.position_L, pose.velocity_L + half * gain_L, pose.attitude_LB, rate_B)


def drifted(pose: Pose, step: Scalar) -> Pose:
    """Where a step (s) takes a body whose velocities stay."""
    turn_BB = from_rotation_vector(step * pose.rate_B)
    attitude_LB = normalised(compose(pose.attitude_LB, turn_BB))
    return Pose(pose.position_L + step * pose.velocity_L, pose.velocity_L, attitude_LB, pose.rate_B)


def kicked_again(pose: Pose, wrench: Wrench, lander: Lander, inverse: Matrix, gravity: Scalar, half: Scalar) -> Pose:
    """The second half-kick, whose rate stands on both sides of Euler's equation: one fixed-point round, enough for order two."""
    ahead = kicked(pose, wrench, lander, inverse, gravity, half)
    rate_B = pose.rate_B + half * spin_up(ahead.rate_B, wrench.torque_B, lander.inertia, inverse)
    return Pose(pose.position_L, ahead.velocity_L, pose.attitude_LB, rate_B)


def with_engines(contact: Wrench, push_B: Float[Array, "6"], attitude_LB: Attitude) -> Wrench:
    """What the ground and the engines do together."""
    return Wrench(contact.force_L + rotate(attitude_LB, push_B[0:3]), contact.torque_B + push_B[3:6])


def engine_power(pose: Pose, push_B: Float[Array, "6"]) -> Scalar:
    """Power that the engines put into the body, W."""
    return dot(pose.velocity_L, rotate(pose.attitude_LB, push_B[0:3])) + dot(pose.rate_B, push_B[3:6])


def kinetic_energy(lander: Lander, pose: Pose) -> Scalar:
    """½ m v² + ½ ωᵀ J ω, J."""
    spin = dot(pose.rate_B, times_vector(lander.inertia, pose.rate_B))
    return 0.5 * (lander.mass * dot(pose.velocity_L, pose.velocity_L) + spin)


def gravitational_energy(lander: Lander, pose: Pose, gravity: Scalar) -> Scalar:
    """m g z over the origin of L, J."""
    return lander.mass * gravity * pose.position_L[2]
