"""One lander's function as a program for many: traced by JAX, written here, to be compiled by LLVM."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr
from jax.interpreters import partial_eval

from .arrays import by_number
from .builder import Builder
from .formulas import definition
from .layout import Layout, given
from .movement import place_in
from .special import NAMES
from .values import LANES_TOGETHER, Big, Value
from .walk import walk

# Vectors as wide as a block of lanes are used where the processor has them, though LLVM would rather have them half as wide.
WIDE = f'"prefer-vector-width"="{LANES_TOGETHER}" "min-legal-vector-width"="{LANES_TOGETHER}"'
ATTRIBUTES = f"""attributes #0 = {{ nounwind {WIDE} }}
attributes #1 = {{ nounwind memory(none) }}"""


@dataclass(frozen=True)
class Written:
    """A function as LLVM reads it: its name, its text, and the bytes of working memory that a block of lanes needs in it."""

    title: str
    text: str
    workspace: int


def write(title: str, function: Callable, shapes: tuple, arguments: list[Value], results: dict[str, Layout]) -> Written:
    """The text of `function` of one lander, by the name `title`.

    `shapes` are its arguments' trees; `arguments` say where their leaves lie; `results` in which base the trees that it
    returns are put. Raises NotImplementedError where it does what this room has no rule for.
    """
    closed = jax.make_jaxpr(function)(*shapes)
    jaxpr, _ = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True)
    b = Builder(title)
    places = [place for base, layout in results.items() for place in given(base, layout)]
    wanted = [place if isinstance(place, Big) else None for place in places]
    for place, value in zip(places, walk(b, ClosedJaxpr(jaxpr, closed.consts), arguments, wanted), strict=True):
        b.end_if_long()
        store_result(b, place, value)
    b.end_piece()
    text, workspace = b.written()
    return Written(title, "\n".join([*outside(b.needed), text, ATTRIBUTES]), workspace)


def store_result(b: Builder, place: Value, value: Value) -> None:
    """Store a result."""
    if isinstance(place, Big):
        is_there = isinstance(value, Big) and value.region is place.region and value.is_contiguous
        if not is_there:
            place_in(b, place, value, 0, place.shape)
        return
    for to, number in zip(place.numbers.flat, by_number(b, value).numbers.flat, strict=True):
        region, index = to.place
        b.store(number, region, index, True)


def outside(needed: set[Any]) -> list[str]:
    """What pieces call: functions of LLVM, declared, and formulas of this room, written."""
    declared, wanted, texts = {n for n in needed if isinstance(n, str)}, {n for n in needed if isinstance(n, tuple)}, {}
    while wanted - set(texts):
        for name, dtype in sorted(wanted - set(texts)):
            texts[name, dtype], more = definition(name, dtype, NAMES[name])
            declared |= {n for n in more if isinstance(n, str)}
            wanted |= {n for n in more if isinstance(n, tuple)}
    return [*sorted(declared), *texts.values()]
