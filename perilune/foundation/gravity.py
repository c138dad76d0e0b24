"""Gravity of the Moon to degree 2, as a quadratic form: exact, non-singular, cheap.

The degree-2 potential is U₂ = GM R² (rᵀ Q r) / r⁵ with the symmetric, traceless form Q of the coefficients
(expand Kaula 1966, eq. 1.31, with P₂₀ = (3 sin²φ − 1)/2 and P₂₂ = 3 cos²φ), so

    a = −GM r / r³ + GM R² [ 2 Q r / r⁵ − 5 (rᵀ Q r) r / r⁷ ].
"""

import equinox as eqx
import jax.numpy as jnp

from .frames import fixed_to_inertial
from .moon import C20, C22, GM, GRAVITY_RADIUS, S22
from .quantities import Acceleration, Matrix, Position, Scalar
from .vectors import dot


class GravityField(eqx.Module):
    """Central term and degree-2 coefficients (plain, not normalised; dimensionless) as leaves."""

    gm: Scalar
    c20: Scalar
    c22: Scalar
    s22: Scalar

    def form(self, time: Scalar) -> Matrix:
        """Q in I axes at mission time `time` (s)."""
        a, b, c = 3.0 * self.c22 - 0.5 * self.c20, 3.0 * self.s22, -3.0 * self.c22 - 0.5 * self.c20
        zero = jnp.zeros_like(a)
        x = fixed_to_inertial(jnp.stack([a, b, zero]), time)  # first turn the columns of Q ...
        y = fixed_to_inertial(jnp.stack([b, c, zero]), time)
        rows = [fixed_to_inertial(jnp.stack([x[i], y[i], zero]), time) for i in range(2)]  # ... then its rows
        return jnp.stack([rows[0], rows[1], jnp.stack([zero, zero, self.c20])])


def full_field() -> GravityField:
    """The field that the world flies in."""
    return GravityField(*(jnp.asarray(value, float) for value in (GM, C20, C22, S22)))


def zonal_field() -> GravityField:
    """The lower-degree field that is carried on board: central term and C₂₀ alone."""
    return GravityField(*(jnp.asarray(value, float) for value in (GM, C20, 0.0, 0.0)))


def acceleration(gm: Scalar, form_I: Matrix, position_I: Position) -> Acceleration:
    """Gravitational acceleration in I, m/s², for the quadratic form `form_I` (dimensionless)."""
    r = position_I
    inverse_square = 1.0 / dot(r, r)
    inverse_cube = inverse_square * jnp.sqrt(inverse_square)
    q = jnp.stack([form_I[i, 0] * r[0] + form_I[i, 1] * r[1] + form_I[i, 2] * r[2] for i in range(3)])
    scale = GRAVITY_RADIUS**2 * inverse_square
    radial = -1.0 - 5.0 * scale * dot(r, q) * inverse_square
    return gm * inverse_cube * (radial * r + 2.0 * scale * q)
