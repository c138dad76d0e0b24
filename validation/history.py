"""`python -m validation.history`: docs/history.md, what was published of each landing against what flies here, and what saves it.

Every mission that ships is flown from seeds 0–49, healthy, as it happened, and with single changes, all in lanes of one program;
Luna-25 from its parking orbit (`luna_25.py`).
Tolerances are those of the facts page that the missions are built from, a judgement and not published.
"""

import argparse
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.markdown import Markdown

from perilune.campaign.batch import Batch
from perilune.campaign.build import commit
from perilune.flight.executive.contingency import NAMES as CONTINGENCIES
from perilune.flight.monitoring.recovery import NAMES
from perilune.foundation.compilation import use_cache
from perilune.foundation.moon import RADIUS, SURFACE_GRAVITY
from perilune.simulation.checks import mission_faults
from perilune.simulation.load import load

from . import luna_25
from .flights import column, fly_seeds
from .history_figure import draw
from .report import Claim, Section, spread

SEEDS = 50
ROOT = Path(__file__).parent.parent
PARTS = Path(__file__).parent / "parts"
SHARED_DEM = ROOT.parent / "shared" / "data" / "dem"
AS_IT_FLEW = "as it flew"
BLIND_TO_FLOW = "by inertia alone"
HEALTHY = "healthy"


class Change(NamedTuple):
    """A way to fly a mission: with its faults or without, and with other figures."""

    name: str
    is_broken: bool = True
    figures: Mapping[str, Any] = MappingProxyType({})


class Story(NamedTuple):
    """A mission's part of the page."""

    mission: str
    changes: tuple[Change, ...]
    claims: Callable[[dict[str, list[dict[str, Any]]]], list[Claim]]
    words: str
    saved_by: str  # the change that its figure shows beside the flight


def policy(name: str) -> dict[str, float]:
    """The figure that chooses a recovery policy."""
    return {"flight.monitoring.policy": float(NAMES.index(name))}


