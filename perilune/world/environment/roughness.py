"""Ground that no map has: a self-affine surface, octave by octave, from noise that hangs on the place alone.

The rms difference of heights a distance L apart grows as ν(L) = ν₀ (L/L₀)^H (Shepard et al. 2001, J. Geophys. Res. 106(E12),
eq. 5). Of an isotropic surface with that law the power is P(k) = C k^(−2H−2) a rad²/m², with

    ν²(L) = 4π ∫ P(k) (1 − J₀(kL)) k dk   ⟹   C = ν₀² L₀^(−2H) / (4π I),   I = 2^(−2H−1) Γ(1−H)/(H Γ(1+H))

(Gradshteyn and Ryzhik 6.561.14, by analytic continuation), and a band of an octave about k₀ has the variance
2π ∫ P k dk. Each octave is gradient noise (Perlin 2002, “Improving noise”, ACM SIGGRAPH) on a cubic lattice in M, so that it has
neither pole nor seam, with the hash of a lattice point in place of a table.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.moon import RADIUS

# Of this noise on a sphere through its lattice, from 6 million points (tests/statistical/test_ground.py holds them to it).
VARIANCE = 0.0730
CENTRE = 3.02  # rad per lattice spacing: geometric mean wavenumber of its power
SPREAD = 0.54  # standard deviation of the logarithm of that wavenumber
BATCH = 1 << 16  # points a program call: one program for every grid


def mixed(x: jax.Array) -> jax.Array:
    """A 32-bit number scrambled: Murmur3's finaliser (Appleby 2011, public domain)."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def gradient_noise(cells: jax.Array, shares: jax.Array, seed: jax.Array) -> jax.Array:
    """Noise (n,), of zero mean and `VARIANCE`, at lattice cells (3, n; int32) and places in them (3, n; 0…1)."""
    fade = shares * shares * shares * (shares * (shares * 6.0 - 15.0) + 10.0)
    total = jnp.zeros_like(shares[0])
    for corner in range(8):
        steps = ((corner >> 2) & 1, (corner >> 1) & 1, corner & 1)
        hashed = jnp.broadcast_to(seed, cells[0].shape)
        for axis in range(3):
            hashed = mixed(hashed ^ (cells[axis] + steps[axis]).astype(jnp.uint32))
        dx, dy, dz = (shares[axis] - float(steps[axis]) for axis in range(3))
        edge = hashed & jnp.uint32(15)  # to one of a cube's twelve edges, four of them twice
        first = jnp.where(edge < 8, dx, dy)
        second = jnp.where(edge < 4, dy, jnp.where((edge == 12) | (edge == 14), dx, dz))
        push = jnp.where(edge & 1 == 0, first, -first) + jnp.where(edge & 2 == 0, second, -second)
        weight = jnp.ones_like(dx)
        for axis in range(3):
            weight = weight * (fade[axis] if steps[axis] else 1.0 - fade[axis])
        total = total + weight * push
    return total


@partial(jax.jit, static_argnames=("octaves",))
def octave_sum(directions: jax.Array, amplitudes: jax.Array, coarsest: jax.Array, seed: jax.Array, octaves: int) -> jax.Array:
    """Height (n,), m, of `octaves` octaves at unit vectors (3, n): lattice spacing `coarsest` (m) and half as much each time."""

    def one(k, total):
        lattice = coarsest * 0.5 ** k.astype(jnp.float64)
        scaled = directions * (RADIUS / lattice) + 0.5  # the Moon's axes lie between lattice points
        whole = jnp.floor(scaled)
        noise = gradient_noise(whole.astype(jnp.int32), scaled - whole, mixed(seed + k.astype(jnp.uint32)))
        return total + amplitudes[k] * noise

    return jax.lax.fori_loop(0, octaves, one, jnp.zeros(directions.shape[1]))


def roughness(directions: np.ndarray, amplitudes: np.ndarray, coarsest_m: float, seed: int) -> np.ndarray:
    """Height (n,), m, at unit vectors (n, 3) in M of octaves with these amplitudes (standard deviations, m).

    `coarsest_m`: lattice spacing of the first octave, halved from one to the next. The same place gives the same height
    whatever else is asked for with it.
    """
    found = np.empty(len(directions))
    scaled = jnp.asarray(np.asarray(amplitudes) / math.sqrt(VARIANCE))
    for first in range(0, len(directions), BATCH):
        part = directions[first : first + BATCH]
        padded = np.zeros((3, BATCH))
        padded[:, : len(part)] = part.T
        heights = octave_sum(
            jnp.asarray(padded), scaled, jnp.asarray(coarsest_m), jnp.asarray(seed % 2**32, jnp.uint32), len(amplitudes)
        )
        found[first : first + BATCH] = np.asarray(heights)[: len(part)]
    return found


def law_constant(deviation_m: float, lag_m: float, hurst: float) -> float:
    """C of the power law P = C k^(−2H−2) with an rms height difference `deviation_m` at `lag_m`."""
    integral = 2.0 ** (-2.0 * hurst - 1.0) * math.gamma(1.0 - hurst) / (hurst * math.gamma(1.0 + hurst))
    return deviation_m**2 / lag_m ** (2.0 * hurst) / (4.0 * math.pi * integral)


def band_variance(constant: float, hurst: float, middle: np.ndarray) -> np.ndarray:
    """Variance (m²) of the law in octaves about wavenumbers (rad/m)."""
    low, high = middle / math.sqrt(2.0), middle * math.sqrt(2.0)
    return 2.0 * math.pi * constant * (low ** (-2.0 * hurst) - high ** (-2.0 * hurst)) / (2.0 * hurst)


def amplitudes(variance: np.ndarray, hurst: float) -> np.ndarray:
    """Standard deviations (m) of octaves of noise whose sum has this variance an octave.

    An octave of noise is no band: its power is spread over e^±SPREAD about its centre, and what falls on longer waves counts
    more there than the law has. For a spread normal in the logarithm the sum stands e^(2 H² SPREAD²) too high.
    """
    return np.sqrt(np.maximum(variance, 0.0) * math.exp(-2.0 * (hurst * SPREAD) ** 2))
