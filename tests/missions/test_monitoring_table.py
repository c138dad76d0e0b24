"""The recovery policy in a mission file: mistakes are one sentence each, and what the README points to is there."""

import re
from pathlib import Path

import pytest

from perilune.foundation.errors import UserError
from perilune.simulation.load import load
from perilune.simulation.numbers import numbers_of

ROOT = Path(__file__).parent.parent.parent
BAD = {
    "unknown policy": ({"flight.monitoring.policy": "reject_for_ever"}, "reject_until_consistent"),
    "policy by number": ({"flight.monitoring.policy": 1}, "flight.monitoring.policy"),
    "no patience": ({"flight.monitoring.patience_s": 0.0}, "greater than 0"),
    "patience beyond any flight": ({"flight.monitoring.patience_s": 1e9}, "less than or equal to 3600"),
    "a reset that opens nothing": ({"flight.monitoring.reset_sigma_m": 0.0}, "greater than 0"),
    "a gate of zero": ({"flight.navigation.range_gate_sigma": 0.0}, "greater than 0"),
    "half a decision": ({"flight.guidance.descends_unconfirmed": 0.3}, "multiple of 1"),
    "level ground in orbit": ({"site.onboard_flat_above_site_m": 1e7}, "less than or equal to 10000"),
    "a key that is not there": ({"flight.monitoring.patience": 1.0}, "patience_s"),
}


@pytest.mark.parametrize("case", BAD)
def test_mistakes_are_one_sentence(case):
    overrides, words = BAD[case]
    with pytest.raises(UserError) as caught:
        load("resilience", overrides)
    text = str(caught.value)
    assert words in text, text
    assert "\n" not in text


def test_what_is_drawn_cannot_be_dispersed():
    row = {"path": "site.onboard_flat_above_site_m", "distribution": "normal", "sigma": 10.0}
    with pytest.raises(UserError, match="flight software's, which flies as drawn"):
        load("resilience", {"dispersions": [row]})


def test_the_policy_is_a_number_of_the_mission():
    """By name in the file, by number per lane; the same shape for all landers."""
    assert numbers_of(load("resilience"))["flight.monitoring.policy"] == 0.0
    assert numbers_of(load("hakuto-r-m1"))["flight.monitoring.policy"] == 1.0


@pytest.mark.parametrize("page", ["README.md", "docs/history.md", "docs/models.md", "docs/extending.md"])
def test_links_lead_somewhere(page):
    """Pictures of a page, and pages and files that the README names."""
    text = (ROOT / page).read_text(encoding="utf-8")
    names = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    if page == "README.md":
        names += re.findall(r"`((?:docs|benchmarks|perilune)/[\w/.-]+\.\w+)`", text)
    assert names or page != "README.md"
    for name in names:
        assert ((ROOT / page).parent / name).is_file(), name
