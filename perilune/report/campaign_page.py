"""A campaign's page: what the probability of landing is and rests on, how runs went, what lost them."""

from pathlib import Path
from typing import Any

import numpy as np

from perilune.campaign.evidence import Evidence
from perilune.simulation.fault_rows import words

from . import campaign_figures as figures
from . import campaign_tubes
from .campaign_facts import LEAST_BEYOND, Facts
from .campaign_foot import foot_section
from .campaign_sections import cause_section, ground_section, sensitivity_section, tube_section
from .campaign_worst import Reading, worst_rows, worst_section
from .figures import OUTCOME_WORDS
from .page import Safe, document, items, number, paragraph, picture, section, table, tag

FAR_M = 1e5  # from which distances are told in km
SHARES = (0.5, 0.95, 0.99)
FORMULA = ("P(none) = Π (1 − pᵢ)", "P(i alone) = P(none) pᵢ / (1 − pᵢ)", "P(loss) = Σ P(kind of run) P(loss | kind of run)")
NO_INTERVAL = "a rule on landings stopped this campaign, so no other share has an interval that is right"


def interval(p: dict[str, Any], digits: int = 4) -> str:
    """An estimate with its interval, where there is one."""
    if p["estimate"] is None:
        return "not known"
    if p.get("low") is None:
        return f"{p['estimate']:.{digits}f}"
    return f"{p['estimate']:.{digits}f} ({p['low']:.{digits}f} … {p['high']:.{digits}f})"


def answer(facts: Facts) -> Safe:
    """The sentence that the campaign was flown for."""
    p = facts.evidence.landing_probability()
    if p["estimate"] is None:
        return tag("div", paragraph(f"The landing probability is not known: {p['method']}.", kind="first"), kind="answer")
    first = f"Landing probability {p['estimate']:.4f} (95 %: {p['low']:.4f} … {p['high']:.4f}, {p['method']})"
    lines = [paragraph(first, ".", kind="first")]
    within = facts.within()
    if isinstance(within, str):
        share = float(np.mean(np.asarray(facts.evidence.column("is_within_requirements"), bool)))
        lines.append(paragraph(f"Within all requirements: {share:.4f} of the runs, without an interval. {within}"))
    elif within["estimate"] is not None:
        lines.append(
            paragraph(
                f"Landing within all requirements {within['estimate']:.4f} (95 %: {within['low']:.4f} … {within['high']:.4f})."
            )
        )
    if p.get("neglected"):
        lines.append(
            paragraph(
                "Three or more failures at once, and pairs that contradict each other, were not flown: their probability, "
                f"{p['neglected']:.1e}, counts as landed in the estimate, and as lost at the low end of the interval."
            )
        )
    return tag("div", *lines, kind="answer")


def head_of(facts: Facts) -> Safe:
    """Title, what flew, and the answer."""
    head, plan = facts.head, facts.head["plan"]
    result = head.get("result", {})
    runs = f"{facts.runs} runs" + ("" if result else ", unfinished: it can be gone on with by --resume")
    runs += ", ended by the rule of --until-halfwidth" if result.get("was_stopped") else ""
    base = "; ".join(words(name, value) for name, value in head["faults"].items()) or "none"
    rows = [
        ("mission", head["mission"].get("name", plan["mission"])),
        ("runs", runs),
        ("seed, layout of runs", f"{plan['seed']}, {plan['design']}"),
        ("begins", "in the parking orbit" if plan.get("beginning") == "orbit" else "just before powered descent"),
        ("faults of every run", base),
        ("faults by chance", f"{len(plan['priors'])} priors, below" if plan.get("priors") else "none"),
        ("values changed", "; ".join(f"{path} = {value}" for path, value in plan.get("values", [])) or "none"),
        ("flown on", plan.get("device", "cpu")),
        ("build", plan.get("build") or "unnamed"),
    ]
    title = head["mission"].get("title") or plan["mission"]
    return tag(
        "header",
        tag("h1", title),
        paragraph("A campaign of Perilune, the lunar landing simulator.", kind="soft"),
        answer(facts),
        table("What flew", ("item", "value"), rows, words=(0, 1)),
    )


def fault_section(facts: Facts) -> Safe:
    """What each thing that may fail adds to the loss; nothing without priors."""
    rows = sorted(facts.evidence.by_fault(), key=lambda row: -(row["part_of_loss"] or 0.0))
    if not rows:
        return Safe("")
    cells = [
        (
            row["name"],
            f"{row['probability']:.5f}",
            row["runs"],
            row["lost"],
            interval(row["loss"], 3),
            "" if row["part_of_loss"] is None else f"{row['part_of_loss']:.5f}",
            row["rests_on"],
        )
        for row in rows
    ]
    strata = facts.evidence.strata
    assert strata is not None
    heads = ("what fails", "probability*", "runs", "lost", "P(loss | it) (95 %)", "part of P(loss)", "* rests on")
    return section(
        "What the loss is made of",
        paragraph(
            "Each thing of the table of priors fails apart from the others with its probability pᵢ. Runs are parted by what "
            "fails, and their losses joined:"
        ),
        items(tag("code", line) for line in FORMULA),
        paragraph(
            "The probabilities are assumptions, with what each rests on: no flight has tested them. Losses were flown. What no "
            f"kind of run holds has the probability {strata.neglected:.1e}."
        ),
        table("Kinds of runs. * an assumption, or what follows from assumptions", heads, cells, (0, 6)),
        picture(
            figures.parts_figure(rows[: figures.MOST_BARS]),
            "parts",
            "Bars: part of the probability of loss by what fails",
            "What each kind of run adds to P(loss), most first.",
        ),
    )


