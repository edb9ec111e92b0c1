"""Pools by definition: look at each window, tap by tap.

Window o holds the input positions  i = o*stride + t*dilation - low  that exist.  Max pooling is split in two: the
index of each window's first maximum here, and a gather at these indices.  Average pooling is linear, so it has a
transpose.
"""

from __future__ import annotations

from collections.abc import Iterator

from minigrad.geometry import Geometry
from minigrad.reference.nested import Index, Nested, full, get, indices, put


def window(geometry: Geometry, o: Index) -> Iterator[Index]:
    """The input positions of window o, in tap order; those in the padding may lie outside the input."""
    for t in indices(geometry.kernel):
        yield tuple(a * s + b * d - low for a, s, b, d, low in
                    zip(o, geometry.stride, t, geometry.dilation, geometry.low, strict=True))


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


KERNELS = {"max_pool_index": max_pool_index, "avg_pool": avg_pool, "avg_unpool": avg_unpool}
