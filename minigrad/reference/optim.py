"""One step of each optimiser for lists of numbers: the arrays after the step, from the arrays before it."""

from __future__ import annotations

import math
from collections.abc import Callable

from minigrad.reference.nested import Nested, flat, shape, unflatten


def _each(update: Callable[..., tuple[float, ...]], *arrays: Nested) -> tuple[Nested, ...]:
    """`update` of corresponding numbers of arrays of equal shapes, which gives one new number for each result."""
    rows = [update(*numbers) for numbers in zip(*map(flat, arrays), strict=True)]
    return tuple(unflatten(column, shape(arrays[0])) for column in zip(*rows, strict=True))


def sgd(p: Nested, g: Nested, buffer: Nested = None, *, lr: float, momentum: float = 0, dampening: float = 0,
        weight_decay: float = 0, nesterov: bool = False, first_step: bool = False, maximize: bool = False
        ) -> tuple[Nested, ...]:
    """(p, buffer) after a step; (p,) without a buffer, that is without momentum."""
    def direction(x: float, slope: float) -> float:
        return (-slope if maximize else slope) + weight_decay * x

    def plain(x: float, slope: float) -> tuple[float]:
        return (x - lr * direction(x, slope),)

    def with_momentum(x: float, slope: float, b: float) -> tuple[float, float]:
        d = direction(x, slope)
        b = d if first_step else momentum * b + (1 - dampening) * d
        return x - lr * (d + momentum * b if nesterov else b), b

    return _each(plain, p, g) if buffer is None else _each(with_momentum, p, g, buffer)


def adam(p: Nested, g: Nested, m: Nested, v: Nested, vmax: Nested = None, *, lr: float, beta1: float, beta2: float,
         eps: float, weight_decay: float = 0, bias_correction1: float, bias_correction2: float,
         maximize: bool = False, decoupled: bool = False) -> tuple[Nested, ...]:
    """(p, m, v) after a step, or (p, m, v, vmax) with AMSGrad; `decoupled` weight decay makes it AdamW."""
    def update(x: float, slope: float, mean: float, square: float, largest: float = 0
               ) -> tuple[float, float, float, float]:
        slope = -slope if maximize else slope
        if decoupled:
            x -= lr * weight_decay * x
        else:
            slope += weight_decay * x
        mean = beta1 * mean + (1 - beta1) * slope
        square = beta2 * square + (1 - beta2) * slope * slope
        largest = max(largest, square)
        size = math.sqrt(square if vmax is None else largest) / math.sqrt(bias_correction2) + eps
        return x - lr / bias_correction1 * mean / size, mean, square, largest

    return _each(update, p, g, m, v)[:3] if vmax is None else _each(update, p, g, m, v, vmax)


KERNELS: dict[str, Callable[..., tuple[Nested, ...]]] = {"sgd": sgd, "adam": adam}
