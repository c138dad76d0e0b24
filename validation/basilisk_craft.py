"""A lander built of Basilisk's own parts (AVS Lab, `bsk` on PyPI, ISC licence): a hub, tanks, pendulums, a force and the Moon.

Basilisk comes as an optional dependency group and is imported by name where it is used, so that this module loads without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from perilune.foundation.moon import C20, C22, GM, GRAVITY_RADIUS, ROTATION_RATE, S22

TOLD_EVERY = 1.0  # s between tellings of where the Moon's axes are: it turns by 1.3 µrad to either side of what is told
NANO = 1_000_000_000


def is_installed() -> bool:
    """Whether Basilisk can be imported."""
    return find_spec("Basilisk") is not None


def installed_version() -> str:
    """Of the installed `bsk`."""
    return version("bsk")


def part(name: str):
    """One of Basilisk's simulation modules."""
    return import_module(f"Basilisk.simulation.{name}")


def column(vector) -> list[list[float]]:
    """A vector as Basilisk takes it."""
    return [[float(x)] for x in vector]


@dataclass(frozen=True)
class Bowl:
    """A tank: a cylinder of rigid liquid and a pendulum. Places from the datum in B, m."""

    rigid: float  # kg
    place_B: np.ndarray
    radius: float  # m
    height: float  # m, of the rigid liquid
    flow: float  # kg/s, out of both
    swings: float = 0.0  # kg; none: no pendulum
    swings_B: tuple[float, float, float] = (0.0, 0.0, 0.0)  # where it hangs at rest
    length: float = 0.0  # m, of the pendulum
    drag: float = 0.0  # N s/m
    displaced: tuple[float, float] = (0.0, 0.0)  # m along X and Y of B at the start


@dataclass(frozen=True)
class Craft:
    """A dry hub and its tanks; the datum is Basilisk's point B."""

    dry_mass: float  # kg
    dry_centre_B: np.ndarray  # m
    dry_inertia_B: np.ndarray  # kg m², (3, 3), about the dry centre of mass
    bowls: tuple[Bowl, ...]
    force_B: np.ndarray  # N, at the datum
    torque_B: np.ndarray  # N m, about the datum
    position_I: np.ndarray  # m, of the datum at the start, where B has the axes of I
    velocity_I: np.ndarray  # m/s, of the datum
    rate_B: np.ndarray  # rad/s
    over_moon: bool = False
    is_coupled: bool = False  # mass depletion with Basilisk's own torque of it, or without


@dataclass(frozen=True)
class History:
    """What became of a lander, a row a sample."""

    position_I: np.ndarray  # m, of the datum
    velocity_I: np.ndarray  # m/s
    attitude_IB: np.ndarray  # (samples, 3, 3), takes B components to I
    rate_B: np.ndarray  # rad/s
    held: np.ndarray  # kg in each tank
    displaced: np.ndarray  # m, (samples, tanks, 2)


def attitude_of(sigma: np.ndarray) -> np.ndarray:
    """C_IB of modified Rodrigues parameters of B relative to I (Schaub and Junkins 2018, eq. 3.153, transposed)."""
    x, y, z = sigma
    tilde, square = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]), float(sigma @ sigma)
    return np.eye(3) + (8.0 * tilde @ tilde + 4.0 * (1.0 - square) * tilde) / (1.0 + square) ** 2


def tank_of(bowl: Bowl, number: int, is_coupled: bool):
    """Basilisk's tank of rigid liquid whose size stays and whose density falls, and the model that must outlive this call."""
    fuel = part("fuelTank")
    model = fuel.FuelTankModelUniformBurn()
    model.propMassInit, model.radiusTankInit, model.lengthTank = bowl.rigid, bowl.radius, bowl.height
    model.r_TcT_TInit = column(np.zeros(3))
    tank = fuel.FuelTank()
    tank.ModelTag = f"tank{number}"
    tank.setTankModel(model)
    tank.setNameOfMassState(f"rigid{number}")
    tank.setR_TB_B(column(bowl.place_B))
    tank.setUpdateOnly(not is_coupled)
    tank.setFuelLeakRate(bowl.flow)
    return tank, model


