"""Picking by position, by PyTorch's names, and x[...] and x[...] = v.

A key may hold integers, slices, ellipsis, None, boolean masks and integer tensors.  It is first read as a *view*
(integers, slices, None, which share memory) and then, if tensors are in it, as a gather over the axes they index, which
are brought together and counted as one.
"""

from __future__ import annotations

from contextlib import suppress
from math import prod
from typing import Any

from minigrad import dtypes
from minigrad.dtypes import check_dtype, int64
from minigrad.errors import require
from minigrad.functions.create import arange, copied, copy_into, full, tensor
from minigrad.functions.math import cast
from minigrad.kernels import KERNELS
from minigrad.node import Tensor
from minigrad.ops import index as rows, math, view
from minigrad.ops.view import flat_view, viewed
from minigrad.shapes import axis_of, broadcast
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params
from minigrad_ext.recorder import current

__all__ = ["gather", "index_select", "masked_fill", "masked_select", "nonzero", "scatter", "scatter_add",
           "where"]


def as_index(op: str, index: Any) -> Any:
    """An integer tensor as int64; TypeError for other dtypes."""
    got = index.dtype.name if hasattr(index, "buffer") else type(index).__name__
    require(got in ("uint8", "int32", "int64"), op, "index", got, "a tensor of integers", TypeError)
    return cast(index, int64)


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
    return rows.gather(input, index, axis=axis)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of `input` to which src[.., j, ..] is added at position index[.., j, ..] of axis `dim`.

    >>> import minigrad
    >>> minigrad.zeros(3).scatter_add(0, minigrad.tensor([0, 0, 2]), minigrad.tensor([1., 2., 3.]))
    tensor([3., 0., 3.])
    """
    axis, index, src = _placed("scatter_add", input, dim, index, src)
    return input + rows.scatter_add(src, index, axis=axis, shape=input.shape)


def _placed(op: str, input: Tensor, dim: int, index: Tensor, src: Tensor) -> tuple[int, Any, Any]:
    """The axis, the index in int64, and what of `src` it places."""
    axis, index = axis_of(op, dim, input.ndim), as_index(op, index)
    check_dtype(op, "src", src.dtype, input.dtype)
    rows.check_index(op, input, index, axis)
    if src.ndim != index.ndim or any(have < need for have, need in zip(src.shape, index.shape, strict=True)):
        raise ValueError(f"{op}: src: got shape {src.shape}, expected at least that of the index, {index.shape}")
    return axis, index, view.slice(src, starts=(0,) * src.ndim, steps=(1,) * src.ndim, shape=index.shape)


def scatter(input: Tensor, dim: int, index: Tensor, src: Tensor | float) -> Tensor:
    """A copy of `input` with src[.., j, ..] (or one number) at position index[.., j, ..] of axis `dim`.

    The last of several sources for one place stays, and it alone has a gradient.

    >>> import minigrad
    >>> minigrad.zeros(2, 3).scatter(1, minigrad.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    values: Any = src if hasattr(src, "buffer") else view.expand(full((), src, dtype=input.dtype), shape=index.shape)
    axis, index, values = _placed("scatter", input, dim, index, values)
    source = rows.scatter_index(index, axis=axis, shape=input.shape)
    size, after = index.shape[axis:axis + 1], index.shape[axis + 1:]
    place = arange(prod(size)).reshape((*size, *(1,) * len(after)))
    kept = math.where(math.eq(rows.gather(source, index, axis=axis), place), values, 0)
    return math.where(math.ge(source, 0), rows.scatter_add(kept, index, axis=axis, shape=input.shape), input)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The places `index` (1-d) along an axis.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4]]).index_select(1, minigrad.tensor([1]))
    tensor([[2],
            [4]])
    """
    axis = axis_of("index_select", dim, input.ndim)
    index = as_index("index_select", index)
    require(index.ndim == 1, "index_select", "index", f"shape {index.shape}", "1 axis")
    require(input.ndim, "index_select", "input", "a 0-d tensor", "at least 1 axis")
    return along(input, axis, index)


def along(x: Any, axis: int, index: Any) -> Any:
    """x at the places of a 1-d `index` along an axis, the index repeated by zero strides over the other axes."""
    shape = (*x.shape[:axis], index.shape[0], *x.shape[axis + 1:])
    column = view.reshape(index, shape=(index.shape[0],) + (1,) * (x.ndim - axis - 1))
    return rows.gather(x, view.expand(column, shape=shape), axis=axis)



def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`value` where the mask is set, else the input; both broadcast.

    >>> import minigrad
    >>> minigrad.tensor([1, 2]).masked_fill(minigrad.tensor([True, False]), 0)
    tensor([0, 2])
    """
    check_dtype("masked_fill", "mask", mask.dtype, dtypes.bool)
    if not hasattr(value, "buffer"):
        value = full((), value, dtype=input.dtype)
    require(not value.ndim, "masked_fill", "value", f"shape {value.shape}", "a number or a 0-d tensor")
    return math.where(mask, value, input)


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The positions of the elements that are not zero, one row each in row-major order (or one tensor for each axis).

    >>> import minigrad
    >>> minigrad.tensor([0, 3, 4]).nonzero()
    tensor([[1],
            [2]])
    """
    x = input if input.ndim or not as_tuple else view.reshape(input, shape=(1,))
    mask = cast(x, dtypes.bool)
    positions = rows.nonzero(mask, count=mask.sum().item())
    return tuple([positions.select(1, axis) for axis in range(x.ndim)]) if as_tuple else positions


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is set, as a 1-d tensor; both broadcast.

    >>> import minigrad
    >>> minigrad.masked_select(minigrad.tensor([1, 2, 3]), minigrad.tensor([True, False, True]))
    tensor([1, 3])
    """
    shape = broadcast("masked_select", input.shape, mask.shape)
    return view.expand(input, shape=shape)[view.expand(mask, shape=shape)]


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition is set, else `other`; all broadcast.  With the condition alone, `nonzero` as a tuple.

    >>> import minigrad
    >>> x = minigrad.tensor([-1., 2.])
    >>> minigrad.where(x > 0, x, 0)
    tensor([0., 2.])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return math.where(condition, input, other)


