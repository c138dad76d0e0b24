"""From a name or path to a mission that has been read, overridden, validated and checked."""

from typing import Any

from .checks import check_mission
from .mission import Mission, assign, parse, read_table


def load(name_or_path: str, overrides: dict[str, Any] | None = None) -> Mission:
    """A mission by name or path, with `overrides` (dotted path → value) put in before validation.

    Raises UserError with one sentence for whatever is wrong.
    """
    table, where = read_table(name_or_path)
    for path, value in (overrides or {}).items():
        assign(table, path, value, where)
    mission = parse(table, where)
    check_mission(mission, where)
    return mission
