"""Cutting tensors apart and joining them, by PyTorch's names: parts are views, what is joined is new."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from minigrad.axismap import AxisMap, axis_map
from minigrad.dtypes import bool as bool_
from minigrad.dtypes import int64, promote_types
from minigrad.functions.index import along
from minigrad.functions.shape import expand, ravel, reshape, unsqueeze
from minigrad.functions.signature import several
from minigrad.node import Value
from minigrad.ops import math as rows_math
from minigrad.ops import view as rows
from minigrad.ops.resample import resample
from minigrad.shapes import axes_of, axis_of, dropped, integer, shape_of
from minigrad_ext.buffer import Buffer

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["cat", "chunk", "concat", "concatenate", "diag", "diagonal", "flip", "hstack", "meshgrid", "narrow", "pad",
           "repeat", "repeat_interleave", "roll", "select", "split", "stack", "tile", "tril", "triu", "unbind",
           "unfold", "vstack"]

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
    if lead < 0:
        raise ValueError(f"repeat: repeats: got {counts}, expected at least {input.ndim} numbers for {input.shape}")
    x = rows.flat_view(input, (1,) * lead + input.shape)
    # One axis at a time, so that a tensor of 8 axes needs no more than 8.
    for axis, count in enumerate(counts):
        if count != 1:
            shape = x.shape
            block = rows.flat_view(x, (prod(shape[:axis]), 1, prod(shape[axis:])))
            block = rows.expand(block, shape=(block.shape[0], count, block.shape[2]))
            x = rows.flat_view(block, (*shape[:axis], count * shape[axis], *shape[axis + 1:]))
    return x


def tile(input: Tensor, *dims: Any) -> Tensor:
    """`repeat`, but `dims` may be shorter than the shape.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2]]).tile(2)
    tensor([[1, 2, 1, 2]])
    """
    counts = shape_of("tile", dims, "dims")
    return repeat(input, (1,) * (input.ndim - len(counts)) + counts)


def repeat_interleave(input: Tensor, repeats: int, dim: int | None = None) -> Tensor:
    """Each element `repeats` times in a row, along one axis (or all elements, flattened).

    >>> import minigrad
    >>> minigrad.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    """
    if dim is None:
        return repeat_interleave(ravel(input), repeats, 0)
    axis = axis_of("repeat_interleave", dim, input.ndim)
    shape = input.shape
    spread = rows.flat_view(input, (*shape[:axis + 1], 1, *shape[axis + 1:]))
    spread = rows.expand(spread, shape=shape_of("repeat_interleave", (*shape[:axis + 1], repeats, *shape[axis + 1:])))
    return rows.flat_view(spread, (*shape[:axis], shape[axis] * repeats, *shape[axis + 1:]))


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Tensors of equal shape (but on `dim`) one after another; mixed dtypes are promoted.

    Empty tensors of shape (0,) fit everywhere: they add nothing.

    >>> import minigrad
    >>> minigrad.cat([minigrad.tensor([1, 2]), minigrad.tensor([3])])
    tensor([1, 2, 3])
    """
    listed = several("cat", tensors)
    dtype = listed[0].dtype
    for x in listed[1:]:
        dtype = promote_types(dtype, x.dtype)
    listed = [x for x in listed if x.shape != (0,)] or listed[:1]
    axis = axis_of("cat", dim, listed[0].ndim)
    if not listed[0].ndim:
        raise ValueError("cat: tensors: got 0-d tensors, expected at least one axis; use stack")
    return rows.cat(*[x if x.dtype is dtype else rows_math.cast(x, dtype=dtype) for x in listed], axis=axis)


