"""Rows that move numbers without changing them.  Each is linear, and its transpose is the way back.

    reshape <-> reshape      permute <-> inverse permute      expand <-> sum_to
    slice <-> embed          diagonal <-> diagonal_embed      windows <-> overlap_add       cat <-> slice

The left ones share their operand's memory.  The right ones write through the very same view of a fresh buffer, so
that a view and its transpose cannot disagree.
"""

from __future__ import annotations

from typing import Any

from minigrad.kernels import KERNELS
from minigrad.op import linear
from minigrad.shapes import broadcast, check_axis
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params

ZERO = Params((0,), (0.0,))

Shape = tuple[int, ...]


def fill_zero(out: Buffer) -> Buffer:
    """Zeros in all of `out`."""
    KERNELS["fill"](out, ZERO)
    return out


def sum_into(out: Buffer, x: Buffer) -> None:
    """x summed to the shape of `out`: over leading axes that `out` lacks and axes where it has size 1."""
    KERNELS["sum"](viewed(out, (1,) * (x.ndim - out.ndim) + out.shape), x)


def _sum_shape(x: Any, shape: Shape) -> Any:
    if broadcast("sum_to", x.shape, shape) != x.shape:
        raise ValueError(f"sum_to: shape: got {shape}, expected one that broadcasts to {x.shape}")
    return shape, x.dtype


def _expand_shape(x: Any, shape: Shape) -> Any:
    if broadcast("expand", x.shape, shape) != shape:
        raise ValueError(f"expand: size: got {shape}, expected one to which {x.shape} broadcasts")
    return shape, x.dtype


def _permuted(shape: Shape, axes: Shape) -> Shape:
    return tuple([shape[axis] for axis in axes])


def _inverse(axes: Shape) -> Shape:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


alias = linear(
    "alias", shape=lambda x: (x.shape, x.dtype), view=lambda x: x, transpose=lambda g, x: g,
    doc="the same value under a new node")

copy = linear(
    "copy", shape=lambda x: (x.shape, x.dtype), compute=KERNELS["copy"], kernels=("copy",),
    transpose=lambda g, x: g,
    doc="the same numbers in fresh contiguous memory")

expand = linear(
    "expand", shape=_expand_shape, view=lambda x, shape: x.expand(shape),
    transpose=lambda g, x, shape: sum_to(g, shape=x.shape),
    doc="axes of size 1 (and new leading ones) repeated by a zero stride; the transpose sums over them")

sum_to = linear(
    "sum_to", shape=_sum_shape, compute=lambda out, x, shape: sum_into(out, x), kernels=("sum",),
    transpose=lambda g, x, shape: expand(g, shape=x.shape),
    doc="summed over the axes where the target has size 1 or no axis; the transpose repeats")

reshape = linear(
    "reshape", shape=lambda x, shape: (shape, x.dtype), view=lambda x, shape: viewed(x, shape),
    transpose=lambda g, x, shape: flat_view(g, x.shape),
    doc="the same numbers in row-major order under another shape, without a copy")

permute = linear(
    "permute", shape=lambda x, axes: (_permuted(x.shape, axes), x.dtype), view=lambda x, axes: x.permute(axes),
    transpose=lambda g, x, axes: permute(g, axes=_inverse(axes)),
    doc="axes in another order; the transpose is the inverse permutation")

# `slice` reads x[start + i*step] on each axis, `embed` writes there and leaves zeros elsewhere.
slice = linear(
    "slice", shape=lambda x, starts, steps, shape: (shape, x.dtype),
    view=lambda x, starts, steps, shape: x.slice(starts, steps, shape),
    transpose=lambda g, x, starts, steps, shape: embed(g, starts=starts, steps=steps, shape=x.shape),
    doc="every step-th element from start on, per axis, steps of either sign; the transpose embeds in zeros")

embed = linear(
    "embed", shape=lambda x, starts, steps, shape: (shape, x.dtype),
    compute=lambda out, x, starts, steps, shape: KERNELS["copy"](fill_zero(out).slice(starts, steps, x.shape), x),
    kernels=("fill", "copy"),
    transpose=lambda g, x, starts, steps, shape: slice(g, starts=starts, steps=steps, shape=x.shape),
    doc="written into zeros at every step-th place from start on: zero padding, and the stretching of strides")

diagonal = linear(
    "diagonal", shape=lambda x, offset, axis1, axis2: (_diagonal_shape(x.shape, offset, axis1, axis2), x.dtype),
    view=lambda x, offset, axis1, axis2: x.diagonal(offset, axis1, axis2),
    transpose=lambda g, x, offset, axis1, axis2:
        diagonal_embed(g, shape=x.shape, offset=offset, axis1=axis1, axis2=axis2),
    doc="the elements with index j + offset on axis2 for index j on axis1, as a new last axis")

