"""Rows that reduce axes to size 1.  (The sum is linear: `sum_to` in the views, transpose of `expand`.)

The differentiable ones are pointwise rows whose result is smaller than their operand: dy = sum of D * dx, with one D
per operand element.  So their vjp is D * g, and nothing else is needed.
"""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import bool as bool_
from minigrad.dtypes import int64
from minigrad.kernels import KERNELS
from minigrad.op import Op, Pointwise, constant, linear, pointwise
from minigrad.ops.math import cast, eq, exp
from minigrad.ops.view import sum_to
from minigrad.shapes import check_axis, check_reduced, reduced
from minigrad_ext.kernel import Params


def extreme(name: str, doc: str) -> Pointwise:
    """amax or amin: elements that tie for the extreme share its derivative evenly."""
    def rule(x: Any, shape: tuple[int, ...]) -> Any:
        check_reduced(name, x.shape, shape)
        if 0 in x.shape and 0 not in shape:
            raise ValueError(f"{name}: the input of shape {x.shape} has no element to choose from; "
                             "expected sizes of 1 or more on the reduced axes")
        return shape, x.dtype

    return pointwise(name, ties, shape=rule, compute=lambda out, x, shape: KERNELS[name](out, x), kernels=(name,),
                     doc=doc)


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
        return reduced(x.shape, (axis,)), int64

    return constant(name, shape=rule, compute=lambda out, x, axis: KERNELS[name](out, x, Params((axis,))),
                    kernels=(name,), doc=doc)


def truth(name: str, doc: str) -> Op:
    """any or all of a bool tensor."""
    def rule(x: Any, shape: tuple[int, ...]) -> Any:
        if x.dtype is not bool_:
            raise TypeError(f"{name}: got dtype {x.dtype.name}, expected bool")
        check_reduced(name, x.shape, shape)
        return shape, bool_

    return constant(name, shape=rule, kernels=(name,),
                    compute=lambda out, x, shape: KERNELS[name](out, x), doc=doc)


amax = extreme("amax", "the largest element; NaN if there is one")
amin = extreme("amin", "the smallest element; NaN if there is one")
argmax = position("argmax", "the first position of the largest element (NaN counts as larger than all)")
argmin = position("argmin", "the first position of the smallest element (NaN counts as smaller than all)")
any = truth("any", "whether any element is set")
all = truth("all", "whether all elements are set")


def _logsumexp_shape(x: Any, shape: tuple[int, ...]) -> Any:
    if not x.dtype.is_floating_point:
        raise TypeError(f"logsumexp: got dtype {x.dtype.name}, expected float32 or float64")
    check_reduced("logsumexp", x.shape, shape)
    return shape, x.dtype


def _cumsum_shape(x: Any, axis: int, reverse: bool) -> Any:
    check_axis("cumsum", axis, x.ndim)
    return x.shape, x.dtype


logsumexp = pointwise(
    "logsumexp", lambda x, y: exp(x - y), shape=_logsumexp_shape,
    compute=lambda out, x, shape: KERNELS["logsumexp"](out, x), kernels=("logsumexp",),
    doc="ln(sum(e^x)), computed about the largest element; its derivative is the softmax")

cumsum = linear(
    "cumsum", shape=_cumsum_shape, kernels=("cumsum",),
    compute=lambda out, x, axis, reverse: KERNELS["cumsum"](out, x, Params((axis, int(reverse)))),
    transpose=lambda g, x, axis, reverse: cumsum(g, axis=axis, reverse=not reverse),
    doc="running sums along an axis, from the front or from the back; each is the other's transpose")
