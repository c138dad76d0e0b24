"""`perilune sweep` as a person uses it: told, drawn, gone on with, and refused."""

import json

import pyarrow.parquet as pq
import pytest

from perilune.campaign import sweep as sweeping
from perilune.campaign.sweep import Sweep, fly_sweep
from perilune.foundation.errors import UserError
from tests.examples.test_command_line import perilune

FAULT = "range_finder.weak_return_db"
QUESTION = ("sweep", "resilience", "--fault", FAULT, "--from", "10", "--to", "24", "--points", "2", "--runs", "4")


def test_a_sweep_is_flown_told_and_drawn(tmp_path):
    done = perilune(*QUESTION, "--out", "here", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    healthy, weak = told["points"]
    assert (healthy["magnitude"], weak["magnitude"], weak["runs"]) == (10.0, 24.0, 4)
    assert healthy["landed"] >= 3 and weak["outcomes"] == {"crashed": 4}  # 24 dB: first range some 600 m up
    assert weak["vertical_speed_mps"][1] > 30.0
    assert all((tmp_path / "here" / name).is_file() for name in ("sweep.json", "sweep.png", "sweep.svg"))
    part = pq.read_table(tmp_path / "here" / "runs" / "part-0000.parquet")
    assert part["seed"].to_pylist() == [0, 1, 2, 3] * 2
    other = perilune(*QUESTION[:-1], "5", "--out", "here", cwd=tmp_path)
    assert other.returncode == 2 and "holds another sweep" in other.stderr


def rows(job):
    """Flights that cost nothing: those over 5 dB crash."""
    hit = [db > 5.0 for db in job.faults[FAULT]["magnitude"]]
    names = ("horizontal_speed_mps", "tilt_deg", "slope_deg", "miss_distance_m", "propellant_kg")
    return [
        {"seed": seed, "outcome": "crashed" if is_hit else "landed", "is_within_requirements": not is_hit,
         "vertical_speed_mps": 40.0 if is_hit else 1.0, **dict.fromkeys(names, 0.0)}
        for seed, is_hit in zip(job.seeds, hit, strict=True)
    ]  # fmt: skip


def test_a_sweep_goes_on_where_it_stopped(tmp_path, monkeypatch):
    sweep = Sweep("resilience", FAULT, (0.0, 4.0, 8.0, 12.0), 128)
    flown = []

    def breaks(work, jobs):
        for job in jobs:
            if len(flown) == 2:
                raise KeyboardInterrupt
            flown.append(job)
            yield rows(job)

    monkeypatch.setattr(sweeping, "spread", breaks)
    with pytest.raises(KeyboardInterrupt):
        fly_sweep(sweep, tmp_path / "here")
    assert sorted(path.name for path in (tmp_path / "here" / "runs").iterdir()) == ["part-0000.parquet", "part-0001.parquet"]
    monkeypatch.setattr(sweeping, "spread", lambda work, jobs: (flown.append(job) or rows(job) for job in jobs))
    seen = []
    points = fly_sweep(sweep, tmp_path / "here", lambda done, of: seen.append((done, of)))
    assert seen == [(256, 512), (384, 512), (512, 512)] and len(flown) == 4
    assert [p.share for p in points] == [1.0, 1.0, 0.0, 0.0]
    assert points[0].low == pytest.approx(0.025 ** (1 / 128))  # Clopper-Pearson of all of 128


def test_sweeps_that_make_no_sense(tmp_path):
    for ends, said in (((3.0, 3.0), "goes nowhere"), ((0.0, 500.0), r"is outside 0\.\.120")):
        with pytest.raises(UserError, match=said):
            fly_sweep(Sweep("resilience", FAULT, ends, 4), tmp_path / "none")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other things"):
        fly_sweep(Sweep("resilience", FAULT, (0.0, 4.0), 4), tmp_path / "mine")
