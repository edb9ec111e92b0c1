"""Elementwise rows: a kernel of the same name, and the derivative as an expression in ops.

In a rule, the parameters are the operands and then the result `y`; an underscore in front says "not read", so that the
value need not be kept for the backward pass.  tanh keeps its result, log its operand, add nothing.
"""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import DTYPES
from minigrad.dtypes import bool as bool_
from minigrad.kernels import KERNELS
from minigrad.op import Linear, Op, Pointwise, constant, linear, pointwise, promote
from minigrad.shapes import broadcast
from minigrad_ext.buffer import Buffer

LN2, LN10 = 0.6931471805599453, 2.302585092994046
TWO_OVER_SQRT_PI = 1.1283791670955126


def same_dtype(name: str, n: int = 1) -> Any:
    """The shape rule of elementwise ops of n operands: they broadcast, the dtype stays."""
    def one(x: Any) -> Any:
        return x.shape, x.dtype

    def two(a: Any, b: Any) -> Any:
        return broadcast(name, a.shape, b.shape), a.dtype

    def three(a: Any, b: Any, c: Any) -> Any:
        return broadcast(name, a.shape, b.shape, c.shape), a.dtype

    return (one, two, three)[n - 1]


def to_bool(name: str, n: int) -> Any:
    """The shape rule of comparisons and tests."""
    rule = same_dtype(name, n)
    return lambda *operands: (rule(*operands)[0], bool_)


def real(name: str, *derivatives: Any, doc: str) -> Pointwise:
    """A row for real numbers: integers and bools come in as the default float dtype."""
    return pointwise(name, *derivatives, shape=same_dtype(name, len(derivatives)), compute=KERNELS[name],
                     kernels=(name,), promotes="float", doc=doc)


def number(name: str, *derivatives: Any, doc: str) -> Pointwise:
    """A row that keeps the dtype, integers too."""
    return pointwise(name, *derivatives, shape=same_dtype(name, len(derivatives)), compute=KERNELS[name],
                     kernels=(name,), promotes="number", doc=doc)


def rounding(name: str, doc: str) -> Pointwise:
    """A row from numbers to whole numbers, which leaves integers as they are."""
    def compute(out: Buffer, x: Buffer) -> None:
        KERNELS[name if DTYPES[x.dtype].is_floating_point else "copy"](out, x)

    return pointwise(name, 0, shape=same_dtype(name), compute=compute, kernels=(name, "copy"), promotes="number",
                     doc=doc)


def test(name: str, n: int, doc: str) -> Op:
    """A row of n operands whose result is bool."""
    return constant(name, shape=to_bool(name, n), compute=KERNELS[name], kernels=(name,), promotes="number", doc=doc)


def integral(name: str, n: int, doc: str) -> Op:
    """A row of n operands for integers and bools alone."""
    return constant(name, shape=same_dtype(name, n), compute=KERNELS[name], kernels=(name,), promotes="number", doc=doc)


# One operand ----------------------------------------------------------------------------------------------------------

neg = number("neg", -1, doc="-x")
abs = number("abs", lambda x, _y: sign(x), doc="|x|, with derivative 0 at 0")
sign = number("sign", 0, doc="-1, 0 or 1 by the sign of x")
square = number("square", lambda x, _y: 2 * x, doc="x * x")
relu = number("relu", lambda _x, y: step(y), doc="max(x, 0), with derivative 0 at 0")
step = number("step", 0, doc="1 where x > 0, else 0")
floor = rounding("floor", "the largest integer not above x")
ceil = rounding("ceil", "the smallest integer not below x")
round = rounding("round", "the nearest integer, halves to the even one")
trunc = rounding("trunc", "x without its fraction")