concat = concatenate = cat


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Tensors side by side: along the second axis, or the only one.

    >>> import minigrad
    >>> minigrad.hstack([minigrad.tensor([1, 2]), minigrad.tensor([3])])
    tensor([1, 2, 3])
    """
    listed = [x if x.ndim else ravel(x) for x in several("hstack", tensors)]
    return cat(listed, min(1, listed[0].ndim - 1))


def vstack(tensors: Sequence[Any]) -> Tensor:
    """Tensors one below the other: along the first axis, vectors as rows.

    >>> import minigrad
    >>> minigrad.vstack([minigrad.tensor([1, 2]), minigrad.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([x if x.ndim > 1 else reshape(x, (1, -1)) if x.buffer.size else unsqueeze(x, 0)
                for x in several("vstack", tensors)])


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new axis.

    >>> import minigrad
    >>> minigrad.stack([minigrad.zeros(2), minigrad.ones(2)], dim=1)
    tensor([[0., 1.],
            [0., 1.]])
    """
    listed = several("stack", tensors)
    for slot, x in enumerate(listed):
        if x.shape != listed[0].shape:
            raise ValueError(f"stack: tensors: tensor {slot} has shape {x.shape}, expected {listed[0].shape}")
    return cat([unsqueeze(x, dim) for x in listed], axis_of("stack", dim, listed[0].ndim + 1))


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` elements from `start` on along one axis, as a view.

    >>> import minigrad
    >>> minigrad.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    axis = axis_of("narrow", dim, input.ndim)
    size = input.shape[axis] if input.ndim else 1
    first = integer("narrow", "start", start)
    first = first + size if first < 0 else first
    count = integer("narrow", "length", length)
    if first < 0 or count < 0 or first + count > size or not input.ndim:
        raise IndexError(f"narrow: start and length: got {start} and {length}, expected a part of the {size} elements "
                         f"on axis {axis} of shape {input.shape}")
    starts = tuple([first if j == axis else 0 for j in range(input.ndim)])
    shape = tuple([count if j == axis else n for j, n in enumerate(input.shape)])
    return rows.slice(input, starts=starts, steps=(1,) * input.ndim, shape=shape)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One place along an axis, without that axis, as a view.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4]]).select(1, -1)
    tensor([2, 4])
    """
    axis = axis_of("select", dim, input.ndim)
    if not input.ndim:
        raise IndexError("select: got a 0-d tensor, expected at least one axis")
    size = input.shape[axis]
    place = integer("select", "index", index)
    if not -size <= place < size:
        raise IndexError(f"select: index: got {place}, expected from {-size} to {size - 1} on axis {axis} "
                         f"of shape {input.shape}")
    part = narrow(input, axis, place % size, 1)
    return rows.reshape(part, shape=dropped(part.shape, (axis,)))


def unbind(input: Tensor, dim: int = 0) -> tuple:
    """All places along an axis, each without that axis.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4]]).unbind()
    (tensor([1, 2]), tensor([3, 4]))
    """
    axis = axis_of("unbind", dim, input.ndim)
    if not input.ndim:
        raise ValueError("unbind: got a 0-d tensor, expected at least one axis")
    return tuple([select(input, axis, j) for j in range(input.shape[axis])])


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple:
    """Parts of a given size (the last may be smaller), or of the given sizes, as views.

    >>> import minigrad
    >>> [part.tolist() for part in minigrad.arange(5).split(2)]
    [[0, 1], [2, 3], [4]]
    """
    axis = axis_of("split", dim, tensor.ndim)
    size = tensor.shape[axis] if tensor.ndim else 1
    if isinstance(split_size_or_sections, (tuple, list)):
        sizes = list(shape_of("split", split_size_or_sections or ((),), "split_size_or_sections"))
        if sum(sizes) != size:
            raise ValueError(f"split: split_size_or_sections: got {sizes}, expected sizes that add up to {size}")
    else:
        step = integer("split", "split_size_or_sections", split_size_or_sections)
        if step < 0 or (step == 0 and size):
            raise ValueError(f"split: split_size_or_sections: got {step}, expected 1 or more")
        sizes = [min(step, size - start) for start in range(0, size, step)] if size else [0]
    starts = [sum(sizes[:j]) for j in range(len(sizes))]
    return tuple([narrow(tensor, axis, start, count) for start, count in zip(starts, sizes, strict=True)])


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple:
    """At most `chunks` parts of equal size (the last may be smaller).

    >>> import minigrad
    >>> [part.tolist() for part in minigrad.arange(5).chunk(2)]
    [[0, 1, 2], [3, 4]]
    """
    count = integer("chunk", "chunks", chunks)
    if count < 1:
        raise ValueError(f"chunk: chunks: got {count}, expected 1 or more")
    size = input.shape[axis_of("chunk", dim, input.ndim)] if input.ndim else 1
    if not size:
        return split(input, [0] * count, dim)
    return split(input, -(-size // count), dim)


def flip(input: Tensor, *dims: Any) -> Tensor:
    """The order reversed along `dims`: a view with negative strides.

    >>> import minigrad
    >>> minigrad.arange(3).flip(0)
    tensor([2, 1, 0])
    """
    listed = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    axes = axes_of("flip", tuple(listed), input.ndim, "dims")
    shape = input.shape
    starts = tuple([max(n - 1, 0) if j in axes else 0 for j, n in enumerate(shape)])
    steps = tuple([-1 if j in axes else 1 for j in range(input.ndim)])
    return rows.slice(input, starts=starts, steps=steps, shape=shape)


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The elements moved on by `shifts` places along `dims`, those at the end to the front.

    >>> import minigrad
    >>> minigrad.arange(4).roll(1)
    tensor([3, 0, 1, 2])
    """
    if dims is None:
        return rows.flat_view(roll(ravel(input), shifts, 0), input.shape)
    by = shifts if isinstance(shifts, (tuple, list)) else (shifts,)
    axes = dims if isinstance(dims, (tuple, list)) else (dims,)
    if len(by) != len(axes):
        raise ValueError(f"roll: shifts: got {len(by)} of them for {len(axes)} dims, expected as many")
    for shift, dim in zip(by, axes, strict=True):
        axis = axis_of("roll", dim, input.ndim, "dims")
        size = input.shape[axis]
        place = (size - integer("roll", "shifts", shift)) % size if size else 0
        if place:
            input = cat([narrow(input, axis, place, size - place), narrow(input, axis, 0, place)], axis)
    return input


def mapped(x: Any, axis: int, rows: AxisMap) -> Any:
    """x with one axis mapped.  Integers and bools, which have no fractions, are picked: each row has one entry."""
    if x.dtype.is_floating_point:
        return resample(x, axis=axis, rows=rows)
    places = [row[0][0] for row in rows.entries]
    index = Buffer.from_nested(places, int64.code) if places else Buffer.empty((0,), int64.code)
    return along(x, axis, Value.result(index))


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
    if len(amounts) % 2 or len(amounts) > 2 * input.ndim:
        raise ValueError(f"pad: pad: got {len(amounts)} numbers, expected a (low, high) pair for some of the "
                         f"{input.ndim} last axes")
    if mode not in PAD_MODES:
        raise ValueError(f"pad: mode: got {mode!r}, expected one of {', '.join(map(repr, PAD_MODES))}")
    if value and mode != "constant":
        raise ValueError(f"pad: value: got {value}, expected None in mode {mode!r}")
    count = len(amounts) // 2
    pairs = [(0, 0)] * (input.ndim - count) + [(amounts[2 * j], amounts[2 * j + 1]) for j in reversed(range(count))]
    for (low, high), size in zip(pairs, input.shape, strict=True):
        if size + low + high < 0 or size + min(low, 0) + min(high, 0) < 0:
            raise ValueError(f"pad: pad: got {tuple(pad)}, which crops more than the {size} elements of an axis "
                             f"of shape {input.shape}")
    for axis, (low, high) in enumerate(pairs):
        if min(low, high) < 0 and mode in ("constant", "circular"):
            cut = max(-low, 0)
            input = narrow(input, axis, cut, input.shape[axis] - cut - max(-high, 0))
            pairs[axis] = low, high = max(low, 0), max(high, 0)
        if mode != "constant" and (low or high):
            size = input.shape[axis]
            most = size - 1 if mode == "reflect" else size if mode == "circular" or not size else max(low, high)
            if max(low, high) > most:
                raise ValueError(f"pad: pad: got {(low, high)} on axis {axis} of {size} elements, expected at most "
                                 f"{most} in mode {mode!r}")
            input = mapped(input, axis, axis_map(mode, size, size + low + high, low))
    return _bordered(input, pairs, value or 0) if mode == "constant" else input


def _bordered(x: Any, pairs: list[tuple[int, int]], value: float) -> Any:
    if all(pair == (0, 0) for pair in pairs):
        return x
    starts, steps = tuple([low for low, _ in pairs]), (1,) * x.ndim
    shape = shape_of("pad", [n + low + high for n, (low, high) in zip(x.shape, pairs, strict=True)])
    inside = rows.embed(x, starts=starts, steps=steps, shape=shape)
    if value == 0:
        return inside
    # Chosen, not added: so an infinite border leaves the inside as it is.
    from minigrad.functions.create import full, ones
    mask = rows.embed(ones(x.shape, dtype=bool_), starts=starts, steps=steps, shape=shape)
    return rows_math.where(mask, inside, full((), value, dtype=x.dtype))


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of `size` elements, `step` apart, along one axis; the window becomes the last axis, as a view.

    >>> import minigrad
    >>> minigrad.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    axis = axis_of("unfold", dimension, input.ndim, "dimension")
    limit = input.shape[axis] if input.ndim else 1
    width, stride = integer("unfold", "size", size), integer("unfold", "step", step)
    if not 0 <= width <= limit:
        raise ValueError(f"unfold: size: got {width}, expected at most the {limit} elements of axis {axis}")
    if stride < 1:
        raise ValueError(f"unfold: step: got {stride}, expected 1 or more")
    if not input.ndim:                  # one number counts as one window
        return narrow(rows.reshape(input, shape=(1,)), 0, 0, width)
    return rows.windows(input, axis=axis, size=width, step=stride)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two axes as a new last axis, as a view.

    >>> import minigrad
    >>> minigrad.arange(6).reshape(2, 3).diagonal(1)
    tensor([1, 5])
    """
    axis1, axis2 = axis_of("diagonal", dim1, input.ndim, "dim1"), axis_of("diagonal", dim2, input.ndim, "dim2")
    if axis1 == axis2:
        raise ValueError(f"diagonal: dim1 and dim2: got {dim1} and {dim2}, expected two different axes")
    return rows.diagonal(input, offset=integer("diagonal", "offset", offset), axis1=axis1, axis2=axis2)


def _band(name: str, input: Any, diagonal: int, lower: bool) -> Any:
    """Zeros outside the part on one side of a diagonal of the last two axes."""
    from minigrad.functions.create import arange
    if input.ndim < 2:
        raise ValueError(f"{name}: got shape {input.shape}, expected at least 2 axes")
    row = unsqueeze(arange(input.shape[-2]), 1) + integer(name, "diagonal", diagonal)
    column = arange(input.shape[-1])
    kept = rows_math.le(column, row) if lower else rows_math.ge(column, row)
    return rows_math.where(kept, input, False)          # (False takes any dtype)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The part on and below a diagonal of the last two axes, zeros above.

    >>> import minigrad
    >>> minigrad.ones(2, 2).tril()
    tensor([[1., 0.],
            [1., 1.]])
    """
    return _band("tril", input, diagonal, lower=True)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The part on and above a diagonal of the last two axes, zeros below.

    >>> import minigrad
    >>> minigrad.ones(2, 2).triu()
    tensor([[1., 1.],
            [0., 1.]])
    """
    return _band("triu", input, diagonal, lower=False)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or the square matrix with a vector as its diagonal.

    >>> import minigrad
    >>> minigrad.diag(minigrad.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    place = integer("diag", "diagonal", diagonal)
    if input.ndim == 2:
        return rows.diagonal(input, offset=place, axis1=0, axis2=1)
    if input.ndim != 1:
        raise ValueError(f"diag: input: got shape {input.shape}, expected 1 or 2 axes")
    side = input.shape[0] + abs(place)
    return rows.diagonal_embed(input, shape=shape_of("diag", (side, side)), offset=place, axis1=0, axis2=1)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple:
    """The coordinates of a grid: each vector repeated along the axes of the others, as views.

    >>> import minigrad
    >>> minigrad.meshgrid(minigrad.arange(2), minigrad.arange(2))[1]
    tensor([[0, 1],
            [0, 1]])
    """
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing: got {indexing!r}, expected 'ij' or 'xy'")
    listed = several("meshgrid", tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors)
    for slot, x in enumerate(listed):
        if x.ndim > 1:
            raise ValueError(f"meshgrid: tensors: tensor {slot} has shape {x.shape}, expected at most 1 axis")
    sizes = tuple([x.buffer.size for x in listed])
    grids = [expand(reshape(x, tuple([n if j == slot else 1 for j, n in enumerate(sizes)])), sizes)
             for slot, x in enumerate(listed)]
    if indexing == "xy" and len(grids) > 1:
        grids = [rows.permute(grid, axes=(1, 0, *range(2, len(grids)))) for grid in grids]
    return tuple(grids)
