"""What a campaign promises: the same runs however they are flown, nothing lost and nothing twice, no half-written file."""

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.special import ndtr

from perilune.campaign import place as place_room
from perilune.campaign.batch import WIDTH, Batch
from perilune.campaign.chunk import Task, columns_of, tracks_of
from perilune.campaign.compare import compare
from perilune.campaign.crew import done_by_crew
from perilune.campaign.design import check_design, normals_of
from perilune.campaign.evidence import Evidence
from perilune.campaign.plan import Plan, batch_of, check_scenario, frozen, read_anew, scenario_of
from perilune.campaign.priors import Failure, Prior
from perilune.campaign.replay import fly_again
from perilune.campaign.run import Means, differences, fly_campaign
from perilune.campaign.sample import disperse, draw_count
from perilune.campaign.stopping import StopRule
from perilune.campaign.store import Store
from perilune.foundation.errors import UserError
from perilune.foundation.randomness import run_key
from perilune.investigation.causes import READS, cause_of
from perilune.investigation.timeline import first_cause
from perilune.report.campaign_page import campaign_page
from tests.program.dask_processes import ended, scheduler, worker

SEED = 7
PLAN = Plan("resilience", SEED, healthy=True, values=frozen({"start.lead_time_s": 18.0}))
RUNS = WIDTH + 40  # a chunk and a part of one
ONE = Means(1)  # process
ROWS = {"run": np.arange(3), "outcome": np.asarray(["landed"] * 3), "digest": np.asarray(["a", "b", "c"])}


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    """A campaign by two workers, and its folder."""
    folder = tmp_path_factory.mktemp("campaign") / "two"
    return fly_campaign(PLAN, folder, RUNS, means=Means(min(2, os.cpu_count() or 1)), explain=(cause_of, READS)), folder


def digests(folder: str | Path) -> list[str]:
    """Of all runs, in order."""
    return [str(d) for d in Evidence(folder).column("digest")]


def test_serial_resumed_and_parallel_are_the_same(flown, tmp_path):
    tally, folder = flown
    assert tally.runs == RUNS == len(set(digests(folder)))
    first = fly_campaign(PLAN, tmp_path / "one", 50, means=ONE)
    assert first.runs == 50
    more = fly_campaign(PLAN, tmp_path / "one", RUNS, resume=True, means=ONE)
    assert more.runs == RUNS and more.flown_now == RUNS - WIDTH  # the first chunk was flown whole
    assert digests(tmp_path / "one") == digests(folder)
    again = fly_campaign(PLAN, tmp_path / "one", RUNS, resume=True)
    assert again.flown_now == 0 and again.outcomes == more.outcomes == tally.outcomes


def test_a_run_is_replayed_to_the_bit(flown):
    _, folder = flown
    flight = fly_again(folder, WIDTH + 3)
    assert flight.digest == digests(folder)[WIDTH + 3]
    row = Evidence(folder).runs.loc[WIDTH + 3]
    assert flight.outcome.touchdown is not None
    assert flight.outcome.touchdown.vertical_speed_mps == row["vertical_speed_mps"]
    with pytest.raises(UserError, match=f"has no run {RUNS}"):
        fly_again(folder, RUNS)


def test_every_lost_run_has_the_cause_that_its_replay_tells(flown):
    """Read from the few channels that a batch keeps of every cycle, and from the whole history of the lane flown alone: of one
    run of each cause, two at most."""
    _, folder = flown
    evidence = Evidence(folder)
    missed, causes = ~np.asarray(evidence.column("is_within_requirements"), bool), evidence.column("first_cause")
    assert missed.any() and all(bool(cause) == is_lost for cause, is_lost in zip(causes, missed, strict=True))
    told = [str(cause) for cause in causes]
    for cause in sorted(set(told) - {""})[:2]:
        assert first_cause(fly_again(folder, told.index(cause)))["cause"] == cause != "not told"


