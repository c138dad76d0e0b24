"""Mass, centre of mass and inertia as the tanks drain, and what swings in them.

Once a cycle the tanks are looked at, at its start and at a little less propellant; within the cycle all is linear in the
propellant burned (second order in 0.1 % of it). Let M be the mass, c the centre of mass with all liquid at rest, ρₖ from it to
swinging mass mₖ, dₖ its displacement across Z, P the part of a vector across Z, F the engines' force and τ their torque about c.
Momentum and angular momentum of all parts (derived here), to first order in what d changes within a cycle:

    d̈ₖ = bₖ + S/M − P(ω̇ × ρₖ),   bₖ = −κ dₖ − 2 ζ √κ ḋₖ − P(F/M + ω × (ω × ρₖ) + 2 ω × ḋₖ),   S = Σ mₖ d̈ₖ
with κ = F_z/M Lₖ + hold², and

    J ω̇ = τ − Σ mₖ dₖ/M × F − ω × J ω − Σ mₖ ρₖ × (d̈ₖ + 2 ω × ḋₖ)

J and ρ are those of the displacement about the middle of the cycle. The last term is J̇ ω and the liquid's own momentum, which
turns with the lander: J̇ ω + ω × Σ mₖ ρₖ × ḋₖ = 2 Σ mₖ ρₖ × (ω × ḋₖ). Solved for ω̇ with R = Σ mₖ ρₖ, B = Σ mₖ bₖ, N = M − Σ mₖ
and K(ρ) ω̇ = ρ × P(ω̇ × ρ):

    S = (B − P(ω̇ × R)) M/N,   (J − Σ mₖ K(ρₖ) − K(R)/N) ω̇ = τ − … − Σ mₖ ρₖ × bₖ − R × B/N
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.fusion import once
from perilune.foundation.quantities import Mass, Position, Rate, Scalar, Vector
from perilune.foundation.vectors import cross, dot

from ..faults.table import Struck
from .tanks import Tanks

Symmetric = Float[Array, "6"]  # xx, yy, zz, xy, xz, yz
Held = Float[Array, " tanks"]  # kg in each tank
Displaced = Float[Array, "2 tanks"]  # m, of what swings in each tank, along X and Y of B
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


def about(mass, arm):
    """Inertia of point masses (kg) at arms (m) given by component, by component."""
    x, y, z = arm
    xx, yy, zz = mass * x * x, mass * y * y, mass * z * z
    return yy + zz, xx + zz, xx + yy, -mass * x * y, -mass * x * z, -mass * y * z


def across(mass, arm):
    """m K(ρ): ω̇ → m ρ × P(ω̇ × ρ), with P the part across Z; likewise."""
    x, y, z = arm
    zz = mass * z * z
    return zz, zz, mass * (x * x + y * y), jnp.zeros_like(zz), -mass * x * z, -mass * y * z


class Slosh(eqx.Module):
    """What swings, in one cycle. Arms by component, so that each is one array over tanks."""

    mass: Float[Array, " tanks"]  # kg
    arm: Float[Array, "3 tanks"]  # m from the centre of mass, about the middle of the cycle
    moment: Float[Array, "3 tanks"]  # kg m, mass times arm
    per_length: Float[Array, " tanks"]  # 1/m
    damping: Float[Array, " tanks"]
    hold: Float[Array, " tanks"]  # rad/s
    wall: Float[Array, " tanks"]  # m, the tanks' radii
    total_arm: Vector  # kg m, Σ m ρ
    rest_mass: Mass  # kg, all that does not swing


class Balance(eqx.Module):
    """Mass properties at one moment."""

    total: Mass  # kg
    centre_B: Position  # m from the datum, all liquid at rest
    rest_centre_B: Position  # m from the datum, of all that does not swing
    inertia: Symmetric  # kg m², about the centre of mass
    inverse_free: Symmetric  # 1/(kg m²)

    def turns(self, torque_B: Vector) -> Vector:
        """Angular acceleration, rad/s², that a torque (N m) gives."""
        return times(self.inverse_free, torque_B)

    def gyroscopic(self, rate_B: Rate) -> Vector:
        """Torque (N m) that turning asks for, −ω × J ω."""
        return -cross(rate_B, times(self.inertia, rate_B))

    def moment(self, force_B: Vector, torque_B: Vector) -> Vector:
        """Torque (N m) that turns the lander, of a force (N) and a torque about the datum: about the centre of mass, and for
        force across Z about that of all that does not swing (R × P F / N)."""
        f_x, f_y, f_z = force_B
        x, y, _ = self.centre_B
        u, v, w = self.rest_centre_B
        return torque_B - jnp.stack([y * f_z - w * f_y, w * f_x - x * f_z, u * f_y - v * f_x])


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

    def at(self, propellant: Mass) -> Balance:
        """With so much propellant (kg)."""
        more = propellant - self.propellant
        centre_B = self.centre_B + more * self.centre_slope
        return Balance(
            total=self.total(propellant),
            centre_B=centre_B,
            rest_centre_B=centre_B - self.slosh.total_arm / self.slosh.rest_mass,
            inertia=self.inertia_whole + more * self.inertia_slope,
            inverse_free=self.inverse_free + more * self.inverse_slope,
        )


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
        step = jnp.minimum(GLANCE, 0.5 * whole)
        looks = jnp.stack([held, held - step / jnp.maximum(whole, 1e-9) * held])
        centre_B, inertia, free, slosh = jax.vmap(self.moment_of, in_axes=(0, None))(looks, displaced)
        inverse_free = jax.vmap(inverse)(free)

        def slope(look):
            return jnp.where(step > 1e-6, (look[0] - look[1]) / jnp.maximum(step, 1e-6), 0.0)

        return MassProperties(
            dry_mass=self.dry_mass,
            propellant=whole,
            centre_B=centre_B[0],
            centre_slope=slope(centre_B),
            inertia_whole=inertia[0],
            inertia_slope=slope(inertia),
            inverse_free=inverse_free[0],
            inverse_slope=slope(inverse_free),
            slosh=jax.tree.map(lambda look: look[0], slosh),
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
        liquid, tanks = self.tanks.liquid(held), self.tanks
        total = self.dry_mass + liquid.total()
        centre_B = (self.dry_mass * self.dry_centre_B + liquid.moment()) / total
        swings, d_x, d_y = liquid.swings, displaced[0], displaced[1]
        nothing = jnp.zeros_like(total)
        x_0, y_0, z_0 = centre_B + jnp.stack([total_of(swings * d_x), total_of(swings * d_y), nothing]) / total
        x, y = liquid.place_B[:, 0] - x_0, liquid.place_B[:, 1] - y_0
        arm = x + d_x, y + d_y, liquid.swings_z - z_0
        dry = self.inertia_dry + jnp.stack(about(self.dry_mass, self.dry_centre_B - jnp.stack([x_0, y_0, z_0])))
        inertia = [
            part + total_of(frozen) + total_of(moving)
            for part, frozen, moving in zip(
                dry, about(liquid.frozen, (x, y, liquid.frozen_z - z_0)), about(swings, arm), strict=True
            )
        ]  # fmt: skip
        across_own, along_own = total_of(liquid.frozen_across), total_of(liquid.frozen_along)
        inertia = jnp.stack(inertia) + jnp.stack([across_own, across_own, along_own, nothing, nothing, nothing])
        moment = [swings * a for a in arm]
        total_arm = [total_of(a) for a in moment]
        rest = total - total_of(swings)
        removed = [
            total_of(own) + all_own / rest for own, all_own in zip(across(swings, arm), across(1.0, total_arm), strict=True)
        ]
        slosh = Slosh(
            mass=swings,
            arm=jnp.stack(arm),
            moment=jnp.stack(moment),
            per_length=liquid.per_length,
            damping=tanks.damping,
            hold=tanks.hold,
            wall=tanks.radius,
            total_arm=jnp.stack(total_arm),
            rest_mass=rest,
        )
        return centre_B, inertia, inertia - jnp.stack(removed), slosh


class Stiffness(eqx.Module):
    """How firmly thrust, or what holds it without, draws swinging liquid to its rest."""

    pull: Float[Array, " tanks"]  # 1/s², κ
    drag: Float[Array, " tanks"]  # 1/s, 2 ζ √κ


def stiffness(slosh: Slosh, thrust_z: Scalar) -> Stiffness:
    """κ and drag under an acceleration by thrust (m/s²) along Z of B."""
    pull = jnp.maximum(thrust_z, 0.0) * slosh.per_length + slosh.hold**2
    return Stiffness(pull, 2.0 * slosh.damping * jnp.sqrt(pull))


class Swing(eqx.Module):
    """What swinging liquid does at one moment."""

    torque_B: Vector  # N m, on the lander
    own_x: Float[Array, " tanks"]  # m/s², bₖ: what the liquid would do were the lander not to turn or give way
    own_y: Float[Array, " tanks"]


def swing(slosh: Slosh, held: Stiffness, motion, rate_B: Rate, push_B: Vector) -> Swing:
    """bₖ at a place and a speed (`slosh` and `slosh_rate` of a motion) without its part from force across Z (`Balance.moment` has
    that part's torque), and the torque of it all; `push_B`: m/s², force over mass."""
    (d_x, d_y), (u, v) = motion.slosh, motion.slosh_rate
    (x, y, z), (p, q, r) = slosh.arm, rate_B
    reach = jnp.sqrt(d_x * d_x + d_y * d_y)
    is_beyond = reach > slosh.wall
    stiff = held.pull + jnp.where(is_beyond, WALL_RATE**2 * (1.0 - slosh.wall / jnp.maximum(reach, 1e-9)), 0.0)
    drag = held.drag + jnp.where(is_beyond, WALL_RATE, 0.0)
    # ω × (ω × ρ) = ω (ω·ρ) − ρ ω², across Z
    along, square = p * x + q * y + r * z, dot(rate_B, rate_B)
    f_x, f_y, f_z = once(
        (
            square * x - stiff * d_x - p * along - drag * u,
            square * y - stiff * d_y - q * along - drag * v,
            2.0 * (p * v - q * u),  # of bₖ + 2 ω × ḋₖ only what lies along Z is left of Coriolis' part
        )
    )
    own_x, own_y = once((f_x + 2.0 * r * v, f_y - 2.0 * r * u))
    x, y, z = slosh.moment
    swept = jnp.stack([total_of(y * f_z - z * f_y), total_of(z * f_x - x * f_z), total_of(x * f_y - y * f_x)])
    nothing = jnp.zeros_like(r)
    push = jnp.stack([total_of(slosh.mass * own_x), total_of(slosh.mass * own_y), nothing])
    off = jnp.stack([total_of(slosh.mass * d_x), total_of(slosh.mass * d_y), nothing])
    return Swing(-cross(off, push_B) - swept - cross(slosh.total_arm, push) / slosh.rest_mass, own_x, own_y)


def total_of(each: Float[Array, " tanks"]) -> Scalar:
    """Sum over tanks, without a reduction over a short axis."""
    return each[0] + each[1] + each[2] + each[3]


def swung(slosh: Slosh, own: Swing, turn_B: Vector, push_B: Vector) -> tuple[Displaced, Vector]:
    """d̈ₖ (m/s²) once the lander's angular acceleration (rad/s²) is known, and S/M (m/s², B): how the lander gives way to it;
    `push_B`: m/s², force over mass."""
    a, b, c = turn_B
    x, y, z = slosh.arm
    d_x, d_y = once((own.own_x - push_B[0] - (b * z - c * y), own.own_y - push_B[1] - (c * x - a * z)))
    gives = jnp.stack([total_of(slosh.mass * d_x), total_of(slosh.mass * d_y), jnp.zeros_like(a)]) / slosh.rest_mass
    return jnp.stack([d_x + gives[0], d_y + gives[1]]), gives
