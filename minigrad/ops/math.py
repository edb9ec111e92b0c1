"""Elementwise rows: a kernel of the same name, and the derivative as an expression in ops.

Each row: name, formula, the elements of an example's operands and result, one derivative per operand.  In a derivative,
the parameters are the operands and then the result `y`; an underscore in front says "not read", so that the value need
not be kept for the backward pass.  sqrt keeps its result, log its operand, add nothing.
"""

from functools import partial
from math import inf
from typing import Any

from minigrad import dtypes
from minigrad.kernels import KERNELS
from minigrad.op import Linear, Op, Pointwise, constant, linear, pointwise, promote
from minigrad.shapes import broadcast

LN2, LN10, SLOPE_OF_ERF = 0.6931471805599453, 2.302585092994046, 1.1283791670955126      # the last at 0: 2/sqrt(pi)


def elementwise(promotes: str, name: str, doc: str, example: tuple, *derivatives: Any, **row: Any) -> Pointwise:
    return pointwise(name, *derivatives, promotes=promotes, doc=doc, example=example, arity=len(derivatives), **row)


# Rows for real numbers (integers and bools come in as the default float dtype), and rows that keep the dtype.
real, number = partial(elementwise, "float"), partial(elementwise, "number")


def rounding(name: str, doc: str, example: tuple) -> Pointwise:
    """A row from numbers to whole numbers, which leaves integers as they are."""
    def compute(out: Any, x: Any) -> None:
        KERNELS[name if dtypes.DTYPES[x.dtype].is_floating_point else "copy"](out, x)

    return number(name, doc, example, 0, compute=compute)


def integral(name: str, doc: str, example: tuple, **row: Any) -> Op:
    """A row for integers and bools alone."""
    return constant(name, promotes="number", doc=doc, example=example, arity=len(example) - 1, **row)


test = partial(integral, gives=dtypes.bool)         # a row whose result is bool


# One operand ----------------------------------------------------------------------------------------------------------

neg = number("neg", "-x", ("1., -2.", "-1.,  2."), -1)
abs = number("abs", "|x|, with derivative 0 at 0", ("1., -2.", "1., 2."), lambda x, _y: sign(x))
sign = number("sign", "-1, 0 or 1 by the sign of x", ("3., 0., -2.", " 1.,  0., -1."), 0)
square = number("square", "x * x", ("3, -2", "9, 4"), lambda x, _y: 2 * x)
floor = rounding("floor", "the largest integer not above x", ("1.5, -1.5", " 1., -2."))
ceil = rounding("ceil", "the smallest integer not below x", ("1.5, -1.5", " 2., -1."))
round = rounding("round", "the nearest integer, halves to the even one", ("0.5, 1.5, -2.6", " 0.,  2., -3."))
trunc = rounding("trunc", "x without its fraction", ("1.5, -1.5", " 1., -1."))

exp = real("exp", "e^x", ("0., 1.", "1.0000, 2.7183"), lambda _x, y: y)
exp2 = real("exp2", "2^x", ("0., 3.", "1., 8."), lambda _x, y: y * LN2)
expm1 = real("expm1", "e^x - 1, exact for small x", ("0., 1.", "0.0000, 1.7183"), lambda _x, y: y + 1)
log = real("log", "ln x", ("1., 10.", "0.0000, 2.3026"), lambda x, _y: reciprocal(x))
log2 = real("log2", "log2 x", ("1., 8.", "0., 3."), lambda x, _y: 1 / (x * LN2))
log10 = real("log10", "log10 x", ("1., 100.", "0., 2."), lambda x, _y: 1 / (x * LN10))
log1p = real("log1p", "ln(1 + x), exact for small x", ("0., 1.", "0.0000, 0.6931"), lambda x, _y: 1 / (x + 1))
sqrt = real("sqrt", "the square root", ("4., 2.", "2.0000, 1.4142"), lambda _x, y: 0.5 / y)
root = elementwise("float", "root", "the square root, whose slope at 0 counts as 0", (),
                   lambda _x, y: 0.5 / where(eq(y, 0), inf, y), compute=KERNELS["sqrt"])
