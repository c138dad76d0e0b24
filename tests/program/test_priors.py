"""Faults by chance: the strata of a table of priors, what is drawn of them, and what is said of the landing probability."""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from perilune.campaign.plan import Plan, batch_of
from perilune.campaign.priors import Failure, Prior, priors_back, read_priors
from perilune.campaign.run import Means, fly_campaign
from perilune.campaign.statistics import clopper_pearson
from perilune.campaign.strata import LEAST, NONE, TWO, landing_of, strata_of
from perilune.campaign.tally import Tally
from perilune.foundation.errors import UserError


class Anything:
    """A flight that stands every fault."""

    def check(self, faults: dict[str, Any], where: str) -> None:
        """Never raises."""


CHANCES = (0.3, 0.05, 0.2, 0.01)
PRIORS = tuple(
    Prior(f"thing {k}", p, "assumption", (Failure(f"fault {k}", (("magnitude", (1.0, 1.0)), ("start_s", (100.0, 400.0)))),))
    for k, p in enumerate(CHANCES)
)
STRATA = strata_of(PRIORS, Anything())
ROW = """
[[priors]]
kind = "range_finder.weak_return_db"
magnitude = 20.0
probability = 0.05
source = "assumption"
"""


def test_masses_are_those_of_independent_things():
    """Against the sum over all sixteen combinations."""
    masses: dict[str, float] = defaultdict(float)
    for happens in product((0, 1), repeat=len(CHANCES)):
        chance = float(np.prod([p if h else 1.0 - p for p, h in zip(CHANCES, happens, strict=True)]))
        name = {0: NONE, 1: f"thing {happens.index(1)}" if 1 in happens else "", 2: TWO}.get(sum(happens), "more")
        masses[name] += chance
    assert STRATA.names == (NONE, *(f"thing {k}" for k in range(4)), TWO)
    for name, mass in zip(STRATA.names, STRATA.masses, strict=True):
        assert mass == pytest.approx(masses[name], rel=1e-12)  # rounding
    assert STRATA.neglected == pytest.approx(masses["more"], rel=1e-9)  # of a difference of numbers near one
    for (i, j), share in zip(STRATA.pairs, STRATA.pair_shares, strict=True):
        odds = CHANCES[i] * CHANCES[j] / (1 - CHANCES[i]) / (1 - CHANCES[j])
        assert share * masses[TWO] == pytest.approx(odds * masses[NONE], rel=1e-12)  # rounding


def test_runs_are_shared_out_half_evenly_and_half_by_probability():
    """Counts of any first runs stay within a few of their shares, and pairs come by their probabilities."""
    runs = np.arange(20_000)
    shares = 0.5 / 6 + 0.5 * np.asarray(STRATA.masses) / sum(STRATA.masses)
    for count in (137, 1000, 20_000):
        found = np.bincount(STRATA.places(runs[:count]), minlength=6)
        assert np.all(np.abs(found - count * shares) < 6.0), count  # log₂ 20,000 / 2 bounds it; chance alone would give 50
    least = STRATA.least_runs()
    counts = [np.bincount(STRATA.places(runs[:n]), minlength=6).min() for n in (least - 1, least)]
    assert counts[0] < LEAST <= counts[1]
    twos = [run for run in range(12_000) if len(STRATA.failing(3, run)) == 2]
    found = Counter(STRATA.failing(3, run) for run in twos)
    for pair, share in zip(STRATA.pairs, STRATA.pair_shares, strict=True):
        spread = np.sqrt(len(twos) * share * (1 - share))
        assert abs(found[pair] - len(twos) * share) < 4.5 * spread + 1  # 4.5 σ: one in 25,000 by chance


