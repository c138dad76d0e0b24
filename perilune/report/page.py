"""The words of a page: text that is safe in HTML, tables, figures as inline SVG, and one plain design for screen and paper."""

import io
import re
from collections.abc import Iterable, Sequence
from html import escape

import matplotlib
import numpy as np
from matplotlib.figure import Figure

DPI = 130  # of what is painted inside an SVG: the ground, and clouds of many points
STYLE = """
:root { color-scheme: light; --ink: #1c2530; --soft: #5b6673; --line: #d9dee4; --blue: #1b4965; --pale: #f4f6f8; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.2rem 1.4rem 3rem; max-width: 64rem; background: #fff; color: var(--ink);
  font: 16px/1.5 "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; overflow-wrap: break-word; }
h1 { margin: 0 0 .3rem; font-size: 1.75rem; line-height: 1.25; }
h2 { margin: 2.6rem 0 .6rem; padding-top: .9rem; border-top: 2px solid var(--blue); font-size: 1.3rem; }
h3 { margin: 1.6rem 0 .4rem; font-size: 1.05rem; }
p { margin: .5rem 0; max-width: 50rem; }
.soft, figcaption, caption { color: var(--soft); font-size: .9rem; }
.answer { margin: 1.1rem 0; padding: .9rem 1.2rem; border-left: 5px solid var(--blue); background: var(--pale); max-width: none; }
.answer p { max-width: none; }
.answer .first { font-size: 1.2rem; font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-size: .92rem; }
caption { text-align: left; padding: .2rem 0; }
caption span { display: inline-block; max-width: min(46rem, calc(100vw - 3rem)); }
th, td { padding: .26rem .8rem .26rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td:last-child { min-width: 8rem; }
thead th { border-bottom: 2px solid var(--soft); font-weight: 600; }
tbody th { font-weight: 400; min-width: 6.5rem; }
.number + .number { padding-left: .4rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; height: auto; }
figure.narrow { max-width: 44rem; }
svg text { font-family: "DejaVu Sans", Verdana, "Segoe UI", Arial, sans-serif; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
code { font: .88em ui-monospace, "DejaVu Sans Mono", Consolas, monospace; background: var(--pale); padding: .1em .3em;
  overflow-wrap: anywhere; }
.run { margin: 1.3rem 0; padding: .2rem 1.1rem .8rem; border: 1px solid var(--line); border-radius: 4px; }
.run table { font-size: .86rem; }
.run ul { margin: .3rem 0; padding-left: 1.1rem; font-size: .9rem; }
.pair { display: grid; grid-template-columns: minmax(15rem, 5fr) 7fr; gap: 1.2rem; align-items: start; }
.pair figure { margin: .4rem 0; }
@media screen and (max-width: 44rem) { .pair { grid-template-columns: 1fr; } }
@page { size: A4; margin: 15mm 14mm; }
@media print {
  html { font-size: 9.5pt; }
  body { padding: 0; max-width: none; font-size: 1rem; }
  p { max-width: none; }
  h2, h3, caption { break-after: avoid; }
  figure, tr, .answer, .run { break-inside: avoid; }
  figcaption { break-before: avoid; }
  .run { margin: .8rem 0; padding: 0 .9rem .3rem; }
  .run h3 { margin-top: .6rem; }
  .run { font-size: .8rem; line-height: 1.3; }
  .run p { margin: .2rem 0; }
  .run ul, .run table, .run figcaption, .run caption { font-size: .76rem; margin: .15rem 0; }
  .run th, .run td { padding-top: .05rem; padding-bottom: .05rem; }
  .pair { grid-template-columns: 1fr 1fr; }
  .pair figure { margin: 0; }
  figure.narrow { max-width: 34rem; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
}
"""


class Safe(str):
    """Text that is HTML already."""

    __slots__ = ()


def safe(text: object) -> Safe:
    """Text as it may stand in HTML; what is HTML already stays."""
    return text if isinstance(text, Safe) else Safe(escape(str(text)))


def number(value: float) -> str:
    """Three figures, or four from a thousand on; never an exponent that a reader must undo."""
    return f"{float(f'{value:.4g}'):,.0f}" if 1000.0 <= abs(value) < np.inf else f"{value:.3g}"


def joined(*parts: object) -> Safe:
    """Parts one after the other."""
    return Safe("".join(safe(part) for part in parts))


def tag(name: str, *content: object, kind: str = "") -> Safe:
    """An element with a class, and its content."""
    said = f' class="{escape(kind)}"' if kind else ""
    return Safe(f"<{name}{said}>{''.join(safe(part) for part in content)}</{name}>")


def paragraph(*content: object, kind: str = "") -> Safe:
    """A paragraph."""
    return tag("p", *content, kind=kind)


def items(rows: Iterable[object]) -> Safe:
    """A list."""
    return tag("ul", *(tag("li", row) for row in rows))


def section(title: str, *content: object) -> Safe:
    """A part of the page with its heading."""
    return tag("section", tag("h2", title), *content, Safe("\n"))


def table(caption: object, heads: Sequence[str], rows: Iterable[Sequence[object]], words: Sequence[int] = (0,)) -> Safe:
    """A table whose first column heads its rows; columns are numbers but for `words`."""

    def cell(name: str, column: int, content: object, scope: str = "") -> str:
        kind = "" if column in words else ' class="number"'
        return f"<{name}{kind}{scope}>{safe(content)}</{name}>"

    head = "".join(cell("th", k, title, ' scope="col"') for k, title in enumerate(heads))
    body = "\n".join(
        "<tr>" + "".join(cell("td" if k else "th", k, x, "" if k else ' scope="row"') for k, x in enumerate(row)) + "</tr>"
        for row in rows
    )
    return Safe(
        f'<div class="scroll"><table><caption><span>{safe(caption)}</span></caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def inline_svg(drawn: Figure, name: str, said: str) -> Safe:
    """A figure as SVG inside HTML: no words of XML, names of its parts its own (`name`), and what it shows said in words."""
    written = io.StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # letters as letters: they can be found, copied and read aloud
        drawn.savefig(written, format="svg", dpi=DPI, metadata=metadata)
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", re.sub(r'<g id="[^"]*"', "<g", text))  # the page's own says it once
    text = re.sub(r'(\sid="|="#|url\(#)', rf"\g<1>{name}-", text.replace("xlink:href", "href"))
    view = re.search(r'viewBox="[^"]*"', text)
    assert view is not None, "matplotlib writes the box of every figure"
    head = f'<svg {view.group()} role="img" aria-label="{escape(said)}">'
    return Safe(head + text[text.index(">") + 1 :])


def picture(drawn: Figure, name: str, said: str, caption: object, kind: str = "") -> Safe:
    """A figure with its caption; `said`: what it shows, for those who do not see it."""
    return joined(tag("figure", inline_svg(drawn, name, said), tag("figcaption", caption), kind=kind), Safe("\n"))


def document(title: str, content: Iterable[object]) -> str:
    """The whole page, which needs nothing from elsewhere."""
    body = joined(*content)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
