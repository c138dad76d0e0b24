"""From a mission's dispersions and a run's key to the numbers that fly."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.errors import UserError
from perilune.foundation.randomness import dispersion_key
from perilune.simulation.correlation import factor
from perilune.simulation.dispersion_tables import CorrelatedGroup, DispersionRow
from perilune.simulation.mission import Mission
from perilune.simulation.numbers import numbers_as_given
from perilune.world.faults import CATALOGUE, FaultTable

EARLY = [kind for kind in CATALOGUE.values() if kind.strikes_in_flight and kind.path]  # what the orbit phase knows by numbers
ON_BOARD = "software:"  # of a fault's path: it strikes what is on board, not what is true


def parts(mission: Mission) -> list[tuple[DispersionRow, int, int]]:
    """Each dispersion with its place (first, count) in the run's float64 draw, in the order of the file. Empty slots of a list
    take no part; what one draw moves together takes one place."""
    given = numbers_as_given(mission)
    places, first = [], 0
    for row in mission.dispersions:
        count = int(np.size(given[row.moves[0]]))
        places.append((row, first, count))
        first += count
    return places


def group_parts(mission: Mission) -> list[tuple[CorrelatedGroup, int, int]]:
    """Each correlated group with its place (first, count) in the run's draw, after all dispersions."""
    given = numbers_as_given(mission)
    places, first = [], sum(count for _, _, count in parts(mission))
    for group in mission.correlated:
        count = sum(int(np.size(given[path])) for path in group.paths)
        places.append((group, first, count))
        first += count
    return places


def draw_count(mission: Mission) -> int:
    """How many standard normal draws a run's dispersions take."""
    return sum(count for _, _, count in [*parts(mission), *group_parts(mission)])


def per_part(figure, nominal):
    """A figure for all parts of a number, or one a part, to be multiplied with the number."""
    figures = jnp.asarray(figure)
    return figures.reshape(-1, *[1] * (jnp.ndim(nominal) - 1)) if jnp.ndim(figures) else figures


def normal_offset(row: DispersionRow, nominal, normal):
    """sigma z."""
    if row.sigma_percent is not None:
        return 0.01 * row.sigma_percent * nominal * normal
    return per_part(row.sigma, nominal) * normal


def uniform_offset(row: DispersionRow, nominal, normal):
    """half_width (2u - 1), u = Φ(z)."""
    uniform = 2.0 * jax.scipy.special.ndtr(normal) - 1.0
    return per_part(row.half_width, nominal) * uniform


def truncated_offset(row: DispersionRow, nominal, normal):
    """sigma t, t = Φ⁻¹(Φ(-l) + u (1 - 2 Φ(-l))), l = limit_sigma; by the lower tail alone, where Φ keeps its digits."""
    limit = jnp.asarray(row.limit_sigma, jnp.float64)
    cut = jax.scipy.special.ndtr(-limit)
    below = jax.scipy.special.ndtri(cut + jax.scipy.special.ndtr(-jnp.abs(normal)) * (1.0 - 2.0 * cut))
    return normal_offset(row, nominal, -jnp.sign(normal) * jnp.clip(below, -limit, 0.0))


def log_normal_offset(row: DispersionRow, nominal, normal):
    """nominal (exp(sigma_log z) - 1)."""
    return nominal * jnp.expm1(per_part(row.sigma_log, nominal) * normal)


def chosen(row: DispersionRow, normal):
    """The value of a discrete distribution whose share of (0, 1) holds u = Φ(z)."""
    pairs = zip(row.values or (), row.probabilities or (), strict=True)
    values, probabilities = np.asarray([(value, share) for value, share in pairs if share > 0.0]).T
    edges = jnp.asarray(np.cumsum(probabilities)[:-1])
    return jnp.asarray(values)[jnp.searchsorted(edges, jax.scipy.special.ndtr(normal), side="right")]


def discrete_offset(row: DispersionRow, nominal, normal):
    """From the nominal to the chosen value."""
    return chosen(row, normal) - nominal


def empirical_offset(row: DispersionRow, nominal, normal):
    """The quantile at u = Φ(z) of the given offsets, linear between their order statistics."""
    values = np.sort(np.asarray(row.values, np.float64))
    return jnp.interp(jax.scipy.special.ndtr(normal), np.linspace(0.0, 1.0, len(values)), values)


OFFSETS = {
    "normal": normal_offset,
    "uniform": uniform_offset,
    "truncated_normal": truncated_offset,
    "log_normal": log_normal_offset,
    "discrete": discrete_offset,
    "empirical": empirical_offset,
}


def offset(row: DispersionRow, nominal, normal):
    """How far a number is moved by standard normal draws z of its shape. A figure of zero moves it by exactly nothing."""
    return OFFSETS[row.distribution](row, nominal, normal)


def moved(row: DispersionRow, nominal, normal):
    """A number where standard normal draws of its shape take it."""
    if row.distribution == "discrete":
        return chosen(row, normal)  # as given: nominal + (value - nominal) would round it
    return nominal + offset(row, nominal, normal)


def put(numbers: dict, path: str, given, normals, move: Callable) -> None:
    """Move a number by draws, in place: the parts that the mission file gives (`given`), not the empty slots after them."""
    nominal = numbers[path]
    own = nominal[: len(given)] if jnp.ndim(nominal) else nominal
    there = move(own, normals.reshape(jnp.shape(own)))
    numbers[path] = jnp.concatenate([there, nominal[len(given) :]]) if jnp.ndim(nominal) else there


def correlated_offsets(group: CorrelatedGroup, normals):
    """L z, (n,), a column at a time: a matrix product's rounding may hang on the width of the batch."""
    columns = jnp.asarray(factor(group)).T
    return sum((column * normal for column, normal in zip(columns, normals, strict=True)), jnp.zeros_like(normals))


def disperse(mission: Mission, numbers, key, normals=None):
    """The numbers of one run: nominal plus each dispersion's draw. Traceable in `numbers`, `key` and `normals`.

    The draw is float64 under the run's second key; a dispersion added at the end of the file moves no other. `normals`: standard
    normal numbers in its place, (draw_count(mission),), for designs of one's own. Raises UserError where their count is another.
    """
    given, total = numbers_as_given(mission), draw_count(mission)
    if normals is None:
        normals = jax.random.normal(dispersion_key(key), (total,), jnp.float64)
    if jnp.shape(normals) != (total,):
        raise UserError(
            f"Dispersions of {mission.name} take {total} normals a run, shape ({total},): found {jnp.shape(normals)}."
        )
    flown = dict(numbers)
    for row, first, count in parts(mission):
        for path in row.moves:
            put(flown, path, given[path], normals[first : first + count], partial(moved, row))
    for group, first, count in group_parts(mission):
        offsets = correlated_offsets(group, normals[first : first + count])
        for path in group.paths:
            own, offsets = offsets[: given[path].size], offsets[given[path].size :]
            put(flown, path, given[path], own, jnp.add)
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
