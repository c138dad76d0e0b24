"""Flight software of one's own: the example flies from the command line and lands; what does not fit is told in one sentence."""

import dataclasses
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.assessment.flight import Event
from perilune.campaign.batch import Batch
from perilune.campaign.one import scenario_digest
from perilune.command_line.own_class import load_computer
from perilune.flight.software import FlightSoftware
from perilune.foundation.errors import UserError
from perilune.interface.events import ONBOARD
from perilune.interface.flight_computer import raised
from perilune.investigation.timeline import given_up_sentence, late_range_chain
from perilune.simulation.own_checks import checked, identity

from .command import RUN

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_flight_software.py"
HEAD = """
import equinox as eqx
import jax.numpy as jnp
from perilune.interface.commands import Commands
from perilune.interface.flight_computer import FlightComputer, Report, raised

class Falls(FlightComputer):
    gain: float = 1.0

    def init(self, briefing):
        return {"p": briefing.position_I, "v": briefing.velocity_I, "q": briefing.attitude_IB, "n": jnp.zeros((), jnp.int32)}

    def step(self, memory, measured, tick):
        zero = jnp.zeros(())
        commands = Commands(jnp.zeros(26), zero + 1.0, jnp.zeros(2))
        report = Report(memory["p"], memory["v"], memory["q"], zero, memory["n"], zero, zero, raised({}))
        return memory, commands, report
"""