# Keys -----------------------------------------------------------------------------------------------------------------

def entry(part: Any) -> Any:
    """One part of a key as None, Ellipsis, a slice, an int, or a tensor of dtype bool (a mask) or int64."""
    if type(part) in (int, slice) or part is None or part is Ellipsis:
        return part
    if isinstance(part, (list, range)):
        part = tensor(list(part), dtype=None if len(part) else int64)
    elif not isinstance(part, (Tensor, bool)):
        if hasattr(part, "__index__") and not hasattr(part, "__len__"):
            return part.__index__()
        require(hasattr(part, "__dlpack__") or hasattr(part, "__array_interface__"), "indexing", "key",
                f"{part!r} ({type(part).__name__})", "integers, slices, '...', None, or tensors of integers or bools",
                IndexError)
    index: Any = part if isinstance(part, Tensor) else tensor(part)
    require(not index.dtype.is_floating_point, "indexing", "key", f"a tensor of dtype {index.dtype.name}",
            "integers or bools", IndexError)
    if index.dtype is dtypes.bool:
        return index
    return cast(index, int64) if index.ndim or current() is not None else index.item()


def axes_taken(part: Any) -> int:
    """How many axes a part indexes: a mask as many as it has."""
    masks = isinstance(part, Tensor) and part.dtype is dtypes.bool
    return part.ndim if masks else int(part is not None and part is not Ellipsis)


def read(x: Any, key: Any) -> tuple[Any, list[tuple[int, Any]]]:
    """The view that the key takes of x, and its tensors of positions as (axis of that view, tensor)."""
    shape = x.shape
    parts = list(map(entry, key if isinstance(key, tuple) else (key,)))
    if any(isinstance(part, Tensor) and part.ndim for part in parts):       # beside others, a number is not one of them
        parts = [part.item() if isinstance(part, Tensor) and not part.ndim and part.dtype is int64 else part
                 for part in parts]
    used = sum(map(axes_taken, parts))
    if used > len(shape):
        raise IndexError(f"indexing: got {used} indices for the {len(shape)} axes of shape {shape}")
    dots = [j for j, part in enumerate(parts) if part is Ellipsis] or [len(parts)]
    require(len(dots) == 1, "indexing", "key", f"{len(dots)} ellipses", "at most one", IndexError)
    parts[dots[0]:dots[0] + 1] = [slice(None)] * (len(shape) - used)
    spans: list[tuple[int, int, int]] = []      # of each axis of x: start, step, count
    result: list[int] = []
    picks: list[tuple[int, Any]] = []
    for part in parts:
        axis = len(spans)
        if part is None:
            result.append(1)
        elif type(part) is slice:
            first, stop, step = part.indices(shape[axis])
            count = len(range(first, stop, step))
            spans.append((first, step, count) if count else (0, 1, 0))
            result.append(count)
        elif isinstance(part, Tensor):
            indexed = shape[axis:axis + axes_taken(part)]
            if part.dtype is dtypes.bool and part.shape != indexed:
                raise IndexError(f"indexing: mask: got shape {part.shape}, expected {indexed} as the axes of shape "
                                 f"{shape} from axis {axis} on")
            columns = nonzero(part, as_tuple=True) if part.dtype is dtypes.bool else (part,)
            picks += [(len(result) + j, column) for j, column in enumerate(columns)]
            spans += [(0, 1, size) for size in indexed]
            result += indexed or (1,)           # (a mask without axes picks from a new one)
        else:
            if not -shape[axis] <= part < shape[axis]:
                raise IndexError(f"indexing: index {part} is out of range for axis {axis} of size {shape[axis]}")
            spans.append((part % shape[axis], 1, 1))
    starts, steps, counts = zip(*spans, strict=True) if spans else ((), (), ())
    if counts != shape or set(steps) - {1}:
        x = view.slice(x, starts=starts, steps=steps, shape=counts)
    return (x if tuple(result) == counts else view.reshape(x, shape=tuple(result))), picks


