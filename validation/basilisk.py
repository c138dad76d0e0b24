"""The whole lander's dynamics against Basilisk (AVS Lab; `bsk` on PyPI): what tests/cross/test_basilisk.py asserts, printed."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np

from perilune.interface.design import TANKS
from perilune.world.state import TruthState
from perilune.world.vehicle.mass import Structure
from perilune.world.world import World

from .basilisk_craft import History, fly, installed_version, is_installed
from .basilisk_tanks import FILLS, FULL, basilisk_sphere, cylinder_misses, in_sphere, own_slope, turned
from .basilisk_twin import (
    Apart,
    Case,
    apart,
    craft_of,
    free,
    ours,
    pans,
    truth_with,
    uneven,
    with_drift,
    world_with,
)
from .report import Claim, Section

ABSENT = "Basilisk is not installed (pip install 'bsk>=2.12', best in an environment of its own)"
SWING = np.array([[5.0, 0.0], [0.0, -5.0], [3.0, 3.0], [-4.0, 2.0]]) * 1e-3  # m, along X and Y of B, of each tank's liquid
SIDE = np.array([8.0, -5.0, 0.0])  # N
TWIST = np.array([0.5, 0.3, 1.0])  # N m
THRUST = np.array([0.0, 0.0, 1600.0])  # N, all main and assist engines of the built-in lander
FLOW = 0.5  # kg/s, theirs


@dataclass(frozen=True)
class Bench:
    """The built-in mission's world and first truth, whose structure the cases change."""

    world: World
    truth: TruthState

    @property
    def structure(self) -> Structure:
        """The lander as the mission has it."""
        return self.world.structure

    def fly_both(self, structure, case: Case, seconds: float, every: float = 0.1) -> tuple[History, History]:
        """Our history and Basilisk's."""
        world = world_with(self.world, structure, case)
        truth = truth_with(self.truth, world, case)
        return ours(world, truth, case, seconds, every), fly(craft_of(world, truth, case), seconds, every)

    def thrust_case(self, structure, side, twist, **given) -> Case:
        """Full thrust through the centre of mass, and a small force and torque beside it, both constant in B."""
        through = np.cross(np.asarray(structure.centre(self.truth.tanks)), THRUST)
        force, torque = THRUST + np.asarray(side), through + np.asarray(twist)
        return Case(force_B=triple(force), torque_B=triple(torque), **given)


def triple(vector) -> tuple[float, float, float]:
    """A vector as a case takes it."""
    x, y, z = vector
    return float(x), float(y), float(z)


def bench() -> Bench:
    """Made once a study: some twenty seconds."""
    from .numerics import world_of

    return Bench(*world_of(1)[1:])


def torque_free(made: Bench) -> Apart:
    """100 s of a tumbling body with three unlike moments of inertia, products of inertia and its centre off the datum."""
    case = Case(rate_B=(0.2, -0.1, 0.15))
    return apart(*made.fly_both(pans(uneven(made.structure), 0.0, 0.0), case, 100.0))


def orbiting(made: Bench) -> Apart:
    """Half an hour in the Moon's degree-2 field, which turns with it, 20 km up at 66° of inclination."""
    case = Case(over_moon=True, velocity_I=(0.0, 680.0, 1530.0), rate_B=(0.001, 0.0, 0.002))
    return apart(*made.fly_both(pans(uneven(made.structure), 0.0, 0.0), case, 1800.0, 1.0))


def burning(made: Bench) -> tuple[Apart, Apart, float]:
    """A minute of thrust off the centre with tanks that drain unevenly about it, the lander turning ever faster: how far apart as
    flown, with what we leave out put in, and the highest rate (rad/s)."""
    structure = pans(uneven(made.structure), 0.0, 0.0)
    case = made.thrust_case(structure, [2.0, -1.0, 0.0], [0.3, -0.5, 0.2], flow=FLOW, rate_B=(0.01, 0.02, -0.01))
    one, other = made.fly_both(structure, case, 60.0)
    return apart(one, other), apart(with_drift(one, structure), other), float(np.max(np.linalg.norm(one.rate_B, axis=1)))


