"""The consistency study over many healthy flights, on all cores."""

from perilune.campaign.batch import WIDTH
from perilune.campaign.pool import spread

from . import consistency
from .consistency import INSTANTS, merge, nees_rows, nis_rows
from .flights import batch_of
from .report import Section
from .report import spread as written


def sample(first: int) -> consistency.Consistency:
    """One batch of seeds."""
    return consistency.sample(batch_of("resilience"), range(first, first + WIDTH))


def study(seeds: int = 1024) -> Section:
    """NEES and NIS tables."""
    found = merge(list(spread(sample, range(0, seeds, WIDTH))))
    nees, nis = nees_rows(found), nis_rows(found)
    outside = [f"{row[1]} at {row[0]} ({row[6]})" for row in nees if row[6] != "inside"]
    radial = [[name, written(found.radial_sigma[i])] for i, name in enumerate(INSTANTS)]
    return Section(
        "Filter consistency",
        words=[
            "Mean NEES against its 95 % bounds over independent flights; the last column but one is the median over the "
            "median of chi-square, which outliers do not move. The map's error is estimated but not judged: it is a "
            "property of the ground, not of the lander.",
            "Outside its bounds: "
            + (", ".join(outside) or "nothing")
            + ". Vertical below its bounds after the first ranges is the safe side: the map's error is carried with one "
            "sigma and one length for the whole track, and the mare at the site is smoother than that. What stands above "
            "its bounds does so by a few per cent of the mean: the first range is an under-weighted, linearised update "
            "over 200 m, and the last seconds fly through the map's own cells; neither was tuned away.",
            "NIS of the range counts every offered return; ungated, a single false return of kilometres outweighs all "
            "others, which is what the gate is for. Its lag-1 correlation is that of the map's error, which is smooth "
            "over the ground and only modelled as such.",
        ],
        tables=[
            (["instant", "block", "freedom", "mean NEES", "95 % bounds", "median ratio", ""], nees),
            (["sensor", "which", "mean NIS a row (1 expected)", "lag-1", "95 % bound of white", "rows"], nis),
            (["radial sigma believed at", "m"], radial),
        ],
    )
