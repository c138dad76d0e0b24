"""`perilune show`: a mission's values, units and sources side by side."""

from typing import NamedTuple

import numpy as np
from rich.console import Console

from perilune.simulation.correlation import factor
from perilune.simulation.mission import Mission
from perilune.simulation.numbers import numbers_as_given
from perilune.simulation.unit_words import unit_of

UNITS_OF_FIGURES = {"sigma_percent": "%", "limit_sigma": "sigma", "sigma_log": "of the logarithm"}  # others: the number's


class Row(NamedTuple):
    """One value of a mission."""

    path: str
    value: object
    unit: str
    source: str


def source_of(path: str, sources: dict[str, str]) -> str:
    """The source of the nearest enclosing path that has one."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        if (found := sources.get(".".join(parts[:length]))) is not None:
            return found
    return ""


def rows(mission: Mission) -> list[Row]:
    """Every value, in the file's order; faults, dispersions and correlated groups last."""
    table = mission.model_dump(mode="json", exclude={"sources", "faults", "dispersions", "correlated", "name", "title"})
    found: list[Row] = []

    def walk(node: dict, prefix: str) -> None:
        for key, value in node.items():
            path = f"{prefix}{key}"
            if isinstance(value, dict):
                walk(value, f"{path}.")
            elif value is not None:
                found.append(Row(path, value, unit_of(path), source_of(path, mission.sources)))

    walk(table, "")
    for fault in mission.faults:
        path = f"faults.{fault.name}"
        found.append(Row(path, fault.magnitude, unit_of(fault.kind), source_of(path, mission.sources)))
        when = {key: value for key, value in fault.table().items() if key != "magnitude" and value not in ("", 0.0)}
        found += [Row(f"{path}.{key}", value, unit_of(key), "") for key, value in when.items()]
    return found + spread(mission)


def spread(mission: Mission) -> list[Row]:
    """How far numbers are dispersed: the figures of each distribution, sigmas and matrix of each correlated group."""
    found: list[Row] = []
    for row in mission.dispersions:
        for moved in row.moves:
            path = f"dispersions.{moved}"
            together = f", one draw for {len(row.moves)}" if len(row.moves) > 1 else ""
            (first, value), *others = row.figures().items()
            unit = UNITS_OF_FIGURES.get(first, unit_of(moved))
            source = source_of(path, mission.sources)
            found.append(Row(path, value, f"{unit} ({row.distribution}{together})".lstrip(), source))
            found += [Row(f"{path}.{key}", figure, UNITS_OF_FIGURES.get(key, ""), "") for key, figure in others]
    numbers = numbers_as_given(mission) if mission.correlated else {}
    for group in mission.correlated:
        root, first = factor(group), 0
        sigma = np.sqrt(np.sum(root * root, axis=1))
        for moved in group.paths:
            path, count = f"correlated.{moved}", numbers[moved].size
            of = f"{unit_of(moved)} (normal, correlated among {len(sigma)})".lstrip()
            found.append(Row(path, tuple(float(x) for x in sigma[first : first + count]), of, source_of(path, mission.sources)))
            first += count
        key = "correlation" if group.covariance is None else "covariance"
        found.append(Row(f"correlated.{group.paths[0]}.{key}", getattr(group, key), "", ""))
    return found


def written(value: object) -> str:
    """A value as people write it."""
    if isinstance(value, list | tuple):
        has_rows = bool(value) and isinstance(value[0], list | tuple)
        return ("; " if has_rows else ", ").join(written(x) for x in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def show_table(mission: Mission, console: Console) -> None:
    """Print the values, one block a table of the file: value and unit in the first line, source below where it is new."""
    console.print(mission.title, style="bold", markup=False)
    console.print("F found, D derived, M from memory or judgement, C calibrated; H, Md, L: confidence.\n", style="dim")
    block, said = "", ""
    for row in rows(mission):
        table, _, key = row.path.rpartition(".")
        if row.path.startswith(("faults.", "dispersions.", "correlated.")):
            table, _, key = row.path.partition(".")
        if table != block:
            block, said = table, ""
            console.print(f"\n{table}", style="bold", markup=False)
        console.print(f"  {key} = {written(row.value)} {row.unit}".rstrip(), markup=False, soft_wrap=True)
        if row.source and row.source != said:
            said = row.source
            console.print(f"      {said}", style="dim", markup=False, soft_wrap=True)
