"""A guidance law of one's own: the example flies in the built-in software and lands; mistakes are told in one sentence."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from perilune.command_line.own_class import load_computer
from perilune.flight.guidance.laws import Aim, BrakingLaw, DescentLaw, Push
from perilune.foundation.errors import UserError
from perilune.simulation.own_checks import checked, identity

from .command import RUN

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_guidance_law.py"


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    """The example, copied to an empty folder and flown from there."""
    folder = tmp_path_factory.mktemp("law")
    shutil.copy(EXAMPLE, folder)
    command = [*RUN, "--flight-software", "own_guidance_law.py:EGuidance"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=600)
    assert done.returncode == 0, done.stderr
    return folder / "here", json.loads(done.stdout)


def test_the_example_lands(flown):
    folder, told = flown
    header = json.loads((folder / "flight.json").read_text())
    assert told["outcome"] == "landed"
    assert told["touchdown"]["vertical_speed_mps"] < 2.0  # the mission's requirement
    assert told["touchdown"]["miss_distance_m"] < 1000.0  # the built-in law: to 600 m, which is navigation's
    assert header["flight_software"]["name"] == "own_guidance_law.py:EGuidance"


def test_figures_of_a_law_are_told_apart():
    kind: Any = type(load_computer(f"{EXAMPLE}:EGuidance"))
    assert identity(kind())["sha256"] != identity(kind(planned=0.95))["sha256"]


class Pair(BrakingLaw):
    def aim(self, situation) -> Any:
        return situation.throttle, situation.time_to_go

    def push(self, situation):
        return Push(jnp.zeros(3), situation.mass)


class Branches(BrakingLaw):
    def aim(self, situation):
        return Aim(situation.throttle, situation.time_to_go, situation.mass, situation.note)

    def push(self, situation):
        if situation.time_to_go > 10.0:
            return Push(jnp.zeros(3), situation.mass)
        return Push(jnp.ones(3), situation.mass)


class Hovers(DescentLaw):
    def acceleration(self, fall):
        return fall.mass


@pytest.mark.parametrize(
    ("law", "words"),
    [(Pair(), "aim answers a tuple of 2"), (Branches(), "choose with jnp.where"), (Hovers(), "of shape (3,) is wanted")],
    ids=["a pair for an Aim", "an if on a number", "a number for a vector"],
)
def test_mistakes_are_told_before_anything_is_compiled(batch, law, words):
    with pytest.raises(UserError) as caught:
        checked(law, batch.numbers)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_law_that_leaves_a_method_out(tmp_path):
    file = tmp_path / "half.py"
    head = "from perilune.flight.guidance.laws import BrakingLaw\n\n"
    file.write_text(head + "class Half(BrakingLaw):\n    def aim(self, s):\n        return s\n")
    with pytest.raises(UserError, match="leaves push out"):
        load_computer(f"{file}:Half")


def test_its_figures_are_strong_numbers(batch):
    law: Any = checked(load_computer(f"{EXAMPLE}:EGuidance"), batch.numbers)
    assert np.asarray(law.planned).dtype == np.float64
