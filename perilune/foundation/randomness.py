"""Random numbers: a run's key, and the fixed rows that each cycle's draw is shared out by.

Run k of seed s is a function of (s, k) alone. Each cycle makes one float32 draw; `ROWS` gives every consumer its own
rows. The table is append-only: JAX's counter-based generator gives row i the same number however many rows are
drawn, so a new sensor at the end never moves another's noise (tested).
"""

import jax
import jax.numpy as jnp
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


def draw(key: Key[Array, ""], tick) -> Noise:
    """Standard normal numbers of one cycle, (WIDTH,), drawn in float32 and cast up."""
    return jax.random.normal(jax.random.fold_in(key, tick), (WIDTH,), jnp.float32).astype(jnp.float64)


def rows(noise: Noise, consumer: str) -> Float[Array, " n"]:
    """The rows of one consumer."""
    first, count = ROWS[consumer]
    return noise[first : first + count]
