"""Parts of a campaign's page: where runs met the ground, how they flew, what lost them, what touchdown hangs on."""

from perilune.foundation.errors import UserError

from . import campaign_figures as figures
from . import campaign_ground, campaign_tubes
from .campaign_facts import Facts
from .cause_words import CAUSES
from .page import Safe, paragraph, picture, section, table

SENSITIVE_TO = (("vertical_speed_mps", "vertical speed at touchdown"), ("miss_distance_m", "miss distance"))
MOST_SENSITIVE = 12


def ground_section(facts: Facts) -> Safe:
    """Where runs met the ground."""
    title = "Where they met the ground"
    scatter = campaign_ground.scatter_of(facts)
    if scatter is None:
        return section(title, paragraph("No run met the ground."))
    ground = campaign_ground.ground_of(facts, scatter.half_m)
    more = f" Outside the picture: {scatter.outside}." if scatter.outside else ""
    relief = "" if isinstance(ground, str) else " Relief of the ground as flown over, lit from the north-west."
    circles = "with the probability that runs are weighted by" if facts.is_weighted else "of the runs that met the ground"
    caption = (
        f"{scatter.there} touchdowns by outcome.{more} Circles about the site hold 50 and 95 %, {circles}.{relief} North is up."
    )
    return section(
        title,
        paragraph(ground) if isinstance(ground, str) else "",
        picture(
            campaign_ground.ground_figure(facts, scatter, ground), "ground", "Map of touchdowns about the site", caption, "narrow"
        ),
    )


def tube_section(facts: Facts, tracks: list[campaign_tubes.Track]) -> Safe:
    """How runs flew."""
    title = "How they flew"
    if len(tracks) < campaign_tubes.LEAST_FLYING:
        return section(
            title, paragraph(f"Of {len(tracks)} runs more than a moment was kept: a tube takes {campaign_tubes.LEAST_FLYING}.")
        )
    lost = len(campaign_tubes.lost_of(facts, tracks))
    said = (
        f"Tracks are kept of the first 512 runs at most: here of {len(tracks)}. Bands hold the middle 50 and 90 % of the runs "
        f"that still fly, where at least {campaign_tubes.LEAST_FLYING} of them and a tenth of all do"
    )
    said += ", each by the probability of its kind" if facts.is_weighted else ""
    said += f"; the first {lost} lost ones are drawn one by one" if lost else ""
    return section(
        title,
        paragraph(f"{said}. Errors are what was believed less what was true."),
        picture(
            campaign_tubes.time_figure(facts, tracks),
            "tubes",
            "Tubes of height, speed and their errors against time",
            "The whole flight. Height and speed on logarithmic axes.",
        ),
        picture(
            campaign_tubes.close_figure(facts, tracks),
            "close",
            "Tubes of speed, tilt and errors against height",
            "The last 1.5 km, against the height above the terrain, which falls from left to right.",
        ),
    )


def cause_section(facts: Facts) -> Safe:
    """What came first in the runs that missed a requirement."""
    causes = facts.evidence.causes()
    title = "First causes"
    if not causes:
        return section(title, paragraph("Every run landed within all requirements: there is no cause to tell."))
    causes = dict(list(causes.items())[: figures.MOST_BARS])
    total = sum(causes.values())
    rows = [(name, count, f"{100.0 * count / total:.1f} %", CAUSES.get(name, "")) for name, count in causes.items()]
    which = "some of the runs" if "not told" in causes else "each run"
    told = (
        f"Told from the onboard telemetry of {which} that was lost or missed a requirement, by the first trouble of the chain. "
        "These are counts of runs as laid out"
    )
    told += ", in which rare failures are flown more often than they happen." if facts.is_weighted else "."
    return section(
        title,
        paragraph(told),
        table("First causes", ("first cause", "runs", "of these", "what it means"), rows, words=(0, 3)),
        picture(figures.causes_figure(causes, list(causes)), "causes", "Bars: runs by first cause", "Runs by first cause."),
    )


def sensitivity_section(facts: Facts) -> Safe:
    """Which dispersed numbers touchdown hangs on, or why that is not told."""
    title = "What touchdown hangs on"
    shown: list[Safe] = []
    for name, said in SENSITIVE_TO:
        try:
            indices = facts.evidence.sensitivity(name)
            noise = facts.evidence.sensitivity_to_nothing(name)
        except (UserError, ImportError) as reason:
            shown.append(paragraph(f"Not told for the {said}: {str(reason).rstrip('.')}."))
            continue
        over = sum(index > noise for index in indices.values())
        chosen = dict(list(indices.items())[:MOST_SENSITIVE])
        caption = (
            f"The {len(chosen)} highest of {len(indices)} dispersed numbers. Above what chance reaches ({noise:.2f}): "
            f"{over or 'none'}."
        )
        drawn = figures.sensitivity_figure(chosen, noise, said)
        shown.append(picture(drawn, f"pawn-{name.replace('_', '-')}", f"Bars: sensitivity of the {said}", caption))
    healthy = " Runs in which something failed by chance are left out." if facts.is_weighted else ""
    return section(
        title,
        paragraph(
            "The PAWN index (Pianosi & Wagener 2015) is the largest distance between a figure's distribution over all runs and "
            "over a tenth of them, parted by one dispersed number, the median over the tenths: 0 where the number does not "
            "matter, 1 where it settles the figure. With few runs chance alone gives an index well above 0: shaded is what the "
            "largest of as many numbers without meaning stays under in 95 % of cases, and grey bars within it tell "
            f"nothing.{healthy}"
        ),
        *shown,
    )
