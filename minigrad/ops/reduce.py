"""Rows that reduce axes to size 1.  (The sum is linear: `sum_to` in the views, transpose of `expand`.)

The differentiable ones are pointwise rows whose result is smaller than their operand: dy = sum of D * dx, with one D
per operand element.  So their vjp is D * g, and nothing else is needed.
"""

import functools
from math import prod
from typing import Any

from minigrad import dtypes
from minigrad.kernels import KERNELS, Params
from minigrad.op import Linear, Op, constant, linear, pointwise
from minigrad.ops.math import cast, eq, exp
from minigrad.ops.view import expand, sum_to
from minigrad.shapes import check_axis, check_reduced, reduced

_check = functools.lru_cache(maxsize=4096)(check_reduced)      # what has been right once is right


def reduction(kind: Any, name: str, *derivative: Any, doc: str, kinds: Any = dtypes.DTYPES, empty: bool = True,
              **row: Any) -> Any:
    """A row of some dtypes to a `shape` with size 1 on some axes; `empty`: whether no element has a value."""
    def rule(x: Any, shape: tuple[int, ...]) -> Any:
        if x.dtype not in kinds:
            dtypes.check_dtype(name, "input", x.dtype, *kinds)
        _check(name, x.shape, shape)
        if not empty and 0 in x.shape and 0 not in shape:
            raise ValueError(f"{name}: the input of shape {x.shape} has no element to choose from; "
                             "expected sizes of 1 or more on the reduced axes")
        return shape, x.dtype

    return kind(name, *derivative, shape=rule, doc=doc, **row)


def ties(x: Any, y: Any) -> Any:
    """1/count at each of the elements that equal the extreme, 0 elsewhere."""
    hits = cast(eq(x, y), dtype=x.dtype)
    return hits / sum_to(hits, shape=y.shape)


def position(name: str, doc: str) -> Op:
    """argmax or argmin along one axis, kept at size 1."""
    def rule(x: Any, axis: int) -> Any:
        check_axis(name, axis, x.ndim)
        if x.ndim and x.shape[axis] == 0:
            raise ValueError(f"{name}: dim: axis {axis} of shape {x.shape} is empty, expected a size of 1 or more")
        return reduced(x.shape, (axis,)), dtypes.int64

    return constant(name, shape=rule, compute=lambda out, x, axis: KERNELS[name](out, x, Params((axis,))), doc=doc)


def _cumsum_shape(x: Any, axis: int, reverse: bool) -> Any:
    check_axis("cumsum", axis, x.ndim)
    return x.shape, x.dtype


mean: Linear = reduction(
    linear, "mean", kinds=dtypes.FLOATS, doc="the sum of the elements / how many they are; NaN for none",
    transpose=lambda g, x, shape: expand(g / (prod(x.shape) / max(prod(shape), 1)), shape=x.shape))
amax = reduction(pointwise, "amax", ties, doc="the largest element; NaN if there is one", empty=False)
amin = reduction(pointwise, "amin", ties, doc="the smallest element; NaN if there is one", empty=False)
argmax = position("argmax", "the first position of the largest element (NaN counts as larger than all)")
argmin = position("argmin", "the first position of the smallest element (NaN counts as smaller than all)")
any = reduction(constant, "any", doc="whether any element is set", kinds=(dtypes.bool,))
all = reduction(constant, "all", doc="whether all elements are set", kinds=(dtypes.bool,))
logsumexp = reduction(
    pointwise, "logsumexp", lambda x, y: exp(x - y), kinds=dtypes.FLOATS,
    doc="ln(sum(e^x)), computed about the largest element; its derivative is the softmax")
cumsum = linear(
    "cumsum", shape=_cumsum_shape,
    compute=lambda out, x, axis, reverse: KERNELS["cumsum"](out, x, Params((axis, int(reverse)))),
    transpose=lambda g, x, axis, reverse: cumsum(g, axis=axis, reverse=not reverse),
    doc="running sums along an axis, from the front or from the back; each is the other's transpose")
