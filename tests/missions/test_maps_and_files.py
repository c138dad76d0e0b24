"""Bad input becomes one sentence: what, where, what to do."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from perilune.foundation.errors import UserError
from perilune.simulation.load import load
from perilune.simulation.scenario import read_maps

CASES = {
    "negative mass": ({"lander.dry_mass_kg": -3.0}, "lander.dry_mass_kg = -3.0"),
    "propellant heavier than the lander carries": ({"lander.propellant_mass_kg": 1e5}, "four times"),
    "not a number": ({"lander.dry_mass_kg": "heavy"}, "lander.dry_mass_kg = 'heavy'"),
    "latitude": ({"site.latitude_deg": 95.0}, "less than or equal to 89"),
    "nan": ({"lander.dry_mass_kg": float("nan")}, "finite"),
    "moment without zone": ({"site.planned_touchdown_utc": "2025-06-05T19:17:00"}, "time zone"),
    "misspelt key": ({"lander.dry_mas_kg": 340.0}, "Did you mean “dry_mass_kg”"),
    "misspelt table": ({"landr.dry_mass_kg": 340.0}, "Did you mean “lander”"),
    "m of n": ({"lander.sensors.range_finder.valid_count": 9}, "exceeds valid_window"),
    "too weak": ({"lander.engines.assist.thrust_n": 10.0}, "less than the lander's lunar weight"),
    "coarse truth": ({"flight.truth_substeps": 2}, "valve_step_s"),
    "profile": ({"flight.guidance.constant_rate_time_s": 400.0}, "constant-rate leg"),
    "path through a number": ({"lander.dry_mass_kg.foo.bar": 3}, "no table “foo”"),
    "wrong count of parts": ({"lander.dry_centre_m": [0.0, 1.0]}, "lander.dry_centre_m"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_values(name):
    overrides, words = CASES[name]
    with pytest.raises(UserError) as caught:
        load("resilience", overrides)
    text = str(caught.value)
    assert words in text, text
    assert "\n" not in text


def test_unknown_mission_suggests():
    with pytest.raises(UserError, match="Did you mean “resilience”"):
        load("resiliense")


def test_file_that_is_not_toml(tmp_path):
    bad = tmp_path / "m.toml"
    bad.write_text("name = = 3")
    with pytest.raises(UserError, match="not valid TOML"):
        load(str(bad))
    with pytest.raises(UserError, match="does not exist"):
        load(str(tmp_path / "absent.toml"))


def test_unknown_fault_and_dispersion(tmp_path):
    from importlib import resources

    text = resources.files("perilune.missions").joinpath("resilience.toml").read_text()
    own = tmp_path / "own.toml"
    own.write_text(text.replace('range_finder.weak_return_db"\nmagnitude', 'range_finder.weak_retrun_db"\nmagnitude'))
    with pytest.raises(UserError, match=r"Did you mean “range_finder\.weak_return_db”"):
        load(str(own))
    own.write_text(text.replace('path = "site.reflectance_1064nm"', 'path = "site.reflectance"'))
    with pytest.raises(UserError, match="dispersion of unknown number"):
        load(str(own))
    own.write_text(text.replace('path = "site.reflectance_1064nm"', 'path = "flight.guidance.hold_rate_mps"'))
    with pytest.raises(UserError, match="flies as drawn"):
        load(str(own))
    own.write_text(text.replace("sigma = [100.0, 250.0, 150.0]", "sigma = [100.0, 250.0]"))
    with pytest.raises(UserError, match="2 figures for 3 parts"):
        load(str(own))


def test_site_outside_the_map():
    with pytest.raises(UserError, match="does not cover"):
        read_maps(load("resilience", {"site.longitude_deg": 44.4}))


def test_missing_map():
    with pytest.raises(UserError, match="does not exist"):
        read_maps(load("resilience", {"site.true_map": "nowhere.LBL"}))
    with pytest.raises(UserError, match="There is no map package:atlas"):
        read_maps(load("resilience", {"site.true_map": "package:atlas"}))


def test_truncated_map(tmp_path):
    import perilune

    whole = f"{perilune.__path__[0]}/data/mare-frigoris.tif"
    cut = tmp_path / "cut.tif"
    cut.write_bytes(Path(whole).read_bytes()[:60_000])
    with pytest.raises(UserError, match="cannot be read"):
        read_maps(load("resilience", {"site.true_map": str(cut)}))


def test_own_geotiff_is_the_same_ground(tmp_path, resilience):
    import perilune

    own = tmp_path / "own.tif"
    shutil.copy(f"{perilune.__path__[0]}/data/mare-frigoris.tif", own)
    mine, theirs = read_maps(load("resilience", {"site.true_map": str(own)})), read_maps(resilience)
    assert np.array_equal(mine.true.heights, theirs.true.heights)


def test_longitude_may_count_from_zero():
    """A site at 355.4° E is the site at 4.6° W, on the same ground."""
    import math

    import jax.numpy as jnp

    ours = read_maps(load("resilience")).true
    other = read_maps(load("resilience", {"site.longitude_deg": 355.4})).true
    latitude = jnp.asarray(math.radians(60.5))
    heights = [float(m.height(latitude, jnp.asarray(math.radians(lon)))) for m in (ours, other) for lon in (-4.6, 355.4)]
    assert heights == pytest.approx([heights[0]] * 4, abs=1e-6)  # m: rounding of a turn
    assert heights[0] == pytest.approx(-2435.0, abs=1.0)  # m, data/MANIFEST.md
