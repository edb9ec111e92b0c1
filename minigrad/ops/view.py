"""Rows that move numbers without changing them.  Each is linear, and its transpose is the way back.

    reshape <-> reshape      permute <-> inverse permute      expand <-> sum_to
    slice <-> embed          diagonal <-> diagonal_embed      windows <-> overlap_add       cat <-> slice

The left ones (but cat) share their operand's memory.  The right ones write through the very same view of a fresh
buffer, so that a view and its transpose cannot disagree.
"""

import functools
from typing import Any

from minigrad.dtypes import check_dtype
from minigrad.errors import require
from minigrad.kernels import KERNELS, Params
from minigrad.node import Meta
from minigrad.op import Linear, linear
from minigrad.shapes import broadcast, check_axis, dropped
from minigrad_ext.buffer import Buffer

ZERO = Params((0,), (0.0,))

Shape = tuple[int, ...]


def fill_zero(out: Buffer) -> Buffer:
    """Zeros in all of `out`."""
    KERNELS["fill"](out, ZERO)
    return out


@functools.lru_cache(maxsize=4096)
def _summed(old: Shape, shape: Shape) -> Shape:
    """The shape, if it broadcasts to the old one."""
    if broadcast("sum_to", old, shape) != old:
        raise ValueError(f"sum_to: shape: got {shape}, expected one that broadcasts to {old}")
    return shape


alias = linear(
    "alias", view=lambda x: x, transpose=lambda g, x: g, doc="the same value under a new node")
copy = linear(
    "copy", shape=lambda x: (x.shape, x.dtype), transpose=lambda g, x: g,
    doc="the same numbers in fresh contiguous memory")

expand = linear(
    "expand", view=lambda x, shape: x.expand(shape), transpose=lambda g, x, shape: sum_to(g, shape=x.shape),
    doc="axes of size 1 (and new leading ones) repeated by a zero stride; the transpose sums over them")
sum_to = linear(
    "sum_to", shape=lambda x, shape: (_summed(x.shape, shape), x.dtype),
    compute=KERNELS["sum"],
    transpose=lambda g, x, shape: expand(g, shape=x.shape),
    doc="summed over the axes where the target has size 1 or no axis; the transpose repeats")

reshape = linear(
    "reshape", view=lambda x, shape: _reshaped(x, shape), transpose=lambda g, x, shape: reshape(g, shape=x.shape),
    doc="the same numbers in row-major order under another shape; copied only where the strides allow no view")
permute = linear(
    "permute", view=lambda x, axes: x.permute(axes),
    transpose=lambda g, x, axes: permute(g, axes=tuple(sorted(range(len(axes)), key=axes.__getitem__))),
    doc="axes in another order; the transpose is the inverse permutation")

# `slice` reads x[start + i*step] on each axis, `embed` writes there and leaves zeros elsewhere.
slice = linear(
    "slice", view=lambda x, starts, steps, shape: x.slice(starts, steps, shape), part=True,
    transpose=lambda g, x, starts, steps, shape: embed(g, starts=starts, steps=steps, shape=x.shape),
    doc="every step-th element from start on, per axis, steps of either sign; the transpose embeds in zeros")
embed = linear(
    "embed", shape=lambda x, starts, steps, shape: (shape, x.dtype),
    compute=lambda out, x, starts, steps, shape: KERNELS["copy"](fill_zero(out).slice(starts, steps, x.shape), x),
    transpose=lambda g, x, starts, steps, shape: slice(g, starts=starts, steps=steps, shape=x.shape),
    doc="written into zeros at every step-th place from start on: zero padding, and the stretching of strides")

diagonal = linear(
    "diagonal", view=lambda x, **which: _through(x, "diagonal", which), part=True,
    transpose=lambda g, x, **which: diagonal_embed(g, shape=x.shape, **which),
    doc="the elements with index j + offset on axis2 for index j on axis1, as a new last axis")
diagonal_embed = linear(
    "diagonal_embed", shape=lambda x, shape, **which: _back("diagonal_embed", x, diagonal, which, shape),
    compute=lambda out, x, shape, **which: KERNELS["copy"](fill_zero(out).diagonal(**which), x),
    transpose=lambda g, x, shape, **which: diagonal(g, **which),
    doc="a diagonal written into zeros")

