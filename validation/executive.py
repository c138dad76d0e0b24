"""The executive under what its inputs do: cut-off, contingencies without a range, thrusters that fail, a gauge that lies."""

from collections import Counter
from typing import Any, NamedTuple

import jax
import numpy as np

from perilune.campaign.batch import WIDTH
from perilune.campaign.jobs import Job, fly_lanes, rows_of
from perilune.campaign.pool import spread as over_cores
from perilune.flight.executive.contingency import NAMES as CONTINGENCIES
from perilune.flight.executive.cut_off import NAMES as CUT_OFFS
from perilune.simulation.load import load

from .flights import column
from .report import Claim, Section

SEEDS = 25  # all ways of a case in one batch
UNTIL_DRY_S = 1800.0
STUCK = ("stuck_closed", "stuck_open")
DRY = "slim, stuck open"
THRUSTED = ("resilience", "blue-ghost", "slim")


class Way(NamedTuple):
    """A way to set the executive, and its figures."""

    name: str
    figures: dict[str, float]


def cut_off(name: str, **figures: float) -> dict[str, float]:
    """The figures of a cut-off."""
    given = {"contact_time_s": 0.0, "height_m": 0.5, "height_time_s": 0.5} | figures
    return {"flight.cut_off.by": float(CUT_OFFS.index(name))} | {f"flight.cut_off.{key}": x for key, x in given.items()}


def contingency(name: str, **figures: float) -> dict[str, float]:
    """The figures of a contingency."""
    given = {"hover_height_m": 0.0, "height_m": 0.0, "rate_mps": 0.0, "reserve_s": 0.0} | figures
    chosen = {"flight.contingency.without_range": float(CONTINGENCIES.index(name)), "start.time_limit_s": UNTIL_DRY_S}
    return chosen | {f"flight.contingency.{key}": x for key, x in given.items()}


CUT_OFF = (
    Way("contact", cut_off("contact")),
    Way("contact for 0.3 s", cut_off("contact", contact_time_s=0.3)),
    Way("height", cut_off("height")),
    Way("contact or height", cut_off("contact_or_height", contact_time_s=0.3)),
    Way("contact and height", cut_off("contact_and_height", contact_time_s=0.3, height_m=1.0)),
)
SIGNS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a switch says contact from 1,500 m on": {"footpad_switch.early.1": {"magnitude": 1.0, "below_m": 1500.0}},
    "all switches chatter, 1 % a cycle each": {"footpad_switch.chatter_probability": 0.01},
    "all switches chatter, 5 % a cycle each": {"footpad_switch.chatter_probability": 0.05},
    "all switches are dead": {"footpad_switch.dead": 1.0},
    "the range reads 20 m short from 200 m on": {"range_finder.bias_m": {"magnitude": -20.0, "below_m": 200.0}},
    "the range reads 20 m long from 200 m on": {"range_finder.bias_m": {"magnitude": 20.0, "below_m": 200.0}},
}
WITHOUT = (
    Way("wait", contingency("wait")),
    Way("hover at 500 m", contingency("hover", hover_height_m=500.0)),
    Way("hover at 500 m; 150 s left: descend, last 100 m at 2.5 m/s",
        contingency("hover", hover_height_m=500.0, height_m=100.0, rate_mps=2.5, reserve_s=150.0)),
    Way("descend", contingency("descend")),
    Way("descend, last 100 m at 2.5 m/s", contingency("descend", height_m=100.0, rate_mps=2.5)),
)  # fmt: skip
UNSEEN: dict[str, tuple[str, dict[str, Any]]] = {
    "Resilience, the range finder's return weak as it was": ("resilience", {"range_finder.weak_return_db": 21.53}),
    "Resilience, no range at all": ("resilience", {"range_finder.weak_return_db": 0.0, "range_finder.off": 1.0}),
    "SLIM, no range; Doppler beams": ("slim", {"range_finder.off": 1.0}),
    "SLIM, no range, no beams": ("slim", {"range_finder.off": 1.0, "velocimeter.off": 1.0}),
}


def jobs_of(mission: str, ways: tuple[Way, ...], faults: dict[str, Any], seeds: int = SEEDS) -> list[Job]:
    """All ways with the same seeds, as batches."""
    lanes = [(way, seed) for way in ways for seed in range(seeds)]
    found = []
    for first in range(0, len(lanes), WIDTH):
        part = lanes[first : first + WIDTH]
        figures = {path: np.array([way.figures[path] for way, _ in part]) for path in ways[0].figures}
        found.append(Job(mission, tuple(seed for _, seed in part), faults, figures))
    return found


def fly(job: Job) -> list[dict[str, Any]]:
    """Rows of a job, and what flight software believed of the propellant at the end against what there was, kg."""
    flown = fly_lanes(job)
    last = jax.device_get(flown.last)
    off = np.asarray(last.memory.propellant) - np.asarray(last.truth.motion.propellant)
    found = rows_of(job, flown)
    for lane, row in enumerate(found):
        row["propellant_error"] = float(off[lane])
    return found


