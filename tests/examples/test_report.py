"""`perilune report`: the page says what the campaign's evidence says, is safe and self-contained, and never half-written."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from perilune.campaign.evidence import Evidence
from perilune.campaign.plan import Plan
from perilune.campaign.priors import Failure, Prior
from perilune.campaign.store import Store
from perilune.campaign.strata import strata_of
from perilune.command_line.reporting import address_of, write_report
from perilune.foundation.errors import UserError
from perilune.interface.events import ALL
from perilune.report.campaign_facts import Facts, stratified_quantiles, weighted_quantiles
from perilune.report.campaign_foot import campaign_command
from perilune.report.campaign_ground import scatter_of
from perilune.report.campaign_page import campaign_page
from perilune.report.campaign_tubes import over_height, over_time, tracks_of
from perilune.report.campaign_worst import worst_rows
from tests.examples.test_command_line import perilune

RUNS = 400
HOSTILE = '<script>alert("&")</script> & Söhne'
VOID = {"meta", "br", "hr", "img", "link", "input"}
PLAN = Plan("resilience", 5, healthy=True, build="a build")
PRIORS = (
    Prior("weak <laser>", 0.1, "a guess & no more", (Failure("range_finder.weak_return_db", (("magnitude", (10.0, 20.0)),)),)),
    Prior("dark camera", 0.2, "assumption", (Failure("velocimeter.off", (("magnitude", (1.0, 1.0)), ("start_s", (1.0, 2.0)))),)),
)


class Page(HTMLParser):
    """Reads a page strictly: every element is closed in order; elements, attributes and text are kept."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.seen, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open[-1:]:
            self.words.append(data)

    @property
    def text(self) -> str:
        """What is read."""
        return re.sub(r"\s+", " ", "".join(self.words))


def columns(runs: int = RUNS) -> dict[str, np.ndarray]:
    """Invented rows: every tenth run crashes, the faster the higher its number; miss distance follows one dispersion."""
    stream, run = np.random.default_rng(1), np.arange(runs)
    lost = run % 10 == 3
    down = np.where(lost, 20.0 + 0.01 * run, stream.uniform(0.8, 1.9, runs))
    pull, idle = stream.normal(size=runs), stream.normal(size=runs)
    found: dict[str, np.ndarray] = {"run": run, "outcome": np.where(lost, "crashed", "landed")}
    found["reason"] = np.where(lost, "It met the ground too fast <&>.", "It stands.")
    found["is_within_requirements"] = ~lost
    for kind in ALL:
        there = kind.name == "touchdown"
        for end, value in (("s", 700.0), ("foot_height_m", 0.0), ("speed_mps", 1.0)):
            found[f"{kind.name}_{end}"] = np.full(runs, value if there else np.nan)
    found |= {
        "vertical_speed_mps": down, "horizontal_speed_mps": np.full(runs, 0.1), "tilt_deg": np.full(runs, 2.0),
        "slope_deg": stream.uniform(0.0, 5.0, runs), "miss_distance_m": 200.0 + 50.0 * pull, "propellant_kg": np.full(runs, 60.0),
        "latitude_deg": 60.5 + 0.004 * pull, "longitude_deg": -4.6 + 0.008 * idle,
        "rest_tilt_deg": np.where(lost, np.nan, 3.0), "first_cause": np.where(lost, "late_range", ""),
        "applied/pull_m": pull, "applied/idle_m": idle, "digest": np.asarray([f"{k:064d}" for k in run]),
    }  # fmt: skip
    return found


def tracks(runs: int = 128) -> dict[str, np.ndarray]:
    """Invented records: straight down from 3 km at 30 m/s; the height is believed 2 m too high."""
    time = np.arange(100.0)
    run, second = np.repeat(np.arange(runs), len(time)), np.tile(time, runs)
    height = 3000.0 - 30.0 * second
    found = {"run": run, "time_s": second, "truth/height_above_terrain_m": height, "truth/height_above_site_m": height + 5.0}
    found |= {"navigation/height_above_site_m": height + 7.0, "navigation/height_sigma_m": np.full(len(run), 3.0)}
    found |= {"truth/speed_mps": np.full(len(run), 30.0), "navigation/speed_mps": np.full(len(run), 30.5)}
    return {name: x if name == "run" else x.astype(np.float32) for name, x in found.items()}


