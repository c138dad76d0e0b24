"""Floating-point operations of one lane's cycle: XLA's cost analysis of the branches that are really taken.

XLA counts the dearest branch of a `cond` and the body of a loop once. A cycle mostly takes the cheap branch (slow sensors are due
in one of five), and some branches never (instruments that are not carried). So the cycle is written out before it is counted:
of a `cond` on the tick or on what is carried only the branch taken, a loop of known length as often as it runs. What is left of
XLA's caveat: a loop that goes on as long as need be (the range finder's ray) still counts once.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal
from jax.interpreters import partial_eval

from perilune.campaign.batch import Batch
from perilune.campaign.pool import spread
from perilune.lanes.walk import INLINED, dtype_of, inner
from perilune.simulation import lane_flight
from perilune.simulation.load import load
from perilune.simulation.simulate import cycle

CAVEAT = "XLA counts the body of a loop of unknown length (the range finder's ray) once"
SMALL = 64  # numbers: what is worked out beforehand, to know which branch is taken
# Arithmetic on real numbers; XLA's own count takes in comparisons, choices and the integers of the random numbers too.
ARITHMETIC = (
    "add", "sub", "mul", "div", "neg", "max", "min", "sqrt", "rsqrt", "square", "sin", "cos", "tan", "asin", "acos", "atan2",
    "exp", "expm1", "log", "log1p", "tanh", "erf", "erfc", "erf_inv", "pow", "integer_pow",
)  # fmt: skip
REDUCED = ("reduce_sum", "reduce_max", "reduce_min")


class Taken:
    """A program written out as it runs: `branches` says which branch of each `cond`, `arithmetic` how many operations on float64
    numbers it has."""

    def __init__(self):
        self.branches: list[int | None] = []
        self.arithmetic = 0

    def known(self, eqn, given: list) -> list:
        """The results of an equation whose small arguments are known beforehand; None for each otherwise."""
        is_small = all(v.aval.size <= SMALL for v in eqn.outvars if hasattr(v.aval, "size"))
        if eqn.primitive.name in ("scan", "while") or not is_small or any(value is None for value in given):
            return [None] * len(eqn.outvars)
        with jax.ensure_compile_time_eval():
            found = eqn.primitive.bind(*(jnp.asarray(value) for value in given), **eqn.params)
        return [np.asarray(value) for value in (found if eqn.primitive.multiple_results else [found])]

    def count(self, eqn) -> None:
        """Count an equation's operations on float64 numbers; of a loop of unknown length its body once."""
        if eqn.primitive.name == "while":
            self.once(eqn.params["body_jaxpr"].jaxpr)
            return
        name, result = eqn.primitive.name, eqn.outvars[0].aval
        if getattr(result, "dtype", None) != jnp.float64:
            return
        if name in ARITHMETIC:
            self.arithmetic += result.size
        elif name in REDUCED:
            self.arithmetic += eqn.invars[0].aval.size - result.size
        elif name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            self.arithmetic += 2 * result.size * int(np.prod([eqn.invars[0].aval.shape[k] for k in contracted]))

    def once(self, jaxpr) -> None:
        """Count a body that is not written out, and those in it, once each."""
        for eqn in jaxpr.eqns:
            if eqn.primitive.name in INLINED:
                self.once(inner(eqn).jaxpr)
            elif eqn.primitive.name == "scan":
                self.once(eqn.params["jaxpr"].jaxpr)
            else:
                self.count(eqn)

    def loop(self, eqn, args: Sequence, known: Sequence) -> tuple[list, list]:
        """A loop of known length, as often as it runs."""
        consts, carried = eqn.params["num_consts"], eqn.params["num_carry"]
        body, length = eqn.params["jaxpr"], eqn.params["length"]
        fixed, carry, rows = args[:consts], list(args[consts : consts + carried]), args[consts + carried :]
        gathered = []
        for k in range(length)[:: -1 if eqn.params["reverse"] else 1]:
            step = [*fixed, *carry, *(row[k] for row in rows)]
            out, _ = self.walk(body, step, [*known[:consts], *[None] * (len(step) - consts)])
            carry, gathered = out[:carried], [*gathered, out[carried:]]
        stacked = [jnp.stack(column) for column in zip(*gathered, strict=True)]
        return [*carry, *stacked], [None] * len(eqn.outvars)

    def one(self, eqn, args: list, known: list) -> tuple[list, list]:
        """One equation: its results, and those that are known beforehand."""
        name = eqn.primitive.name
        if name in INLINED:
            return self.walk(inner(eqn), args, known)
        if name == "cond" and known[0] is not None:
            which = int(np.clip(known[0], 0, len(eqn.params["branches"]) - 1))
            self.branches.append(which)
            return self.walk(eqn.params["branches"][which], args[1:], known[1:])
        if name == "scan":
            return self.loop(eqn, args, known)
        if name == "cond":
            self.branches.append(None)
        self.count(eqn)
        found = eqn.primitive.bind(*args, **eqn.params)
        return list(found) if eqn.primitive.multiple_results else [found], self.known(eqn, known)

    def walk(self, program, args: Sequence, known: Sequence) -> tuple[list, list]:
        """A program written out: its results, and those that are known beforehand."""
        jaxpr = program.jaxpr
        values: dict[Any, Any] = dict(zip(jaxpr.invars, args, strict=True)) | dict(
            zip(jaxpr.constvars, program.consts, strict=True)
        )
        before: dict[Any, Any] = dict(zip(jaxpr.invars, known, strict=True))
        before |= {v: np.asarray(c) for v, c in zip(jaxpr.constvars, program.consts, strict=True) if np.size(c) <= SMALL}

        def read(v):
            return v.val if isinstance(v, Literal) else values[v]

        def read_known(v):
            return np.asarray(v.val, dtype_of(v)) if isinstance(v, Literal) else before.get(v)

        for eqn in jaxpr.eqns:
            found, told = self.one(eqn, [read(v) for v in eqn.invars], [read_known(v) for v in eqn.invars])
            values.update(zip(eqn.outvars, found, strict=True))
            before.update(zip(eqn.outvars, told, strict=True))
        return [read(v) for v in jaxpr.outvars], [read_known(v) for v in jaxpr.outvars]


