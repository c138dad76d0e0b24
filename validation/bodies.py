"""Landers of one tank, for closed forms."""

import jax.numpy as jnp

from perilune.interface.design import TANKS
from perilune.world.vehicle.mass import MassProperties, Structure
from perilune.world.vehicle.tanks import Tanks


def one_tank(
    inertia=(230.0, 240.0, 260.0), place=(0.0, 0.0, 0.0), radius=1e-6, density=1e20, slosh_share=0.0, damping=0.0, dry=340.0
) -> Structure:
    """A dry lander of `dry` kg whose centre is the datum, and a tank whose floor is at `place`."""
    first = jnp.arange(TANKS) == 0
    height = 1.0
    return Structure(
        dry_mass=jnp.asarray(dry),
        dry_centre_B=jnp.zeros(3),
        inertia_dry=jnp.concatenate([jnp.asarray(inertia, float), jnp.zeros(3)]),
        tanks=Tanks(
            place_B=jnp.where(first[:, None], jnp.asarray(place, float) + jnp.asarray([0.0, 0.0, 0.5 * height]), 0.0),
            radius=jnp.where(first, radius, 1.0),
            height=jnp.where(first, height, 1.0),
            density=jnp.where(first, density, 1000.0),
            load_share=jnp.where(first, 1.0, 0.0),
            residual=jnp.zeros(TANKS),
            damping=jnp.full(TANKS, damping),
            hold=jnp.zeros(TANKS),
            slosh_share=jnp.full(TANKS, slosh_share),
        ),
    )


def loaded(structure: Structure, propellant: float = 400.0) -> MassProperties:
    """With so much (kg) in its tank."""
    return structure.at(jnp.where(jnp.arange(TANKS) == 0, propellant, 0.0), jnp.zeros((2, TANKS)))
