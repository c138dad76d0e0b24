"""From a mission's dispersions and a run's key to the numbers that fly."""

import jax
import jax.numpy as jnp

from perilune.foundation.randomness import dispersion_key
from perilune.simulation.mission import DispersionRow, Mission
from perilune.world.faults import CATALOGUE


def parts(mission: Mission, numbers) -> list[tuple[DispersionRow, int, int]]:
    """Each dispersion with its place (first, count) in the run's float64 draw, in the order of the file."""
    places, first = [], 0
    for row in mission.dispersions:
        count = int(jnp.size(numbers[row.path]))
        places.append((row, first, count))
        first += count
    return places


def offset(row: DispersionRow, nominal, normal):
    """How far a number is moved by standard normal draws. A figure of zero moves it by exactly nothing."""
    if row.distribution == "uniform":
        uniform = 2.0 * jax.scipy.special.ndtr(normal) - 1.0
        return jnp.asarray(row.half_width) * uniform
    if row.sigma_percent is not None:
        return 0.01 * row.sigma_percent * nominal * normal
    return jnp.asarray(row.sigma) * normal


def disperse(mission: Mission, numbers, key):
    """The numbers of one run: nominal plus each dispersion's draw. Traceable in `numbers` and `key`.

    The draw is float64 under the run's second key; a dispersion added at the end of the file moves no other.
    """
    places = parts(mission, numbers)
    total = sum(count for _, _, count in places)
    normals = jax.random.normal(dispersion_key(key), (total,), jnp.float64)
    flown = dict(numbers)
    for row, first, count in places:
        nominal = flown[row.path]
        flown[row.path] = nominal + offset(row, nominal, normals[first : first + count].reshape(jnp.shape(nominal)))
    return flown


def break_things(numbers, faults: dict):
    """The numbers with each fault's departure from neutral added (kind → magnitude, traceable).

    Added, so that a fault on a dispersed number keeps the dispersion, and one at its neutral magnitude changes no bit.
    """
    broken = dict(numbers)
    for kind, magnitude in faults.items():
        known = CATALOGUE[kind]
        broken[known.path] = broken[known.path] + (jnp.asarray(magnitude, jnp.float64) - known.neutral)
    return broken
