"""What is done number by number: one rule a primitive of JAX, from operands to a result."""

from collections.abc import Callable

import numpy as np

from . import special
from .builder import Builder
from .values import WIDTH, Number, constant, is_float, word

Rule = Callable[..., Number]

FOLDED = {  # what is worked out beforehand where all operands are known
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "and": np.bitwise_and, "or": np.bitwise_or,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
    "max": np.maximum, "min": np.minimum, "xor": np.bitwise_xor,
}  # fmt: skip
COMPARED = {  # floats; signed; unsigned
    "lt": ("olt", "slt", "ult"), "le": ("ole", "sle", "ule"), "gt": ("ogt", "sgt", "ugt"), "ge": ("oge", "sge", "uge"),
    "eq": ("oeq", "eq", "eq"), "ne": ("une", "ne", "ne"),
}  # fmt: skip
OF_FLAGS = {"lt": ("and", True), "le": ("or", True), "gt": ("and", False), "ge": ("or", False)}  # which of them is negated
WORDS_OF = {  # floats; whole numbers. “contract” lets a product and a sum become one instruction
    "add": ("fadd contract", "add"), "sub": ("fsub contract", "sub"), "mul": ("fmul contract", "mul"), "div": ("fdiv", "sdiv"),
    "rem": ("frem", "srem"), "and": ("", "and"), "or": ("", "or"), "xor": ("", "xor"),
}  # fmt: skip


def suffix(dtype: str, varies: bool) -> str:
    """How an intrinsic's name ends."""
    short = {"double": "f64", "float": "f32"}.get(word(dtype), word(dtype))
    return f"v{WIDTH}{short}" if varies else short


def intrinsic(b: Builder, name: str, *operands: Number) -> Number:
    """A function that LLVM knows, of operands of one type."""
    dtype, varies = operands[0].dtype, any(o.varies for o in operands)
    kind = b.kind(dtype, varies)
    full = f"@llvm.{name}.{suffix(dtype, varies)}"
    b.needed.add(f"declare {kind} {full}({', '.join([kind] * len(operands))})")
    spoken = ", ".join(f"{kind} {b.operand(o, varies)}" for o in operands)
    return b.made(f"call {kind} {full}({spoken})", dtype, varies)


def binary(b: Builder, name: str, x: Number, y: Number) -> Number:
    """A sum, product, quotient, remainder or bitwise combination."""
    if x.value is not None and y.value is not None and name in FOLDED:
        with np.errstate(all="ignore"):
            return constant(FOLDED[name](x.value, y.value), x.dtype)
    if name == "mul" and is_float(x.dtype):
        for one, other in ((x, y), (y, x)):
            if one.value is not None and one.value == 1.0:
                return other
    if name in ("div", "rem") and not is_float(x.dtype) and not y.value:
        return by_whole(b, name, x, y)
    varies = x.varies or y.varies
    wording = WORDS_OF[name][0 if is_float(x.dtype) else 1]
    if name in ("div", "rem") and x.dtype.startswith("uint"):
        wording = wording.replace("s", "u", 1)
    text = f"{wording} {b.kind(x.dtype, varies)} {b.operand(x, varies)}, {b.operand(y, varies)}"
    return b.made(text, x.dtype, varies)


def by_whole(b: Builder, name: str, x: Number, y: Number) -> Number:
    """A whole quotient or remainder whose divisor may be nought, at which a processor stops: then −1, or x, as in XLA."""
    one, is_none = constant(1, y.dtype), compare(b, "eq", y, constant(0, y.dtype))
    divisor = choose(b, is_none, y, one)
    varies = x.varies or divisor.varies
    verb = WORDS_OF[name][1].replace("s", "u" if x.dtype.startswith("uint") else "s", 1)
    text = f"{verb} {b.kind(x.dtype, varies)} {b.operand(x, varies)}, {b.operand(divisor, varies)}"
    found = b.made(text, x.dtype, varies)
    return choose(b, is_none, found, x if name == "rem" else constant(-1, x.dtype))


def compare(b: Builder, name: str, x: Number, y: Number) -> Number:
    """A comparison."""
    if x.value is not None and y.value is not None:
        return constant(FOLDED[name](x.value, y.value), "bool")
    if x.dtype == "bool" and name in OF_FLAGS:
        how, is_first = OF_FLAGS[name]
        return binary(b, how, negated(b, x), y) if is_first else binary(b, how, x, negated(b, y))
    varies = x.varies or y.varies
    kinds = COMPARED[name]
    how = f"fcmp {kinds[0]}" if is_float(x.dtype) else f"icmp {kinds[2 if x.dtype.startswith('uint') else 1]}"
    text = f"{how} {b.kind(x.dtype, varies)} {b.operand(x, varies)}, {b.operand(y, varies)}"
    return b.made(text, "bool", varies)


