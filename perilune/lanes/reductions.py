"""Sums, extremes and where they are, along axes."""

import numpy as np

from .arithmetic import binary, choose, compare, extreme, is_nan
from .arrays import further_on, natural, new_array, over_places, read_at, write_at
from .builder import Builder
from .values import Big, Number, Small, Value, constant, is_float

BEGINNING = {  # what a reduction of nothing is: floats, whole numbers, flags
    "reduce_sum": (0.0, 0, False), "reduce_prod": (1.0, 1, True), "reduce_max": (-np.inf, None, False),
    "reduce_min": (np.inf, None, True), "reduce_and": (None, -1, True), "reduce_or": (None, 0, False),
}  # fmt: skip
COMBINED = {
    "reduce_sum": "add", "reduce_prod": "mul", "reduce_max": "max", "reduce_min": "min", "reduce_and": "and", "reduce_or": "or",
}  # fmt: skip


def combined(b: Builder, name: str, x: Number, y: Number) -> Number:
    """Two numbers made one."""
    how = COMBINED[name]
    if how in ("max", "min"):
        return extreme(b, how, x, y)
    return binary(b, how, x, y)


def first(name: str, dtype: str) -> Number:
    """What a reduction begins with."""
    value = BEGINNING[name][0 if is_float(dtype) else 2 if dtype == "bool" else 1]
    if value is None:
        bounds = np.iinfo(dtype)
        value = bounds.min if name == "reduce_max" else bounds.max
    return constant(value, dtype)


def reduced(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """Along axes, in order."""
    value, name = ins[0], eqn.primitive.name
    axes = tuple(int(a) for a in eqn.params["axes"])
    left = [a for a in range(len(value.shape)) if a not in axes]
    shape = tuple(value.shape[a] for a in left)
    if isinstance(value, Small):
        rows = value.numbers.transpose([*left, *axes]).reshape((*shape, -1))
        numbers = np.empty(shape, object)
        for place in np.ndindex(shape):
            row = rows[place]
            total = row[0] if len(row) else first(name, value.dtype)
            for number in row[1:]:
                total = combined(b, name, total, number)
            numbers[place] = total
        return [Small(value.dtype, numbers)]
    result = new_array(b, shape, value.dtype, value.varies)
    begun = first(name, value.dtype)
    with over_places(b, shape, (result,)) as (on,):
        write_at(b, result, on, begun)
    strides = [0] * len(value.shape)
    for a, step in zip(left, result.strides, strict=True):
        strides[a] = step
    view = Big(value.dtype, value.varies, result.region, value.shape, tuple(strides))
    with over_places(b, value.shape, (value, view)) as (one, on):
        write_at(b, view, on, combined(b, name, read_at(b, view, on), read_at(b, value, one)))
    return [natural(b, result)]


def furthest(b: Builder, name: str, row: list[Number], dtype: str) -> Number:
    """Which of some numbers is the largest or smallest; the first of equals, and what is no number before all."""
    how = "gt" if name == "argmax" else "lt"
    best, where = row[0], constant(0, dtype)
    for k, number in enumerate(row[1:], 1):
        if number.dtype == "bool":
            wins = binary(b, "and", number, binary(b, "xor", best, constant(True, "bool")))
            if name == "argmin":
                wins = binary(b, "and", best, binary(b, "xor", number, constant(True, "bool")))
        else:
            wins = compare(b, how, number, best)
        if is_float(number.dtype):
            lost = binary(b, "xor", is_nan(b, best), constant(True, "bool"))
            wins = binary(b, "and", binary(b, "or", wins, is_nan(b, number)), lost)
        best, where = choose(b, wins, best, number), choose(b, wins, where, constant(k, dtype))
    return where


def argument(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """The place of the largest or smallest along an axis."""
    value, name, (axis,) = ins[0], eqn.primitive.name, eqn.params["axes"]
    axis, dtype = int(axis), str(np.dtype(eqn.params["index_dtype"]))
    if isinstance(value, Small):
        rows = np.moveaxis(value.numbers, axis, -1)
        numbers = np.empty(rows.shape[:-1], object)
        for place in np.ndindex(numbers.shape):
            numbers[place] = furthest(b, name, list(rows[place]), dtype)
        return [Small(dtype, numbers)]
    left = [a for a in range(len(value.shape)) if a != axis]
    shape = tuple(value.shape[a] for a in left)
    result = new_array(b, shape, dtype, value.varies)
    rows = Big(value.dtype, value.varies, value.region, shape, tuple(value.strides[a] for a in left), value.offset, value.moving)
    with over_places(b, shape, (rows, result)) as (one, on):
        step = value.strides[axis]
        row = [
            b.load(rows.region, rows.offset + k * step, rows.dtype, rows.varies, further_on(b, rows, one))
            for k in range(value.shape[axis])
        ]
        write_at(b, result, on, furthest(b, name, row, dtype))
    return [natural(b, result)]


REDUCTIONS = dict.fromkeys(COMBINED, reduced)
ARGUMENTS = dict.fromkeys(("argmax", "argmin"), argument)
