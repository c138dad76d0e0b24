"""Angles, exponentials and errors from sums and products, for all lanes at once.

Series are those of Taylor with as many terms as float64 sees on the reduced range, so that no coefficient needs a source; the
two that are fitted, `TAIL` and Giles' in `foundation/randomness.py`, say how. Held against mpmath in tests/cross/test_lanes.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from perilune.foundation.randomness import GILES_CENTRAL, GILES_OUTER

from . import arithmetic
from .builder import Builder
from .values import WIDTH, Number, constant, word

# The half circle's half in three parts: the first two end in twenty zero bits, so that whole multiples of them are exact.
HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)
LN2 = (0.6931471803691238, 1.9082149292705877e-10)  # likewise, twenty-one bits
FAR = 1e5  # radians from which on the processor's own library reduces the angle
# x exp(x²) erfc(x) over t = (x - 3.75) / (x + 3.75), 1 <= x <= 28: Chebyshev's fit by mpmath.chebyfit with 20 terms, 8e-18
TAIL = (
    2.8741712581451747e-08,
    -1.247320792943334e-07,
    -2.755223948236423e-08,
    9.63891852242329e-07,
    -7.93197587225738e-07,
    -6.099759244530805e-06,
    1.427547490803456e-05,
    2.4034881751122814e-05,
    -0.00016902464952685937,
    0.00022308759256534075,
    0.000890580361099605,
    -0.005774770907688586,
    0.01829144930441143,
    -0.041418311287037976,
    0.0735533239269049,
    -0.10570412108675094,
    0.1229243170070506,
    -0.11121132571558166,
    0.06659066645493965,
    0.5459614547813946,
)


@dataclass(frozen=True)
class X:
    """A number that sums and products can be written of."""

    b: Builder
    number: Number

    def of(self, other) -> Number:
        """Another operand."""
        return other.number if isinstance(other, X) else constant(other, self.number.dtype)

    def does(self, name: str, x: Number, y: Number) -> X:
        """A rule of arithmetic."""
        return X(self.b, arithmetic.RULES[name](self.b, x, y))

    def __add__(self, other):
        return self.does("add", self.number, self.of(other))

    def __sub__(self, other):
        return self.does("sub", self.number, self.of(other))

    def __rsub__(self, other):
        return self.does("sub", self.of(other), self.number)

    def __mul__(self, other):
        return self.does("mul", self.number, self.of(other))

    def __truediv__(self, other):
        return self.does("div", self.number, self.of(other))

    def __lt__(self, other):
        return self.does("lt", self.number, self.of(other))

    def __gt__(self, other):
        return self.does("gt", self.number, self.of(other))

    def __and__(self, other):
        return self.does("and", self.number, self.of(other))

    def equals(self, other) -> X:
        """Whether two numbers are the same."""
        return self.does("eq", self.number, self.of(other))

    def one(self, name: str, **how) -> X:
        """A rule of one operand."""
        return X(self.b, arithmetic.RULES[name](self.b, self.number, **how))

    def known(self, name: str) -> X:
        """A function of LLVM."""
        return X(self.b, arithmetic.intrinsic(self.b, name, self.number))

    def to(self, dtype: str) -> X:
        """Another type."""
        return self.one("convert_element_type", new_dtype=dtype)

    def seen_as(self, dtype: str) -> X:
        """The same bits."""
        return self.one("bitcast_convert_type", new_dtype=dtype)

    def where(self, if_true, if_false) -> X:
        """A choice by this condition."""
        like = if_true if isinstance(if_true, X) else if_false
        return X(self.b, arithmetic.choose(self.b, self.number, like.of(if_false), like.of(if_true)))

    def with_sign_of(self, other: X) -> X:
        """|this| with another's sign."""
        return X(self.b, arithmetic.intrinsic(self.b, "copysign", self.number, other.number))


def polynomial(x: X, coefficients: Sequence[float]) -> X:
    """Horner's sum, highest power first."""
    total = x * coefficients[0] + coefficients[1]
    for c in coefficients[2:]:
        total = total * x + c
    return total


