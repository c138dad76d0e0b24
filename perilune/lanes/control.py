"""Loops and branches. A branch that all lanes take together is one; where lanes differ, both sides are worked out."""

import numpy as np

from .arithmetic import choose
from .arrays import by_number, copied, further_on, in_memory, natural, new_array, over_places, read_at, write_at
from .builder import Builder
from .movement import only, place_in, varies
from .values import SMALL, WIDTH, Big, Number, Small, Value
from .variation import of_branches, of_scan, of_while
from .walk import walk


def before(b: Builder, eqn) -> None:
    """Whole functions are left out by the driver: what comes before a branch at the outermost level ends a function."""
    if eqn.primitive.name == "cond":
        b.end_piece()


def room_for(b: Builder, variables, flags: list[bool], wanted: list[Big | None] | None = None) -> list[Value]:
    """Memory for variables, where it is wanted if it is."""
    made: list[Value] = []
    for v, flag, goal in zip(variables, flags, wanted or [None] * len(flags), strict=True):
        aval = v.aval
        shape, dtype = tuple(aval.shape), str(aval.dtype)
        if dtype.startswith("key"):
            shape, dtype = (*shape, 2), "uint32"
        if np.prod(shape, dtype=int) > SMALL:
            made.append(goal or new_array(b, shape, dtype, flag))
            continue
        numbers = np.empty(shape, object)
        for place in np.ndindex(shape):
            numbers[place] = b.placed(dtype, flag)
        made.append(Small(dtype, numbers))
    return made


def fill(b: Builder, room: list[Value], values: list[Value]) -> None:
    """Store values where room was made; all are read before any is stored, for one may lie in another's place."""
    waiting: list[tuple[Number, Number]] = []
    copies: list[tuple[Big, Value]] = []
    for place, value in zip(room, values, strict=True):
        if isinstance(place, Small):
            for to, number in zip(place.numbers.flat, by_number(b, value).numbers.flat, strict=True):
                b.operand(number, to.varies)
                waiting.append((to, number))
        elif isinstance(value, Big) and any(value.region is r.region for r in ours(room)):
            if value.region is not place.region or not value.is_contiguous:
                copies.append((place, copied(b, value)))
        else:
            copies.append((place, value))
    for to, number in waiting:
        assert to.place is not None
        b.store(number, *to.place, to.varies)
    for place, value in copies:
        place_in(b, place, value, 0, place.shape)


def ours(room: list[Value]) -> list[Big]:
    """Arrays among values."""
    return [r for r in room if isinstance(r, Big)]


def branch(b: Builder, eqn, ins: list[Value], wanted: list[Big | None]) -> list[Value]:
    """A `cond`."""
    which, branches = only(ins[0]), eqn.params["branches"]
    rest = ins[1:]
    if which.value is not None:
        return walk(b, branches[int(np.clip(int(which.value), 0, len(branches) - 1))], rest, wanted)
    if len(branches) != 2:
        raise NotImplementedError("a choice among more than two")
    if which.varies:
        no, yes = (walk(b, one, rest) for one in branches)
        condition = which if which.dtype == "bool" else nonzero(b, which)
        return [chosen(b, condition, n, y) for n, y in zip(no, yes, strict=True)]
    flags = of_branches(eqn, [False, *(varies(v) for v in rest)])
    room = room_for(b, eqn.outvars, flags, wanted)
    goals = [r if isinstance(r, Big) else None for r in room]
    sides = in_driver if b.depth == 0 else in_function
    sides(b, which, [lambda k=k: fill(b, room, walk(b, branches[k], rest, goals)) for k in (0, 1)])
    return room


def nonzero(b: Builder, number: Number) -> Number:
    """Whether a whole number is not nought."""
    kind = b.kind(number.dtype, number.varies)
    zero = "zeroinitializer" if number.varies else "0"
    return b.made(f"icmp ne {kind} {b.operand(number, number.varies)}, {zero}", "bool", number.varies)


def chosen(b: Builder, condition: Number, no: Value, yes: Value) -> Value:
    """One of two values in each lane."""
    if isinstance(no, Small) and isinstance(yes, Small):
        numbers = np.empty(no.shape, object)
        for place in np.ndindex(no.shape):
            numbers[place] = choose(b, condition, no.numbers.item(place), yes.numbers.item(place))
        return Small(no.dtype, numbers)
    one, other = in_memory(b, no), in_memory(b, yes)
    result = new_array(b, one.shape, one.dtype, True)
    b.operand(condition, True)
    with over_places(b, one.shape, (one, other, result)) as (first, second, on):
        write_at(b, result, on, choose(b, condition, read_at(b, one, first), read_at(b, other, second)))
    return result


def in_driver(b: Builder, which: Number, sides: list) -> None:
    """Both sides are functions of their own; the driver calls those of one side."""
    b.end_piece()
    region, index = b.place_of(which)
    b.memory.touch(region)
    unit = b.bytes_of(which.dtype, False)
    held = "i8" if which.dtype == "bool" else b.kind(which.dtype, False)
    base, pointer, loaded, is_so = f"%{region.base}", b.fresh(), b.fresh(), b.fresh()
    no, yes, after = b.fresh_label(), b.fresh_label(), b.fresh_label()
    if region.base.startswith("T"):
        entry, base = b.fresh(), b.fresh()
        b.driver += [f"{entry} = getelementptr ptr, ptr %T, i64 {region.base[1:]}", f"{base} = load ptr, ptr {entry}"]
    b.driver += [
        f"{pointer} = getelementptr i8, ptr {base}, i64 {region.begin(index * unit)}",
        f"{loaded} = load {held}, ptr {pointer}",
        f"{is_so} = icmp ne {held} {loaded}, 0",
        f"br i1 {is_so}, label %{yes}, label %{no}",
    ]
    for label, side in ((no, sides[0]), (yes, sides[1])):
        b.driver.append(f"{label}:")
        side()
        b.end_piece()
        b.driver.append(f"br label %{after}")
    b.driver.append(f"{after}:")


