"""Legs on the ground: closed forms, energy, limits of tipping over, steps; and IM-1's landing over leg span and direction."""

import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.moon import SURFACE_GRAVITY as G
from perilune.foundation.rotation import from_rotation_vector
from perilune.report.contact_figure import contact_figure
from perilune.world.contact import Case, Lander, Pose, Strut, box_hull, legs_around, regolith, settle, sloping, usual_limits
from perilune.world.contact.body import silent
from perilune.world.contact.patch import with_rocks
from perilune.world.contact.soil import Soil

from .report import Claim, Section

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "legs.png"
LANES = 128
MASS, CENTRE = 675.0, 1.8  # kg, dry (L, flights.md §3); m of the centre of mass over the pads (M: 4.0–4.3 m tall, tanks low)
INERTIA = np.diag([700.0, 700.0, 400.0])  # kg m² (M: a body 1.57 m wide and 3 m tall, and legs)
CIRCLE = 2.0  # m, of the pads in the tests
# Strut (M throughout): 80 kN/m, 1.5 kN s/m, honeycomb at 5 kN, 0.25 m of stroke, stop 1 MN/m, breaks at 7 kN; pads of 0.2 m.
IM1 = Strut(8e4, 1.5e3, 5e3, 0.25, 1e6, 7e3, 0.2)
RIGID = Strut(1e8, 1e3, 1e12, 0.5, 1e8, 1e12, 0.2)
DOWN, SLOPE = 2.7, np.radians(12.0)  # m/s and rad (F H)
LATERAL = (0.9, 2.0)  # m/s: most accounts, and one
SPANS = np.arange(2.5, 5.01, 0.25)  # m across the pads
DIRECTIONS = np.radians(np.arange(0.0, 181.0, 15.0))  # rad, of travel off downhill
HEADINGS = np.radians([0.0, 30.0])  # rad, of the first leg off downhill: towards a leg, between two
LIES, LEANS = np.radians(60.0), np.radians(22.0)  # rad of rest tilt: on its side; over the slope's 12° by 10° and more


def lander(legs, hull=(0.78, 0.6, 4.0)) -> Lander:
    """The body of the studies; hull M: half the width of 1.57 m, from 0.6 to 4.0 m over the pads."""
    return Lander(
        jnp.asarray(MASS), jnp.asarray([0.0, 0.0, CENTRE]), jnp.asarray(INERTIA), legs, box_hull(*hull), jnp.asarray(0.1)
    )


def case(legs, soil=None, patch=None, step=2e-3, time_limit=20.0) -> Case:
    """A landing with engines off."""
    push = silent()
    return Case(lander(legs), soil or regolith(), patch or sloping(0.0), push, jnp.asarray(G), usual_limits(step, time_limit))


def pose(height, velocity=(0.0, 0.0, 0.0), turn=(0.0, 0.0, 0.0), east=0.0) -> Pose:
    """Upright or turned, over a place."""
    attitude = from_rotation_vector(jnp.asarray(turn, float))
    return Pose(jnp.asarray([east, 0.0, height], float), jnp.asarray(velocity, float), attitude, jnp.zeros(3))


def fly(rows):
    """Land any number of cases, 128 at a time: one program."""
    parts = []
    for first in range(0, len(rows), LANES):
        chunk = [*rows[first : first + LANES]]
        count = len(chunk)
        chunk += [chunk[-1]] * (LANES - count)
        cases, poses = (jax.tree.map(lambda *x: jnp.stack(x), *side) for side in zip(*chunk, strict=True))
        parts.append(jax.tree.map(lambda x, n=count: np.asarray(x)[:n], settle(cases, poses)))
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def elastic(stiffness: float, ratio: float = 1.0, retardation: float = 0.0, friction: float = 0.6) -> Soil:
    """Ground with a stiffness (N/m) under a pad of 0.2 m."""
    figures = (0.0, stiffness / (np.pi * 0.2**2), ratio, 0.5, retardation, friction)
    return Soil(*(jnp.asarray(x) for x in figures))


def drop_claims() -> list[Claim]:
    """Peak stroke on springs and crushed honeycomb against the balance of energy."""
    k, n, crush, fall, hard = 5e4, 6, 2500.0, 0.5, 5e7
    plain = Strut(k, 0.0, 1e12, 1.0, 1e6, 1e12, 0.2)
    legs = [legs_around(n, CIRCLE, 0.0, 0.0, s) for s in (plain, plain._replace(crush_load=crush))]
    rest = fly([(case(x, elastic(hard), step=1e-3, time_limit=1.6), pose(CENTRE + fall)) for x in legs])
    series, weight = 1.0 / (1.0 / k + 1.0 / hard), MASS * G
    spring = (weight + np.sqrt(weight**2 + 2.0 * n * series * weight * fall)) / (n * series) * series / k
    comb = (weight * fall + n * crush**2 / series / 2.0) / (n * crush - weight) - crush / series
    gaps = [abs(rest.peak_stroke[0].max() / spring - 1.0), abs(rest.crushed[1].max() / comb - 1.0)]
    return [
        Claim("drop of 0.5 m on springs: peak stroke, relative", f"{gaps[0]:.1e}", "< 2e-3", "m g (h + s) = ½ n k s²",
              bool(gaps[0] < 2e-3)),
        Claim("the same on honeycomb: crushed, relative", f"{gaps[1]:.1e}", "< 1e-2", "m g (h + s) = n F (s − s₁/2)",
              bool(gaps[1] < 1e-2)),
    ]  # fmt: skip


