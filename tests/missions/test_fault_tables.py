"""Faults in a mission file: read, shown, flown, archived and read back; and the page of the catalogue."""

from importlib import resources
from pathlib import Path

import pytest

from perilune.campaign.one import fly_one
from perilune.command_line.entry import faults_of, read_flight, write_flight
from perilune.command_line.fault_words import asked, page
from perilune.command_line.show import rows
from perilune.foundation.errors import UserError
from perilune.simulation.load import load

TABLES = """
[[faults]]
kind = "imu.gyro_bias_deg_per_h"
part = "x"
magnitude = 40.0
phase = "braking"
delay_s = 100.0
duration_s = 20.0
cause = "warm box"

[[faults]]
kind = "star_tracker.off"
magnitude = 1.0
cause = "warm box"
"""
TEXT = resources.files("perilune.missions").joinpath("resilience.toml").read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path):
    """A mission file with two more faults of one cause."""
    path = tmp_path / "own.toml"
    path.write_text(TEXT.replace("[[dispersions]]", TABLES + "\n[[dispersions]]", 1), encoding="utf-8")
    return path


def test_a_mission_file_says_when_and_why(own):
    mission = load(str(own))
    faults = faults_of(mission, False, {})
    assert set(faults) == {"range_finder.weak_return_db", "imu.gyro_bias_deg_per_h.x", "star_tracker.off"}
    shown = {row.path: (row.value, row.unit) for row in rows(mission)}
    assert shown["faults.imu.gyro_bias_deg_per_h.x"] == (40.0, "°/h")
    assert shown["faults.imu.gyro_bias_deg_per_h.x.delay_s"] == (100.0, "s")
    assert faults_of(mission, True, {"star_tracker.off": 1.0}) == {"star_tracker.off": 1.0}


@pytest.mark.parametrize(
    ("was", "is_now", "said"),
    [
        ('phase = "braking"', 'phase = "breaking"', "Did you mean “braking”"),
        ('part = "x"', 'part = "w"', "has no part “w”"),
        ("duration_s = 20.0", "duration_s = 0.0", "greater than 0"),
        ('phase = "braking"', 'phase = "braking"\nbelow_m = 50.0', "has 2 triggers"),
        ('"star_tracker.off"\nmagnitude = 1.0', '"star_tracker.off"\nmagnitude = 2.0', r"outside 0\.\.1"),
    ],
)
def test_a_mission_file_that_makes_no_sense(own, was, is_now, said):
    text = own.read_text(encoding="utf-8")
    assert was in text
    own.write_text(text.replace(was, is_now, 1), encoding="utf-8")
    with pytest.raises(UserError, match=said):
        load(str(own))


def test_faults_are_flown_and_archived(batch, tmp_path):
    """The truth archive says what was in force and when; onboard telemetry has no word of it."""
    faults = {"velocimeter.off": {"magnitude": 1.0, "start_s": 30.0, "duration_s": 5.0}, "range_finder.weak_return_db": 3.0}
    flight = fly_one(batch, 3, faults)
    write_flight(flight, tmp_path / "archive")
    back = read_flight(tmp_path / "archive")
    assert back.faults == {"velocimeter.off": faults["velocimeter.off"], "range_finder.weak_return_db": 3.0}
    number = back.channels["truth/faults_in_force"]
    assert [float(number[round(10 * t)]) for t in (10.0, 29.0, 31.0, 34.0, 36.0)] == [1.0, 1.0, 2.0, 2.0, 1.0]
    assert not [name for name in back.channels if "fault" in name and not name.startswith("truth/")]


def test_faults_on_the_command_line():
    found = asked(["imu.off=1@start_s=3,duration_s=2", "range_finder.bias_m=-4"])
    assert found == {"imu.off": {"magnitude": 1.0, "start_s": 3.0, "duration_s": 2.0}, "range_finder.bias_m": -4.0}
    for pair, said in (("imu.off", "NAME=VALUE"), ("imu.off=1@", "after @"), ("imu.off=1@start_s=x", "not a number")):
        with pytest.raises(UserError, match=said):
            asked([pair])


def test_the_page_of_faults_is_the_catalogue():
    path = Path(__file__).parents[2] / "docs" / "faults.md"
    assert path.read_text(encoding="utf-8") == page(), "run `python -m tools.fault_page`"
