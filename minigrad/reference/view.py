"""Moving numbers without changing them, by definition: which number of the input stands where in the result.

Half of these only read x at another index.  The other half are their transposes: they add x into zeros at that index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minigrad.reference import math as casts, nested
from minigrad.reference.nested import Index, Nested, Shape, flat, full, get, indices, put, unflatten


def build(shape: Sequence[int], at: Callable[[Index], Any]) -> Nested:
    """The array whose number at each index is `at(index)`."""
    return unflatten([at(index) for index in indices(shape)], shape)


def added(shape: Sequence[int], terms: Iterator[tuple[Index, Any]]) -> Nested:
    """Zeros, to which the number of each (index, number) is added."""
    out = full(shape, 0)
    for index, value in terms:
        if not index:
            out += value
        else:
            put(out, index, get(out, index) + value)
    return out


def alias(x: Nested) -> Nested:
    """x itself."""
    return build(nested.shape(x), lambda index: get(x, index))


def reshape(x: Nested, *, shape: Shape) -> Nested:
    """The same numbers in row-major order.

    >>> reshape([[1, 2, 3], [4, 5, 6]], shape=(3, 2))
    [[1, 2], [3, 4], [5, 6]]
    """
    return unflatten(flat(x), shape)


def permute(x: Nested, *, axes: Shape) -> Nested:
    """Axis j of the result is axis axes[j] of x.

    >>> permute([[1, 2, 3], [4, 5, 6]], axes=(1, 0))
    [[1, 4], [2, 5], [3, 6]]
    """
    own = nested.shape(x)
    return build([own[axis] for axis in axes], lambda index: get(x, [index[axes.index(j)] for j in range(len(axes))]))


def source(index: Index, own: Shape) -> Index:
    """Where an array of shape `own` is read for `index` of what it broadcasts to."""
    return tuple(0 if size == 1 else i for i, size in zip(index[len(index) - len(own):], own, strict=True))


def expand(x: Nested, *, shape: Shape) -> Nested:
    """Repeated along new leading axes and along axes of size 1.

    >>> expand([[1], [2]], shape=(2, 3))
    [[1, 1, 1], [2, 2, 2]]
    """
    return build(shape, lambda index: get(x, source(index, nested.shape(x))))


def sum_to(x: Nested, *, shape: Shape) -> Nested:
    """Summed over the axes where `shape` has size 1 or no axis: the transpose of `expand`.

    >>> sum_to([[1, 2, 3], [4, 5, 6]], shape=(2, 1))
    [[6], [15]]
    """
    return added(shape, ((source(index, shape), get(x, index)) for index in indices(nested.shape(x))))


def strided(index: Index, starts: Shape, steps: Shape) -> Index:
    """start + i*step on each axis."""
    return tuple(start + i * step for i, start, step in zip(index, starts, steps, strict=True))


def slice(x: Nested, *, starts: Shape, steps: Shape, shape: Shape) -> Nested:
    """out[i] = x[start + i*step] on each axis.

    >>> slice([1, 2, 3, 4, 5], starts=(3,), steps=(-2,), shape=(2,))
    [4, 2]
    """
    return build(shape, lambda index: get(x, strided(index, starts, steps)))


def embed(x: Nested, *, starts: Shape, steps: Shape, shape: Shape) -> Nested:
    """out[start + i*step] = x[i] on each axis, 0 elsewhere: the transpose of `slice`.

    >>> embed([1, 2], starts=(1,), steps=(2,), shape=(5,))
    [0, 1, 0, 2, 0]
    """
    return added(shape, ((strided(index, starts, steps), get(x, index)) for index in indices(nested.shape(x))))


def on_diagonal(index: Index, offset: int, axis1: int, axis2: int) -> Index:
    """The place of element `index[-1]` of the diagonal, the other axes in order."""
    i = index[-1]
    at = {axis1: i - min(offset, 0), axis2: i + max(offset, 0)}
    others = iter(index[:-1])
    return tuple(at[axis] if axis in at else next(others) for axis in range(len(index) + 1))


def diagonal(x: Nested, *, offset: int, axis1: int, axis2: int) -> Nested:
    """The elements with index j + offset on axis2 for index j on axis1, as the last axis.

    >>> diagonal([[1, 2, 3], [4, 5, 6]], offset=1, axis1=0, axis2=1)
    [2, 6]
    """
    own = nested.shape(x)
    length = max(0, min(own[axis1] + min(offset, 0), own[axis2] - max(offset, 0)))
    shape = [size for axis, size in enumerate(own) if axis not in (axis1, axis2)]
    return build([*shape, length], lambda index: get(x, on_diagonal(index, offset, axis1, axis2)))


def diagonal_embed(x: Nested, *, shape: Shape, offset: int, axis1: int, axis2: int) -> Nested:
    """The last axis of x on a diagonal of zeros: the transpose of `diagonal`.

    >>> diagonal_embed([2, 6], shape=(2, 3), offset=1, axis1=0, axis2=1)
    [[0, 2, 0], [0, 0, 6]]
    """
    return added(shape, ((on_diagonal(index, offset, axis1, axis2), get(x, index))
                         for index in indices(nested.shape(x))))


def in_window(index: Index, axis: int, step: int) -> Index:
    """The place of tap index[-1] of window index[axis]."""
    return (*index[:axis], index[axis] * step + index[-1], *index[axis + 1:-1])


def windows(x: Nested, *, axis: int, size: int, step: int) -> Nested:
    """out[.., o, .., t] = x[.., o*step + t, ..].

    >>> windows([1, 2, 3, 4, 5], axis=0, size=2, step=2)
    [[1, 2], [3, 4]]
    """
    own = nested.shape(x)
    shape = (*own[:axis], (own[axis] - size) // step + 1, *own[axis + 1:], size)
    return build(shape, lambda index: get(x, in_window(index, axis, step)))


def overlap_add(x: Nested, *, shape: Shape, axis: int, size: int, step: int) -> Nested:
    """out[.., o*step + t, ..] is the sum of all x[.., o, .., t] that fall there: the transpose of `windows`.

    >>> overlap_add([[1, 2], [3, 4]], shape=(4,), axis=0, size=2, step=1)
    [1, 5, 4, 0]
    """
    return added(shape, ((in_window(index, axis, step), get(x, index)) for index in indices(nested.shape(x))))


def cat(*xs: Nested, axis: int) -> Nested:
    """The arrays one after another along an axis.

    >>> cat([[1], [2]], [[3, 4], [5, 6]], axis=1)
    [[1, 3, 4], [2, 5, 6]]
    """
    if axis == 0:
        return [part for x in xs for part in x]
    return [cat(*parts, axis=axis - 1) for parts in zip(*xs, strict=True)]


def cast(x: Nested, *, dtype: Any) -> Nested:
    """The same numbers in another dtype, as the kernel of that dtype gives them.

    >>> import minigrad
    >>> cast([-1.5, 300.0], dtype=minigrad.uint8)
    [0, 255]
    """
    return casts.KERNELS[f"cast_{dtype.name}"](x)


KERNELS = {row.__name__: row for row in
           (alias, reshape, permute, expand, sum_to, slice, embed, diagonal, diagonal_embed, windows, overlap_add, cat,
            cast)}
