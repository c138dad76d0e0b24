"""The recovery policies: what each answers to every evidence, and what a reset opens."""

import itertools
from typing import get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import eigvalsh

from perilune.flight.memory import STATES, TERRAIN_BIAS
from perilune.flight.monitoring.recovery import NAMES, POLICIES, Evidence, answer
from perilune.flight.navigation.update import opened
from perilune.flight.settings import MonitoringSettings, NavigationSettings
from perilune.simulation.mission import MonitoringTable

GATE, PATIENCE, RESET, UNDERWEIGHT = 4.0, 2.0, 500.0, 0.2
BELIEF = 0.99
MONITORING = MonitoringSettings(
    policy=jnp.asarray(0.0),
    patience=jnp.asarray(PATIENCE),
    reset_sigma=jnp.asarray(RESET),
    window_keep=jnp.asarray(9.0 / 11.0),
    window_limit=jnp.ones(6) * 4.8,
    window_share=jnp.asarray(0.5),
    belief=jnp.asarray(BELIEF),
)
FLAGS = ("has_taken", "is_fresh", "is_early", "agree", "is_isolated")


@pytest.fixture(scope="module")
def navigation(batch) -> NavigationSettings:
    """The built-in lander's, with the figures above where a policy looks."""
    scenarios, _, _ = batch.start([0])
    settings = jax.tree.map(lambda x: x[0], scenarios.flight_software.settings.navigation)
    return eqx.tree_at(lambda s: (s.range_gate, s.range_underweight), settings, (jnp.asarray(GATE), jnp.asarray(UNDERWEIGHT)))


def everything():
    """Every combination of flags, before and after patience has run out."""
    for flags in itertools.product((False, True), repeat=len(FLAGS)):
        for refused in (0.0, PATIENCE - 0.5, PATIENCE, 30.0):
            yield dict(zip(FLAGS, flags, strict=True)), refused


def asked(name, navigation, flags, refused, beams=None, weights=(1 / 3, 1 / 3, 1 / 3)):
    """The answer of one policy as plain numbers; `beams`: m, the Doppler beams' residual in height where they have lock."""
    evidence = Evidence(
        residual=jnp.asarray(-70.0),
        height_residual=jnp.asarray(-70.0),
        refused_time=jnp.asarray(refused),
        alternate_residual=jnp.asarray(beams or 0.0),
        alternate_is_valid=jnp.asarray(beams is not None),
        weights=jnp.asarray(weights),
        **{k: jnp.asarray(v) for k, v in flags.items()},
    )
    number = jnp.asarray(float(NAMES.index(name)))
    said = answer(number, evidence, navigation, MONITORING)
    alone = POLICIES[NAMES.index(name)](evidence, navigation, MONITORING)
    found = {field: np.asarray(getattr(said, field)).item() for field in said.__dataclass_fields__}
    assert found == {field: np.asarray(getattr(alone, field)).item() for field in said.__dataclass_fields__}
    return found


def opened_by(said):
    """m², of height and ground alike."""
    assert said["opens_height"] == said["opens_ground"]
    return said["opens_height"]


