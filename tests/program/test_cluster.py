"""Tasks done by a Dask scheduler's workers, which die and come. That they fly the same runs is in test_campaign.py."""

import os
import signal
from pathlib import Path

import pytest

from perilune.campaign import cluster
from perilune.campaign.cluster import done_by_cluster
from perilune.campaign.run import Means, fly_campaign
from perilune.foundation.errors import UserError
from tests.program.dask_processes import ended, scheduler, worker
from tests.program.test_campaign import PLAN, RUNS, napped

pytest.importorskip("distributed")
TASKS = 300  # of a tenth of a second


@pytest.fixture
def address(tmp_path):
    """A scheduler's."""
    with scheduler(tmp_path) as found:
        yield found


def test_workers_come_and_go(address):
    """Three workers, one killed and one added half-way: every task is done, and told once, some of them by the one that came."""
    workers = [worker(address) for _ in range(3)]
    found, done = [], done_by_cluster(napped, range(TASKS), address)
    try:
        for k, result in done:
            found.append((k, result))
            if len(found) == TASKS // 3:
                os.kill(found[-1][1][1], signal.SIGKILL)
                workers.append(worker(address))
    finally:
        done.close()
        for process in workers:
            ended(process)
    assert sorted(k for k, _ in found) == list(range(TASKS))
    assert all(k == result[0] for k, result in found)
    assert {pid for _, (_, pid) in found} >= {process.pid for process in workers}


def test_a_scheduler_that_is_not_there_is_told(address, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE_S", 1)
    monkeypatch.setattr(cluster, "COMING_S", 1)
    with pytest.raises(UserError, match=r"No scheduler answers at tcp://127\.0\.0\.1:9 "):
        fly_campaign(PLAN, tmp_path / "new", RUNS, means=Means(None, "tcp://127.0.0.1:9"))
    with pytest.raises(UserError, match="has had no worker for 1 s: start workers"):
        fly_campaign(PLAN, tmp_path / "other", RUNS, means=Means(None, address))
    with pytest.raises(UserError, match="--workers counts processes of this machine"):
        fly_campaign(PLAN, tmp_path / "other", RUNS, means=Means(1, address))
    assert not list(Path(tmp_path).glob("*/runs/*"))