def test_a_lane_without_numbers_is_a_run_with_a_reason(flown, monkeypatch):
    """A run that comes upon NaN in flight: its row says so, with the cause of it, and its neighbours' rows are what they were."""
    prepared, lost = Batch.prepared, 5

    def poisoned(batch, *given):
        ready = prepared(batch, *given)
        velocity = ready.first.truth.motion.velocity_I
        first = eqx.tree_at(lambda s: s.truth.motion.velocity_I, ready.first, velocity.at[lost, 0].set(jnp.nan))
        return ready._replace(first=first)

    monkeypatch.setattr(Batch, "prepared", poisoned)
    columns, air = columns_of(Task(PLAN, (1,), explain=cause_of, channels=READS), (1,))
    rest, evidence = np.arange(RUNS - WIDTH) != lost, Evidence(flown[1])
    for name in ("outcome", "first_cause", "digest"):
        assert np.array_equal(columns[name][: RUNS - WIDTH][rest], np.asarray(evidence.column(name)[WIDTH:], str)[rest])
    assert [str(columns[name][lost]) for name in ("outcome", "first_cause")] == ["diverged", "diverged"]
    assert "finite numbers" in str(columns["reason"][lost]) and columns["diverged_s"][lost] < 1.0
    assert not columns["is_within_requirements"][lost]
    assert set(range(WIDTH, 2 * WIDTH)) - set(tracks_of(PLAN, 1, air, slice(0, WIDTH))["run"]) == {WIDTH + lost}  # not a second


def test_what_was_applied_is_what_was_planned(flown, batch):
    """Read back from the numbers that flew, against the dispersions worked out anew."""
    evidence = Evidence(flown[1])
    for run in (0, 5, RUNS - 1):
        planned = jax.jit(lambda key: disperse(batch.mission, batch.numbers, key))(run_key(SEED, run))
        for row in (row for row in batch.mission.dispersions if not row.path.startswith("orbit.")):  # flown from pdi
            wanted = np.atleast_1d(np.asarray(planned[row.path]))
            names = (
                [f"applied/{row.path}.{k}" for k in range(len(wanted))] if np.ndim(planned[row.path]) else [f"applied/{row.path}"]
            )
            found = [evidence.column(name)[run] for name in names]
            np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)  # another program's rounding


def test_a_stop_rule_counts_its_looks_alone(flown, tmp_path):
    """Half-width 0.05 of a probability near one is met at the first look of 64: the chunk's other 64 runs are not counted."""
    _, folder = flown
    copied = tmp_path / "until"
    shutil.copytree(folder, copied)
    rule = StopRule(0.05)
    tally = fly_campaign(PLAN, copied, rule, resume=True)
    assert tally.flown_now == 0 and tally.runs in list(itertools.islice(rule.looks(), 8))
    landed = int(np.sum(Evidence(folder).column("outcome")[: tally.runs] == "landed"))
    assert tally.landed == landed and len(Evidence(copied).column("run")) == tally.runs
    p = tally.probability()
    assert p["high"] - p["low"] <= 0.1 and p["low"] <= p["estimate"] <= p["high"]
    with pytest.raises(UserError, match="--until-halfwidth goes with runs of chance"):
        fly_campaign(replace(PLAN, design="sobol"), tmp_path / "new", rule)


def test_evidence_is_read_from_the_folder(flown):
    tally, folder = flown
    evidence = Evidence(folder)
    assert evidence.landing_probability()["estimate"] == tally.landed / RUNS
    assert sum(evidence.causes().values()) == RUNS - tally.within_requirements
    index = evidence.sensitivity("miss_distance_m", slices=4)
    assert set(index) == set(evidence.inputs()) and all(0.0 <= x <= 1.0 for x in index.values())
    # Nothing on board sees where along or across its track it is: an error there of 250 m at the start is still there at the end.
    # Of 59 samples of so few runs none had both of these beyond the first six of 60 numbers.
    assert {f"start.position_error_rtn_m.{k}" for k in (1, 2)} & set(list(index)[:6])
    with pytest.raises(UserError, match="no column colour"):
        evidence.column("colour")


def test_a_page_tells_what_the_evidence_does(flown):
    folder = flown[1]
    evidence = Evidence(folder)
    page, p = campaign_page(evidence, folder, 4), evidence.landing_probability()
    assert f"Landing probability {p['estimate']:.4f} (95 %: {p['low']:.4f} … {p['high']:.4f}, {p['method']})" in page
    assert page.count(f"perilune replay {folder} --run ") == 4 + 1  # and once for any run
    assert "start.position_error_rtn_m.1" in page and "data:image/png;base64," in page  # what it hangs on, and the ground


