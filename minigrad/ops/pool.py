"""Pools.  The mean of a window is linear and names its transpose; the largest of a window is found by an index op.

Max pooling is `gather(x, max_pool_index(x))`: its gradient, max unpooling, is the scatter_add that gather names.
"""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import int64
from minigrad.geometry import Geometry
from minigrad.kernels import KERNELS
from minigrad.op import Linear, constant, linear


def _check(op: str, x: Any, sizes: tuple[int, ...]) -> None:
    if not x.dtype.is_floating_point:
        raise TypeError(f"{op}: input: got dtype {x.dtype.name}, expected a float dtype")
    if x.ndim != len(sizes) + 2 or x.shape[2:] != sizes:
        raise ValueError(f"{op}: input: got shape {x.shape}, expected two axes and then {sizes}")


def _index_shape(x: Any, geometry: Geometry) -> Any:
    op = f"max_pool{geometry.ndim}d"
    _check(op, x, geometry.input)
    empty = geometry.empty_window
    if empty is not None:
        axis, o = empty
        raise ValueError(f"{op}: padding: window {o} of axis {axis} would hold nothing but padding (kernel "
                         f"{geometry.kernel[axis]}, dilation {geometry.dilation[axis]}, stride "
                         f"{geometry.stride[axis]}, padding ({geometry.low[axis]}, {geometry.high[axis]}), input "
                         f"{geometry.input[axis]}), expected at least one element of the input in each")
    return (*x.shape[:2], *geometry.output), int64


def _avg_shape(x: Any, geometry: Geometry, count_include_pad: bool, divisor_override: int | None) -> Any:
    _check(f"avg_pool{geometry.ndim}d", x, geometry.input)
    return (*x.shape[:2], *geometry.output), x.dtype


def _unpool_shape(g: Any, geometry: Geometry, count_include_pad: bool, divisor_override: int | None) -> Any:
    _check("avg_unpool", g, geometry.output)
    return (*g.shape[:2], *geometry.input), g.dtype


max_pool_index = constant(
    "max_pool_index", shape=_index_shape, kernels=("max_pool_index",),
    compute=lambda out, x, geometry: KERNELS["max_pool_index"](out, x, geometry.params),
    doc="out[n,c,o] = the flat position i of the first largest x[n,c,i] in window o")

avg_pool: Linear = linear(
    "avg_pool", shape=_avg_shape, kernels=("avg_pool",),
    compute=lambda out, x, geometry, count_include_pad, divisor_override:
        KERNELS["avg_pool"](out, x, geometry.pool_params(count_include_pad, divisor_override)),
    transpose=lambda g, x, **attrs: avg_unpool(g, **attrs),
    doc="out[n,c,o] = sum of x[n,c,i] over window o / how many elements it counts")

avg_unpool: Linear = linear(
    "avg_unpool", shape=_unpool_shape, kernels=("avg_unpool",),
    compute=lambda out, g, geometry, count_include_pad, divisor_override:
        KERNELS["avg_unpool"](out, g, geometry.pool_params(count_include_pad, divisor_override)),
    transpose=lambda x, g, **attrs: avg_pool(x, **attrs),
    doc="out[n,c,i] = sum over the windows o that hold i of g[n,c,o] / how many elements o counts")
