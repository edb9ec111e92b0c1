"""Losses of numbers x for targets t, and their slopes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minigrad.reference.nested import Nested, flat, pointwise


def clipped(d: float, delta: float) -> float:
    return max(-delta, min(delta, d))


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


# Of x, t and delta: the loss, and its slopes in x and in t.
LOSSES: dict[str, tuple] = {
    "square": (lambda x, t, _: (x - t) ** 2, lambda x, t, _: 2 * (x - t), lambda x, t, _: 2 * (t - x)),
    "distance": (lambda x, t, _: abs(x - t), lambda x, t, _: (x > t) - (x < t), lambda x, t, _: (t > x) - (t < x)),
    "huber": (lambda x, t, delta: (x - t) ** 2 / 2 if abs(x - t) <= delta else delta * (abs(x - t) - delta / 2),
              lambda x, t, delta: clipped(x - t, delta), lambda x, t, delta: clipped(t - x, delta)),
    "logits": (lambda x, t, _: (1 - t) * x - min(x, 0) + math.log1p(math.exp(-abs(x))),
               lambda x, t, _: logistic(x) - t, lambda x, t, _: -x),
}


def loss(x: Nested, t: Nested, *, which: str, reduction: str, scale: float, delta: float) -> Nested:
    """The loss of each element, times the scale; their mean, sum, or all of them.

    >>> loss([1.0, 4.0], [1.0, 2.0], which="square", reduction="mean", scale=1.0, delta=1.0)
    2.0
    """
    losses = pointwise(lambda a, b: scale * LOSSES[which][0](a, b, delta), x, t)
    if reduction == "none":
        return losses
    count = len(flat(losses)) if reduction == "mean" else 1
    return math.fsum(flat(losses)) / count if count else math.nan


def loss_pull(g: Nested, x: Nested, t: Nested, *, which: str, slot: int, scale: float, delta: float) -> Nested:
    """The slope of each loss in x (slot 0) or t (slot 1), times g and the scale."""
    return pointwise(lambda c, a, b: c * scale * LOSSES[which][1 + slot](a, b, delta), g, x, t)


KERNELS: dict[str, Callable[..., Any]] = {"loss": loss, "loss_pull": loss_pull}
