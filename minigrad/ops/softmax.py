"""The softmax along an axis, its logarithm, and the loss of classes that is made of it: one pass each, both ways.

The softmax of a row does not change when a constant is added to the row.  So its largest element, which is taken off
first that no exponential overflows, may be a constant to the derivative, of any order.
"""

from functools import lru_cache
from typing import Any

from minigrad.dtypes import FLOATS, check_dtype, int64
from minigrad.errors import one_of
from minigrad.fused import Fused, fused
from minigrad.kernels import KERNELS, Params
from minigrad.node import Value
from minigrad.ops.index import gather, scatter_add
from minigrad.ops.math import cast, exp, log, ne, where
from minigrad.ops.reduce import amax
from minigrad.ops.view import expand, flat_view, reshape, sum_to
from minigrad.shapes import check_axis, reduced
from minigrad_ext.buffer import Buffer

REDUCTIONS = ("mean", "sum", "none")

params = lru_cache(lambda ints, floats=(): Params(ints, floats))        # of a kernel's call, made once


def along(name: str, *pulls: Any, formula: Any, doc: str) -> Fused:
    """A row of operands of one shape, along `axis`."""
    def rule(x: Any, *others: Any, axis: int) -> Any:
        if x.dtype not in FLOATS:
            check_dtype(name, "input", x.dtype, *FLOATS)
        check_axis(name, axis, x.ndim)
        return x.shape, x.dtype

    return fused(name, *pulls, formula=formula, shape=rule, doc=doc,
                 compute=lambda out, *operands, axis: KERNELS[name](out, *operands, params((axis,))))


def total(x: Any, axis: int) -> Any:
    return sum_to(x, shape=reduced(x.shape, (axis,)))


def shifted(x: Any, axis: int) -> Any:
    """x less its largest element along the axis, which is a constant."""
    return x - amax(Value.result(x.buffer), shape=reduced(x.shape, (axis,))) if x.buffer.size else x


def _softmax(x: Any, axis: int) -> Any:
    powers = exp(shifted(x, axis))
    return powers / total(powers, axis)


def _log_softmax(x: Any, axis: int) -> Any:
    x = shifted(x, axis)
    return x - log(total(exp(x), axis))


softmax_pull = along("softmax_pull", formula=lambda g, y, axis: y * (g - total(g * y, axis)),
                     doc="y (g - sum of g y): the derivative of the softmax y, applied to g")
log_softmax_pull = along("log_softmax_pull", formula=lambda g, y, axis: g - exp(y) * total(g, axis),
                         doc="g - e^y sum of g: the derivative of the logarithm y of the softmax, applied to g")
softmax = along("softmax", lambda g, _x, y, *, axis: softmax_pull(g, y, axis=axis), formula=_softmax,
                doc="e^x / sum of e^x along an axis")
log_softmax = along("log_softmax", lambda g, _x, y, *, axis: log_softmax_pull(g, y, axis=axis), formula=_log_softmax,
                    doc="x - ln(sum of e^x) along an axis")


# ---- the loss of classes: of scores x, or with `logs` of the logarithms of probabilities; targets have no such axis

def _loss_shape(x: Any, t: Any, axis: int, logs: bool, reduction: str, ignored: int) -> Any:
    op, shape = "nll_loss" if logs else "cross_entropy", x.shape
    if x.dtype not in FLOATS:
        check_dtype(op, "input", x.dtype, *FLOATS)
    if not 0 <= axis < len(shape):
        raise ValueError(f"{op}: input: got shape {shape}, expected (c,) or (n, c, ...)")
    sizes = shape[:axis] + shape[axis + 1:]
    if t.shape != sizes:
        raise ValueError(f"{op}: target: got shape {t.shape}, expected {sizes} for input {shape}")
    if t.dtype is not int64:
        raise TypeError(f"{op}: target: got {t.dtype}, expected int64 classes")
    if reduction not in REDUCTIONS:
        one_of(op, "reduction", reduction, REDUCTIONS)
    return sizes if reduction == "none" else (), x.dtype


def _loss(out: Buffer, x: Buffer, t: Buffer, axis: int, logs: bool, reduction: str, ignored: int) -> None:
    KERNELS["class_loss"](out, x, t, params((axis, logs, reduction == "mean", ignored)))


def _kept(x: Any, t: Any, axis: int, ignored: int) -> Any:
    """Where a target counts; each class as an index along the axis; how many count."""
    kept = ne(t, ignored)
    index = reshape(where(kept, t, 0), shape=(*t.shape[:axis], 1, *t.shape[axis:]))
    return kept, index, sum_to(cast(kept, dtype=x.dtype), shape=())


def _loss_formula(x: Any, t: Any, *, axis: int, logs: bool, reduction: str, ignored: int) -> Any:
    kept, index, count = _kept(x, t, axis, ignored)
    chosen = gather(x if logs else _log_softmax(x, axis), index, axis=axis)
    losses = where(kept, -flat_view(chosen, t.shape), 0)
    if reduction == "none":
        return losses
    return sum_to(losses, shape=()) / (count if reduction == "mean" else 1)


def _loss_pull(g: Any, x: Any, t: Any, _y: Any, *, reduction: str, axis: int, **attrs: Any) -> Any:
    if reduction != "none":
        return class_loss_pull(g, x, t, axis=axis, mean=reduction == "mean", **attrs)
    one = Value.result(Buffer.scalar(1, x.dtype.code))
    return class_loss_pull(one, x, t, axis=axis, mean=False, **attrs) * reshape(
        g, shape=(*t.shape[:axis], 1, *t.shape[axis:]))


def _pull_formula(g: Any, x: Any, t: Any, *, axis: int, logs: bool, mean: bool, ignored: int) -> Any:
    kept, index, count = _kept(x, t, axis, ignored)
    g = expand(g / count if mean else g, shape=index.shape)
    kept = reshape(kept, shape=index.shape)
    hits = scatter_add(where(kept, g, 0), index, axis=axis, shape=x.shape)
    return -hits if logs else where(kept, _softmax(x, axis) * g, 0) - hits


class_loss_pull = fused(
    "class_loss_pull", formula=_pull_formula, shape=lambda g, x, t, **_: (x.shape, x.dtype),
    compute=lambda out, g, x, t, axis, logs, mean, ignored: KERNELS["class_loss_pull"](
        out, g, x, t, params((axis, logs, mean, ignored))),
    doc="g (softmax(x) - 1 at the class), or of logarithms -g at the class; 0 where the target is ignored")
class_loss = fused(
    "class_loss", _loss_pull, formula=_loss_formula, shape=_loss_shape, compute=_loss,
    doc="-ln softmax(x)[t], or of logarithms -x[t]; 0 where the target is ignored; the mean of the others, sum, or all")
