"""What follows from where thrusters stand: which of them make torque about each axis, and for how long."""

from functools import lru_cache

import numpy as np
from scipy.optimize import linprog

from perilune.interface.design import ENGINE_CLASSES

from .lander_tables import Lander

SLOTS = ENGINE_CLASSES["attitude"][1]
NEWTON = 0.01  # of thrust: how dear a newton of force along the way is, against a thruster's full duty
AXES = "xyz"


def centre_at_start(lander: Lander) -> np.ndarray:
    """Centre of mass as drawn, half of the propellant gone, m from the datum: what thrusters are laid out about."""
    tanks, load = lander.tanks, 0.5 * lander.propellant_mass_kg
    each = load * np.asarray(tanks.load_share)
    depth = each / (np.asarray(tanks.density_kgpm3) * np.pi * np.asarray(tanks.radius_m) ** 2)
    place = np.asarray(tanks.place_m, float)
    place[:, 2] += 0.5 * depth - 0.5 * np.asarray(tanks.height_m)
    whole = lander.dry_mass_kg * np.asarray(lander.dry_centre_m) + each @ place
    return whole / (lander.dry_mass_kg + load)


def thruster_torques(lander: Lander) -> np.ndarray:
    """Torque of each attitude thruster about the centre of mass, N m, (n, 3)."""
    engines = lander.engines.attitude
    arms = np.asarray(engines.place_m, float) - centre_at_start(lander)
    return np.cross(arms, engines.thrust_n * np.asarray(engines.direction, float))


@lru_cache(maxsize=64)
def sets_of_thrusters(lander: Lander) -> tuple[np.ndarray, list[str]]:
    """Duty of each thruster for a newton metre about +x, −x, +y, −y, +z, −z, (6, n), and the axes that cannot be had.

    The least total duty that makes the torque and no other, with as little force as may be: a linear programme in duties d ≥ 0
    and the parts of the force, Σ d + Σ |F|/(NEWTON thrust) least with Σ d τ = axis and Σ d f = F.
    """
    engines = lander.engines.attitude
    torques, count = thruster_torques(lander), len(engines.place_m)
    forces = engines.thrust_n * np.asarray(engines.direction, float)
    price = np.concatenate([np.ones(count), np.full(6, 1.0 / (NEWTON * engines.thrust_n))])
    equal = np.block([[torques.T, np.zeros((3, 6))], [forces.T, -np.eye(3), np.eye(3)]])
    found, missing = np.zeros((6, count)), []
    for k in range(6):
        wanted = np.zeros(6)
        wanted[k // 2] = 1.0 - 2.0 * (k % 2)
        solved = linprog(price, A_eq=equal, b_eq=wanted, bounds=(0, None), method="highs")
        if not solved.success:
            missing.append(f"{'+-'[k % 2]}{AXES[k // 2]}")
            continue
        found[k] = solved.x[:count]
    return found, missing


def attitude_duty(lander: Lander) -> np.ndarray:
    """Duties with the empty slots, (6, slots), 1/(N m). Axes that cannot be had are zero (`checks` refuses such a lander)."""
    found, _ = sets_of_thrusters(lander)  # pyright: ignore[reportArgumentType] (frozen models have a hash)
    return np.concatenate([found, np.zeros((6, SLOTS - found.shape[1]))], axis=1)


def axes_without_torque(lander: Lander) -> list[str]:
    """The signed axes about which attitude thrusters make no torque."""
    return sets_of_thrusters(lander)[1]  # pyright: ignore[reportArgumentType]


def pairs_balance(lander: Lander) -> bool:
    """Whether every pair of assist engines pushes through the centre of mass."""
    engines = lander.engines.assist
    half = len(engines.place_m) // 2
    arms = np.asarray(engines.place_m, float).reshape(-1, 3) - centre_at_start(lander)
    torques = np.cross(arms, np.asarray(engines.direction, float).reshape(-1, 3))
    return all(np.linalg.norm(torques[k] + torques[k + half]) < 0.02 for k in range(half))  # m: 2 cm off the axis


def surrounds(places: np.ndarray, point: np.ndarray) -> bool:
    """Whether the polygon of places (n, 2) has a point inside: no half-plane through it is empty of them."""
    ways = places - point
    angles = np.sort(np.arctan2(ways[:, 1], ways[:, 0]))
    gaps = np.diff(np.concatenate([angles, angles[:1] + 2.0 * np.pi]))
    return bool(np.max(gaps) < np.pi - 1e-6)
