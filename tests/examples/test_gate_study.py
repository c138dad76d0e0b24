"""The gate study without its flights: what it asks for, whom it calls a survivor, and what it says to bad questions."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from perilune.flight.monitoring.recovery import NAMES

ROOT = Path(__file__).parent.parent.parent
STUDY = ROOT / "examples" / "gate_study.py"


@pytest.fixture(scope="module")
def study():
    """The example as a module."""
    sys.path.insert(0, str(STUDY.parent))
    try:
        import gate_study  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.remove(str(STUDY.parent))
    return gate_study


def test_every_cell_flies_the_same_seeds(study):
    """Policies by gates and the healthy lander behind them; its faults are of no magnitude there."""
    for trouble in study.troubles():
        jobs = study.jobs_of(trouble, 7)
        seeds = np.concatenate([job.seeds for job in jobs])
        policies = np.concatenate([job.overrides["flight.monitoring.policy"] for job in jobs])
        gates = np.concatenate([job.overrides["flight.navigation.range_gate_sigma"] for job in jobs])
        cells = len(NAMES) * len(study.GATES)
        assert np.array_equal(seeds, np.tile(np.arange(7), cells + 1))
        assert len({*zip(policies[:-7].tolist(), gates[:-7].tolist(), strict=True)}) == cells
        for name in trouble.faults:
            magnitude = np.concatenate([job.faults[name]["magnitude"] for job in jobs])
            assert np.all(magnitude[-7:] == 0.0)
            assert np.all(magnitude[:-7] != 0.0)


def outcomes(study, landed: dict[tuple[str, float], int], healthy: int):
    """Ten flights a cell: so many landed in some cells, none in the others."""
    counts = [landed.get((name, gate), 0) for name in NAMES for gate in study.GATES] + [healthy]
    return np.array([["landed"] * count + ["crashed"] * (10 - count) for count in counts])


def test_survivors_land_in_every_trouble_nearly_as_often_as_the_healthy(study):
    gate = study.GATES[1]
    first = outcomes(study, {("reject_forever", gate): 9, ("covariance_reset", gate): 8}, 10)
    second = outcomes(study, {("reject_forever", gate): 5, ("covariance_reset", gate): 5}, 5)
    assert study.surviving([first, second]) == [("reject_forever", gate)]
    hopeless = outcomes(study, {}, 10)
    assert study.surviving([first, second, hopeless]) == []
    assert study.best_of_the_rest([first, second, hopeless]) == [("reject_forever", gate)]
    assert "none" in study.page(study.troubles()[:3], [first, second, hopeless])


BAD = [(["--runs", "0"], "give one flight a cell or more"), (["--out", "."], "holds other things")]


@pytest.mark.parametrize(("words", "said"), BAD)
def test_bad_questions_get_a_sentence(words, said):
    done = subprocess.run([sys.executable, str(STUDY), *words], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert said in " ".join(done.stdout.split())