def rough(seed: int, step: float, rocks: int = 6):
    """A random oblique landing on slope and rocks."""
    rng = np.random.default_rng(seed)
    patch = sloping(rng.uniform(0.0, 0.2), rng.uniform(0.0, 6.0))
    patch = with_rocks(patch, rng.uniform(-2.5, 2.5, (rocks, 2)), rng.uniform(0.2, 0.7, rocks))
    velocity = (*rng.normal(0.0, 0.7, 2), -rng.uniform(1.0, 3.0))
    legs = legs_around(6, CIRCLE, 0.0, 0.5, IM1._replace(failure_load=1e9))
    return case(legs, regolith(rng.uniform(0.4, 1.0)), patch, step, 10.0), pose(CENTRE + 0.9, velocity, rng.normal(0.0, 0.1, 3))


def energy_claims() -> list[Claim]:
    """Energy found again at rest, over random landings with rocks."""
    rows = [rough(k, 1e-3) for k in range(LANES)]
    rest = fly(rows)
    e = rest.energies
    velocity = np.stack([p.velocity_L for _, p in rows])
    begun = 0.5 * MASS * np.sum(velocity**2, axis=1) + MASS * G * np.array([float(p.position_L[2]) for _, p in rows])
    gaps = np.abs(e.kinetic + e.gravitational + e.stored + e.dissipated - begun) / e.dissipated
    text = f"{LANES} landings on rocks, some of them tumbling: energy not found again, of what was lost; median"
    middle, worst = float(np.median(gaps)), float(gaps.max())
    return [
        Claim(text, f"{middle:.1e}", "< 1e-3", "first law, 1 ms", middle < 1e-3),
        Claim("the same, worst", f"{worst:.1e}", "", "first law, 1 ms"),
    ]


def on_slope(slope: float, speed: float = 0.0, stiffness: float = 5e6, ratio: float = 1.0):
    """Four rigid legs square on a slope, pads just in touch; travel downhill."""
    legs = legs_around(4, CIRCLE, 0.0, 0.0, RIGID, np.pi / 4)
    made = case(legs, elastic(stiffness, ratio, 2e-3, 5.0), sloping(slope, -np.pi / 2), 1e-3)
    velocity = speed * np.array([np.cos(slope), 0.0, -np.sin(slope)])
    return made, pose(CENTRE * np.cos(slope), velocity, (0.0, slope, 0.0), CENTRE * np.sin(slope))


def boundary(values: np.ndarray, rows) -> float:
    """Middle between the greatest value that stands and the least that tips."""
    tips = fly(rows).greatest_tilt > np.radians(75.0)
    return 0.5 * float(values[~tips].max() + values[tips].min())


def tip_claims() -> list[Claim]:
    """Slope and speed at which a rigid lander goes over."""
    half = CIRCLE / np.sqrt(2.0)
    limit = np.degrees(np.arctan(half / CENTRE))
    slopes = limit + np.linspace(-3.0, 3.0, 61)
    found = boundary(slopes, [on_slope(np.radians(x)) for x in slopes])
    claims = [Claim("slope a lander on four rigid legs tips on, °", f"{found:.2f}", f"{limit:.2f} ± 1", "tan = half track/height",
                    abs(found - limit) < 1.0)]  # fmt: skip
    arm = np.hypot(half, CENTRE)
    about = INERTIA[1, 1] + MASS * arm**2
    for slope in (0.0, 12.0):
        lean = np.arctan2(half, CENTRE) - np.radians(slope)
        expected = np.sqrt(2.0 * about * G * arm * (1.0 - np.cos(lean)) / MASS) / CENTRE
        speeds = expected * np.linspace(0.8, 1.2, 61)
        found = boundary(speeds, [on_slope(np.radians(slope), x, 2e5, 10.0) for x in speeds])
        claims.append(Claim(f"speed that trips it over, slope {slope:.0f}°, m/s", f"{found:.3f}", f"{expected:.3f} ± 7 %",
                            "inelastic pivot (Housner 1963)", bool(abs(found / expected - 1.0) < 0.07)))  # fmt: skip
    return claims


