"""Picking and placing by position.  `into` is what the output holds before the call; it is not changed."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

from minigrad.reference.nested import Nested, Shape, flat, full, get, indices, put, shape, unflatten


def _places(index: Nested, axis: int, size: int) -> list[tuple[Shape, Shape]]:
    """For each place of the index, in row-major order, that place and the one it points to along the axis."""
    pairs: list[tuple[Shape, Shape]] = []
    for place in indices(shape(index)) if flat(index) else ():
        i = get(index, place)
        if not 0 <= i < size:
            raise IndexError(f"index {i} is out of range")
        pairs.append((place, (*place[:axis], i, *place[axis + 1:]) if place else ()))
    return pairs


def _size(x: Nested, axis: int) -> int:
    return shape(x)[axis] if isinstance(x, list) else 1


def gather(x: Nested, index: Nested, *, axis: int) -> Nested:
    """out[.., j, ..] = x[.., index[.., j, ..], ..]

    >>> gather([[1, 2, 3], [4, 5, 6]], [[2, 0], [1, 1]], axis=1)
    [[3, 1], [5, 5]]
    """
    return unflatten([get(x, there) for _, there in _places(index, axis, _size(x, axis))], shape(index))


def scatter_add(src: Nested, index: Nested, *, axis: int, into: Nested) -> Nested:
    """out[.., index[.., j, ..], ..] += src[.., j, ..]

    >>> scatter_add([1, 2, 3], [0, 2, 0], axis=0, into=[0, 0, 0])
    [4, 0, 2]
    """
    if not isinstance(into, list):
        return into + src
    out = copy.deepcopy(into)
    for here, there in _places(index, axis, _size(into, axis)):
        put(out, there, get(out, there) + get(src, here))
    return out


def scatter(src: Nested, index: Nested, *, axis: int, into: Nested) -> Nested:
    """out[.., index[.., j, ..], ..] = src[.., j, ..]; the last of several wins."""
    if not isinstance(into, list):
        return src
    out = copy.deepcopy(into)
    for here, there in _places(index, axis, _size(into, axis)):
        put(out, there, get(src, here))
    return out


def add_into(src: Nested, *, into: list, positions: Nested) -> list:
    """into[positions[i]] += src[i] for each i; `into` is the memory under the view, as a flat list.

    >>> add_into([[1, 2], [3, 4]], into=[0, 0, 0], positions=[[0, 1], [1, 2]])
    [1, 5, 4]
    """
    out = list(into)
    for position, number in zip(flat(positions), flat(src), strict=True):
        out[position] += number
    return out


def nonzero(x: Nested) -> list[list[int]]:
    """The positions of the set elements in row-major order.

    >>> nonzero([[True, False], [True, True]])
    [[0, 0], [1, 0], [1, 1]]
    """
    if not flat(x):
        return []
    return [list(index) for index in indices(shape(x)) if get(x, index)]


def sort(x: Nested, *, axis: int, descending: bool = False) -> tuple[Nested, Nested]:
    """The values along the axis in order, and where each came from; equals keep their order, NaN is the largest.

    >>> sort([3, 1, 2, 1], axis=0)
    ([1, 1, 2, 3], [1, 3, 2, 0])
    """
    def precedes(a: Any, b: Any) -> bool:
        return (b != b and a == a) or a < b

    def compare(one: tuple[Any, int], other: tuple[Any, int]) -> int:
        sign = 1 if descending else -1
        return sign if precedes(one[0], other[0]) else -sign if precedes(other[0], one[0]) else 0

    if not isinstance(x, list):
        return x, 0
    sizes = shape(x)
    values, positions = full(sizes, 0), full(sizes, 0)
    if not flat(x):
        return values, positions
    for start in indices([1 if j == axis else n for j, n in enumerate(sizes)]):
        line = [(*start[:axis], j, *start[axis + 1:]) for j in range(sizes[axis])]
        pairs = sorted([(get(x, place), j) for j, place in enumerate(line)], key=functools.cmp_to_key(compare))
        for place, (value, position) in zip(line, pairs, strict=True):
            put(values, place, value)
            put(positions, place, position)
    return values, positions


def argsort(x: Nested, *, axis: int, descending: bool) -> Nested:
    """Where the elements come from that `sort` gives."""
    return sort(x, axis=axis, descending=descending)[1]


def scatter_index(index: Nested, *, axis: int, shape: Shape) -> Nested:
    """For each place of `shape` the last j with index[.., j, ..] = that place on the axis, -1 where there is none."""
    out = full(shape, -1)
    for here, there in _places(index, axis, shape[axis]):
        put(out, there, here[axis])
    return out


KERNELS: dict[str, Callable[..., Any]] = {
    "gather": gather, "scatter_add": scatter_add, "scatter": scatter, "add_into": add_into, "nonzero": nonzero,
    "sort": sort, "argsort": argsort, "scatter_index": scatter_index,
}