def pendulum_of(bowl: Bowl, number: int):
    """Basilisk's spherical pendulum, hanging along −Z of B: φ swings it along X, θ along Y."""
    pendulum = part("sphericalPendulum").SphericalPendulum()
    pendulum.ModelTag = f"pendulum{number}"
    pendulum.pendulumRadius, pendulum.massInit = bowl.length, bowl.swings
    pendulum.d = column(np.add(bowl.swings_B, [0.0, 0.0, bowl.length]))
    pendulum.D = (bowl.drag * np.eye(3)).tolist()
    axes = ([0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0])
    pendulum.pHat_01, pendulum.pHat_02, pendulum.pHat_03 = (column(axis) for axis in axes)
    pendulum.phiDotInit = pendulum.thetaDotInit = 0.0
    for state in ("Phi", "Theta", "PhiDot", "ThetaDot", "Mass"):
        setattr(pendulum, f"nameOf{state}State", f"{state}{number}")
    return pendulum


def moon_of():
    """The Moon's degree-2 field as Basilisk takes it: fully normalised coefficients (Kaula 1966, eq. 1.34)."""
    field = part("sphericalHarmonicsGravityModel").SphericalHarmonicsGravityModel()
    field.maxDeg, field.muBody, field.radEquator = 2, GM, GRAVITY_RADIUS
    zonal, sectorial = np.sqrt(5.0), np.sqrt(5.0 / 12.0)
    field.cBar = [[1.0], [0.0, 0.0], [C20 / zonal, 0.0, C22 / sectorial]]
    field.sBar = [[0.0], [0.0, 0.0], [0.0, 0.0, S22 / sectorial]]
    moon = part("gravityEffector").GravBodyData()
    moon.planetName, moon.mu, moon.radEquator = "moon", GM, GRAVITY_RADIUS
    moon.isCentralBody, moon.gravityModel = True, field
    return moon


@dataclass
class Sampled:
    """A craft in Basilisk's hands."""

    base: Any
    craft: Craft
    hub: Any
    kept: list  # Basilisk holds borrowed pointers: what it was given must live as long as the run

    def state(self, name: str) -> np.ndarray:
        """A state by its name."""
        return np.asarray(self.hub.dynManager.getStateObject(name).getState()).ravel()

    def sample(self) -> tuple[np.ndarray, ...]:
        """A row of the history."""
        told = self.hub.scStateOutMsg.read()
        held, displaced = [], []
        for k, bowl in enumerate(self.craft.bowls):
            rigid, x, y = float(self.state(f"rigid{k}")[0]), 0.0, 0.0
            if bowl.swings > 0.0:
                phi, theta = float(self.state(f"Phi{k}")[0]), float(self.state(f"Theta{k}")[0])
                x, y = bowl.length * np.sin(phi) * np.cos(theta), bowl.length * np.sin(theta)
                rigid += float(self.state(f"Mass{k}")[0])
            held.append(rigid)
            displaced.append([x, y])
        vectors = (np.array(told.r_BN_N), np.array(told.v_BN_N), attitude_of(np.array(told.sigma_BN)), np.array(told.omega_BN_B))
        return *vectors, np.array(held), np.array(displaced)


