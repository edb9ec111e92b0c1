"""Pools by definition: look at each window, tap by tap.

Window o holds the input positions  i = o*stride + t*dilation - low  that exist.  Max pooling is split in two: the
index of each window's first maximum, and a choice at these indices.  That choice is linear, as average pooling is, so
both have a transpose.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from minigrad.geometry import Geometry
from minigrad.reference.nested import Index, Nested, flat, full, get, indices, pointwise, put, unflatten


def window(geometry: Geometry, o: Index) -> Iterator[Index]:
    """The input positions of window o, in tap order; those in the padding may lie outside the input.

    A region, marked by stride 0, runs from floor(o I/O) to ceil((o+1) I/O).

    >>> list(window(Geometry.of_regions("pool", (5,), (2,)), (1,)))
    [(2,), (3,), (4,)]
    """
    axes = []
    for a, size, n, taps, s, d, low in zip(o, geometry.input, geometry.output, geometry.kernel, geometry.stride,
                                           geometry.dilation, geometry.low, strict=True):
        axes.append([a * s + t * d - low for t in range(taps)] if s else range(a * size // n, -(-(a + 1) * size // n)))
    return itertools.product(*axes)


def inside(geometry: Geometry, i: Index) -> bool:
    return all(0 <= position < size for position, size in zip(i, geometry.input, strict=True))


def flat_position(geometry: Geometry, i: Index) -> int:
    """The row-major number of an input position."""
    number = 0
    for position, size in zip(i, geometry.input, strict=True):
        number = number * size + position
    return number


def max_pool_index(x: Nested, *, geometry: Geometry) -> Nested:
    """The flat input position of the first largest element of each window; a NaN is larger than any number.

    -1 where a window meets no element.

    >>> max_pool_index([[[1, 5, 2, 2]]], geometry=Geometry.of_pool("max_pool1d", (4,), 2))
    [[[1, 2]]]
    """
    out = full((len(x), len(x[0]) if x else 0, *geometry.output), -1)
    for n, channels in enumerate(x):
        for c, image in enumerate(channels):
            for o in indices(geometry.output):
                best = None
                for i in window(geometry, o):
                    if not inside(geometry, i):
                        continue
                    value = get(image, i)
                    if best is None or value > best or (value != value and best == best):
                        best = value
                        put(out[n][c], o, flat_position(geometry, i))
    return out


def divisor(geometry: Geometry, o: Index, count_include_pad: bool, divisor_override: int | None) -> int:
    """What the sum over window o is divided by: the taps inside the input or the padded input, or a given number.

    With ceil_mode a window may reach beyond the padded input; what lies there is never counted.
    """
    if divisor_override:
        return divisor_override
    if not count_include_pad:
        return sum(inside(geometry, i) for i in window(geometry, o))
    ends = [size + high for size, high in zip(geometry.input, geometry.high, strict=True)]
    return sum(all(position < end for position, end in zip(i, ends, strict=True)) for i in window(geometry, o))


def avg_pool(x: Nested, *, geometry: Geometry, count_include_pad: bool = True,
             divisor_override: int | None = None) -> Nested:
    """out[n,c,o] = sum of window o / divisor(o); 0 where nothing is counted.

    >>> avg_pool([[[1, 5, 2, 2]]], geometry=Geometry.of_pool("avg_pool1d", (4,), 2))
    [[[3.0, 2.0]]]
    """
    out = full((len(x), len(x[0]) if x else 0, *geometry.output), 0.0)
    for n, channels in enumerate(x):
        for c, image in enumerate(channels):
            for o in indices(geometry.output):
                total = sum(get(image, i) for i in window(geometry, o) if inside(geometry, i))
                count = divisor(geometry, o, count_include_pad, divisor_override)
                put(out[n][c], o, total / count if count else 0.0)
    return out


def avg_unpool(g: Nested, *, geometry: Geometry, count_include_pad: bool = True,
               divisor_override: int | None = None) -> Nested:
    """The transpose of avg_pool: each window hands an equal share to the elements it holds.

    >>> avg_unpool([[[3, 2]]], geometry=Geometry.of_pool("avg_pool1d", (4,), 2))
    [[[1.5, 1.5, 1.0, 1.0]]]
    """
    out = full((len(g), len(g[0]) if g else 0, *geometry.input), 0.0)
    for n, channels in enumerate(g):
        for c, gradient in enumerate(channels):
            for o in indices(geometry.output):
                count = divisor(geometry, o, count_include_pad, divisor_override)
                for i in window(geometry, o):
                    if count and inside(geometry, i):
                        put(out[n][c], i, get(out[n][c], i) + get(gradient, o) / count)
    return out


def max_pool(t: Nested, x: Nested, *, geometry: Geometry) -> Nested:
    """out[n,c,o] = t at the position of the first largest x of window o; 0 where there is none.

    >>> max_pool([[[9, 8, 7, 6]]], [[[1, 5, 2, 2]]], geometry=Geometry.of_pool("max_pool1d", (4,), 2))
    [[[8, 7]]]
    """
    def picked(plane: Nested, index: Nested) -> Nested:
        numbers = flat(plane)
        return pointwise(lambda i: numbers[i] if i >= 0 else 0, index)

    places = max_pool_index(x, geometry=geometry)
    return [list(map(picked, planes, index)) for planes, index in zip(t, places, strict=True)]


def max_unpool(g: Nested, x: Nested, *, geometry: Geometry) -> Nested:
    """The transpose of max_pool: each window hands its number to its first largest x.

    >>> max_unpool([[[9, 8]]], [[[1, 5, 2, 2]]], geometry=Geometry.of_pool("max_pool1d", (4,), 2))
    [[[0, 9, 8, 0]]]
    """
    places = max_pool_index(x, geometry=geometry)
    out = []
    for channels, indexed in zip(g, places, strict=True):
        planes = [[0] * math.prod(geometry.input) for _ in channels]
        for plane, values, index in zip(planes, channels, indexed, strict=True):
            for value, i in zip(flat(values), flat(index), strict=True):
                if i >= 0:
                    plane[i] += value
        out.append([unflatten(plane, geometry.input) for plane in planes])
    return out


KERNELS = {"max_pool_index": max_pool_index, "max_pool": max_pool, "max_unpool": max_unpool,
           "avg_pool": avg_pool, "avg_unpool": avg_unpool}
