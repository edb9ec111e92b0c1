"""Elementwise functions, by PyTorch's names.

Most are a row of the op table and nothing more, so they are made from the table: the formula and derivative stand
there, an example here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minigrad.dtypes import as_dtype
from minigrad.dtypes import bool as bool_
from minigrad.ops import math as rows

# name: (arguments of an example, its result)
UNARY = {
    "neg": ("[1., -2.]", "[-1.,  2.]"),
    "abs": ("[1., -2.]", "[1., 2.]"),
    "sign": ("[3., 0., -2.]", "[ 1.,  0., -1.]"),
    "square": ("[3, -2]", "[9, 4]"),
    "relu": ("[1., -2.]", "[1., 0.]"),
    "floor": ("[1.5, -1.5]", "[ 1., -2.]"),
    "ceil": ("[1.5, -1.5]", "[ 2., -1.]"),
    "round": ("[0.5, 1.5, -2.6]", "[ 0.,  2., -3.]"),
    "trunc": ("[1.5, -1.5]", "[ 1., -1.]"),
    "exp": ("[0., 1.]", "[1.0000, 2.7183]"),
    "exp2": ("[0., 3.]", "[1., 8.]"),
    "expm1": ("[0., 1.]", "[0.0000, 1.7183]"),
    "log": ("[1., 10.]", "[0.0000, 2.3026]"),
    "log2": ("[1., 8.]", "[0., 3.]"),
    "log10": ("[1., 100.]", "[0., 2.]"),
    "log1p": ("[0., 1.]", "[0.0000, 0.6931]"),
    "sqrt": ("[4., 2.]", "[2.0000, 1.4142]"),
    "rsqrt": ("[4., 1.]", "[0.5000, 1.0000]"),
    "reciprocal": ("[4., 1.]", "[0.2500, 1.0000]"),
    "sin": ("[0., 1.]", "[0.0000, 0.8415]"),
    "cos": ("[0., 1.]", "[1.0000, 0.5403]"),
    "tan": ("[0., 1.]", "[0.0000, 1.5574]"),
    "asin": ("[0., 1.]", "[0.0000, 1.5708]"),
    "acos": ("[0., 1.]", "[1.5708, 0.0000]"),
    "atan": ("[0., 1.]", "[0.0000, 0.7854]"),
    "sinh": ("[0., 1.]", "[0.0000, 1.1752]"),
    "cosh": ("[0., 1.]", "[1.0000, 1.5431]"),
    "tanh": ("[0., 1.]", "[0.0000, 0.7616]"),
    "asinh": ("[0., 1.]", "[0.0000, 0.8814]"),
    "acosh": ("[1., 2.]", "[0.0000, 1.3170]"),
    "atanh": ("[0., 0.5]", "[0.0000, 0.5493]"),
    "sigmoid": ("[0., 1.]", "[0.5000, 0.7311]"),
    "erf": ("[0., 1.]", "[0.0000, 0.8427]"),
    "erfc": ("[0., 1.]", "[1.0000, 0.1573]"),
    "isnan": ("[1., float('nan')]", "[False,  True]"),
    "isinf": ("[1., float('inf')]", "[False,  True]"),
    "isfinite": ("[1., float('inf')]", "[ True, False]"),
    "logical_not": ("[0, 2]", "[ True, False]"),
    "bitwise_not": ("[0, 2]", "[-1, -3]"),
}
BINARY = {
    "mul": ("[1., 2.], [3., 4.]", "[3., 8.]"),
    "pow": ("[2., 3.], [3., 2.]", "[8., 9.]"),
    "atan2": ("[1., 0.], [1., 1.]", "[0.7854, 0.0000]"),
    "maximum": ("[1, 5], [4, 2]", "[4, 5]"),
    "minimum": ("[1, 5], [4, 2]", "[1, 2]"),
    "floor_divide": ("[7, -7], [2, 2]", "[ 3, -4]"),
    "remainder": ("[7, -7], [3, 3]", "[1, 2]"),
    "fmod": ("[7, -7], [3, 3]", "[ 1, -1]"),
    "eq": ("[1, 2], [1, 3]", "[ True, False]"),
    "ne": ("[1, 2], [1, 3]", "[False,  True]"),
    "lt": ("[1, 2], [1, 3]", "[False,  True]"),
    "le": ("[1, 2], [1, 1]", "[ True, False]"),
    "gt": ("[1, 2], [1, 1]", "[False,  True]"),
    "ge": ("[1, 2], [1, 3]", "[ True, False]"),
    "logical_and": ("[0, 2], [1, 1]", "[False,  True]"),
    "logical_or": ("[0, 2], [0, 1]", "[False,  True]"),
    "logical_xor": ("[0, 2], [1, 1]", "[ True, False]"),
    "bitwise_and": ("[6, 5], [3, 3]", "[2, 1]"),
    "bitwise_or": ("[6, 5], [3, 3]", "[7, 7]"),
    "bitwise_xor": ("[6, 5], [3, 3]", "[5, 6]"),
    "bitwise_left_shift": ("[1, 3], [2, 1]", "[4, 6]"),
    "bitwise_right_shift": ("[8, 3], [2, 1]", "[2, 1]"),
}

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["absolute", "add", "addcdiv", "addcmul", "allclose", "cast", "clamp", "clip", "div", "divide", "equal",
           "greater", "greater_equal", "isclose", "lerp", "less", "less_equal", "multiply", "negative", "not_equal",
           "positive", "rsub", "sub", "subtract", "true_divide", *UNARY, *BINARY]


def _documented(function: Callable, name: str, example: tuple[str, str], note: str) -> Callable:
    """Gives a function made from a row its name and documentation."""
    arguments = ", ".join(f"minigrad.tensor([{part}])" for part in example[0].strip("[]").split("], ["))
    function.__name__ = function.__qualname__ = name
    function.__doc__ = (f"{getattr(rows, name).__doc__}\n\n{note}\n\n>>> import minigrad\n"
                        f">>> minigrad.{name}({arguments})\ntensor({example[1]})")
    return function


def _unary(name: str, example: tuple[str, str]) -> Callable:
    row = getattr(rows, name)

    def apply(input: Tensor) -> Tensor:
        return row(input)

    return _documented(apply, name, example, "Elementwise; the result has the shape of `input`.")


def _binary(name: str, example: tuple[str, str]) -> Callable:
    row = getattr(rows, name)

    def apply(input: Tensor | float, other: Tensor | float) -> Tensor:
        return row(input, other)

    return _documented(apply, name, example, "Elementwise; operands broadcast, and either may be a number.")


for _name, _example in UNARY.items():
    globals()[_name] = _unary(_name, _example)
for _name, _example in BINARY.items():
    if _name != "pow":
        globals()[_name] = _binary(_name, _example)


def pow(input: Tensor | float, exponent: Tensor | float) -> Tensor:
    """input ^ exponent, elementwise; operands broadcast, and either may be a number.

    A negative integer power of integers is refused (ValueError).

    >>> import minigrad
    >>> minigrad.pow(minigrad.tensor([2., 3.]), 2)
    tensor([4., 9.])
    """
    if type(exponent) in (int, float) and hasattr(input, "buffer"):
        if exponent == 2:
            return rows.square(input)
        if exponent == 1:
            return rows.mul(input, 1)
        if exponent == 0.5:
            return rows.sqrt(input)
    return rows.pow(input, exponent)


def add(input: Tensor | float, other: Tensor | float, *, alpha: Any = 1) -> Tensor:
    """input + alpha * other, elementwise; operands broadcast, and either may be a number.

    >>> import minigrad
    >>> minigrad.add(minigrad.tensor([1, 2]), 1, alpha=10)
    tensor([11, 12])
    """
    return rows.add(input, other if alpha == 1 else rows.mul(other, alpha))


def sub(input: Tensor | float, other: Tensor | float, *, alpha: Any = 1) -> Tensor:
    """input - alpha * other, elementwise; operands broadcast, and either may be a number.

    >>> import minigrad
    >>> minigrad.sub(minigrad.tensor([11, 12]), 1, alpha=10)
    tensor([1, 2])
    """
    return rows.sub(input, other if alpha == 1 else rows.mul(other, alpha))


def rsub(input: Tensor | float, other: Tensor | float, *, alpha: Any = 1) -> Tensor:
    """other - alpha * input.

    >>> import minigrad
    >>> minigrad.rsub(minigrad.tensor([1, 2]), 10)
    tensor([9, 8])
    """
    return sub(other, input, alpha=alpha)


def div(input: Tensor | float, other: Tensor | float, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; with `rounding_mode` "floor" or "trunc" rounded so, and then integers stay integers.

    >>> import minigrad
    >>> minigrad.div(minigrad.tensor([7., -7.]), 2, rounding_mode="trunc")
    tensor([ 3., -3.])
    """
    if rounding_mode is None:
        return rows.div(input, other)
    if rounding_mode == "floor":
        return rows.floor_divide(input, other)
    if rounding_mode == "trunc":
        rest = rows.fmod(input, other)
        quotient = rows.floor_divide(rows.sub(input, rest), other)
        return rows.trunc(rows.div(input, other)) if quotient.dtype.is_floating_point else quotient
    raise ValueError(f"div: rounding_mode: got {rounding_mode!r}, expected None, 'floor' or 'trunc'")


