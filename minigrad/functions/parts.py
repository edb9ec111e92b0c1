"""Cutting tensors apart and joining them, by PyTorch's names: parts are views, what is joined is new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

from minigrad import dtypes
from minigrad.axismap import AxisMap, axis_map
from minigrad.errors import one_of, require
from minigrad.functions.create import arange, full, ones, tensor
from minigrad.functions.index import along
from minigrad.functions.shape import expand, ravel, reshape, unsqueeze
from minigrad.functions.signature import several
from minigrad.node import Tensor
from minigrad.ops import math, resample, view
from minigrad.shapes import axes_of, axis_of, dropped, integer, shape_of, spread

__all__ = ["cat", "chunk", "concat", "concatenate", "diagonal", "flip", "meshgrid", "narrow", "pad",
           "repeat", "repeat_interleave", "roll", "select", "split", "stack", "tril", "triu", "unbind",
           "unfold"]

PAD_MODES = ("constant", "reflect", "replicate", "circular")


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """The whole tensor laid out `repeats` times along each axis (new axes in front).

    >>> import minigrad
    >>> minigrad.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    counts = shape_of("repeat", repeats, "repeats")
    lead = len(counts) - input.ndim
    require(lead >= 0, "repeat", "repeats", counts, f"at least {input.ndim} numbers for {input.shape}")
    x = view.flat_view(input, (1,) * lead + input.shape)
    for axis, count in enumerate(counts):
        x = _repeated(x, axis, count, axis)
    return x


def _repeated(x: Any, axis: int, count: int, place: int) -> Any:
    """An axis `count` times as long: all of it repeated (`place` is the axis), or each element (the one after)."""
    if count == 1:
        return x
    shape = x.shape
    lead = prod(shape[:place])
    # Of three axes, so that a tensor of 8 axes needs no more than 8.
    block = view.flat_view(x, (lead, 1, prod(shape[place:])))
    block = view.expand(block, shape=shape_of("repeat", (lead, count, block.shape[2])))
    return view.flat_view(block, (*shape[:axis], count * shape[axis], *shape[axis + 1:]))