def fly(mission: str, changes: tuple[Change, ...], values: tuple[tuple[str, Any], ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """Rows of each change by its name, the same seeds in all."""
    read = load(mission, dict(values))
    numbers = Batch(read).numbers
    broken = np.repeat([float(change.is_broken) for change in changes], SEEDS)
    faults = {name: {**table, "magnitude": table["magnitude"] * broken} for name, table in mission_faults(read).items()}
    paths = {path for change in changes for path in change.figures}
    figures = {
        path: np.repeat(np.array([np.asarray(change.figures.get(path, numbers[path])) for change in changes]), SEEDS, axis=0)
        for path in sorted(paths)
    }
    rows = fly_seeds(mission, list(range(SEEDS)) * len(changes), faults, figures, values)
    return {change.name: rows[k * SEEDS : (k + 1) * SEEDS] for k, change in enumerate(changes)}


def landed(rows: list[dict[str, Any]]) -> int:
    """How many stand."""
    return sum(row["outcome"] == "landed" for row in rows)


def share(text: str, rows: list[dict[str, Any]], least: int | None = None) -> Claim:
    """How many of a change's flights landed, judged where there is a least number of them."""
    wanted = "printed" if least is None else f"≥ {least}/{SEEDS}"
    return Claim(text, f"{landed(rows)}/{SEEDS}", wanted, "—", None if least is None else landed(rows) >= least)


def near(text: str, values, published: str, target: float, tolerance: float, source: str) -> Claim:
    """A median against a published figure."""
    holds = bool(abs(np.nanmedian(values) - target) <= tolerance)
    return Claim(text, spread(values), f"{published} ± {tolerance:g}", source, holds)


def resilience(flown: dict[str, list[dict[str, Any]]]) -> list[Claim]:
    """§2 and §9: M2."""
    rows = flown[AS_IT_FLEW]
    impact, height = column(rows, "vertical_speed_mps"), column(rows, "range_finder_acquired_foot_height_m")
    inside = bool(32.0 <= np.median(impact) <= 49.0)
    return [
        Claim("height at the first valid range, m", spread(height), "893", "F H, calibrated on"),
        near("speed there, m/s", column(rows, "range_finder_acquired_speed_mps"), "66", 66.0, 5.0, "F H, input of the held rate"),
        near("speed at 192 m, m/s", column(rows, "speed_at_192_m_mps"), "42", 42.0, 5.0, "F H"),
        Claim("impact, m/s", spread(impact), "32 … 49", "D", inside),
        Claim("crashed", f"{sum(row['outcome'] == 'crashed' for row in rows)}/{SEEDS}", f"{SEEDS}/{SEEDS}", "F H",
              {row["outcome"] for row in rows} == {"crashed"}),
        share("landed: healthy", flown[HEALTHY], SEEDS - 1),
        Claim("height at the first valid range of those that come down by their estimate, m",
              spread(column(flown["by its estimate"], "range_finder_acquired_foot_height_m")), "printed", "the same unit"),
        Claim("and of those that wait at 40 m/s, m",
              spread(column(flown["waits at 40 m/s"], "range_finder_acquired_foot_height_m")), "printed", "the same unit"),
        share("landed: the same late range, but it comes down by its estimate until then", flown["by its estimate"], SEEDS - 1),
        share("landed: the same late range, but it waits at 40 m/s", flown["waits at 40 m/s"], SEEDS - 1),
        share("landed: the same late range, but it waits at 50 m/s", flown["waits at 50 m/s"]),
    ]  # fmt: skip


def hakuto(flown: dict[str, list[dict[str, Any]]]) -> list[Claim]:
    """§1 and §9: M1."""
    rows = flown[AS_IT_FLEW]
    dry, impact = column(rows, "propellant_exhausted_foot_height_m"), column(rows, "vertical_speed_mps")
    hangs, given_up = column(rows, "main_engine_off_foot_height_m"), column(rows, "range_finder_given_up_s")
    off = np.max(np.abs(impact - np.sqrt(2.0 * SURFACE_GRAVITY * dry)))
    miss, hover = column(rows, "miss_distance_m"), column(rows, "propellant_exhausted_speed_mps")
    return [
        Claim("range finder given up after it had been believed", f"{int(np.isfinite(given_up).sum())}/{SEEDS}",
              f"{SEEDS}/{SEEDS}", "F H", bool(np.isfinite(given_up).all())),
        Claim("true height where the ground was believed 12 m below, m", spread(hangs), "≥ 1,500", "F H: about 5 km",
              bool(np.min(hangs) >= 1500.0)),
        Claim("true speed when the tanks were dry, m/s", spread(hover), "≤ 1", "F H: by its telemetry",
              bool(np.median(hover) <= 1.0)),
        Claim("true height when the tanks were dry, m", spread(dry), "5,000 ± 500, a miss is expected", "F H",
              bool(abs(np.median(dry) - 5000.0) <= 500.0)),
        Claim("impact, m/s", spread(impact), "100 … 127, a miss is expected", "F Md", bool(100.0 <= np.median(impact) <= 127.0)),
        Claim("impact less free fall from its own height, m/s, worst", f"{off:.1f}", "≤ 5", "√(2 g h)", bool(off <= 5.0)),
        Claim("distance from the target, m", spread(miss), "≤ 7,000", "F H: 6.7 km", bool(miss.max() <= 7000.0)),
        share("landed: the right map on board", flown["the right map"], SEEDS - 1),
        Claim("range finder given up with the right map, whose posts are 7.6 km apart",
              f"{int(np.isfinite(column(flown['the right map'], 'range_finder_given_up_s')).sum())}/{SEEDS}", "printed", "—"),
        share("landed: the same map, but ranges that agree are believed again", flown["believes again"], SEEDS - 1),
        share("landed: the same, and without a velocimeter", flown["believes again, blind"]),
        share("landed: the same map, but the filter is opened after refusals (1 km)", flown["opens"]),
        share("landed: the same map, but every range is taken, at the gate", flown["takes all"]),
    ]  # fmt: skip


def odysseus(flown: dict[str, list[dict[str, Any]]]) -> list[Claim]:
    """§3 and §9: IM-1."""
    rows = flown[AS_IT_FLEW]
    error = column(rows, "terrain_height_error")
    low, high = np.nanpercentile(error, [10, 90])
    some = [row for row, off in zip(rows, error, strict=True) if 70.0 <= off <= 130.0]
    found = [
        Claim(f"believed less true height over the ground at the end, m, of {int(np.isfinite(error).sum())} that came down",
              f"{spread(error)}; 80 %: {low:.0f} … {high:.0f}", "+100 inside the central 80 %", "F H",
              bool(low <= 100.0 <= high)),
        near("speed down, m/s, all", column(rows, "vertical_speed_mps"), "2.7", 2.7, 0.5, "F H"),
        near("speed across, m/s, all", column(rows, "horizontal_speed_mps"), "0.9", 0.9, 0.5, "F H"),
    ]  # fmt: skip
    if some:
        down, across = column(some, "vertical_speed_mps"), column(some, "horizontal_speed_mps")
        found += [
            near(f"speed down, m/s, of {len(some)} at +100 ± 30 m", down, "2.7", 2.7, 0.5, "F H"),
            near("speed across, m/s, of these", across, "0.9", 0.9, 0.5, "F H"),
        ]
    without = flown[BLIND_TO_FLOW]
    shares = share("landed: healthy", flown[HEALTHY], SEEDS - 3), share("landed: as it flew", rows)
    return [*found, *shares, share("landed: the same, and no flow taken in", without)]


def blue_ghost(flown: dict[str, list[dict[str, Any]]]) -> list[Claim]:
    """§4 and §9: Blue Ghost M1."""
    rows = flown[HEALTHY]
    touch, lit = column(rows, "touchdown_s"), column(rows, "powered_descent_initiation_s")
    miss = column(rows, "miss_distance_m")
    return [
        near("from ignition to touchdown, s", touch - lit, "690", 690.0, 60.0, "F P H: T−11 to −12 min, and 30 s"),
        near("braking, s", column(rows, "braking_end_s") - lit, "540", 540.0, 30.0, "F P H, an input"),
        near(
            "main engine off before touchdown, s",
            touch - column(rows, "main_engine_off_s"),
            "100",
            100.0,
            30.0,
            "F P H, an input",
        ),
        near("speed down, m/s", column(rows, "vertical_speed_mps"), "0.95", 0.95, 0.3, "F P H, an input"),
        Claim("distance from the target, m", spread(miss), "≤ 120", "F P H: 118 m", bool(np.median(miss) <= 120.0)),
        share("landed", rows, SEEDS - 2),
    ]


def slim(flown: dict[str, list[dict[str, Any]]]) -> list[Claim]:
    """§5 and §9: SLIM."""
    rows, whole = flown[AS_IT_FLEW], flown[HEALTHY]
    metre = np.radians(1.0) * RADIUS * np.cos(np.radians(column(rows, "latitude_deg")))
    drift = (column(rows, "longitude_deg") - column(whole, "longitude_deg")) * metre
    tips = sum(row["outcome"] == "tipped" for row in rows)
    return [
        near("speed down, m/s", column(rows, "vertical_speed_mps"), "1.4", 1.4, 0.5, "F H"),
        near("drift to the east, m", drift, "55", 55.0, 20.0, "F H"),
        Claim("tipped", f"{tips}/{SEEDS}", "most", "F H: nose down", tips > SEEDS // 2),
        share("landed: healthy", whole, SEEDS - 5),
    ]


TERRAIN, START = "flight.navigation.terrain_sigma_m", "flight.navigation.position_sigma_rtn_m"
NARROW, WIDE = ({TERRAIN: terrain, START: [radial, 250.0, 150.0]} for terrain, radial in ((20.0, 30.0), (500.0, 500.0)))
BLIND = {"lander.sensors.velocimeter.is_fitted": 0.0}
CONTROLS = (
    Change(AS_IT_FLEW),
    Change("the right map", False),
    Change("narrow sigma", True, NARROW),
    Change("wide sigma", True, WIDE),
)
STORIES = (
    Story(
        "hakuto-r-m1",
        (
            Change(AS_IT_FLEW),
            Change("the right map", False),
            Change("believes again", True, policy("reject_until_consistent")),
            Change("opens", True, policy("covariance_reset")),
            Change("takes all", True, policy("inflate_and_accept")),
            Change("believes again, blind", True, policy("reject_until_consistent") | BLIND),
        ),
        hakuto,
        "Level ground on board, at the height of the site before it was moved to Atlas; the real rim below; a range finder "
        "that does not fit is given up. No bias is added. The rim is followed up, which navigation takes for its own error in"
        " height and in climb rate; the drop behind it is refused. What the map gives is 2 to 3 km; the rest of the reported "
        "5 km is unexplained.",
        "believes again",
    ),
    Story(
        "resilience",
        (
            Change(HEALTHY, False),
            Change(AS_IT_FLEW),
            Change("by its estimate", True, {"flight.contingency.without_range": float(CONTINGENCIES.index("descend"))}),
            Change("waits at 40 m/s", True, {"flight.guidance.hold_rate_mps": 40.0}),
            Change("waits at 50 m/s", True, {"flight.guidance.hold_rate_mps": 50.0}),
        ),
        resilience,
        "The return is weakened so that the median flight acquires at 893 m; what follows is predicted. The unit is as late "
        "for the flights that land: what saves them is how fast they come down while they wait.",
        "by its estimate",
    ),
    Story(
        "odysseus",
        (Change(HEALTHY, False), Change(AS_IT_FLEW), Change(BLIND_TO_FLOW, True, {"flight.navigation.flow_gate_sigma": 1e-6})),
        odysseus,
        "No altimeter, no Doppler lidar; fixes of its camera to 15 km, optical flow from there. Flow is velocity over distance, "
        "and the accelerometers know how the velocity changes: so height can be told from it while the lander brakes, and this "
        "filter does, over the map on board. The real one believed its height.",
        AS_IT_FLEW,
    ),
    Story(
        "blue-ghost",
        (Change(HEALTHY, False),),
        blue_ghost,
        "It worked. Masses and guidance are derived from its timeline, which is flown and not foretold. Fixes of its "
        "camera, whose map is tied to 20 m, bring it to the target; nothing on board avoids slopes yet.",
        HEALTHY,
    ),
    Story(
        "slim",
        (Change(HEALTHY, False), Change(AS_IT_FLEW)),
        slim,
        "One of two engines falls to a tenth at 50 m. What is missing of the thrust is felt and asked for, but no harder than "
        "attitude thrusters can hold against the engine that is left: 0.2 m off the axis (M) it turns the lander more than they "
        "can at the thrust that would carry it.",
        HEALTHY,
    ),
)  # fmt: skip
HEAD = """# History

Generated by `python -m validation.history`; do not edit. Published against flown, seeds 0–49: medians, in brackets the
central 95 %.
*holds* and *misses* judge by the tolerances of the facts that the missions are built from, which are a judgement, not published;
*printed* figures have none. F, D, M: found in a published source, derived from such, from memory or judgement; H, Md, L:
how sure. All fly from powered descent initiation but Luna-25, which never came there and is flown from its parking orbit.
"""


def approaches() -> Section:
    """Mission 1's controls over the ways it may have come, whose azimuth was not published."""
    rows, absent = [], []
    for azimuth in (0.0, 180.0, 150.0, 270.0, 330.0):
        values: tuple[tuple[str, Any], ...] = (("start.approach_azimuth_deg", azimuth),)
        if azimuth not in (0.0, 180.0):  # outside the maps that ship
            if not SHARED_DEM.is_dir():
                absent.append(f"{azimuth:.0f}°")
                continue
            maps = (("site.true_map", str(SHARED_DEM / "LDEM_16.LBL")), ("site.onboard_map", str(SHARED_DEM / "LDEM_4.LBL")))
            values += maps
        flown = fly("hakuto-r-m1", CONTROLS, values)
        for name, part in flown.items():
            dry, late = column(part, "propellant_exhausted_foot_height_m"), column(part, "range_finder_given_up_s")
            fell = [row for row in part if row["outcome"] == "crashed"]
            height = f"{np.nanmedian(dry):.0f}" if np.isfinite(dry).any() else "—"
            speed = f"{np.median(column(fell, 'vertical_speed_mps')):.0f}" if fell else "—"
            rows.append(
                [f"{azimuth:.0f}", name, f"{landed(part)}/{SEEDS}", f"{int(np.isfinite(late).sum())}/{SEEDS}", height, speed]
            )
    words = [
        "The heading of Mission 1's approach was not published. *Narrow*: 20 m of trust in the map, 30 m of radial position "
        "at the start; *wide*: 500 m of both; as drawn 140 and 100 m. Heading 180° comes from the north over 1.9 km of rim "
        "13 to 21 km before the site, 150° over 2.3 km; 0° over 2.9 km some 60 km before it."
    ]
    if absent:
        words.append(f"Not flown for want of a map that is wide enough (../shared/data/dem): {', '.join(absent)}.")
    header = ["heading, °", "flown", "landed", "range finder given up", "dry at, m (median)", "impact of the crashed, m/s"]
    return Section("Mission 1 by approach, map and sigma", words, tables=[(header, rows)])


def of_mission(story: Story) -> Section:
    """One mission: its claims and its figure."""
    section = Section(load(story.mission).title, [story.words], story.claims(fly(story.mission, story.changes)))
    picture = draw(story.mission, story.changes, story.saved_by, ROOT / "docs" / "pictures")
    section.words.append(f"![{section.title}](pictures/{picture.name})")
    return section


STUDIES: dict[str, Callable[[], Section]] = {story.mission: partial(of_mission, story) for story in STORIES}
STUDIES[luna_25.MISSION] = partial(luna_25.study, SEEDS, ROOT / "docs" / "pictures")
STUDIES["approaches"] = approaches


def main() -> None:
    """Fly the chosen parts (default: all) and print them; the page is put together from the newest of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *STUDIES], help="which (default: all)")
    use_cache()
    for name in parser.parse_args().parts or list(STUDIES):
        # Read before: what is flown from here on.
        measured = f"Measured {date.today().isoformat()} at commit {(commit() or 'unknown')[:10]}.\n"
        text = STUDIES[name]().markdown() + measured
        (PARTS / f"history-{name}.md").write_text(text)
        Console().print(Markdown(text))
    parts = [PARTS / f"history-{name}.md" for name in STUDIES]
    (ROOT / "docs" / "history.md").write_text("\n".join([HEAD, *(part.read_text() for part in parts if part.is_file())]))


if __name__ == "__main__":
    main()
