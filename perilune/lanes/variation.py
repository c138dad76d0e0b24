"""What differs from lane to lane, worked out before a program is written."""

from jax.extend.core import ClosedJaxpr, Literal

from .walk import INLINED, inner


def variation(program: ClosedJaxpr, flags: list[bool]) -> list[bool]:
    """Which results vary, if arguments vary as `flags` say."""
    known = dict(zip(program.jaxpr.invars, flags, strict=True))

    def of(v) -> bool:
        return False if isinstance(v, Literal) else known.get(v, False)

    for eqn in program.jaxpr.eqns:
        ins, name = [of(v) for v in eqn.invars], eqn.primitive.name
        if name in INLINED:
            outs = variation(inner(eqn), ins)
        elif name == "cond":
            outs = of_branches(eqn, ins)
        elif name == "while":
            outs = of_while(eqn, ins)[0]
        elif name == "scan":
            outs = of_scan(eqn, ins)[0]
        else:
            outs = [any(ins)] * len(eqn.outvars)
        known.update(zip(eqn.outvars, outs, strict=True))
    return [of(v) for v in program.jaxpr.outvars]


def of_branches(eqn, ins: list[bool]) -> list[bool]:
    """Results of a `cond`."""
    each = [variation(branch, ins[1:]) for branch in eqn.params["branches"]]
    return [ins[0] or any(flags) for flags in zip(*each, strict=True)]


def of_while(eqn, ins: list[bool]) -> tuple[list[bool], bool]:
    """What a `while` carries, and whether lanes end it at different turns."""
    m, n = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    asked, worked, carry = ins[:m], ins[m : m + n], list(ins[m + n :])
    while True:
        differs = variation(eqn.params["cond_jaxpr"], asked + carry)[0]
        after = variation(eqn.params["body_jaxpr"], worked + carry)
        following = [differs or old or new for old, new in zip(carry, after, strict=True)]
        if following == carry:
            return carry, differs
        carry = following


def of_scan(eqn, ins: list[bool]) -> tuple[list[bool], list[bool]]:
    """Results of a `scan`, and what it carries."""
    m, n = eqn.params["num_consts"], eqn.params["num_carry"]
    fixed, carry, rows = ins[:m], list(ins[m : m + n]), ins[m + n :]
    while True:
        after = variation(eqn.params["jaxpr"], fixed + carry + rows)
        following = [old or new for old, new in zip(carry, after[:n], strict=True)]
        if following == carry:
            return carry + after[n:], carry
        carry = following
