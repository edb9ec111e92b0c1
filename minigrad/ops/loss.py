"""Losses of numbers x for targets t of the same shape, with their mean or sum: one pass, and one for the derivative.

They are named in LOSSES; `scale` multiplies them, and the mean is a matter of scale.
"""

from math import nan
from typing import Any

from minigrad.dtypes import FLOATS, check_dtype
from minigrad.errors import one_of
from minigrad.fused import fused
from minigrad.kernels import KERNELS, Params
from minigrad.ops.activation import sigmoid
from minigrad.ops.math import abs, clamp, exp, le, log1p, minimum, sign, square, where
from minigrad.ops.softmax import REDUCTIONS, params
from minigrad.ops.view import sum_to
from minigrad_ext.buffer import Buffer


def _huber(d: Any, delta: float) -> Any:
    return where(le(abs(d), delta), square(d) * 0.5, (abs(d) - 0.5 * delta) * delta)


# Each loss and its slopes in x and in t, in the kernel's order.
LOSSES: dict[str, tuple] = {
    "square": (lambda x, t, _: square(x - t), lambda x, t, _: (x - t) * 2, lambda x, t, _: (t - x) * 2),
    "distance": (lambda x, t, _: abs(x - t), lambda x, t, _: sign(x - t), lambda x, t, _: sign(t - x)),
    "huber": (lambda x, t, delta: _huber(x - t, delta), lambda x, t, delta: clamp(x - t, -delta, delta),
              lambda x, t, delta: clamp(t - x, -delta, delta)),
    "logits": (lambda x, t, _: (1 - t) * x - minimum(x, 0) + log1p(exp(-abs(x))), lambda x, t, _: sigmoid(x) - t,
               lambda x, t, _: -x),
}
PLACES = {name: place for place, name in enumerate(LOSSES)}


def _shape(x: Any, t: Any, which: str, reduction: str, scale: float, delta: float) -> Any:
    if x.dtype not in FLOATS:
        check_dtype("loss", "input", x.dtype, *FLOATS)
    if x.shape != t.shape:
        raise ValueError(f"loss: target: got shape {t.shape}, expected {x.shape} as the input's")
    if reduction not in REDUCTIONS:
        one_of("loss", "reduction", reduction, REDUCTIONS)
    return x.shape if reduction == "none" else (), x.dtype


def _scaled(scale: float, reduction: str, size: int) -> float:
    return scale / size if reduction == "mean" and size else scale


def _loss(out: Buffer, x: Buffer, t: Buffer, which: str, reduction: str, scale: float, delta: float) -> None:
    if reduction == "mean" and not x.size:
        KERNELS["fill"](out, Params((0,), (nan,)))
    else:
        KERNELS["loss"](out, x, t, params((PLACES[which],), (_scaled(scale, reduction, x.size), delta)))


def _formula(x: Any, t: Any, *, which: str, reduction: str, scale: float, delta: float) -> Any:
    losses = LOSSES[which][0](x, t, delta) * scale
    if reduction == "none":
        return losses
    return sum_to(losses, shape=()) / (x.buffer.size if reduction == "mean" else 1)


def _pull(slot: int) -> Any:
    def rule(g: Any, x: Any, t: Any, _y: Any, *, reduction: str, scale: float, **attrs: Any) -> Any:
        return loss_pull(g, x, t, slot=slot, scale=_scaled(scale, reduction, x.buffer.size), **attrs)
    return rule


loss_pull = fused(
    "loss_pull", shape=lambda g, x, t, **_: (x.shape, x.dtype),
    compute=lambda out, g, x, t, which, slot, scale, delta: KERNELS["loss_pull"](
        out, g, x, t, params((PLACES[which], slot), (scale, delta))),
    formula=lambda g, x, t, which, slot, scale, delta: LOSSES[which][1 + slot](x, t, delta) * (g * scale),
    doc="g times the slope of a loss in x or in t")
loss = fused(
    "loss", _pull(0), _pull(1), formula=_formula, shape=_shape, compute=_loss, promotes="number",
    doc="square (x - t)^2, distance |x - t|, Huber's, or the cross entropy of sigmoid(x); mean, sum, or all")
