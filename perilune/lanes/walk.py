"""From a jaxpr to text: every equation by its rule, whichever way its arrays are kept."""

from collections.abc import Sequence

import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from . import arithmetic, movement, threefry
from .arrays import natural
from .builder import Builder
from .elementwise import Together, is_long, one_by_one
from .values import Big, Value, constants

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


def walk(b: Builder, program: ClosedJaxpr, args: list[Value], wanted: Sequence[Big | None] = ()) -> list[Value]:
    """Write a program's equations. `wanted`: where results that lie in memory should be, as far as somebody cares; it is not
    promised."""
    from . import control  # which walks bodies and branches in turn

    jaxpr = program.jaxpr
    values: dict = dict(zip(jaxpr.invars, args, strict=True))
    given = dict(zip(jaxpr.constvars, program.consts, strict=True))
    # Only those that are read, as they are read: JAX keeps others while somebody holds them.
    for v in (*(v for eqn in jaxpr.eqns for v in eqn.invars), *jaxpr.outvars):
        if not isinstance(v, Literal) and v in given:
            values[v] = natural(b, constants(np.asarray(given.pop(v))))

    def read(v) -> Value:
        return constants(np.asarray(v.val, dtype_of(v))) if isinstance(v, Literal) else values[v]

    goals = {v: place for v, place in zip(jaxpr.outvars, wanted, strict=False) if place and not isinstance(v, Literal)}
    together = Together(b, jaxpr, goals)
    for eqn in jaxpr.eqns:
        b.end_if_long()
        name = eqn.primitive.name
        if name in arithmetic.RULES and is_long(eqn):
            together.add(eqn, read, values)
            continue
        if together.is_asked_for(eqn) or name in control.RULES or name in INLINED:
            together.write(values)
        if name in control.RULES and b.depth == 0:
            control.before(b, eqn)
        ins = [read(v) for v in eqn.invars]
        if name in INLINED:
            outs = walk(b, inner(eqn), ins, [goals.get(v) for v in eqn.outvars])
        elif name in control.RULES:
            outs = control.RULES[name](b, eqn, ins, [goals.get(v) for v in eqn.outvars])
        elif name in movement.RULES:
            outs = movement.RULES[name](b, eqn, ins)
        elif name in threefry.RULES:
            outs = threefry.RULES[name](b, eqn, ins)
        elif name in arithmetic.RULES:
            outs = one_by_one(b, eqn, ins)
        else:
            raise NotImplementedError(f"the primitive {name}")
        values.update({v: out for v, out in zip(eqn.outvars, outs, strict=True) if str(v) != "_"})
    together.write(values)
    return [read(v) for v in jaxpr.outvars]
