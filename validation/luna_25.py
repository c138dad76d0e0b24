"""Luna-25 (facts §6 and §9): the burn of 19 August 2023 that its accelerometers did not end, flown from its parking orbit."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from perilune.campaign.batch import Batch
from perilune.campaign.jobs import Job, batch_of, fly_lanes, rows_of
from perilune.foundation.kepler import apsides
from perilune.foundation.moon import RADIUS
from perilune.report.style import BAD, GOOD, GROUND, PUBLISHED, WEAK, new_figure, save
from perilune.simulation.checks import mission_faults
from perilune.simulation.load import load
from perilune.simulation.orbit_plan import plan_orbit

from .report import Claim, Section, spread

MISSION, HEALTHY = "luna-25", "healthy"
PLANNED_S, FLOWN_S = 84.0, 127.0  # F H
KEPLER = {"apolune": (-18.2, 43.1), "perilune": (-28.1, 38.2)}  # km, min after an impulse: Kepler's orbit, worked by hand
PERILUNE_KM, MINUTES, ANGLE_DEG, ONWARD_DEG = (-28.0, -18.0), (38.0, 47.0), (-2.0, -1.0), (120.0, 150.0)  # facts §6 and §9
CRATER_DEG = (-57.865, 61.360)  # F H
SIGNAL_LOST_MIN = 47.0  # after ignition: 14:10 to 14:57 in Moscow, F Md
THRUST, APOLUNE = "lander.engines.main.thrust_n", "start.apolune_height_above_sphere_m"


def burnt_at(batch: Batch) -> dict[str, dict[str, float]]:
    """What each apsis of the parking orbit changes in the mission: the descent orbit's apolune stays where the burn is, and the
    thrust is what gives the planned velocity there in 84 s (a burn's duration goes with one over thrust)."""
    assert batch.orbit is not None
    plan = jax.jit(plan_orbit)
    found = {}
    for where in KEPLER:
        height = float(batch.numbers[f"orbit.{where}_height_above_sphere_m"])
        numbers = {path: jnp.asarray(value) for path, value in batch.numbers.items()} | {APOLUNE: jnp.asarray(height)}
        longer = float(plan(numbers, batch.orbit.onboard).duration) / PLANNED_S
        found[where] = {APOLUNE: height, THRUST: float(batch.numbers[THRUST]) * longer}
    return found


def burn_figures(arrival) -> dict[str, np.ndarray]:
    """Of each lane of an orbit phase: how long and how strong the burn was, what perilune it left, and of an impact when, how
    steep and how far onward from the burn's middle it came."""
    burn, impact = arrival.burn, arrival.impact
    middle = 0.5 * (burn.cut_off + burn.ignition)
    speed = np.linalg.norm(impact.velocity_I, axis=1)
    up = impact.position_I / np.maximum(np.linalg.norm(impact.position_I, axis=1, keepdims=True), 1.0)
    sines = np.sum(up * impact.velocity_I, axis=1) / np.maximum(speed, 1e-9)
    hit = np.where(impact.has_hit, 1.0, np.nan)
    return {
        "hit": np.asarray(impact.has_hit, float),
        "burn_s": burn.cut_off - burn.ignition,
        "planned_mps": burn.delta_velocity_planned,
        "flown_mps": burn.delta_velocity_flown,
        "perilune_km": (burn.perilune - RADIUS) / 1e3,
        "after_ignition": hit * (impact.time - burn.ignition) / 60.0,
        "minutes": hit * (impact.time - middle) / 60.0,
        "angle_deg": hit * np.degrees(np.arcsin(sines)),
        "speed_mps": hit * speed,
    }


def onward_deg(arrival, rows) -> np.ndarray:
    """Degrees about the Moon's centre from where the burn's middle was to where each lane hit, on its record of the way."""
    found = []
    for lane in range(len(arrival.impact.time)):
        middle = 0.5 * (arrival.burn.cut_off[lane] + arrival.burn.ignition[lane])
        place = rows.true_position_I[lane][np.argmin(np.abs(rows.time[lane] - middle))]  # a row is 2 s, 0.1°, away at most
        hit = arrival.impact.position_I[lane]
        cosine = place @ hit / np.maximum(np.linalg.norm(place) * np.linalg.norm(hit), 1.0)
        found.append(np.degrees(np.arccos(cosine)) if arrival.impact.has_hit[lane] else np.nan)
    return np.array(found)


class Way(NamedTuple):
    """Flights of the same seeds: rows of figures, what they arrived with, and the record of the way (lanes first)."""

    rows: list[dict[str, Any]]
    arrival: Any
    record: Any


def fly(seeds: int) -> dict[str, Way]:
    """As it happened, burnt at each apsis, and healthy: three batches of one program."""
    at = burnt_at(batch_of(MISSION, (), "orbit"))
    ways = {"apolune": (1.0, at["apolune"]), "perilune": (1.0, at["perilune"]), HEALTHY: (0.0, at["apolune"])}
    found = {}
    for where, (is_broken, change) in ways.items():
        own = mission_faults(load(MISSION))
        faults = {name: {**table, "magnitude": np.full(seeds, is_broken * table["magnitude"])} for name, table in own.items()}
        overrides = {path: np.full(seeds, value) for path, value in change.items()}
        job = Job(MISSION, tuple(range(seeds)), faults, overrides, (), "orbit")
        flown = fly_lanes(job)
        found[where] = Way(rows_of(job, flown), *jax.tree.map(lambda x: np.asarray(x)[:seeds], jax.device_get(flown.orbit)))
    return found


def inside(text: str, values: np.ndarray, bounds: tuple[float, float], source: str) -> Claim:
    """A median between two published figures."""
    low, high = bounds
    is_inside = bool(low <= np.nanmedian(values) <= high)
    return Claim(text, spread(values), f"{low:g} … {high:g}", source, is_inside)


def as_it_flew(where: str, way: Way) -> list[Claim]:
    """What became of it, burnt at an apsis."""
    f, seeds = burn_figures(way.arrival), len(way.rows)
    at, kepler = f"burnt at {where}", KEPLER[where]
    place = [np.median(np.array([row[name] for row in way.rows], float)) for name in ("latitude_deg", "longitude_deg")]
    return [
        Claim(f"{at}: met the ground on the way", f"{int(f['hit'].sum())}/{seeds}", f"{seeds}/{seeds}", "F H",
              bool(f["hit"].all())),
        Claim(f"{at}: burn, s", spread(f["burn_s"]), f"{FLOWN_S:g}", "F H, an input"),
        Claim(f"{at}: m/s planned and flown", f"{np.median(f['planned_mps']):.2f}, {spread(f['flown_mps'])}", "printed",
              f"127/84 is {FLOWN_S / PLANNED_S:.3f}, and it grows lighter"),
        inside(f"{at}: perilune left, km (an impulse on Kepler's orbit: {kepler[0]})", f["perilune_km"], PERILUNE_KM, "D"),
        inside(f"{at}: impact, min after the burn's middle (Kepler: {kepler[1]})", f["minutes"], MINUTES, "F H, D"),
        Claim(f"{at}: the same after ignition", spread(f["after_ignition"]), f"{SIGNAL_LOST_MIN:g} (signal lost), printed",
              "F Md"),
        inside(f"{at}: its flight path angle, °", f["angle_deg"], ANGLE_DEG, "F H"),
        inside(f"{at}: onward from the burn, °", onward_deg(way.arrival, way.record), ONWARD_DEG, "F H"),
        Claim(f"{at}: where, °", f"{place[0]:.1f} N {place[1]:.1f} E", f"{CRATER_DEG[0]} N {CRATER_DEG[1]} E, printed", "F H"),
    ]  # fmt: skip


def healthy(way: Way) -> list[Claim]:
    """What the burn does that ends as planned."""
    arrival, landed = way.arrival, sum(row["outcome"] == "landed" for row in way.rows)
    f = burn_figures(arrival)
    kept = jax.vmap(apsides)(jnp.asarray(arrival.position_I), jnp.asarray(arrival.velocity_I))[0]
    return [
        Claim("healthy: burn, s", spread(f["burn_s"]), f"{PLANNED_S:g}", "F H, an input"),
        Claim("healthy: osculating perilune behind the burn, km", spread(f["perilune_km"]), "printed", "—"),
        Claim("healthy: the same where powered descent is due, km", spread((np.asarray(kept) - RADIUS) / 1e3), "18, printed",
              "F H, an input"),
        Claim("landed: healthy", f"{landed}/{len(way.rows)}", "printed", "M: a descent by judgement"),
    ]  # fmt: skip


def draw(flown: dict[str, Way], folder: Path) -> Path:
    """Height over time from the burn of seed 0, and the published span of the impact."""
    figure = new_figure(9.0, 3.9, left=0.075, right=0.985, top=0.87, bottom=0.13)
    figure.suptitle(f"{load(MISSION).title}, seed 0", x=0.01, ha="left", fontsize=10)
    axis = figure.subplots()
    axis.axvspan(*MINUTES, ymax=0.55, color=PUBLISHED, alpha=0.10, linewidth=0, label="impact by the facts page, 38 to 47 min")
    styles = {HEALTHY: (GOOD, "burnt for 84 s: healthy"), "apolune": (BAD, "127 s, burnt at apolune"),
              "perilune": (WEAK, "127 s, burnt at perilune")}  # fmt: skip
    for where, (colour, label) in styles.items():
        arrival, record = flown[where].arrival, flown[where].record
        middle = 0.5 * (arrival.burn.ignition[0] + arrival.burn.cut_off[0])
        end = arrival.impact.time[0] if arrival.impact.has_hit[0] else record.time[0][-1]
        is_before = record.time[0] <= end
        minutes = (record.time[0][is_before] - middle) / 60.0
        heights = (np.linalg.norm(record.true_position_I[0][is_before], axis=1) - RADIUS) / 1e3
        axis.plot(minutes, heights, color=colour, label=label)
        if arrival.impact.has_hit[0]:
            hit = (np.linalg.norm(arrival.impact.position_I[0]) - RADIUS) / 1e3
            axis.plot((end - middle) / 60.0, hit, "x", color=colour, markersize=8, markeredgewidth=2)
    lost = SIGNAL_LOST_MIN - FLOWN_S / 120.0
    axis.axvline(lost, ymax=0.55, color=PUBLISHED, linestyle=":", label="signal lost, 47 min after ignition")
    axis.axvspan(-FLOWN_S / 120.0, FLOWN_S / 120.0, color=BAD, alpha=0.3, linewidth=0, label="the burn")
    axis.axhline(0.0, color=GROUND, linewidth=1.0)
    axis.set_xlabel("minutes after the middle of the burn")
    axis.set_ylabel("height above the sphere, km")
    axis.legend(fontsize=8, loc="upper right")
    return save(figure, folder, f"history-{MISSION}", ("png",))[0]


def study(seeds: int, pictures: Path) -> Section:
    """All of it."""
    flown = fly(seeds)
    height_m = float(batch_of(MISSION, (), "orbit").numbers["site.height_m"])
    picture = draw(flown, pictures)
    title = load(MISSION).title
    return Section(
        title,
        [
            "From the parking orbit. Its apsides and the two times of the burn are found figures; thrust is what gives the "
            "planned velocity in 84 s, and the timer is the 127 s. At which apsis it burnt was not published: both are flown, "
            "each with the thrust that it asks for. Perilune is the osculating one behind the burn. In a field of degree 8 that "
            "is not where the orbit comes to, as the healthy flights show, whose plan aims at 18 km there: over a kilometre of "
            "what stands below Kepler's figures, which with the ground, the sphere of the site's height "
            f"{height_m:.0f} m up, is most of what the burn at perilune misses by. The signal was lost later than either impact; "
            "apolune is the nearer.",
            "Where it falls follows from the site's meridian, a descent from the north and a burn half a revolution before; the "
            "real burn was two days before the landing, its orbit's plane and phase were not published, and the crater lies "
            "elsewhere. What the healthy lander does below 18 km is by judgement: its masses as published would not carry it "
            "down.",
            f"![{title}](pictures/{picture.name})",
        ],
        [*as_it_flew("apolune", flown["apolune"]), *as_it_flew("perilune", flown["perilune"]), *healthy(flown[HEALTHY])],
    )