def fly(*words, cwd):
    return subprocess.run([*RUN, "--flight-software", *words], capture_output=True, text=True, cwd=cwd, timeout=600)


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    """The example, copied to an empty folder and flown from there as a module."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(EXAMPLE, folder)
    done = fly("own_flight_software:PlainDescent", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "here", json.loads(done.stdout)


@pytest.fixture(scope="module")
def example(batch):
    return checked(load_computer(f"{EXAMPLE}:PlainDescent"), batch.numbers)


def test_the_example_lands_softly(flown):
    """Seed 1; over 32 seeds it touched at 0.69 to 0.87 m/s down, at most 0.15 m/s across (docs/extending.md)."""
    told = flown[1]
    assert told["outcome"] == "landed"
    touch = told["touchdown"]
    assert 0.4 < touch["vertical_speed_mps"] < 1.2  # m/s; 0.8 is aimed at
    assert touch["horizontal_speed_mps"] < 0.5  # m/s
    assert touch["tilt_deg"] < 3.0
    assert touch["miss_distance_m"] < 1000.0
    assert 40.0 < touch["propellant_kg"] < 75.0


def test_the_archive_says_what_flew(flown, batch, example):
    folder, told = flown
    header = json.loads((folder / "flight.json").read_text())
    assert header["flight_software"] == told["flight_software"] == identity(example)
    assert header["flight_software"]["name"] == "own_flight_software.py:PlainDescent"
    assert header["scenario_digest"] == scenario_digest(batch.mission, batch.maps, {}, software=identity(example))
    assert header["scenario_digest"] != scenario_digest(batch.mission, batch.maps, {})
    import perilune as pl

    assert pl.read_flight(folder).flight_software == header["flight_software"]


def test_its_report_is_the_telemetry(flown):
    """Estimates, mode and events are its own; what it does not report is no number."""
    import pandas as pd

    folder, told = flown
    onboard, truth = (pd.read_parquet(folder / f"{name}.parquet") for name in ("onboard", "truth"))
    assert set(onboard["executive/mode"]) == {0.0, 1.0, 4.0, 6.0}
    before = onboard["executive/mode"] != 6.0
    believed, real = (
        np.asarray(t)[before] for t in (onboard["navigation/height_above_terrain_m"], truth["truth/height_above_terrain_m"])
    )
    assert abs(believed[-5] - real[-5]) < 1.0  # m, the last range half a second before: 0.2 m of noise, and the slope to its spot
    assert np.all(np.isnan(onboard["navigation/height_sigma_m"]))
    assert np.all(np.isnan(onboard["executive/time_to_go_s"]))
    names = [event["name"] for event in told["events"]]
    assert {"powered_descent_initiation", "braking_end", "contact_sensed"} <= set(names)
    assert not {"upright", "range_accepted", "range_rejected", "main_engine_off"} & set(names)
    assert "chain" not in told["cause"]  # it landed within requirements: there is nothing to explain
    assert told["figures"] and all((folder / Path(figure).name).stat().st_size > 20_000 for figure in told["figures"])


def test_the_story_claims_nothing_of_the_built_in(flown):
    """Of events that both kinds of software raise, only what telemetry holds is told."""
    import perilune as pl

    flight = pl.read_flight(flown[0])
    event = Event(600.0, "range_finder_given_up", "critical", "", 2000.0, 60.0)
    assert given_up_sentence(flight, event) == "600.0 s: the range finder was given up."
    waited = replace(event, name="below_gate_without_range")
    assert "held" not in " ".join(late_range_chain(flight, waited, None))


def test_from_orbit_it_takes_over_at_mission_time_0(resilience, example):
    """By shapes: the orbit phase hands over to it as to the built-in software."""
    batch = Batch(resilience, "orbit", example)
    scenarios, last, _, orbit, _ = jax.eval_shape(batch.prepare, *batch.arguments([0]))
    assert scenarios.flight_software.computer.throttle.shape == (1,)
    assert last.memory.own.position_I.shape == (1, 3)
    assert orbit is not None


def test_the_built_in_carries_nothing_more(batch):
    scenarios, last, *_ = jax.eval_shape(batch.prepare, *batch.arguments([0, 1]))
    assert type(scenarios.flight_software) is FlightSoftware
    assert last.memory.own is None
    fields = [field.name for field in dataclasses.fields(last.memory)]
    assert fields[-1] == "own"  # what comes after it would be counted with it
    built_in = [getattr(last.memory, name) for name in fields[:-1]]
    assert len(jax.tree.leaves(last.memory)) == len(jax.tree.leaves(built_in))


def test_figures_are_no_part_of_the_program(batch, example):
    """A gain can be tuned without compiling, and makes another scenario digest."""
    tuned = checked(type(example)(throttle=0.96), batch.numbers)
    assert jax.tree.structure(tuned) == jax.tree.structure(example)
    assert identity(tuned) != identity(example)


def test_faults_of_the_built_in_alone_are_refused(resilience, example):
    batch = Batch(resilience, flight_software=example)
    with pytest.raises(UserError, match=r"software.range_gate_error_percent strikes the built-in flight software alone"):
        batch.arguments([0], {"software.range_gate_error_percent": -90.0})
    batch.arguments([0], {"software.dry_mass_error_percent": 20.0})  # the design that it is told is wrong too


def test_events_are_named():
    holds = raised({"contact_sensed": jnp.asarray(True)})
    assert [kind.name for kind, is_so in zip(ONBOARD, holds, strict=True) if is_so] == ["contact_sensed"]
    with pytest.raises(UserError, match="landed: the onboard events are powered_descent_initiation"):
        raised({"landed": jnp.asarray(True)})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("falls.py", "names no class: write module:Class"),
        ("nowhere_to_be_found:Falls", "there is no module nowhere_to_be_found"),
        ("perilune.nowhere:Falls", "there is no module perilune.nowhere"),
        (".relative:Falls", "is no module's name"),
        ("absent.py:Falls", r"there is no file absent\.py"),
        ("json:loads", "loads does not derive from"),
    ],
)
def test_what_names_no_class(written, said):
    with pytest.raises(UserError, match=said):
        load_computer(written)


LAST = "        return memory, commands, report\n"
MISFITS = (  # what of HEAD is replaced, by what, and what is said of it
    (LAST, LAST + "raise RuntimeError('no such board')", "fails: RuntimeError: no such board (falls.py, line 18)."),
    (LAST, LAST + "import sys; sys.exit(3)", "SystemExit: 3"),
    (LAST, LAST + "import not_installed_here", "ModuleNotFoundError: No module named 'not_installed_here'"),
    (HEAD, "def broken(:", "SyntaxError"),
    (HEAD, "class Falls: pass", "Falls does not derive from perilune.interface.flight_computer.FlightComputer"),
    (HEAD, "Falls = None", "it has no class that derives"),
    ("class Falls", "class Glides", "it has Glides"),
    ("def step", "def steps", "Falls leaves step out"),
    ("gain: float = 1.0", "gain: float", "asks for gain; give defaults"),
    (LAST, LAST + "    def __check_init__(self):\n        raise ValueError('heavy')", "Falls() fails: ValueError: heavy"),
    ("= 1.0", "= 'much'", "falls.py:Falls.gain is a str: numbers and arrays are wanted"),
    ("jnp.zeros((), jnp.int32)}", "'n'}", "init answers what cannot be carried from cycle to cycle: ['n'] is a str"),
    ("briefing.position_I", "briefing.where", "falls.py:Falls, line 11: init fails when it is tried: AttributeError"),
    ("zero = jnp", "zero = 0 if measured.clock > 1 else jnp", "choose with jnp.where, not if"),
    ("commands, report\n", "commands\n", "step answers a tuple of 2, and memory, Commands, Report are wanted"),
    ("commands, report\n", "report, commands\n", "the second answer of step is a Report, and a Commands is wanted"),
    ("zeros(26)", "zeros(25)", "commands.on_time is float64 of shape (25,), float64 of shape (26,) is wanted"),
    ("return memory,", 'return memory | {"p": zero},', "memory['p'] is float64 of shape (), float64 of shape (3,) is wanted"),
    ("return memory,", 'return memory | {"n": zero},', "memory['n'] is float64 of shape (), int32 of shape () is wanted"),
    ("return memory,", 'return memory | {"m": zero},', "memory['m'] is new"),
    ("return memory,", "return (memory,),", "memory['n'] is not there"),
    ("raised({})", "raised({'landed': zero > 1})", "Flight software raises landed: the onboard events are"),
)


@pytest.mark.parametrize(("old", "new", "said"), MISFITS, ids=[said[:40] for _, _, said in MISFITS])
def test_what_does_not_fit_is_told_in_one_sentence(old, new, said, tmp_path, batch):
    assert old in HEAD
    (tmp_path / "falls.py").write_text(HEAD.replace(old, new))
    with pytest.raises(UserError) as caught:
        checked(load_computer(f"{tmp_path}/falls.py:Falls"), batch.numbers)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


UNCHECKED = (  # what the shape checks of the tests refuse earlier than it is refused in use
    ("jnp.zeros(2)", "[0.0, 0.0]", "commands.gimbal is a list or tree, float64 of shape (2,) is wanted"),
    ("jnp.zeros(2)", "None", "commands.gimbal is not there, float64 of shape (2,) is wanted"),
    ('memory["n"], zero', "zero, zero", "report.mode is float64 of shape (), int32 of shape () is wanted"),
    ("zero + 1.0", "1.0", ""),
    ("class Falls", "from beside_it import TILT\n\nclass Falls", ""),
)
WITHOUT_SHAPE_CHECKS = """
import json, sys
from perilune import Batch, UserError, load
from perilune.command_line.own_class import load_computer
from perilune.simulation.own_checks import checked

