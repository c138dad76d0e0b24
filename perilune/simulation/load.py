"""From a name or path to a mission that has been read, overridden, validated and checked."""

from pathlib import Path
from typing import Any

from .checks import check_mission
from .mission import UNIFORM, Mission, assign, parse, read_table

FILES = (  # keys that may name a file
    ("site", "true_map"),
    ("site", "onboard_map"),
    ("site", "reflectance_map"),
    ("moon", "gravity"),
    ("moon", "ephemerides"),
    ("moon", "orientation"),
    ("reference", "readouts"),
)
NOT_FILES = ("package", "series", UNIFORM)


def beside_the_mission(table: dict[str, Any], folder: Path) -> None:
    """Files that a mission file names by relative paths lie beside it, from wherever it is flown. In place."""

    def beside(name):
        is_file = isinstance(name, str) and not name.startswith("package:") and name not in NOT_FILES
        return str(folder / Path(name).expanduser()) if is_file else name

    for root, key in FILES:
        node = table.get(root)
        if isinstance(node, dict) and key in node:
            name = node[key]
            node[key] = [beside(one) for one in name] if isinstance(name, list) else beside(name)


def from_here(values: dict[str, Any]) -> dict[str, Any]:
    """Overrides with the files that they name by their whole paths, so that they mean the same from anywhere."""

    def whole(name: Any) -> Any:
        is_file = isinstance(name, str) and not name.startswith("package:") and name not in NOT_FILES
        return str(Path(name).expanduser().resolve()) if is_file else name

    files = {".".join(pair) for pair in FILES}
    found = {}
    for path, value in values.items():
        is_list = isinstance(value, list | tuple)
        found[path] = value if path not in files else [whole(one) for one in value] if is_list else whole(value)
    return found


def load(name_or_path: str, overrides: dict[str, Any] | None = None) -> Mission:
    """A mission by name or path, with `overrides` (dotted path → value) put in before validation.

    Relative paths inside a mission file count from its folder, those of overrides from the working folder.
    Raises UserError with one sentence for whatever is wrong.
    """
    table, where = read_table(name_or_path)
    if Path(name_or_path).is_file():
        beside_the_mission(table, Path(name_or_path).parent)
    for path, value in (overrides or {}).items():
        assign(table, path, value, where)
    mission = parse(table, where)
    check_mission(mission, where)
    return mission
