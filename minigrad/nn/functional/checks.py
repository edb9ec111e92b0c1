"""What several functions share: checks, each raising an error that names function and argument; shapes; reductions."""

from __future__ import annotations

from typing import Any

from minigrad.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")


def check_tensor(op: str, argument: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{op}: {argument}: got {type(value).__name__}, expected a Tensor")


def check_float(op: str, argument: str, value: Any) -> None:
    """A Tensor of a floating-point dtype."""
    if not isinstance(value, Tensor):
        check_tensor(op, argument, value)
    if not value.dtype.is_floating_point:
        raise TypeError(f"{op}: {argument}: got {value.dtype}, expected a floating-point dtype")


def check_probability(op: str, argument: str, p: float) -> None:
    if not (isinstance(p, int | float) and 0.0 <= p <= 1.0):
        raise ValueError(f"{op}: {argument}: got {p!r}, expected a probability from 0 to 1")


def check_reduction(op: str, reduction: str, *more: str) -> None:
    if reduction not in REDUCTIONS + more:
        raise ValueError(f"{op}: reduction: got {reduction!r}, expected one of {', '.join(REDUCTIONS + more)}")


def per_channel(values: Tensor, ndim: int) -> Tensor:
    """(c,) as (c, 1, ...), which broadcasts against (n, c, ...) of `ndim` axes."""
    return values.reshape(-1, *(1,) * max(ndim - 2, 0))
