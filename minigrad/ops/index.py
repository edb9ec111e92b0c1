"""Rows that pick by position: gather and scatter_add are each other's transpose.

Whatever selects (indexing, the largest element, max pooling that returns its places) is an index op, through which no
gradient passes, and then a gather.  So the backward pass of a selection is scatter_add, which for the places that max
pooling has returned *is* max unpooling.  (Max pooling alone chooses and takes in one row: pool.py.)
"""

from operator import gt
from typing import Any

from minigrad import dtypes
from minigrad.kernels import KERNELS, Params
from minigrad.node import Meta
from minigrad.op import constant, linear
from minigrad.ops.view import fill_zero
from minigrad.shapes import check_axis, dropped
from minigrad_ext.buffer import Buffer


def check_index(op: str, x: Any, index: Any, axis: int) -> None:
    """The shapes and dtype that an index along `axis` must have, as in PyTorch."""
    dtypes.check_dtype(op, "index", index.dtype, dtypes.int64)
    check_axis(op, axis, x.ndim)
    if index.ndim != x.ndim or any(map(gt, dropped(index.shape, (axis,)), dropped(x.shape, (axis,)))):
        raise ValueError(f"{op}: index: got shape {index.shape}, expected as many axes as the {x.shape} of the other "
                         f"tensor has, and at most its sizes but on axis {axis}")


def _gather_shape(x: Any, index: Any, axis: int) -> Any:
    check_index("gather", x, index, axis)
    return index.shape, x.dtype


def _scatter_shape(src: Any, index: Any, axis: int, shape: tuple[int, ...]) -> Any:
    if src.shape != index.shape:
        raise ValueError(f"scatter_add: src: got shape {src.shape}, expected {index.shape} as the index has")
    check_index("scatter_add", Meta(shape, src.dtype), index, axis)
    return shape, src.dtype


def _nonzero_shape(x: Any, count: int) -> Any:
    dtypes.check_dtype("nonzero", "input", x.dtype, dtypes.bool)
    return (count, x.ndim), dtypes.int64


gather = linear(
    "gather", shape=_gather_shape, constants=(1,),
    compute=lambda out, x, index, axis: KERNELS["gather"](out, x, index, Params((axis,))),
    transpose=lambda g, x, index, axis: scatter_add(g, index, axis=axis, shape=x.shape),
    doc="out[.., j, ..] = x[.., index[.., j, ..], ..]")
scatter_add = linear(
    "scatter_add", shape=_scatter_shape, constants=(1,),
    compute=lambda out, src, index, axis, shape: KERNELS["scatter_add"](fill_zero(out), src, index, Params((axis,))),
    transpose=lambda g, src, index, axis, shape: gather(g, index, axis=axis),
    doc="zeros of a given shape, to which src[.., j, ..] is added at index[.., j, ..]")
nonzero = constant(
    "nonzero", shape=_nonzero_shape, compute=lambda out, x, count: KERNELS["nonzero"](out, x),
    doc="the positions of the set elements, one row each, in row-major order")


def _order(out: Buffer, x: Buffer, axis: int, descending: bool) -> None:
    KERNELS["sort"](Buffer.empty(x.shape, x.dtype), out, x, Params((axis, descending)))


def _sources(out: Buffer, index: Buffer, axis: int, shape: tuple[int, ...]) -> None:
    KERNELS["fill"](out, Params((-1,)))
    places = Buffer.empty(index.shape[axis:axis + 1], dtypes.int64.code)
    KERNELS["arange"](places, Params((0, 1)))
    places = places.reshape((*places.shape, *(1,) * len(index.shape[axis + 1:]))).expand(index.shape)    # type: ignore[union-attr]
    KERNELS["scatter"](out, places, index, Params((axis,)))


def _sources_shape(index: Any, axis: int, shape: tuple[int, ...]) -> Any:
    check_index("scatter", Meta(shape, dtypes.int64), index, axis)
    return shape, dtypes.int64


argsort = constant(
    "argsort", shape=lambda x, axis, descending: (x.shape, dtypes.int64), compute=_order,
    doc="where the elements come from that an axis in order holds; equals keep their order, NaN is the largest")
scatter_index = constant(
    "scatter_index", shape=_sources_shape, compute=_sources,
    doc="for each place of a shape the last j with index[.., j, ..] = that place on the axis, -1 where there is none")
