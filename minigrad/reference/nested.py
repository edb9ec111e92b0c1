"""Nested lists as arrays: the few words the definitions in this package are written in.

An array of shape (2, 3) is a list of two lists of three numbers; an array of shape () is a number.  An axis of size 0
hides the axes after it: [] stands for (0,), and for (0, 3) too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

Nested = Any    # a number, or a list of Nested of equal shapes
Shape = tuple[int, ...]
Index = tuple[int, ...]


def shape(nested: Nested) -> Shape:
    """The sizes of the axes.

    >>> shape([[1, 2, 3], [4, 5, 6]])
    (2, 3)
    """
    sizes = []
    while isinstance(nested, list):
        sizes.append(len(nested))
        if not nested:
            break
        nested = nested[0]
    return tuple(sizes)


def flat(nested: Nested) -> list:
    """All numbers in row-major order.

    >>> flat([[1, 2], [3, 4]])
    [1, 2, 3, 4]
    """
    if not isinstance(nested, list):
        return [nested]
    return [number for part in nested for number in flat(part)]


def unflatten(numbers: Iterable, shape: Sequence[int]) -> Nested:
    """The array of that shape whose numbers in row-major order are `numbers`.

    >>> unflatten([1, 2, 3, 4], (2, 2))
    [[1, 2], [3, 4]]
    """
    numbers = list(numbers)
    if len(numbers) != math.prod(shape):
        raise ValueError(f"unflatten: shape {tuple(shape)} takes {math.prod(shape)} numbers, got {len(numbers)}")

    def build(axis: int, start: int) -> Nested:
        if axis == len(shape):
            return numbers[start]
        step = math.prod(shape[axis + 1:])
        return [build(axis + 1, start + i * step) for i in range(shape[axis])]

    return build(0, 0)


def full(shape: Sequence[int], value: Any) -> Nested:
    """An array filled with one number.

    >>> full((2, 3), 0)
    [[0, 0, 0], [0, 0, 0]]
    """
    if not shape:
        return value
    return [full(shape[1:], value) for _ in range(shape[0])]


def indices(shape: Sequence[int]) -> Iterator[Index]:
    """Every index, in row-major order; exactly one, (), for shape ().

    >>> list(indices((2, 2)))
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    return itertools.product(*map(range, shape))


def get(nested: Nested, index: Sequence[int]) -> Any:
    """The number at an index."""
    for i in index:
        nested = nested[i]
    return nested


def put(nested: Nested, index: Sequence[int], value: Any) -> None:
    """Store a number at a non-empty index, in place."""
    get(nested, index[:-1])[index[-1]] = value


def broadcast_shapes(*shapes: Sequence[int]) -> Shape:
    """The shape that arrays of these shapes broadcast to: aligned at the last axis, sizes equal or 1.

    >>> broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    ndim = max(map(len, shapes), default=0)
    padded = [(1,) * (ndim - len(s)) + tuple(s) for s in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        wanted = {size for size in sizes if size != 1}
        if len(wanted) > 1:
            raise ValueError(f"broadcast_shapes: shapes {', '.join(str(tuple(s)) for s in shapes)} do not broadcast")
        result.append(wanted.pop() if wanted else 1)
    return tuple(result)


def broadcast(nested: Nested, to: Sequence[int]) -> Nested:
    """The array repeated along new leading axes and along its axes of size 1, to shape `to`.

    >>> broadcast([[1], [2]], (2, 3))
    [[1, 1, 1], [2, 2, 2]]
    """
    own = shape(nested)
    if not math.prod(to):
        return full(to, 0)
    if len(own) > len(to) or any(a not in (1, b) for a, b in zip(own[::-1], reversed(to), strict=False)):
        raise ValueError(f"broadcast: shape {own} does not broadcast to {tuple(to)}")
    lead = len(to) - len(own)
    return unflatten([get(nested, [i if size > 1 else 0 for i, size in zip(index[lead:], own, strict=True)])
                      for index in indices(to)], to)


def pointwise(function: Callable[..., Any], *operands: Nested) -> Nested:
    """`function` of the corresponding numbers of the operands, broadcast against each other.

    >>> pointwise(lambda a, b: a + b, [1, 2, 3], 10)
    [11, 12, 13]
    """
    common = broadcast_shapes(*[shape(operand) for operand in operands])
    columns = [flat(broadcast(operand, common)) for operand in operands]
    return unflatten([function(*numbers) for numbers in zip(*columns, strict=True)], common)
