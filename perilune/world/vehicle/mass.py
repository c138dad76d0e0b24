"""Mass, centre of mass and inertia as the tanks drain."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Mass, Position, Vector


class MassProperties(eqx.Module):
    """Structure plus propellant, whose share shifts the centre of mass and adds to the principal moments.

    Principal axes are those of B (products of inertia left out); the reaction of the shifting centre of mass and jet
    damping are left out too.
    """

    dry_mass: Mass
    dry_centre_B: Position  # m from the datum
    propellant_centre_B: Position
    inertia_dry: Vector  # kg m²
    inertia_per_propellant: Vector  # m²

    def total(self, propellant: Mass) -> Mass:
        """kg."""
        return self.dry_mass + jnp.maximum(propellant, 0.0)

    def centre(self, propellant: Mass) -> Position:
        """Centre of mass in B, m from the datum."""
        share = 1.0 - self.dry_mass / self.total(propellant)
        return self.dry_centre_B + share * (self.propellant_centre_B - self.dry_centre_B)

    def inertia(self, propellant: Mass) -> Vector:
        """Principal moments about the centre of mass, kg m²."""
        return self.inertia_dry + jnp.maximum(propellant, 0.0) * self.inertia_per_propellant