exp = real("exp", lambda _x, y: y, doc="e^x")
exp2 = real("exp2", lambda _x, y: y * LN2, doc="2^x")
expm1 = real("expm1", lambda _x, y: y + 1, doc="e^x - 1, exact for small x")
log = real("log", lambda x, _y: reciprocal(x), doc="ln x")
log2 = real("log2", lambda x, _y: 1 / (x * LN2), doc="log2 x")
log10 = real("log10", lambda x, _y: 1 / (x * LN10), doc="log10 x")
log1p = real("log1p", lambda x, _y: 1 / (x + 1), doc="ln(1 + x), exact for small x")
sqrt = real("sqrt", lambda _x, y: 0.5 / y, doc="the square root")
rsqrt = real("rsqrt", lambda _x, y: -0.5 * y * y * y, doc="1 / sqrt(x)")
reciprocal = real("reciprocal", lambda _x, y: -square(y), doc="1 / x")
sin = real("sin", lambda x, _y: cos(x), doc="the sine of x in radians")
cos = real("cos", lambda x, _y: -sin(x), doc="the cosine of x in radians")
tan = real("tan", lambda _x, y: 1 + square(y), doc="the tangent of x in radians")
asin = real("asin", lambda x, _y: rsqrt(1 - square(x)), doc="the angle in [-pi/2, pi/2] whose sine is x")
acos = real("acos", lambda x, _y: -rsqrt(1 - square(x)), doc="the angle in [0, pi] whose cosine is x")
atan = real("atan", lambda x, _y: 1 / (1 + square(x)), doc="the angle in (-pi/2, pi/2) whose tangent is x")
sinh = real("sinh", lambda x, _y: cosh(x), doc="(e^x - e^-x) / 2")
cosh = real("cosh", lambda x, _y: sinh(x), doc="(e^x + e^-x) / 2")
tanh = real("tanh", lambda _x, y: 1 - square(y), doc="(e^x - e^-x) / (e^x + e^-x)")
asinh = real("asinh", lambda x, _y: rsqrt(square(x) + 1), doc="the x' with sinh x' = x")
acosh = real("acosh", lambda x, _y: rsqrt(square(x) - 1), doc="the x' >= 0 with cosh x' = x")
atanh = real("atanh", lambda x, _y: 1 / (1 - square(x)), doc="the x' with tanh x' = x")
sigmoid = real("sigmoid", lambda _x, y: y * (1 - y), doc="1 / (1 + e^-x)")
erf = real("erf", lambda x, _y: TWO_OVER_SQRT_PI * exp(-square(x)), doc="2/sqrt(pi) times the integral of e^-t^2 to x")
erfc = real("erfc", lambda x, _y: -TWO_OVER_SQRT_PI * exp(-square(x)), doc="1 - erf(x), exact for large x")

isnan = test("isnan", 1, "whether x is NaN")
isinf = test("isinf", 1, "whether x is infinite")
isfinite = test("isfinite", 1, "whether x is neither NaN nor infinite")
logical_not = test("logical_not", 1, "whether x is zero")
bitwise_not = integral("bitwise_not", 1, "every bit of x turned over; logical not for bool")

# Two operands ---------------------------------------------------------------------------------------------------------

add = number("add", 1, 1, doc="a + b (logical or, for bool)")
sub = number("sub", 1, -1, doc="a - b")
mul = number("mul", lambda _a, b, _y: b, lambda a, _b, _y: a, doc="a * b (logical and, for bool)")
div = real("div", lambda _a, b, _y: reciprocal(b), lambda _a, b, y: -y / b, doc="a / b")
pow = number("pow", lambda a, b, _y: b * pow(where(logical_and(eq(a, 0), eq(b, 0)), 1, a), b - 1),
             lambda a, b, y: y * log(where(logical_and(eq(a, 0), ge(b, 0)), 1, a)),
             doc="a ^ b; the derivatives at 0^0 are 0")
atan2 = real("atan2", lambda a, b, _y: b / radius(a, b), lambda a, b, _y: -a / radius(a, b),
             doc="the angle of the point (b, a); the derivatives at the origin are 0")
maximum = number("maximum", lambda a, b, _y: share(a, lt(a, b), eq(a, b)),
                 lambda a, b, _y: share(b, lt(b, a), eq(a, b)),
                 doc="the larger of a and b; NaN if either is; equal operands share the derivative")