def choose(b: Builder, which: Number, if_false: Number, if_true: Number) -> Number:
    """`if_true` where `which`, else `if_false`."""
    if which.value is not None:
        return if_true if which.value else if_false
    if if_true is if_false:
        return if_true
    varies = which.varies or if_true.varies or if_false.varies
    kind = b.kind(if_true.dtype, varies)
    condition = f"{b.kind('bool', which.varies)} {b.operand(which, which.varies)}"
    text = f"select {condition}, {kind} {b.operand(if_true, varies)}, {kind} {b.operand(if_false, varies)}"
    return b.made(text, if_true.dtype, varies)


def selected(b: Builder, which: Number, *cases: Number) -> Number:
    """One of several: by a flag, or by its number."""
    if which.dtype == "bool":
        return choose(b, which, *cases)
    result = cases[0]
    for k, case in enumerate(cases[1:], 1):
        result = choose(b, compare(b, "eq", which, constant(k, which.dtype)), result, case)
    return result


def is_nan(b: Builder, x: Number) -> Number:
    """Whether a number is none."""
    kind = b.kind(x.dtype, x.varies)
    operand = b.operand(x, x.varies)
    return b.made(f"fcmp uno {kind} {operand}, {operand}", "bool", x.varies)


def extreme(b: Builder, name: str, x: Number, y: Number) -> Number:
    """The larger or smaller; not-a-number if either is."""
    if x.dtype == "bool":
        return binary(b, {"max": "or", "min": "and"}[name], x, y)
    if not is_float(x.dtype):
        return choose(b, compare(b, {"max": "gt", "min": "lt"}[name], x, y), y, x)
    if y.value is not None:
        x, y = y, x
    if x.value is not None and (y.value is not None or np.isnan(x.value)):
        return x if y.value is None else constant(FOLDED[name](x.value, y.value), x.dtype)
    wins = compare(b, {"max": "gt", "min": "lt"}[name], x, y)
    larger = choose(b, wins, y, x)  # y where either is not a number
    if x.value is not None:
        return larger
    return choose(b, is_nan(b, x), larger, x)


def negative(b: Builder, x: Number) -> Number:
    """−x."""
    if x.value is not None:
        return constant(-x.value, x.dtype)
    if is_float(x.dtype):
        return b.made(f"fneg {b.kind(x.dtype, x.varies)} {b.operand(x, x.varies)}", x.dtype, x.varies)
    return binary(b, "sub", constant(0, x.dtype), x)


def absolute(b: Builder, x: Number) -> Number:
    """|x|."""
    if is_float(x.dtype):
        return intrinsic(b, "fabs", x)
    return choose(b, compare(b, "lt", x, constant(0, x.dtype)), x, negative(b, x))


def negated(b: Builder, x: Number) -> Number:
    """Bitwise not."""
    if x.value is not None:
        return constant(~x.value, x.dtype)
    return binary(b, "xor", x, constant(True if x.dtype == "bool" else -1, x.dtype))


def power(b: Builder, x: Number, y: int) -> Number:
    """x to a whole power, by squaring."""
    if y < 0:
        return binary(b, "div", constant(1, x.dtype), power(b, x, -y))
    result, square = None, x
    while y:
        if y & 1:
            result = square if result is None else binary(b, "mul", result, square)
        y >>= 1
        square = binary(b, "mul", square, square) if y else square
    return constant(1, x.dtype) if result is None else result


def sign(b: Builder, x: Number) -> Number:
    """−1, 0 or 1; of what is no number, itself."""
    zero, one = constant(0, x.dtype), constant(1, x.dtype)
    of_negative = choose(b, compare(b, "lt", x, zero), x, constant(-1, x.dtype))
    return choose(b, compare(b, "gt", x, zero), of_negative, one)


def converted(b: Builder, x: Number, dtype: str) -> Number:
    """x as another type, as JAX converts: fractions towards nought, what is too large to the largest."""
    if x.dtype == dtype:
        return x
    if x.value is not None:
        return known_as(x.value, dtype)
    if dtype == "bool":
        return compare(b, "ne", x, constant(0, x.dtype))
    if x.dtype == "bool":
        return choose(b, x, constant(0, dtype), constant(1, dtype))
    before, after = b.kind(x.dtype, x.varies), b.kind(dtype, x.varies)
    operand = b.operand(x, x.varies)
    bits = {name: np.dtype(name).itemsize for name in (x.dtype, dtype)}
    if is_float(x.dtype) and not is_float(dtype):
        name = f"@llvm.fpto{'u' if dtype.startswith('uint') else 's'}i.sat.{suffix(dtype, x.varies)}.{suffix(x.dtype, x.varies)}"
        b.needed.add(f"declare {after} {name}({before})")
        return b.made(f"call {after} {name}({before} {operand})", dtype, x.varies)
    if is_float(x.dtype):
        verb = "fpext" if bits[dtype] > bits[x.dtype] else "fptrunc"
    elif is_float(dtype):
        verb = "uitofp" if x.dtype.startswith("uint") else "sitofp"
    elif bits[dtype] == bits[x.dtype]:
        return reinterpreted(b, x, dtype)
    elif bits[dtype] < bits[x.dtype]:
        verb = "trunc"
    else:
        verb = "zext" if x.dtype.startswith("uint") else "sext"
    return b.made(f"{verb} {before} {operand} to {after}", dtype, x.varies)


