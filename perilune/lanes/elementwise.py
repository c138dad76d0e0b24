"""What is done number by number: short arrays in a row, long ones in loops, as many operations to a loop as go together."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from jax.extend.core import Jaxpr, Literal

from . import arithmetic
from .arrays import by_number, in_memory, natural, new_array, over_places, read_at, write_at
from .builder import Builder
from .values import SMALL, Big, Number, Small, Value


@dataclass(frozen=True)
class Made:
    """The result of an operation of the same loop, by its place among them."""

    place: int


Operand = Made | Number | Big


def is_long(eqn) -> bool:
    """Whether an operation's result is looped over."""
    return bool(np.prod(eqn.outvars[0].aval.shape, dtype=int) > SMALL)


def one_by_one(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """An operation on short arrays; scalars and axes of length one go with any."""
    shape = tuple(eqn.outvars[0].aval.shape)
    wide = [np.broadcast_to(by_number(b, v).numbers, shape) for v in ins]
    numbers = np.empty(shape, object)
    for place in np.ndindex(shape):
        numbers[place] = arithmetic.RULES[eqn.primitive.name](b, *(w[place] for w in wide), **eqn.params)
    return [Small(str(eqn.outvars[0].aval.dtype), numbers)]


def stretched(b: Builder, value: Value, shape: tuple[int, ...]) -> Operand:
    """An operand as a loop over `shape` reads it."""
    if isinstance(value, Small) and value.numbers.size == 1:
        return value.numbers.reshape(-1)[0]
    array = in_memory(b, value)
    steps = tuple(0 if n == 1 else s for n, s in zip(array.shape, array.strides, strict=True))
    steps = (0,) * (len(shape) - len(array.shape)) + steps
    return Big(array.dtype, array.varies, array.region, shape, steps, array.offset, array.moving)


class Together:
    """Operations on long arrays of one shape that wait to be written as one loop."""

    def __init__(self, b: Builder, jaxpr: Jaxpr, goals: dict):
        self.b = b
        self.goals = goals  # variable → where its numbers are wanted
        self.shape: tuple[int, ...] = ()
        self.waiting: list[tuple] = []  # equation, operands
        self.made: dict = {}  # variable → place among them
        self.uses = Counter(v for eqn in jaxpr.eqns for v in eqn.invars if not isinstance(v, Literal))
        self.uses.update(v for v in jaxpr.outvars if not isinstance(v, Literal))

    def is_asked_for(self, eqn) -> bool:
        """Whether an equation needs what waits."""
        return any(v in self.made for v in eqn.invars if not isinstance(v, Literal))

    def add(self, eqn, read, values: dict) -> None:
        """Let an operation wait; one of another shape has the others written first."""
        shape = tuple(eqn.outvars[0].aval.shape)
        if self.waiting and shape != self.shape:
            self.write(values)
        self.shape = shape
        operands = [
            Made(self.made[v]) if not isinstance(v, Literal) and v in self.made else stretched(self.b, read(v), shape)
            for v in eqn.invars
        ]
        self.made[eqn.outvars[0]] = len(self.waiting)
        self.waiting.append((eqn, operands))

    def write(self, values: dict) -> None:
        """Write the loop; `values` learn of the results that somebody else asks for."""
        if not self.waiting:
            return
        inside = Counter(o.place for _, operands in self.waiting for o in operands if isinstance(o, Made))
        kept: dict[int, Big] = {}
        varying: list[bool] = []
        for place, (eqn, operands) in enumerate(self.waiting):
            varying.append(any(varying[o.place] if isinstance(o, Made) else o.varies for o in operands))
            if inside[place] < self.uses[eqn.outvars[0]]:
                v = eqn.outvars[0]
                kept[place] = self.goals.get(v) or new_array(self.b, self.shape, str(v.aval.dtype), varying[place])
        self.loop(kept)
        for place, (eqn, _) in enumerate(self.waiting):
            if place in kept:
                values[eqn.outvars[0]] = natural(self.b, kept[place])
        self.waiting, self.made = [], {}

    def loop(self, kept: dict[int, Big]) -> None:
        """The loop itself: every array is read once a turn."""
        b, arrays = self.b, {}
        for _, operands in self.waiting:
            for o in operands:
                if isinstance(o, Big):
                    arrays.setdefault((id(o.region), o.offset, o.strides, o.moving), o)
                elif isinstance(o, Number):
                    b.operand(o, o.varies)  # loaded before the loop
        with over_places(b, self.shape, (*arrays.values(), *kept.values())) as on:
            read = {key: read_at(b, array, where) for (key, array), where in zip(arrays.items(), on, strict=False)}
            results: list[Number] = []
            for place, (eqn, operands) in enumerate(self.waiting):
                own = [
                    results[o.place]
                    if isinstance(o, Made)
                    else read[id(o.region), o.offset, o.strides, o.moving]
                    if isinstance(o, Big)
                    else o
                    for o in operands
                ]
                results.append(arithmetic.RULES[eqn.primitive.name](b, *own, **eqn.params))
                if place in kept:
                    write_at(b, kept[place], on[len(arrays) + list(kept).index(place)], results[-1])
