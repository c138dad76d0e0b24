"""How a long campaign is held against one that begins."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from validation.long_campaign import Turns, held


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen]:
    """A process that waits for its input."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    yield process
    process.kill()
    process.communicate()


def is_held(process: subprocess.Popen) -> bool:
    """As the system has it."""
    return Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="states of processes are read from /proc")
def test_workers_are_held_and_go_on(sleeper):
    """One that is gone meanwhile leaves nobody held."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    with held([gone.pid, sleeper.pid]):
        while not is_held(sleeper):
            pass
        gone.kill()
        gone.wait()
    while is_held(sleeper):
        pass
    assert sleeper.poll() is None


def test_drift_of_both_is_told_from_slowing():
    """A machine that drifts by a fifth with a campaign 3 % slower: 3 %, and no error but rounding's."""
    machine = np.linspace(1.0, 1.2, 12)
    slower, error = Turns(684, list(0.0165 * 1.03 * machine), list(0.0165 * machine)).slower()
    assert slower == pytest.approx(0.03, abs=1e-12)  # rounding
    assert error < 1e-12  # rounding


def test_error_is_that_of_a_mean():
    """Turns that scatter by 4 %, many times over: the error told is the scatter of what is told, within its own chance."""
    chance = np.random.default_rng(12)
    told = [Turns(0, list(1.0 + 0.04 * chance.standard_normal(12)), [1.0] * 12).slower() for _ in range(4000)]
    slower, errors = np.transpose(told)
    assert np.std(slower) == pytest.approx(np.sqrt(np.mean(errors**2)), rel=0.05)  # 4 of its standard errors, 1 / sqrt(2 * 4000)