def outcome_table(facts: Facts) -> Safe:
    """Outcomes with counts and shares."""
    names, counts = np.unique(facts.outcome.astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rows = [
        (OUTCOME_WORDS.get(str(names[k]), str(names[k])), int(counts[k]), interval(facts.share(facts.outcome == names[k])))
        for k in order
    ]
    title = "probability (95 %)" if facts.is_weighted else "share of runs (95 %)"
    return table("Outcomes", ("outcome", "runs", title), rows)


def requirement_tables(facts: Facts) -> list[Safe]:
    """Each requirement with how well it is kept to, and each figure of touchdown with its quantiles."""
    kept_rows, rows = [], []
    methods: dict[str, None] = {}
    for one in facts.figures:
        is_far = one.unit == "m" and np.nanmedian(one.values) >= FAR_M if np.isfinite(one.values).any() else False
        scale, unit = (1e-3, "km") if is_far else (1.0, one.unit)
        found = facts.quantiles(scale * one.values, SHARES)
        methods[found.method] = None
        if one.limit is not None:
            is_kept = np.nan_to_num(one.values, nan=np.inf) <= one.limit
            kept_rows.append((f"{one.title}, {one.unit}", f"{one.limit:g}", int((~is_kept).sum()), interval(facts.kept(is_kept))))
        ends = zip(found.shares, found.estimates, found.lows, found.highs, strict=True)
        counting = facts.counting(one.values)
        rows.append((f"{one.title}, {unit}", found.used, *(quantile_cell(counting, *x) for x in ends)))
    title = "probability of keeping to it (95 %)" if facts.is_weighted else "share that keeps to it (95 %)"
    caption = (
        "Requirements. A run that never met the ground keeps to none. The tilt that is judged is that at rest; of a lander that "
        "broke up, the larger of its tilt at contact and the slope."
    )
    how = (
        f"Figures of the runs that met the ground, with 95 % intervals ({', '.join(m for m in methods if m != 'none') or 'none'})"
    )
    if facts.is_weighted:
        how += "; each run counts by the probability of its kind over the runs of that kind, not as laid out"
    return [
        table(caption, ("requirement", "limit", "runs over it", title), kept_rows),
        table(how, ("figure", "runs", "median", "95 %", "99 %"), rows),
        paragraph(
            f"* fewer than {LEAST_BEYOND} runs, by their weight, lie beyond: the interval cannot reach beyond "
            "the runs that were flown, and is too narrow.",
            kind="soft",
        ),
    ]


def quantile_cell(count: float, share: float, estimate: float, low: float, high: float) -> str:
    """A quantile with its interval, and a star where the interval is too narrow."""
    if not np.isfinite(estimate):
        return "none"
    star = "*" if count * min(share, 1.0 - share) < LEAST_BEYOND else ""
    if np.isnan(low):
        return number(estimate)
    ends = [number(end) if np.isfinite(end) else "unknown" for end in (low, high)]
    return f"{number(estimate)} ({' … '.join(ends)}){star}"


def outcome_section(facts: Facts) -> Safe:
    """How runs ended, against the requirements."""
    shown = "Each run counts by the probability of its kind." if facts.is_weighted else "Every run counts the same."
    stopped = (
        paragraph(f"Shares stand without intervals: {NO_INTERVAL}.") if facts.head.get("result", {}).get("was_stopped") else ""
    )
    laid_out = facts.head["plan"]["design"]
    design = (
        ""
        if laid_out == "random"
        else paragraph(
            f"Runs were laid out by a {laid_out} design: intervals are those of random runs, too wide for a design, by how much "
            "is not known."
        )
    )
    return section(
        "Outcomes and requirements",
        stopped,
        design,
        outcome_table(facts),
        *requirement_tables(facts),
        picture(
            figures.histograms_figure(facts),
            "histograms",
            "Histograms of touchdown figures with the limits of requirements",
            f"Touchdown, landed and lost runs on each other. {shown}",
        ),
    )


def worst_of(evidence: Evidence, count: int) -> list[int]:
    """The numbers of the worst runs."""
    facts = Facts(evidence)
    return [int(facts.run[row]) for row in worst_rows(facts, count)]


def campaign_page(evidence: Evidence, address: str | Path, worst: int = 10) -> str:
    """The whole page as HTML, the same for the same campaign. `address`: its folder as commands have it; `worst`: how many of the
    worst runs are told. Raises UserError."""
    facts = Facts(evidence)
    tracks = campaign_tubes.tracks_of(facts)
    reading = Reading(facts, str(address), {track.row: track for track in tracks})
    rows = worst_rows(facts, worst)
    title = str(evidence.head["mission"].get("title") or evidence.head["plan"]["mission"])
    parts = [
        head_of(facts),
        fault_section(facts),
        outcome_section(facts),
        ground_section(facts),
        tube_section(facts, tracks),
        cause_section(facts),
        sensitivity_section(facts),
        section("The worst run" if len(rows) == 1 else f"The {len(rows)} worst runs", worst_section(reading, rows))
        if rows
        else "",
        foot_section(facts, str(address)),
    ]
    return document(f"{title}: {facts.runs} runs", parts)
