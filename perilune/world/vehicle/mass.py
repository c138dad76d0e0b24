"""Mass, centre of mass and inertia as the tanks drain, and what swings in them.

Once a cycle the tanks are looked at, at its start and at a little less propellant; within the cycle all is linear in the
propellant burned (second order in 0.1 % of it). Let M be the mass, c the centre of mass with all liquid at rest, ρₖ from it to
swinging mass mₖ, dₖ its displacement across Z, P the part of a vector across Z, F the engines' force and τ their torque about c.
Momentum and angular momentum of all parts (derived here), to first order in what d changes within a cycle:

    d̈ₖ = bₖ + S/M − P(ω̇ × ρₖ),   bₖ = −κ dₖ − 2 ζ √κ ḋₖ − P(F/M + ω × (ω × ρₖ) + 2 ω × ḋₖ),   S = Σ mₖ d̈ₖ
with κ = F_z/M Lₖ + hold², and

    J ω̇ = τ − Σ mₖ dₖ/M × F − J̇ ω − ω × (J ω + Σ mₖ ρₖ × ḋₖ) − Σ mₖ ρₖ × d̈ₖ

J and ρ are those of the displacement about the middle of the cycle. Solved for ω̇ with R = Σ mₖ ρₖ, B = Σ mₖ bₖ, N = M − Σ mₖ
and K(ρ) ω̇ = ρ × P(ω̇ × ρ):

    S = (B − P(ω̇ × R)) M/N,   (J − Σ mₖ K(ρₖ) − K(R)/N) ω̇ = τ − … − Σ mₖ ρₖ × bₖ − R × B/N
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Mass, Position, Rate, Scalar, Vector
from perilune.foundation.vectors import cross, dot
from perilune.interface.design import TANKS

from ..faults.table import Struck
from .tanks import Tanks

Symmetric = Float[Array, "6"]  # xx, yy, zz, xy, xz, yz
Held = Float[Array, " tanks"]  # kg in each tank
Displaced = Float[Array, "tanks 2"]  # m, of what swings in each tank, along X and Y of B
WALL_RATE = 12.0  # rad/s: how stiffly a tank's wall meets liquid that would leave it (M; only met when thrust is off or turned)
GLANCE = 0.1  # kg: the little less propellant at which the tanks are looked at again


def times(matrix: Symmetric, vector: Vector) -> Vector:
    """Symmetric matrix times vector."""
    xx, yy, zz, xy, xz, yz = matrix
    a, b, c = vector
    return jnp.stack([xx * a + xy * b + xz * c, xy * a + yy * b + yz * c, xz * a + yz * b + zz * c])


def inverse(matrix: Symmetric) -> Symmetric:
    """Inverse of a symmetric matrix, by cofactors."""
    xx, yy, zz, xy, xz, yz = matrix
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    one = 1.0 / (xx * a + xy * b + xz * c)
    return one * jnp.stack([a, xx * zz - xz * xz, xx * yy - xy * xy, b, c, xy * xz - xx * yz])


def about(mass: Scalar, arm: Vector) -> Symmetric:
    """Inertia of a point mass (kg) at an arm (m)."""
    x, y, z = arm
    return mass * jnp.stack([y * y + z * z, x * x + z * z, x * x + y * y, -x * y, -x * z, -y * z])


def across(arm: Vector) -> Symmetric:
    """K(ρ): ω̇ → ρ × P(ω̇ × ρ), with P the part across Z."""
    x, y, z = arm
    return jnp.stack([z * z, z * z, x * x + y * y, jnp.zeros_like(x), -x * z, -y * z])


class Slosh(eqx.Module):
    """What swings, in one cycle."""

    mass: Float[Array, " tanks"]  # kg
    arm: Float[Array, "tanks 3"]  # m from the centre of mass, about the middle of the cycle
    per_length: Float[Array, " tanks"]  # 1/m
    damping: Float[Array, " tanks"]
    hold: Float[Array, " tanks"]  # rad/s
    wall: Float[Array, " tanks"]  # m, the tanks' radii
    total_arm: Vector  # kg m, Σ m ρ
    rest_mass: Mass  # kg, all that does not swing


class MassProperties(eqx.Module):
    """Mass properties in one cycle: linear in the propellant burned since it began."""

    dry_mass: Mass
    propellant: Mass  # kg at the start of the cycle
    centre_B: Position  # m from the datum, all liquid at rest
    centre_slope: Vector  # m/kg
    inertia_whole: Symmetric  # kg m², about the centre of mass, all liquid at rest
    inertia_slope: Symmetric  # m²
    inverse_free: Symmetric  # 1/(kg m²), of the inertia that torque turns while liquid swings
    inverse_slope: Symmetric  # 1/(kg² m²)
    slosh: Slosh

    def total(self, propellant: Mass) -> Mass:
        """kg."""
        return self.dry_mass + jnp.maximum(propellant, 0.0)

    def centre(self, propellant: Mass) -> Position:
        """Centre of mass in B with all liquid at rest, m from the datum."""
        return self.centre_B + (propellant - self.propellant) * self.centre_slope

    def inertia(self, propellant: Mass) -> Symmetric:
        """About the centre of mass, all liquid at rest, kg m²."""
        return self.inertia_whole + (propellant - self.propellant) * self.inertia_slope

    def turns(self, torque_B: Vector, propellant: Mass) -> Vector:
        """Angular acceleration, rad/s², that a torque (N m) gives."""
        return times(self.inverse_free + (propellant - self.propellant) * self.inverse_slope, torque_B)

    def moment(self, force_B: Vector, torque_B: Vector, propellant: Mass) -> Vector:
        """Torque (N m) that turns the lander, of a force (N) and a torque about the datum: about the centre of mass, and for
        force across Z about that of all that does not swing (R × P F / N)."""
        lateral = jnp.stack([force_B[0], force_B[1], jnp.zeros_like(force_B[2])])
        return torque_B - cross(self.centre(propellant), force_B) + cross(self.slosh.total_arm, lateral) / self.slosh.rest_mass

    def sway(self, displacement: Float[Array, "tanks 2"], total: Mass) -> Vector:
        """How far (m, B) liquid off its rest moves the centre of mass."""
        each = self.slosh.mass[:, None] * displacement
        x, y = (each[0, k] + each[1, k] + each[2, k] + each[3, k] for k in (0, 1))
        return jnp.stack([x, y, jnp.zeros_like(x)]) / total


class Structure(eqx.Module):
    """The dry lander and its tanks, as built."""

    dry_mass: Mass
    dry_centre_B: Position  # m from the datum
    inertia_dry: Symmetric  # kg m², about the dry centre of mass
    tanks: Tanks

    def at(self, held: Held, displaced: Displaced) -> MassProperties:
        """Mass properties of a cycle that begins with so much propellant (kg) in each tank, so far (m) off its rest about its
        middle."""
        whole = total_of(held)
        now = self.moment_of(held, displaced)
        step = jnp.minimum(GLANCE, 0.5 * whole)
        later = self.moment_of(held - step / jnp.maximum(whole, 1e-9) * held, displaced)

        def slope(one, other):
            return jnp.where(step > 1e-6, (one - other) / jnp.maximum(step, 1e-6), 0.0)

        centre_B, inertia, free, slosh = now
        return MassProperties(
            dry_mass=self.dry_mass,
            propellant=whole,
            centre_B=centre_B,
            centre_slope=slope(centre_B, later[0]),
            inertia_whole=inertia,
            inertia_slope=slope(inertia, later[1]),
            inverse_free=inverse(free),
            inverse_slope=slope(inverse(free), inverse(later[2])),
            slosh=slosh,
        )

    def total(self, propellant: Mass) -> Mass:
        """kg."""
        return self.dry_mass + jnp.maximum(propellant, 0.0)

    def usable(self, held: Held, struck: Struck) -> Held:
        """kg in each tank that engines can draw: not the residual, nor what stands behind a blocked outlet."""
        return jnp.where(struck.of("tank_blocked") > 0.5, 0.0, jnp.maximum(held - self.tanks.residual, 0.0))

    def reserve(self, held: Held, struck: Struck) -> Mass:
        """kg on board that engines cannot draw."""
        return total_of(held) - total_of(self.usable(held, struck))

    def drained(self, held: Held, used: Mass, struck: Struck, period: Scalar) -> Held:
        """kg in each tank after engines have drawn so much in a cycle, from all that can give in proportion to what is in
        them, and leaks have run for `period` s."""
        usable = self.usable(held, struck)
        left = held - used * usable / jnp.maximum(total_of(usable), 1e-9)
        return jnp.maximum(left - struck.of("tank_leak") * period, 0.0)

    def centre(self, held: Held) -> Position:
        """Centre of mass in B with all liquid at rest, m from the datum."""
        liquid = self.tanks.liquid(held)
        return (self.dry_mass * self.dry_centre_B + liquid.moment()) / (self.dry_mass + liquid.total())

    def moment_of(self, held: Held, displaced: Displaced):
        """Centre of mass with all liquid at rest; inertia about it where it is, the inertia that torque turns, what swings."""
        liquid = self.tanks.liquid(held)
        total = self.dry_mass + liquid.total()
        centre_B = (self.dry_mass * self.dry_centre_B + liquid.moment()) / total
        nothing = jnp.zeros_like(total)
        off = [jnp.stack([displaced[k, 0], displaced[k, 1], nothing]) for k in range(TANKS)]
        moved_B = centre_B + sum((liquid.swings[k] * off[k] for k in range(TANKS)), jnp.zeros(3)) / total
        inertia = self.inertia_dry + about(self.dry_mass, self.dry_centre_B - moved_B)
        arms, removed, total_arm = [], jnp.zeros(6), jnp.zeros(3)
        for k in range(TANKS):
            x, y = liquid.place_B[k, 0], liquid.place_B[k, 1]
            frozen_arm = jnp.stack([x, y, liquid.frozen_z[k]]) - moved_B
            arm = jnp.stack([x, y, liquid.swings_z[k]]) + off[k] - moved_B
            own = jnp.stack([liquid.frozen_across[k], liquid.frozen_across[k], liquid.frozen_along[k], nothing, nothing, nothing])
            inertia = inertia + own + about(liquid.frozen[k], frozen_arm) + about(liquid.swings[k], arm)
            removed = removed + liquid.swings[k] * across(arm)
            total_arm = total_arm + liquid.swings[k] * arm
            arms.append(arm)
        swings = liquid.swings
        rest = total - (swings[0] + swings[1] + swings[2] + swings[3])
        tanks = self.tanks
        slosh = Slosh(swings, jnp.stack(arms), liquid.per_length, tanks.damping, tanks.hold, tanks.radius, total_arm, rest)
        return centre_B, inertia, inertia - removed - across(total_arm) / rest, slosh


class Swing(eqx.Module):
    """What swinging liquid does at one moment."""

    torque_B: Vector  # N m, on the lander
    own: Float[Array, "tanks 2"]  # m/s², bₖ: what the liquid would do were the lander not to turn or give way


def swing(slosh: Slosh, place: Displaced, speed: Displaced, rate_B: Rate, force_B: Vector, total: Mass) -> Swing:
    """bₖ without its part from force across Z (`MassProperties.moment` has that part's torque), and the torque of it all."""
    x, y, z = (slosh.arm[:, k] for k in range(3))
    p, q, r = rate_B
    axial = jnp.maximum(force_B[2], 0.0) / total
    stiff = axial * slosh.per_length + slosh.hold**2
    drag = 2.0 * slosh.damping * jnp.sqrt(stiff)
    reach = jnp.sqrt(place[:, 0] ** 2 + place[:, 1] ** 2)
    beyond = jnp.where(reach > slosh.wall, WALL_RATE**2 * (1.0 - slosh.wall / jnp.maximum(reach, 1e-9)), 0.0)
    drag = jnp.where(reach > slosh.wall, drag + WALL_RATE, drag)
    # ω × (ω × ρ) = ω (ω·ρ) − ρ ω², across Z; 2 ω × ḋ likewise
    along, square = p * x + q * y + r * z, dot(rate_B, rate_B)
    b_x = -(stiff + beyond) * place[:, 0] - drag * speed[:, 0] - (p * along - x * square) + 2.0 * r * speed[:, 1]
    b_y = -(stiff + beyond) * place[:, 1] - drag * speed[:, 1] - (q * along - y * square) - 2.0 * r * speed[:, 0]
    m = slosh.mass
    # Σ m ρ × b + R × B/N, and ω × Σ m ρ × ḋ; ρ × (u, v, 0) = (−z v, z u, x v − y u)
    pushed, moving = swept(m, x, y, z, b_x, b_y), swept(m, x, y, z, speed[:, 0], speed[:, 1])
    push = jnp.stack([total_of(m * b_x), total_of(m * b_y), jnp.zeros_like(total)])
    shift = jnp.stack([total_of(m * place[:, 0]), total_of(m * place[:, 1]), jnp.zeros_like(total)]) / total
    # J̇ ω = Σ m (2 (ρ·ḋ) ω − ḋ (ρ·ω) − ρ (ḋ·ω))
    outward, spins = 2.0 * m * (x * speed[:, 0] + y * speed[:, 1]), m * (p * speed[:, 0] + q * speed[:, 1])
    grows = total_of(outward) * rate_B - jnp.stack(
        [
            total_of(m * along * speed[:, 0] + spins * x),
            total_of(m * along * speed[:, 1] + spins * y),
            total_of(spins * z),
        ]
    )
    torque = -cross(shift, force_B) - cross(rate_B, moving) - grows - pushed - cross(slosh.total_arm, push) / slosh.rest_mass
    return Swing(torque, jnp.stack([b_x, b_y], axis=1))


def total_of(each: Float[Array, " tanks"]) -> Scalar:
    """Sum over tanks, without a reduction over a short axis."""
    return each[0] + each[1] + each[2] + each[3]


def swept(m, x, y, z, u, v) -> Vector:
    """Σ m ρ × (u, v, 0)."""
    return jnp.stack([-total_of(m * z * v), total_of(m * z * u), total_of(m * (x * v - y * u))])


def swung(slosh: Slosh, own: Swing, turn_B: Vector, force_B: Vector, total: Mass) -> tuple[Float[Array, "tanks 2"], Vector]:
    """d̈ₖ (m/s²) once the lander's angular acceleration (rad/s²) is known, and S/M (m/s², B): how the lander gives way."""
    a, b, c = turn_B
    x, y, z = (slosh.arm[:, k] for k in range(3))
    side = force_B[0:2] / total
    d_x = own.own[:, 0] - side[0] - (b * z - c * y)
    d_y = own.own[:, 1] - side[1] - (c * x - a * z)
    gives = jnp.stack([total_of(slosh.mass * d_x), total_of(slosh.mass * d_y)]) / slosh.rest_mass
    moved = jnp.stack([d_x + gives[0], d_y + gives[1]], axis=1)
    return moved, jnp.concatenate([gives, jnp.zeros(1)])
