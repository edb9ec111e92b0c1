"""What several functions check and share: each error names function and argument."""

from typing import Any

from minigrad.errors import one_of, require
from minigrad.tensor import Tensor


def check_tensor(op: str, argument: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{op}: {argument}: got {type(value).__name__}, expected a Tensor")


def check_float(op: str, argument: str, value: Any) -> None:
    """A Tensor of a floating-point dtype."""
    if not isinstance(value, Tensor):
        check_tensor(op, argument, value)
    if not value.dtype.is_floating_point:
        raise TypeError(f"{op}: {argument}: got {value.dtype}, expected a floating-point dtype")


def check_shape(valid: bool, op: str, argument: str, value: Any, expected: Any) -> None:
    if not valid:
        raise ValueError(f"{op}: {argument}: got shape {value.shape}, expected {expected}")


def check_probability(op: str, argument: str, p: float) -> None:
    require(isinstance(p, int | float) and 0.0 <= p <= 1.0, op, argument, repr(p), "a probability from 0 to 1")


def check_reduction(op: str, reduction: str, *more: str) -> None:
    one_of(op, "reduction", reduction, ("mean", "sum", "none", *more))


def per_channel(values: Tensor, ndim: int) -> Tensor:
    """(c,) as (c, 1, ...), which broadcasts against (n, c, ...) of `ndim` axes."""
    return values.reshape(-1, *(1,) * max(ndim - 2, 0))