def told(rows: list[dict[str, Any]]) -> str:
    """Outcomes, with the median speed down."""
    outcomes = Counter(row["outcome"] for row in rows)
    said = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in outcomes.most_common())
    down = column(rows, "vertical_speed_mps")
    return f"{said} ({np.nanmedian(down):.1f} m/s)" if np.isfinite(down).any() else said


def table_of(cases: dict[str, tuple[str, dict[str, Any]]], ways: tuple[Way, ...]) -> dict[str, list[list[dict[str, Any]]]]:
    """Rows of each way in each case."""
    healthy = {name: {f.name: 0.0 for f in load(name).faults} for name in {mission for mission, _ in cases.values()}}
    jobs = {case: jobs_of(mission, ways, healthy[mission] | faults) for case, (mission, faults) in cases.items()}
    flown = over_cores(fly, [job for each in jobs.values() for job in each])
    found = {}
    for case, each in jobs.items():
        rows = [row for _ in each for row in next(flown)]
        found[case] = [rows[k * SEEDS : (k + 1) * SEEDS] for k in range(len(ways))]
    return found


def landed(rows: list[dict[str, Any]]) -> int:
    """How many stand."""
    return sum(row["outcome"] == "landed" for row in rows)


def with_one_stuck(name: str, what: str) -> Job:
    """Each attitude thruster stuck in nine lanes of its own, and nine whole ones; the same seeds."""
    mission = load(name)
    count = len(mission.lander.engines.attitude.place_m)
    seeds = WIDTH // (count + 1)
    which = np.repeat(np.arange(count + 1), seeds)
    faults: dict[str, Any] = {fault.name: 0.0 for fault in mission.faults}
    faults |= {f"attitude_thruster.{what}.{k + 1}": (which == k).astype(float) for k in range(count)}
    return Job(name, tuple(seed for _ in range(count + 1) for seed in range(seeds)), faults, {})


def thrusters() -> tuple[list[list[str]], dict[str, int]]:
    """What comes of each, by lander; and how many landings the worst thruster costs there."""
    table, worst = [], {}
    chosen = [(name, what) for name in THRUSTED for what in STUCK]
    for (name, what), rows in zip(chosen, over_cores(fly, [with_one_stuck(*one) for one in chosen]), strict=True):
        seeds = len({row["seed"] for row in rows})
        each = [rows[k : k + seeds] for k in range(0, len(rows), seeds)]
        whole, stand = landed(each[-1]), [landed(part) for part in each[:-1]]
        broken = [row for part in each[:-1] for row in part]
        worst[f"{name}, {what.replace('_', ' ')}"] = whole - min(stand)
        table.append(
            [
                f"{name}, {len(stand)} thrusters, {what.replace('_', ' ')}",
                f"{whole}/{seeds}",
                f"{sum(stand)}/{len(broken)}",
                f"{min(stand)}/{seeds}",
                f"{np.nanmedian(column(broken, 'vertical_speed_mps')):.1f}",
                f"{np.nanmedian(column(broken, 'propellant_kg')) - np.nanmedian(column(each[-1], 'propellant_kg')):+.1f}",
                f"{np.nanpercentile(column(broken, 'tilt_deg'), 97.5):.1f}",
            ]
        )
    return table, worst


def gauges() -> tuple[list[list[str]], list[float]]:
    """Blue Ghost with another load than was booked, the gauge looked at or not, whole or lying: one batch."""
    cases = ((0.0, 0.0), (-15.0, 0.0), (15.0, 0.0), (0.0, 60.0), (0.0, -60.0))  # kg: load, gauge
    gates = (0.0, 4.0)
    seeds = WIDTH // (len(cases) * len(gates))
    lanes = [(case, gate, seed) for case in cases for gate in gates for seed in range(seeds)]
    figures = {
        "flight.propellant.gauge_gate_sigma": np.array([gate for _, gate, _ in lanes]),
        "flight.propellant.load_sigma_kg": np.full(len(lanes), 10.0),
        "lander.propellant_load_error_kg": np.array([case[0] for case, *_ in lanes]),
    }
    faults = {"propellant_gauge.bias_kg": np.array([case[1] for case, *_ in lanes])}
    (rows,) = over_cores(fly, [Job("blue-ghost", tuple(seed for *_, seed in lanes), faults, figures)])
    each = [rows[k * seeds : (k + 1) * seeds] for k in range(len(cases) * len(gates))]
    rms = [float(np.sqrt(np.nanmean(column(part, "propellant_error") ** 2))) for part in each]
    table = [
        [
            *(f"{x:+g}" for x in case),
            *(f"{x:.1f}" for x in rms[2 * k : 2 * k + 2]),
            *(f"{landed(part)}/{seeds}" for part in each[2 * k : 2 * k + 2]),
        ]
        for k, case in enumerate(cases)
    ]
    return table, rms[1::2]


