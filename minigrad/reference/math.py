"""Elementwise definitions: one function of numbers each, mapped over broadcast nested lists.

Functions of real numbers follow IEEE 754 where Python's would raise: log(0) is -inf, sqrt(-1) is NaN, 1 / 0 is inf.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from minigrad.reference.nested import Nested, Shape, full, pointwise, unflatten

NAN, INF = math.nan, math.inf


def lifted(function: Callable[..., Any]) -> Callable[..., Nested]:
    """The function on nested lists, from the function on numbers."""
    def kernel(*operands: Nested, **options: float) -> Nested:
        return pointwise(partial(function, **options), *operands)
    return kernel


# ---- arithmetic

def div(a: float, b: float) -> float:
    if b != 0:
        return a / b
    return NAN if a == 0 or a != a else math.copysign(INF, a) * math.copysign(1, b)


def power(a: float, b: float) -> float:
    if isinstance(a, int) and isinstance(b, int):
        if b < 0:
            raise ValueError("pow: integers to negative integer powers are not allowed")
        return a ** b
    odd = math.isfinite(b) and b % 2 == 1
    if a == 0 and b < 0:
        return math.copysign(INF, a) if odd else INF
    try:
        return math.pow(a, b)
    except OverflowError:
        return -INF if a < 0 and odd else INF
    except ValueError:
        return NAN


def maximum(a: float, b: float) -> float:
    return b if b > a or b != b else a


def minimum(a: float, b: float) -> float:
    return b if b < a or b != b else a


def clamp(x: float, low: float, high: float) -> float:
    return minimum(maximum(x, low), high)


def fmod(a: float, b: float) -> float:
    """What is left of a after taking away b as often as it fits: the sign is a's."""
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) % abs(b) * (-1 if a < 0 else 1)
    return NAN if b == 0 or math.isinf(a) else math.fmod(a, b)


def remainder(a: float, b: float) -> float:
    """The remainder with the sign of b."""
    if isinstance(a, int) and isinstance(b, int):
        return a % b
    r = fmod(a, b)
    return r + b if r != 0 and (r < 0) != (b < 0) else r


def floor_divide(a: float, b: float) -> float:
    """The quotient rounded down, such that a = b * floor_divide(a, b) + remainder(a, b)."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    if b == 0:
        return div(a, b)
    return NAN if math.isinf(a) or a != a or b != b else a // b


def sign(x: float) -> int:
    return (x > 0) - (x < 0)


def relu(x: float) -> float:
    return 0 if x < 0 else x


# ---- functions of one real number

def total(function: Callable[[float], float], poles: dict[float, float] | None = None) -> Callable[[float], float]:
    """The function with infinity where Python's overflows, its value at poles, and NaN outside its domain."""
    def extended(x: float) -> float:
        if poles and x in poles:
            return poles[x]
        try:
            return function(x)
        except OverflowError:
            return INF
        except ValueError:
            return NAN
    return extended


def exp2(x: float) -> float:
    return 2.0 ** x


def rsqrt(x: float) -> float:
    return div(1, math.sqrt(x))


def reciprocal(x: float) -> float:
    return div(1, x)


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def sinh(x: float) -> float:
    return math.copysign(total(math.sinh)(abs(x)), x)


def atanh(x: float) -> float:
    return math.copysign(INF, x) if abs(x) == 1 else math.atanh(x)


exp = total(math.exp)
LOG_POLE = {0.0: -INF}
REAL = {
    "exp": exp, "exp2": exp2, "expm1": math.expm1, "rsqrt": rsqrt, "reciprocal": reciprocal, "sigmoid": sigmoid,
    "sqrt": math.sqrt, "root": math.sqrt, "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin,
    "acos": math.acos, "atan": math.atan, "sinh": sinh, "cosh": math.cosh, "tanh": math.tanh, "asinh": math.asinh,
    "acosh": math.acosh, "atanh": atanh, "erf": math.erf, "erfc": math.erfc,
}
LOGARITHMS = {"log": math.log, "log2": math.log2, "log10": math.log10}


