"""Random numbers: a run's key, and the fixed rows that each cycle's draw is shared out by.

Run k of seed s is a function of (s, k) alone. Each cycle draws `WIDTH` normal numbers; `ROWS` gives every consumer its own
rows. The table is append-only: JAX's counter-based generator gives row i the same number however many rows are
drawn, so a new sensor at the end never moves another's noise (tested).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from .quantities import Count

# consumer: (first row, number of rows). Append only.
ROWS = {
    "imu_velocity": (0, 3),
    "imu_angle": (3, 3),
    "star_tracker": (6, 3),
    "range_detection": (9, 1),
    "range_noise": (10, 1),
    "range_false": (11, 2),
    "velocimeter": (13, 3),
    "fault_switches": (16, 1),
    "fault_computer": (17, 1),
    "fault_dropouts": (18, 2),
    "thrust": (20, 3),
    "imu_drift": (23, 12),
    "doppler_range": (35, 4),
    "doppler_speed": (39, 4),
    "doppler_lock": (43, 4),
    "footprint": (47, 2),
    "terrain_camera": (49, 7),
    "optical_flow": (56, 3),
    "propellant_gauge": (59, 1),
    "fault_more_dropouts": (60, 3),
}
WIDTH = max(first + count for first, count in ROWS.values())
Noise = Float[Array, "63"]
LEAST = np.nextafter(np.float32(-1.0), np.float32(0.0))  # over −1, where a normal number would be infinite
# Giles, “Approximating the erfinv function”, GPU Computing Gems (2012), single precision: |x| below 0.9966, and above
GILES_CENTRAL = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
    0.246640727, 1.50140941,
)  # fmt: skip
GILES_OUTER = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406,
    2.83297682,
)  # fmt: skip


def run_key(seed: int, run: int) -> Key[Array, ""]:
    """The key of run `run` under `seed`."""
    return jax.random.fold_in(jax.random.key(seed), run)


def dispersion_key(key: Key[Array, ""]) -> Key[Array, ""]:
    """The second key of a run, for float64 draws whose tails matter. No tick reaches this number."""
    return jax.random.fold_in(key, 0x7FFFFFFF)


def orbit_key(key: Key[Array, ""], draw: int | Count) -> Key[Array, ""]:
    """Keys of the orbit phase: 0 for the orbit's own error, 1 + cycle for the accelerometers in the burn. They lie below the
    second key, whose own draw they leave alone."""
    return jax.random.fold_in(jax.random.fold_in(dispersion_key(key), 1), draw)


HAZARD_LIDAR, IMU_START = 2, 3  # numbers of `sensor_key`; 1 is the orbit's, and those outside the package begin at 100


def sensor_key(key: Key[Array, ""], number: int, tick: int | Count) -> Key[Array, ""]:
    """A key for one sensor in one cycle, for those that need more numbers than a few rows, or come from outside the package.
    It lies below the second key, as the orbit's keys do (number 1)."""
    return jax.random.fold_in(jax.random.fold_in(dispersion_key(key), number), tick)


def uniforms(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, " *shape"]:
    """Uniform numbers over (−1, 1), −1 + (4 k + 1) 2⁻²⁴ for k below 2²³: float32 holds each of them, so no compiler rounds. Their
    mean is −2⁻²⁴."""
    return jax.random.uniform(key, shape, jnp.float32, LEAST, 1.0).astype(jnp.float64)


def standard_normals(key: Key[Array, ""], count: int) -> Float[Array, " count"]:
    """Standard normal numbers, (count,), from −5.42 to 5.22.

    `jax.random.normal` in float32 leaves its last bits to the compiler, up to 6e-6 of the number. One such bit in a filter is
    enough for a valve's pulse to fall in another cycle, and a run flown on another processor came down metres away; here
    compilers leave 1e-16 open. Why not JAX's in float64: its inverse error function takes nearly as long as all the rest of a
    batch. What it would add, numbers beyond those bounds, is one in 8 million (Φ(−5.42) + Φ(−5.22)); a mission's dispersions
    are drawn that way.
    """
    return normal_of(uniforms(key, (count,)))


def normal_of(x: Float[Array, " *shape"]) -> Float[Array, " *shape"]:
    """√2 erf⁻¹ x, to 2e-7 of itself on what `uniforms` draws: Giles' polynomials of w = −ln (1 − x²), worked out in float64
    (`lanes/formulas.py` begins from the same ones where erf⁻¹ itself is asked for)."""
    w = -jnp.log((1.0 - x) * (1.0 + x))
    return jnp.sqrt(2.0) * x * jnp.where(w < 5.0, by_horner(GILES_CENTRAL, w - 2.5), by_horner(GILES_OUTER, jnp.sqrt(w) - 3.0))


def by_horner(coefficients: tuple[float, ...], x: Float[Array, " *shape"]) -> Float[Array, " *shape"]:
    """A polynomial, highest power first."""
    total = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def draw(key: Key[Array, ""], tick: int | Count) -> Noise:
    """Standard normal numbers of one cycle, (WIDTH,)."""
    return standard_normals(jax.random.fold_in(key, tick), WIDTH)


def rows(noise: Noise, consumer: str) -> Float[Array, " n"]:
    """The rows of one consumer."""
    first, count = ROWS[consumer]
    return noise[first : first + count]
