"""The worst runs of a campaign: which they are, and what is known of each from its row."""

import shlex
from typing import NamedTuple

import matplotlib.figure
import numpy as np

from perilune.campaign.strata import JOINED
from perilune.interface.events import ALL
from perilune.simulation.fault_rows import words
from perilune.simulation.unit_words import unit_of

from .campaign_facts import Facts, weighted_quantiles
from .campaign_tubes import LEAST, Track, log_axis, over_time
from .cause_words import in_words
from .figures import OUTCOME_WORDS
from .page import Safe, items, joined, number, paragraph, picture, table, tag
from .site_figure import distance
from .style import BAD, TRUE, new_figure

ORDER = ("crashed", "tipped", "timeout", "hard_landing", "diverged")  # worst first; what tells of the simulation last
FARTHEST = 5  # dispersions that are told of a run
LEAST_KINDS = 10  # different values without which a number was moved by a fault, not drawn
LAST_S = 180.0  # of the flight, in its small figure


class Reading(NamedTuple):
    """What the stories are told from: the campaign, its address for commands, and its tracks."""

    facts: Facts
    address: str
    tracks: dict[int, Track]  # of each row


def strain(facts: Facts) -> np.ndarray:
    """How near each run came to a requirement: the largest share of a limit, above 1 where one was broken."""
    shares = [one.values / one.limit for one in facts.figures if one.limit]
    return np.max(np.nan_to_num(np.asarray(shares), nan=0.0), axis=0) if shares else np.zeros(facts.runs)


def speed_of(facts: Facts) -> np.ndarray:
    """Speed at touchdown, m/s; 0 without one."""
    return np.nan_to_num(np.hypot(facts.numbers("vertical_speed_mps"), facts.numbers("horizontal_speed_mps")))


def worst_rows(facts: Facts, count: int) -> list[int]:
    """The worst runs, by their rows: lost ones by kind and speed, then landed ones by how near they came to a requirement."""
    kinds = {name: place for place, name in enumerate((*ORDER, "", "landed"))}
    rank = np.asarray([kinds.get(name, kinds[""]) for name in facts.outcome])
    badness = np.where(facts.has_landed, strain(facts), speed_of(facts))
    order = np.lexsort((facts.run, -badness, rank))
    return [int(row) for row in order[:count]]


def replay_command(reading: Reading, row: int) -> str:
    """What flies a run again."""
    return f"perilune replay {shlex.quote(reading.address)} --run {reading.facts.run[row]}"


def faults_of_run(facts: Facts, row: int) -> list[str]:
    """What failed in a run: by the names of the priors, and by its columns of faults, but for those that every run has."""
    base, found = facts.head["faults"], {}
    for name in facts.evidence.names:
        fault = name.removeprefix("fault/")
        if not name.startswith("fault/") or fault.endswith(".start_s") or fault in base:
            continue
        magnitude, start = facts.numbers(name)[row], facts.numbers(f"{name}.start_s")[row]
        if magnitude and np.isfinite(magnitude):
            when = {"start_s": round(float(start), 1)} if np.isfinite(start) else {}
            found[fault] = words(fault, {"magnitude": float(magnitude)} | when)
    named = [name for name in facts.failed(row).split(JOINED) if name and name not in found]
    return named + list(found.values())


def farthest(facts: Facts, row: int) -> list[str]:
    """The dispersions of a run that lie farthest from the campaign's mean, in its standard deviations."""
    found = []
    for name, values in facts.evidence.inputs().items():
        column = np.asarray(values, float)
        if len(np.unique(column)) < min(LEAST_KINDS, facts.runs):
            continue
        sigma = float(np.std(column))
        if sigma > 0.0 and np.isfinite(column[row]):
            found.append((abs(column[row] - column.mean()) / sigma, name, column[row], (column[row] - column.mean()) / sigma))
    found.sort(key=lambda entry: -entry[0])
    return [f"{name} = {value:.4g}{unit_after(name)} ({off:+.1f} sigma)" for _, name, value, off in found[:FARTHEST]]


def unit_after(name: str) -> str:
    """A column's unit with a space before it, if it has one."""
    unit = unit_of(name)
    return f" {unit}" if unit else ""


def events_table(facts: Facts, row: int) -> Safe:
    """What happened in a run, in order: when, how high the feet were, how fast it was."""
    found = []
    for kind in ALL:
        when, height, speed = (facts.numbers(f"{kind.name}_{end}")[row] for end in ("s", "foot_height_m", "speed_mps"))
        if np.isfinite(when):
            found.append((when, (f"{when:.1f}", as_height(height), f"{speed:.1f} m/s", kind.text)))
    found.sort(key=lambda entry: entry[0])
    heads = ("T+ s", "feet above ground", "speed", "event")
    return table("What happened", heads, [cells for _, cells in found], words=(3,)) if found else Safe("")


def as_height(metres: float) -> str:
    """Metres, or kilometres from two on."""
    if not np.isfinite(metres):
        return ""
    return f"{metres / 1e3:.2f} km" if metres > 2000.0 else f"{metres:.1f} m"