def reduced(x: X) -> tuple[X, X]:
    """The angle less quarter turns, within ±π/4, and the number of quarters."""
    quarters = (x * (2.0 / math.pi)).known("roundeven")
    rest = x - quarters * HALF_PI[0]
    return rest - quarters * HALF_PI[1] - quarters * HALF_PI[2], quarters.to("int64")


def sine_near(r: X) -> X:
    """sin r within ±π/4, to r¹⁵."""
    z = r * r
    return r + r * z * polynomial(z, [(-1) ** k / math.factorial(2 * k + 1) for k in range(7, 0, -1)])


def cosine_near(r: X) -> X:
    """cos r within ±π/4, to r¹⁶."""
    z = r * r
    return (z * z * polynomial(z, [(-1) ** k / math.factorial(2 * k) for k in range(8, 1, -1)])) - (z * 0.5 - 1.0)


def turned(x: X, quarters_more: int) -> X:
    """The sine of an angle and so many quarter turns."""
    r, quarters = reduced(x)
    quarters = quarters + quarters_more
    is_odd = (quarters & 1).equals(1)
    value = is_odd.where(cosine_near(r), sine_near(r))
    return (quarters & 2).equals(2).where(value.one("neg"), value)


def scaled(x: X, exponent: X) -> X:
    """x 2ⁿ in two steps, for neither may leave the range."""
    half = X(x.b, arithmetic.RULES["shift_right_arithmetic"](x.b, exponent.number, constant(1, "int64")))
    rest = exponent - half

    def two_to(n: X) -> X:
        bits = arithmetic.RULES["shift_left"](n.b, (n + 1023).number, constant(52, "int64"))
        return X(n.b, bits).seen_as("float64")

    return x * two_to(half) * two_to(rest)


def exponents(x: X) -> tuple[X, X]:
    """x less whole multiples of ln 2, and how many; beyond ±800 as there."""
    within = X(x.b, arithmetic.clamped(x.b, constant(-800.0, "float64"), x.number, constant(800.0, "float64")))
    n = (within * (1.0 / math.log(2.0))).known("roundeven")
    return within - n * LN2[0] - n * LN2[1], n.to("int64")


EXPANSION = [1.0 / math.factorial(k) for k in range(13, 1, -1)]  # of (exp r - 1 - r) / r², |r| < 0.35


def exp(x: X) -> X:
    """eˣ."""
    r, n = exponents(x)
    return scaled(r * r * polynomial(r, EXPANSION) + r + 1.0, n)


def expm1(x: X) -> X:
    """eˣ − 1, right near nought too: 2ⁿ (eʳ − 1) + (2ⁿ − 1)."""
    r, n = exponents(x)
    less_one = r * r * polynomial(r, EXPANSION) + r
    one = X(x.b, constant(1.0, "float64"))
    power = scaled(one, n)
    value = n.equals(0).where(less_one, power * less_one + (power - 1.0))
    return (n > 1023).where(exp(x), value)


def log(x: X) -> X:
    """ln x: 2 artanh((m − 1) / (m + 1)) of the mantissa within √½ … √2, and ln 2 by the exponent."""
    is_tiny = x < 2.3e-308
    bits = is_tiny.where(x * 2.0**54, x).seen_as("int64")
    offset = bits - int(np.float64(math.sqrt(0.5)).view(np.int64))
    n = X(x.b, arithmetic.RULES["shift_right_arithmetic"](x.b, offset.number, constant(52, "int64")))
    shift = X(x.b, arithmetic.RULES["shift_left"](x.b, n.number, constant(52, "int64")))
    f = (bits - shift).seen_as("float64") - 1.0
    s = f / (f + 2.0)
    z = s * s
    n_float = n.to("float64") - is_tiny.where(X(x.b, constant(54.0, "float64")), 0.0)
    series = z * polynomial(z, [2.0 / (2 * k + 1) for k in range(11, 0, -1)])
    half = f * f * 0.5  # 2 s = f - s f: with f² / 2 apart, what is rounded is small
    mantissa = f - (half - s * (half + series))
    value = n_float * LN2[0] + (mantissa + n_float * LN2[1])
    value = x.equals(0.0).where(-math.inf, value)
    value = (x < 0.0).where(math.nan, value)
    return x.equals(math.inf).where(math.inf, (x.equals(x)).where(value, x))