def test_the_mission_file_knows_every_policy_by_its_name():
    assert get_args(MonitoringTable.model_fields["policy"].annotation) == NAMES
    assert MonitoringTable().policy == NAMES[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_gap_asks_for_agreement_and_first_ranges_count_for_less(navigation, name):
    """What all policies share; and none touches the gate of a unit in good standing."""
    for flags, refused in everything():
        said = asked(name, navigation, flags, refused)
        if flags["is_fresh"] and not flags["agree"]:
            assert not said["offers"]  # without an alternate, and with all accounts as likely
        assert said["underweight"] == (UNDERWEIGHT if flags["is_fresh"] or flags["is_early"] else 0.0)
        if not flags["is_fresh"]:
            assert said["gate"] == GATE


def test_reject_forever_never_asks_again(navigation):
    for flags, refused in everything():
        said = asked("reject_forever", navigation, flags, refused)
        given_up = flags["is_isolated"] or refused >= PATIENCE
        assert said["isolates"] == given_up
        assert said["gate"] == GATE  # the first range of a flight too
        assert opened_by(said) == 0.0
        assert said["offers"] == ((flags["agree"] or not flags["is_fresh"]) and not given_up)


def test_reject_until_consistent_believes_what_agrees(navigation):
    for flags, refused in everything():
        said = asked("reject_until_consistent", navigation, flags, refused)
        comes_back = flags["is_fresh"] and flags["agree"]
        assert not said["isolates"]
        assert said["gate"] == (1e6 if flags["is_fresh"] else GATE)
        assert opened_by(said) == (4900.0 if comes_back and flags["has_taken"] else 0.0)  # the jump of 70 m, squared


def test_covariance_reset_waits_and_then_opens(navigation):
    for flags, refused in everything():
        said = asked("covariance_reset", navigation, flags, refused)
        offers = flags["agree"] or not flags["is_fresh"]
        assert opened_by(said) == (RESET**2 if offers and refused >= PATIENCE else 0.0)
        assert said["gate"] == GATE


def test_inflate_and_accept_refuses_nothing_but_a_first_range(navigation):
    for flags, refused in everything():
        said = asked("inflate_and_accept", navigation, flags, refused)
        assert said["inflates"] == (not flags["is_fresh"])
        assert opened_by(said) == 0.0


def test_switch_to_alternate_lets_the_beams_decide(navigation):
    """Ranges that beams confirm are taken whatever the gate says; a unit that is refused for long is out until they do."""
    far = float(navigation.range_consistency)
    for flags, refused in everything():
        same = asked("switch_to_alternate", navigation, flags, refused, beams=-70.0 + 0.9 * far)
        doubts = flags["is_fresh"] or refused > 0.0 or flags["is_isolated"]
        assert not same["isolates"]
        assert same["gate"] == (1e6 if doubts else GATE)
        assert opened_by(same) == (4900.0 if doubts and flags["has_taken"] else 0.0)
        assert same["offers"] == (doubts or flags["agree"] or not flags["is_fresh"])
        for beams in (None, -70.0 + 1.1 * far, -70.0 - 1.1 * far):
            other = asked("switch_to_alternate", navigation, flags, refused, beams=beams)
            out = flags["is_isolated"] or refused >= PATIENCE
            assert other["isolates"] == out
            assert other["gate"] == GATE
            assert opened_by(other) == 0.0
            assert other["offers"] == ((flags["agree"] or not flags["is_fresh"]) and not out)


def test_multiple_model_acts_on_the_likeliest_account(navigation):
    """Nothing is opened, and nobody is out, until the sensor's account is all but certain or all but excluded."""
    for flags, refused in everything():
        doubts = refused > 0.0
        plain = flags["agree"] or not flags["is_fresh"]
        sensor = asked("multiple_model", navigation, flags, refused, weights=(0.004, 0.001, 0.995))
        assert sensor["isolates"] == doubts
        assert sensor["offers"] == (plain and not doubts)
        ground = asked("multiple_model", navigation, flags, refused, weights=(0.249, 0.749, 0.002))
        assert not ground["isolates"]
        assert ground["gate"] == (1e6 if doubts else GATE)
        assert ground["opens_height"] == pytest.approx(4900.0 * 0.249 / 0.998 if doubts else 0.0, rel=1e-12)  # rounding
        assert ground["opens_ground"] == pytest.approx(4900.0 * 0.749 / 0.998 if doubts else 0.0, rel=1e-12)
        unsure = asked("multiple_model", navigation, flags, refused, weights=(0.3, 0.2, 0.5))
        assert (unsure["isolates"], unsure["gate"], unsure["offers"]) == (False, GATE, plain)
        assert unsure["opens_height"] == unsure["opens_ground"] == 0.0


def test_opening_makes_height_and_ground_less_sure_and_nothing_else():
    """Variance along up and of the ground grows by what was asked, across up by nothing; the matrix stays positive definite."""
    rng = np.random.default_rng(1)
    root = rng.normal(size=(STATES, STATES))
    before, up = root @ root.T, np.array([0.48, -0.6, 0.64])
    after = np.asarray(opened(jnp.asarray(before), jnp.asarray(up), jnp.asarray(900.0), jnp.asarray(400.0)))
    grown = after - before
    assert up @ grown[:3, :3] @ up == pytest.approx(900.0, rel=1e-12)  # rounding
    across = np.cross(up, [1.0, 0.0, 0.0])
    assert across @ grown[:3, :3] @ across == pytest.approx(0.0, abs=1e-10)  # likewise
    ground = TERRAIN_BIAS.start
    assert grown[ground, ground] == pytest.approx(400.0, rel=1e-12)
    rest = grown.copy()
    rest[:3, :3], rest[ground, ground] = 0.0, 0.0
    assert not rest.any()
    assert eigvalsh(after).min() >= eigvalsh(before).min() * (1.0 - 1e-6)
    assert np.array_equal(np.asarray(opened(jnp.asarray(before), jnp.asarray(up), jnp.asarray(0.0), jnp.asarray(0.0))), before)
