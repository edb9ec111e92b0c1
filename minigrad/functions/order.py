"""Putting in order, by PyTorch's names.  Equals keep their order; NaN is larger than every number."""

from __future__ import annotations

from typing import Any, NamedTuple

from minigrad.errors import require
from minigrad.functions.parts import narrow
from minigrad.node import Tensor
from minigrad.ops import index as rows
from minigrad.shapes import axis_of, integer

__all__ = ["Ordered", "argsort", "sort", "topk"]


class Ordered(NamedTuple):
    """What `sort` and `topk` return."""

    values: Any
    indices: Any


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Where the elements come from that `sort` gives: int64 positions on `dim`.

    >>> import minigrad
    >>> minigrad.argsort(minigrad.tensor([3., 1., 2.]))
    tensor([1, 2, 0])
    """
    return sort(input, dim, descending, stable).indices


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Ordered:
    """(values, indices) along `dim` in order; always stable.  The gradient goes to where each value came from.

    >>> import minigrad
    >>> minigrad.sort(minigrad.tensor([3., 1., 2.]), descending=True).values
    tensor([3., 2., 1.])
    """
    axis = axis_of("sort", dim, input.ndim)
    indices = rows.argsort(input, axis=axis, descending=bool(descending))
    return Ordered(rows.gather(input, indices, axis=axis), indices)


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Ordered:
    """The `k` largest (or smallest) elements along `dim`, in order, and their positions.

    >>> import minigrad
    >>> minigrad.topk(minigrad.tensor([3., 1., 2.]), 2).indices
    tensor([0, 2])
    """
    axis = axis_of("topk", dim, input.ndim)
    size = input.shape[axis] if input.ndim else 1
    require(0 <= integer("topk", "k", k) <= size, "topk", "k", k, f"from 0 to {size}, the size of axis {axis}")
    ordered = sort(input, axis, largest)
    return Ordered(*[narrow(x, axis, 0, k) for x in ordered]) if input.ndim else ordered