def test_what_is_drawn_hangs_on_seed_and_run_alone():
    longer = strata_of((*PRIORS, Prior("last", 0.1, "assumption", PRIORS[0].failures)), Anything())
    assert PRIORS[2].drawn(5, 77, 2) == longer.priors[2].drawn(5, 77, 2)
    assert PRIORS[2].drawn(5, 77, 2) != PRIORS[2].drawn(5, 78, 2)
    assert PRIORS[2].drawn(5, 77, 2)["fault 2"]["magnitude"] == 1.0
    starts = [PRIORS[0].drawn(1, run, 0)["fault 0"]["start_s"] for run in range(2000)]
    assert kstest(starts, "uniform", (100.0, 300.0)).pvalue > 1e-3  # one in a thousand by chance; the seed is fixed


def test_landing_over_strata():
    """The sum by probabilities; what is not flown is landed in the estimate, lost at the low end."""
    flown = dict.fromkeys(STRATA.names, 100)
    landed: dict[str, int] = dict(zip(STRATA.names, (100, 20, 50, 90, 100, 0), strict=True))
    found = landing_of(STRATA, flown, landed, 0.95)
    shares = np.asarray([landed[name] / 100 for name in STRATA.names])
    assert found["estimate"] == pytest.approx(1.0 - np.asarray(STRATA.masses) @ (1.0 - shares), rel=1e-12)  # rounding
    assert found["neglected"] == STRATA.neglected
    worst = np.asarray([1.0 - clopper_pearson(100 - landed[name], 100)[1] for name in STRATA.names])
    assert np.asarray(STRATA.masses) @ worst < found["low"] + STRATA.neglected + 1e-12 < found["estimate"]
    assert found["estimate"] <= found["high"] <= 1.0
    assert landing_of(STRATA, flown | {TWO: 0}, landed, 0.95)["estimate"] is None


def test_a_table_is_read(tmp_path):
    path = tmp_path / "priors.toml"
    path.write_text(
        ROW
        + """
[[priors]]
name = "bus"
probability = 0.01
source = "assumption: one in a hundred"
start_s = { low = 100, high = 300 }
delay_s = 1.5
faults = [
  { kind = "imu.off", magnitude = 1, duration_s = 2.0 },
  { kind = "velocimeter.off", magnitude = 1 },
  { kind = "star_tracker.off", magnitude = 1, event = "upright" },
]
"""
    )
    found = read_priors(path)
    assert [prior.name for prior in found] == ["range_finder.weak_return_db", "bus"]
    assert found[0].failures == (Failure("range_finder.weak_return_db", (("magnitude", (20.0, 20.0)),)),)
    drawn = found[1].drawn(0, 9, 1)
    assert drawn["star_tracker.off"] == {"delay_s": 1.5, "event": "upright", "magnitude": 1.0}  # a moment of its own
    assert drawn["imu.off"] == drawn["velocimeter.off"] | {"duration_s": 2.0}  # one cause, one moment
    assert 100.0 < drawn["imu.off"]["start_s"] < 300.0 and drawn["imu.off"]["delay_s"] == 1.5
    plan = Plan("resilience", 1, priors=found)
    assert priors_back(plan.as_json()["priors"]) == found


