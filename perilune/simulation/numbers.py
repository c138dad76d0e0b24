"""A mission as a flat table of numbers: dotted path → float64 array. What varies, varies here."""

import numpy as np

from perilune.flight.executive.contingency import NAMES as CONTINGENCIES
from perilune.flight.executive.cut_off import NAMES as CUT_OFFS
from perilune.flight.monitoring.recovery import NAMES as POLICIES
from perilune.interface.design import BEAMS, ENGINE_CLASSES, FEET, TANKS

from .layout import attitude_duty
from .mission import Mission
from .sensor_tables import ABSENT, table_at

Numbers = dict[str, np.ndarray]
ROOTS = ("site", "soil", "start", "orbit", "lander", "flight")
BEAMS_AT = "lander.sensors.doppler_beams"
SLOTS = {f"lander.engines.{name}": count for name, (_, count) in ENGINE_CLASSES.items()} | {
    "lander.tanks": TANKS,
    "lander.legs": FEET,
    BEAMS_AT: BEAMS,
}
EMPTY = {"radius_m": 1.0, "height_m": 1.0, "density_kgpm3": 1000.0}  # of an empty slot, where zero would be divided by


def flatten(table: dict, prefix: str) -> Numbers:
    """Every float (or tuple of floats or rows of them) below a table, by dotted path. Integers are structure and stay out."""
    found: Numbers = {}
    for key, value in table.items():
        path = f"{prefix}.{key}"
        if isinstance(value, dict):
            found |= flatten(value, path)
        elif isinstance(value, float) or (isinstance(value, tuple) and (not value or isinstance(value[0], float | tuple))):
            found[path] = np.asarray(value, np.float64)
    return found


def numbers_as_given(mission: Mission) -> Numbers:
    """All numbers of site, start, orbit (where there is one), lander and flight software, in the file's units and lengths."""
    table = mission.model_dump()
    found: Numbers = {}
    for root in ROOTS:
        found |= flatten(table[root] or {}, root)
    return {path: values for path, values in found.items() if not is_structure(path)}


def is_structure(path: str) -> bool:
    """What of a sensor is the same for all lanes: how often it reads, and where it looks out of the body, which is checked and
    not flown (lever arms are left out)."""
    return path.startswith("lander.sensors.") and path.endswith((".place_m", ".interval_s"))


def slots_of(path: str) -> int:
    """How many slots the list of this path has; 0 for what is no list of parts."""
    return SLOTS.get(path.rpartition(".")[0], 0)


def filled(values: np.ndarray, slots: int, key: str) -> np.ndarray:
    """A list of parts (one row a part) with its empty slots."""
    rows = values.reshape(0, 3) if values.size == 0 and key in ("place_m", "direction") else values  # no parts of this kind
    missing = np.full((slots - len(rows), *rows.shape[1:]), EMPTY.get(key, 0.0))
    return np.concatenate([rows, missing])


def numbers_of(mission: Mission) -> Numbers:
    """All numbers as they are flown: lists of parts with their empty slots, `is_there` for which are none, sensors that are not
    carried, and the duties of the attitude thrusters that follow from their layout. One shape for all missions."""
    found: Numbers = {}
    lander = mission.lander
    given = numbers_as_given(mission)
    for path, table in ABSENT.items():
        if table_at(lander.sensors, path) is None:
            given |= flatten(table.model_dump(), f"lander.sensors.{path}")
    for path, values in ((path, values) for path, values in given.items() if not is_structure(path)):
        slots = slots_of(path)
        found[path] = filled(values, slots, path.rpartition(".")[2]) if slots and values.ndim else values
    counts = {f"lander.engines.{name}": len(getattr(lander.engines, name).place_m) for name in ENGINE_CLASSES}
    counts |= {"lander.tanks": len(lander.tanks.place_m), "lander.legs": len(lander.legs.foot_m)}
    counts[BEAMS_AT] = len(lander.sensors.doppler_beams.direction) if lander.sensors.doppler_beams else 0
    for path, count in counts.items():
        found[f"{path}.is_there"] = (np.arange(SLOTS[path]) < count).astype(np.float64)
    flight = mission.flight
    found["flight.monitoring.policy"] = np.asarray(float(POLICIES.index(flight.monitoring.policy)))
    found["flight.cut_off.by"] = np.asarray(float(CUT_OFFS.index(flight.cut_off.by)))
    found["flight.contingency.without_range"] = np.asarray(float(CONTINGENCIES.index(flight.contingency.without_range)))
    found["lander.engines.attitude.duty_per_nm"] = attitude_duty(lander)
    return found
