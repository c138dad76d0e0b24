"""Where the runs of a campaign lie among all that could be drawn: by chance, by Latin hypercube, or by Sobol's sequence."""

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from perilune.foundation.errors import UserError

DESIGNS = ("random", "lhs", "sobol")
MOST_SOBOL = 21201  # dimensions of SciPy's direction numbers (Joe & Kuo 2008)
EDGE = 2.0**-54  # kept from 0 and 1, where a normal number would be infinite


def check_design(design: str, dimensions: int) -> None:
    """Raises UserError for a design that there is not, or that cannot be laid out."""
    if design not in DESIGNS:
        raise UserError(f"--design {design}: choose one of {', '.join(DESIGNS)}.")
    if design == "sobol" and dimensions > MOST_SOBOL:
        raise UserError(f"--design sobol: {dimensions} dispersed numbers, and the sequence has {MOST_SOBOL} dimensions.")
    if design != "random" and dimensions == 0:
        raise UserError(f"--design {design}: the mission disperses nothing, so there is nothing to lay out.")


def sobol_points(seed: int, first: int, count: int, dimensions: int) -> np.ndarray:
    """Points `first` … of Sobol's sequence, scrambled (Owen 1995) by the seed: point k is a function of seed and k alone."""
    sequence = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(np.random.SeedSequence((seed, 2))))
    if first:
        sequence.fast_forward(first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a part of the sequence is no power of two: the whole may be
        return sequence.random(count)


@lru_cache(maxsize=1)
def strata(seed: int, runs: int, dimensions: int) -> np.ndarray:
    """For each dimension an order of the strata: (dimensions, runs), of 32 bits."""
    seeds = np.random.SeedSequence((seed, 1)).spawn(dimensions)
    return np.stack([np.random.default_rng(s).permutation(runs).astype(np.int32) for s in seeds])


def hypercube_points(seed: int, first: int, count: int, dimensions: int, runs: int) -> np.ndarray:
    """Points `first` … of a Latin hypercube of `runs` points (McKay, Beckman & Conover 1979): in every dimension one point to a
    stratum, somewhere in it. Runs beyond the last are points of chance."""
    within = np.stack([np.random.default_rng((seed, 3, first + k)).random(dimensions) for k in range(count)])
    places = np.arange(first, first + count)
    points, inside = within.copy(), places < runs
    points[inside] = (strata(seed, runs, dimensions)[:, places[inside]].T + within[inside]) / runs
    return points


def normals_of(design: str, seed: int, runs: int, first: int, count: int, dimensions: int) -> Any:
    """Standard normal numbers, (count, dimensions), of runs `first` …; None where each run draws its own."""
    if design == "random":
        return None
    if design == "sobol":
        points = sobol_points(seed, first, count, dimensions)
    else:
        points = hypercube_points(seed, first, count, dimensions, runs)
    return ndtri(np.clip(points, EDGE, 1.0 - EDGE))