windows = linear(
    "windows", view=lambda x, **which: _through(x, "windows", which),
    transpose=lambda g, x, **which: overlap_add(g, shape=x.shape, **which),
    doc="all windows of `size` elements along an axis, `step` apart, the window as a new last axis")
overlap_add = linear(
    "overlap_add", shape=lambda x, shape, **which: _back("overlap_add", x, windows, which, shape),
    compute=lambda out, x, shape, **which: KERNELS["add_into"](fill_zero(out).windows(**which), x),
    transpose=lambda g, x, shape, **which: windows(g, **which),
    doc="windows summed where they overlap")

cat = linear(
    "cat", shape=lambda *xs, axis: _cat_shape(xs, axis), compute=lambda out, *xs, axis: _join(out, xs, axis),
    transpose=lambda g, *xs, slot, axis: cut(g, axis, sum(x.shape[axis] for x in xs[:slot]), xs[slot].shape[axis]),
    doc="tensors one after another along an axis; the transpose cuts the cotangent apart")


def viewed(x: Buffer, shape: Shape) -> Buffer:
    """The buffer under another shape; ValueError where its strides do not allow that."""
    result = x.reshape(shape)
    if result is None:
        raise ValueError(f"view: shape: {x.shape} with strides {x.strides} has no view of shape {shape} without a "
                         "copy; use reshape")
    return result


def _reshaped(x: Buffer, shape: Shape) -> Buffer:
    view = x.reshape(shape)
    if view is None:
        fresh = Buffer.empty(x.shape, x.dtype)
        KERNELS["copy"](fresh, x)
        view = fresh.reshape(shape)
    return view        # type: ignore[return-value]


def flat_view(x: Any, shape: Shape) -> Any:
    """`reshape`, or x itself where it has the shape."""
    return x if x.shape == shape else reshape(x, shape=shape)


def cut(x: Any, axis: int, start: int, size: int) -> Any:
    """`size` elements from `start` on along an axis."""
    return slice(x, starts=_at(axis, start, x.ndim), steps=(1,) * x.ndim,
                 shape=(*x.shape[:axis], size, *x.shape[axis + 1:]))


def _at(axis: int, start: int, ndim: int) -> Shape:
    return (0,) * axis + (start,) + (0,) * (ndim - axis - 1)


def _through(x: Buffer, view: str, which: dict[str, int]) -> Buffer:
    """A view of the buffer, by its name; the axes that it names are checked here."""
    for argument, value in which.items():
        if argument.startswith("axis"):
            check_axis(view, value, x.ndim)
    return getattr(x, view)(**which)


def _back(op: str, x: Any, view: Linear, which: dict[str, int], shape: Shape) -> Any:
    """The result of the transpose of a view: `shape`, which the view must turn into that of x."""
    wanted, _ = view.shape(Meta(shape, x.dtype), **which)
    require(x.shape == wanted, op, "x", x.shape, f"{wanted} for a result of shape {shape}")
    return shape, x.dtype


def _cat_shape(xs: tuple, axis: int) -> Any:
    require(xs, "cat", "tensors", "none", "at least one")
    first = xs[0]
    if not 0 <= axis < first.ndim:
        raise IndexError(f"cat: axis: got {axis}, expected one of the {first.ndim} axes of the first tensor")
    rest = dropped(first.shape, (axis,))
    for slot, x in enumerate(xs):
        check_dtype("cat", "tensors", x.dtype, first.dtype)
        if x.ndim != first.ndim or dropped(x.shape, (axis,)) != rest:
            raise ValueError(f"cat: tensors: tensor {slot} has shape {x.shape}, expected {first.shape} up to the size "
                             f"of axis {axis}")
    return (*first.shape[:axis], sum(x.shape[axis] for x in xs), *first.shape[axis + 1:]), first.dtype


def _join(out: Buffer, xs: tuple, axis: int) -> None:
    start = 0
    for x in xs:
        KERNELS["copy"](out.slice(_at(axis, start, x.ndim), (1,) * x.ndim, x.shape), x)
        start += x.shape[axis]