def known_as(value, dtype: str) -> Number:
    """A known number as another type: what is no number is nought, what is too large the largest."""
    if is_float(str(value.dtype)) and np.issubdtype(dtype, np.integer):
        bounds = np.iinfo(dtype)
        return Number(dtype, False, value=np.dtype(dtype).type(0 if np.isnan(value) else min(max(value, bounds.min), bounds.max)))
    with np.errstate(all="ignore"):
        return constant(value, dtype)


def reinterpreted(b: Builder, x: Number, dtype: str) -> Number:
    """The same bits as another type."""
    if x.value is not None:
        return Number(dtype, False, value=x.value.view(np.dtype(dtype)))
    before, after = b.kind(x.dtype, x.varies), b.kind(dtype, x.varies)
    return b.made(f"bitcast {before} {b.operand(x, x.varies)} to {after}", dtype, x.varies)


def is_finite(b: Builder, x: Number) -> Number:
    """Whether a number is one, and not infinite."""
    kind, size = b.kind(x.dtype, x.varies), absolute(b, x)
    text = f"fcmp one {kind} {b.operand(size, x.varies)}, {b.operand(constant(np.inf, x.dtype), x.varies)}"
    return b.made(text, "bool", x.varies)


def rounded(b: Builder, x: Number, rounding_method) -> Number:
    """To the nearest whole number."""
    return intrinsic(b, "roundeven" if "EVEN" in rounding_method.name else "round", x)


def shifted(b: Builder, verb: str, x: Number, y: Number) -> Number:
    """Bits moved; all of them out of the word leave nought."""
    width = 8 * np.dtype(x.dtype).itemsize
    if y.value is None or not 0 <= y.value < width:
        is_within = compare(b, "lt", reinterpreted(b, y, f"uint{width}"), constant(width, f"uint{width}"))
        nothing, zero = constant(0, y.dtype), constant(0, x.dtype)
        beyond = shifted(b, "ashr", x, constant(width - 1, y.dtype)) if verb == "ashr" else zero
        return choose(b, is_within, beyond, plainly_shifted(b, verb, x, choose(b, is_within, nothing, y)))
    return plainly_shifted(b, verb, x, y)


def plainly_shifted(b: Builder, verb: str, x: Number, y: Number) -> Number:
    """Bits moved by less than the word is wide."""
    varies = x.varies or y.varies
    kind = b.kind(x.dtype, varies)
    return b.made(f"{verb} {kind} {b.operand(x, varies)}, {b.operand(y, varies)}", x.dtype, varies)


def clamped(b: Builder, low: Number, x: Number, high: Number) -> Number:
    """x within bounds."""
    return extreme(b, "min", extreme(b, "max", x, low), high)


def called(name: str) -> Rule:
    """A rule for a function that is written in `special`."""

    def rule(b: Builder, *operands: Number, **_):
        return special.call(b, name, *operands)

    return rule


def of_intrinsic(name: str) -> Rule:
    """A rule for a function that LLVM knows."""
    return lambda b, *operands, **_: intrinsic(b, name, *operands)


RULES: dict[str, Rule] = {
    **{name: (lambda b, x, y, name=name, **_: binary(b, name, x, y)) for name in WORDS_OF},
    **{name: (lambda b, x, y, name=name, **_: compare(b, name, x, y)) for name in COMPARED},
    **{name: (lambda b, x, y, name=name, **_: extreme(b, name, x, y)) for name in ("max", "min")},
    **{name: called(name) for name in special.NAMES},
    "square": lambda b, x, **_: binary(b, "mul", x, x),
    "neg": lambda b, x, **_: negative(b, x),
    "abs": lambda b, x, **_: absolute(b, x),
    "not": lambda b, x, **_: negated(b, x),
    "integer_pow": lambda b, x, y, **_: power(b, x, y),
    "sign": lambda b, x, **_: sign(b, x),
    "select_n": lambda b, which, *cases, **_: selected(b, which, *cases),
    "convert_element_type": lambda b, x, new_dtype, **_: converted(b, x, str(np.dtype(new_dtype))),
    "bitcast_convert_type": lambda b, x, new_dtype, **_: reinterpreted(b, x, str(np.dtype(new_dtype))),
    "is_finite": lambda b, x, **_: is_finite(b, x),
    "round": lambda b, x, rounding_method, **_: rounded(b, x, rounding_method),
    "shift_right_logical": lambda b, x, y, **_: shifted(b, "lshr", x, y),
    "shift_right_arithmetic": lambda b, x, y, **_: shifted(b, "ashr", x, y),
    "shift_left": lambda b, x, y, **_: shifted(b, "shl", x, y),
    "clamp": lambda b, low, x, high, **_: clamped(b, low, x, high),
    "sqrt": of_intrinsic("sqrt"),
    "floor": of_intrinsic("floor"),
    "ceil": of_intrinsic("ceil"),
    "rsqrt": lambda b, x, **_: binary(b, "div", constant(1, x.dtype), intrinsic(b, "sqrt", x)),
}