def log1p(x: X) -> X:
    """ln (1 + x): what 1 + x rounds away is given back."""
    u = x + 1.0
    lost = u - 1.0
    value = log(u) + (x - lost) / u
    value = x.equals(-1.0).where(-math.inf, value)
    return x.equals(math.inf).where(math.inf, u.equals(1.0).where(x, value))


def tanh(x: X) -> X:
    """tanh x = (1 − e⁻²ˣ) / (1 + e⁻²ˣ)."""
    less = expm1(x.one("abs") * -2.0)
    return (less.one("neg") / (less + 2.0)).with_sign_of(x)


def atan_near(q: X) -> X:
    """The angle of a slope between 0 and 1; above tan 22.5° less 45°."""
    is_steep = q > math.sqrt(2.0) - 1.0
    one = X(q.b, constant(1.0, "float64"))
    near = is_steep.where((q - 1.0) / (q + 1.0), q)
    z = near * near
    angle = near + near * z * polynomial(z, [(-1) ** k / (2 * k + 1) for k in range(21, 0, -1)])
    return angle + is_steep.where(one * (math.pi / 4), 0.0)


def atan2(y: X, x: X) -> X:
    """The angle of (x, y); of (0, 0) nought."""
    up, along = y.one("abs"), x.one("abs")
    low = X(y.b, arithmetic.extreme(y.b, "min", up.number, along.number))
    high = X(y.b, arithmetic.extreme(y.b, "max", up.number, along.number))
    slope = low.equals(high).where(1.0, low / high)  # both infinite too
    angle = atan_near(high.equals(0.0).where(0.0, slope))
    angle = (up > along).where(math.pi / 2 - angle, angle)
    is_back = X(x.b, arithmetic.RULES["lt"](x.b, x.seen_as("int64").number, constant(0, "int64")))
    return is_back.where(math.pi - angle, angle).with_sign_of(y)


def erf_near(x: X) -> X:
    """erf x for |x| < 1, by its series."""
    z = x * x
    terms = [2.0 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(18, -1, -1)]
    return x * polynomial(z, terms)


def erfc_far(x: X) -> X:
    """erfc x for x ≥ 1; e to the −x² in two parts, for x² rounds."""
    x = X(x.b, arithmetic.clamped(x.b, constant(1.0, "float64"), x.number, constant(28.0, "float64")))
    short = x.to("float32").to("float64")
    fall = exp(short * short * -1.0) * exp((x - short) * (x + short) * -1.0)
    return fall * polynomial((x - 3.75) / (x + 3.75), TAIL) / x


def erf(x: X) -> X:
    """The error function."""
    size = x.one("abs")
    far = (X(x.b, constant(1.0, "float64")) - erfc_far(size)).with_sign_of(x)
    return (size < 1.0).where(erf_near(x), (x.equals(x)).where(far, x))


def erfc(x: X) -> X:
    """1 − erf x, right where it is small."""
    size, one = x.one("abs"), X(x.b, constant(1.0, "float64"))
    tail = erfc_far(size)
    far = (x < 0.0).where(2.0 - tail, tail)
    return (size < 1.0).where(one - erf_near(x), (x.equals(x)).where(far, x))


def by_giles(x: X, w: X) -> X:
    """Giles' polynomials of w = −ln (1 − x²), as `foundation.randomness.normal_of`."""
    return (w < 5.0).where(polynomial(w - 2.5, GILES_CENTRAL), polynomial(w.known("sqrt") - 3.0, GILES_OUTER)) * x


def erf_inv(x: X) -> X:
    """What erf makes x of: Giles' figure, a tenth off where x is nearly one, mended by Halley's steps: on erf where x is
    small, on erfc where that is."""
    y = by_giles(x, log((1.0 - x) * (x + 1.0)).one("neg"))
    wanted = x.one("abs")
    for _ in range(5):
        size = y.one("abs")
        gap = (wanted < 0.5).where(wanted - erf_near(size), erfc(size) - (1.0 - wanted))
        missing = gap * (math.sqrt(math.pi) / 2.0) * exp(y * y)
        y = (size + missing / (1.0 - size * missing)).with_sign_of(x)
    return x.one("abs").equals(1.0).where(x * math.inf, y)


