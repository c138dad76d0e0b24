"""Rocks on the ground: how many of what size, and where.

N(≥d) = N₁ d^(−b) a m², d in m, the power law of rock counts between a decimetre and ten metres (Shoemaker and Morris 1970,
Icarus 12, Surveyor; NASA's VIPER environment VIPER-MSE-SPEC-001: 3e-4 d^−2.482). Scattered evenly, and the same whoever looks.
"""

import math
from typing import NamedTuple

import numpy as np

from .craters import octaves, scatter

CELL = 16.0  # m, least side of a cell that rocks are drawn in
HEIGHT = 0.5  # of a rock over its diameter: half buried (M; Demidov and Basilevsky 2014, Sol. Syst. Res. 48, measure 0.5–0.6)


class Rocks(NamedTuple):
    """Rocks as arrays (n,): place (n, 3, unit vectors in M) and diameter (m)."""

    place_M: np.ndarray
    diameter: np.ndarray


def rocks_over(diameter: np.ndarray | float, over_1m_per_m2: float, exponent: float):
    """Rocks of a diameter (m) or more a m²."""
    return over_1m_per_m2 * np.asarray(diameter, np.float64) ** -exponent


def rocks_about(
    centre_M: np.ndarray, radius_m: float, diameters_m: tuple[float, float], over_1m_per_m2: float, exponent: float, seed: int
) -> Rocks:
    """Rocks of diameters in a range (m) whose middle lies within `radius_m` of a centre (unit vector in M)."""
    found = []
    for number in octaves(*diameters_m):
        low, high = 2.0**number, 2.0 ** (number + 1)
        over = rocks_over(np.array([low, high]), over_1m_per_m2, exponent)
        places, draws = scatter(centre_M, radius_m, max(CELL, 4.0 * low), float(over[0] - over[1]), (seed, 2, number))
        counts = over[0] - draws[:, 0] * (over[0] - over[1])
        diameter = (counts / over_1m_per_m2) ** (-1.0 / exponent)
        is_in = (diameter >= diameters_m[0]) & (diameter < diameters_m[1])
        found.append(Rocks(places[is_in], diameter[is_in]))
    return Rocks(*(np.concatenate(part) for part in zip(*found, strict=True)))


def chance_of_none(rock_limit_m: float, radius_m: float, over_1m_per_m2: float, exponent: float) -> float:
    """Chance that no rock standing higher than a limit reaches into a circle.

    e^(−λ) with λ = ∫ n(d) π (r + d/2)² dd from the diameter that stands as high as the limit.
    """
    least = rock_limit_m / HEIGHT
    ticks = np.geomspace(least, 100.0 * least, 2000)
    number = -np.diff(rocks_over(ticks, over_1m_per_m2, exponent))
    middle = np.sqrt(ticks[1:] * ticks[:-1])
    return math.exp(-float(np.sum(number * math.pi * (radius_m + 0.5 * middle) ** 2)))
