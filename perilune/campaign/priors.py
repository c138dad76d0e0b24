"""What may fail and how probably: a table of assumptions, read from a TOML file, each with what it rests on."""

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pydantic
from pydantic import BeforeValidator, Field, StringConstraints

from perilune.foundation.errors import UserError
from perilune.simulation.mission import sentence
from perilune.simulation.table_words import Table

MOST_PRIORS = 200
MISSION_WORDS = "`perilune schema` lists what a mission file holds", "docs/campaigns.md says what such a file holds"
DRAWN = ("magnitude", "start_s", "below_m", "delay_s", "duration_s")  # figures that may be drawn from a range
WORDS = ("event", "phase")
MOMENTS = ("start_s", "below_m", *WORDS)  # a fault that says one of them does not wait for its prior's
BETWEEN = (0.0, 0.37, 1.0)  # of low to high, at which a range is tried


def as_range(value: Any) -> tuple[float, float]:
    """A number as it is, or a table with low and high, between which each run draws evenly."""
    is_range = isinstance(value, dict) and set(value) == {"low", "high"}
    ends: Any = (value["low"], value["high"]) if is_range else (value, value)
    if not all(type(x) in (int, float) and math.isfinite(x) for x in ends) or ends[0] > ends[1]:
        raise ValueError("give a number, or { low = …, high = … } to draw evenly between them")
    return float(ends[0]), float(ends[1])


Figures = tuple[tuple[str, tuple[float, float]], ...]
WordPairs = tuple[tuple[str, str], ...]
Drawn = Annotated[tuple[float, float], BeforeValidator(as_range)]
Words = Annotated[str, Field(min_length=1), StringConstraints(strip_whitespace=True, min_length=1)]
Probability = Annotated[float, Field(gt=0, lt=1)]


class When(Table):
    """When something strikes and for how long, each figure a number or a range."""

    start_s: Drawn | None = None
    below_m: Drawn | None = None
    event: str = ""
    phase: str = ""
    delay_s: Drawn | None = None
    duration_s: Drawn | None = None


class FailureRow(When):
    """One fault: kind, part (none: all), magnitude, and when, if not as its prior says."""

    kind: str
    part: str = ""
    magnitude: Drawn


class PriorRow(When):
    """One thing that may happen, apart from all others: the faults that it brings, its probability, and what that rests on; and
    when it happens, drawn once for all its faults that do not say it themselves."""

    name: Words
    probability: Probability
    source: Words
    faults: Annotated[tuple[FailureRow, ...], Field(min_length=1)]


class PriorTable(Table):
    """The file."""

    title: str = ""
    priors: Annotated[tuple[PriorRow, ...], Field(min_length=1, max_length=MOST_PRIORS)]


Choose = Callable[[float, float], float]  # a figure between low and high


def table_of(figures: Figures, words: WordPairs, choose: Choose) -> dict[str, Any]:
    """Figures and words as a table. A figure without a range takes no part in the draw."""
    found: dict[str, Any] = dict(words)
    for key, (low, high) in figures:
        found[key] = low if low == high else choose(low, high)
    return found


@dataclass(frozen=True)
class Failure:
    """A fault with figures yet to be drawn: its name, and low and high of each; words as they are."""

    name: str
    figures: Figures
    words: WordPairs = ()

    def drawn(self, choose: Choose, shared: dict[str, Any]) -> dict[str, Any]:
        """The fault as a table, with what its prior says for all."""
        own = table_of(self.figures, self.words, choose)
        waits = any(key in own for key in MOMENTS)
        return {key: x for key, x in shared.items() if not (waits and key in MOMENTS)} | own


@dataclass(frozen=True)
class Prior:
    """Something that may happen: name, probability, what that rests on, and the faults that it brings, all together; and when,
    for those that do not say it themselves."""

    name: str
    probability: float
    source: str
    failures: tuple[Failure, ...]
    figures: Figures = ()
    words: WordPairs = ()

    def chosen(self, choose: Choose) -> dict[str, Any]:
        """Its faults, figures as chosen; what holds for all of them is chosen once."""
        shared = table_of(self.figures, self.words, choose)
        return {failure.name: failure.drawn(choose, shared) for failure in self.failures}

    def drawn(self, seed: int, run: int, place: int) -> dict[str, Any]:
        """Its faults in one run: a function of the seed, the run and its place in the file."""
        stream = np.random.default_rng(np.random.SeedSequence((seed, 5, run, place)))
        return self.chosen(lambda low, high: float(stream.uniform(low, high)))

    def tried(self) -> list[dict[str, Any]]:
        """Its faults at the ends of its ranges and between them."""
        return [self.chosen(lambda low, high, share=share: low + share * (high - low)) for share in BETWEEN]


def prior_of(row: PriorRow) -> Prior:
    """A row as a plan holds it."""

    def parts(table: When) -> tuple[Figures, WordPairs]:
        figures = tuple((key, getattr(table, key)) for key in DRAWN if getattr(table, key, None) is not None)
        return figures, tuple((key, getattr(table, key)) for key in WORDS if getattr(table, key))

    failures = [Failure(f"{one.kind}.{one.part}" if one.part else one.kind, *parts(one)) for one in row.faults]
    return Prior(row.name, row.probability, row.source, tuple(failures), *parts(row))


def with_short_forms(table: dict[str, Any]) -> dict[str, Any]:
    """A prior of one fault may say its figures in its own table, and leave out its name."""
    rows = table.get("priors")
    if not isinstance(rows, list):
        return table
    own = set(FailureRow.model_fields)

    def whole(row: Any) -> Any:
        if not isinstance(row, dict) or "faults" in row or "kind" not in row:
            return row
        name = f"{row['kind']}.{row['part']}" if row.get("part") else row["kind"]
        return {"name": name, **{k: x for k, x in row.items() if k not in own}, "faults": [{k: row[k] for k in row if k in own}]}

    return table | {"priors": [whole(row) for row in rows]}


def read_priors(path: Path) -> tuple[Prior, ...]:
    """The priors of a file. Raises UserError with one sentence."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"--faults {path} cannot be read: {getattr(problem, 'strerror', None) or problem}.") from None
    except tomllib.TOMLDecodeError as problem:
        raise UserError(f"{path} is no TOML: {problem}.") from None
    try:
        rows = PriorTable.model_validate(with_short_forms(table)).priors
    except pydantic.ValidationError as problem:
        raise UserError(sentence(problem, str(path)).replace(*MISSION_WORDS)) from None
    names = [row.name for row in rows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{path}: the prior “{twice[0]}” stands twice: give each a name of its own.")
    for row in rows:
        faults = [(fault.kind, fault.part) for fault in row.faults]
        if len(faults) != len(set(faults)):
            raise UserError(f"{path}: prior “{row.name}”: a fault stands twice.")
    return tuple(prior_of(row) for row in rows)


def priors_back(rows: list[dict[str, Any]]) -> tuple[Prior, ...]:
    """The priors that campaign.json tells."""

    def pairs(said: list) -> tuple:
        return tuple((key, tuple(x) if isinstance(x, list) else x) for key, x in said)

    return tuple(
        Prior(
            row["name"], row["probability"], row["source"],
            tuple(Failure(f["name"], pairs(f["figures"]), pairs(f["words"])) for f in row["failures"]),
            pairs(row["figures"]), pairs(row["words"]),
        )
        for row in rows
    )  # fmt: skip