def claims_of(signs, unseen, worst: dict[str, int], errors: list[float]) -> list[Claim]:
    """What must come out of it."""
    count = {case: [landed(rows) for rows in each] for case, each in signs.items()}
    whole = count["nothing"]
    rare, often = (count[f"all switches chatter, {share} % a cycle each"] for share in (1, 5))
    early, dead = (count[case] for case in ("a switch says contact from 1,500 m on", "all switches are dead"))
    weak = [landed(rows) for rows in unseen["Resilience, the range finder's return weak as it was"]]
    beams = [landed(rows) for rows in unseen["SLIM, no range; Doppler beams"]]
    less = "as whole, less 2"
    return [
        Claim("whole switches, fewest of all cut-offs", f"{min(whole)}/{SEEDS}", less, "ours",
              min(whole) >= whole[0] - 2),
        Claim("chatter of 1 %: contact at once", f"{rare[0]}/{SEEDS}", "0", "one cycle is enough", rare[0] == 0),
        Claim("chatter of 1 %: contact for 0.3 s", f"{rare[1]}/{SEEDS}", less,
              "four cycles in a row: 2.4e-6 a cycle, 1.5 % a flight", rare[1] >= whole[1] - 2),
        Claim("chatter of 5 %: contact for 0.3 s and height", f"{often[4]}/{SEEDS}", less, "ours", often[4] >= whole[4] - 2),
        Claim("a switch stuck early: contact for 0.3 s", f"{early[1]}/{SEEDS}", "0", "no time tells it", early[1] == 0),
        Claim("a switch stuck early: contact and height", f"{early[4]}/{SEEDS}", less, "ours", early[4] >= whole[4] - 2),
        Claim("dead switches: contact or height", f"{dead[3]}/{SEEDS}", less, "ours", dead[3] >= whole[3] - 2),
        Claim("Resilience as it flew: wait", f"{weak[0]}/{SEEDS}", "0", "F", weak[0] == 0),
        Claim("Resilience as it flew: hover at 500 m", f"{weak[1]}/{SEEDS}", "most", "ranges from 893 m", weak[1] > SEEDS // 2),
        Claim("SLIM by its beams alone", f"{beams[0]}/{SEEDS}", f"≥ {SEEDS - 2}", "ours", beams[0] >= SEEDS - 2),
        *(
            Claim(f"landings of nine that the worst stuck thruster costs: {case}", str(lost),
                  "printed" if case == DRY else "≤ 2", "runs dry" if case == DRY else "ours", None if case == DRY else lost <= 2)
            for case, lost in worst.items()
        ),
        Claim("error of the propellant believed, with a gauge, worst rms, kg", f"{max(errors):.1f}", "≤ 10",
              "the sigma of the load", max(errors) <= 10.0),
    ]  # fmt: skip


WORDS = [
    f"{SEEDS} seeds a cell: outcomes, and the median speed down at contact. First table: what ends powered flight "
    "(`[flight.cut_off]`) on a Resilience whose range finder is whole, under wrong signs of the ground. Height: feet believed "
    "no higher than 0.5 m for 0.5 s; with contact, than 1 m. Engines are flown for half a second after contact and no longer: "
    "dead switches show no harm here.",
    "Second table: what is done without a range (`[flight.contingency]`).",
    "Third: any one attitude thruster stuck; propellant is what it takes, tilt the 97.5th percentile at contact. A thruster of "
    "22 N that is stuck open burns 7 kg in SLIM's 860 s, those that hold against it as much again, and SLIM has 3 kg left at "
    "touchdown: it runs dry whatever allocation does, and only an isolation valve would help.",
    "Fourth: Blue Ghost's propellant as believed at the end, rms, with a load that nobody booked and a gauge that reads wrong "
    "by a constant.",
]


def study() -> Section:
    """All of it."""
    signs = table_of({case: ("resilience", faults) for case, faults in SIGNS.items()}, CUT_OFF)
    unseen = table_of(UNSEEN, WITHOUT)
    stuck, worst = thrusters()
    book, errors = gauges()
    return Section(
        "The executive",
        words=WORDS,
        claims=claims_of(signs, unseen, worst, errors),
        tables=[
            (["sign", *(way.name for way in CUT_OFF)], [[case, *map(told, each)] for case, each in signs.items()]),
            (["without a range", *(way.name for way in WITHOUT)], [[case, *map(told, each)] for case, each in unseen.items()]),
            (
                ["lander", "landed, whole", "landed, one stuck", "fewest by thruster", "down, m/s", "propellant, kg", "tilt, °"],
                stuck,
            ),
            (["load, kg", "gauge, kg", "error of the book, kg", "with the gauge, kg", "landed", "landed with the gauge"], book),
        ],
    )
