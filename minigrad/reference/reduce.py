"""Reductions: each output is a function of the list of elements that fall on it.

`shape` is the output's: the input's, with size 1 on the axes to reduce.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minigrad.reference.nested import Nested, Shape, flat, full, get, indices, put, shape, unflatten


def reduced(function: Callable[[list], Any]) -> Callable[..., Nested]:
    """The reduction of nested lists, from the function of a list of numbers."""
    def kernel(x: Nested, *, shape: Shape) -> Nested:
        lists: dict[tuple[int, ...], list] = {index: [] for index in indices(shape)}
        for index in indices(_shape_of(x)):
            lists[tuple(0 if n == 1 else i for i, n in zip(index, shape, strict=True))].append(get(x, index))
        return unflatten([function(numbers) for numbers in lists.values()], shape)
    return kernel


def _shape_of(x: Nested) -> Shape:
    """The shape, or (0,) alone for anything empty, so that there is no index to go through."""
    return shape(x) if flat(x) else (0,)


def total(numbers: list) -> Any:
    """The sum: exact for integers, correctly rounded for reals."""
    if all(isinstance(x, int) for x in numbers):
        return sum(numbers)
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError, TypeError):  # inf - inf, or too large on the way, or what only adds (matrix)
        return sum(numbers)


def first_largest(numbers: list) -> int:
    """The first position of the largest number; a NaN is larger than all."""
    best = 0
    for j, x in enumerate(numbers):
        if x > numbers[best] or (x != x and numbers[best] == numbers[best]):
            best = j
    return best


def first_smallest(numbers: list) -> int:
    """The first position of the smallest number; a NaN is smaller than all."""
    best = 0
    for j, x in enumerate(numbers):
        if x < numbers[best] or (x != x and numbers[best] == numbers[best]):
            best = j
    return best


def logsumexp(numbers: list) -> float:
    """ln(sum(e^x)), about the largest x so that nothing overflows."""
    if not numbers:
        return -math.inf
    peak = numbers[first_largest(numbers)]
    if not math.isfinite(peak):
        return peak
    return peak + math.log(math.fsum(math.exp(x - peak) for x in numbers))


def positions(function: Callable[[list], int]) -> Callable[..., Nested]:
    """argmax or argmin along an axis, which the result keeps at size 1."""
    def kernel(x: Nested, *, axis: int) -> Nested:
        sizes = shape(x)
        along = reduced(function)
        return along(x, shape=tuple(1 if j == axis else n for j, n in enumerate(sizes)))
    return kernel


def cumsum(x: Nested, *, axis: int, reverse: bool = False) -> Nested:
    """y[.., j, ..] = x[.., 0, ..] + ... + x[.., j, ..], or from j to the end."""
    if not isinstance(x, list):
        return x
    sizes = shape(x)
    y = full(sizes, 0)
    if not flat(x):
        return y
    for index in indices(sizes):
        j = index[axis]
        others = range(j, sizes[axis]) if reverse else range(j + 1)
        put(y, index, total([get(x, (*index[:axis], i, *index[axis + 1:])) for i in others]))
    return y


KERNELS: dict[str, Callable[..., Any]] = {
    "sum": reduced(total),
    "mean": reduced(lambda numbers: total(numbers) / len(numbers) if numbers else math.nan),
    "amax": reduced(lambda numbers: numbers[first_largest(numbers)]),
    "amin": reduced(lambda numbers: numbers[first_smallest(numbers)]),
    "any": reduced(any),
    "all": reduced(all),
    "logsumexp": reduced(logsumexp),
    "argmax": positions(first_largest),
    "argmin": positions(first_smallest),
    "cumsum": cumsum,
}