def written() -> tuple[ClosedJaxpr, list, list]:
    """The cycle of the built-in mission as JAX writes it, its arguments' shapes, and of these what is known before a flight."""
    scenarios, last, _ = Batch(load("resilience")).start(range(2))
    shapes = lane_flight.shapes_of(scenarios, last)
    own, shared, snapshot = shapes.one()

    def one(own_leaves, shared_leaves, before, tick):
        return cycle(shapes.whole(own_leaves, shared_leaves), before, tick)

    arguments = jax.tree.leaves((own, shared, snapshot, jax.ShapeDtypeStruct((), jnp.int32)))
    closed = jax.make_jaxpr(one)(own, shared, snapshot, arguments[-1])
    jaxpr, _ = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True)
    leaves = [leaf for leaf, is_one in zip(jax.tree.leaves(scenarios), shapes.is_shared, strict=True) if is_one]
    known: list = [None] * len(arguments)
    for place, leaf in enumerate(leaves, len(own)):
        known[place] = np.asarray(leaf) if leaf.size <= SMALL else None
    return ClosedJaxpr(jaxpr, closed.consts), arguments, known


def of_cycle(program: ClosedJaxpr, arguments: list, known: list) -> dict[str, float]:
    """Operations of the cycle whose small arguments are these: by XLA's cost analysis (all kinds, transcendental functions as
    one each), and of them arithmetic on float64 numbers. Raises RuntimeError where a branch cannot be told beforehand."""
    taken = Taken()
    found = jax.jit(lambda *args: taken.walk(program, args, known)[0]).lower(*arguments).cost_analysis() or {}
    if None in taken.branches:
        raise RuntimeError("A branch of the cycle hangs on what is not known beforehand: its operations cannot be counted.")
    return {"by XLA": sum(found.get(kind, 0.0) for kind in ("flops", "transcendentals")), "arithmetic": float(taken.arithmetic)}


def counted(_: None) -> dict[str, float]:
    """Operations a lane-cycle, over the cycles between two of the slow sensors' steps."""
    program, arguments, known = written()
    every = load("resilience").flight.slow_every
    each = [of_cycle(program, arguments, [*known[:-1], np.int32(tick)]) for tick in range(1, every + 1)]
    return {kind: sum(found[kind] for found in each) / every for kind in each[0]}


def per_cycle() -> dict[str, float]:
    """The same, counted by a worker."""
    return next(iter(spread(counted, [None], workers=1)))
