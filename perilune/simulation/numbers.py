"""A mission as a flat table of numbers: dotted path → float64 array. What varies, varies here."""

import numpy as np

from .mission import Mission

Numbers = dict[str, np.ndarray]
ROOTS = ("site", "start", "orbit", "lander", "flight")


def flatten(table: dict, prefix: str) -> Numbers:
    """Every float (or tuple of floats or rows of them) below a table, by dotted path. Integers are structure and stay out."""
    found: Numbers = {}
    for key, value in table.items():
        path = f"{prefix}.{key}"
        if isinstance(value, dict):
            found |= flatten(value, path)
        elif isinstance(value, float) or (isinstance(value, tuple) and value and isinstance(value[0], float | tuple)):
            found[path] = np.asarray(value, np.float64)
    return found


def numbers_of(mission: Mission) -> Numbers:
    """All numbers of site, start, orbit (where there is one), lander and flight software, in the file's units."""
    table = mission.model_dump()
    found: Numbers = {}
    for root in ROOTS:
        found |= flatten(table[root] or {}, root)
    return found