class Picks:
    """Tensors that index some axes of x: how to bring those axes together, and the position in them as one number."""

    def __init__(self, x: Any, picks: list[tuple[int, Any]]) -> None:
        axes = [axis for axis, _ in picks]
        try:
            shape = broadcast("indexing", *[index.shape for _, index in picks])
        except ValueError as error:
            raise IndexError(str(error)) from None
        rest = [axis for axis in range(x.ndim) if axis not in axes]
        # Neighbouring indexed axes leave their result in their place, others in front: NumPy's and PyTorch's rule.
        self.lead = lead = axes[0] if axes[-1] - axes[0] == len(axes) - 1 else 0
        self.order = (*rest[:lead], *axes, *rest[lead:])
        before, after = [tuple([x.shape[axis] for axis in part]) for part in (rest[:lead], rest[lead:])]
        sizes = [x.shape[axis] for axis in axes]
        self.merged, self.result = (*before, prod(sizes), *after), (*before, *shape, *after)
        self.picked = (*before, prod(shape), *after)
        flat = None
        for (_, index), size in zip(picks, sizes, strict=True):
            place = counted(index, size)
            if len(picks) > 1 and current() is not None:        # each is to be checked, not the number that they make
                place = along(arange(size), 0, flat_view(place, (place.numel(),))).reshape(place.shape)
            flat = place if flat is None else flat * size + place
        self.flat = flat_view(view.expand(flat, shape=shape), (prod(shape),))

    def gather(self, x: Any) -> Any:
        """The picked elements of x."""
        moved = flat_view(view.permute(x, axes=self.order), self.merged)
        return flat_view(along(moved, self.lead, self.flat), self.result)

    def assign(self, x: Buffer, value: Buffer) -> None:
        """Writes value, of the result's shape and without gaps, to the picked places of x."""
        moved = x.permute(self.order)
        direct = moved.reshape(self.merged)
        target = viewed(copied(moved, moved.shape, x.dtype), self.merged) if direct is None else direct
        column = viewed(self.flat.buffer, self.flat.shape + (1,) * (len(self.picked) - self.lead - 1))
        KERNELS["scatter"](target, viewed(value, self.picked), column.expand(self.picked),
                           Params((self.lead,)))
        if direct is None:
            KERNELS["copy"](moved, viewed(target, moved.shape))


def counted(index: Any, size: int) -> Any:
    """The index counted from the front; IndexError where it is out of range, which in a capture the kernels raise."""
    if current() is not None:
        return math.where(index < 0, index + size, index)
    if index.numel():
        low, high = index.amin().item(), index.amax().item()
        if low < -size or high >= size:
            raise IndexError(f"indexing: index {low if low < -size else high} is out of range for size {size}")
        if low < 0:
            return math.where(index < 0, index + size, index)
    return index


def getitem(x: Any, key: Any) -> Any:
    """x[key]: a view for integers, slices, ellipsis and None; a copy where tensors pick."""
    if isinstance(key, Tensor) and key.ndim == 1 and key.dtype is int64 and x.ndim and current() is None:
        with suppress(IndexError):      # rows, as of a batch: a quarter of the time, unless some count from the end
            return along(x, 0, key)
    part, picks = read(x, key)
    if picks:
        return Picks(part, picks).gather(part)
    return view.alias(part) if part is x else part


def setitem(x: Any, key: Any, value: Any) -> None:
    """x[key] = value, the value broadcast and cast.  (That no gradient is recorded is the caller's check.)"""
    part, picks = read(x, key)
    given = (value if isinstance(value, Tensor) else tensor(value, dtype=x.dtype)).buffer
    chosen = Picks(part, picks) if picks else None
    shape = chosen.result if chosen else part.shape
    extra = max(given.ndim - len(shape), 0)
    if given.shape[:extra] == (1,) * extra:
        given = viewed(given, given.shape[extra:])
    last = shape[len(shape) - given.ndim:]
    fits = given.ndim <= len(shape) and all(n in (1, size) for n, size in zip(given.shape, last, strict=True))
    require(fits, "assignment", "value", f"shape {given.shape}", f"one that broadcasts to {shape}")
    if chosen:
        chosen.assign(part.buffer, copied(given, shape, x.buffer.dtype))
    else:
        copy_into(part.buffer, copied(given, shape, x.buffer.dtype) if given.overlaps(part.buffer) else given)
    x.buffer.bump()