minimum = number("minimum", lambda a, b, _y: share(a, gt(a, b), eq(a, b)),
                 lambda a, b, _y: share(b, gt(b, a), eq(a, b)),
                 doc="the smaller of a and b; NaN if either is; equal operands share the derivative")
floor_divide = number("floor_divide", 0, 0, doc="floor(a / b)")
remainder = number("remainder", 1, lambda a, b, _y: -floor_divide(a, b), doc="a - floor(a / b) * b: the sign of b")
fmod = number("fmod", 1, lambda a, b, _y: -trunc(a / b), doc="a - trunc(a / b) * b: the sign of a")
clamp = number("clamp", lambda x, lo, hi, _y: cast(logical_and(ge(x, lo), le(x, hi)), dtype=x.dtype),
               lambda x, lo, hi, _y: cast(logical_and(lt(x, lo), lt(lo, hi)), dtype=x.dtype),
               lambda x, lo, hi, _y: cast(logical_or(gt(x, hi), gt(lo, hi)), dtype=x.dtype),
               doc="x brought into [lo, hi]")

eq = test("eq", 2, "a = b")
ne = test("ne", 2, "a != b")
lt = test("lt", 2, "a < b")
le = test("le", 2, "a <= b")
gt = test("gt", 2, "a > b")
ge = test("ge", 2, "a >= b")
logical_and = test("logical_and", 2, "whether both are non-zero")
logical_or = test("logical_or", 2, "whether any is non-zero")
logical_xor = test("logical_xor", 2, "whether one alone is non-zero")
bitwise_and = integral("bitwise_and", 2, "the bits that both have")
bitwise_or = integral("bitwise_or", 2, "the bits that any has")
bitwise_xor = integral("bitwise_xor", 2, "the bits that one alone has")
bitwise_left_shift = integral("bitwise_left_shift", 2, "a times 2^b")
bitwise_right_shift = integral("bitwise_right_shift", 2, "floor(a / 2^b)")


def share(x: Any, loses: Any, ties: Any) -> Any:
    """0 where `loses`, 1/2 where `ties`, else 1, in x's dtype: the derivative of a maximum in one of two operands."""
    return 1 - cast(loses, dtype=x.dtype) - 0.5 * cast(ties, dtype=x.dtype)


def radius(a: Any, b: Any) -> Any:
    """The square of the distance of (a, b) from the origin, but 1 there."""
    squares = square(a) + square(b)
    return where(eq(squares, 0), 1, squares)


# Choosing and casting are linear --------------------------------------------------------------------------------------

def _where_shape(mask: Any, a: Any, b: Any) -> Any:
    if mask.dtype is not bool_:
        raise TypeError(f"where: condition: got dtype {mask.dtype.name}, expected bool")
    if a.dtype is not b.dtype:
        raise TypeError(f"where: got dtypes {a.dtype.name} and {b.dtype.name}, expected the same for both")
    return broadcast("where", mask.shape, a.shape, b.shape), a.dtype


choose: Linear = linear(
    "where", shape=_where_shape, compute=KERNELS["where"], kernels=("where",), constants=(0,),
    transpose=lambda g, mask, _a, _b, slot: where(mask, g, 0) if slot == 1 else where(mask, 0, g),
    doc="a where the mask is set, else b; the cotangent goes where the value came from")


def where(mask: Any, a: Any, b: Any) -> Any:
    """The row `where`, with a and b brought to one dtype and scalars allowed."""
    return choose(mask, *promote("where", (a, b), "number"))


cast: Linear = linear(
    "cast", shape=lambda x, dtype: (x.shape, dtype),
    compute=lambda out, x, dtype: KERNELS[f"cast_{dtype.name}"](out, x),
    kernels=tuple(f"cast_{name}" for name in ("bool", "uint8", "int32", "int64", "float32", "float64")),
    transpose=lambda g, x, dtype: cast(g, dtype=x.dtype),
    doc="the same numbers in another dtype; the cotangent is cast back")
