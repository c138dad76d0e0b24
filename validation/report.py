"""Sections of docs/validation.md: claims as rows, tables, words."""

from dataclasses import dataclass, field


@dataclass
class Claim:
    """One claim: what, measured, tolerance, source; `holds` None where it is printed, not judged."""

    text: str
    measured: str
    tolerance: str
    source: str
    holds: bool | None = None


@dataclass
class Section:
    """A title, words, claims and tables."""

    title: str
    words: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    tables: list[tuple[list[str], list[list[str]]]] = field(default_factory=list)
    was_run: bool = True  # false where what it needs is absent: what was measured elsewhere stays

    def markdown(self) -> str:
        """The section as Markdown."""
        lines = [f"## {self.title}", ""]
        if self.claims:
            rows = [[c.text, c.measured, c.tolerance, c.source, verdict(c.holds)] for c in self.claims]
            lines += table(["claim", "measured", "tolerance", "source", ""], rows)
        for word in self.words:
            lines += [word, ""]
        for header, rows in self.tables:
            lines += table(header, rows)
        return "\n".join(lines)


def verdict(holds: bool | None) -> str:
    """How a claim fared."""
    return {True: "holds", False: "**misses**", None: "printed"}[holds]


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table and a blank line."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return [*lines, ""]


def spread(values) -> str:
    """Median and the central 95 % of figures."""
    import numpy as np

    low, median, high = np.nanpercentile(np.asarray(values, float), [2.5, 50, 97.5])
    return f"{median:.4g} ({low:.4g} … {high:.4g})"
