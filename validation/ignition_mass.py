"""What landers weigh when powered descent begins: from launch mass less the burns before, and from braking time and thrust.

Neither is published. Launch mass is not ignition mass: a lander that puts itself into lunar orbit has burned a quarter of it by
then. Marks: F found in a published source, D derived from such, M from memory or judgement.
"""

import math
from dataclasses import dataclass

from scipy.optimize import brentq

from perilune.foundation.moon import GM, RADIUS, STANDARD_GRAVITY
from perilune.simulation.load import load

from .report import Section

STEP = 0.5  # s, midpoint rule: 0.1 kg of ignition mass against half of it


def capture(arrival_mps: float, height_m: float, apolune_m: float) -> float:
    """Change of speed (m/s) at a height (m) from an arrival with so much speed left far off to an orbit with this apolune."""
    radius = RADIUS + height_m
    passing = math.sqrt(arrival_mps**2 + 2.0 * GM / radius)
    return passing - speed_at(radius, 0.5 * (radius + RADIUS + apolune_m))


def lowering(high_m: float, low_m: float) -> float:
    """Change of speed (m/s) at the height of a circular orbit that brings the perilune down to `low_m`."""
    radius = RADIUS + high_m
    return math.sqrt(GM / radius) - speed_at(radius, RADIUS + 0.5 * (high_m + low_m))


def speed_at(radius: float, axis: float) -> float:
    """Vis-viva, m/s, from radius and semi-major axis (m)."""
    return math.sqrt(GM * (2.0 / radius - 1.0 / axis))


def after_burns(mass_kg: float, burns_mps: float, impulse_s: float) -> float:
    """Rocket equation: mass (kg) left after so much change of speed."""
    return mass_kg * math.exp(-burns_mps / (impulse_s * STANDARD_GRAVITY))


@dataclass(frozen=True)
class Braking:
    """A burn at constant thrust against the velocity that holds the height, from perilune until it is slow."""

    thrust_n: float
    impulse_s: float
    height_m: float  # above the sphere
    apolune_m: float
    last_mps: float  # horizontal speed at which it is over

    def flown(self, mass_kg: float) -> tuple[float, float]:
        """Duration (s) and mass left (kg) from a mass at ignition. Endless where the thrust does not carry the weight."""
        radius = RADIUS + self.height_m
        speed = speed_at(radius, RADIUS + 0.5 * (self.height_m + self.apolune_m))
        flow = self.thrust_n / (self.impulse_s * STANDARD_GRAVITY)

        def slowing(speed: float, mass: float) -> float:
            weight = GM / radius**2 - speed**2 / radius
            return math.sqrt(max((self.thrust_n / mass) ** 2 - weight**2, 0.0))

        time = 0.0
        while speed > self.last_mps:
            middle = slowing(speed - 0.5 * STEP * slowing(speed, mass_kg), mass_kg - 0.5 * STEP * flow)
            if middle <= 0.0 or mass_kg <= STEP * flow:
                return math.inf, mass_kg
            share = min(STEP, (speed - self.last_mps) / middle)
            speed, mass_kg, time = speed - share * middle, mass_kg - share * flow, time + share
        return time, mass_kg

    def mass_for(self, duration_s: float) -> float:
        """The mass at ignition (kg) whose braking takes so long."""
        return brentq(lambda mass: min(self.flown(mass)[0], 1e6) - duration_s, 10.0, self.thrust_n / 0.9)  # type: ignore[return-value]


@dataclass(frozen=True)
class Lander:
    """What is published or taken of one lander; `said` are the assumptions in words, with their marks."""

    mission: str
    launch_kg: float
    burns_mps: float  # before powered descent
    impulse_s: float  # specific, of these
    braking: Braking
    braking_s: float
    said: str


WEAK = capture(0.0, 100e3, 100e3)  # arrival without speed to spare, as by way of the Sun's gravity: 676 m/s
DIRECT = capture(850.0, 100e3, 100e3)  # arrival straight from the Earth with 0.85 km/s to spare (M): 828 m/s
ISPACE = "launch 1,000 kg (F); slow arrival into 100 km circular (D), 30 m/s of corrections (M), 18 m/s to 20 km (D); "
SLIM_APOLUNE = 134e3  # m: the one that 1,700 m/s at 15 km (F) means