def test_a_changed_mission_is_refused(flown):
    _, folder = flown
    other = Plan("resilience", SEED, healthy=True, values=frozen({"start.lead_time_s": 18.0, "lander.dry_mass_kg": 341.0}))
    with pytest.raises(UserError, match=r"lander\.dry_mass_kg was 340\.0, is 341\.0"):
        fly_campaign(other, folder, RUNS, resume=True)
    with pytest.raises(UserError, match="holds a campaign already: go on with it by --resume"):
        fly_campaign(PLAN, folder, RUNS)
    with pytest.raises(UserError, match="flown by , and this is another build"):
        fly_campaign(replace(PLAN, build="another build"), folder, RUNS, resume=True)


def test_two_designs_are_compared_run_by_run(flown, tmp_path):
    """A campaign against itself, and against one whose main engine gives six tenths, which loses all."""
    _, folder = flown
    same = compare(folder, folder)
    assert (same.runs, same.lost, same.saved, same.changed) == (RUNS, (), (), ())
    assert same.difference.difference == 0.0 and same.difference.p_value == 1.0
    weak = replace(PLAN, faults=frozen({"main_engine.thrust_error_percent": -40.0}))
    fly_campaign(weak, tmp_path / "weak", 64, means=ONE)
    found = compare(folder, tmp_path / "weak")
    landed = Evidence(folder).column("outcome")[:64] == "landed"
    assert found.runs == 64 and len(found.lost) == int(landed.sum()) and not found.saved
    assert found.difference.high < 0.0 and found.difference.p_value < 1e-6
    assert any("main_engine.thrust_error_percent" in said for said in found.changed)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    head = json.loads((other / "campaign.json").read_text())
    head["plan"]["seed"] = 8
    (other / "campaign.json").write_text(json.dumps(head))
    with pytest.raises(UserError, match="not flown with common chance: their seed: 7 and 8"):
        compare(folder, other)


def test_what_cannot_be_flown_is_refused(tmp_path):
    for runs in (0, -5, 10**9):
        with pytest.raises(UserError, match=f"--runs {runs}: give a whole number"):
            fly_campaign(PLAN, tmp_path, runs)
    with pytest.raises(UserError, match="holds no campaign to go on with"):
        fly_campaign(PLAN, tmp_path / "new", 10, resume=True)
    with pytest.raises(UserError, match="--workers 0: this machine has"):
        fly_campaign(PLAN, tmp_path / "new", 10, means=Means(0))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("hello")
    with pytest.raises(UserError, match="holds other things"):
        fly_campaign(PLAN, tmp_path / "full", 10)
    assert (tmp_path / "full" / "letter.txt").read_text() == "hello"


def test_one_campaign_at_a_time(tmp_path):
    with Store(tmp_path).locked(), pytest.raises(UserError, match="Another campaign is writing"), Store(tmp_path).locked():
        pass


def test_half_written_parts_are_not_read(tmp_path):
    store = Store(tmp_path)
    with store.locked():
        store.write_part(0, ROWS, "mine")
        (tmp_path / "runs" / ".part-000001.parquet.part").write_bytes(b"PAR1 and no more")
    assert store.chunks() == [0] and store.read_part(1, "mine") is None
    (tmp_path / store.part(1)).write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match="cannot be read"):
        store.read_part(1, "mine")
    with pytest.raises(UserError, match="belongs to another campaign"):
        store.read_part(0, "theirs")


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    """Parts that are there stay; what could not be written leaves nothing."""
    store = Store(tmp_path)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    def two():
        with store.locked():
            store.write_part(0, ROWS, "mine")
            monkeypatch.setattr(place_room.os, "fsync", full)
            store.write_part(1, ROWS, "mine")

    with pytest.raises(UserError, match="No space left on device"):
        two()
    assert store.chunks() == [0]
    assert not list((tmp_path / "runs").glob("*.part"))
    assert pq.read_table(tmp_path / store.part(0)).num_rows == 3


