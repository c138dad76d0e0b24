"""Gravity of any degree by fully normalised spherical harmonics, without a singularity at the poles.

Pines' form (Pines 1973, AIAA J. 11(11)) with the normalised recursion of Lundberg and Schutz (1988). With the direction
cosines (s, t, u) of the position in the field's axes, ρ = R/r, and R_m + i I_m = (s + i t)^m, the potential is

    U = GM/r Σ_n ρⁿ Σ_m Ā_nm(u) (C̄_nm R_m + S̄_nm I_m),        Ā_nm(u) cosᵐφ = P̄_nm(sin φ),

and its gradient is GM/r² (a₁ + s a₄, a₂ + t a₄, a₃ + u a₄) with

    a₁ = Σ ρⁿ m Ā_nm (C̄ R_{m−1} + S̄ I_{m−1})       a₂ = Σ ρⁿ m Ā_nm (S̄ R_{m−1} − C̄ I_{m−1})
    a₃ = Σ ρⁿ Ā'_nm (C̄ R_m + S̄ I_m)                a₄ = −Σ ρⁿ [(n + m + 1) Ā_nm + u Ā'_nm] (C̄ R_m + S̄ I_m)

where Ā'_nm = dĀ_nm/du = √((2 − δ_0m)/2 · (n − m)(n + m + 1)) Ā_n,m+1. Sums over n are taken first, one row of all
orders at a time: the work is a rolled loop over the degree on vectors over the order.
"""

import math
from functools import lru_cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .quantities import Acceleration, Matrix, Position, Scalar
from .vectors import dot


class HarmonicField(eqx.Module):
    """Coefficients with 4π normalisation: rows by degree, columns by order, zero where the order exceeds the degree."""

    gm: Scalar  # m³/s²
    radius: Scalar  # m, reference radius
    cosine: Float[Array, "degrees degrees"]
    sine: Float[Array, "degrees degrees"]
    axes_M: Matrix  # rows: the axes that the coefficients are given in (principal axes, as a rule), in M

    @property
    def degree(self) -> int:
        """Highest degree."""
        return self.cosine.shape[0] - 1


@lru_cache(maxsize=8)
def recursion(degree: int) -> tuple[np.ndarray, ...]:
    """α, β, δ and the weights of Ā_n,m+1 in Ā'_nm, (degree + 1, degree + 2) each.

    Ā_nm = α_nm u Ā_n−1,m − β_nm Ā_n−2,m for m < n, and Ā_nn = δ_n, a number.
    """
    alpha, beta, diagonal, slope = (np.zeros((degree + 1, degree + 2)) for _ in range(4))
    sectoral = 1.0
    for n in range(degree + 1):
        if n:
            sectoral *= math.sqrt((2 * n + 1) / (2 * n) * (2.0 if n == 1 else 1.0))
        diagonal[n, n] = sectoral
        for m in range(n):
            alpha[n, m] = math.sqrt((2 * n + 1) * (2 * n - 1) / ((n - m) * (n + m)))
            if m < n - 1:
                beta[n, m] = math.sqrt((2 * n + 1) * (n - m - 1) * (n + m - 1) / ((2 * n - 3) * (n + m) * (n - m)))
        for m in range(n + 1):
            slope[n, m] = math.sqrt((0.5 if m == 0 else 1.0) * (n - m) * (n + m + 1))
    return alpha, beta, diagonal, slope


def acceleration(field: HarmonicField, position_M: Position, lowest: int = 0) -> Acceleration:
    """Acceleration in M, m/s², of the degrees from `lowest` up, at a position in M (m). Anywhere outside the centre."""
    axes = field.axes_M
    distance = jnp.sqrt(dot(position_M, position_M))
    s, t, u = (dot(axes[i], position_M) / distance for i in range(3))
    a1, a2, a3, a4 = gradient_sums(field, s, t, u, field.radius / distance, lowest)
    own = (a1 + s * a4, a2 + t * a4, a3 + u * a4)
    return field.gm / distance**2 * (own[0] * axes[0] + own[1] * axes[1] + own[2] * axes[2])


def gradient_sums(field: HarmonicField, s: Scalar, t: Scalar, u: Scalar, ratio: Scalar, lowest: int):
    """a₁ … a₄ of the module's equations."""
    degree = field.degree
    order = jnp.arange(degree + 1, dtype=jnp.float64)

    def row(carry, tables):
        before, two_before, scale, real, imaginary, sums = carry
        alpha, beta, diagonal, slope, cosine, sine, n = tables
        now = alpha * u * before - beta * two_before + diagonal
        legendre, derivative = scale * now[:-1], scale * slope[:-1] * now[1:]
        falling = (n + order + 1.0) * legendre + u * derivative
        terms = jnp.stack([part * k for part in (legendre, derivative, falling) for k in (cosine, sine)])
        sums = sums + jnp.where(n >= lowest, terms, 0.0)
        turned = (real * s - imaginary * t, imaginary * s + real * t)
        return (now, before, scale * ratio, *turned, sums), (real, imaginary)

    zero, one = jnp.zeros(degree + 2) * u, jnp.ones_like(u)
    start = (zero, zero, one, one, jnp.zeros_like(u), jnp.zeros((6, degree + 1)) * u)
    tables = (*(jnp.asarray(table) for table in recursion(degree)), field.cosine, field.sine, order)
    (*_, sums), (real, imaginary) = lax.scan(row, start, tables)
    real_less = jnp.concatenate([jnp.zeros(1), real[:-1]])  # R_{m−1} and I_{m−1}; order 0 has no weight
    imaginary_less = jnp.concatenate([jnp.zeros(1), imaginary[:-1]])
    return (
        jnp.sum(order * (sums[0] * real_less + sums[1] * imaginary_less)),
        jnp.sum(order * (sums[1] * real_less - sums[0] * imaginary_less)),
        jnp.sum(sums[2] * real + sums[3] * imaginary),
        -jnp.sum(sums[4] * real + sums[5] * imaginary),
    )
