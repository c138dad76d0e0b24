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
MONITORING = MonitoringSettings(*(jnp.asarray(x) for x in (0.0, PATIENCE, RESET)))
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


def asked(name, navigation, flags, refused, residual=-70.0):
    """The answer of one policy as plain numbers."""
    evidence = Evidence(
        residual=jnp.asarray(residual), refused_time=jnp.asarray(refused), **{k: jnp.asarray(v) for k, v in flags.items()}
    )
    number = jnp.asarray(float(NAMES.index(name)))
    said = answer(number, evidence, navigation, MONITORING)
    alone = POLICIES[NAMES.index(name)](evidence, navigation, MONITORING)
    found = {field: np.asarray(getattr(said, field)).item() for field in said.__dataclass_fields__}
    assert found == {field: np.asarray(getattr(alone, field)).item() for field in said.__dataclass_fields__}
    return found


def test_the_mission_file_knows_every_policy_by_its_name():
    assert get_args(MonitoringTable.model_fields["policy"].annotation) == NAMES
    assert MonitoringTable().policy == NAMES[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_gap_asks_for_agreement_and_first_ranges_count_for_less(navigation, name):
    """What all policies share; and none touches the gate of a unit in good standing."""
    for flags, refused in everything():
        said = asked(name, navigation, flags, refused)
        if flags["is_fresh"] and not flags["agree"]:
            assert not said["offers"]
        assert said["underweight"] == (UNDERWEIGHT if flags["is_fresh"] or flags["is_early"] else 0.0)
        if not flags["is_fresh"]:
            assert said["gate"] == GATE


def test_reject_forever_never_asks_again(navigation):
    for flags, refused in everything():
        said = asked("reject_forever", navigation, flags, refused)
        given_up = flags["is_isolated"] or refused >= PATIENCE
        assert said["isolates"] == given_up
        assert said["gate"] == GATE  # the first range of a flight too
        assert said["opens"] == 0.0
        assert said["offers"] == ((flags["agree"] or not flags["is_fresh"]) and not given_up)


def test_reject_until_consistent_believes_what_agrees(navigation):
    for flags, refused in everything():
        said = asked("reject_until_consistent", navigation, flags, refused)
        comes_back = flags["is_fresh"] and flags["agree"]
        assert not said["isolates"]
        assert said["gate"] == (1e6 if flags["is_fresh"] else GATE)
        assert said["opens"] == (4900.0 if comes_back and flags["has_taken"] else 0.0)  # the jump of 70 m, squared


def test_covariance_reset_waits_and_then_opens(navigation):
    for flags, refused in everything():
        said = asked("covariance_reset", navigation, flags, refused)
        offers = flags["agree"] or not flags["is_fresh"]
        assert said["opens"] == (RESET**2 if offers and refused >= PATIENCE else 0.0)
        assert said["gate"] == GATE


def test_inflate_and_accept_refuses_nothing_but_a_first_range(navigation):
    for flags, refused in everything():
        said = asked("inflate_and_accept", navigation, flags, refused)
        assert said["inflates"] == (not flags["is_fresh"])
        assert said["opens"] == 0.0


def test_opening_makes_height_and_ground_less_sure_and_nothing_else():
    """Variance along up and of the ground grows by what was asked, across up by nothing; the matrix stays positive definite."""
    rng = np.random.default_rng(1)
    root = rng.normal(size=(STATES, STATES))
    before, up = root @ root.T, np.array([0.48, -0.6, 0.64])
    after = np.asarray(opened(jnp.asarray(before), jnp.asarray(up), jnp.asarray(900.0)))
    grown = after - before
    assert up @ grown[:3, :3] @ up == pytest.approx(900.0, rel=1e-12)  # rounding
    across = np.cross(up, [1.0, 0.0, 0.0])
    assert across @ grown[:3, :3] @ across == pytest.approx(0.0, abs=1e-10)  # likewise
    ground = TERRAIN_BIAS.start
    assert grown[ground, ground] == pytest.approx(900.0, rel=1e-12)
    rest = grown.copy()
    rest[:3, :3], rest[ground, ground] = 0.0, 0.0
    assert not rest.any()
    assert eigvalsh(after).min() >= eigvalsh(before).min() * (1.0 - 1e-6)
    assert np.array_equal(np.asarray(opened(jnp.asarray(before), jnp.asarray(up), jnp.asarray(0.0))), before)
