"""Whether the filter of every mission is as sure as it should be, healthy: NEES of 128 flights each."""

import numpy as np
from scipy.stats import chi2

from perilune.campaign.batch import WIDTH, Batch
from perilune.campaign.pool import spread
from perilune.simulation.load import load

from . import consistency
from .consistency import BLOCKS, INSTANTS, bounds
from .report import Section

MISSIONS = ("resilience", "hakuto-r-m1", "odysseus", "blue-ghost", "slim")
WHEN = ("10 km", "touchdown")


def flown(mission: str) -> consistency.Consistency:
    """One batch of a mission."""
    return consistency.sample(Batch(load(mission)), range(WIDTH))


def cell(found: consistency.Consistency, instant: str, block: str) -> str:
    """Mean NEES, and in brackets its median over that of chi-square."""
    values, freedom = found.nees[INSTANTS.index(instant), list(BLOCKS).index(block)], len(BLOCKS[block])
    return f"{np.nanmean(values):.1f} ({np.nanmedian(values) / chi2.median(freedom):.2f})"


def study() -> Section:
    """A row a mission and instant."""
    rows = []
    for mission, found in zip(MISSIONS, spread(flown, list(MISSIONS)), strict=True):
        sigmas = [f"{np.nanmedian(found.radial_sigma[INSTANTS.index(when)]):.1f}" for when in WHEN]
        rows += [
            [mission, when, *(cell(found, when, block) for block in BLOCKS), sigma]
            for when, sigma in zip(WHEN, sigmas, strict=True)
        ]
    freedoms = [f"{block} ({len(indices)})" for block, indices in BLOCKS.items()]
    inside = "; ".join(f"{block} {low:.1f}–{high:.1f}" for block, (low, high) in limits().items())
    return Section(
        "Filter of every mission",
        words=[
            f"{WIDTH} healthy flights a mission. Mean NEES, in brackets the median over that of chi-square, which outliers do "
            f"not move; the number of states stands behind each block. 95 % bounds of the mean: {inside}. Above them the filter "
            "is surer than it should be, below them less sure. The map's error and the camera map's tie are estimated, but not "
            "judged.",
        ],
        tables=[(["mission", "at", *freedoms, "radial sigma believed, m"], rows)],
    )


def limits() -> dict[str, tuple[float, float]]:
    """95 % bounds of each block's mean."""
    return {block: bounds(len(indices), WIDTH) for block, indices in BLOCKS.items()}
