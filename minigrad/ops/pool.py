"""Pools.  The mean of a window is linear and names its transpose, and so is the choice that max pooling makes.

max_pool(t, x) takes from t what stands where x is largest in each window; with t = x it is max pooling, its derivative
the same choice among the tangents, and the gradient max_unpool(g, x), which puts each number back in that place.
"""

from typing import Any

from minigrad.dtypes import FLOATS, check_dtype, int64
from minigrad.geometry import Geometry
from minigrad.kernels import KERNELS
from minigrad.op import Linear, constant, linear


def _pooled(op: str, x: Any, sizes: tuple[int, ...], result: tuple[int, ...]) -> Any:
    """The result's shape and dtype where x has two axes and then `sizes`; {} in `op` stands for their number."""
    shape, dtype = x.shape, x.dtype
    if dtype not in FLOATS or shape[2:] != sizes:
        op = op.format(len(sizes))
        check_dtype(op, "input", dtype, *FLOATS)
        raise ValueError(f"{op}: input: got shape {shape}, expected two axes and then {sizes}")
    return shape[:2] + result, dtype


def _index_shape(x: Any, geometry: Geometry) -> Any:
    shape, _ = _pooled("max_pool{}d", x, geometry.input, geometry.output)
    empty = geometry.empty_window
    if empty is not None:
        axis, o = empty
        stride, low, span = geometry.stride[axis], geometry.low[axis], geometry.span[axis]
        raise ValueError(f"max_pool{geometry.ndim}d: padding: window {o} of axis {axis} would hold nothing but padding:"
                         f" it begins at {o}*{stride} - {low} = {o * stride - low} and covers {span} positions, the "
                         f"input has {geometry.input[axis]}; expected at least one element of the input in each")
    return shape, int64


def _alike(op: str, given: Any, x: Any, shape: tuple[int, ...]) -> Any:
    """The common dtype of x and what is chosen by it."""
    if given.shape != shape or given.dtype is not x.dtype:
        raise ValueError(f"{op}: input: got {given.dtype.name} of shape {given.shape}, expected {x.dtype.name} of "
                         f"shape {shape} as x has it")
    return x.dtype


max_pool_index = constant(
    "max_pool_index", shape=_index_shape,
    compute=lambda out, x, geometry: KERNELS["max_pool_index"](out, x, geometry.params),
    doc="out[n,c,o] = the flat position i of the first largest x[n,c,i] in window o")
max_pool: Linear = linear(
    "max_pool", shape=lambda t, x, geometry: (_index_shape(x, geometry)[0], _alike("max_pool", t, x, x.shape)),
    constants=(1,), compute=lambda out, t, x, geometry: KERNELS["max_pool"](out, t, x, geometry.params),
    transpose=lambda g, t, x, geometry: max_unpool(g, x, geometry=geometry),
    doc="out[n,c,o] = t[n,c,i] at the position i of the first largest x[n,c,i] in window o")
max_unpool: Linear = linear(
    "max_unpool", shape=lambda g, x, geometry: (x.shape, _alike("max_unpool", g, x, _index_shape(x, geometry)[0])),
    constants=(1,), compute=lambda out, g, x, geometry: KERNELS["max_unpool"](out, g, x, geometry.params),
    transpose=lambda t, g, x, geometry: max_pool(t, x, geometry=geometry),
    doc="out[n,c,i] = sum of g[n,c,o] over the windows o whose first largest x[n,c,i] is at i")
avg_pool: Linear = linear(
    "avg_pool",
    shape=lambda x, geometry, **_: _pooled("avg_pool{}d", x, geometry.input, geometry.output),
    compute=lambda out, x, geometry, **count: KERNELS["avg_pool"](out, x, geometry.pool_params(**count)),
    transpose=lambda g, x, **attrs: avg_unpool(g, **attrs),
    doc="out[n,c,o] = sum of x[n,c,i] over window o / how many elements it counts")
avg_unpool: Linear = linear(
    "avg_unpool", shape=lambda g, geometry, **_: _pooled("avg_unpool", g, geometry.output, geometry.input),
    compute=lambda out, g, geometry, **count: KERNELS["avg_unpool"](out, g, geometry.pool_params(**count)),
    transpose=lambda x, g, **attrs: avg_pool(x, **attrs),
    doc="out[n,c,i] = sum over the windows o that hold i of g[n,c,o] / how many elements o counts")
