"""Calls of functions that no processor has: angles, exponentials, errors. What they do stands in `formulas`."""

from .values import WIDTH, Number, word

NAMES = {  # with the number of operands
    "sin": 1, "cos": 1, "tan": 1, "exp": 1, "exp2": 1, "expm1": 1, "log": 1, "log1p": 1, "tanh": 1, "atan2": 2, "atan": 1,
    "asin": 1, "acos": 1, "erf": 1, "erfc": 1, "erf_inv": 1, "pow": 2,
}  # fmt: skip


def call(b, name: str, *operands: Number) -> Number:
    """The function `name` of all lanes; of one number for all, once for all."""
    dtype = operands[0].dtype
    if dtype not in ("float64", "float32") or any(o.dtype != dtype for o in operands):
        raise NotImplementedError(f"{name} of {', '.join(o.dtype for o in operands)}")
    b.needed.add((name, dtype))
    kind = f"<{WIDTH} x {word(dtype)}>"
    spoken = ", ".join(f"{kind} {b.operand(o, True)}" for o in operands)
    text = f"call {kind} @lanes_{name}_{dtype}({spoken}) #1"
    if any(o.varies for o in operands):
        return b.made(text, dtype, True)
    return b.made(f"extractelement {kind} {b.named_text(text)}, i32 0", dtype, False)
