"""The softmax and the loss of classes, along an axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minigrad.reference.nested import Nested, flat, full, get, indices, put, shape
from minigrad.reference.reduce import logsumexp


def along(function: Callable[..., list]) -> Callable[..., Nested]:
    """A function of lists, one of each operand, on all lists along an axis; numbers are lists of one."""
    def kernel(*operands: Nested, axis: int) -> Nested:
        sizes = shape(operands[0])
        if not sizes:
            return function(*[[x] for x in operands])[0]
        out = full(sizes, 0.0)
        if flat(out):
            for index in indices(sizes[:axis] + sizes[axis + 1:]):
                places = [(*index[:axis], j, *index[axis:]) for j in range(sizes[axis])]
                numbers = function(*[[get(x, place) for place in places] for x in operands])
                for place, number in zip(places, numbers, strict=True):
                    put(out, place, number)
        return out
    return kernel


def logarithms(x: list) -> list:
    """x - ln(sum of e^x); NaN where an infinite number, or nothing but minus infinity, leaves no sense in it."""
    total = logsumexp(x)
    return [value - total if math.isfinite(total) else math.nan for value in x]


def _dot(a: list, b: list) -> float:
    return math.fsum(p * q for p, q in zip(a, b, strict=True))


def class_loss(x: Nested, t: Nested, *, axis: int, logs: bool, reduction: str, ignored: int) -> Nested:
    """-x[t] of logarithms x, or of those that scores x give; 0 where t is ignored.  Their mean leaves those out.

    >>> class_loss([[-1.0, -2.0], [-3.0, -4.0]], [1, -100], axis=1, logs=True, reduction="mean", ignored=-100)
    2.0
    """
    x = x if logs else along(logarithms)(x, axis=axis)
    losses = full(shape(t), 0.0)
    for index in indices(shape(t)):
        target = get(t, index)
        loss = 0.0 if target == ignored else -get(x, (*index[:axis], target, *index[axis:]))
        losses = loss if not index else losses
        if index:
            put(losses, index, loss)
    if reduction == "none":
        return losses
    count = sum(target != ignored for target in flat(t))
    total = math.fsum(flat(losses)) if all(map(math.isfinite, flat(losses))) else sum(flat(losses))
    return total if reduction == "sum" else total / count if count else math.nan


def class_loss_pull(g: float, x: Nested, t: Nested, *, axis: int, logs: bool, mean: bool, ignored: int) -> Nested:
    """The slopes of `class_loss` in x, times g: g (softmax(x) - 1 at the class), of logarithms without the softmax."""
    count = sum(target != ignored for target in flat(t)) if mean else 1
    out = full(shape(x), 0.0) if logs else KERNELS["softmax"](x, axis=axis)
    for index in indices(shape(x)):
        target = get(t, index[:axis] + index[axis + 1:])
        slope = get(out, index) - (index[axis] == target)
        put(out, index, 0.0 if target == ignored else slope * g / count)
    return out


KERNELS: dict[str, Callable[..., Any]] = {
    "softmax": along(lambda x: [math.exp(value) if value == value else value for value in logarithms(x)]),
    "log_softmax": along(logarithms),
    "softmax_pull": along(lambda g, y: [b * (a - _dot(g, y)) for a, b in zip(g, y, strict=True)]),
    "log_softmax_pull": along(lambda g, y: [a - math.exp(b) * math.fsum(g) for a, b in zip(g, y, strict=True)]),
    "class_loss": class_loss,
    "class_loss_pull": class_loss_pull,
}
