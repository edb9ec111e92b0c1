"""All windows of an image side by side, and back: each other's transpose, in one, two and three dimensions.

The windows are a strided view of the padded image; `unfold` copies it once, `fold` adds up where they overlap.
(im2col and col2im: a convolution is a matrix product with the unfolded input.)
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.geometry import Geometry, Padding, PerAxis
from minigrad.nn.functional.checks import check_tensor
from minigrad.ops.view import embed, flat_view, overlap_add, permute, slice, windows
from minigrad.shapes import shape_of
from minigrad.tensor import Tensor

__all__ = ["fold", "unfold"]


def _axes(sizes: Any) -> int:
    """How many spatial axes an argument speaks of; one number alone means two, as in PyTorch."""
    return len(sizes) if isinstance(sizes, (tuple, list)) else 2


def _padded(geometry: Geometry) -> tuple[int, ...]:
    return tuple([n + low + high for n, low, high in
                  zip(geometry.input, geometry.low, geometry.high, strict=True)])


def unfold(input: Tensor, kernel_size: PerAxis, dilation: PerAxis = 1, padding: Padding = 0,
           stride: PerAxis = 1) -> Tensor:
    """The windows of (N, C, *I) or (C, *I) as columns: (N, C prod(kernel), L), L windows in row-major order.

    As many spatial axes as `kernel_size` has numbers, 1 to 3; two (three for a 5-d input) if it is an int.

    >>> import minigrad
    >>> unfold(minigrad.arange(4.0).reshape(1, 1, 4), (2,)).tolist()
    [[[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]]
    """
    check_tensor("unfold", "input", input)
    ndim = 3 if input.ndim == 5 and not isinstance(kernel_size, (tuple, list)) else _axes(kernel_size)
    if input.ndim not in (ndim + 1, ndim + 2):
        raise ValueError(f"unfold: input: got shape {input.shape}, expected (N, C, ...) or (C, ...) with {ndim} "
                         f"spatial axes, as kernel_size {kernel_size} has")
    shape = input.shape
    geometry = Geometry.of_pool("unfold", shape[-ndim:], kernel_size, stride, padding, dilation)
    lead = (math.prod(shape[:-ndim - 1]), shape[-ndim - 1])
    x = flat_view(input, (*lead, *geometry.input))
    if any(geometry.low) or any(geometry.high):
        x = embed(x, starts=(0, 0, *geometry.low), steps=(1,) * x.ndim, shape=(*lead, *_padded(geometry)))
    for axis in range(ndim):
        x = windows(x, axis=2 + axis, size=geometry.span[axis], step=geometry.stride[axis])
    if geometry.span != geometry.kernel:
        x = slice(x, starts=(0,) * x.ndim, steps=(1,) * (2 + ndim) + geometry.dilation,
                  shape=(*lead, *geometry.output, *geometry.kernel))
    x = permute(x, axes=(0, 1, *range(2 + ndim, 2 + 2 * ndim), *range(2, 2 + ndim)))
    return flat_view(x, (*shape[:-ndim - 1], lead[1] * geometry.n_taps, math.prod(geometry.output)))


def fold(input: Tensor, output_size: PerAxis, kernel_size: PerAxis, dilation: PerAxis = 1, padding: Padding = 0,
         stride: PerAxis = 1) -> Tensor:
    """The transpose of `unfold`: columns (N, C prod(kernel), L) laid out as windows and added up, (N, C, *output_size).

    As many spatial axes as `output_size` (else `kernel_size`) has numbers; two if both are ints.

    >>> import minigrad
    >>> fold(minigrad.ones(1, 2, 3), (4,), (2,)).tolist()
    [[[1.0, 2.0, 2.0, 1.0]]]
    """
    check_tensor("fold", "input", input)
    ndim = _axes(kernel_size if isinstance(output_size, int) else output_size)
    size = (output_size,) * ndim if isinstance(output_size, int) else shape_of("fold", output_size, "output_size")
    geometry = Geometry.of_pool("fold", size, kernel_size, stride, padding, dilation)
    taps, count = geometry.n_taps, math.prod(geometry.output)
    if input.ndim not in (2, 3) or input.shape[-2] % taps or input.shape[-1] != count:
        raise ValueError(f"fold: input: got shape {input.shape}, expected (N, C*{taps}, {count}) or (C*{taps}, "
                         f"{count}): {taps} taps, {geometry.output} windows in {size}")
    shape = input.shape
    lead = (math.prod(shape[:-2]), shape[-2] // taps)
    x = flat_view(input, (*lead, *geometry.kernel, *geometry.output))
    x = permute(x, axes=(0, 1, *range(2 + ndim, 2 + 2 * ndim), *range(2, 2 + ndim)))
    if geometry.span != geometry.kernel:
        x = embed(x, starts=(0,) * x.ndim, steps=(1,) * (2 + ndim) + geometry.dilation,
                  shape=(*lead, *geometry.output, *geometry.span))
    padded = _padded(geometry)
    for axis in reversed(range(ndim)):
        x = overlap_add(x, shape=(*x.shape[:2 + axis], padded[axis], *x.shape[3 + axis:-1]), axis=2 + axis,
                        size=geometry.span[axis], step=geometry.stride[axis])
    if padded != size:
        x = slice(x, starts=(0, 0, *geometry.low), steps=(1,) * x.ndim, shape=(*lead, *size))
    return flat_view(x, (*shape[:-2], lead[1], *size))