def whole(function: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding function that keeps infinities, NaN and the sign of zero."""
    def rounding(x: float) -> float:
        return math.copysign(float(function(x)), x) if math.isfinite(x) else x
    return rounding


ROUNDINGS: dict[str, Callable[[float], int]] = {
    "floor": math.floor, "ceil": math.ceil, "round": round, "trunc": math.trunc,
}


# ---- bits

def left_shift(a: int, b: int, bits: int) -> int:
    return a << b if 0 <= b < bits else 0


def right_shift(a: int, b: int, bits: int) -> int:
    return a >> b if 0 <= b < bits else -int(a < 0)


def bitwise_left_shift(a: Nested, b: Nested, bits: int = 64) -> Nested:
    """a * 2^b; 0 for b < 0 or b >= bits, the width of the dtype."""
    return pointwise(lambda x, y: left_shift(x, y, bits), a, b)


def bitwise_right_shift(a: Nested, b: Nested, bits: int = 64) -> Nested:
    """floor(a / 2^b); 0 or, for a < 0, -1 where b < 0 or b >= bits."""
    return pointwise(lambda x, y: right_shift(x, y, bits), a, b)


def bitwise_not(x: int) -> int:
    return not x if isinstance(x, bool) else ~x


# ---- casts

def to_integer(low: int, high: int) -> Callable[[float], int]:
    """Reals drop their fraction and saturate, NaN gives 0; integers wrap around."""
    def cast(x: float) -> int:
        if isinstance(x, int):
            return (x - low) % (high - low + 1) + low
        if x != x:
            return 0
        return int(min(max(x, low), high))
    return cast


# ---- from numbers alone

def filled(shape: Shape = (), value: Any = 0) -> Nested:
    """Every number is `value`."""
    return full(shape, value)


def arange(n: int, start: float = 0, step: float = 1) -> Nested:
    """start + j * step for j = 0 ... n - 1."""
    return unflatten([start + j * step for j in range(n)], (n,))


# ---- activations, and g times their derivatives

def hardtanh(x: float, low: float, high: float) -> float:
    return clamp(x, low, high)


def hardswish(x: float) -> float:
    return x * clamp(x + 3, 0, 6) / 6


def leaky_relu(x: float, slope: float) -> float:
    return x if x > 0 else slope * x


def elu(x: float, alpha: float, scale: float) -> float:
    return scale * (x if x > 0 else alpha * math.expm1(x))


def silu(x: float) -> float:
    return x * sigmoid(x)


def softplus(x: float, threshold: float) -> float:
    return x if x > threshold else max(x, 0) + math.log1p(exp(-abs(x)))


def mish(x: float) -> float:
    return x * math.tanh(softplus(x, INF))


def normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def gelu(x: float) -> float:
    return x * normal_cdf(x)


def gelu_tanh(x: float) -> float:
    return x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def relu_pull(g: float, y: float) -> float:
    return g if y > 0 else 0


def tanh_pull(g: float, y: float) -> float:
    return g * (1 - y * y)


def sigmoid_pull(g: float, y: float) -> float:
    return g * y * (1 - y)


def hardtanh_pull(g: float, x: float, low: float, high: float) -> float:
    return g if low < x < high else 0


def hardswish_pull(g: float, x: float) -> float:
    return g * (0 if x <= -3 else 1 if x >= 3 else x / 3 + 0.5)


def leaky_relu_pull(g: float, x: float, slope: float) -> float:
    return g if x > 0 else slope * g


def elu_pull(g: float, x: float, alpha: float, scale: float) -> float:
    return g * scale * (1 if x > 0 else alpha * exp(x))


def silu_pull(g: float, x: float) -> float:
    s = sigmoid(x)
    return g * s * (1 + x * (1 - s))


def softplus_pull(g: float, x: float, threshold: float) -> float:
    return g if x > threshold else g * sigmoid(x)


def mish_pull(g: float, x: float) -> float:
    t = math.tanh(softplus(x, INF))
    return g * (t + x * (1 - t * t) * sigmoid(x))


def gelu_pull(g: float, x: float) -> float:
    return g * (normal_cdf(x) + x * exp(-x * x / 2) / math.sqrt(2 * math.pi))


def gelu_tanh_pull(g: float, x: float) -> float:
    t = math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return g * ((1 + t) / 2 + x * (1 - t * t) * math.sqrt(1 / (2 * math.pi)) * (1 + 0.134145 * x * x))


ACTIVATIONS = (hardtanh, hardswish, leaky_relu, elu, silu, softplus, mish, gelu, gelu_tanh, relu_pull, tanh_pull,
               sigmoid_pull, hardtanh_pull, hardswish_pull, leaky_relu_pull, elu_pull, silu_pull, softplus_pull,
               mish_pull, gelu_pull, gelu_tanh_pull)
KERNELS: dict[str, Callable[..., Nested]] = {
    **{name: lifted(total(function)) for name, function in REAL.items()},
    **{name: lifted(total(function, LOG_POLE)) for name, function in LOGARITHMS.items()},
    "log1p": lifted(total(math.log1p, {-1.0: -INF})),
    **{name: lifted(whole(function)) for name, function in ROUNDINGS.items()},
    **{function.__name__: lifted(function) for function in
       (div, maximum, minimum, clamp, fmod, remainder, floor_divide, sign, relu, bitwise_not, *ACTIVATIONS)},
    **{name: lifted(getattr(operator, name)) for name in
       ("add", "sub", "mul", "neg", "eq", "ne", "lt", "le", "gt", "ge")},
    "pow": lifted(power),
    "atan2": lifted(math.atan2),
    "abs": lifted(abs),
    "square": lifted(lambda x: x * x),
    "isnan": lifted(math.isnan),
    "isinf": lifted(math.isinf),
    "isfinite": lifted(math.isfinite),
    "logical_not": lifted(operator.not_),
    "logical_and": lifted(lambda a, b: bool(a) and bool(b)),
    "logical_or": lifted(lambda a, b: bool(a) or bool(b)),
    "logical_xor": lifted(lambda a, b: bool(a) != bool(b)),
    "bitwise_and": lifted(operator.and_),
    "bitwise_or": lifted(operator.or_),
    "bitwise_xor": lifted(operator.xor),
    "bitwise_left_shift": bitwise_left_shift,
    "bitwise_right_shift": bitwise_right_shift,
    "where": lifted(lambda condition, a, b: a if condition else b),
    "cast_bool": lifted(bool),
    "cast_uint8": lifted(to_integer(0, 2**8 - 1)),
    "cast_int32": lifted(to_integer(-2**31, 2**31 - 1)),
    "cast_int64": lifted(to_integer(-2**63, 2**63 - 1)),
    "cast_float32": lifted(float),
    "cast_float64": lifted(float),
    "copy": lifted(lambda x: x),
    "fill": filled,
    "arange": arange,
}
