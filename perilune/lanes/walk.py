"""From a jaxpr to text: every equation by its rule, whichever way its arrays are kept."""

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from . import arithmetic, movement, threefry
from .arrays import in_memory, natural, new_array, over_places, read_at, write_at
from .builder import Builder
from .values import SMALL, Big, Small, Value, constants

INLINED = ("jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint")


def inner(eqn) -> ClosedJaxpr:
    """The program that an equation calls."""
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        if name in eqn.params:
            found = eqn.params[name]
            return found if isinstance(found, ClosedJaxpr) else ClosedJaxpr(found, ())
    raise NotImplementedError(f"a call by {eqn.primitive.name}")


def dtype_of(v) -> str:
    """The type of a variable's numbers."""
    return str(v.aval.dtype)


def last_uses(jaxpr: Jaxpr) -> list[list]:
    """For each equation the variables that nobody asks for after it."""
    seen = {v for v in jaxpr.outvars if not isinstance(v, Literal)}
    dead: list[list] = []
    for eqn in reversed(jaxpr.eqns):
        own = []
        for v in (*eqn.invars, *eqn.outvars):
            if not isinstance(v, Literal) and v not in seen:
                seen.add(v)
                own.append(v)
        dead.append(own)
    return dead[::-1]


def elementwise(b: Builder, eqn, ins: list[Value]) -> list[Value]:
    """Number by number; scalars and axes of length one go with any."""
    rule, dtype = arithmetic.RULES[eqn.primitive.name], str(eqn.outvars[0].aval.dtype)
    shape = np.broadcast_shapes(*(v.shape for v in ins))
    if np.prod(shape, dtype=int) <= SMALL and all(isinstance(v, Small) for v in ins):
        wide = [np.broadcast_to(v.numbers, shape) for v in ins if isinstance(v, Small)]
        numbers = np.empty(shape, object)
        for place in np.ndindex(shape):
            numbers[place] = rule(b, *(w[place] for w in wide), **eqn.params)
        return [Small(dtype, numbers)]
    parts, arrays = [], []
    for value in ins:
        if isinstance(value, Small) and value.numbers.size == 1:
            number = value.numbers.reshape(-1)[0]
            b.operand(number, number.varies)  # loaded before the loop
            parts.append(number)
            continue
        array = in_memory(b, value)
        more = len(shape) - len(array.shape)
        steps = tuple(0 if n == 1 else s for n, s in zip(array.shape, array.strides, strict=True))
        arrays.append(Big(array.dtype, array.varies, array.region, shape, (0,) * more + steps, array.offset, array.moving))
        parts.append(len(arrays) - 1)
    result = new_array(b, shape, dtype, any(a.varies for a in arrays) or any(p.varies for p in parts if not isinstance(p, int)))
    with over_places(b, shape, (*arrays, result)) as on:
        operands = [read_at(b, arrays[p], on[p]) if isinstance(p, int) else p for p in parts]
        write_at(b, result, on[-1], rule(b, *operands, **eqn.params))
    return [natural(b, result)]


def walk(b: Builder, program: ClosedJaxpr, args: list[Value]) -> list[Value]:
    """Write a program's equations; `args` is emptied, so that nobody holds what is no longer needed."""
    from . import control  # which walks bodies and branches in turn

    jaxpr = program.jaxpr
    values: dict = dict(zip(jaxpr.invars, args, strict=True))
    args.clear()
    values.update({v: natural(b, constants(np.asarray(c))) for v, c in zip(jaxpr.constvars, program.consts, strict=True)})

    def read(v) -> Value:
        return constants(np.asarray(v.val, dtype_of(v))) if isinstance(v, Literal) else values[v]

    for eqn, dead in zip(jaxpr.eqns, last_uses(jaxpr), strict=True):
        b.end_if_long()
        name = eqn.primitive.name
        if name in control.RULES and b.depth == 0:
            control.before(b, eqn)
        ins = [read(v) for v in eqn.invars]
        if name in INLINED:
            for v in dead:
                values.pop(v, None)
            outs = walk(b, inner(eqn), ins)
        elif name in control.RULES:
            outs = control.RULES[name](b, eqn, ins)
        elif name in movement.RULES:
            outs = movement.RULES[name](b, eqn, ins)
        elif name in threefry.RULES:
            outs = threefry.RULES[name](b, eqn, ins)
        elif name in arithmetic.RULES:
            outs = elementwise(b, eqn, ins)
        else:
            raise NotImplementedError(f"the primitive {name}")
        values.update({v: out for v, out in zip(eqn.outvars, outs, strict=True) if str(v) != "_"})
        for v in dead:
            values.pop(v, None)
    return [read(v) for v in jaxpr.outvars]
