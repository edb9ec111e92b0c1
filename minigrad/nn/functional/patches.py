"""All windows of an image side by side, and back: each other's transpose, in one, two and three dimensions.

The windows are a strided view of the padded image; `unfold` copies it once, `fold` goes all
its steps back and so adds up where they overlap.
(im2col and col2im: a convolution is a matrix product with the unfolded input.)
"""

import math
from typing import Any

from minigrad.geometry import Geometry, Padding, PerAxis
from minigrad.nn.functional.checks import check_shape, check_tensor
from minigrad.node import Meta
from minigrad.op import Linear
from minigrad.ops.view import embed, flat_view, permute, slice, windows
from minigrad.shapes import shape_of
from minigrad.tensor import Tensor

__all__ = ["fold", "unfold"]


def _axes(sizes: Any) -> int:
    """How many spatial axes an argument speaks of; one number alone means two, as in PyTorch."""
    return len(sizes) if isinstance(sizes, (tuple, list)) else 2


def _steps(lead: tuple[int, ...], geometry: Geometry) -> list[tuple[Linear, dict[str, Any]]]:
    """From (*lead, *input) to (*lead, *kernel, *output), two axes leading: ops and what they take."""
    ndim, zeros = geometry.ndim, (0,) * geometry.ndim
    steps: list[tuple[Linear, dict[str, Any]]] = []
    if geometry.low != zeros or geometry.high != zeros:
        padded = map(sum, zip(geometry.input, geometry.low, geometry.high, strict=True))
        steps += [(embed, {"starts": (0, 0, *geometry.low), "steps": (1,) * (2 + ndim), "shape": (*lead, *padded)})]
    for axis in range(ndim):
        steps += [(windows, {"axis": 2 + axis, "size": geometry.span[axis], "step": geometry.stride[axis]})]
    if geometry.span != geometry.kernel:
        steps += [(slice, {"starts": (0, 0, *zeros, *zeros), "steps": (1,) * (2 + ndim) + geometry.dilation,
                           "shape": (*lead, *geometry.output, *geometry.kernel)})]
    return [*steps, (permute, {"axes": (0, 1, *range(2 + ndim, 2 + 2 * ndim), *range(2, 2 + ndim))})]


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
    check_shape(input.ndim - ndim in (1, 2), "unfold", "input", input,
                "(N, C, ...) or (C, ...) with as many spatial axes as kernel_size has")
    shape = input.shape
    geometry = Geometry.of_pool("unfold", shape[-ndim:], kernel_size, stride, padding, dilation)
    lead = (math.prod(shape[:-ndim - 1]), shape[-ndim - 1])
    x = flat_view(input, (*lead, *geometry.input))
    for op, attrs in _steps(lead, geometry):
        x = op(x, **attrs)
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
    taps, count, shape = geometry.n_taps, math.prod(geometry.output), input.shape
    check_shape(len(shape) in (2, 3) and shape[-2] % taps == 0 and shape[-1] == count, "fold", "input", input,
                f"(N, C*{taps}, {count}) or (C*{taps}, {count}): {taps} taps, {geometry.output} windows in {size}")
    lead = (math.prod(shape[:-2]), shape[-2] // taps)
    steps, before = _steps(lead, geometry), [Meta((*lead, *size), input.dtype)]
    for op, attrs in steps:
        before.append(Meta(*op.shape(before[-1], **attrs)))
    x = flat_view(input, before.pop().shape)
    for (op, attrs), meta in zip(steps[::-1], before[::-1], strict=True):
        x = op.transpose(x, meta, **attrs)
    return flat_view(x, (*shape[:-2], lead[1], *size))
