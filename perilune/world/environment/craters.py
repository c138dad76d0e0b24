"""Craters that no map shows: how many, how deep, how worn, and where.

Counts. Small craters come and go: below a diameter that hangs on the ground's age as many are worn away as are made, and their
number stays at N(>D) = 0.079 D⁻² a m², D in m (Trask 1966, JPL TR 32-800; Gault 1970, Radio Sci. 5). Above it the production
shows: N(>D) = N₁ (D/1 km)^−3.8 to 1.4 km and with −1.8 beyond, pieces of the lunar production function (Neukum, Ivanov and
Hartmann 2001, Space Sci. Rev. 96), N₁ being the count of craters over 1 km that dates the ground.

Shape. A fresh simple crater is a bowl 0.196 of its diameter deep under a rim 0.036 of it high (Pike 1977, Impact and Explosion
Cratering, 489–509), its ejecta thinning as the cube of the distance (McGetchin, Settle and Head 1973, Earth Planet. Sci. Lett.
20). Below 400 m fresh craters are shallower, 0.13 at 40 m (Stopar et al. 2017, Icarus 298).

Wear. Micrometeorites carry ground downhill: ∂z/∂t = κ ∇²z (Soderblom 1970, J. Geophys. Res. 75; Fassett and Thomson 2014,
J. Geophys. Res. Planets 119). In units of the diameter, one table of profiles over τ = κt/D² serves all craters. Made at a
steady rate and lost to sight at a depth of `FAINTEST` of the diameter, the craters that are seen have ages spread evenly.

Place. The sphere is cut into bands and the bands into cells, for each octave of diameters its own; a cell's craters are drawn
from its own number by a hash, so that they are the same whoever looks.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_banded
from scipy.special import j0, pdtr, pdtrik

from perilune.foundation.moon import RADIUS

EQUILIBRIUM = 0.079  # craters ≥ 1 m a m² (Trask 1966)
STEEP, GENTLE, BREAK_M = 3.8, 1.8, 1400.0  # exponents of the production function and the diameter between them
DEPTH, RIM = 0.196, 0.036  # of the diameter, fresh (Pike 1977)
SHALLOWEST, SHALLOW_M, DEEP_M = 0.13 / DEPTH, 40.0, 400.0  # of the fresh depth, at and below 40 m; full from 400 m (Stopar 2017)
FAINTEST = 0.03  # depth over diameter under which a crater is not counted (M: hardly seen even at a low Sun)
REACH = 1.75  # diameters from the centre at which a profile has come to nothing
NODES, AGES = 176, 24  # of the table of profiles, in distance and in the square root of τ
POWER_NODES, WORN_OUT = 3000, 200.0  # of the transform, and wavenumber times diameter beyond which its asymptote speaks
CELL = 4.0  # diameters (of the octave's smallest) a side of a cell: one crater of it on average, where the ground is full


class Craters(NamedTuple):
    """Craters as arrays (n,): centre (n, 3, unit vectors in M), diameter (m), age (share of the time in sight)."""

    centre_M: np.ndarray
    diameter: np.ndarray
    age: np.ndarray


def fresh_profile(distance: np.ndarray) -> np.ndarray:
    """Height over diameter of a fresh crater at distances in diameters."""
    bowl = RIM - DEPTH + DEPTH * (2.0 * distance) ** 2
    fade = np.clip((REACH - distance) / (REACH - 0.5), 0.0, 1.0)
    ejecta = RIM * np.maximum(2.0 * distance, 1.0) ** -3.0 * fade * (2.0 - fade)
    return np.where(distance < 0.5, bowl, ejecta)


@lru_cache(maxsize=1)
def worn_profiles() -> tuple[np.ndarray, np.ndarray, float]:
    """Distances (NODES,), profiles (AGES, NODES) in diameters at √(τ/τ_last) = 0…1 evenly, and τ_last, where it fades from sight.

    Implicit differences of ∂f/∂τ = (1/ρ) ∂(ρ ∂f/∂ρ)/∂ρ on cells about the centre, nothing beyond REACH.
    """
    width = REACH / NODES
    middle, edge = (np.arange(NODES) + 0.5) * width, np.arange(NODES + 1) * width
    inward, outward = edge[:-1] / (middle * width**2), edge[1:] / (middle * width**2)

    def worn(profile, step):
        bands = np.zeros((3, NODES))
        bands[0, 1:], bands[2, :-1] = -step * outward[:-1], -step * inward[1:]
        bands[1] = 1.0 + step * (inward + outward)
        return solve_banded((1, 1), bands, profile)

    def depth(profile):
        return profile.max() - profile[0]

    profile, tau, steps = fresh_profile(middle), 0.0, [(0.0, fresh_profile(middle))]
    while depth(profile) > FAINTEST:
        step = 2e-5 + 0.02 * tau
        profile, tau = worn(profile, step), tau + step
        steps.append((tau, profile))
    (before, early), (after, late) = steps[-2:]
    share = (depth(early) - FAINTEST) / (depth(early) - depth(late))
    steps[-1] = (before + share * (after - before), early + share * (late - early))
    taus, shapes = np.array([s[0] for s in steps]), np.array([s[1] for s in steps])
    wanted = np.linspace(0.0, 1.0, AGES) ** 2 * taus[-1]
    table = np.stack([np.interp(wanted, taus, shapes[:, k]) for k in range(NODES)], axis=1)
    return middle, table, float(taus[-1])


def profile_at(distance: np.ndarray, age: float) -> np.ndarray:
    """Height over diameter at distances in diameters of a crater that has spent a share `age` of its time in sight."""
    middle, table, _ = worn_profiles()
    place = math.sqrt(age) * (AGES - 1)
    row = min(int(place), AGES - 2)
    shape = table[row] + (place - row) * (table[row + 1] - table[row])
    return np.interp(distance, middle, shape, right=0.0)


def depth_scale(diameter: np.ndarray) -> np.ndarray:
    """Fresh depth over that of Pike's law."""
    share = np.log(np.maximum(diameter, 1e-9) / SHALLOW_M) / math.log(DEEP_M / SHALLOW_M)
    return SHALLOWEST + (1.0 - SHALLOWEST) * np.clip(share, 0.0, 1.0)


