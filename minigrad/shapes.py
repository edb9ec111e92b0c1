"""Shapes without windows: broadcasting, axis numbers, reshape's -1.  Each rule stands here once."""

import functools
from collections.abc import Sequence
from math import prod
from typing import Any

from minigrad.errors import require

MAX_AXES = 8
MAX_SIZE = 2 ** 59      # elements: so their bytes can be counted in 64 bits


@functools.lru_cache(maxsize=4096)
def broadcast(op: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all `shapes` broadcast to: aligned at the right, an axis of size 1 stretches.

    >>> broadcast("add", (3, 1), (4,))
    (3, 4)
    """
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    ndim = max(map(len, shapes))
    result = [1] * ndim
    for shape in shapes:
        for axis, size in enumerate(shape, ndim - len(shape)):
            if size != 1:
                if result[axis] not in (1, size):
                    raise ValueError(f"{op}: shapes {' and '.join(map(str, shapes))} do not broadcast: on axis "
                                     f"{axis - ndim} sizes {result[axis]} and {size} differ and neither is 1")
                result[axis] = size
    return tuple(result)


def integer(op: str, argument: str, value: Any) -> int:
    """`value` as an int; TypeError for anything that is not one (True included)."""
    if type(value) is int:
        return value
    if not isinstance(value, bool) and hasattr(value, "__index__"):
        try:
            return value.__index__()
        except TypeError:               # a tensor or array of more than one integer
            pass
    raise TypeError(f"{op}: {argument}: got {value!r}, expected an int")


def axis_of(op: str, axis: Any, ndim: int, argument: str = "dim") -> int:
    """The axis number counted from the front; a 0-d tensor takes 0 and -1, as in PyTorch."""
    number = integer(op, argument, axis)
    bound = max(ndim, 1)
    if not -bound <= number < bound:
        raise IndexError(f"{op}: {argument}: got {number}, expected from {-bound} to {bound - 1} for {ndim} axes")
    return number % bound


def axes_of(op: str, axes: Any, ndim: int, argument: str = "dim") -> tuple[int, ...]:
    """Axis numbers from one int, several, or None for all; a repeated axis is refused."""
    if axes is None:
        return tuple(range(ndim))
    listed = axes if isinstance(axes, (tuple, list)) else [axes]
    result = tuple([axis_of(op, axis, ndim, argument) for axis in listed])
    if len(result) > 1:
        require(len(set(result)) == len(result), op, argument, axes, "no axis twice")
    return result if ndim else ()


def spread(given: tuple) -> tuple:
    """What may be given one by one or as one tuple or list."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


def shape_of(op: str, sizes: Sequence[Any], argument: str = "size") -> tuple[int, ...]:
    """A shape given as ints one by one or as one tuple or list; sizes must not be negative."""
    shape = tuple([integer(op, argument, size) for size in spread(sizes)])      # type: ignore[arg-type]
    if (shape and min(shape) < 0) or len(shape) > MAX_AXES or prod(shape) > MAX_SIZE:
        raise ValueError(f"{op}: {argument}: got {shape}, expected sizes of 0 or more, for at most {MAX_AXES} axes and "
                         "2^59 elements")
    return shape


def reshaped(op: str, shape: tuple[int, ...], sizes: Sequence[Any], argument: str = "shape") -> tuple[int, ...]:
    """The target of a reshape, a single -1 worked out from the number of elements.

    >>> reshaped("reshape", (2, 6), (3, -1))
    (3, 4)
    """
    target = tuple(spread(sizes))       # type: ignore[arg-type]
    size = prod(shape)
    if -1 in target:
        at = target.index(-1)
        rest = prod(target[:at] + target[at + 1:])
        target = (*target[:at], size // rest if rest else -1, *target[at + 1:])
    target = shape_of(op, target, argument)
    if prod(target) != size:
        raise ValueError(f"{op}: {argument}: got {spread(tuple(sizes))}, expected the {size} elements of {shape}")
    return target


def reduced(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with the reduced `axes` kept at size 1."""
    return tuple([1 if axis in axes else size for axis, size in enumerate(shape)])


def dropped(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` without `axes`."""
    return tuple([size for axis, size in enumerate(shape) if axis not in axes])


def check_axis(op: str, axis: int, ndim: int) -> None:
    """IndexError unless `axis`, counted from the front, is one of `ndim` (a 0-d tensor has axis 0, as in PyTorch)."""
    if not 0 <= axis < max(ndim, 1):
        raise IndexError(f"{op}: axis: got {axis}, expected from 0 to {max(ndim, 1) - 1} for {ndim} axes")


def check_reduced(op: str, shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    """ValueError unless `target` is `shape` with size 1 on some axes."""
    if len(shape) != len(target) or any(to not in (1, size) for size, to in zip(shape, target, strict=True)):
        raise ValueError(f"{op}: shape: got {target}, expected {shape} with size 1 on the reduced axes")
