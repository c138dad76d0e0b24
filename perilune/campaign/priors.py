"""What may fail and how probably: a table of assumptions, read from a TOML file, each with what it rests on."""

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pydantic
from pydantic import BeforeValidator, Field

from perilune.foundation.errors import UserError
from perilune.simulation.mission import sentence
from perilune.simulation.table_words import Table

MOST_PRIORS = 200
DRAWN = ("magnitude", "start_s", "below_m", "delay_s", "duration_s")  # figures that may be drawn from a range
WORDS = ("event", "phase")


def as_range(value: Any) -> tuple[float, float]:
    """A number as it is, or a table with low and high, between which each run draws evenly."""
    is_range = isinstance(value, dict) and set(value) == {"low", "high"}
    ends: Any = (value["low"], value["high"]) if is_range else (value, value)
    if not all(type(x) in (int, float) and math.isfinite(x) for x in ends) or ends[0] > ends[1]:
        raise ValueError("give a number, or { low = …, high = … } to draw evenly between them")
    return float(ends[0]), float(ends[1])


Drawn = Annotated[tuple[float, float], BeforeValidator(as_range)]
Probability = Annotated[float, Field(gt=0, lt=1)]


class FailureRow(Table):
    """One fault: kind, part (none: all), and figures, each a number or a range."""

    kind: str
    part: str = ""
    magnitude: Drawn
    start_s: Drawn | None = None
    below_m: Drawn | None = None
    event: str = ""
    phase: str = ""
    delay_s: Drawn | None = None
    duration_s: Drawn | None = None


class PriorRow(Table):
    """One thing that may happen, apart from all others: the faults that it brings, its probability, and what that rests on."""

    name: str
    probability: Probability
    source: Annotated[str, Field(min_length=1)]
    faults: Annotated[tuple[FailureRow, ...], Field(min_length=1)]


class PriorTable(Table):
    """The file."""

    title: str = ""
    priors: Annotated[tuple[PriorRow, ...], Field(min_length=1, max_length=MOST_PRIORS)]


@dataclass(frozen=True)
class Failure:
    """A fault with figures yet to be drawn: its name, and low and high of each; words as they are."""

    name: str
    figures: tuple[tuple[str, tuple[float, float]], ...]
    words: tuple[tuple[str, str], ...] = ()

    def drawn(self, stream: np.random.Generator) -> dict[str, Any]:
        """The fault as a table, its figures evenly between low and high. A figure without a range takes no part in the draw."""
        found: dict[str, Any] = dict(self.words)
        for key, (low, high) in self.figures:
            found[key] = low if low == high else float(stream.uniform(low, high))
        return found

    def ends(self) -> list[dict[str, Any]]:
        """The fault at the low and at the high end of its figures."""
        return [dict(self.words) | {key: pair[k] for key, pair in self.figures} for k in (0, 1)]


@dataclass(frozen=True)
class Prior:
    """Something that may happen: name, probability, what that rests on, and the faults that it brings, all together."""

    name: str
    probability: float
    source: str
    failures: tuple[Failure, ...]

    def drawn(self, seed: int, run: int, place: int) -> dict[str, Any]:
        """Its faults in one run: a function of the seed, the run and its place in the file."""
        stream = np.random.default_rng(np.random.SeedSequence((seed, 5, run, place)))
        return {failure.name: failure.drawn(stream) for failure in self.failures}


def prior_of(row: PriorRow) -> Prior:
    """A row as a plan holds it."""
    failures = []
    for fault in row.faults:
        name = f"{fault.kind}.{fault.part}" if fault.part else fault.kind
        figures = tuple((key, getattr(fault, key)) for key in DRAWN if getattr(fault, key) is not None)
        failures.append(Failure(name, figures, tuple((key, getattr(fault, key)) for key in WORDS if getattr(fault, key))))
    return Prior(row.name, row.probability, row.source, tuple(failures))


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
        raise UserError(sentence(problem, str(path))) from None
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
        )
        for row in rows
    )  # fmt: skip
