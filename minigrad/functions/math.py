"""Elementwise functions, by PyTorch's names.

Most are a row of the op table and nothing more, so they are made from the table: the formula and derivative stand
there, an example here.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from minigrad import dtypes
from minigrad.errors import one_of, require
from minigrad.functions.signature import named
from minigrad.node import Tensor
from minigrad.op import OPS, Op
from minigrad.ops import math as rows

ROWS = {name: row for name, row in OPS.items() if row.example}

__all__ = ["absolute", "add", "addcdiv", "addcmul", "allclose", "cast", "clamp", "clip", "div", "divide", "equal",
           "greater", "greater_equal", "isclose", "lerp", "less", "less_equal", "multiply", "negative", "not_equal",
           "positive", "pow", "rsub", "sub", "subtract", "true_divide", *ROWS]


def _function(row: Op) -> Callable:
    """The function that is a row and nothing more."""
    def unary(input: Tensor) -> Tensor:
        return row(input)

    def binary(input: Tensor | float, other: Tensor | float) -> Tensor:
        return row(input, other)

    *operands, result = row.example
    apply, note = (unary, "the result has the shape of `input`.") if len(operands) == 1 else (
        binary, "operands broadcast, and either may be a number.")
    arguments = ", ".join([f"minigrad.tensor([{numbers}])" for numbers in operands])
    return named(apply, row.name, f"{row.doc}\n\nElementwise; {note}\n\n>>> import minigrad\n"
                                  f">>> minigrad.{row.name}({arguments})\ntensor([{result}])")


for _row in ROWS.values():
    globals()[_row.name] = _function(_row)


def pow(input: Tensor | float, exponent: Tensor | float) -> Tensor:
    """input ^ exponent, elementwise; operands broadcast, and either may be a number.

    A negative integer power of integers is refused (ValueError).

    >>> import minigrad
    >>> minigrad.pow(minigrad.tensor([2., 3.]), 2)
    tensor([4., 9.])
    """
    if type(exponent) in (int, float) and exponent in (2, 0.5) and hasattr(input, "buffer"):
        return (rows.square if exponent == 2 else rows.sqrt)(input)
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
    one_of("div", "rounding_mode", rounding_mode, (None, "floor", "trunc"))
    if rounding_mode == "floor":
        return rows.floor_divide(input, other)
    quotient = rows.floor_divide(rows.sub(input, rows.fmod(input, other)), other)
    return rows.trunc(rows.div(input, other)) if quotient.dtype.is_floating_point else quotient


def positive(input: Tensor) -> Tensor:
    """The tensor itself: what +x means.  TypeError for bools, as in PyTorch.

    >>> import minigrad
    >>> +minigrad.tensor([1, -2])
    tensor([ 1, -2])
    """
    require(input.dtype is not dtypes.bool, "positive", "input", "dtype bool", "a dtype of numbers", TypeError)
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
    require(min is not None or max is not None, "clamp", "min and max", "neither", "at least one")
    kind = input.dtype
    if not kind.is_floating_point and float in (type(min), type(max)):
        kind = dtypes.get_default_dtype()
    lowest, highest = (-inf, inf) if kind.is_floating_point else (kind.min, kind.max)
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
    kind = dtypes.as_dtype(dtype, "to")
    return input if input.dtype is kind else rows.cast(input, dtype=kind)


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Elementwise |input - other| <= atol + rtol * |other|; equal infinities are close, NaNs if `equal_nan`.

    >>> import minigrad
    >>> minigrad.isclose(minigrad.tensor([1., 2.]), minigrad.tensor([1.000001, 3.]))
    tensor([ True, False])
    """
    gap, size = (rows.abs(input - other), rows.abs(other)) if input.dtype.category else (rows.ne(input, other), 0)
    close = rows.logical_or(rows.eq(input, other), rows.logical_and(
        rows.isfinite(gap), rows.le(gap, rows.add(rows.mul(size, rtol), atol))))
    return rows.logical_or(close, rows.logical_and(rows.isnan(input), rows.isnan(other))) if equal_nan else close


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