rsqrt = real("rsqrt", "1 / sqrt(x)", ("4., 1.", "0.5000, 1.0000"), lambda _x, y: -0.5 * y * y * y)
reciprocal = real("reciprocal", "1 / x", ("4., 1.", "0.2500, 1.0000"), lambda _x, y: -square(y))
sin = real("sin", "the sine of x in radians", ("0., 1.", "0.0000, 0.8415"), lambda x, _y: cos(x))
cos = real("cos", "the cosine of x in radians", ("0., 1.", "1.0000, 0.5403"), lambda x, _y: -sin(x))
tan = real("tan", "the tangent of x in radians", ("0., 1.", "0.0000, 1.5574"), lambda _x, y: 1 + square(y))
asin = real("asin", "the angle in [-pi/2, pi/2] whose sine is x", ("1.", "1.5708"), lambda x, _y: rsqrt(1 - square(x)))
acos = real("acos", "the angle in [0, pi] whose cosine is x", ("0.", "1.5708"), lambda x, _y: -rsqrt(1 - square(x)))
atan = real("atan", "the angle in (-pi/2, pi/2) whose tangent is x", ("0., 1.", "0.0000, 0.7854"),
            lambda x, _y: 1 / (1 + square(x)))
sinh = real("sinh", "(e^x - e^-x) / 2", ("0., 1.", "0.0000, 1.1752"), lambda x, _y: cosh(x))
cosh = real("cosh", "(e^x + e^-x) / 2", ("0., 1.", "1.0000, 1.5431"), lambda x, _y: sinh(x))
asinh = real("asinh", "the x' with sinh x' = x", ("0., 1.", "0.0000, 0.8814"), lambda x, _y: rsqrt(square(x) + 1))
acosh = real("acosh", "the x' >= 0 with cosh x' = x", ("1., 2.", "0.0000, 1.3170"), lambda x, _y: rsqrt(square(x) - 1))
atanh = real("atanh", "the x' with tanh x' = x", ("0., 0.5", "0.0000, 0.5493"), lambda x, _y: 1 / (1 - square(x)))
erf = real("erf", "2/sqrt(pi) times the integral of e^-t^2 from 0 to x", ("0., 1.", "0.0000, 0.8427"),
           lambda x, _y: SLOPE_OF_ERF * exp(-square(x)))
erfc = real("erfc", "1 - erf(x), exact for large x", ("1.", "0.1573"), lambda x, _y: -SLOPE_OF_ERF * exp(-square(x)))

isnan = test("isnan", "whether x is NaN", ("1., float('nan')", "False,  True"))
isinf = test("isinf", "whether x is infinite", ("1., float('inf')", "False,  True"))
isfinite = test("isfinite", "whether x is neither NaN nor infinite", ("1., float('inf')", " True, False"))
logical_not = test("logical_not", "whether x is zero", ("0, 2", " True, False"))
bitwise_not = integral("bitwise_not", "every bit of x turned over; logical not for bool", ("0, 2", "-1, -3"))

# Two operands ---------------------------------------------------------------------------------------------------------

add = number("add", "a + b (logical or, for bool)", (), 1, 1)
sub = number("sub", "a - b", (), 1, -1)
mul = number("mul", "a * b (logical and, for bool)", ("1., 2.", "3., 4.", "3., 8."),
             lambda _a, b, _y: b, lambda a, _b, _y: a)
div = real("div", "a / b", (), lambda _a, b, _y: reciprocal(b), lambda _a, b, y: -y / b)
pow = number("pow", "a ^ b; the derivatives at 0^0 are 0", (),
             lambda a, b, _y: b * pow(where(logical_and(eq(a, 0), eq(b, 0)), 1, a), b - 1),
             lambda a, b, y: y * log(where(logical_and(eq(a, 0), ge(b, 0)), 1, a)))
atan2 = real("atan2", "the angle of the point (b, a); the derivatives at the origin are 0",
             ("1., 0.", "1., 1.", "0.7854, 0.0000"),
             lambda a, b, _y: b / radius(a, b), lambda a, b, _y: -a / radius(a, b))
maximum = number("maximum", "the larger of a and b; NaN if either is; equal operands share the derivative",
                 ("1, 5", "4, 2", "4, 5"),
                 lambda a, b, _y: share(a, b, lt), lambda a, b, _y: share(b, a, lt))
