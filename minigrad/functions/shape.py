"""Shapes: the functions that move numbers without changing them, by PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from minigrad.errors import require
from minigrad.functions.signature import several
from minigrad.node import Tensor
from minigrad.ops import view as rows
from minigrad.shapes import axes_of, axis_of, broadcast, dropped, reshaped, shape_of, spread

__all__ = ["broadcast_tensors", "broadcast_to", "clone", "contiguous", "expand", "expand_as", "flatten", "moveaxis",
           "movedim", "numel", "permute", "ravel", "reshape", "reshape_as", "squeeze", "swapaxes", "swapdims", "t",
           "transpose", "unflatten", "unsqueeze", "view", "view_as"]


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same numbers in row-major order under another shape; a view where the strides allow, else a copy.

    One size may be -1: it follows from the others.  ValueError where the number of elements differs.

    >>> import minigrad
    >>> minigrad.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return rows.flat_view(input, reshaped("reshape", input.shape, shape))


def view(input: Tensor, *shape: Any) -> Tensor:
    """Like `reshape`, but refuses (ValueError) where it would have to copy.

    >>> import minigrad
    >>> minigrad.arange(4).view(2, 2).t().view(4)
    Traceback (most recent call last):
    ValueError: view: shape: (2, 2) with strides (1, 2) has no view of shape (4,) without a copy; use reshape
    """
    target = reshaped("view", input.shape, shape)
    rows.viewed(input.buffer, target)
    return rows.reshape(input, shape=target)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`view` under the shape of `other`.

    >>> import minigrad
    >>> minigrad.arange(4).view_as(minigrad.zeros(2, 2)).shape
    (2, 2)
    """
    return view(input, other.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`reshape` to the shape of `other`.

    >>> import minigrad
    >>> minigrad.arange(4).reshape_as(minigrad.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return rows.flat_view(input, reshaped("reshape_as", input.shape, other.shape))


def numel(input: Tensor) -> int:
    """The number of elements.

    >>> import minigrad
    >>> minigrad.numel(minigrad.zeros(2, 3))
    6
    """
    return input.buffer.size


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from `start_dim` to `end_dim` as one; a 0-d tensor becomes one element.

    >>> import minigrad
    >>> minigrad.zeros(2, 3, 4).flatten(1).shape
    (2, 12)
    """
    first = axis_of("flatten", start_dim, input.ndim, "start_dim")
    last = axis_of("flatten", end_dim, input.ndim, "end_dim")
    require(first <= last, "flatten", "start_dim", start_dim, f"an axis not after end_dim {end_dim}")
    shape = input.shape or (1,)
    return rows.flat_view(input, (*shape[:first], prod(shape[first:last + 1]), *shape[last + 1:]))


def ravel(input: Tensor) -> Tensor:
    """All elements along one axis.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4]]).ravel()
    tensor([1, 2, 3, 4])
    """
    return rows.flat_view(input, (input.buffer.size,))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One axis spread over several; one of `sizes` may be -1.

    >>> import minigrad
    >>> minigrad.zeros(2, 12).unflatten(1, (3, -1)).shape
    (2, 3, 4)
    """
    axis = axis_of("unflatten", dim, input.ndim)
    inner = reshaped("unflatten", (input.shape[axis],), tuple(sizes), "sizes")
    return rows.flat_view(input, (*input.shape[:axis], *inner, *input.shape[axis + 1:]))


