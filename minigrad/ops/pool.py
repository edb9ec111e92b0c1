"""Pools.  The mean of a window is linear and names its transpose; the largest of a window is found by an index op.

Max pooling is `gather(x, max_pool_index(x))`: its gradient, max unpooling, is the scatter_add that gather names.
"""

from typing import Any

from minigrad.dtypes import FLOATS, check_dtype, int64
from minigrad.geometry import Geometry
from minigrad.kernels import KERNELS
from minigrad.op import Linear, constant, linear


def _pooled(op: str, x: Any, sizes: tuple[int, ...], result: tuple[int, ...]) -> Any:
    """The result's shape and dtype where x has two axes and then `sizes`."""
    check_dtype(op, "input", x.dtype, *FLOATS)
    if x.ndim != len(sizes) + 2 or x.shape[2:] != sizes:
        raise ValueError(f"{op}: input: got shape {x.shape}, expected two axes and then {sizes}")
    return (*x.shape[:2], *result), x.dtype


def _index_shape(x: Any, geometry: Geometry) -> Any:
    op = f"max_pool{geometry.ndim}d"
    shape, _ = _pooled(op, x, geometry.input, geometry.output)
    empty = geometry.empty_window
    if empty is not None:
        raise ValueError(f"{op}: padding: window {empty[1]} of axis {empty[0]} would hold nothing but padding in "
                         f"{geometry}, expected at least one element of the input in each")
    return shape, int64


max_pool_index = constant(
    "max_pool_index", shape=_index_shape,
    compute=lambda out, x, geometry: KERNELS["max_pool_index"](out, x, geometry.params),
    doc="out[n,c,o] = the flat position i of the first largest x[n,c,i] in window o")
avg_pool: Linear = linear(
    "avg_pool",
    shape=lambda x, geometry, **_: _pooled(f"avg_pool{geometry.ndim}d", x, geometry.input, geometry.output),
    compute=lambda out, x, geometry, **count: KERNELS["avg_pool"](out, x, geometry.pool_params(**count)),
    transpose=lambda g, x, **attrs: avg_unpool(g, **attrs),
    doc="out[n,c,o] = sum of x[n,c,i] over window o / how many elements it counts")
avg_unpool: Linear = linear(
    "avg_unpool", shape=lambda g, geometry, **_: _pooled("avg_unpool", g, geometry.output, geometry.input),
    compute=lambda out, g, geometry, **count: KERNELS["avg_unpool"](out, g, geometry.pool_params(**count)),
    transpose=lambda x, g, **attrs: avg_pool(x, **attrs),
    doc="out[n,c,i] = sum over the windows o that hold i of g[n,c,o] / how many elements o counts")
