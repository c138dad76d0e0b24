"""Reflectance at zero phase: the published tables, an independent quadrature, and what LOLA saw."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from perilune.world.environment.photometry import GROUPS, REFERENCE, limb_law, normal_albedo, phase_function, reflectance


@pytest.mark.parametrize("name", GROUPS)
def test_figures_are_those_of_the_tables(shared, name):
    """Each number of the module against the published file, read here on its own."""
    path = shared / "data" / "photometry" / f"SP_{name.capitalize()}_albedo_sel.txt"
    rows = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    row = next([float(x) for x in line] for line in rows if line and line[0] == "108")
    group = GROUPS[name]
    assert row[1] == 1067.8
    assert (row[2], row[4], row[6], row[8], row[10], row[3]) == (
        group.surge, group.width, group.partition, group.asymmetry, group.reflectance, group.surge_error,
    )  # fmt: skip


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS.keys())
def test_lobes_are_normalised_and_the_reference_is_kept(group):
    """Two Henyey-Greenstein lobes scatter all there is: their mean over the sphere is one."""
    bare = group._replace(surge=0.0)
    mean, _ = quad(lambda phase: 0.5 * phase_function(phase, bare) * math.sin(phase), 0.0, math.pi - 1e-12)
    assert abs(mean - 1.0) < 1e-9
    assert reflectance(group, REFERENCE, 0.0, REFERENCE) == pytest.approx(group.reflectance, rel=1e-14)
    assert phase_function(1e-9, group) / phase_function(1e-9, bare) == pytest.approx(1.0 + group.surge, rel=1e-6)


def test_limb_law_runs_from_lommel_seeliger_to_lambert():
    assert limb_law(0.3, 0.3, 0.0) == pytest.approx(1.0)  # at zero phase all ground is as bright as level ground
    steep = math.radians(120.0)  # the share has run out there
    assert limb_law(0.5, 1.0, steep) == pytest.approx(math.cos(0.5))


def test_normal_albedo_is_what_lola_sees():
    """Inside LOLA's 0.13 to 0.57 (NASA PDS, LDAM), maria darker than highlands, falling with phase."""
    found = {name: normal_albedo(group) for name, group in GROUPS.items()}
    assert 0.13 < found["low"] < found["mid"] < found["high"] < 0.57
    for group in GROUPS.values():
        bright = [reflectance(group, 0.0, 0.0, math.radians(phase)) for phase in range(0, 60, 5)]
        assert np.all(np.diff(bright) < 0.0)


def test_groups_lie_where_maria_and_highlands_do(shared):
    """Rows of the published map run from south to north, columns from 0° east."""
    groups = np.fromfile(shared / "data" / "photometry" / "SP_albedo_group_05x05.dat", "<i2").reshape(360, 720)
    codes = {group.code: name for name, group in GROUPS.items()}
    places = {"low": ((33.0, 344.0), (28.0, 18.0), (17.0, 59.0)), "high": ((10.0, 200.0), (40.0, 170.0))}
    for name, spots in places.items():
        for latitude, longitude in spots:
            assert codes[int(groups[int((latitude + 90) / 0.5), int(longitude / 0.5)])] == name
