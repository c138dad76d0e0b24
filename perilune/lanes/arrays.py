"""Arrays in the two ways of keeping them, and loops over those in memory."""

from contextlib import contextmanager

import numpy as np

from .builder import Builder
from .values import SMALL, Big, Number, Small, Value, whole


def new_array(b: Builder, shape, dtype: str, varies: bool) -> Big:
    """New memory for an array."""
    size = max(int(np.prod(shape)), 1)
    return Big(dtype, varies, b.memory.take(size * b.bytes_of(dtype, varies)), tuple(shape), whole(tuple(shape)))


def in_memory(b: Builder, value: Value) -> Big:
    """An array in memory."""
    if isinstance(value, Big):
        return value
    varies = any(n.varies for n in value.numbers.flat)
    array = new_array(b, value.shape, value.dtype, varies)
    for k, number in enumerate(value.numbers.flat):
        b.store(number, array.region, k, varies)
    return array


def number_of(b: Builder, array: Big, place: tuple[int, ...]) -> Number:
    """One number of an array in memory, loaded when it is used."""
    static = array.offset + sum(p * s for p, s in zip(place, array.strides, strict=True))
    if array.moving is not None:
        return b.load(array.region, static, array.dtype, array.varies, array.moving)
    return Number(array.dtype, array.varies, place=(array.region, static))


def by_number(b: Builder, value: Value) -> Small:
    """An array number by number."""
    if isinstance(value, Small):
        return value
    numbers = np.empty(value.shape, object)
    for place in np.ndindex(value.shape):
        numbers[place] = number_of(b, value, place)
    return Small(value.dtype, numbers)


def natural(b: Builder, value: Value) -> Value:
    """An array as arrays of its size are kept."""
    if isinstance(value, Big) and value.size <= SMALL:
        return by_number(b, value)
    if isinstance(value, Small) and value.numbers.size > SMALL:
        return in_memory(b, value)
    return value


def contiguous(b: Builder, array: Big) -> Big:
    """The same array with its numbers one after the other."""
    return array if array.is_contiguous and array.moving is None else copied(b, array)


def copied(b: Builder, array: Big, into: Big | None = None, varies: bool | None = None) -> Big:
    """A copy, in new memory or into an array that is there."""
    into = into or new_array(b, array.shape, array.dtype, array.varies if varies is None else varies)
    with over_places(b, array.shape, (array, into)) as (one, other):
        write_at(b, into, other, read_at(b, array, one))
    return into


@contextmanager
def over_places(b: Builder, shape: tuple[int, ...], arrays: tuple[Big, ...]):
    """Loops over all places of arrays of one shape; gives for each array the name of how many numbers on it is (None: 0)."""
    dims, strides = merged(shape, [a.strides for a in arrays])
    stack = []
    for n in dims:
        context = b.counted(n)
        stack.append((context, context.__enter__()))
    on = []
    for k in range(len(arrays)):
        total = None
        for (_, counter), step in zip(stack, (s[k] for s in strides), strict=True):
            if step == 0:
                continue
            term = counter if step == 1 else b.named_text(f"mul nsw i64 {counter}, {step}")
            total = term if total is None else b.named_text(f"add nsw i64 {total}, {term}")
        on.append(total)
    yield on
    for context, _ in reversed(stack):
        context.__exit__(None, None, None)


def further_on(b: Builder, array: Big, on: str | None) -> str | None:
    """An array's own moving part and the loop's."""
    if array.moving is None or on is None:
        return array.moving or on
    return b.named_text(f"add nsw i64 {array.moving}, {on}")


def read_at(b: Builder, array: Big, on: str | None) -> Number:
    """The number of an array where the loop is."""
    return b.load(array.region, array.offset, array.dtype, array.varies, further_on(b, array, on))


def write_at(b: Builder, array: Big, on: str | None, number: Number) -> None:
    """Store a number where the loop is."""
    b.store(number, array.region, array.offset, array.varies, further_on(b, array, on))


def merged(shape: tuple[int, ...], strides: list[tuple[int, ...]]) -> tuple[list[int], list[list[int]]]:
    """Dimensions that all arrays run through as one are one loop. Returns lengths, and strides by dimension and array."""
    dims: list[int] = []
    steps: list[list[int]] = []
    for axis, n in enumerate(shape):
        if n == 1:
            continue
        own = [s[axis] for s in strides]
        if dims and all(before == n * step for before, step in zip(steps[-1], own, strict=True)):
            dims[-1] *= n
            steps[-1] = own
        else:
            dims.append(n)
            steps.append(own)
    return (dims, steps) if dims else ([1], [[0] * len(strides)])