def write(folder, mission, rows, plan=PLAN, more=None, with_tracks=True):
    """A campaign's folder with these rows."""
    store, count = Store(folder), len(rows["run"])
    head = {"digest": "f" * 64, "scenario_digest": "e" * 64, "plan": plan.as_json(), "faults": {}, "mission": mission}
    store.write_head({**head, "result": {"runs": count, "landing_probability": {}, "was_stopped": False, **(more or {})}})
    for chunk, first in enumerate(range(0, count, 128)):
        store.write_part(chunk, {name: values[first : first + 128] for name, values in rows.items()}, "f" * 64)
    if with_tracks:
        store.write_part(0, tracks(min(count, 128)), "f" * 64, "tracks")
    return folder


@pytest.fixture(scope="module")
def mission(resilience) -> dict:
    """What campaign.json tells of the mission; its map is nowhere, so that no ground is built."""
    told = resilience.model_dump(mode="json")
    return told | {"title": HOSTILE, "site": told["site"] | {"true_map": "/nowhere/map.tif"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, mission):
    """An invented campaign of 400 runs, 40 of them lost."""
    return write(tmp_path_factory.mktemp("report") / "here & there", mission, columns())


@pytest.fixture(scope="module")
def page(folder) -> str:
    """Its page."""
    return campaign_page(Evidence(folder), folder, 10)


def test_the_page_says_what_the_evidence_says(folder, page):
    read, p = Page(page).text, Evidence(folder).landing_probability()
    assert (p["estimate"], round(p["low"], 4), round(p["high"], 4)) == (0.9, 0.8663, 0.9276)  # 360 of 400, Clopper & Pearson
    assert "Landing probability 0.9000 (95 %: 0.8663 … 0.9276, Clopper-Pearson)." in read
    assert "Landing within all requirements 0.9000 (95 %: 0.8663 … 0.9276)." in read
    assert "late_range40100.0 %" in read.replace(" 40 ", "40")
    assert "The map of the ground is not shown: resilience: site.true_map" in read
    assert "Above what chance reaches (" in read and "): 1." in read  # the miss distance hangs on one number of two
    for title in ("Outcomes and requirements", "Where they met the ground", "How they flew", "First causes",
                  "What touchdown hangs on", "The 10 worst runs", "How this was worked out"):  # fmt: skip
        assert title in read


def test_the_worst_runs_are_told_with_their_replay(folder, page):
    """Invented crashes are the faster the higher their number: 393, 383, … 303."""
    read = Page(page).text
    wanted = [393 - 10 * k for k in range(10)]
    assert [int(k) for k in re.findall(r"Run (\d+): crashed", read)] == wanted
    for run in wanted:
        assert f"perilune replay '{folder}' --run {run}" in read
    assert "--run 293" not in read


def test_the_page_is_whole_safe_and_needs_nothing(page):
    read = Page(page)
    assert not [tag for tag, _ in read.seen if tag in ("script", "link", "img", "iframe")]
    assert HOSTILE in read.text and "<script" not in page
    assert "It met the ground too fast <&>." in read.text
    assert "http" not in page and "@import" not in page
    links = [value for _, attrs in read.seen for name, value in attrs.items() if name in ("href", "src", "xlink:href")]
    assert links and all(value.startswith(("#", "data:image/png;base64,")) for value in links)
    ids = [attrs["id"] for _, attrs in read.seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    used = {value[1:] for value in links if value.startswith("#")} | set(re.findall(r"url\(#([^)]*)\)", page))
    assert used <= set(ids)
    names = [tag for tag, _ in read.seen]
    assert ("html", {"lang": "en"}) in read.seen and names.count("title") == 1
    assert names.count("figure") == names.count("figcaption") == names.count("svg") >= 7
    assert all(attrs.get("aria-label") for tag, attrs in read.seen if tag == "svg")
    assert names.count("table") == names.count("caption") == names.count("thead")
    assert all(attrs.get("scope") in ("row", "col") for tag, attrs in read.seen if tag == "th")


def test_the_same_campaign_has_the_same_page(folder, page):
    assert campaign_page(Evidence(folder), folder, 10) == page


def test_tracks_are_read_second_by_second(folder):
    found = tracks_of(Facts(Evidence(folder)))
    assert len(found) == 128
    seconds, errors = over_time(found, "height error")
    assert seconds[0] == 0.0 and seconds[-1] == 99.0 and np.allclose(errors, 2.0)
    speeds = over_height(found, "speed error")
    is_there = np.isfinite(speeds[0])
    assert np.allclose(speeds[0][is_there], 0.5) and not is_there[-1]  # they end 30 m up


def test_touchdowns_are_laid_about_the_site(folder):
    """0.004° of latitude are 121.3 m on a sphere of 1737.4 km."""
    evidence = Evidence(folder)
    scatter = scatter_of(Facts(evidence))
    assert scatter is not None and scatter.there == RUNS
    east = 0.008 * evidence.column("applied/idle_m") * 30323.4 * np.cos(np.radians(60.5))
    np.testing.assert_allclose(
        scatter.north_m, 121.294 * evidence.column("applied/pull_m"), atol=0.5
    )  # 1 km off, parallels bend by 0.5
    np.testing.assert_allclose(scatter.east_m, east, atol=0.5)  # and meridians close in by 0.1 %
    assert scatter.half_m >= 500.0 and scatter.outside <= 0.03 * RUNS


def test_chance_of_failure_weighs_the_runs(tmp_path, mission):
    """Half the runs are of kinds that are rare: shares and quantiles count them by their probabilities."""

    class Anything:
        def check(self, faults, where):
            pass

    rows, plan = columns(), replace(PLAN, priors=PRIORS)
    strata = strata_of(PRIORS, Anything())
    places = strata.places(np.arange(RUNS))
    rows["stratum"] = np.asarray(strata.names)[places]
    rows["failing"] = np.asarray([strata.said(5, k) for k in range(RUNS)])
    lost = places == 1  # the weak laser loses all
    rows["outcome"] = np.where(lost, "crashed", "landed")
    rows["is_within_requirements"] = ~lost
    rows["fault/range_finder.weak_return_db"] = np.where(lost, 15.0, 0.0)
    evidence = Evidence(write(tmp_path / "priors", mission, rows, plan))
    evidence.__dict__["strata"] = strata  # as the mission's own check would find them
    facts = Facts(evidence)
    shares = np.asarray([0.72, 0.08, 0.18, 0.02])  # none, weak laser, dark camera, both
    wanted = 1.0 / np.sum(shares**2 / np.bincount(places))
    assert facts.counting(np.ones(RUNS)) == pytest.approx(wanted, rel=1e-9) and wanted < RUNS
    assert facts.counting(np.where(places == 0, 1.0, np.nan)) == pytest.approx(np.sum(places == 0), rel=1e-9)
    mass = 0.9 * 0.8 * 0.1 / 0.9  # of the weak laser alone
    assert facts.weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert float(facts.weights @ lost) == pytest.approx(mass, rel=1e-9)
    assert facts.share(facts.outcome == "crashed")["estimate"] == pytest.approx(mass, rel=1e-9)
    text = campaign_page(evidence, "there", 3)
    read = Page(text).text
    assert f"Landing probability {1.0 - mass:.4f} (95 %" in read
    assert "weak <laser>" in read and "a guess & no more" in read and "P(none) = Π (1 − pᵢ)" in read
    assert "What failed: weak <laser>; range_finder.weak_return_db = 15." in read
    assert "--faults PRIORS.toml" in read and "start_s 1 … 2" in read


def test_a_stopped_campaign_tells_no_other_interval(tmp_path, mission):
    kept = {"estimate": 0.9, "low": 0.85, "high": 0.93, "confidence": 0.95, "method": "exact at the moment of stopping"}
    folder = write(tmp_path / "stopped", mission, columns(), more={"was_stopped": True, "landing_probability": kept})
    read = Page(campaign_page(Evidence(folder), folder, 0)).text
    assert "Landing probability 0.9000 (95 %: 0.8500 … 0.9300, exact at the moment of stopping)." in read
    assert "Within all requirements: 0.9000 of the runs, without an interval." in read
    assert "Shares stand without intervals" in read and "worst runs" not in read


def test_few_runs_and_none_on_the_ground_make_a_page(tmp_path, mission):
    rows = columns(3)
    rows = {name: np.full(3, np.nan) if x.dtype == float and not name.startswith("applied/") else x for name, x in rows.items()}
    rows["outcome"] = np.asarray(["timeout", "diverged", "timeout"])
    folder = write(tmp_path / "three", mission, rows, with_tracks=False)
    read = Page(campaign_page(Evidence(folder), folder, 10)).text
    assert "No run met the ground." in read and "Of 0 runs more than a moment was kept" in read and "Too little to tell" in read
    assert "The 3 worst runs" in read and read.count("timed out") >= 2 and "Run 1: diverged" in read


def test_runs_nearest_to_a_limit_follow_the_lost_ones(tmp_path, mission):
    rows = columns(20)
    rows["miss_distance_m"][:] = 100.0
    rows["miss_distance_m"][7] = 999.0  # of 1000
    facts = Facts(Evidence(write(tmp_path / "twenty", mission, rows, with_tracks=False)))
    assert worst_rows(facts, 3) == [13, 3, 7]


def test_weighted_quantiles_are_those_of_repeated_runs():
    """A run of weight three counts as three runs."""
    stream = np.random.default_rng(2)
    values, counts = stream.normal(size=200), stream.integers(1, 5, size=200)
    repeated = np.sort(np.repeat(values, counts))
    for share in (0.05, 0.5, 0.95):
        wanted = repeated[int(np.ceil(share * len(repeated) - 1e-9)) - 1]
        assert weighted_quantiles(values[:, None], counts.astype(float), (share,))[0, 0] == wanted
    holed = np.where(np.arange(200) < 50, np.nan, values)
    assert weighted_quantiles(holed[:, None], np.ones(200), (0.5,))[0, 0] == np.sort(values[50:])[74]


def test_an_interval_over_strata_covers_its_quantile():
    """Two strata of normal numbers, a rare one drawn too often: the mixture's median, by its own arithmetic, is in nearly all."""
    from scipy.special import ndtr

    grid = np.linspace(-5.0, 5.0, 100001)
    median = float(np.interp(0.5, 0.9 * ndtr(grid) + 0.1 * ndtr(grid - 4.0), grid))
    hits, strata = 0, np.repeat(np.asarray(["often", "rare"], dtype=object), (100, 100))
    weights = np.repeat([0.9 / 100, 0.1 / 100], (100, 100))
    for seed in range(60):
        stream = np.random.default_rng(seed)
        values = np.r_[stream.normal(size=100), stream.normal(4.0, 1.0, size=100)]
        found = stratified_quantiles(values, weights, strata, (0.5,))
        hits += found.lows[0] <= median <= found.highs[0]
    assert hits >= 52  # of 60 at 95 %: fewer than 52 come by chance once in 200


def test_the_campaign_can_be_flown_again_by_what_the_foot_says(tmp_path, mission):
    faults = (("imu.off", (("duration_s", 2.0), ("magnitude", 1.0), ("start_s", 500.0))), ("leg.strength_error_percent.2", -95.0))
    plan = replace(PLAN, faults=faults, values=(("lander.dry_mass_kg", 341.0), ("site.true_map", "my map.tif")))
    facts = Facts(Evidence(write(tmp_path / "again", mission, columns(3), plan, with_tracks=False)))
    assert campaign_command(facts, "my runs") == (
        "perilune campaign resilience --runs 3 --seed 5 --healthy --fault imu.off=1.0@duration_s=2.0,start_s=500.0 "
        "--fault leg.strength_error_percent.2=-95.0 --set lander.dry_mass_kg=341.0 --set 'site.true_map=my map.tif' "
        "--device cpu --out 'my runs' --resume"
    )


def test_a_page_that_cannot_be_written_leaves_nothing(folder, tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match="taken cannot be written"):
        write_report(str(folder), str(tmp_path / "taken"), 0)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot be written"):
        write_report(str(folder), str(tmp_path / "file" / "page.html"), 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"] and not list((tmp_path / "taken").iterdir())
    with pytest.raises(UserError, match="give the name of a file"):
        address_of("there", "pages/")
    assert address_of("there", None) == ("there", "report.html")
    assert address_of("there", "page.html") == (".", "page.html") and address_of("there", "/page.html") == ("/", "page.html")
    assert address_of("there", "s3://bucket/page.html") == ("s3://bucket", "page.html")


def test_a_campaign_far_away_keeps_its_page_there(mission):
    pytest.importorskip("fsspec")
    write("memory://far/campaign", mission, columns(20), with_tracks=False)
    written = write_report("memory://far/campaign", None, 2)
    page = Store("memory://far/campaign").place.read("report.html")
    assert written.address == "memory://far/campaign/report.html" and page is not None
    assert "perilune replay memory://far/campaign --run 13" in Page(page.decode()).text


def test_the_command(tmp_path, resilience):
    """With the mission's own map, which is painted under the touchdowns."""
    write(tmp_path / "flown", resilience.model_dump(mode="json"), columns())
    done = perilune("report", "flown", "--worst", "2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["report"], told["runs"], told["worst"]) == ("flown/report.html", RUNS, [393, 383])
    assert told["landing_probability"]["estimate"] == told["within_requirements"]["estimate"] == 0.9
    page = (tmp_path / "flown" / "report.html").read_text(encoding="utf-8")
    assert "The 2 worst runs" in Page(page).text and "data:image/png;base64," in page
    assert "Relief of the ground as flown over" in page
    none = perilune("report", "nothing", cwd=tmp_path)
    assert none.returncode == 2 and none.stderr.startswith("perilune: nothing holds no campaign") and not none.stdout
    assert not (tmp_path / "nothing").exists()
