"""`perilune show`: a mission's values, units and sources side by side."""

from typing import NamedTuple

from rich.console import Console

from perilune.simulation.mission import Mission

# Endings of keys, longest first → how the unit is written.
UNITS = {
    "_deg_per_h_per_rts": "°/h/√s", "_kg_per_mps2": "kg s²/m", "_ug_per_rts": "µg/√s", "_mrad_per_s": "mrad/s", "_mmps": "mm/s",
    "_ug_per_rthz": "µg/√Hz", "_ug_per_s": "µg/s", "_deg_per_h_per_s": "°/h/s", "_arcsec_per_s": "arcsec/s", "_kgps": "kg/s",
     "_deg_per_rth": "°/√h", "_deg_per_h": "°/h", "_deg_per_s": "°/s", "_per_s2": "1/s²",
    "_per_s": "1/s", "_mps2": "m/s²", "_mps": "m/s", "_kgm2": "kg m²", "_m2": "m²", "_arcsec": "arcsec", "_mrad": "mrad",
    "_percent": "%", "_ppm": "ppm", "_deg": "°", "_kg": "kg", "_mm": "mm", "_mj": "mJ", "_aj": "aJ", "_db": "dB",
    "_ug": "µg", "_ms": "ms", "_m": "m", "_n": "N", "_s": "s",
}  # fmt: skip


class Row(NamedTuple):
    """One value of a mission."""

    path: str
    value: object
    unit: str
    source: str


def unit_of(path: str) -> str:
    """The unit that a key's ending says."""
    return next((unit for ending, unit in UNITS.items() if path.endswith(ending)), "")


def source_of(path: str, sources: dict[str, str]) -> str:
    """The source of the nearest enclosing path that has one."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        if (found := sources.get(".".join(parts[:length]))) is not None:
            return found
    return ""


def rows(mission: Mission) -> list[Row]:
    """Every value, in the file's order; faults and dispersions last."""
    table = mission.model_dump(mode="json", exclude={"sources", "faults", "dispersions", "name", "title"})
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
    for spread in mission.dispersions:
        path = f"dispersions.{spread.path}"
        value = next(x for x in (spread.sigma, spread.sigma_percent, spread.half_width) if x is not None)
        unit = "%" if spread.sigma_percent is not None else unit_of(spread.path)
        found.append(Row(path, value, f"{unit} ({spread.distribution})", source_of(path, mission.sources)))
    return found


def written(value: object) -> str:
    """A value as people write it."""
    if isinstance(value, list | tuple):
        return ", ".join(written(x) for x in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def show_table(mission: Mission, console: Console) -> None:
    """Print the values, one block a table of the file: value and unit in the first line, source below where it is new."""
    console.print(mission.title, style="bold", markup=False)
    console.print("F found, D derived, M from memory or judgement, C calibrated; H, Md, L: confidence.\n", style="dim")
    block, said = "", ""
    for row in rows(mission):
        table, _, key = row.path.rpartition(".")
        if row.path.startswith(("faults.", "dispersions.")):
            table, _, key = row.path.partition(".")
        if table != block:
            block, said = table, ""
            console.print(f"\n{table}", style="bold", markup=False)
        console.print(f"  {key} = {written(row.value)} {row.unit}".rstrip(), markup=False, soft_wrap=True)
        if row.source and row.source != said:
            said = row.source
            console.print(f"      {said}", style="dim", markup=False, soft_wrap=True)