def repeat_interleave(input: Tensor, repeats: int, dim: int | None = None) -> Tensor:
    """Each element `repeats` times in a row, along one axis (or all elements, flattened).

    >>> import minigrad
    >>> minigrad.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    """
    if dim is None:
        return repeat_interleave(ravel(input), repeats, 0)
    axis = axis_of("repeat_interleave", dim, input.ndim)
    (count,) = shape_of("repeat_interleave", (repeats,), "repeats")
    return _repeated(input, axis, count, axis + 1)


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Tensors of equal shape (but on `dim`) one after another; mixed dtypes are promoted.

    Empty tensors of shape (0,) fit everywhere: they add nothing.

    >>> import minigrad
    >>> minigrad.cat([minigrad.tensor([1, 2]), minigrad.tensor([3])])
    tensor([1, 2, 3])
    """
    listed = several("cat", tensors)
    dtype = reduce(dtypes.promote_types, [x.dtype for x in listed])
    listed = [x for x in listed if x.shape != (0,)] or listed[:1]
    require(listed[0].ndim, "cat", "tensors", "0-d tensors", "at least one axis; use stack")
    axis = axis_of("cat", dim, listed[0].ndim)
    return view.cat(*[x if x.dtype is dtype else math.cast(x, dtype=dtype) for x in listed], axis=axis)


concat = concatenate = cat




def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new axis.

    >>> import minigrad
    >>> minigrad.stack([minigrad.zeros(2), minigrad.ones(2)], dim=1)
    tensor([[0., 1.],
            [0., 1.]])
    """
    listed = several("stack", tensors)
    return cat([unsqueeze(x, dim) for x in listed], axis_of("stack", dim, listed[0].ndim + 1))


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` elements from `start` on along one axis, as a view.

    >>> import minigrad
    >>> minigrad.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    axis, size = _axis("narrow", dim, input)
    first, count = integer("narrow", "start", start), integer("narrow", "length", length)
    first = first + size if first < 0 else first
    if first < 0 or count < 0 or first + count > size or not input.ndim:
        raise IndexError(f"narrow: start and length: got {start} and {length}, expected a part of the {size} elements "
                         f"on axis {axis} of shape {input.shape}")
    return view.cut(input, axis, first, count)


def _axis(op: str, dim: Any, x: Any, argument: str = "dim") -> tuple[int, int]:
    """An axis counted from the front, and its size; a number counts as one element."""
    axis = axis_of(op, dim, x.ndim, argument)
    return axis, x.shape[axis] if x.ndim else 1


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One place along an axis, without that axis, as a view.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4]]).select(1, -1)
    tensor([2, 4])
    """
    axis, size = _axis("select", dim, input)
    place = integer("select", "index", index)
    if not -size <= place < size or not input.ndim:
        raise IndexError(f"select: index: got {place}, expected one of the {size} places on axis {axis} of shape "
                         f"{input.shape}")
    return view.reshape(view.cut(input, axis, place % size, 1), shape=dropped(input.shape, (axis,)))


def unbind(input: Tensor, dim: int = 0) -> tuple:
    """All places along an axis, each without that axis.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4]]).unbind()
    (tensor([1, 2]), tensor([3, 4]))
    """
    axis, size = _axis("unbind", dim, input)
    require(input.ndim, "unbind", "input", "a 0-d tensor", "at least one axis")
    return tuple([select(input, axis, j) for j in range(size)])


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple:
    """Parts of a given size (the last may be smaller), or of the given sizes, as views.

    >>> import minigrad
    >>> [part.tolist() for part in minigrad.arange(5).split(2)]
    [[0, 1], [2, 3], [4]]
    """
    axis, size = _axis("split", dim, tensor)
    if isinstance(split_size_or_sections, (tuple, list)):
        sizes = list(shape_of("split", split_size_or_sections or ((),), "split_size_or_sections"))
        require(sum(sizes) == size, "split", "split_size_or_sections", sizes, f"sizes that add up to {size}")
    else:
        step = integer("split", "split_size_or_sections", split_size_or_sections)
        require(step > 0 or (step == 0 and not size), "split", "split_size_or_sections", step, "1 or more")
        sizes = [min(step, size - start) for start in range(0, size, step)] if size else [0]
    return tuple([narrow(tensor, axis, sum(sizes[:j]), count) for j, count in enumerate(sizes)])


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple:
    """At most `chunks` parts of equal size (the last may be smaller).

    >>> import minigrad
    >>> [part.tolist() for part in minigrad.arange(5).chunk(2)]
    [[0, 1, 2], [3, 4]]
    """
    count = integer("chunk", "chunks", chunks)
    require(count >= 1, "chunk", "chunks", count, "1 or more")
    axis, size = _axis("chunk", dim, input)
    return split(input, -(-size // count) if size else [0] * count, axis)


def flip(input: Tensor, *dims: Any) -> Tensor:
    """The order reversed along `dims`: a view with negative strides.

    >>> import minigrad
    >>> minigrad.arange(3).flip(0)
    tensor([2, 1, 0])
    """
    axes = axes_of("flip", spread(dims), input.ndim, "dims")
    starts = tuple([max(n - 1, 0) if j in axes else 0 for j, n in enumerate(input.shape)])
    steps = tuple([-1 if j in axes else 1 for j in range(input.ndim)])
    return view.slice(input, starts=starts, steps=steps, shape=input.shape)


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The elements moved on by `shifts` places along `dims`, those at the end to the front.

    >>> import minigrad
    >>> minigrad.arange(4).roll(1)
    tensor([3, 0, 1, 2])
    """
    if dims is None:
        return view.flat_view(roll(ravel(input), shifts, 0), input.shape)
    by, axes = [x if isinstance(x, (tuple, list)) else (x,) for x in (shifts, dims)]
    require(len(by) == len(axes), "roll", "shifts", f"{len(by)} of them for {len(axes)} dims", "as many")
    for shift, dim in zip(by, axes, strict=True):
        axis, size = _axis("roll", dim, input, "dims")
        place = -integer("roll", "shifts", shift) % max(size, 1)
        input = cat([narrow(input, axis, place, size - place), narrow(input, axis, 0, place)], axis)
    return input


def mapped(x: Any, axis: int, rows: AxisMap) -> Any:
    """x with one axis mapped.  Integers and bools, which have no fractions, are picked: each row has one entry."""
    if x.dtype.is_floating_point:
        return resample.resample(x, axis=axis, rows=rows)
    return along(x, axis, tensor([row[0][0] for row in rows.entries], dtype=dtypes.int64))


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """A border; `pad` holds (low, high) from the last axis backwards, negative numbers crop.

    mode "constant" fills with `value` (0), "replicate" repeats the outermost elements, "reflect" mirrors at them,
    "circular" goes on at the other end.  Any axes can be padded in every mode.

    >>> import minigrad
    >>> x = minigrad.tensor([1, 2, 3])
    >>> minigrad.functions.pad(x, (1, 2))
    tensor([0, 1, 2, 3, 0, 0])
    >>> minigrad.functions.pad(x, (2, -1), mode="reflect")
    tensor([3, 2, 1, 2])
    """
    amounts = [integer("pad", "pad", amount) for amount in pad]
    require(len(amounts) % 2 == 0 and len(amounts) <= 2 * input.ndim, "pad", "pad", f"{len(amounts)} numbers",
            f"a (low, high) pair for some of the {input.ndim} last axes")
    one_of("pad", "mode", mode, PAD_MODES)
    require(value is None or isinstance(value, (int, float)), "pad", "value", repr(value), "a number or None",
            TypeError)
    require(not value or mode == "constant", "pad", "value", value, f"None in mode {mode!r}")
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))[::-1]
    pairs = [(0, 0)] * (input.ndim - len(pairs)) + pairs
    require(all(n + low + high >= 0 and n + min(low, 0) + min(high, 0) >= 0
                for (low, high), n in zip(pairs, input.shape, strict=True)),
            "pad", "pad", tuple(pad), f"numbers that crop no more than the elements of an axis of shape {input.shape}")
    for axis, (low, high) in enumerate(pairs):
        if min(low, high) < 0 and mode in ("constant", "circular"):
            input = view.cut(input, axis, max(-low, 0), input.shape[axis] + min(low, 0) + min(high, 0))
            pairs[axis] = low, high = max(low, 0), max(high, 0)
        if mode != "constant" and (low or high):
            size = input.shape[axis]
            most = size - 1 if mode == "reflect" else size if mode == "circular" or not size else max(low, high)
            require(max(low, high) <= most, "pad", "pad", f"{(low, high)} on axis {axis} of {size} elements",
                    f"at most {most} in mode {mode!r}")
            input = mapped(input, axis, axis_map(mode, size, size + low + high, low))
    return _bordered(input, pairs, value or 0) if mode == "constant" else input


def _bordered(x: Any, pairs: list[tuple[int, int]], value: float) -> Any:
    if not any(map(any, pairs)):
        return x
    place: Any = {"starts": tuple([low for low, _ in pairs]), "steps": (1,) * x.ndim,
                  "shape": shape_of("pad", [n + sum(pair) for n, pair in zip(x.shape, pairs, strict=True)])}
    inside = view.embed(x, **place)
    # Chosen, not added: so an infinite border leaves the inside as it is.
    return inside if value == 0 else math.where(view.embed(ones(x.shape, dtype=dtypes.bool), **place), inside,
                                                     full((), value, dtype=x.dtype))


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of `size` elements, `step` apart, along one axis; the window becomes the last axis, as a view.

    >>> import minigrad
    >>> minigrad.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    axis = axis_of("unfold", dimension, input.ndim, "dimension")
    x = input if input.ndim else view.reshape(input, shape=(1,))        # one number counts as one window
    width, stride = integer("unfold", "size", size), integer("unfold", "step", step)
    return view.windows(x, axis=axis, size=width, step=stride) if input.ndim else view.cut(x, 0, 0, width)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two axes as a new last axis, as a view.

    >>> import minigrad
    >>> minigrad.arange(6).reshape(2, 3).diagonal(1)
    tensor([1, 5])
    """
    axis1, axis2 = axis_of("diagonal", dim1, input.ndim, "dim1"), axis_of("diagonal", dim2, input.ndim, "dim2")
    require(axis1 != axis2, "diagonal", "dim1 and dim2", f"{dim1} and {dim2}", "two different axes")
    return view.diagonal(input, offset=integer("diagonal", "offset", offset), axis1=axis1, axis2=axis2)


def _band(name: str, input: Any, diagonal: int, kept: Callable) -> Any:
    """Zeros but where `kept(column, row)` of the last two axes, the row counted from a diagonal."""
    require(input.ndim >= 2, name, "input", f"shape {input.shape}", "at least 2 axes")
    row = unsqueeze(arange(input.shape[-2]), 1) + integer(name, "diagonal", diagonal)
    return math.where(kept(arange(input.shape[-1]), row), input, False)          # (False takes any dtype)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The part on and below a diagonal of the last two axes, zeros above.

    >>> import minigrad
    >>> minigrad.ones(2, 2).tril()
    tensor([[1., 0.],
            [1., 1.]])
    """
    return _band("tril", input, diagonal, math.le)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The part on and above a diagonal of the last two axes, zeros below.

    >>> import minigrad
    >>> minigrad.ones(2, 2).triu()
    tensor([[1., 1.],
            [0., 1.]])
    """
    return _band("triu", input, diagonal, math.ge)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple:
    """The coordinates of a grid: each vector repeated along the axes of the others, as views.

    >>> import minigrad
    >>> minigrad.meshgrid(minigrad.arange(2), minigrad.arange(2))[1]
    tensor([[0, 1],
            [0, 1]])
    """
    one_of("meshgrid", "indexing", indexing, ("ij", "xy"))
    listed = several("meshgrid", spread(tensors))
    require(max(x.ndim for x in listed) <= 1, "meshgrid", "tensors", "several axes", "at most 1 axis for each")
    sizes = tuple([x.buffer.size for x in listed])
    grids = [expand(reshape(x, tuple([n if j == slot else 1 for j, n in enumerate(sizes)])), sizes)
             for slot, x in enumerate(listed)]
    if indexing == "xy" and len(grids) > 1:
        grids = [grid.transpose(0, 1) for grid in grids]
    return tuple(grids)