def as_angle(degrees: float, letters: str) -> str:
    """A latitude or longitude with its letter."""
    return f"{abs(degrees):.4f}° {letters[int(degrees < 0.0)]}"


def touchdown_line(facts: Facts, row: int) -> str:
    """Where and how a run met the ground; empty without a touchdown."""
    get = {one.name: one.values[row] for one in facts.figures}
    latitude, longitude = facts.numbers("latitude_deg")[row], facts.numbers("longitude_deg")[row]
    if not np.isfinite(latitude):
        return ""
    tilt = facts.numbers("tilt_deg")[row]
    return (
        f"Touchdown {distance(get['miss_distance_m'])} from the site, at {as_angle(latitude, 'NS')} "
        f"{as_angle(longitude, 'EW')}: tilted {tilt:.1f}° on a slope of {get['slope_deg']:.1f}°, with "
        f"{get['propellant_kg']:.1f} kg of propellant left."
    )


def broken_limits(facts: Facts, row: int) -> str:
    """Which requirements a run broke, or the one that it came nearest to."""
    limited = [(one.values[row] / one.limit, one) for one in facts.figures if one.limit and np.isfinite(one.values[row])]
    if not limited:
        return ""
    over = [(share, one) for share, one in limited if share > 1.0]
    said = [f"{one.title} {number(one.values[row])} {one.unit} of {one.limit:g}" for _, one in over]
    if said:
        return f"Over the limit: {'; '.join(said)}."
    share, one = max(limited, key=lambda pair: pair[0])
    return f"Nearest to a limit: {one.title}, {one.values[row]:.3g} {one.unit} of {one.limit:g} ({share:.0%})."


def run_figure(facts: Facts, row: int, tracks: dict[int, Track]) -> matplotlib.figure.Figure:
    """Height and speed of one run at its end, over the medians of all that were kept."""
    figure = new_figure(5.2, 1.9, left=0.095, right=0.985, top=0.88, bottom=0.22, wspace=0.24)
    axes = figure.subplots(1, 2)
    track = tracks[row]
    late = track.time_s >= track.time_s[-1] - LAST_S
    kept = list(tracks.values())
    weights = facts.weights[[other.row for other in kept]]
    for axis, name, title in zip(axes, ("height", "speed"), ("height above the terrain, m", "speed, m/s"), strict=True):
        seconds, every = over_time(kept, name)
        middle = weighted_quantiles(every, weights, (0.5,))[0]
        near = (seconds >= track.time_s[late][0]) & (seconds <= track.time_s[-1])
        axis.plot(seconds[near], np.maximum(middle[near], LEAST[name]), color=TRUE, linewidth=1.0, alpha=0.6, label="median")
        axis.plot(
            track.time_s[late], np.maximum(track.values[name][late], LEAST[name]), color=BAD, linewidth=1.3, label="this run"
        )
        log_axis(axis, LEAST[name], np.maximum(track.values[name][late], LEAST[name]))
        axis.set_title(title, fontsize=8)
        axis.tick_params(labelsize=8)
        axis.set_xlabel("mission time, s", fontsize=8)
    axes[0].legend(loc="lower left", fontsize=8)
    return figure


def story(reading: Reading, row: int) -> Safe:
    """One run: what became of it, why, what was unusual in it, and how to fly it again."""
    facts = reading.facts
    run, outcome = int(facts.run[row]), str(facts.outcome[row])
    cause = facts.words("first_cause")[row]
    lines: list[Safe] = [paragraph(facts.words("reason")[row], " ", touchdown_line(facts, row))]
    if limit := broken_limits(facts, row):
        lines.append(paragraph(limit))
    if cause:
        lines.append(paragraph(tag("strong", "First cause: "), in_words(cause)))
    if failed := faults_of_run(facts, row):
        lines.append(paragraph(tag("strong", "What failed: "), "; ".join(failed), "."))
    beside = []
    if far := farthest(facts, row):
        beside.append(tag("div", paragraph("Farthest from the campaign's mean:"), items(far)))
    if row in reading.tracks:
        beside.append(
            picture(
                run_figure(facts, row, reading.tracks),
                f"run-{run}",
                f"Height and speed of run {run} against time",
                f"The last {LAST_S:.0f} s of run {run}, and the median of all runs then.",
            )
        )
    lines.append(tag("div", *beside, kind="pair"))
    lines += [
        events_table(facts, row),
        paragraph("Fly it again, with its whole story: ", tag("code", replay_command(reading, row))),
    ]
    return tag("article", tag("h3", f"Run {run}: {OUTCOME_WORDS.get(outcome, outcome)}"), *lines, kind="run")


def worst_section(reading: Reading, rows: list[int]) -> Safe:
    """The worst runs, one after the other."""
    lost = int(np.sum(~reading.facts.has_landed))
    said = "Lost runs, crashes by their speed first, then those that fell over, ran out of time, broke in landing or diverged"
    if lost == 0:
        said = "No run was lost: these came nearest to a requirement, or broke it most"
    elif lost < len(rows):
        said += "; after them landed ones, by how near they came to a requirement"
    return joined(paragraph(f"{said}. Sigmas are those of this campaign's runs."), *(story(reading, row) for row in rows))
