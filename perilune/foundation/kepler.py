"""The orbit that a state would follow round a point Moon (Vallado 2013, §2.4)."""

import jax.numpy as jnp

from .moon import GM
from .quantities import Position, Scalar, Velocity
from .vectors import cross, dot


def apsides(position_I: Position, velocity_I: Velocity) -> tuple[Scalar, Scalar]:
    """Distances of perilune and apolune from the Moon's centre, m, of the osculating ellipse."""
    axis = 1.0 / (2.0 / jnp.sqrt(dot(position_I, position_I)) - dot(velocity_I, velocity_I) / GM)
    momentum = cross(position_I, velocity_I)
    eccentricity = jnp.sqrt(jnp.maximum(1.0 - dot(momentum, momentum) / (GM * axis), 0.0))
    return axis * (1.0 - eccentricity), axis * (1.0 + eccentricity)


def half_revolution(perilune: Scalar, apolune: Scalar) -> Scalar:
    """Time from one apsis to the other, s; distances from the Moon's centre, m."""
    return jnp.pi * jnp.sqrt((0.5 * (perilune + apolune)) ** 3 / GM)