def positive(input: Tensor) -> Tensor:
    """The tensor itself: what +x means.  TypeError for bools, as in PyTorch.

    >>> import minigrad
    >>> +minigrad.tensor([1, -2])
    tensor([ 1, -2])
    """
    if input.dtype is bool_:
        raise TypeError("positive: input: got dtype bool, expected a dtype of numbers")
    return input


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value * tensor1 * tensor2, elementwise; all broadcast.

    >>> import minigrad
    >>> minigrad.addcmul(minigrad.tensor([1.]), minigrad.tensor([2.]), minigrad.tensor([3.]), value=10)
    tensor([61.])
    """
    return add(input, rows.mul(tensor1, tensor2), alpha=value)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value * tensor1 / tensor2, elementwise; all broadcast.

    >>> import minigrad
    >>> minigrad.addcdiv(minigrad.tensor([1.]), minigrad.tensor([6.]), minigrad.tensor([3.]), value=10)
    tensor([21.])
    """
    return add(input, rows.div(tensor1, tensor2), alpha=value)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """The input brought into [min, max]; a bound may be a number, a tensor or None.  NaN stays.

    >>> import minigrad
    >>> minigrad.clamp(minigrad.tensor([-1., 0.5, 3.]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise ValueError("clamp: min and max: got neither, expected at least one")
    kind = input.dtype
    if not kind.is_floating_point and any(isinstance(x, float) for x in (min, max)):
        from minigrad.dtypes import get_default_dtype
        kind = get_default_dtype()
    lowest, highest = (float("-inf"), float("inf")) if kind.is_floating_point else (kind.min, kind.max)
    return rows.clamp(input, lowest if min is None else min, highest if max is None else max)


def lerp(input: Tensor, end: Any, weight: Any) -> Tensor:
    """input + weight * (end - input).

    >>> import minigrad
    >>> minigrad.lerp(minigrad.tensor([0., 10.]), minigrad.tensor([4., 20.]), 0.25)
    tensor([ 1.0000, 12.5000])
    """
    return rows.add(input, rows.mul(weight, rows.sub(end, input)))


def cast(input: Tensor, dtype: Any) -> Tensor:
    """The same numbers in another dtype (the tensor itself if it has it already).

    Floats are cut towards zero on the way to integers; what does not fit becomes the nearest that does, NaN 0.

    >>> import minigrad
    >>> minigrad.tensor([1.9, -1.9]).to(minigrad.int64)
    tensor([ 1, -1])
    """
    kind = as_dtype(dtype, "to")
    return input if input.dtype is kind else rows.cast(input, dtype=kind)


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Elementwise |input - other| <= atol + rtol * |other|; equal infinities are close, NaNs if `equal_nan`.

    >>> import minigrad
    >>> minigrad.isclose(minigrad.tensor([1., 2.]), minigrad.tensor([1.000001, 3.]))
    tensor([ True, False])
    """
    gap = rows.abs(rows.sub(input, other)) if input.dtype.category else rows.ne(input, other)
    other_size = rows.abs(other) if input.dtype.category else 0
    close = rows.logical_or(rows.eq(input, other), rows.logical_and(
        rows.isfinite(gap), rows.le(gap, rows.add(rows.mul(other_size, rtol), atol))))
    if equal_nan:
        close = rows.logical_or(close, rows.logical_and(rows.isnan(input), rows.isnan(other)))
    return close


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close (`isclose`).

    >>> import minigrad
    >>> minigrad.allclose(minigrad.tensor([1.]), minigrad.tensor([1.000001]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all().item())


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shape and all elements are equal.

    >>> import minigrad
    >>> minigrad.equal(minigrad.ones(2), minigrad.ones(3))
    False
    """
    return input.shape == other.shape and bool(rows.eq(input, other).all().item())


absolute, negative, clip = globals()["abs"], globals()["neg"], clamp
subtract, multiply, divide, true_divide = sub, globals()["mul"], div, div
greater, greater_equal, less, less_equal, not_equal = (globals()[_name] for _name in ("gt", "ge", "lt", "le", "ne"))