def permute(input: Tensor, *dims: Any) -> Tensor:
    """The axes in the order `dims`, as a view.

    >>> import minigrad
    >>> minigrad.zeros(2, 3, 4).permute(2, 0, 1).shape
    (4, 2, 3)
    """
    axes = axes_of("permute", spread(dims), input.ndim, "dims")
    if len(axes) != input.ndim:
        raise ValueError(f"permute: dims: got {spread(dims)}, expected all {input.ndim} axes of shape {input.shape}")
    return rows.permute(input, axes=axes)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two axes exchanged, as a view.

    >>> import minigrad
    >>> minigrad.zeros(2, 3).transpose(0, 1).shape
    (3, 2)
    """
    a, b = axis_of("transpose", dim0, input.ndim, "dim0"), axis_of("transpose", dim1, input.ndim, "dim1")
    moved = {a: b, b: a}
    return rows.permute(input, axes=tuple([moved.get(axis, axis) for axis in range(input.ndim)]))


swapaxes = swapdims = transpose


def t(input: Tensor) -> Tensor:
    """The transpose of a tensor of at most two axes.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4]]).t()
    tensor([[1, 3],
            [2, 4]])
    """
    require(input.ndim <= 2, "t", "input", f"shape {input.shape}", "at most 2 axes; use permute or mT")
    return rows.permute(input, axes=tuple(reversed(range(input.ndim))))


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Axes `source` moved to the places `destination`; the others keep their order.

    >>> import minigrad
    >>> minigrad.zeros(2, 3, 4).movedim(0, -1).shape
    (3, 4, 2)
    """
    moved = axes_of("movedim", source, input.ndim, "source")
    places = axes_of("movedim", destination, input.ndim, "destination")
    require(len(moved) == len(places), "movedim", "destination", destination, f"as many axes as source {source}")
    order = [axis for axis in range(input.ndim) if axis not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return rows.permute(input, axes=tuple(order))


moveaxis = movedim


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the axes of size 1: all of them, or those among `dim`.

    >>> import minigrad
    >>> minigrad.zeros(1, 3, 1).squeeze(0).shape
    (3, 1)
    """
    axes = tuple([axis for axis in axes_of("squeeze", dim, input.ndim) if input.shape[axis] == 1])
    return rows.reshape(input, shape=dropped(input.shape, axes))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new axis of size 1 at place `dim`.

    >>> import minigrad
    >>> minigrad.zeros(3).unsqueeze(-1).shape
    (3, 1)
    """
    axis = axis_of("unsqueeze", dim, input.ndim + 1)
    return rows.reshape(input, shape=(*input.shape[:axis], 1, *input.shape[axis:]))


def expand(input: Tensor, *size: Any) -> Tensor:
    """Axes of size 1 repeated to `size` without copying, new ones in front; -1 keeps a size.

    >>> import minigrad
    >>> minigrad.tensor([[1], [2]]).expand(-1, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    size = spread(size)
    lead = len(size) - input.ndim
    shape = tuple([input.shape[j - lead] if n == -1 and j >= lead else n for j, n in enumerate(size)])
    return rows.expand(input, shape=shape_of("expand", shape))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """`expand` to the shape of `other`.

    >>> import minigrad
    >>> minigrad.tensor([1]).expand_as(minigrad.zeros(3))
    tensor([1, 1, 1])
    """
    return rows.expand(input, shape=other.shape)


def broadcast_to(input: Tensor, shape: Sequence[int]) -> Tensor:
    """`expand` to a shape.

    >>> import minigrad
    >>> minigrad.broadcast_to(minigrad.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return rows.expand(input, shape=shape_of("broadcast_to", (tuple(shape),)))


def broadcast_tensors(*tensors: Any) -> tuple:
    """The tensors expanded to their common shape.

    >>> import minigrad
    >>> minigrad.broadcast_tensors(minigrad.tensor([[1], [2]]), minigrad.tensor([3, 4]))[1]
    tensor([[3, 4],
            [3, 4]])
    """
    listed = several("broadcast_tensors", tensors)
    shape = broadcast("broadcast_tensors", *[x.shape for x in listed])
    return tuple([rows.expand(x, shape=shape) for x in listed])


def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if its elements lie in row-major order without gaps, else a copy that does.

    >>> import minigrad
    >>> minigrad.zeros(2, 3).t().contiguous().is_contiguous()
    True
    """
    return input if input.buffer.is_contiguous() else rows.copy(input)


def clone(input: Tensor) -> Tensor:
    """A copy in memory of its own; gradients pass through.

    >>> import minigrad
    >>> x = minigrad.zeros(1)
    >>> x.clone()[0] = 1
    >>> x
    tensor([0.])
    """
    return rows.copy(input)
