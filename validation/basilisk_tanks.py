"""Moments of inertia of draining tanks: closed forms, ours, and those of Basilisk's emptying sphere."""

from dataclasses import dataclass
from importlib import import_module

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from numpy.polynomial import Polynomial

from perilune.interface.design import TANKS

from .basilisk_craft import NANO, column, part

RADIUS = 0.5  # m, of the sphere
FULL = 40.0  # kg in it
FILLS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Liquid:
    """Liquid in a tank, about the tank's centre."""

    across: float  # kg m²
    along: float  # kg m², about the axis
    centre: float  # m, of mass, along the axis
    slope: float  # m², of `across` with mass


def in_sphere(mass: float) -> Liquid:
    """So much (kg) at the bottom of a sphere, by integrals over its discs of radius r = √(R² − z²): dm = π ρ r² dz,
    ∫ (r²/4 + z²) dm across and ∫ r²/2 dm along. What is drawn is the top disc."""
    density = FULL / (4.0 / 3.0 * np.pi * RADIUS**3)
    square, z = Polynomial([RADIUS**2, 0.0, -1.0]), Polynomial([0.0, 1.0])

    def below(top: float, integrand: Polynomial) -> float:
        whole = integrand.integ()
        return np.pi * density * float(whole(top) - whole(-RADIUS))

    depth = square.integ() - square.integ()(-RADIUS) - mass / (np.pi * density)
    top = min(float(root) for root in np.real(depth.roots()) if abs(root) < RADIUS)
    across = below(top, square * (0.25 * square + z * z))
    slope = 0.25 * float(square(top)) + top**2
    return Liquid(across, below(top, 0.5 * square * square), below(top, square * z) / mass, slope)


def emptying_tank():
    """Basilisk's model of such a tank, which takes what it begins with for full."""
    model = part("fuelTank").FuelTankModelEmptying()
    model.radiusTankInit, model.propMassInit = RADIUS, FULL
    model.r_TcT_TInit = column(np.zeros(3))
    return model


def basilisk_sphere(mass: float) -> Liquid:
    """The same from Basilisk's emptying tank."""
    model = emptying_tank()
    model.computeTankProps(mass)
    model.computeTankPropDerivs(mass, -1.0)
    inertia, centre = np.array(model.ITankPntT_T), float(np.ravel(model.r_TcT_T)[2])
    return Liquid(float(inertia[0, 0]), float(inertia[2, 2]), centre, -float(np.array(model.IPrimeTankPntT_T)[0, 0]))


def own_slope(mass: float) -> float:
    """m², of Basilisk's moment across, by the difference of two of its moments."""
    step = 1e-4
    return (basilisk_sphere(mass + step).across - basilisk_sphere(mass - step).across) / (2.0 * step)


def turned(mass: float) -> tuple[float, float]:
    """Rate (rad/s) of a hub of 10 kg and 1 kg m² around the tank's centre after 1 s of a milli-newton metre across the axis, in
    closed form and by Basilisk. Without thrust and drain, the liquid is a rigid body."""
    hub_mass, hub_inertia, torque = 10.0, 1.0, 1e-3
    exact = in_sphere(mass)
    about = hub_inertia + exact.across - (mass * exact.centre) ** 2 / (mass + hub_mass)
    base = import_module("Basilisk.utilities.SimulationBaseClass").SimBaseClass()
    base.CreateNewProcess("process").addTask(base.CreateNewTask("task", NANO // 50))
    spacecraft, tank, push = part("spacecraft").Spacecraft(), part("fuelTank").FuelTank(), part("extForceTorque").ExtForceTorque()
    spacecraft.hub.mHub, spacecraft.hub.IHubPntBc_B = hub_mass, (hub_inertia * np.eye(3)).tolist()
    model = emptying_tank()
    tank.setTankModel(model)
    tank.setNameOfMassState("liquid")
    tank.setR_TB_B(column(np.zeros(3)))
    push.extTorquePntB_B = column([torque, 0.0, 0.0])
    spacecraft.addStateEffector(tank)
    spacecraft.addDynamicEffector(push)
    for each in (spacecraft, tank, push):
        base.AddModelToTask("task", each)
    base.InitializeSimulation()
    spacecraft.dynManager.getStateObject("liquid").setState([[mass]])
    base.ConfigureStopTime(NANO)
    base.ExecuteSimulation()
    return torque / about, float(spacecraft.scStateOutMsg.read().omega_BN_B[0])


def inertia_of_cylinders(structure, held: np.ndarray) -> float:
    """kg m² about X through the centre of mass, of the dry body and upright cylinders of liquid at rest."""
    tanks = structure.tanks
    place, radius, density = np.asarray(tanks.place_B), np.asarray(tanks.radius), np.asarray(tanks.density)
    depth = held / (density * np.pi * radius**2)
    masses = np.append(held, float(structure.dry_mass))
    middle = place + np.stack([0 * depth, 0 * depth, 0.5 * (depth - np.asarray(tanks.height))], axis=1)
    places = np.vstack([middle, np.asarray(structure.dry_centre_B)])
    arms = places - masses @ places / masses.sum()
    own = float(np.sum(held * (3.0 * radius**2 + depth**2)) / 12.0) + float(structure.inertia_dry[0])
    return own + float(masses @ (arms[:, 1] ** 2 + arms[:, 2] ** 2))


def cylinder_misses(structure, full: np.ndarray) -> list[tuple[float, float, float]]:
    """Fill, and by how much (relative) a lander's inertia across and its slope with mass miss the closed form, liquid frozen."""
    frozen = eqx.tree_at(lambda s: s.tanks.slosh_share, structure, jnp.zeros(TANKS))
    rows = []
    for fill in FILLS:
        held = fill * full
        mass = frozen.at(jnp.asarray(held), jnp.zeros((2, TANKS)))
        step = 1e-4
        more, less = (inertia_of_cylinders(frozen, held * (1.0 + sign * step)) for sign in (1.0, -1.0))
        slope = (more - less) / (2.0 * step * held.sum())
        exact = inertia_of_cylinders(frozen, held)
        rows.append((fill, float(mass.inertia_whole[0]) / exact - 1.0, float(mass.inertia_slope[0]) / slope - 1.0))
    return rows