numbers, said = Batch(load("resilience")).numbers, []
for k in range(int(sys.argv[1])):
    try:
        checked(load_computer(f"falls_{k}.py:Falls"), numbers)
        said.append("")
    except UserError as problem:
        said.append(str(problem))
print(json.dumps(said))
"""


def test_the_same_where_shapes_are_not_checked_on_the_way(tmp_path):
    """As users run it; Python numbers for numbers, and a file that imports its neighbour, are taken."""
    (tmp_path / "beside_it.py").write_text("TILT = 0.0")
    for k, (old, new, _) in enumerate(UNCHECKED):
        assert old in HEAD
        (tmp_path / f"falls_{k}.py").write_text(HEAD.replace(old, new))
    words = [sys.executable, "-c", WITHOUT_SHAPE_CHECKS, str(len(UNCHECKED))]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    for (_, _, said), found in zip(UNCHECKED, json.loads(done.stdout), strict=True):
        assert said in found if said else not found


def test_no_object_of_flight_software(batch):
    with pytest.raises(UserError, match="flight_software is 3: give an object of a class that derives from"):
        checked(3, batch.numbers)


def test_a_mistake_ends_with_one_line(tmp_path):
    (tmp_path / "falls.py").write_text(HEAD.replace("zeros(26)", "zeros(25)"))
    done = fly("falls:Falls", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "commands.on_time is float64 of shape (25,)" in done.stderr
    assert not (tmp_path / "here").exists()