def count_over(diameter: np.ndarray, over_1km_per_km2: float) -> np.ndarray:
    """Craters larger than `diameter` (m) a m² of ground: the lesser of equilibrium and production."""
    diameter = np.asarray(diameter, np.float64)
    at_break = 1e-6 * over_1km_per_km2 * (BREAK_M / 1e3) ** -STEEP
    exponent = np.where(diameter < BREAK_M, STEEP, GENTLE)
    return np.minimum(EQUILIBRIUM * diameter**-2.0, at_break * (diameter / BREAK_M) ** -exponent)


def scrambled(*parts) -> np.ndarray:
    """Uniform numbers in 0…1 from whole ones: SplitMix64 (Steele, Lea and Flood 2014, OOPSLA) over the parts in turn."""
    with np.errstate(over="ignore"):
        state = np.zeros((), np.uint64)
        for part in parts:
            state = state ^ np.asarray(part, np.int64).astype(np.uint64)
            state = state + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return ((state >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def cells_about(centre_M: np.ndarray, radius_m: float, side_m: float):
    """Band, number in the band, southern edge's sine, height in sine, western edge, width (rad) of the cells of about `side_m`
    by `side_m` that touch a circle."""
    bands = max(int(math.pi * RADIUS / side_m), 1)
    latitude, longitude = math.asin(np.clip(centre_M[2], -1.0, 1.0)), math.atan2(centre_M[1], centre_M[0])
    reach = radius_m / RADIUS
    first = max(math.floor((latitude - reach + math.pi / 2) / math.pi * bands), 0)
    last = min(math.floor((latitude + reach + math.pi / 2) / math.pi * bands), bands - 1)
    found = []
    for band in range(first, last + 1):
        south, north = (-math.pi / 2 + (band + k) * math.pi / bands for k in (0, 1))
        cells = max(round(2.0 * math.pi * RADIUS * math.cos(0.5 * (south + north)) / side_m), 1)
        width = 2.0 * math.pi / cells
        least = min(math.cos(south), math.cos(north))
        half = math.pi if reach >= 0.9 * least else math.asin(min(math.sin(reach) / max(least, 1e-12), 1.0))
        if half >= math.pi / 2:
            numbers = np.arange(cells)
        else:
            begin = math.floor((longitude - half) / width)
            numbers = np.arange(begin, math.floor((longitude + half) / width) + 1)[:cells] % cells
        rest = np.ones(len(numbers))
        rows = [
            band * rest,
            numbers,
            math.sin(south) * rest,
            (math.sin(north) - math.sin(south)) * rest,
            numbers * width,
            width * rest,
        ]
        found.append(np.stack(rows))
    return np.concatenate(found, axis=1)


def scatter(centre_M: np.ndarray, radius_m: float, side_m: float, per_m2: float, key: tuple[int, ...]):
    """Things scattered at `per_m2` on the sphere, those within `radius_m` of a centre: unit vectors (n, 3), and for each two
    more uniform numbers (n, 2). A thing hangs on its cell and `key` alone."""
    bands, numbers, south, height, west, width = cells_about(centre_M, radius_m, side_m)
    band, number = bands.astype(np.int64), numbers.astype(np.int64)
    mean = per_m2 * RADIUS**2 * height * width
    count = counted(scrambled(*key, band, number, -1), mean)
    cell = np.repeat(np.arange(len(band)), count)
    index = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
    draws = [scrambled(*key, band[cell], number[cell], index, k) for k in range(4)]
    sine = south[cell] + height[cell] * draws[0]
    longitude = west[cell] + width[cell] * draws[1]
    flat = np.sqrt(np.maximum(1.0 - sine**2, 0.0))
    places = np.stack([flat * np.cos(longitude), flat * np.sin(longitude), sine], axis=1)
    chord = 2.0 * math.sin(min(0.5 * radius_m / RADIUS, 0.5 * math.pi))
    is_near = np.sum((places - centre_M) ** 2, axis=1) <= chord**2
    return places[is_near], np.stack(draws[2:], axis=1)[is_near]


def counted(share: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The count at a share (0…1) of Poisson's distribution, as scipy.stats.poisson.ppf gives it, in a tenth of its time."""
    count = np.ceil(pdtrik(share, mean))
    less = np.maximum(count - 1.0, 0.0)
    return np.where(pdtr(less, mean) >= share, less, count).astype(int)


def octaves(smallest_m: float, largest_m: float) -> range:
    """Numbers of the octaves of diameter that two diameters (m) span; that of 1…2 m is 0."""
    first, last = math.floor(math.log2(smallest_m) + 1e-9), math.ceil(math.log2(largest_m) - 1e-9)
    return range(first, last)


def craters_about(
    centre_M: np.ndarray, radius_m: float, diameters_m: tuple[float, float], over_1km_per_km2: float, seed: int
) -> Craters:
    """Craters with diameters in a range (m) that reach into a circle of `radius_m` about a centre (unit vector in M)."""
    found = []
    for number in octaves(*diameters_m):
        low, high = 2.0**number, 2.0 ** (number + 1)  # whole octaves are drawn, so that a range cuts and does not reshuffle
        over = count_over(np.array([low, high]), over_1km_per_km2)
        if over[0] <= over[1]:
            continue  # ground without craters
        places, draws = scatter(centre_M, radius_m + REACH * high, CELL * low, over[0] - over[1], (seed, 1, number))
        diameter = diameter_of(draws[:, 0], low, high, over_1km_per_km2)
        is_in = (diameter >= diameters_m[0]) & (diameter < diameters_m[1])
        found.append(Craters(places[is_in], diameter[is_in], draws[is_in, 1]))
    if not found:
        return Craters(np.zeros((0, 3)), np.zeros(0), np.zeros(0))
    return Craters(*(np.concatenate(part) for part in zip(*found, strict=True)))


def diameter_of(uniform: np.ndarray, low: float, high: float, over_1km_per_km2: float) -> np.ndarray:
    """Diameters (m) between two with the law of counts, from uniform numbers."""
    ticks = np.geomspace(low, high, 257)
    counts = count_over(ticks, over_1km_per_km2)
    share = (counts[0] - counts) / (counts[0] - counts[-1])
    return np.exp(np.interp(uniform, share, np.log(ticks)))


def crater_power(wavenumbers: np.ndarray, diameters_m: tuple[float, float], over_1km_per_km2: float) -> np.ndarray:
    """Power (m² a rad²/m²) of ground with these craters at wavenumbers (rad/m).

    P = ∫ n(D) ⟨|F|²⟩ dD/(2π)² with F = 2π ∫ z J₀(kr) r dr (Campbell's theorem for a Poisson field; Rice 1944, Bell Syst. Tech.
    J. 23).
    """
    middle, table, _ = worn_profiles()
    ages = np.linspace(0.0, 1.0, AGES) ** 2
    fine = (np.arange(POWER_NODES) + 0.5) * REACH / POWER_NODES
    profiles = np.stack([np.interp(fine, middle, row) for row in table])
    scaled = np.geomspace(1e-2, WORN_OUT, 200)
    kernel = 2.0 * math.pi * j0(scaled[:, None] * fine[None, :]) * fine[None, :] * (fine[1] - fine[0])
    mean_square = np.trapezoid((kernel @ profiles.T) ** 2, ages, axis=1)  # of an evenly spread age
    ticks = np.geomspace(*diameters_m, 200)
    number = -np.diff(count_over(ticks, over_1km_per_km2))
    diameter = np.sqrt(ticks[1:] * ticks[:-1])
    share = number * diameter**6 * depth_scale(diameter) ** 2
    asked = wavenumbers[:, None] * diameter[None, :]
    found = np.exp(np.interp(np.log(asked), np.log(scaled), np.log(mean_square)))
    found = found * np.minimum(WORN_OUT / asked, 1.0) ** 5  # the kink of a fresh rim, a circle of it: |F|² falls as k⁻⁵
    return np.sum(share * found, axis=1) / (2.0 * math.pi) ** 2