def test_heads_of_other_formats_are_told(tmp_path):
    (tmp_path / "campaign.json").write_text('{"format": 99}')
    with pytest.raises(UserError, match="has format 99"):
        Evidence(tmp_path)
    head = {"format": 1, "digest": "mine", "plan": {}, "mission": {}, "faults": {}}
    (tmp_path / "campaign.json").write_text(json.dumps(head))
    store = Store(tmp_path)
    store.write_part(0, ROWS, "mine")
    with pytest.warns(UserWarning, match=r"older version \(format 1; this one writes 2\): its rows are read"):
        evidence = Evidence(tmp_path)
    assert evidence.landing_probability()["estimate"] == 1.0 and evidence.tracks() == {} and evidence.by_fault() == []
    with pytest.raises(UserError, match="format 1, of an older version; this one reads 2"):
        fly_again(tmp_path, 0)
    (tmp_path / "campaign.json").write_text("[1, 2")
    with pytest.raises(UserError, match="cannot be read"):
        Evidence(tmp_path)
    assert differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}}) == ["a.b was 1, is 3", "c was 2, is None"]


def napped(k: int) -> tuple[int, int]:
    """A task of a tenth of a second."""
    time.sleep(0.1)
    return k, os.getpid()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes")
def test_workers_that_are_killed_lose_nothing():
    """Workers killed while they have nothing to do, and in the middle of a task: every task is done, and told once."""
    found, killed = [], []
    for k, result in done_by_crew(napped, range(100), workers=1):
        found.append((k, result))
        if len(found) % 25 == 0 and len(killed) < 3:
            killed.append(result[1])
            if len(killed) % 2:
                os.kill(result[1], signal.SIGKILL)
            else:
                threading.Timer(0.05, os.kill, (result[1], signal.SIGKILL)).start()  # half-way through the next
    assert sorted(k for k, _ in found) == list(range(100))
    assert all(k == result[0] for k, result in found)
    assert len({pid for _, (_, pid) in found}) == 1 + len(killed) == 4


GIVER = """
from tests.program.test_campaign import napped
from perilune.campaign.{room} import {name}
if __name__ == "__main__":
    for found in {name}(napped, range(100), workers=1):
        print(found[1][1] if isinstance(found[1], tuple) else found[1], flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes")
@pytest.mark.parametrize(("room", "name"), [("crew", "done_by_crew"), ("pool", "spread")])
def test_workers_do_not_outlive_who_gives_the_tasks(tmp_path, room, name):
    """The process that gives tasks is killed: a gigabyte of worker that nobody asks any more ends too."""
    script = tmp_path / "giver.py"
    script.write_text(GIVER.format(room=room, name=name))
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    giver = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=here)
    assert giver.stdout is not None
    worker = int(giver.stdout.readline())
    os.kill(worker, 0)  # it is there
    giver.kill()
    giver.wait()
    until = time.monotonic() + 30.0
    while is_there(worker) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_there(worker)


def is_there(process: int) -> bool:
    """Whether a process runs (one that has ended and that nobody has asked for does not)."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.is_file() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_designs_fill_what_they_are_laid_out_for():
    """A hypercube has one run in every stratum of every dimension; Sobol's 2ⁿ points too; both are the same however asked."""
    for design, runs in (("lhs", 300), ("sobol", 256)):
        whole = normals_of(design, 5, runs, 0, runs, 7)
        parts = np.concatenate([normals_of(design, 5, runs, first, 100, 7) for first in range(0, runs, 100)])[:runs]
        assert np.array_equal(whole, parts)
        strata = np.sort(np.floor(runs * ndtr(whole)), axis=0)
        assert np.array_equal(strata, np.repeat(np.arange(runs)[:, None], 7, axis=1))
        assert not np.array_equal(whole, normals_of(design, 6, runs, 0, runs, 7))
        # Independent dimensions: a correlation of 300 pairs is below 4 / sqrt(300) but once in ten thousand
        assert np.max(np.abs(np.corrcoef(whole.T) - np.eye(7))) < 4.0 / np.sqrt(runs)
    assert normals_of("random", 5, 300, 0, 300, 7) is None
    with pytest.raises(UserError, match="--design star: choose one of random, lhs, sobol"):
        check_design("star", 3)
    with pytest.raises(UserError, match="disperses nothing"):
        check_design("lhs", 0)


