"""What was put into each run, read back from what flew."""

from typing import Any, NamedTuple

import numpy as np

from perilune.simulation.fault_rows import kind_and_part
from perilune.simulation.mission import Mission
from perilune.world.faults import FaultTable

from .batch import Flown
from .plan import Plan, batch_of
from .sample import ON_BOARD

TRIGGERS = {"start_s": "moment", "below_m": "below", "delay_s": "delay", "duration_s": "duration"}  # figure → leaf of the table


def moved_paths(mission: Mission, beginning: str) -> list[str]:
    """Paths of all numbers that dispersions move and that flights with this beginning hang on; some are the way from orbit's."""
    one_by_one = [path for row in mission.dispersions for path in row.moves]
    found = one_by_one + [path for group in mission.correlated for path in group.paths]
    return [path for path in found if beginning == "orbit" or not path.startswith("orbit.")]


class Told(NamedTuple):
    """A fault that some run has: its name, and the figures of its trigger that some run says."""

    name: str
    figures: tuple[str, ...]


def told_faults_of(plan: Plan) -> list[Told]:
    """Every fault that some run has."""
    own = plan.faults_of(batch_of(plan).mission)
    said = {name: set(table) if isinstance(table, dict) else set() for name, table in own.items()}
    for prior in plan.priors:
        for failure in prior.failures:
            said.setdefault(failure.name, set()).update(key for key, _ in (*prior.figures, *failure.figures))
    return [Told(name, tuple(key for key in TRIGGERS if key in keys)) for name, keys in said.items()]


def elements(name: str, values: Any) -> dict[str, np.ndarray]:
    """A column for each element of a number, (lanes, …)."""
    values = np.asarray(values, float)
    return {
        ".".join([name, *(str(k) for k in place)]): values[(slice(None), *place)] for place in np.ndindex(values.shape[1:])
    }  # fmt: skip


def applied(plan: Plan, flown: Flown) -> dict[str, np.ndarray]:
    """Columns of what dispersions and faults put into each run.

    `applied/PATH`: the number that flew, with the element's number for lists, of every path that a dispersion or a fault from
    before the flight moves; `onboard/PATH`: that which flight software was given, where such a fault strikes it. `fault/NAME`:
    the magnitude in the table that flew, in the name's unit (of the first part, where a fault strikes all), 0 where it is whole;
    `fault/NAME.start_s` and the like: figures of its trigger there, NaN in runs without it.
    """
    told = [(one, *kind_and_part(one.name, "")) for one in told_faults_of(plan)]
    before = [kind.path for _, kind, _ in told if kind.path and not kind.block]
    paths = [*moved_paths(batch_of(plan).mission, plan.beginning), *(path for path in before if not path.startswith(ON_BOARD))]
    found: dict[str, np.ndarray] = {}
    for path in dict.fromkeys(paths):
        found |= elements(f"applied/{path}", flown.numbers[path])
    for path in dict.fromkeys(path.removeprefix(ON_BOARD) for path in before if path.startswith(ON_BOARD)):
        found |= elements(f"onboard/{path}", (flown.on_board or {})[path])
    for one, kind, part in told:
        if kind.block:
            row = kind.rows.start + (kind.elements.index(part) if part else 0)
            found |= in_table(one, row, kind.si, flown.scenarios.world.faults)
    return found


def in_table(told: Told, row: int, si: float, table: FaultTable) -> dict[str, np.ndarray]:
    """A fault's columns, from the row of the table that its magnitude stands in and the trigger that it hangs on."""
    bits = np.asarray(table.bit)[:, row]
    slots, lanes = np.log2(np.maximum(bits, 1)).astype(int), np.arange(len(bits))
    found = {f"fault/{told.name}": np.asarray(table.magnitude)[:, row] / si}
    for figure in told.figures:
        values = np.asarray(getattr(table, TRIGGERS[figure]))[lanes, slots]
        found[f"fault/{told.name}.{figure}"] = np.where((bits > 0) & np.isfinite(values), values, np.nan)
    return found
