"""What the README shows runs; mistakes end with one line and a code, never a traceback."""

import json
import os
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

RUN = [sys.executable, "-m", "perilune.command_line.app"]


def perilune(*words, cwd=None, **environment):
    return subprocess.run([*RUN, *words], capture_output=True, text=True, cwd=cwd, timeout=300, env={**os.environ, **environment})


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flown")
    done = perilune("fly", "resilience", "--healthy", "--seed", "2", "--json", "--out", "here", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "here", json.loads(done.stdout)


def test_json_of_a_flight(flown):
    _, told = flown
    assert told["outcome"] == "landed"
    assert {"mission", "seed", "scenario_digest", "reason", "touchdown", "events", "speed", "digest"} <= told.keys()
    assert set(told["touchdown"]) >= {
        "time_s", "vertical_speed_mps", "horizontal_speed_mps", "tilt_deg", "miss_distance_m", "propellant_kg",
        "latitude_deg", "longitude_deg",
    }  # fmt: skip
    assert {"time_s", "name", "severity", "text", "height_above_terrain_m", "speed_mps"} == set(told["events"][0])
    assert {"compile_s", "run_s", "real_time_factor"} == set(told["speed"])


def test_archive_opens_without_us(flown):
    import pandas as pd
    import pyarrow.parquet as pq

    folder, told = flown
    header = json.loads((folder / "flight.json").read_text())
    assert header["digest"] == told["digest"]
    truth = pd.read_parquet(folder / "truth.parquet")
    onboard = pd.read_parquet(folder / "onboard.parquet")
    assert len(truth) == len(onboard)
    assert not [name for name in onboard if name.startswith("truth/")]
    field = pq.read_schema(folder / "truth.parquet").field("truth/height_above_site_m")
    assert field.metadata[b"unit"] == b"m"
    down = pd.read_parquet(folder / "telemetry.parquet")
    assert not [name for name in down if name.startswith("truth/")]
    assert len(down) <= len(onboard) // 9


def test_figures_are_there_and_can_be_redrawn(flown):
    folder, told = flown
    assert len(told["figures"]) == 4
    (folder / "descent.png").unlink()
    done = perilune("plot", str(folder))
    assert done.returncode == 0
    assert (folder / "descent.png").read_bytes()[:4] == b"\x89PNG"
    assert len(list(folder.glob("*.svg"))) == 4


def test_python_entry(flown):
    import perilune as pl

    flight = pl.read_flight(flown[0])
    frame = flight.to_pandas()
    assert flight.outcome.outcome == "landed"
    assert frame["truth/height_above_site_m"].iloc[-1] < 50.0
    assert flight.channels["truth/height_above_site_m"].shape == flight.time.shape


def test_story_from_orbit(tmp_path):
    """Burn, what was left and what navigation knew before the events; the way in the archive, read back; a figure of it."""
    done = perilune("fly", "resilience", "--healthy", "--from", "orbit", "--out", "here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert (
        said.index("Main engine lit for the descent orbit") < said.index("Cut off after") < said.index("Onboard position error")
    )
    assert said.index("Onboard position error") < said.index("braking begins")
    assert "LANDED" in said or "HARD LANDING  It met the ground at 1.0 m/s" in said  # gently, and perhaps on a slope
    import pandas as pd

    import perilune as pl

    folder = tmp_path / "here"
    orbit = json.loads((folder / "flight.json").read_text())["orbit"]
    assert orbit["impact"] is None
    assert abs(orbit["delta_velocity_felt_mps"] - orbit["delta_velocity_planned_mps"]) < 0.02  # m/s: a valve step is 0.01
    way = pd.read_parquet(folder / "orbit.parquet")
    assert set(np.diff(way["time_s"])) == {10.0}
    assert way["time_s"].iloc[-1] == 0.0
    assert 95e3 < way["truth/height_above_sphere_m"].iloc[0] < 105e3
    assert way["truth/height_above_sphere_m"].iloc[-1] < 20e3
    truth = pd.read_parquet(folder / "truth.parquet")
    last = way[[f"truth/velocity_I_{axis}_mps" for axis in "xyz"]].iloc[-1].to_numpy()
    first = truth[[f"truth/velocity_I_{axis}_mps" for axis in "xyz"]].iloc[0].to_numpy()
    assert np.linalg.norm(last - first) < 0.5  # m/s: a cycle of free fall lies between
    assert (folder / "orbit.png").stat().st_size > 20_000
    again = pl.read_flight(folder)
    assert again.orbit == orbit
    assert len(again.way["time_s"]) == len(way)


def test_story_of_an_impact_from_orbit(tmp_path):
    done = perilune("fly", "resilience", "--from", "orbit", "--fault", "orbit.accelerometer_off=1", "--out", "here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "CRASHED" in done.stdout and "burn_not_felt" in done.stdout
    told = json.loads((tmp_path / "here" / "flight.json").read_text())
    hit = told["orbit"]["impact"]
    assert told["outcome"] == "crashed"
    assert told["touchdown"]["time_s"] == hit["time_s"] < -300.0
    assert 1600.0 < hit["speed_mps"] < 1800.0
    assert -4.0 < hit["flight_path_angle_deg"] < -0.5
    assert "below the horizon" in told["reason"]


def test_lists(tmp_path):
    assert "resilience" in perilune("missions").stdout
    assert "resilience" in [row["name"] for row in json.loads(perilune("missions", "--json").stdout)]
    shown = json.loads(perilune("show", "resilience", "--json").stdout)
    assert any(row["path"] == "lander.dry_mass_kg" and row["unit"] == "kg" and row["source"] for row in shown["values"])
    assert json.loads(perilune("schema").stdout)["title"] == "Mission"
    assert perilune("check", "resilience").returncode == 0
    assert "weak_return_db" in perilune("faults").stdout


MISTAKES = {
    "mission": (("fly", "resiliense"), "Did you mean"),
    "fault": (("fly", "resilience", "--fault", "range_finder.weak=3"), "unknown fault"),
    "fault range": (("fly", "resilience", "--fault", "range_finder.weak_return_db=-3"), "outside"),
    "fault number": (("fly", "resilience", "--fault", "range_finder.weak_return_db=much"), "not a number"),
    "fault form": (("fly", "resilience", "--fault", "weak"), "NAME=VALUE"),
    "set": (("fly", "resilience", "--set", "lander.drymass_kg=3"), "no key"),
    "set value": (("fly", "resilience", "--set", "lander.dry_mass_kg=-1"), "greater than 0"),
    "beginning": (("fly", "resilience", "--from", "moon"), "choose one of pdi, orbit"),
    "fault before its time": (("fly", "resilience", "--fault", "orbit.accelerometer_off=1"), "--from orbit"),
    "a mission whose fault comes before": (("fly", "luna-25"), "--from orbit"),
    "seed": (("fly", "resilience", "--seed", "one"), "valid integer"),
    "negative seed": (("fly", "resilience", "--seed", "-1"), "greater than or equal to 0"),
    "archive": (("plot", "nowhere"), "not a flight's archive"),
    "map": (("check", "absent.toml"), "does not exist"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_sentences(name, tmp_path):
    words, hint = MISTAKES[name]
    done = perilune(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert hint in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_taken(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    done = perilune("fly", "resilience", "--out", "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert "holds other things" in done.stderr
    (tmp_path / "file").write_text("x")
    done = perilune("fly", "resilience", "--out", "file/below", cwd=tmp_path)
    assert done.returncode == 2
    assert "is a file" in done.stderr
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_a_flight_that_never_lands_is_a_result(tmp_path):
    """Out of time high above the ground: exit 0, an archive, figures."""
    done = perilune("fly", "resilience", "--set", "start.time_limit_s=200", "--json", "--out", "late", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] == "timeout"
    assert told["touchdown"] is None
    assert len(told["figures"]) == 4
    import pyarrow.parquet as pq

    assert (tmp_path / "late" / "flight.json").exists()
    assert pq.read_metadata(tmp_path / "late" / "truth.parquet").num_rows == 2000  # 200 s at 10 Hz, and not a cycle more


def test_a_lane_that_is_no_number_is_archived(tmp_path, flight):
    """NaN heights and speeds of a diverged lane become null: strict JSON, whole archive, readable again."""
    from dataclasses import replace

    from perilune.command_line.entry import as_json, read_flight, write_flight

    lost = replace(flight.events[-1], name="diverged", height_above_terrain_m=float("nan"), speed_mps=float("inf"))
    broken = replace(flight, events=(*flight.events[:-1], lost))
    json.dumps(as_json(broken), allow_nan=False)
    write_flight(broken, tmp_path / "archive")
    again = read_flight(tmp_path / "archive")
    assert again.events[-1].name == "diverged"
    assert again.events[-1].speed_mps != again.events[-1].speed_mps  # NaN again


def test_full_disk_leaves_nothing(tmp_path, flight, monkeypatch):
    """Writing that fails half-way leaves no archive, and says so."""
    import errno

    from perilune.command_line.entry import write_flight
    from perilune.foundation.errors import UserError
    from perilune.telemetry import archive

    real = archive.pq.write_table

    def full(table, path, **options):
        if "onboard" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(table, path, **options)

    monkeypatch.setattr(archive.pq, "write_table", full)
    with pytest.raises(UserError, match="No space left"):
        write_flight(flight, tmp_path / "archive")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_in_flight_leaves_nothing(tmp_path):
    """On a terminal the progress line moves; Ctrl-C at its first figures ends the flight without an archive."""
    import pty
    import signal

    ours, theirs = pty.openpty()
    words = [*RUN, "fly", "resilience", "--out", "there"]
    process = subprocess.Popen(words, cwd=tmp_path, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE)
    os.close(theirs)
    shown = b""
    while b"T+" not in shown:
        shown += os.read(ours, 1000)
    process.send_signal(signal.SIGINT)
    try:
        while more := os.read(ours, 1000):
            shown += more
    except OSError:  # the terminal closed with the process
        pass
    process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 130, shown
    assert b"interrupted" in shown
    assert b"Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


def test_every_variant_has_a_folder_of_its_own():
    from perilune.command_line.flying import default_folder

    given = [
        ("resilience", 1, False, {}, {}),
        ("resilience", 1, True, {}, {}),
        ("resilience", 2, False, {}, {}),
        ("resilience", 1, False, {"range_finder.weak_return_db": 20.0}, {}),
        ("resilience", 1, False, {"range_finder.weak_return_db": 21.0}, {}),
        ("resilience", 1, False, {}, {"lander.dry_mass_kg": 341.0}),
        ("resilience", 1, False, {}, {}, "orbit"),
    ]
    assert len({default_folder(*words) for words in given}) == len(given)
    assert str(default_folder(*given[0])) == "out/resilience-seed-1"


def test_a_site_is_told_and_drawn(tmp_path):
    done = perilune("site", "60.5", "-4.6", "--at", "2025-06-05T19:17:00Z", "--json", "--out", "here.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["moment_utc"] == "2025-06-05T19:17:00Z"
    assert 0.0 <= told["share_within_slope_limit"] <= 1.0
    assert (tmp_path / "here.png").stat().st_size > 20_000
    southern = perilune("site", "-13.3", "25.2", cwd=tmp_path)  # a minus is no option; the built-in map ends far from there
    assert southern.returncode == 2
    assert "has no ground at" in southern.stderr
    assert not (tmp_path / "site.png").exists()


def test_warnings_are_sentences(tmp_path):
    """A field with another body's GM: both numbers in one line, and the flight goes on."""
    from perilune.foundation import lunar_field

    rows = "\n".join(f"gfc {n} {m} {c!r} {s!r}" for n, m, c, s in lunar_field.COEFFICIENTS)
    (tmp_path / "own.gfc").write_text(f"gravity_constant 4900.28e9\nradius 1738000.0\nend_of_head\n{rows}\n")
    built_in = resources.files("perilune.missions").joinpath("resilience.toml").read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(built_in.replace('gravity = "package"', 'gravity = "own.gfc"'))
    done = perilune("check", "own.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1
    assert "4900.280000" in done.stderr
    assert "4902.799807" in done.stderr