def test_a_design_reaches_the_numbers_that_fly(batch):
    """A hypercube's normal numbers, put into a batch that is prepared and not flown."""
    normals = normals_of("lhs", SEED, 64, 0, 64, draw_count(batch.mission))
    ready = batch.prepared([(SEED, k) for k in range(64)], None, None, normals)
    first = batch.mission.dispersions[0]
    offsets = np.asarray(ready.numbers[first.path]) - np.asarray(batch.numbers[first.path])
    np.testing.assert_allclose(offsets, np.asarray(first.sigma) * normals[:, :3], rtol=1e-12, atol=1e-12)  # rounding


def test_faults_by_chance_are_read_back_and_change_no_other_run(flown, tmp_path):
    """What each run drew stands in its row as the object that flew had it; runs without a fault are those of a campaign without
    priors, to the last bit."""
    priors = (
        Prior("late", 0.1, "assumption", (Failure("range_finder.weak_return_db", (("magnitude", (5.0, 25.0)),)),)),
        Prior("blind", 0.1, "assumption", (Failure("velocimeter.off", (("magnitude", (1.0, 1.0)), ("start_s", (50.0, 500.0)))),)),
        Prior("heavy", 0.1, "assumption", (Failure("software.dry_mass_error_percent", (("magnitude", (3.0, 3.0)),)),)),
        Prior("leg", 0.1, "assumption", (Failure("leg.strength_error_percent.2", (("magnitude", (-95.0, -95.0)),)),)),
    )
    plan = replace(PLAN, priors=priors)
    fly_campaign(plan, tmp_path / "priors", WIDTH, means=ONE)
    evidence = Evidence(tmp_path / "priors")
    strata = plan.strata(batch_of(plan).mission)
    assert strata is not None
    whole = np.asarray(digests(flown[1])[:WIDTH])
    is_none = np.asarray(evidence.column("failing"), str) == ""
    np.testing.assert_array_equal(is_none, evidence.column("stratum") == "no fault")
    assert 0 < is_none.sum() < WIDTH
    np.testing.assert_array_equal(np.asarray(digests(tmp_path / "priors")) == whole, is_none)
    leg, mass = (batch_of(plan).numbers[path] for path in ("lander.legs.strength_error_percent", "lander.dry_mass_kg"))
    for run in range(WIDTH):
        drawn = strata.drawn(SEED, run)
        weak = drawn.get("range_finder.weak_return_db", {"magnitude": 0.0})
        assert evidence.column("fault/range_finder.weak_return_db")[run] == pytest.approx(weak["magnitude"], rel=1e-15)  # a bit
        start = drawn.get("velocimeter.off", {"start_s": np.nan})["start_s"]
        np.testing.assert_equal(evidence.column("fault/velocimeter.off.start_s")[run], start)
        share = 1.03 if "software.dry_mass_error_percent" in drawn else 1.0
        assert evidence.column("onboard/lander.dry_mass_kg")[run] == pytest.approx(share * float(mass), rel=1e-15)  # a bit
        broken = -95.0 if "leg.strength_error_percent.2" in drawn else 0.0
        assert evidence.column("applied/lander.legs.strength_error_percent.1")[run] == float(leg[1]) + broken
    rows = evidence.by_fault()
    assert sum(row["runs"] for row in rows) == WIDTH
    p = evidence.landing_probability()
    assert p["estimate"] == pytest.approx(1.0 - sum(row["part_of_loss"] for row in rows), rel=1e-12)  # rounding
    flight = fly_again(tmp_path / "priors", int(np.flatnonzero(~is_none)[0]))
    assert flight.faults
    same = compare(tmp_path / "priors", tmp_path / "priors")
    assert same.difference.difference == 0.0
    with pytest.raises(UserError, match="not flown with common chance: their priors: two"):
        compare(flown[1], tmp_path / "priors")