def assembled(craft: Craft, step: float) -> Sampled:
    """The craft put together, ready to run in RK4 steps of `step` s."""
    base = import_module("Basilisk.utilities.SimulationBaseClass").SimBaseClass()
    base.CreateNewProcess("process").addTask(base.CreateNewTask("task", round(step * NANO)))
    spacecraft = part("spacecraft").Spacecraft()
    spacecraft.ModelTag = "lander"
    hub = spacecraft.hub
    hub.mHub, hub.r_BcB_B, hub.IHubPntBc_B = craft.dry_mass, column(craft.dry_centre_B), craft.dry_inertia_B.tolist()
    hub.r_CN_NInit, hub.v_CN_NInit = column(craft.position_I), column(craft.velocity_I)
    hub.sigma_BNInit, hub.omega_BN_BInit = column(np.zeros(3)), column(craft.rate_B)
    pushed = part("extForceTorque").ExtForceTorque()
    pushed.ModelTag = "push"
    pushed.extForce_B, pushed.extTorquePntB_B = column(craft.force_B), column(craft.torque_B)
    spacecraft.addDynamicEffector(pushed)
    models, kept = [spacecraft, pushed], []
    for k, bowl in enumerate(craft.bowls):
        tank, model = tank_of(bowl, k, craft.is_coupled)
        spacecraft.addStateEffector(tank)
        models.append(tank)
        kept.append(model)
        if bowl.swings > 0.0:
            pendulum = pendulum_of(bowl, k)
            tank.pushFuelSloshParticle(pendulum)
            spacecraft.addStateEffector(pendulum)
            models.append(pendulum)
    for model in models:
        base.AddModelToTask("task", model)
    return Sampled(base, craft, spacecraft, [*kept, *models])


def over_the_moon(sampled: Sampled) -> Callable[[float], None]:
    """Put the Moon at the origin of I; what comes back tells Basilisk that its axes are turned as they are at a time (s).

    Basilisk goes on from what it was told in a straight line, C + Ċ dt, which is not a rotation and stretches even a point
    mass's pull by (ω dt)²/2; so it is told no rate.
    """
    messages = import_module("Basilisk.architecture.messaging")
    moon, message = moon_of(), messages.SpicePlanetStateMsg()
    moon.planetBodyInMsg.subscribeTo(message)
    sampled.hub.gravField.gravBodies = part("spacecraft").GravBodyVector([moon])
    sampled.kept.extend([moon, message])

    def tell(time: float) -> None:
        angle = ROTATION_RATE * time
        told = messages.SpicePlanetStateMsgPayload()
        told.PlanetName, told.computeOrient = "moon", 1
        told.J20002Pfix = [[np.cos(angle), np.sin(angle), 0.0], [-np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]]
        message.write(told, 0)

    tell(0.5 * TOLD_EVERY)
    return tell


def set_out(sampled: Sampled) -> None:
    """Initial states that have no attribute of their own, or that Basilisk takes as those of the centre of mass."""
    sampled.base.InitializeSimulation()
    craft, manager = sampled.craft, sampled.hub.dynManager
    names = sampled.hub.hub
    manager.getStateObject(names.nameOfHubPosition).setState(column(craft.position_I))
    manager.getStateObject(names.nameOfHubVelocity).setState(column(craft.velocity_I))
    for k, bowl in enumerate(craft.bowls):
        if bowl.swings > 0.0:
            theta = np.arcsin(bowl.displaced[1] / bowl.length)
            phi = np.arcsin(bowl.displaced[0] / bowl.length / np.cos(theta))
            manager.getStateObject(f"Phi{k}").setState([[float(phi)]])
            manager.getStateObject(f"Theta{k}").setState([[float(theta)]])


def fly(craft: Craft, seconds: float, every: float = 0.1, step: float = 0.02) -> History:
    """The craft's history, a sample `every` so many s, in RK4 steps of `step` s."""
    sampled = assembled(craft, step)
    tell = over_the_moon(sampled) if craft.over_moon else lambda _: None
    set_out(sampled)
    rows, samples = [], round(seconds / every)
    for k in range(1, samples + 1):
        if round((k - 1) * every / TOLD_EVERY, 6) % 1 == 0:
            tell((k - 1) * every + 0.5 * TOLD_EVERY)
        sampled.base.ConfigureStopTime(round(k * every * NANO))
        sampled.base.ExecuteSimulation()
        rows.append(sampled.sample())
    return History(*(np.array(x) for x in zip(*rows, strict=True)))