diagonal_embed = linear(
    "diagonal_embed", shape=lambda x, shape, offset, axis1, axis2:
        _back("diagonal_embed", x, _diagonal_shape(shape, offset, axis1, axis2), shape),
    compute=lambda out, x, shape, offset, axis1, axis2:
        KERNELS["copy"](fill_zero(out).diagonal(offset, axis1, axis2), x),
    kernels=("fill", "copy"),
    transpose=lambda g, x, shape, offset, axis1, axis2: diagonal(g, offset=offset, axis1=axis1, axis2=axis2),
    doc="a diagonal written into zeros")

windows = linear(
    "windows", shape=lambda x, axis, size, step: (_windows_shape(x.shape, axis, size, step), x.dtype),
    view=lambda x, axis, size, step: x.windows(axis, size, step),
    transpose=lambda g, x, axis, size, step: overlap_add(g, shape=x.shape, axis=axis, size=size, step=step),
    doc="all windows of `size` elements along an axis, `step` apart, the window as a new last axis")

overlap_add = linear(
    "overlap_add", shape=lambda x, shape, axis, size, step:
        _back("overlap_add", x, _windows_shape(shape, axis, size, step), shape),
    compute=lambda out, x, shape, axis, size, step: KERNELS["add_into"](fill_zero(out).windows(axis, size, step), x),
    kernels=("fill", "add_into"),
    transpose=lambda g, x, shape, axis, size, step: windows(g, axis=axis, size=size, step=step),
    doc="windows summed where they overlap")


def viewed(x: Buffer, shape: Shape) -> Buffer:
    """The buffer under another shape; ValueError where its strides do not allow that."""
    result = x.reshape(shape)
    if result is None:
        raise ValueError(f"view: shape: {x.shape} with strides {x.strides} has no view of shape {shape} without a "
                         "copy; use reshape")
    return result


def flat_view(x: Any, shape: Shape) -> Any:
    """x under another shape of as many elements, copied first only if its strides do not allow a view."""
    if x.shape == shape:
        return x
    if x.buffer.reshape(shape) is None:
        x = copy(x)
    return reshape(x, shape=shape)


def _diagonal_shape(shape: Shape, offset: int, axis1: int, axis2: int) -> Shape:
    for axis in (axis1, axis2):
        check_axis("diagonal", axis, len(shape))
    length = min(shape[axis1] + min(offset, 0), shape[axis2] - max(offset, 0))
    return (*[size for axis, size in enumerate(shape) if axis not in (axis1, axis2)], max(length, 0))


def _windows_shape(shape: Shape, axis: int, size: int, step: int) -> Shape:
    check_axis("windows", axis, len(shape))
    if step < 1:
        raise ValueError(f"windows: step: got {step}, expected at least 1")
    return (*shape[:axis], (shape[axis] - size) // step + 1, *shape[axis + 1:], size)


def _back(op: str, x: Any, wanted: Shape, shape: Shape) -> Any:
    """The result of the transpose of a view: `shape`, of which the view has the shape `wanted`."""
    if x.shape != wanted:
        raise ValueError(f"{op}: x: got shape {x.shape}, expected {wanted} for a result of shape {shape}")
    return shape, x.dtype


def _cat_shape(*xs: Any, axis: int) -> Any:
    if not xs:
        raise ValueError("cat: tensors: got none, expected at least one")
    first = xs[0]
    if not 0 <= axis < first.ndim:
        raise IndexError(f"cat: axis: got {axis}, expected one of the {first.ndim} axes of the first tensor")
    for slot, x in enumerate(xs[1:], 1):
        if x.dtype is not first.dtype:
            raise TypeError(f"cat: tensors: tensor {slot} has dtype {x.dtype.name}, expected {first.dtype.name} as "
                            "the first")
        if x.ndim != first.ndim or any(a != b for j, (a, b) in enumerate(zip(x.shape, first.shape, strict=True))
                                       if j != axis):
            raise ValueError(f"cat: tensors: tensor {slot} has shape {x.shape}, expected {first.shape} "
                             f"up to the size of axis {axis}")
    return (*first.shape[:axis], sum(x.shape[axis] for x in xs), *first.shape[axis + 1:]), first.dtype


def _part(shape: Shape, axis: int, start: int) -> Shape:
    return tuple([start if j == axis else 0 for j in range(len(shape))])


def _join(out: Buffer, *xs: Buffer, axis: int) -> None:
    start, ones = 0, (1,) * out.ndim
    for x in xs:
        KERNELS["copy"](out.slice(_part(x.shape, axis, start), ones, x.shape), x)
        start += x.shape[axis]


cat = linear(
    "cat", shape=_cat_shape, compute=_join, kernels=("copy",),
    transpose=lambda g, *xs, slot, axis: slice(
        g, starts=_part(g.shape, axis, sum(x.shape[axis] for x in xs[:slot])), steps=(1,) * g.ndim,
        shape=xs[slot].shape),
    doc="tensors one after another along an axis; the transpose cuts the cotangent apart")