FORMULAS: dict[str, Callable[..., X]] = {
    "sin": lambda x: turned(x, 0),
    "cos": lambda x: turned(x, 1),
    "tan": lambda x: x.one("sin") / x.one("cos"),
    "exp": exp,
    "exp2": lambda x: exp(x * math.log(2.0)),
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "tanh": tanh,
    "atan2": atan2,
    "atan": lambda x: atan_one(x),
    "asin": lambda x: atan2(x, ((1.0 - x) * (x + 1.0)).known("sqrt")),
    "acos": lambda x: atan2(((1.0 - x) * (x + 1.0)).known("sqrt"), x),
    "erf": erf,
    "erfc": erfc,
    "erf_inv": erf_inv,
}
BY_LIBRARY = {"pow"}  # asked of the processor's own library, lane by lane


def atan_one(x: X) -> X:
    """The angle of a slope."""
    return atan2(x, X(x.b, constant(1.0, "float64")))


def definition(name: str, dtype: str, operands: int) -> tuple[str, set]:
    """The text of one function, and what it needs from outside."""
    b = Builder()
    kind = f"<{WIDTH} x {word(dtype)}>"
    given = [X(b, Number(dtype, True, name=f"%x{k}", home=0)) for k in range(operands)]
    if name in BY_LIBRARY:
        result = by_library(b, name, given, dtype)
    elif name in ("sin", "cos"):
        result = guarded(b, name, given[0].to("float64")).to(dtype)
    else:
        result = FORMULAS[name](*[x.to("float64") for x in given]).to(dtype)
    b.say(f"ret {kind} {b.operand(result.number, True)}")
    spoken = ", ".join(f"{kind} %x{k}" for k in range(operands))
    body = "\n".join(b.lines)
    return f"define internal {kind} @lanes_{name}_{dtype}({spoken}) #0 {{\nentry:\n{body}\n}}\n", b.needed


def guarded(b: Builder, name: str, x: X) -> X:
    """Sine or cosine; where any lane's angle is far, the library's for all lanes."""
    near = FORMULAS[name](x)
    is_far = (x.one("abs") < FAR).one("not")
    mask = b.named_text(f"bitcast <{WIDTH} x i1> {b.operand(is_far.number, True)} to i{WIDTH}")
    is_any = b.named_text(f"icmp ne i{WIDTH} {mask}, 0")
    before, far, after = b.block, b.fresh_label(), b.fresh_label()
    b.say(f"br i1 {is_any}, label %{far}, label %{after}")
    b.label(far)
    library = by_library(b, name, [x], "float64")
    chosen = b.operand(is_far.where(library, near).number, True)
    b.say(f"br label %{after}")
    b.label(after)
    kind = f"<{WIDTH} x double>"
    text = f"phi {kind} [ {b.operand(near.number, True)}, %{before} ], [ {chosen}, %{far} ]"
    return X(b, Number("float64", True, name=b.named_text(text), home=0))


def by_library(b: Builder, name: str, given: list[X], dtype: str) -> X:
    """A function of the processor's library, lane by lane."""
    scalar, kind = word(dtype), f"<{WIDTH} x {word(dtype)}>"
    function = f"@llvm.{name}.{'f64' if dtype == 'float64' else 'f32'}"
    b.needed.add(f"declare {scalar} {function}({', '.join([scalar] * len(given))})")
    whole = "poison"
    for lane in range(WIDTH):
        parts = [b.named_text(f"extractelement {kind} {b.operand(x.number, True)}, i32 {lane}") for x in given]
        one = b.named_text(f"call {scalar} {function}({', '.join(f'{scalar} {p}' for p in parts)})")
        whole = b.named_text(f"insertelement {kind} {whole}, {scalar} {one}, i32 {lane}")
    return X(b, Number(dtype, True, name=whole, home=0))
