"""What was put into each run, read back from what flew."""

import numpy as np

from perilune.simulation.fault_rows import kind_and_part
from perilune.simulation.mission import Mission

from .batch import Flown
from .plan import Plan, batch_of


def moved_paths(mission: Mission, beginning: str) -> list[str]:
    """Paths of all numbers that dispersions move and that flights with this beginning hang on; some are the way from orbit's."""
    one_by_one = [path for row in mission.dispersions for path in row.moves]
    found = one_by_one + [path for group in mission.correlated for path in group.paths]
    return [path for path in found if beginning == "orbit" or not path.startswith("orbit.")]


def fault_names(plan: Plan) -> list[str]:
    """Every fault that some run has."""
    names = [*plan.faults_of(batch_of(plan).mission), *(failure.name for prior in plan.priors for failure in prior.failures)]
    return list(dict.fromkeys(names))


def applied(plan: Plan, flown: Flown) -> dict[str, np.ndarray]:
    """Columns of what dispersions and faults put into each run.

    `applied/PATH`: the number that flew, with the element's number for lists, of every path that a dispersion or a fault from
    before the flight moves. `fault/NAME`: the magnitude in the table that flew, in the name's unit (of the first part, where a
    fault strikes all), 0 where it is whole; `fault/NAME.start_s`: the mission time at which it strikes, where it waits for one.
    """
    kinds = {name: kind_and_part(name, "") for name in fault_names(plan)}
    paths = [kind.path.removeprefix("software:") for kind, _ in kinds.values() if not kind.block]
    found = {}
    for path in dict.fromkeys(
        [*moved_paths(batch_of(plan).mission, plan.beginning), *(path for path in paths if path in flown.numbers)]
    ):
        values = np.asarray(flown.numbers[path], float)
        for place in np.ndindex(values.shape[1:]):
            found[".".join([f"applied/{path}", *(str(k) for k in place)])] = values[(slice(None), *place)]
    table = flown.scenarios.world.faults
    magnitude, bit, moment = (np.asarray(x) for x in (table.magnitude, table.bit, table.moment))
    for name, (kind, part) in kinds.items():
        if kind.block:
            row = kind.rows.start + (kind.elements.index(part) if part else 0)
            found[f"fault/{name}"] = magnitude[:, row] / kind.si
            if name in waiting(plan):
                slots = np.log2(np.maximum(bit[:, row], 1)).astype(int)
                times = moment[np.arange(len(slots)), slots]
                found[f"fault/{name}.start_s"] = np.where(np.isfinite(times), times, np.nan)
    return found


def waiting(plan: Plan) -> set[str]:
    """Faults that wait for a mission time."""
    own = {name for name, said in plan.faults_of(batch_of(plan).mission).items() if isinstance(said, dict) and "start_s" in said}
    return own | {f.name for prior in plan.priors for f in prior.failures if "start_s" in dict(f.figures)}