minimum = number("minimum", "the smaller of a and b; NaN if either is; equal operands share the derivative",
                 ("1, 5", "4, 2", "1, 2"),
                 lambda a, b, _y: share(a, b, gt), lambda a, b, _y: share(b, a, gt))
floor_divide = number("floor_divide", "floor(a / b)", ("7, -7", "2, 2", " 3, -4"), 0, 0)
remainder = number("remainder", "a - floor(a / b) * b: the sign of b", ("7, -7", "3, 3", "1, 2"),
                   1, lambda a, b, _y: -floor_divide(a, b))
fmod = number("fmod", "a - trunc(a / b) * b: the sign of a", ("7, -7", "3, 3", " 1, -1"),
              1, lambda a, b, _y: -trunc(a / b))
clamp = number("clamp", "x brought into [lo, hi]", (),
               lambda x, lo, hi, _y: cast(logical_and(ge(x, lo), le(x, hi)), dtype=x.dtype),
               lambda x, lo, hi, _y: cast(logical_and(lt(x, lo), lt(lo, hi)), dtype=x.dtype),
               lambda x, lo, hi, _y: cast(logical_or(gt(x, hi), gt(lo, hi)), dtype=x.dtype))

eq = test("eq", "a = b", ("1, 2", "1, 3", " True, False"))
ne = test("ne", "a != b", ("1, 2", "1, 3", "False,  True"))
lt = test("lt", "a < b", ("1, 2", "1, 3", "False,  True"))
le = test("le", "a <= b", ("1, 2", "1, 1", " True, False"))
gt = test("gt", "a > b", ("1, 2", "1, 1", "False,  True"))
ge = test("ge", "a >= b", ("1, 2", "1, 3", " True, False"))
logical_and = test("logical_and", "whether both are non-zero", ("0, 2", "1, 1", "False,  True"))
logical_or = test("logical_or", "whether any is non-zero", ("0, 2", "0, 1", "False,  True"))
logical_xor = test("logical_xor", "whether one alone is non-zero", ("0, 2", "1, 1", " True, False"))
bitwise_and = integral("bitwise_and", "the bits that both have", ("6, 5", "3, 3", "2, 1"))
bitwise_or = integral("bitwise_or", "the bits that any has", ("6, 5", "3, 3", "7, 7"))
bitwise_xor = integral("bitwise_xor", "the bits that one alone has", ("6, 5", "3, 3", "5, 6"))
bitwise_left_shift = integral("bitwise_left_shift", "a times 2^b", ("1, 3", "2, 1", "4, 6"))
bitwise_right_shift = integral("bitwise_right_shift", "floor(a / 2^b)", ("8, 3", "2, 1", "2, 1"))


def share(x: Any, other: Any, loses: Op) -> Any:
    """0 where x `loses` to the other, 1/2 where they tie, else 1: the derivative of a maximum in one operand."""
    return 1 - cast(loses(x, other), dtype=x.dtype) - 0.5 * cast(eq(x, other), dtype=x.dtype)


def radius(a: Any, b: Any) -> Any:
    """The square of the distance of (a, b) from the origin, but 1 there."""
    squares = square(a) + square(b)
    return where(eq(squares, 0), 1, squares)


# Choosing and casting are linear --------------------------------------------------------------------------------------

def _where_shape(mask: Any, a: Any, b: Any) -> Any:
    dtypes.check_dtype("where", "condition", mask.dtype, dtypes.bool)
    dtypes.check_dtype("where", "other", b.dtype, a.dtype)
    return broadcast("where", mask.shape, a.shape, b.shape), a.dtype


choose: Linear = linear(
    "where", shape=_where_shape, constants=(0,),
    transpose=lambda g, mask, _a, _b, slot: where(mask, g, 0) if slot == 1 else where(mask, 0, g),
    doc="a where the mask is set, else b; the cotangent goes where the value came from")


def where(mask: Any, a: Any, b: Any) -> Any:
    """The row `where`, with a and b brought to one dtype and scalars allowed."""
    return choose(mask, *promote("where", (a, b), "number"))


cast: Linear = linear(
    "cast", shape=lambda x, dtype: (x.shape, dtype),
    compute=lambda out, x, dtype: KERNELS[f"cast_{dtype.name}"](out, x),
    transpose=lambda g, x, dtype: cast(g, dtype=x.dtype),
    doc="the same numbers in another dtype; the cotangent is cast back")
