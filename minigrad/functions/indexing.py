"""x[...] and x[...] = v: integers, slices, ellipsis, None, boolean masks and integer tensors, as in PyTorch.

Every key is first read as a *view* (integers, slices, None, which share memory) and then, if tensors are among it, as a
gather over the axes they index, which are brought together and counted as one.
"""

from __future__ import annotations

from math import prod
from typing import Any

from minigrad.dtypes import bool as bool_
from minigrad.dtypes import int64, uint8
from minigrad.functions.create import tensor
from minigrad.functions.index import along, nonzero
from minigrad.kernels import KERNELS
from minigrad.node import Value
from minigrad.ops import math as rows_math
from minigrad.ops import view as rows_view
from minigrad.shapes import broadcast
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params


def is_flag(key: Any) -> bool:
    """True, False, or a 0-d bool tensor: a mask over no axes."""
    return isinstance(key, bool) or (isinstance(key, Value) and key.dtype is bool_ and not key.ndim)


def entries(x: Any, key: Any) -> list[Any]:
    """The key's parts, lists turned into tensors and the ellipsis written out: one for each axis, and the Nones."""
    parts = list(key) if isinstance(key, tuple) else [key]
    for j, part in enumerate(parts):
        if isinstance(part, (list, range)):
            part = list(part)
            parts[j] = tensor(part) if part else tensor(part, dtype=int64)
        elif not isinstance(part, Value) and part is not None and part is not Ellipsis \
                and not isinstance(part, (slice, bool)) \
                and (not hasattr(part, "__index__") or hasattr(part, "__len__")):
            if not hasattr(part, "__dlpack__") and not hasattr(part, "__array_interface__"):
                raise IndexError(f"indexing: got {part!r} ({type(part).__name__}), expected integers, slices, '...', "
                                 "None, or tensors of integers or bools")
            parts[j] = tensor(part)
        if isinstance(parts[j], Value) and parts[j].dtype.is_floating_point:
            raise IndexError(f"indexing: got a tensor of dtype {parts[j].dtype.name}, expected integers or bools")
        if isinstance(parts[j], Value) and parts[j].dtype is uint8:
            parts[j] = rows_math.cast(parts[j], dtype=int64)
    used = sum(part.ndim if isinstance(part, Value) and part.dtype is bool_ else
               0 if part is None or part is Ellipsis or is_flag(part) else 1 for part in parts)
    if used > x.ndim:
        raise IndexError(f"indexing: got {used} indices for the {x.ndim} axes of shape {x.shape}")
    dots = [j for j, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise IndexError("indexing: got more than one ellipsis")
    at = dots[0] if dots else len(parts)
    parts[at:at + 1] = [slice(None)] * (x.ndim - used)
    return parts


def read(x: Any, key: Any) -> tuple[Any, list[tuple[int, Any]]]:
    """The view that the key takes of x, and its tensors as (axis of that view, tensor)."""
    starts, steps, sizes, shape = [], [], [], []
    picks: list[tuple[int, Any]] = []
    axis = 0
    for part in entries(x, key):
        if part is None or is_flag(part):
            shape.append(1)
            if part is not None:
                picks.append((len(shape) - 1, tensor([bool(part)])))
            continue
        size = x.shape[axis]
        if isinstance(part, slice):
            first, stop, step = part.indices(size)
            count = len(range(first, stop, step))
            starts.append(first if count else 0)
            steps.append(step if count else 1)
            sizes.append(count)
            shape.append(count)
        elif isinstance(part, Value) and (part.ndim or part.dtype is bool_):
            spans = part.ndim if part.dtype is bool_ else 1
            if part.dtype is bool_ and part.shape != x.shape[axis:axis + spans]:
                raise IndexError(f"indexing: mask: got shape {part.shape}, expected {x.shape[axis:axis + spans]} "
                                 f"as axes {axis} to {axis + spans - 1} of shape {x.shape}")
            picks.append((len(shape), part))
            for size in x.shape[axis:axis + spans]:
                starts.append(0)
                steps.append(1)
                sizes.append(size)
                shape.append(size)
            axis += spans - 1
        else:
            place = int(part.buffer.item()) if isinstance(part, Value) else part.__index__()
            if not -size <= place < size:
                raise IndexError(f"indexing: index {place} is out of range for axis {axis} of size {size}")
            starts.append(place % size)
            steps.append(1)
            sizes.append(1)
        axis += 1
    if tuple(sizes) != x.shape or any(step != 1 for step in steps):
        x = rows_view.slice(x, starts=tuple(starts), steps=tuple(steps), shape=tuple(sizes))
    if tuple(shape) != x.shape:
        x = rows_view.reshape(x, shape=tuple(shape))
    return x, picks


class Picks:
    """Tensors that index some axes of x: how to bring those axes together, and the position in them as one number."""

    def __init__(self, x: Any, picks: list[tuple[int, Any]]) -> None:
        indices: list[tuple[int, Any]] = []
        for axis, part in picks:
            if part.dtype is bool_:
                indices += [(axis + j, column) for j, column in enumerate(nonzero(part, as_tuple=True))]
            else:
                indices.append((axis, part if part.dtype is int64 else rows_math.cast(part, dtype=int64)))
        self.axes = [axis for axis, _ in indices]
        try:
            self.shape = broadcast("indexing", *[index.shape for _, index in indices])
        except ValueError as error:
            raise IndexError(str(error)) from None
        rest = [axis for axis in range(x.ndim) if axis not in self.axes]
        # Neighbouring indexed axes leave their result in their place, others in front: NumPy's and PyTorch's rule.
        together = all(b - a == 1 for a, b in zip(self.axes, self.axes[1:], strict=False))
        self.lead = sum(1 for axis in rest if axis < self.axes[0]) if together else 0
        self.order = tuple(rest[:self.lead] + self.axes + rest[self.lead:])
        moved = [x.shape[axis] for axis in self.order]
        sizes = moved[self.lead:self.lead + len(self.axes)]
        self.merged = (*moved[:self.lead], prod(sizes), *moved[self.lead + len(self.axes):])
        self.result = (*moved[:self.lead], *self.shape, *moved[self.lead + len(self.axes):])
        flat = None
        for (_, index), size in zip(indices, sizes, strict=True):
            wrapped = self.checked(index, size)
            flat = wrapped if flat is None else flat * size + wrapped
        self.flat = rows_view.flat_view(rows_view.expand(flat, shape=self.shape), (prod(self.shape),))

    @staticmethod
    def checked(index: Any, size: int) -> Any:
        """The index counted from the front; IndexError where it is out of range."""
        if index.numel():
            low, high = index.amin().item(), index.amax().item()
            if low < -size or high >= size:
                raise IndexError(f"indexing: index {low if low < -size else high} is out of range for size {size}")
            if low < 0:
                return rows_math.where(index < 0, index + size, index)
        return index

    def gather(self, x: Any) -> Any:
        """The picked elements of x."""
        moved = rows_view.flat_view(rows_view.permute(x, axes=self.order), self.merged)
        return rows_view.flat_view(along(moved, self.lead, self.flat), self.result)

    def assign(self, x: Buffer, value: Buffer) -> None:
        """Writes value, already of the result's shape, to the picked places of x."""
        moved = x.permute(self.order)
        target = moved.reshape(self.merged)
        fresh = None
        if target is None:
            fresh = Buffer.empty(moved.shape, x.dtype)
            KERNELS["copy"](fresh, moved)
            target = rows_view.viewed(fresh, self.merged)
        places = (*self.merged[:self.lead], self.flat.shape[0], *self.merged[self.lead + 1:])
        column = rows_view.viewed(self.flat.buffer, (self.flat.shape[0],) + (1,) * (len(self.merged) - self.lead - 1))
        KERNELS["scatter"](target, rows_view.viewed(value, places), column.expand(places), Params((self.lead,)))
        if fresh is not None:
            KERNELS["copy"](moved, fresh)


def getitem(x: Any, key: Any) -> Any:
    """x[key]: a view for integers, slices, ellipsis and None; a copy where tensors pick."""
    viewed, picks = read(x, key)
    if picks:
        return Picks(viewed, picks).gather(viewed)
    return rows_view.alias(viewed) if viewed is x else viewed


def setitem(x: Any, key: Any, value: Any) -> None:
    """x[key] = value, the value broadcast and cast.  (That no gradient is recorded is the caller's check.)"""
    viewed, picks = read(x, key)
    value = value if isinstance(value, Value) else tensor(value, dtype=x.dtype)
    if value.dtype is not x.dtype:
        value = rows_math.cast(value, dtype=x.dtype)
    chosen = Picks(viewed, picks) if picks else None
    shape = chosen.result if chosen else viewed.shape
    given = value.buffer
    while given.ndim > len(shape) and given.shape[0] == 1:
        given = given.reshape(given.shape[1:]) or given
    try:
        fits = broadcast("assignment", given.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"assignment: value: got shape {value.shape}, expected one that broadcasts to {shape}")
    given = given.expand(shape)
    if given.overlaps(viewed.buffer) or chosen:
        fresh = Buffer.empty(shape, x.buffer.dtype)
        KERNELS["copy"](fresh, given)
        given = fresh
    if chosen:
        chosen.assign(viewed.buffer, given)
    else:
        KERNELS["copy"](viewed.buffer, given)
    x.buffer.bump()
