"""The consistency study over many healthy flights, on all cores, and what becomes of it when a cause is taken away."""

import dataclasses
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from perilune.campaign.batch import WIDTH, Batch
from perilune.campaign.pool import spread
from perilune.simulation.load import load
from perilune.simulation.mission import Mission
from perilune.simulation.scenario import true_ground

from . import consistency
from .consistency import BLOCKS, INSTANTS, merge, nees_rows, nis_rows
from .report import Section
from .report import spread as written

ABLATION_SEEDS = 512
SCALE = "lander.sensors.imu.accelerometer_scale_ppm"
TIE = "site.onboard_map_tie_error_m"
# What the filter does not model, or not as it is: taken out of the world to see what it does.
ABLATIONS = ("nothing", "accelerometer scale across thrust", "map error", "both")
WATCHED = (("first range", "vertical"), ("+30 s", "vertical"), ("touchdown", "horizontal"), ("touchdown", "biases"))


class Job(NamedTuple):
    """One batch of seeds from `first` on, with one cause taken away."""

    without: str
    first: int


def undispersed(mission: Mission, path: str, kept: tuple[bool, bool, bool]) -> Mission:
    """The mission with the dispersion of a number kept in some of its three parts only."""
    rows = []
    for row in mission.dispersions:
        if row.path == path:
            sigma = row.sigma if isinstance(row.sigma, tuple) else (row.sigma,) * 3
            row = row.model_copy(update={"sigma": tuple((s or 0.0) * k for s, k in zip(sigma, kept, strict=True))})
        rows.append(row)
    return mission.model_copy(update={"dispersions": tuple(rows)})


@lru_cache(maxsize=2)
def batch_without(cause: str) -> Batch:
    """A worker's own copy of the mission with a cause taken away."""
    mission = load("resilience")
    if cause in (ABLATIONS[1], ABLATIONS[3]):
        mission = undispersed(mission, SCALE, (False, False, True))
    if cause in (ABLATIONS[2], ABLATIONS[3]):
        batch = Batch(undispersed(mission, TIE, (False, False, False)))
        onboard = mission.model_copy(
            update={"detail": None, "site": mission.site.model_copy(update={"true_map": mission.site.onboard_map})}
        )
        batch.maps = dataclasses.replace(batch.maps, true=true_ground(onboard))  # the ground is what the map says
        return batch
    return Batch(mission)


def sample(job: Job) -> consistency.Consistency:
    """One batch of seeds."""
    return consistency.sample(batch_without(job.without), range(job.first, job.first + WIDTH))


def ablation(cause: str) -> list[str]:
    """Mean NEES of the watched blocks with one cause taken away."""
    found = merge(list(spread(sample, [Job(cause, first) for first in range(0, ABLATION_SEEDS, WIDTH)])))
    blocks = list(BLOCKS)
    means = [np.nanmean(found.nees[INSTANTS.index(instant), blocks.index(block)]) for instant, block in WATCHED]
    return [cause, *(f"{mean:.2f}" for mean in means)]


def study(seeds: int = 1024) -> Section:
    """NEES and NIS tables."""
    found = merge(list(spread(sample, [Job("nothing", first) for first in range(0, seeds, WIDTH)])))
    nees, nis = nees_rows(found), nis_rows(found)
    outside = [f"{row[1]} at {row[0]} ({row[6]}, {row[3]} for {row[2]})" for row in nees if row[6] != "inside"]
    radial = [[name, written(found.radial_sigma[i])] for i, name in enumerate(INSTANTS)]
    freedom = [f"{instant}, {block} ({len(BLOCKS[block])})" for instant, block in WATCHED]
    return Section(
        "Filter consistency",
        words=[
            "Mean NEES against its 95 % bounds over independent flights; the last column but one is the median over the "
            "median of chi-square, which outliers do not move. The map's error is estimated but not judged: it is a "
            "property of the ground, not of the lander.",
            f"Outside its bounds: {', '.join(outside) or 'nothing'}. The table of causes flies {ABLATION_SEEDS} seeds again "
            "with something taken out of the world that the filter models otherwise or not at all: the accelerometer's scale "
            "error across the thrust (it estimates the one along it), and the error of its map (it carries one sigma and one "
            "length for the whole track). Where a figure does not move, its cause is another one and is not known.",
            "NIS of the range counts every offered return; ungated, a single false return of kilometres outweighs all "
            "others, which is what the gate is for. Its lag-1 correlation is that of the map's error, which is smooth "
            "over the ground and only modelled as such.",
        ],
        tables=[
            (["instant", "block", "freedom", "mean NEES", "95 % bounds", "median ratio", ""], nees),
            (["taken away: mean NEES at", *freedom], [ablation(cause) for cause in ABLATIONS]),
            (["sensor", "which", "mean NIS a row (1 expected)", "lag-1", "95 % bound of white", "rows"], nis),
            (["radial sigma believed at", "m"], radial),
        ],
    )