def test_a_cluster_flies_the_same_runs(flown, tmp_path):
    """A task of two chunks by a worker of a Dask scheduler, against the same chunks by two processes of this machine."""
    pytest.importorskip("distributed")
    with scheduler(tmp_path) as address:
        process = worker(address)
        try:
            tally = fly_campaign(PLAN, tmp_path / "cluster", RUNS, means=Means(None, address))
        finally:
            ended(process)
    assert tally.runs == RUNS and digests(tmp_path / "cluster") == digests(flown[1])


def test_tracks_are_those_of_the_runs(flown):
    """The last second of each track is where its row says that it ended."""
    evidence = Evidence(flown[1])
    tracks = evidence.tracks()
    ends = np.flatnonzero(np.diff(np.append(tracks["run"], -1)))
    assert list(tracks["run"][ends]) == list(range(RUNS))
    touchdown = evidence.column("touchdown_s")
    assert np.all((touchdown - tracks["time_s"][ends] >= 0.0) & (touchdown - tracks["time_s"][ends] < 1.0 + 1e-3))  # float32
    assert np.all(tracks["truth/height_above_terrain_m"][ends] < 10.0)  # the centre of mass, over feet that touch within 1 s


def test_an_address_holds_a_campaign_as_a_folder_does(flown, tmp_path):
    """The rows of a folder under an address of fsspec, a second campaign there, and one that was killed."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    address = "memory://campaigns/one"
    for path in flown[1].rglob("*.*[nt]"):  # campaign.json and parts, but for the lock
        memory.pipe_file(f"/campaigns/one/{path.relative_to(flown[1])}", path.read_bytes())
    assert digests(address) == digests(flown[1])
    tally = fly_campaign(PLAN, address, RUNS, resume=True, means=ONE)
    assert tally.flown_now == 0 and tally.runs == RUNS
    assert ".lock" not in Store(address).place.names()
    with (
        Store(address).locked(),
        pytest.raises(UserError, match=r"delete memory://campaigns/one/\.lock"),
        Store(address).locked(),
    ):
        pass
    with pytest.raises(UserError, match="holds a campaign already"):
        fly_campaign(PLAN, address, RUNS, means=ONE)
    with pytest.raises(UserError, match="cannot be reached"):
        Store("nowhere9://here")


def test_a_remote_store_that_fails_is_a_sentence(monkeypatch):
    store = Store("memory://campaigns/full")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with store.locked():
        store.write_part(0, ROWS, "mine")
        monkeypatch.setattr(store.place.system, "pipe_file", full)  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(UserError, match=r"memory://campaigns/full cannot be written: No space left.*go on with --resume"):
            store.write_part(1, ROWS, "mine")
        monkeypatch.undo()
    assert store.chunks() == [0]


def test_a_mission_file_that_changes_is_another_mission(tmp_path):
    """In one process: what was read of it before is not flown in its place; and a worker that reads something else refuses."""
    text = (Path(__file__).parents[2] / "perilune" / "missions" / "resilience.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text)
    plan = Plan(str(path), SEED, healthy=True)
    read_anew()
    before = scenario_of(plan)
    path.write_text(text.replace("dry_mass_kg = 340.0", "dry_mass_kg = 345.0"))
    assert scenario_of(plan) == before  # read once
    read_anew()  # as a campaign does when it begins
    after = scenario_of(plan)
    assert after != before
    with pytest.raises(UserError, match=r"mine\.toml, or a map .* is not what the campaign was begun with"):
        check_scenario(plan, before)
    path.write_text(text)
    check_scenario(plan, before)  # put back: a worker that lives on reads it anew
    assert batch_of(plan).mission.lander.dry_mass_kg == 340.0


def test_another_build_does_not_fly(tmp_path):
    with pytest.raises(UserError, match=r"A worker has Perilune .* flown by 0\.0\.1 abc: install the same version"):
        fly_campaign(replace(PLAN, build="0.0.1 abc"), tmp_path / "new", 1, means=ONE)
    with pytest.raises(UserError, match="flown by --device gpu, and JAX finds a cpu here"):
        fly_campaign(replace(PLAN, device="gpu"), tmp_path / "gpu", 1)