OWN_WAY = "nothing for the way out of the Earth orbit that it left by itself, so that this is too much; "
LANDERS = (
    Lander("hakuto-r-m1", 1000.0, WEAK + 30.0 + lowering(100e3, 20e3), 320.0, Braking(1600.0, 320.0, 20e3, 100e3, 14.0), 600.0,
           ISPACE + "600 s as of Mission 2 (M), 400 + 6 × 200 N (F; count M), 320 s (M)"),
    Lander("resilience", 1000.0, WEAK + 30.0 + lowering(100e3, 20e3), 320.0, Braking(1600.0, 320.0, 20e3, 100e3, 14.0), 600.0,
           ISPACE + "600 s (F Md), 400 + 6 × 200 N (F; count M), 320 s (M)"),
    Lander("odysseus", 1908.0, DIRECT + 40.0 + lowering(100e3, 15e3), 325.0, Braking(3100.0, 325.0, 15e3, 100e3, 14.0), 673.0,
           "launch 1,908 kg (F); direct arrival into 100 km circular (D from 0.85 km/s, M), 40 m/s of commissioning burn and "
           "corrections (M), 19 m/s to 15 km (D); 773 s from ignition to touchdown (F) less 100 s upright (M), 3,100 N (F), "
           "325 s (M)"),
    Lander("blue-ghost", 1490.0, DIRECT + 30.0 + lowering(100e3, 20e3), 315.0, Braking(2600.0, 299.0, 20e3, 100e3, 14.0), 540.0,
           "launch 1,490 kg (M, of 1,470–1,520); direct arrival (D from 0.85 km/s, M), 30 m/s of corrections (M), 18 m/s to "
           f"20 km (D), {OWN_WAY}540 s (F), 1,000 + 8 × 200 N (M), 315 s and 290 s (M)"),
    Lander("slim", 700.0, capture(0.0, SLIM_APOLUNE, SLIM_APOLUNE) + lowering(SLIM_APOLUNE, 15e3), 320.0,
           Braking(1000.0, 320.0, 15e3, SLIM_APOLUNE, 14.0), 1000.0,
           f"launch 700 kg (Md); slow arrival into 134 km circular and 26 m/s to 15 km (D), {OWN_WAY}1,200 s (F) less 200 s "
           "upright from 7 km (D), burning all along (M: it did not), 2 × 500 N (F), 320 s (M)"),
)  # fmt: skip
LANDED_SLIM_KG = 210.0  # D: its lunar weight after the failure is given as 324–357 N


def from_landing(lander: Lander, landed_kg: float, upright_s: float) -> float:
    """Mass at ignition (kg) that leaves `landed_kg` on the ground after braking and `upright_s` of standing on the thrust."""
    slow = landed_kg * math.exp(GM / RADIUS**2 * upright_s / (lander.braking.impulse_s * STANDARD_GRAVITY))
    return brentq(lambda mass: lander.braking.flown(mass)[1] - slow, slow, 3.0 * slow)  # type: ignore[return-value]


def masses(lander: Lander) -> tuple[float, float]:
    """Mass at ignition (kg) from launch mass and burns, and from braking time and thrust."""
    from_launch = after_burns(lander.launch_kg, lander.burns_mps, lander.impulse_s)
    return from_launch, lander.braking.mass_for(lander.braking_s)


def taken(mission: str) -> float:
    """What the mission file takes, kg."""
    lander = load(mission).lander
    return lander.dry_mass_kg + lander.propellant_mass_kg


def row(lander: Lander) -> list[str]:
    """One lander's line of the table."""
    first, second = masses(lander)
    own = taken(lander.mission)
    flown = lander.braking.flown(own)[0]
    return [
        lander.mission, f"{lander.burns_mps:.0f}", f"{first:.0f}", f"{second:.0f}", f"{first - second:+.0f}", f"{own:.0f}",
        f"{flown:.0f}", f"{lander.braking_s:.0f}",
    ]  # fmt: skip


def study() -> Section:
    """All landers."""
    slim = next(lander for lander in LANDERS if lander.mission == "slim")
    backward = from_landing(slim, LANDED_SLIM_KG, 200.0)
    header = [
        "mission", "burns before, m/s", "from launch, kg", "from braking, kg", "gap, kg", "taken, kg", "braking of that, s",
        "given, s",
    ]  # fmt: skip
    return Section(
        "Mass at ignition",
        words=[
            "From launch: rocket equation over the burns before powered descent. From braking: constant thrust that holds the "
            "height until the horizontal speed is gone, of the published duration (the mission files descend meanwhile and keep "
            "3 % of thrust back, which takes up to a twentieth longer). A gap says how far the two disagree; neither is a fact.",
            *(f"`{lander.mission}`: {lander.said}." for lander in LANDERS),
            f"SLIM cannot have burned all along: {masses(slim)[1]:.0f} kg at ignition is more than its launch mass leaves, so "
            f"its 20 min hold coasts. Backwards from {LANDED_SLIM_KG:.0f} kg on the ground (lunar weight 324–357 N, D), 200 s "
            f"upright (M) and one braking burn it is {backward:.0f} kg; the mission file takes a little more, for thrust kept "
            "back.",
            "The broadcast of Mission 2 fixes thrust over mass to 2.05–2.3 N/kg at ignition, 700–780 kg for 1,600 N (D): the "
            "mission file's 760 kg is from there, and Mission 1, the same lander, takes it over.",
        ],
        tables=[(header, [row(lander) for lander in LANDERS])],
    )
