"""What moves numbers without changing them: slices, stacks, look-ups. Number by number it costs nothing."""

from collections.abc import Callable

import numpy as np
from jax.lax import GatherScatterMode

from .arithmetic import binary, choose, clamped, compare, converted
from .arrays import by_number, contiguous, copied, further_on, in_memory, natural, new_array, over_places
from .builder import Builder
from .reductions import ARGUMENTS, REDUCTIONS
from .values import SMALL, WIDTH, Big, Number, Small, Value, constant, constants, whole, word

Rule = Callable[..., list[Value]]


def same(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """Nothing happens."""
    return list(ins)


def reshaped(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """The same numbers in another shape."""
    (value,), shape = ins, tuple(eqn.outvars[0].aval.shape)
    if isinstance(value, Small):
        return [Small(value.dtype, value.numbers.reshape(shape))]
    value = contiguous(b, value)
    return [Big(value.dtype, value.varies, value.region, shape, whole(shape), value.offset)]


def broadcast(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """Along new axes, and along those of length one."""
    value, shape, axes = ins[0], tuple(eqn.params["shape"]), [int(a) for a in eqn.params["broadcast_dimensions"]]
    if isinstance(value, Small) and np.prod(shape, dtype=int) <= SMALL:
        wide = [1] * len(shape)
        for axis, n in zip(axes, value.shape, strict=True):
            wide[axis] = n
        return [Small(value.dtype, np.broadcast_to(value.numbers.reshape(wide), shape))]
    array = in_memory(b, value)
    strides = [0] * len(shape)
    for axis, n, step in zip(axes, array.shape, array.strides, strict=True):
        strides[axis] = 0 if n == 1 else step
    return [Big(array.dtype, array.varies, array.region, shape, tuple(strides), array.offset, array.moving)]


def transposed(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """Axes in another order."""
    (value,), order = ins, tuple(eqn.params["permutation"])
    if isinstance(value, Small):
        return [Small(value.dtype, value.numbers.transpose(order))]
    shape, strides = tuple(value.shape[a] for a in order), tuple(value.strides[a] for a in order)
    return [Big(value.dtype, value.varies, value.region, shape, strides, value.offset, value.moving)]


def window(b: Builder, value: Value, starts, sizes, steps=None) -> Value:
    """A box of an array."""
    steps = steps or [1] * len(sizes)
    if isinstance(value, Small):
        where = tuple(slice(s, s + (n - 1) * d + 1, d) for s, n, d in zip(starts, sizes, steps, strict=True))
        return Small(value.dtype, value.numbers[where])
    offset = value.offset + sum(s * step for s, step in zip(starts, value.strides, strict=True))
    strides = tuple(step * d for step, d in zip(value.strides, steps, strict=True))
    return natural(b, Big(value.dtype, value.varies, value.region, tuple(sizes), strides, offset, value.moving))


def sliced(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """A box of an array, its place known beforehand."""
    steps = eqn.params["strides"] or [1] * len(eqn.params["start_indices"])
    return [window(b, ins[0], eqn.params["start_indices"], eqn.outvars[0].aval.shape, steps)]


def reversed_axes(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """Axes turned round."""
    value = by_number(b, ins[0])  # a long one goes to new memory: where it lies may be about to be written
    return [natural(b, Small(value.dtype, np.flip(value.numbers, eqn.params["dimensions"])))]


def joined(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """One after the other along an axis, or along a new one."""
    shape = tuple(eqn.outvars[0].aval.shape)
    is_stack = eqn.primitive.name == "stack"
    axis = int(eqn.params["axis" if is_stack else "dimension"])
    if np.prod(shape, dtype=int) <= SMALL:
        join = np.stack if is_stack else np.concatenate
        return [Small(ins[0].dtype, join([by_number(b, v).numbers for v in ins], axis))]
    result = new_array(b, shape, ins[0].dtype, any(varies(v) for v in ins))
    at = 0
    for value in ins:
        part = list(shape)
        part[axis] = 1 if is_stack else value.shape[axis]
        place_in(b, result, value, at * result.strides[axis], tuple(part))
        at += part[axis]
    return [result]


def varies(value: Value) -> bool:
    """Whether an array is not the same for all lanes."""
    return value.varies if isinstance(value, Big) else any(n.varies for n in value.numbers.flat)


def place_in(b: Builder, into: Big, value: Value, offset: int, shape: tuple[int, ...], moving: str | None = None) -> None:
    """Copy an array to a box of another, of `shape` in it."""
    box = Big(into.dtype, into.varies, into.region, shape, into.strides, into.offset + offset, further_on(b, into, moving))
    if isinstance(value, Small):
        for place, number in zip(np.ndindex(shape), value.numbers.flat, strict=True):
            static = box.offset + sum(p * s for p, s in zip(place, box.strides, strict=True))
            b.store(number, box.region, static, into.varies, box.moving)
        return
    array = Big(value.dtype, value.varies, value.region, shape, (0,) * len(shape), value.offset, value.moving)
    if len(value.shape) == len(shape):
        array.strides = value.strides
    else:  # a stack's new axis, of length one
        missing = next(k for k in range(len(shape)) if tuple(n for i, n in enumerate(shape) if i != k) == value.shape)
        array.strides = (*value.strides[:missing], 0, *value.strides[missing:])
    copied(b, array, box)


def counted_up(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """0, 1, 2 … along an axis."""
    shape, axis, dtype = eqn.params["shape"], eqn.params["dimension"], str(np.dtype(eqn.params["dtype"]))
    line = np.arange(shape[axis]).astype(dtype).reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return [natural(b, constants(np.broadcast_to(line, shape)))]


# look-ups ---------------------------------------------------------------------------------------------------------


def bounded(b: Builder, index: Number, last: int) -> Number:
    """An index kept within an axis."""
    low, high = constant(0, index.dtype), constant(last, index.dtype)
    return index if index.value is not None and 0 <= index.value <= last else clamped(b, low, index, high)


def linear(b: Builder, indices: list[Number], strides: list[int]) -> tuple[Number | None, int]:
    """How many numbers on: what is not known beforehand, and what is."""
    total, static = None, 0
    for index, step in zip(indices, strides, strict=True):
        if index.value is not None:
            static += int(index.value) * step
            continue
        term = binary(b, "mul", converted(b, index, "int64"), constant(step, "int64"))
        if step == 1:
            term = converted(b, index, "int64")
        total = term if total is None else binary(b, "add", total, term)
    return total, static


def look_up(b: Builder, array: Big, index: Number | None, static: int) -> Number:
    """The number of an array at a place that may be another in each lane."""
    if index is None:
        return b.load(array.region, array.offset + static, array.dtype, array.varies, array.moving)
    if not index.varies:
        name = b.operand(index, False)
        on = name if array.moving is None else b.named_text(f"add nsw i64 {array.moving}, {name}")
        return b.load(array.region, array.offset + static, array.dtype, array.varies, on)
    one = b.bytes_of(array.dtype, False)
    unit = b.bytes_of(array.dtype, array.varies)
    base = b.address(array.region, array.offset + static, unit, array.moving)
    places = b.operand(index, True)
    if array.varies:  # numbers of one array element lie lane by lane
        many = b.named_text(f"mul nsw <{WIDTH} x i64> {places}, splat (i64 {WIDTH})")
        own = ", ".join(f"i64 {lane}" for lane in range(WIDTH))
        places = b.named_text(f"add nsw <{WIDTH} x i64> {many}, <{own}>")
    pointers = b.named_text(f"getelementptr [{one} x i8], ptr {base}, <{WIDTH} x i64> {places}")
    held = "i8" if array.dtype == "bool" else word(array.dtype)
    short = {"double": "f64", "float": "f32"}.get(held, held)
    function = f"@llvm.masked.gather.v{WIDTH}{short}.v{WIDTH}p0"
    kind = f"<{WIDTH} x {held}>"
    b.needed.add(f"declare {kind} {function}(<{WIDTH} x ptr>, i32, <{WIDTH} x i1>, {kind})")
    name = b.fresh()
    b.say(
        f"{name} = call {kind} {function}(<{WIDTH} x ptr> {pointers}, i32 {one}, <{WIDTH} x i1> splat (i1 true), {kind} poison)"
    )
    if array.dtype == "bool":
        before, name = name, b.fresh()
        b.say(f"{name} = trunc {kind} {before} to {b.kind('bool', True)}")
    return b.number(name, array.dtype, True)


def moving_slice(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """A box of an array at a place that is worked out, kept within it."""
    value, sizes = ins[0], tuple(eqn.params["slice_sizes"])
    indices = [only(v) for v in ins[1:]]
    indices = [bounded(b, i, n - size) for i, n, size in zip(indices, value.shape, sizes, strict=True)]
    if all(i.value is not None for i in indices):
        return [window(b, value, [int(i.value) for i in indices], sizes)]
    array = in_memory(b, value)
    index, static = linear(b, indices, list(array.strides))
    if np.prod(sizes, dtype=int) > SMALL:
        if index is None or index.varies:
            raise NotImplementedError("a long slice at a place of each lane's own")
        at = b.operand(index, False)
        on = at if array.moving is None else b.named_text(f"add nsw i64 {array.moving}, {at}")
        view = Big(array.dtype, array.varies, array.region, sizes, array.strides, array.offset + static, on)
        return [copied(b, view)]
    numbers = np.empty(sizes, object)
    for place in np.ndindex(sizes):
        further = sum(p * s for p, s in zip(place, array.strides, strict=True))
        numbers[place] = look_up(b, array, index, static + further)
    return [Small(value.dtype, numbers)]


def only(value: Value) -> Number:
    """The number of a scalar."""
    assert isinstance(value, Small) and value.numbers.size == 1
    return value.numbers.reshape(-1)[0]


def gathered(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """Boxes of an array at many places."""
    value, indices = ins
    how, sizes, mode = eqn.params["dimension_numbers"], eqn.params["slice_sizes"], eqn.params["mode"]
    if how.operand_batching_dims or mode not in (GatherScatterMode.CLIP, GatherScatterMode.PROMISE_IN_BOUNDS):
        raise NotImplementedError(f"gather of mode {mode}")
    shape = tuple(eqn.outvars[0].aval.shape)
    axes = [k for k in range(len(shape)) if k not in how.offset_dims]  # of the result, one for each of the indices'
    kept = [d for d in range(len(sizes)) if d not in how.collapsed_slice_dims]
    array = in_memory(b, value)
    result = new_array(b, shape, value.dtype, varies(value) or varies(indices))
    batch = tuple(indices.shape[:-1])

    def one(numbers: list[Number], write) -> None:
        last = [array.shape[d] - sizes[d] for d in how.start_index_map]
        # Also where JAX was promised that they are within: both sides of a choice are worked out, whatever the promise hung on.
        numbers = [bounded(b, n, top) for n, top in zip(numbers, last, strict=True)]
        index, static = linear(b, numbers, [array.strides[d] for d in how.start_index_map])
        for box in np.ndindex(*[sizes[d] for d in kept]):
            further = sum(p * array.strides[d] for p, d in zip(box, kept, strict=True))
            on = sum(p * result.strides[k] for p, k in zip(box, how.offset_dims, strict=True))
            write(look_up(b, array, index, static + further), on)

    if result.size <= SMALL:
        numbers, many = np.empty(result.size, object), by_number(b, indices).numbers
        for place in np.ndindex(batch):
            on = sum(p * result.strides[k] for p, k in zip(place, axes, strict=True))
            one(list(many[place]), lambda n, further, on=on: numbers.__setitem__(on + further, n))
        return [Small(value.dtype, numbers.reshape(shape))]
    many = in_memory(b, indices)
    view = Big(value.dtype, result.varies, result.region, batch, tuple(result.strides[k] for k in axes))
    rows = Big(many.dtype, many.varies, many.region, batch, many.strides[:-1], many.offset, many.moving)
    with over_places(b, batch, (rows, view)) as (place, on):

        def number(k: int) -> Number:
            return b.load(rows.region, rows.offset + k * many.strides[-1], rows.dtype, rows.varies, further_on(b, rows, place))

        def write(n: Number, further: int) -> None:
            b.store(n, view.region, view.offset + further, view.varies, on)

        one([number(k) for k in range(many.shape[-1])], write)
    return [result]


def scattered(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """One number of a short array replaced, at a place that is worked out; outside it, none."""
    value, index, update = ins
    how = eqn.params["dimension_numbers"]
    is_one = index.shape == (1,) and how.inserted_window_dims == (0,) and not how.update_window_dims
    is_one = is_one and eqn.params["mode"] != GatherScatterMode.CLIP
    if not (is_one and isinstance(value, Small) and len(value.shape) == 1):
        raise NotImplementedError("scatter of more than one number")
    at, new, numbers = only(index), only(update), value.numbers.copy()
    for k in range(len(numbers)):
        numbers[k] = choose(b, compare(b, "eq", at, constant(k, at.dtype)), numbers[k], new)
    return [Small(value.dtype, numbers)]


def updated(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """A box of an array replaced."""
    value, update, *starts = ins
    indices = [bounded(b, only(i), n - size) for i, n, size in zip(starts, value.shape, update.shape, strict=True)]
    if any(i.varies for i in indices):
        raise NotImplementedError("a box replaced at a place of each lane's own")
    if isinstance(value, Small) and all(i.value is not None for i in indices):
        numbers = value.numbers.copy()
        where = tuple(slice(int(i.value), int(i.value) + n) for i, n in zip(indices, update.shape, strict=True))
        numbers[where] = by_number(b, update).numbers
        return [Small(value.dtype, numbers)]
    result = copied(b, in_memory(b, value), varies=varies(value) or varies(update))
    index, static = linear(b, indices, list(result.strides))
    place_in(b, result, update, static, tuple(update.shape), None if index is None else b.operand(index, False))
    return [natural(b, result)]


RULES: dict[str, Rule] = {
    "copy": same,
    "copy_p": same,
    "optimization_barrier": same,
    "reshape": reshaped,
    "squeeze": reshaped,
    "expand_dims": reshaped,
    "broadcast_in_dim": broadcast,
    "transpose": transposed,
    "slice": sliced,
    "rev": reversed_axes,
    "concatenate": joined,
    "stack": joined,
    "iota": counted_up,
    "dynamic_slice": moving_slice,
    "gather": gathered,
    "scatter": scattered,
    "dynamic_update_slice": updated,
    **REDUCTIONS,
    **ARGUMENTS,
}
