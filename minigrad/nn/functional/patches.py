"""Numbers that change places: windows of an image as columns and back, channels exchanged for places.

The windows are a strided view of the padded image; `unfold` copies it once, `fold` goes all its steps back and so adds
up where they overlap: each other's transpose, in one, two and three dimensions.  (im2col and col2im: a convolution is a
matrix product with the unfolded input.)
"""

import math
from typing import Any

from minigrad.errors import require
from minigrad.geometry import Geometry, Padding, PerAxis
from minigrad.nn.functional.checks import check_shape
from minigrad.node import Meta
from minigrad.op import Linear
from minigrad.ops.view import embed, flat_view, permute, slice, windows
from minigrad.shapes import integer, shape_of
from minigrad.tensor import Tensor

__all__ = ["channel_shuffle", "fold", "pixel_shuffle", "pixel_unshuffle", "unfold"]


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
    ndim = 3 if input.ndim == 5 and not isinstance(kernel_size, (tuple, list)) else _axes(kernel_size)
    check_shape(input.ndim - ndim in (1, 2), "unfold", "input", input,
                "(N, C, ...) or (C, ...) with as many spatial axes as kernel_size has")
    shape = input.shape
    geometry = Geometry.of_pool("unfold", shape[-ndim:], kernel_size, stride, padding, dilation)
    lead = (math.prod(shape[:-ndim - 1]), shape[-ndim - 1])
    x = flat_view(input, (*lead, *geometry.input))
    for op, attrs in _steps(lead, geometry):
        x = op(x, **attrs)
    return flat_view(x, (*shape[:-ndim - 1], lead[1] * math.prod(geometry.kernel), math.prod(geometry.output)))


def fold(input: Tensor, output_size: PerAxis, kernel_size: PerAxis, dilation: PerAxis = 1, padding: Padding = 0,
         stride: PerAxis = 1) -> Tensor:
    """The transpose of `unfold`: columns (N, C prod(kernel), L) laid out as windows and added up, (N, C, *output_size).

    As many spatial axes as `output_size` (else `kernel_size`) has numbers; two if both are ints.

    >>> import minigrad
    >>> fold(minigrad.ones(1, 2, 3), (4,), (2,)).tolist()
    [[[1.0, 2.0, 2.0, 1.0]]]
    """
    ndim = _axes(kernel_size if isinstance(output_size, int) else output_size)
    size = (output_size,) * ndim if isinstance(output_size, int) else shape_of("fold", output_size, "output_size")
    geometry = Geometry.of_pool("fold", size, kernel_size, stride, padding, dilation)
    taps, count, shape = math.prod(geometry.kernel), math.prod(geometry.output), input.shape
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


# ---- channels and places

def _shuffled(op: str, name: str, x: Any, factor: int, axes: int) -> tuple[int, tuple[int, ...], int, tuple[int, ...]]:
    """The checked factor, the leading sizes, the channels, and the `axes` last sizes."""
    r, shape = integer(op, name, factor), x.shape
    require(r >= 1, op, name, r, "at least 1")
    check_shape(1 <= axes <= 3 and x.ndim > axes, op, "input", x, "channels and 1 to 3 spatial axes")
    return r, shape[:-axes - 1], shape[-axes - 1], shape[x.ndim - axes:]


def pixel_shuffle(input: Tensor, upscale_factor: int, *, axes: int = 2) -> Tensor:
    """Channels spread over places: (*, C r^2, H, W) to (*, C, H r, W r); r^`axes` for another number of spatial axes.

        out[c, h r + a, w r + b] = input[(c r + a) r + b, h, w]

    Source: Shi et al. 2016, sub-pixel convolution.

    >>> import minigrad
    >>> pixel_shuffle(minigrad.arange(4.0).reshape(1, 4, 1, 1), 2).tolist()
    [[[[0.0, 1.0], [2.0, 3.0]]]]
    """
    r, lead, channels, sizes = _shuffled("pixel_shuffle", "upscale_factor", input, upscale_factor, axes)
    channels, rest = divmod(channels, r ** axes)
    check_shape(rest == 0, "pixel_shuffle", "input", input, f"a multiple of {r}^{axes} channels")
    x = flat_view(input, (math.prod(lead), channels, *(r,) * axes, *sizes))
    x = permute(x, axes=(0, 1, *[j for axis in range(axes) for j in (2 + axes + axis, 2 + axis)]))
    return flat_view(x, (*lead, channels, *[n * r for n in sizes]))


def pixel_unshuffle(input: Tensor, downscale_factor: int, *, axes: int = 2) -> Tensor:
    """Places gathered into channels, the way back from `pixel_shuffle`: (*, C, H r, W r) to (*, C r^2, H, W).

    >>> import minigrad
    >>> pixel_unshuffle(minigrad.arange(4.0).reshape(1, 1, 2, 2), 2).tolist()
    [[[[0.0]], [[1.0]], [[2.0]], [[3.0]]]]
    """
    r, lead, channels, sizes = _shuffled("pixel_unshuffle", "downscale_factor", input, downscale_factor, axes)
    check_shape(not any(n % r for n in sizes), "pixel_unshuffle", "input", input, f"multiples of {r}")
    x = flat_view(input, (math.prod(lead), channels, *[n for size in sizes for n in (size // r, r)]))
    x = permute(x, axes=(0, 1, *range(3, 3 + 2 * axes, 2), *range(2, 2 + 2 * axes, 2)))
    return flat_view(x, (*lead, channels * r ** axes, *[n // r for n in sizes]))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels dealt out anew among groups: (N, C, ...) seen as (N, groups, C/groups, ...) with the two exchanged.

    Source: Zhang et al. 2017, ShuffleNet.

    >>> import minigrad
    >>> channel_shuffle(minigrad.arange(4.0).reshape(1, 4, 1), 2).flatten().tolist()
    [0.0, 2.0, 1.0, 3.0]
    """
    g, shape = integer("channel_shuffle", "groups", groups), input.shape
    check_shape(input.ndim > 2 and g > 0 and shape[1] % g == 0, "channel_shuffle", "input", input,
                f"(N, C, ...) with a multiple of {g} channels")
    x = flat_view(input, (shape[0], g, shape[1] // g, math.prod(shape[2:])))
    return flat_view(permute(x, axes=(0, 2, 1, 3)), shape)
