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


def rmsprop(p: Nested, g: Nested, v: Nested, m: Nested = None, b: Nested = None, *, lr: float, keep: float,
            fresh: float, eps: float, weight_decay: float = 0, momentum: float = 0, maximize: bool = False
            ) -> tuple[Nested, ...]:
    """(p, v, m, b) after a step, without m if it is not centred, without b if there is no momentum."""
    def update(x: float, slope: float, square: float, *more: float) -> tuple[float, ...]:
        kept = list(more)
        d = (-slope if maximize else slope) + weight_decay * x
        square = size = keep * square + fresh * d * d
        if m is not None:
            kept[0] += fresh * (d - kept[0])
            size -= kept[0] ** 2
        step = d / (math.sqrt(size) + eps)
        if b is not None:
            step = kept[-1] = momentum * kept[-1] + step
        return x - lr * step, square, *kept

    return _each(update, p, g, v, *[array for array in (m, b) if array is not None])


def adadelta(p: Nested, g: Nested, v: Nested, u: Nested, *, lr: float, rho: float, eps: float,
             weight_decay: float = 0, maximize: bool = False) -> tuple[Nested, ...]:
    """(p, v, u) after a step."""
    def update(x: float, slope: float, square: float, moved: float) -> tuple[float, float, float]:
        d = (-slope if maximize else slope) + weight_decay * x
        square = rho * square + (1 - rho) * d * d
        step = math.sqrt(moved + eps) / math.sqrt(square + eps) * d
        return x - lr * step, square, rho * moved + (1 - rho) * step * step

    return _each(update, p, g, v, u)


KERNELS: dict[str, Callable[..., tuple[Nested, ...]]] = {"sgd": sgd, "adam": adam, "rmsprop": rmsprop,
                                                         "adadelta": adadelta}