def in_function(b: Builder, which: Number, sides: list) -> None:
    """Both sides are blocks of the function that is open."""
    condition = b.operand(which if which.dtype == "bool" else nonzero(b, which), False)
    no, yes, after = b.fresh_label(), b.fresh_label(), b.fresh_label()
    b.say(f"br i1 {condition}, label %{yes}, label %{no}")
    for label, side in ((no, sides[0]), (yes, sides[1])):
        b.label(label)
        with b.inside():
            side()
        b.say(f"br label %{after}")
    b.label(after)


def scanned(b: Builder, eqn, ins: list[Value], _) -> list[Value]:
    """A `scan`."""
    p = eqn.params
    m, n, length = p["num_consts"], p["num_carry"], p["length"]
    fixed, carry, rows = ins[:m], ins[m : m + n], ins[m + n :]
    if length == 0:
        raise NotImplementedError("a scan of nothing")
    if length == 1:
        outs = walk(b, p["jaxpr"], fixed + carry + [row(b, v, 0) for v in rows])
        return outs[:n] + [lengthened(v) for v in outs[n:]]
    results, carried = of_scan(eqn, [varies(v) for v in ins])
    room = room_for(b, eqn.outvars[:n], carried)
    fill(b, room, carry)
    made = [new_array(b, v.aval.shape, str(v.aval.dtype), f) for v, f in zip(eqn.outvars[n:], results[n:], strict=True)]
    rows = [in_memory(b, v) for v in rows]
    with b.counted(length) as turn:
        at = b.named_text(f"sub nsw i64 {length - 1}, {turn}") if p["reverse"] else turn
        outs = walk(b, p["jaxpr"], fixed + room + [row_at(b, v, at) for v in rows])
        for array, value in zip(made, outs[n:], strict=True):
            step = array.strides[0]
            moving = at if step == 1 else b.named_text(f"mul nsw i64 {at}, {step}")
            view = Big(array.dtype, array.varies, array.region, array.shape[1:], array.strides[1:], 0, moving)
            place_in(b, view, value, 0, view.shape)
        fill(b, room, outs[:n])
    return [*room, *(natural(b, array) for array in made)]


def row(b: Builder, value: Value, k: int) -> Value:
    """One of an array's rows."""
    if isinstance(value, Small):
        return Small(
            value.dtype, value.numbers[k] if value.numbers.ndim > 1 else np.asarray(value.numbers[k], object).reshape(())
        )
    shape, strides = value.shape[1:], value.strides[1:]
    offset = value.offset + k * value.strides[0]
    return natural(b, Big(value.dtype, value.varies, value.region, shape, strides, offset, value.moving))


def row_at(b: Builder, array: Big, at: str) -> Value:
    """The row of a turn."""
    step = array.strides[0]
    on = at if step == 1 else b.named_text(f"mul nsw i64 {at}, {step}")
    view = Big(
        array.dtype, array.varies, array.region, array.shape[1:], array.strides[1:], array.offset, further_on(b, array, on)
    )
    return natural(b, view)


def lengthened(value: Value) -> Value:
    """A row as an array of one row."""
    if isinstance(value, Small):
        return Small(value.dtype, value.numbers.reshape((1, *value.shape)))
    return Big(value.dtype, value.varies, value.region, (1, *value.shape), (0, *value.strides), value.offset, value.moving)


def repeated(b: Builder, eqn, ins: list[Value], _) -> list[Value]:
    """A `while`: as long as any lane goes on; lanes that are done keep what they have."""
    p = eqn.params
    m, n = p["cond_nconsts"], p["body_nconsts"]
    flags, differs = of_while(eqn, [varies(v) for v in ins])
    asked, worked, carry = ins[:m], ins[m : m + n], ins[m + n :]
    room = room_for(b, eqn.outvars, flags)
    fill(b, room, carry)
    head, body, after = b.fresh_label(), b.fresh_label(), b.fresh_label()
    b.say(f"br label %{head}")
    b.label(head)
    with b.turning(), b.inside():
        goes_on = only(walk(b, p["cond_jaxpr"], asked + room)[0])
        if differs:
            mask = b.named_text(f"bitcast {b.kind('bool', True)} {b.operand(goes_on, True)} to i{WIDTH}")
            condition = b.named_text(f"icmp ne i{WIDTH} {mask}, 0")
        else:
            condition = b.operand(goes_on, False)
        b.say(f"br i1 {condition}, label %{body}, label %{after}")
        b.label(body)
        with b.inside():
            outs = walk(b, p["body_jaxpr"], worked + room)
            if differs:
                outs = [chosen(b, goes_on, old, new) for old, new in zip(room, outs, strict=True)]
            fill(b, room, outs)
        b.say(f"br label %{head}")
    b.label(after)
    return room


RULES = {"cond": branch, "scan": scanned, "while": repeated}
