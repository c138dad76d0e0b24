"""Tanks that drain: where the liquid is, what of it moves as one with the lander, and what swings.

A tank is an upright cylinder; thrust holds the liquid at its bottom. The part of it that swings in the first lateral mode is a
point mass on a spring (the equivalent mechanical model: Abramson 1966, NASA SP-106, ch. 6; Dodge 2000, The new "Dynamic behavior
of liquids in moving containers", ch. 3), with ξ = 1.841, radius R, depth h and thrust acceleration a:

    m₁/m = 2 R tanh(ξ h/R) / (ξ (ξ² − 1) h),   ω² = (a/L),  L = R / (ξ tanh(ξ h/R)),   at h/2 − (2R/ξ) tanh(ξ h/2R)

above the liquid's middle. L is the equivalent pendulum's length; a diaphragm or vanes hold the liquid in free fall too. The
rest of the liquid is taken as frozen where it leaves the liquid's middle where it is. Left out: the second mode (0.03 of the
liquid in a deep tank), swirl, and rotation of the liquid against its tank; round ends are drawn as a cylinder of the same volume.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Mass, Position

XI = 1.8411837813406593  # first zero of J₁′
SHALLOW = 1e-3  # m: the least depth that the formulas are asked for


class Tanks(eqx.Module):
    """Tanks as built, TANKS slots; an empty slot holds nothing."""

    place_B: Float[Array, "tanks 3"]  # m from the datum, of the cylinder's middle
    radius: Float[Array, " tanks"]  # m
    height: Float[Array, " tanks"]  # m
    density: Float[Array, " tanks"]  # kg/m³, of what is in them
    load_share: Float[Array, " tanks"]  # of all propellant on board at the start
    residual: Float[Array, " tanks"]  # kg that cannot be drawn
    damping: Float[Array, " tanks"]  # of the swinging, share of critical
    hold: Float[Array, " tanks"]  # rad/s, of the swinging without thrust: what a diaphragm or vanes give; they add to thrust
    slosh_share: Float[Array, " tanks"]  # of the swinging mass that swings: 1 free, 0 held by baffles altogether

    def liquid(self, held: Float[Array, " tanks"]) -> "Liquid":
        """Where the liquid is with so much (kg) in each tank."""
        mass = jnp.maximum(held, 0.0)
        depth = jnp.maximum(mass / (self.density * jnp.pi * self.radius**2), SHALLOW)
        deep = XI * depth / self.radius
        swings = self.slosh_share * mass * 2.0 * jnp.tanh(deep) / (deep * (XI**2 - 1.0))
        above = 0.5 * depth - 2.0 * self.radius / XI * jnp.tanh(0.5 * deep)
        frozen = mass - swings
        below = swings * above / jnp.maximum(frozen, 1e-9)
        floor = self.place_B[:, 2] - 0.5 * self.height
        middle = floor + 0.5 * depth
        return Liquid(
            mass=mass,
            place_B=jnp.stack([self.place_B[:, 0], self.place_B[:, 1], middle], axis=1),
            frozen=frozen,
            frozen_z=middle - below,
            frozen_across=frozen * (3.0 * self.radius**2 + depth**2) / 12.0,
            frozen_along=0.5 * frozen * self.radius**2,
            swings=swings,
            swings_z=middle + above,
            per_length=XI / self.radius * jnp.tanh(deep),
        )


class Liquid(eqx.Module):
    """The liquid of each tank at one moment, as a frozen part and one that swings."""

    mass: Float[Array, " tanks"]  # kg, all of it
    place_B: Float[Array, "tanks 3"]  # m from the datum, its middle at rest
    frozen: Float[Array, " tanks"]  # kg
    frozen_z: Float[Array, " tanks"]  # m from the datum
    frozen_across: Float[Array, " tanks"]  # kg m², of the frozen part about its own middle, about X and Y
    frozen_along: Float[Array, " tanks"]  # kg m², about Z
    swings: Float[Array, " tanks"]  # kg
    swings_z: Float[Array, " tanks"]  # m from the datum
    per_length: Float[Array, " tanks"]  # 1/m, one over the pendulum's length

    def total(self) -> Mass:
        """kg in all tanks."""
        return self.mass[0] + self.mass[1] + self.mass[2] + self.mass[3]

    def moment(self) -> Position:
        """kg m: mass times place."""
        each = self.mass[:, None] * self.place_B
        return each[0] + each[1] + each[2] + each[3]
