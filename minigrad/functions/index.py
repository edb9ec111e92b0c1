"""Picking by position, by PyTorch's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.dtypes import bool as bool_
from minigrad.dtypes import int64
from minigrad.functions.shape import flatten
from minigrad.ops import index as rows
from minigrad.ops import math as rows_math
from minigrad.ops import view as rows_view
from minigrad.shapes import axis_of, broadcast

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["gather", "index_select", "masked_fill", "masked_select", "nonzero", "scatter_add", "take_along_dim",
           "where"]


def as_index(op: str, index: Any) -> Any:
    """An integer tensor as int64; TypeError for other dtypes."""
    if not hasattr(index, "buffer") or index.dtype.is_floating_point or index.dtype is bool_:
        got = index.dtype.name if hasattr(index, "buffer") else type(index).__name__
        raise TypeError(f"{op}: index: got {got}, expected a tensor of integers")
    return index if index.dtype is int64 else rows_math.cast(index, dtype=int64)


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """out[.., j, ..] = input[.., index[.., j, ..], ..] with j on axis `dim`.

    The shape is that of `index`, which must not exceed `input` on the other axes.  IndexError for a position out of
    range.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4]]).gather(1, minigrad.tensor([[1], [0]]))
    tensor([[2],
            [3]])
    """
    axis = axis_of("gather", dim, input.ndim)
    index = as_index("gather", index)
    if not input.ndim:
        return rows_view.reshape(gather(rows_view.reshape(input, shape=(1,)), 0, flatten(index)), shape=index.shape)
    return rows.gather(input, index, axis=axis)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of `input` to which src[.., j, ..] is added at position index[.., j, ..] of axis `dim`.

    >>> import minigrad
    >>> minigrad.zeros(3).scatter_add(0, minigrad.tensor([0, 0, 2]), minigrad.tensor([1., 2., 3.]))
    tensor([3., 0., 3.])
    """
    axis = axis_of("scatter_add", dim, input.ndim)
    index = as_index("scatter_add", index)
    if src.dtype is not input.dtype:
        raise TypeError(f"scatter_add: src: got dtype {src.dtype.name}, expected {input.dtype.name} as the input")
    rows.check_index("scatter_add", input, index, axis)
    if src.ndim != index.ndim or any(have < need for have, need in zip(src.shape, index.shape, strict=True)):
        raise ValueError(f"scatter_add: src: got shape {src.shape}, expected at least that of the index, {index.shape}")
    if src.shape != index.shape:
        src = rows_view.slice(src, starts=(0,) * src.ndim, steps=(1,) * src.ndim, shape=index.shape)
    return input + rows.scatter_add(src, index, axis=axis, shape=input.shape)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The places `index` (1-d) along an axis.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4]]).index_select(1, minigrad.tensor([1]))
    tensor([[2],
            [4]])
    """
    axis = axis_of("index_select", dim, input.ndim)
    index = as_index("index_select", index)
    if index.ndim != 1:
        raise ValueError(f"index_select: index: got shape {index.shape}, expected 1 axis")
    if not input.ndim:
        raise ValueError("index_select: input: got a 0-d tensor, expected at least 1 axis")
    return along(input, axis, index)


def along(x: Any, axis: int, index: Any) -> Any:
    """x at the places of a 1-d `index` along an axis, the index repeated by zero strides over the other axes."""
    shape = (*x.shape[:axis], index.shape[0], *x.shape[axis + 1:])
    column = rows_view.reshape(index, shape=(index.shape[0],) + (1,) * (x.ndim - axis - 1))
    return rows.gather(x, rows_view.expand(column, shape=shape), axis=axis)


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """`gather` after broadcasting input and indices on the other axes; flattened if `dim` is None.

    >>> import minigrad
    >>> minigrad.take_along_dim(minigrad.tensor([[3, 1, 2]]), minigrad.tensor([[1, 2, 0]]), 1)
    tensor([[1, 2, 3]])
    """
    if dim is None:
        return gather(flatten(input), 0, flatten(indices))
    axis = axis_of("take_along_dim", dim, input.ndim)
    ones = [(*x.shape[:axis], 1, *x.shape[axis + 1:]) for x in (input, indices)]
    shape = broadcast("take_along_dim", *ones)
    full = [rows_view.expand(x, shape=(*shape[:axis], x.shape[axis], *shape[axis + 1:])) for x in (input, indices)]
    return gather(full[0], axis, full[1])


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`value` where the mask is set, else the input; both broadcast.

    >>> import minigrad
    >>> minigrad.tensor([1, 2]).masked_fill(minigrad.tensor([True, False]), 0)
    tensor([0, 2])
    """
    if mask.dtype is not bool_:
        raise TypeError(f"masked_fill: mask: got dtype {mask.dtype.name}, expected bool")
    if not hasattr(value, "buffer"):
        from minigrad.functions.create import full
        value = full((), value, dtype=input.dtype)
    elif value.ndim:
        raise ValueError(f"masked_fill: value: got shape {value.shape}, expected a number or a 0-d tensor")
    return rows_math.where(mask, value, input)


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The positions of the elements that are not zero, one row each in row-major order (or one tensor for each axis).

    >>> import minigrad
    >>> minigrad.tensor([0, 3, 4]).nonzero()
    tensor([[1],
            [2]])
    """
    if not input.ndim:
        input = rows_view.reshape(input, shape=(1,)) if as_tuple else input
    mask = input if input.dtype is bool_ else rows_math.cast(input, dtype=bool_)
    positions = rows.nonzero(mask, count=mask.sum().item())
    return tuple([positions.select(1, axis) for axis in range(input.ndim)]) if as_tuple else positions


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is set, as a 1-d tensor; both broadcast.

    >>> import minigrad
    >>> minigrad.masked_select(minigrad.tensor([1, 2, 3]), minigrad.tensor([True, False, True]))
    tensor([1, 3])
    """
    shape = broadcast("masked_select", input.shape, mask.shape)
    return rows_view.expand(input, shape=shape)[rows_view.expand(mask, shape=shape)]


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition is set, else `other`; all broadcast.  With the condition alone, `nonzero` as a tuple.

    >>> import minigrad
    >>> x = minigrad.tensor([-1., 2.])
    >>> minigrad.where(x > 0, x, 0)
    tensor([0., 2.])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return rows_math.where(condition, input, other)