def swinging(made: Bench, scale: float, period: float, is_pushed: bool) -> Apart:
    """20 s of full thrust on the built-in lander's own tanks without diaphragms: a free decay of 2 % of critical from
    `scale` × `SWING`, or the answer to `scale` × a force and a torque."""
    structure = free(uneven(made.structure), 0.02)
    pushed = (scale * SIDE, scale * TWIST) if is_pushed else (0.0 * SIDE, 0.0 * TWIST)
    start = np.zeros((TANKS, 2)) if is_pushed else scale * SWING
    return apart(*made.fly_both(structure, made.thrust_case(structure, *pushed, displaced=pairs(start), period=period), 20.0))


def everything(made: Bench, scale: float, period: float) -> Apart:
    """20 s of all at once: thrust, turning, tanks that drain, liquid that swings from the start and is pushed."""
    structure = pans(uneven(made.structure), 0.5, 0.0)
    given = {"displaced": pairs(scale * SWING), "flow": FLOW, "period": period}
    one, other = made.fly_both(structure, made.thrust_case(structure, scale * SIDE, scale * TWIST, **given), 20.0)
    return apart(with_drift(one, structure), other)


def pairs(places: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Rows of two as a case takes them."""
    return tuple((float(x), float(y)) for x, y in places)


def spun(made: Bench) -> tuple[float, float, float]:
    """Spin about the axis, on which the engine is, as tanks beside it drain for a minute. Liquid takes no angular momentum along,
    so that J ω stays. How far from that (relative): ours, Basilisk's with its torque of depletion, and without it."""
    structure = pans(made.structure, 0.0, 0.0)
    case = made.thrust_case(structure, 0.0 * SIDE, 0.0 * TWIST, flow=FLOW, rate_B=(0.0, 0.0, 0.2))
    world = world_with(made.world, structure, case)
    truth = truth_with(made.truth, world, case)
    craft = craft_of(world, truth, case)
    mine = ours(world, truth, case, 60.0)
    about = [
        float(structure.at(jnp.asarray(held), jnp.zeros((2, TANKS))).inertia_whole[2]) for held in (truth.tanks, mine.held[-1])
    ]
    exact = 0.2 * about[0] / about[1]
    flown = (mine, fly(replace(craft, is_coupled=True), 60.0), fly(craft, 60.0))
    misses = [float(history.rate_B[-1, 2]) / exact - 1.0 for history in flown]
    return misses[0], misses[1], misses[2]


def shift_of_centre(made: Bench) -> float:
    """How far (m) the built-in lander's centre of mass goes in it from full tanks to residuals, at the most."""
    full, residual = np.asarray(made.truth.tanks), np.asarray(made.structure.tanks.residual)
    shares = np.linspace(0.0, 1.0, 50)[:, None]
    centres = np.array([made.structure.centre(jnp.asarray(held)) for held in full + shares * (residual - full)])
    return float(np.max(np.linalg.norm(centres - centres[0], axis=1)))


def rigid_claims(made: Bench) -> list[Claim]:
    """Torque-free, in orbit, burning."""
    top, orbit = torque_free(made), orbiting(made)
    raw, drifted, rate = burning(made)
    burn = f"a minute of full thrust off the centre, 30 kg burnt, up to {rate:.2f} rad/s"
    return [
        Claim("torque-free tumbling, 100 s: attitude, rad", f"{top.attitude:.1e}", "< 1e-10",
              "a quaternion's RK4 against that of modified Rodrigues parameters", top.attitude < 1e-10),
        Claim("the same: rate, rad/s", f"{top.rate:.1e}", "< 1e-12", "the same RK4: rounding", top.rate < 1e-12),
        Claim("half an hour of low orbit in the degree-2 field, m", f"{orbit.position:.1e}", "< 1e-5",
              "the Moon's axes told to Basilisk once a second, ±1.3 µrad", orbit.position < 1e-5),
        Claim("the same, m/s", f"{orbit.velocity:.1e}", "< 1e-8", "likewise", orbit.velocity < 1e-8),
        Claim(f"{burn}: mass in each tank, kg", f"{raw.held:.1e}", "< 1e-9", "linear in time: rounding", raw.held < 1e-9),
        Claim("the same: attitude, rad", f"{raw.attitude:.1e}", "< 1e-6", "inertia's slope with mass is taken over 0.1 kg here",
              raw.attitude < 1e-6),
        Claim("the same: rate, rad/s", f"{raw.rate:.1e}", "< 1e-7", "likewise", raw.rate < 1e-7),
        Claim("the same: velocity, with ċ put in, m/s", f"{drifted.velocity:.1e}", "< 4e-5",
              "3e-7 rad of attitude over the 130 m/s gained", drifted.velocity < 4e-5),
        Claim("the same: velocity, m/s, and way, m, as flown", f"{raw.velocity:.1e}, {raw.position:.1e}", "printed",
              "ċ, left out here"),
        Claim("the centre of mass goes in the built-in lander from full tanks to residuals by, m", f"{shift_of_centre(made):.3f}",
              "printed", "the most that ċ moves the structure in a flight"),
    ]  # fmt: skip


def liquid_claims(made: Bench) -> list[Claim]:
    """Free decay, pushed, everything at once."""
    claims = []
    largest = 0.01 * float(np.max(np.linalg.norm(SWING, axis=1)))
    for text, is_pushed in (("free decay", False), ("answer to a side force and a torque", True)):
        large, small = (swinging(made, scale, 0.05, is_pushed) for scale in (0.1, 0.01))
        coarse = swinging(made, 0.01, 0.1, is_pushed)
        order, step = large.position / small.position, coarse.displaced - small.displaced
        claims += [
            Claim(f"liquid of four tanks, 20 s, {text}: displacement, m, of {1e3 * largest:.2f} mm", f"{coarse.displaced:.1e}",
                  "< 2e-8", "second order in the displacement", coarse.displaced < 2e-8),
            Claim("the same: rate, rad/s", f"{coarse.rate:.1e}", "< 1e-8", "likewise", coarse.rate < 1e-8),
            Claim("the same: velocity, m/s", f"{coarse.velocity:.1e}", "< 1e-6", "likewise", coarse.velocity < 1e-6),
            Claim("the same: what a cycle of 0.1 s has over one of 0.05 s, m", f"{step:.1e}", "< 1e-9", "both by RK4",
                  step < 1e-9),
            Claim("the same: a tenth of the swing divides the way's difference by", f"{order:.0f}", "100 ± 15",
                  "first order in the displacement", abs(order - 100.0) < 15.0),
        ]  # fmt: skip
    every = everything(made, 0.01, 0.1)
    return [
        *claims,
        Claim("all at once, 20 s, 10 kg burnt: displacement, mm", f"{1e3 * every.displaced:.1e}", "< 1e-3", "likewise",
              every.displaced < 1e-6),
        Claim("the same: attitude, rad", f"{every.attitude:.1e}", "< 2e-6", "liquid's place taken once a cycle",
              every.attitude < 2e-6),
        Claim("the same: velocity, with ċ put in, m/s", f"{every.velocity:.1e}", "< 3e-5", "likewise", every.velocity < 3e-5),
    ]  # fmt: skip


def depletion_claims(made: Bench) -> list[Claim]:
    """Inertia of draining tanks and the spin that it leaves."""
    misses = cylinder_misses(made.structure, np.asarray(made.truth.tanks))
    inertia, slope = (max(abs(row[k]) for row in misses) for k in (1, 2))
    mine, with_torque, without = spun(made)
    own = max(abs(basilisk_sphere(fill * FULL).slope / own_slope(fill * FULL) - 1.0) for fill in FILLS)
    return [
        Claim("our tanks at a quarter, half and three quarters: inertia across, relative", f"{inertia:.1e}", "< 1e-12",
              "cylinders in closed form", inertia < 1e-12),
        Claim("the same: its slope with mass, relative", f"{slope:.1e}", "< 5e-4", "a difference over 0.1 kg", slope < 5e-4),
        Claim("spin, engine on the axis, 30 kg burnt: Basilisk with its torque of depletion, relative", f"{with_torque:.1e}",
              "< 1e-9", "J ω stays", abs(with_torque) < 1e-9),
        Claim("the same: ours, which leaves the change of inertia out, and Basilisk without it", f"{mine:+.4f}, {without:+.4f}",
              "equal", "rate stays", abs(mine - without) < 1e-9),
        Claim("Basilisk's emptying tank at a quarter, half and three quarters: slope of inertia against its own, relative",
              f"{own:.1e}", "< 1e-6", "central differences; up to 2.11 at half full alone", own < 1e-6),
    ]  # fmt: skip


def sphere_table() -> tuple[list[str], list[list[str]]]:
    """Basilisk's emptying tank against the closed form of a sphere."""
    rows = []
    for fill in (*FILLS, 0.95):
        exact, theirs = in_sphere(fill * FULL), basilisk_sphere(fill * FULL)
        both = ((exact.along, theirs.along), (exact.across, theirs.across), (exact.slope, theirs.slope), turned(fill * FULL))
        rows.append([f"{fill:.2f}", *(f"{a:.4g} · {b:.4g} ({100.0 * (b / a - 1.0) + 0.0:+.1f} %)" for a, b in both)])
    return ["full", "along, kg m²", "across, kg m²", "slope across, m²", "rate after 1 s of torque across, rad/s"], rows


def study() -> Section:
    """All cases; where Basilisk is absent, that they were not run."""
    if not is_installed():
        return Section("Basilisk", words=[f"Not run: {ABSENT}."], was_run=False)
    made = bench()
    return Section(
        "Basilisk",
        words=[
            f"Basilisk {installed_version()} (AVS Lab, ISC licence): a lander of its hub, its tanks and its spherical pendulums "
            "against ours flown by the world's own cycle, with the built-in lander's masses, tanks and thrust, products of "
            "inertia, and the dry centre of mass off the axis. Basilisk goes in RK4 steps of 20 ms, ours in one a "
            "cycle. Figures are the largest over all samples, ten a second, of place and velocity of the datum, a point of the "
            "structure. Where tanks drain, liquid leaves each in proportion to what is in it, and both leave out jet damping and "
            "the change of inertia in turning.",
            "Swinging liquid is of first order in its displacement here and Basilisk's pendulum is not: a tenth of the swing "
            "leaves a hundredth of the difference.",
            "The centre of mass moves in the lander as tanks drain. Here its velocity is momentum over mass, which leaves that "
            "motion ċ out; Basilisk's datum goes without it. The two part by ∫ ω × ċ of velocity and by ċ's way.",
            "Basilisk's known issues said of its emptying tank that its derivatives were wrong except at half full (its pull "
            "request 1488, of July 2026, mended in 2.12). They are now those of its own moments of inertia. But across the axis "
            "these moments are wrong themselves except when empty, half full and full; and the fuel tank adds the liquid's mass "
            "times its arm squared to a moment that is about the tank's centre already, not the liquid's (the last column: a hub "
            "of 10 kg around half a metre of sphere). The table has the closed form, Basilisk's figure and its miss; no issue "
            "that says so was found. So the tanks flown above are Basilisk's kind whose size stays, and ours are judged by the "
            "closed form of cylinders.",
        ],
        claims=[*rigid_claims(made), *liquid_claims(made), *depletion_claims(made)],
        tables=[sphere_table()],
    )