BAD = {
    "no table": ("title = 3 =", "is no TOML"),
    "none": ("", r"key priors is missing; docs/campaigns\.md says what"),
    "no list": ("priors = 3", r"priors"),
    "nameless": (ROW + "name = ''\n", r"priors\.0\.name"),
    "blank": (ROW.replace('"assumption"', '"  "'), r"priors\.0\.source"),
    "certain": (ROW.replace("0.05", "1.0"), r"priors\.0\.probability"),
    "impossible": (ROW.replace("0.05", "0.0"), r"priors\.0\.probability"),
    "unfounded": (ROW.replace('"assumption"', '""'), r"priors\.0\.source"),
    "silent": (ROW.replace('source = "assumption"', ""), r"priors\.0\.source"),
    "backwards": (ROW.replace("20.0", "{ low = 9, high = 3 }"), "low = …, high = …"),
    "words": (ROW.replace("20.0", '"much"'), "low = …, high = …"),
    "unknown key": (ROW + "colour = 3\n", "colour"),
    "twice": (ROW + ROW, "stands twice"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_told(name, tmp_path):
    text, said = BAD[name]
    path = tmp_path / "priors.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=said) as told:
        read_priors(path)
    assert str(path) in str(told.value)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_priors(tmp_path / "absent.toml")


def plan_with(*rows: tuple[str, float], healthy: bool = True) -> Plan:
    """Resilience with these faults, one in twenty each."""
    priors = tuple(Prior(name, 0.05, "assumption", (Failure(name, (("magnitude", (x, x)),)),)) for name, x in rows)
    return Plan("resilience", 7, healthy, values=(("start.lead_time_s", 18.0),), priors=priors)


def test_what_cannot_fail_together_is_counted_as_not_flown(tmp_path):
    plan = plan_with(("main_engine.stuck_open", 1.0), ("main_engine.stuck_closed", 1.0), ("imu.off", 1.0))
    strata = plan.strata(batch_of(plan).mission)
    assert strata is not None and strata.pairs == ((0, 2), (1, 2))
    assert strata.neglected == pytest.approx(0.05**3 + 0.05**2 * 0.95, rel=1e-9)  # all three, and the pair that cannot be
    with pytest.raises(UserError, match=r"unknown fault “imu\.of”"):
        plan_with(("imu.of", 1.0)).strata(batch_of(plan).mission)
    both = plan_with(("range_finder.weak_return_db", 5.0), healthy=False)
    with pytest.raises(
        UserError, match=r"every run has range_finder\.weak_return_db already: leave it out, or fly with --healthy"
    ):
        both.strata(batch_of(both).mission)
    half = replace(plan, priors=(Prior("half", 0.1, "assumption", (Failure("imu.off", (("magnitude", (0.0, 1.0)),)),)),))
    with pytest.raises(UserError, match="it is 0 or 1, nothing between"):
        half.strata(batch_of(half).mission)
    many = [(f"imu.gyro_bias_deg_per_h.{axis}", 1.0) for axis in "xyz"] + [(f"footpad_switch.dead.{k}", 1.0) for k in range(1, 5)]
    waiting = [Failure(name, (("magnitude", (x, x)), ("start_s", (float(k), float(k))))) for k, (name, x) in enumerate(many, 1)]
    seven = Prior("seven", 0.1, "assumption", tuple(waiting))
    more = [
        Failure(f"assist_engine.stuck_closed.{k}", (("magnitude", (1.0, 1.0)), ("start_s", (50.0 + k, 50.0 + k))))
        for k in (1, 2, 3)
    ]
    more += [Failure(f"velocimeter.{name}", (("magnitude", (1.0, 1.0)), ("start_s", (70.0, 70.0)))) for name in ("off",)]
    more += [Failure("star_tracker.off", (("magnitude", (1.0, 1.0)), ("start_s", (80.0, 80.0))))]
    crowded = replace(plan, priors=(seven, Prior("five", 0.1, "assumption", tuple(more))))
    strata = crowded.strata(batch_of(crowded).mission)
    assert strata is not None and strata.pairs == ()  # twelve triggers, and a lane has room for eleven
    early = plan_with(("range_finder.weak_return_db", 500.0))
    with pytest.raises(UserError, match=r"outside 0\.\.120"):
        early.strata(batch_of(early).mission)
    with pytest.raises(UserError, match="are too few for 5 kinds of runs"):
        fly_campaign(plan, Path(tmp_path), 5, means=Means(1))


def test_a_tally_weighs_its_strata():
    tally = Tally(12, strata=STRATA)
    names = np.repeat(STRATA.names, 2)
    outcome = np.where(np.arange(12) % 4 == 3, "crashed", "landed")
    tally.add(
        {"outcome": outcome, "is_within_requirements": outcome == "landed", "first_cause": np.repeat("", 12), "stratum": names},
        True,
    )
    lost = [row["lost"] for row in tally.as_json()["strata"]]
    assert lost == [0, 1, 0, 1, 0, 1]
    expected = 1.0 - sum(m * x / 2 for m, x in zip(STRATA.masses, lost, strict=True))
    assert tally.probability()["estimate"] == pytest.approx(expected, rel=1e-12)  # rounding
    assert tally.within() == tally.probability()["estimate"]
