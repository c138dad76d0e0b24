"""The foot of a campaign's page: how its figures came about, what proves them, how to fly it again, what is not promised."""

import json
import shlex
from typing import Any

from perilune.simulation.fault_rows import words

from .campaign_facts import Facts
from .page import Safe, items, paragraph, section, table, tag

MOST_FILES = 8  # of each kind that are named
GROUPS = (
    ("run, outcome, reason, is_within_requirements", "which run, how it ended, in a word and in a sentence"),
    ("EVENT_s, EVENT_foot_height_m, EVENT_speed_mps", "when each event was, how high the feet were, how fast it was"),
    ("vertical_speed_mps … longitude_deg", "the moment of touchdown"),
    ("rest_…, broken_legs", "how it stood in the end"),
    ("first_cause", "the first trouble of a run that missed a requirement"),
    ("stratum, failing", "with priors: which kind of run, and what failed"),
    ("applied/…", "what dispersions put into the run, read back from what flew"),
    ("fault/…", "what faults put into it"),
    ("digest", "SHA-256 of the run"),
)


def flag(name: str, value: Any) -> str:
    """A changed value as an option: names of files and words without quotes of their own."""
    return f"{name}={value if isinstance(value, str) else json.dumps(value)}"


def fault_flag(name: str, value: Any) -> str:
    """A fault as an option."""
    figures = dict(value) if isinstance(value, list) else {"magnitude": value}
    when = ",".join(f"{key}={x}" for key, x in figures.items() if key != "magnitude")
    return f"{name}={figures['magnitude']}" + (f"@{when}" if when else "")


def campaign_command(facts: Facts, address: str) -> str:
    """What flies this campaign, or goes on with it."""
    plan = facts.head["plan"]
    asked = facts.head.get("asked", {"runs": facts.runs})
    length = ["--runs", str(asked["runs"])] if "runs" in asked else ["--until-halfwidth", str(asked["until_halfwidth"])]
    said = ["perilune", "campaign", plan["mission"], *length, "--seed", str(plan["seed"])]
    said += ["--healthy"] if plan["healthy"] else []
    for name, value in plan["faults"]:
        said += ["--fault", fault_flag(name, value)]
    said += ["--faults", "PRIORS.toml"] if plan.get("priors") else []
    for path, value in plan["values"]:
        said += ["--set", flag(path, value)]
    said += ["--from", plan["beginning"]] if plan["beginning"] != "pdi" else []
    said += ["--design", plan["design"]] if plan["design"] != "random" else []
    said += ["--device", plan.get("device", "cpu"), "--out", address, "--resume"]
    return " ".join(shlex.quote(word) for word in said)


def files_of(facts: Facts, of: str) -> str:
    """The files of a kind that are there, in words."""
    store = facts.evidence.store
    names = [store.part(chunk, of) for chunk in store.chunks(of)]
    if len(names) > MOST_FILES:
        return f"{len(names)} files, {names[0]} to {names[-1]}"
    return ", ".join(names) or "none"


def priors_table(facts: Facts) -> Safe:
    """The priors as they were read; nothing without them."""
    priors = facts.head["plan"].get("priors", [])
    if not priors:
        return Safe("")

    def told(failure: dict[str, Any]) -> str:
        figures = {key: f"{low:g}" if low == high else f"{low:g} … {high:g}" for key, (low, high) in failure["figures"]}
        when = dict(failure["words"]) | {key: x for key, x in figures.items() if key != "magnitude"}
        return f"{failure['name']} = {figures['magnitude']}" + "".join(f", {key} {x}" for key, x in when.items())

    rows = [
        (prior["name"], f"{prior['probability']:g}", "; ".join(told(f) for f in prior["failures"]), prior["source"])
        for prior in priors
    ]
    return table(
        "The table of priors (assumptions)",
        ("what may fail", "probability", "faults that it brings", "rests on"),
        rows,
        words=(0, 2, 3),
    )


def foot_section(facts: Facts, address: str) -> Safe:
    """Method, proof, and files."""
    head = facts.head
    faults = "; ".join(words(name, value) for name, value in head["faults"].items())
    computed = [
        "Each run is one landing flown from its beginning to rest on the ground, with its own dispersions and "
        "noise; run k hangs on the mission, the build, the seed and k alone." + (f" Every run has {faults}." if faults else ""),
        "Intervals hold what chance in these runs leaves open, not what the model leaves out.",
        "Shares: Clopper and Pearson's exact interval; over kinds of runs, joined as Zou, Huang & Zhang (2009) have it, the "
        "priors taken as known. Quantiles: percentile bootstrap, from 2,000 runs on the exact interval of order statistics.",
        "First causes are read from onboard telemetry alone, of every cycle.",
    ]
    not_promised = [
        "Equal bits between processors, or versions of JAX and LLVM: outcomes are compared then, not bits.",
        "That the model is right: docs/validation.md and docs/models.md are about that.",
    ]
    return section(
        "How this was worked out",
        items(computed),
        table(
            "What proves it",
            ("digest of", "SHA-256"),
            [
                ("campaign (mission, ground, faults, seed, layout, build)", tag("code", head["digest"])),
                ("scenario (the same without the build)", tag("code", head.get("scenario_digest", "not told"))),
            ],
            words=(0, 1),
        ),
        paragraph(
            "Every run has a digest of its own in its row. A replay flies its whole chunk again, compares the digest, and "
            "refuses to call it the same run where one bit differs: ",
            tag("code", f"perilune replay {shlex.quote(address)} --run K"),
            ".",
        ),
        paragraph(
            "The campaign again, or more runs of it: ",
            tag("code", campaign_command(facts, address)),
            " — with PRIORS.toml as told below" if head["plan"].get("priors") else "",
            ".",
        ),
        priors_table(facts),
        paragraph("Not promised (docs/integrity.md has the whole of it):"),
        items(not_promised),
        table(
            "Files of the campaign, which pandas, Polars and DuckDB open",
            ("what", "files"),
            [
                ("what flew, and the result", "campaign.json"),
                ("a row a run", files_of(facts, "runs")),
                ("tracks, a sample a second", files_of(facts, "tracks")),
            ],
            words=(0, 1),
        ),
        table("Columns of the rows; units stand at the end of names", ("columns", "what they hold"), GROUPS, words=(0, 1)),
    )
