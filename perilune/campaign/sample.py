"""From a mission's dispersions and a run's key to the numbers that fly."""

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.randomness import dispersion_key
from perilune.simulation.mission import DispersionRow, Mission
from perilune.simulation.numbers import numbers_as_given
from perilune.world.faults import CATALOGUE, FaultTable

EARLY = [kind for kind in CATALOGUE.values() if kind.strikes_in_flight and kind.path]  # what the orbit phase knows by numbers
ON_BOARD = "software:"  # of a fault's path: it strikes what is on board, not what is true


def parts(mission: Mission) -> list[tuple[DispersionRow, int, int]]:
    """Each dispersion with its place (first, count) in the run's float64 draw, in the order of the file. Empty slots of a list
    take no part."""
    given = numbers_as_given(mission)
    places, first = [], 0
    for row in mission.dispersions:
        count = int(np.size(given[row.path]))
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
    places = parts(mission)
    total = sum(count for _, _, count in places)
    normals = jax.random.normal(dispersion_key(key), (total,), jnp.float64)
    flown = dict(numbers)
    for row, first, count in places:
        nominal = flown[row.path]
        own = nominal[:count] if jnp.ndim(nominal) == 1 else nominal
        moved = own + offset(row, own, normals[first : first + count].reshape(jnp.shape(own)))
        flown[row.path] = jnp.concatenate([moved, nominal[count:]]) if jnp.ndim(nominal) == 1 else moved
    return flown


def break_things(numbers, faults: dict, is_on_board: bool = False):
    """The numbers with what each fault (kind → magnitude, traceable) makes of them: those that are true, or those on board.

    Added, so that a fault on a dispersed number keeps the dispersion, and one at magnitude zero changes no bit.
    """
    broken = dict(numbers)
    for name, magnitude in faults.items():
        kind = CATALOGUE[name]
        if kind.path.startswith(ON_BOARD) != is_on_board:
            continue
        path = kind.path.removeprefix(ON_BOARD)
        step = kind.factor * jnp.asarray(magnitude, jnp.float64)
        if kind.is_relative:
            step = 0.01 * step * broken[path]
        if kind.part is not None:
            step = step * jnp.asarray([1.0 if k == kind.part else 0.0 for k in range(jnp.size(broken[path]))])
        broken[path] = broken[path] + step
    return broken


def already_broken(numbers, table: FaultTable):
    """The numbers that the orbit phase flies with: moved by what is broken from the start (`table` of one lane)."""
    broken = dict(numbers)
    for kind in EARLY:
        rows = kind.rows
        magnitude = jnp.where(table.bit[rows] == 1, table.magnitude[rows], 0.0) / kind.si
        broken[kind.path] = broken[kind.path] + (magnitude if kind.elements else magnitude[0])
    return broken
