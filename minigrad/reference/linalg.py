"""The matrix product, out[.., m, n] = sum over k of a[.., m, k] b[.., k, n] with leading axes that broadcast, and the
dense layer, out[.., n] = sum over k of x[.., k] w[n, k] + bias[n]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.reference.nested import Nested, broadcast_shapes, full, get, indices, put, shape


def matmul(a: Nested, b: Nested) -> Nested:
    """One matrix product for each place of the leading axes.

    >>> matmul([[1, 2], [3, 4]], [[1, 0], [1, 1]])
    [[3, 2], [7, 4]]
    """
    a_shape, b_shape = shape(a), shape(b)
    batch = broadcast_shapes(a_shape[:-2], b_shape[:-2])
    out = full((*batch, a_shape[-2], b_shape[-1]), 0)
    for place in indices(batch):
        left, right = get(a, _own(place, a_shape)), get(b, _own(place, b_shape))
        for m in range(a_shape[-2]):
            for n in range(b_shape[-1]):
                number = 0
                for k in range(b_shape[-2]):
                    number += left[m][k] * right[k][n]
                put(out, (*place, m, n), number)
    return out


def _own(place: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The place of a batch in an operand whose leading axes are fewer, or of size 1."""
    lead = sizes[:-2]
    return tuple(i if n > 1 else 0 for i, n in zip(place[len(place) - len(lead):], lead, strict=True))


def linear(x: Nested, w: Nested, bias: Nested | None = None) -> Nested:
    """Each vector along the last axis of x through one matrix.

    >>> linear([1, 2], [[1, 1], [0, -1]], [0, 5])
    [3, 3]
    """
    lead, features = shape(x)[:-1], len(w)
    out = full((*lead, features), 0)
    for place in indices(lead):
        vector = get(x, place)
        for n in range(features):
            number = bias[n] if bias is not None else 0
            for a, b in zip(vector, w[n], strict=True):
                number += a * b
            put(out, (*place, n), number)
    return out


KERNELS: dict[str, Callable[..., Any]] = {"matmul": matmul, "linear": linear}