def step_rows() -> list[list[str]]:
    """A row a step: how far resting place, tilt and peak load are off those of 0.25 ms, median and worst of 64."""
    ended = {}
    for step in (2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3):
        ended[step] = fly([rough(k, step, 0) for k in range(64)])
    fine, rows = ended.pop(2.5e-4), []
    for step, rest in ended.items():
        place = 1e3 * np.linalg.norm(rest.pose.position_L - fine.pose.position_L, axis=1)
        load = 100.0 * np.abs(rest.peak_load.max(axis=1) / fine.peak_load.max(axis=1) - 1.0)
        tilt = np.degrees(np.abs(rest.tilt - fine.tilt))
        figures = [f"{np.median(x):.2g} ({x.max():.2g})" for x in (place, load, tilt)]
        rows.append([f"{1e3 * step:g}", *figures])
    return rows


def im1_cases():
    """IM-1's touchdown for every lateral speed, span, direction of travel and heading of legs, in that order."""
    rows = []
    for lateral in LATERAL:
        for span in SPANS:
            for direction in DIRECTIONS:
                for heading in HEADINGS:
                    legs = legs_around(6, 0.5 * span, 0.0, 0.5, IM1, heading)
                    velocity = (lateral * np.cos(direction), lateral * np.sin(direction), -DOWN)
                    lift = 0.5 * span * np.tan(SLOPE)  # the uphill pad just clear
                    rows.append((case(legs, patch=sloping(SLOPE, -np.pi / 2)), pose(CENTRE + lift, velocity)))
    return rows


def im1_map():
    """Rest tilt (rad) and broken legs, each (lateral, span, direction, heading); milliseconds a lane."""
    rows = im1_cases()
    fly(rows[:1])
    began = time.perf_counter()
    rest = fly(rows)
    took = 1e3 * (time.perf_counter() - began) / len(rows)
    shape = (len(LATERAL), len(SPANS), len(DIRECTIONS), len(HEADINGS))
    return rest.tilt.reshape(shape), rest.is_broken.sum(axis=1).reshape(shape), took


def im1_rows(tilt, broken) -> list[list[str]]:
    """A row a lateral speed and span."""
    rows = []
    for i, lateral in enumerate(LATERAL):
        for j, span in enumerate(SPANS):
            lies, leans, breaks = (
                np.mean(x, axis=1) for x in (tilt[i, j] > LIES, (tilt[i, j] > LEANS) & (tilt[i, j] <= LIES), broken[i, j] > 0)
            )
            where = [
                ", ".join(f"{np.degrees(d):.0f}" for d, share in zip(DIRECTIONS, x, strict=True) if share > 0.0) or "nowhere"
                for x in (lies, leans)
            ]
            rows.append([f"{lateral:g}", f"{span:g}", *where, f"{np.degrees(np.median(tilt[i, j])):.0f}", f"{breaks.mean():.2f}"])
    return rows


def draw(tilt, broken) -> None:
    """Where it tips, a panel a lateral speed; of the headings of the legs the one that lies lowest."""
    worst = np.argmax(tilt, axis=3)[..., None]
    figure = contact_figure(
        np.degrees(np.take_along_axis(tilt, worst, axis=3)[..., 0]),
        np.take_along_axis(broken, worst, axis=3)[..., 0],
        np.asarray(SPANS),
        np.degrees(DIRECTIONS),
        [f"{lateral:g} m/s across" for lateral in LATERAL],
        "IM-1's touchdown, 2.7 m/s down on a slope of 12°: how it ends, worst of the headings of its legs",
    )
    figure.savefig(PICTURE, dpi=110)


def study() -> Section:
    """All of it, and the map drawn as docs/pictures/legs.png."""
    tilt, broken, took = im1_map()
    draw(tilt, broken)
    return Section(
        "Legs on the ground",
        words=[
            "IM-1 below: 2.7 m/s down, 0.9 or 2.0 m/s lateral, 12° slope (F H); mass 675 kg dry (L); six legs, engines off, "
            f"upright at first contact, centre of mass {CENTRE} m over the pads, inertia {INERTIA[0, 0]:.0f}/{INERTIA[2, 2]:.0f} "
            "kg m², hull, friction 0.6 and every figure of the struts M. It broke a leg and rests at about 30°. Direction 0° is "
            f"downhill. {took:.0f} ms a lane on the cores at hand, by the wall.",
            "A leg breaks by load along its strut alone: bending by a skid is not in the model. First contact is upright over "
            "the slope, so that the uphill legs touch first and turn the lander downhill.",
        ],
        claims=[*drop_claims(), *energy_claims(), *tip_claims()],
        tables=[
            (["step, ms", "resting place off, mm", "peak load off, %", "tilt off, °"], step_rows()),
            (["lateral, m/s", "span, m", "lies on its side (> 60°) going, °", "leans (22–60°) going, °", "median tilt, °",
              "share with a broken leg"], im1_rows(tilt, broken)),
        ],
    )  # fmt: skip
