"""What a schema cannot say of dispersions: paths that do not exist, figures that do not fit, a covariance that is none."""

import math
from collections import Counter
from collections.abc import Iterable

import numpy as np

from perilune.foundation.errors import UserError

from .correlation import ASYMMETRY, asymmetry, eigenvalues, is_covariance, matrix_of
from .dispersion_tables import TAKES, CorrelatedGroup, DispersionRow
from .mission import Mission
from .nearest import nearest
from .numbers import Numbers, numbers_as_given


def check_dispersions(mission: Mission, where: str) -> None:
    """Dispersions and correlated groups name numbers that exist, each once, with figures that fit them. Raises UserError."""
    numbers = numbers_as_given(mission)
    for row in mission.dispersions:
        check_row(row, numbers, where)
    for group in mission.correlated:
        check_group(group, numbers, where)
    paths = Counter(path for row in (*mission.dispersions, *mission.correlated) for path in moved_by(row))
    if twice := [path for path, count in paths.items() if count > 1]:
        raise UserError(
            f"{where}: {twice[0]} is dispersed more than once: keep it in one row of [[dispersions]] or [[correlated]]."
        )


def moved_by(row: DispersionRow | CorrelatedGroup) -> tuple[str, ...]:
    """Paths of the numbers that a row or group moves."""
    return row.moves if isinstance(row, DispersionRow) else row.paths


def check_numbers(paths: Iterable[str], numbers: Numbers, where: str) -> None:
    """Each path is a number of what is true."""
    for path in paths:
        if path not in numbers:
            raise UserError(f"{where}: dispersion of unknown number “{path}”.{nearest(path, numbers)}")
        if path.startswith("flight.") or path == "site.onboard_flat_above_site_m":
            raise UserError(f"{where}: {path} is flight software's, which flies as drawn; disperse what is true instead.")


def check_row(row: DispersionRow, numbers: Numbers, where: str) -> None:
    """One row of [[dispersions]]."""
    if bool(row.path) == bool(row.paths):
        raise UserError(f"{where}: a dispersion ({row.distribution}) needs exactly one of path and paths, the numbers it moves.")
    check_numbers(row.moves, numbers, where)
    first, *others = row.moves
    for other in others:
        if numbers[other].shape != numbers[first].shape:
            shapes = f"{first} has {worded(numbers[first])} and {other} has {worded(numbers[other])}"
            raise UserError(f"{where}: one draw cannot move numbers of two shapes: {shapes}; give each a row of its own.")
    check_keys(row, where)
    check_lengths(row, numbers[first], where)
    check_sense(row, numbers, where)


def worded(number: np.ndarray) -> str:
    """The shape of a number in words."""
    return f"{' × '.join(str(n) for n in number.shape)} parts" if number.ndim else "one figure"


def counted(values: tuple, word: str) -> str:
    """How many there are, in words."""
    return f"{len(values)} {word}" if len(values) == 1 else f"{len(values)} {word}s"


def check_keys(row: DispersionRow, where: str) -> None:
    """What is given is what the distribution takes."""
    given, takes = row.figures(), TAKES[row.distribution]
    wanted = " and ".join(" or ".join(one_of) for one_of in takes)
    about = f"{where}: dispersion of {row.name}: “{row.distribution}” needs {wanted}"
    known = [key for one_of in takes for key in one_of]
    if foreign := [key for key in given if key not in known]:
        raise UserError(f"{about}; leave out {', '.join(foreign)}, or choose another distribution.")
    for one_of in takes:
        found = [key for key in one_of if key in given]
        if len(found) != 1:
            raise UserError(
                f"{about}; {' and '.join(found)} are both given." if found else f"{about}; add {' or '.join(one_of)}."
            )


def check_lengths(row: DispersionRow, number: np.ndarray, where: str) -> None:
    """A list of figures has one for each part of the number."""
    parts = number.shape[0] if number.ndim else 0
    for key, value in row.figures().items():
        if key not in ("values", "probabilities") and isinstance(value, tuple) and (len(value) != parts or not number.ndim):
            wanted = f"{parts} parts" if number.ndim else "a plain number: write it without brackets"
            raise UserError(f"{where}: dispersion of {row.name} has {counted(value, 'figure')} for {wanted}.")


def check_sense(row: DispersionRow, numbers: Numbers, where: str) -> None:
    """Figures of the distribution make one."""
    about, values = f"{where}: dispersion of {row.name}:", row.values or ()
    if row.distribution == "discrete":
        chances = row.probabilities or ()
        if not values or len(values) != len(chances):
            raise UserError(f"{about} {counted(values, 'value')} for {len(chances)} probabilities; give one probability a value.")
        if abs(math.fsum(chances) - 1.0) > 1e-9:
            raise UserError(f"{about} probabilities sum to {math.fsum(chances):.10g}; they must sum to 1.")
    if row.distribution == "empirical" and len(values) < 2:
        raise UserError(f"{about} values has {counted(values, 'offset')}; an empirical distribution needs at least 2.")
    if row.distribution == "log_normal":
        for path in row.moves:
            if numbers[path].size and not np.any(numbers[path]):
                raise UserError(
                    f"{about} a log_normal factor moves nothing, for the nominal of {path} is 0; take normal instead."
                )


def check_group(group: CorrelatedGroup, numbers: Numbers, where: str) -> None:
    """One group of [[correlated]]."""
    check_numbers(group.paths, numbers, where)
    about, count = f"{where}: [[correlated]] of {group.name}:", sum(numbers[path].size for path in group.paths)
    given = {key for key in ("covariance", "correlation", "sigma") if getattr(group, key) is not None}
    if given not in ({"covariance"}, {"correlation", "sigma"}):
        found = ", ".join(sorted(given)) or "none of them"
        raise UserError(f"{about} give either covariance, or correlation and sigma; the file gives {found}.")
    key = "covariance" if group.covariance is not None else "correlation"
    if {len(rows := getattr(group, key)), *(len(row) for row in rows)} != {count}:
        sizes = sorted({len(row) for row in rows})
        found = f"{len(rows)} rows of {' or '.join(str(size) for size in sizes) or 'no'}"
        raise UserError(f"{about} {key} has {found} figures for {count} numbers; give {count} rows of {count}.")
    if group.sigma is not None and len(group.sigma) != count:
        raise UserError(f"{about} sigma has {counted(group.sigma, 'figure')} for {count} numbers; give one a number.")
    matrix = matrix_of(group)
    if asymmetry(matrix) > ASYMMETRY:
        row, column = np.unravel_index(np.argmax(np.abs(matrix - matrix.T)), matrix.shape)
        pair = f"row {row + 1}, column {column + 1} is {matrix[row, column]:g}, the other way round {matrix[column, row]:g}"
        raise UserError(f"{about} {key} is not symmetric: {pair}; make them equal.")
    if key == "correlation" and np.any(np.diag(matrix) != 1.0):
        raise UserError(f"{about} the diagonal of correlation must be 1; sigma holds how far each number varies.")
    if not is_covariance(matrix):
        found = ", ".join(f"{value:.6g}" for value in eigenvalues(matrix))
        raise UserError(f"{about} {key} is not positive semi-definite, its eigenvalues are {found}; none may be negative.")
