"""The recovery policy in a mission file, and what the pages point to."""

import re
from pathlib import Path

import pytest

from perilune.foundation.errors import UserError
from perilune.simulation.load import load
from perilune.simulation.numbers import numbers_of

ROOT = Path(__file__).parent.parent.parent


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
