"""Pooling, and the ways back, in one, two and three dimensions: one mechanism, three names each.

A pool slides a window without weights over each channel.  Its geometry is that of a convolution (minigrad.geometry), so
stride, padding, dilation and ceil_mode mean the same everywhere.  All but the maximum and the mean is composed of them.
"""

import math
from typing import Any

from minigrad.dtypes import int64
from minigrad.errors import require
from minigrad.functions.create import zeros
from minigrad.functions.index import scatter
from minigrad.functions.reduce import mean, root
from minigrad.functions.signature import Floats
from minigrad.geometry import LIMIT, Geometry, Padding, PerAxis, Stride, per_axis
from minigrad.nn.functional.checks import batched, check_shape, per_dimension, sized, unbatched
from minigrad.ops import pool
from minigrad.ops.math import square
from minigrad.ops.view import embed, flat_view, reshape
from minigrad.shapes import integer
from minigrad.tensor import Tensor
from minigrad_ext.recorder import current

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
           "adaptive_max_pool2d", "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "avg_unpool",
           "global_avg_pool", "global_max_pool", "lp_pool1d", "lp_pool2d", "lp_pool3d", "lp_pool_features",
           "max_pool1d", "max_pool2d", "max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d", "nails_unpool",
           "nearest_unpool"]


def _largest(op: str, x: Any, geometry: Geometry, alone: bool, return_indices: bool) -> Any:
    """The largest elements of windows and, if wanted, where in the flattened image they stand."""
    output = unbatched(pool.max_pool(x, Tensor.result(x.buffer), geometry=geometry), alone)
    return (output, unbatched(pool.max_pool_index(x, geometry=geometry), alone)) if return_indices else output


def _divisor(op: str, given: Any) -> int | None:
    divisor = None if given is None else integer(op, "divisor_override", given)
    require(divisor != 0, op, "divisor_override", 0, "another int or None")
    return divisor


def _max_pool(input: Tensor, kernel_size: PerAxis, stride: Stride = None, padding: Padding = 0, dilation: PerAxis = 1,
              ceil_mode: bool = False, return_indices: bool = False, *, ndim: int = 2, op: str = "") -> Any:
    """The largest element of each window: (N, C, *I) gives (N, C, *O).

        out[n,c,o] = max over t of input[n,c, o*stride + t*dilation - low]

    Padding never wins, and a window must hold more than padding; a NaN is larger than any number.  The stride is the
    kernel size unless given; `ceil_mode` adds a last window that hangs over the end.  With `return_indices` also an
    int64 tensor: where each maximum stands in its flattened channel, the first where there are several.

    >>> import minigrad
    >>> max_pool1d(minigrad.tensor([[[1.0, 3.0, 2.0, 5.0, 4.0]]]), 3, stride=2).tolist()
    [[[3.0, 5.0]]]

    >>> import minigrad
    >>> x = minigrad.arange(16.0).reshape(1, 1, 4, 4)
    >>> out, index = max_pool2d(x, 2, return_indices=True)
    >>> out.tolist(), index.tolist()
    ([[[[5.0, 7.0], [13.0, 15.0]]]], [[[[5, 7], [13, 15]]]])

    >>> import minigrad
    >>> max_pool3d(minigrad.arange(27.0).reshape(1, 1, 3, 3, 3), 2, stride=1).tolist()
    [[[[[13.0, 14.0], [16.0, 17.0]], [[22.0, 23.0], [25.0, 26.0]]]]]
    """
    x, alone = batched(op, ndim, input)
    geometry = Geometry.of_pool(op, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    return _largest(op, x, geometry, alone, return_indices)


def _avg_pool(input: Tensor, kernel_size: PerAxis, stride: Stride = None, padding: Padding = 0,
              ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
              dilation: PerAxis = 1, *, ndim: int = 2, op: str = "") -> Tensor:
    """The mean of each window: (N, C, *I) gives (N, C, *O).

        out[n,c,o] = sum over t of input[n,c, o*stride + t*dilation - low] / count(o)

    count(o) is the number of taps that fall on the padded input, or with `count_include_pad=False` on the input itself,
    or `divisor_override`.  Taps beyond the padding, where `ceil_mode` reaches, never count.  A window that counts
    nothing gives 0.

    >>> import minigrad
    >>> avg_pool1d(minigrad.tensor([[[1.0, 3.0, 2.0, 6.0]]]), 2).tolist()
    [[[2.0, 4.0]]]

    >>> import minigrad
    >>> x = minigrad.ones(1, 1, 2, 2)
    >>> avg_pool2d(x, 2, stride=1, padding=1).tolist()[0][0][0]
    [0.25, 0.5, 0.25]
    >>> avg_pool2d(x, 2, stride=1, padding=1, count_include_pad=False).tolist()[0][0][0]
    [1.0, 1.0, 1.0]

    >>> import minigrad
    >>> avg_pool3d(minigrad.arange(8.0).reshape(1, 1, 2, 2, 2), 2).tolist()
    [[[[[3.5]]]]]
    """
    x, alone = batched(op, ndim, input)
    divisor_override = _divisor(op, divisor_override)
    geometry = Geometry.of_pool(op, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    return unbatched(pool.avg_pool(x, geometry=geometry, count_include_pad=bool(count_include_pad),
                                   divisor_override=divisor_override), alone)


def _lp_pool(input: Floats, norm_type: float, kernel_size: PerAxis, stride: Stride = None, ceil_mode: bool = False,
             padding: Padding = 0, dilation: PerAxis = 1, *, ndim: int = 2, op: str = "") -> Tensor:
    """The p-norm of each window, p = `norm_type`: (N, C, *I) gives (N, C, *O).

        out[n,c,o] = (sum over t of input[n,c, o*stride + t*dilation - low]^p)^(1/p)

    p = 1 is the sum, 2 the Euclidean norm, inf the largest |input|.  As in PyTorch odd powers keep their signs (a
    negative sum has no root: NaN), the derivative of the root of 0 is 0, and in a window that `ceil_mode` lets hang
    over the end the mean inside counts for what is missing.

    >>> import minigrad
    >>> lp_pool1d(minigrad.tensor([[[3.0, 4.0, 0.0, 2.0]]]), 2, 2).tolist()
    [[[5.0, 2.0]]]

    >>> import minigrad
    >>> lp_pool2d(minigrad.ones(1, 1, 2, 4), 2, 2).tolist()
    [[[[2.0, 2.0]]]]

    >>> import minigrad
    >>> lp_pool3d(minigrad.ones(1, 1, 2, 2, 2), 1, 2).tolist()
    [[[[[8.0]]]]]
    """
    p = float(norm_type)
    require(p != 0 and p == p, op, "norm_type", norm_type, "another number")
    if math.isinf(p):
        sign = math.copysign(1, p)
        return sign * _max_pool(input.abs() * sign, kernel_size, stride, padding, dilation, ceil_mode, ndim=ndim, op=op)
    # The p-th root of the sum of p-th powers; the sum, where a window may hang over, is the mean times all taps.
    powers, divisor = square(input) if p == 2 else input.pow(p), None if ceil_mode else 1
    total = _avg_pool(powers, kernel_size, stride, padding, ceil_mode, True, divisor, dilation, ndim=ndim, op=op)
    return root(total * math.prod(per_axis(op, "kernel_size", kernel_size, ndim, 1)) if ceil_mode else total, p)


def lp_pool_features(input: Floats, norm_type: float, kernel_size: int, stride: int | None = None,
                     ceil_mode: bool = False, padding: Any = 0, dilation: int = 1) -> Tensor:
    """The p-norm over windows of channels, place by place: (N, C, ...) gives (N, C', ...).  See `lp_pool2d`.

    Source: Le et al. 2010, tiled convolutional networks (p = 2).

    >>> import minigrad
    >>> lp_pool_features(minigrad.tensor([[[3.0], [4.0], [0.0], [2.0]]]), 2, 2).tolist()
    [[[5.0], [2.0]]]
    """
    op = "lp_pool_features"
    check_shape(input.ndim >= 2, op, "input", input, "(N, C, ...)")
    batch, channels, *sizes = input.shape
    x = flat_view(input, (batch, 1, channels, math.prod(sizes)))
    padding = padding if isinstance(padding, str) else (padding if isinstance(padding, int) else padding[0], 0)
    output = _lp_pool(x, norm_type, (kernel_size, 1), None if stride is None else (stride, 1), ceil_mode, padding,
                      (dilation, 1), op=op)
    return flat_view(output, (batch, output.shape[2], *sizes))


# ---- regions, and the whole

def _adaptive_avg(input: Floats, output_size: Any, *, ndim: int = 2, op: str = "") -> Tensor:
    """The means of regions, as many as wanted: (N, C, *I) or (C, *I) to `output_size` (None keeps a size).

    Region o of O on an axis of I places runs from floor(o I/O) to ceil((o+1) I/O).  Size 1 is the global mean.

    >>> import minigrad
    >>> adaptive_avg_pool1d(minigrad.tensor([[[1.0, 3.0, 5.0]]]), 2).tolist()
    [[[2.0, 4.0]]]

    >>> import minigrad
    >>> adaptive_avg_pool2d(minigrad.arange(16.0).reshape(1, 1, 4, 4), (1, 2)).tolist()
    [[[[6.5, 8.5]]]]

    >>> import minigrad
    >>> adaptive_avg_pool3d(minigrad.arange(8.0).reshape(1, 1, 2, 2, 2), 1).tolist()
    [[[[[3.5]]]]]
    """
    x, alone = batched(op, ndim, input)
    geometry = Geometry.of_regions(op, x.shape[2:], output_size)
    if geometry.output == (1,) * ndim:
        return mean(input, tuple(range(-ndim, 0)), keepdim=True)
    return unbatched(pool.avg_pool(x, geometry=geometry, count_include_pad=True, divisor_override=None), alone)


def _adaptive_max(input: Floats, output_size: Any, return_indices: bool = False, *, ndim: int = 2, op: str = "") -> Any:
    """The largest elements of regions, as many as wanted: (N, C, *I) or (C, *I) to `output_size`.

    The regions are those of `adaptive_avg_poolNd`, the indices those of `max_poolNd`.

    >>> import minigrad
    >>> adaptive_max_pool1d(minigrad.tensor([[[1.0, 3.0, 5.0]]]), 2).tolist()
    [[[3.0, 5.0]]]

    >>> import minigrad
    >>> out, index = adaptive_max_pool2d(minigrad.arange(9.0).reshape(1, 1, 3, 3), (1, 2), return_indices=True)
    >>> out.tolist(), index.tolist()
    ([[[[7.0, 8.0]]]], [[[[7, 8]]]])

    >>> import minigrad
    >>> adaptive_max_pool3d(minigrad.arange(8.0).reshape(1, 1, 2, 2, 2), 1).tolist()
    [[[[[7.0]]]]]
    """
    x, alone = batched(op, ndim, input)
    geometry = Geometry.of_regions(op, x.shape[2:], output_size)
    return _largest(op, x, geometry, alone, return_indices)


def _spatial(op: str, input: Any) -> tuple[int, ...]:
    """The spatial axes of (N, C, ...)."""
    check_shape(3 <= input.ndim <= 5, op, "input", input, "(N, C, ...) with 1 to 3 spatial axes")
    return tuple(range(2, input.ndim))


def global_avg_pool(input: Floats) -> Tensor:
    """The mean of each channel: (N, C, ...) gives (N, C, 1, ...).  Source: Lin et al. 2013, network in network.

    >>> import minigrad
    >>> global_avg_pool(minigrad.tensor([[[1.0, 3.0]]])).tolist()
    [[[2.0]]]
    """
    return input.mean(_spatial("global_avg_pool", input), keepdim=True)


def global_max_pool(input: Floats) -> Tensor:
    """The largest element of each channel: (N, C, ...) gives (N, C, 1, ...); equal ones share the gradient.

    >>> import minigrad
    >>> global_max_pool(minigrad.tensor([[[1.0, 3.0]]])).tolist()
    [[[3.0]]]
    """
    return input.amax(_spatial("global_max_pool", input), keepdim=True)


# ---- the ways back

def _max_unpool(input: Floats, indices: Tensor, kernel_size: PerAxis, stride: Stride = None, padding: Padding = 0,
                output_size: Any = None, dilation: PerAxis = 1, *, ndim: int = 2, op: str = "") -> Tensor:
    """The way back from `max_poolNd`: each value at its index, zeros elsewhere; (N, C, *I) or (C, *I).

    Sizes are (L-1)*stride + dilation*(T-1) + 1 - low - high, or `output_size` (the spatial sizes or the whole shape),
    less than a stride off.  Where overlapping windows name one place more than once, the last value stands there, once,
    and it alone has a gradient (in PyTorch all of them have one, which is not the derivative).

    >>> import minigrad
    >>> max_unpool1d(minigrad.tensor([[[3.0, 5.0]]]), minigrad.tensor([[[1, 2]]]), 2).tolist()
    [[[0.0, 3.0, 5.0, 0.0]]]

    >>> import minigrad
    >>> values, indices = max_pool2d(minigrad.arange(16.0).reshape(1, 1, 4, 4), 2, return_indices=True)
    >>> max_unpool2d(values, indices, 2).tolist()[0][0]
    [[0.0, 0.0, 0.0, 0.0], [0.0, 5.0, 0.0, 7.0], [0.0, 0.0, 0.0, 0.0], [0.0, 13.0, 0.0, 15.0]]

    >>> import minigrad
    >>> max_unpool3d(minigrad.ones(1, 1, 1, 1, 1), minigrad.tensor([[[[[3]]]]]), (1, 2, 2)).flatten().tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    x, alone = batched(op, ndim, input)
    sized(op, input.shape, indices=indices)
    require(indices.dtype is int64, op, "indices", f"dtype {indices.dtype.name}", "int64", TypeError)
    sizes = _unpooled(op, x.shape[2:], output_size, kernel_size, stride, padding, dilation)
    channels, room = math.prod(x.shape[:2]), math.prod(sizes)
    values, index = (flat_view(part, (channels, math.prod(x.shape[2:]))) for part in (x, indices))
    for found in (index.amin().item(), index.amax().item()) if x.numel() and current() is None else ():
        require(0 <= found < room, op, "indices", found, f"from 0 to {room - 1}: the output has {sizes}", IndexError)
    output = scatter(zeros(channels, room, dtype=x.dtype), 1, index, values)
    return reshape(output, shape=(*x.shape[alone:2], *sizes))


def _unpooled(op: str, input: tuple[int, ...], output_size: Any, *window: Any) -> tuple[int, ...]:
    """The spatial sizes: `output_size`, or the smallest that a pool of this kind takes to `input`."""
    probe = Geometry.of_pool(op, (LIMIT,) * len(input), *window)
    least = [(o - 1) * s + span - low - high for o, s, span, low, high in
             zip(input, probe.stride, probe.span, probe.low, probe.high, strict=True)]
    name, given = ("input", least) if output_size is None else ("output_size", output_size)
    require(len(given) - len(input) in (0, 2), op, name, given, f"{len(input)} or {len(input) + 2} sizes")
    sizes = tuple([integer(op, name, size) for size in given[-len(input):]])
    for axis, (size, default, s) in enumerate(zip(sizes, least, probe.stride, strict=True)):
        require(default - s < size < default + s and size >= 1, op, name, f"size {size} on axis {axis} of the output",
                f"from {max(default - s + 1, 1)} to {default + s - 1}")
    return sizes


def avg_unpool(input: Floats, kernel_size: PerAxis, stride: Stride = None, padding: Padding = 0,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
               dilation: PerAxis = 1, output_size: Any = None) -> Tensor:
    """The transpose of `avg_pool1d`, 2d or 3d for (N, C, ...): each value spread evenly over its window.

    `output_size` says which input size of that pool is meant, where several give the same output.

    >>> import minigrad
    >>> avg_unpool(minigrad.tensor([[[4.0, 6.0]]]), 2).tolist()
    [[[2.0, 2.0, 3.0, 3.0]]]
    """
    op = "avg_unpool"
    _spatial(op, input)
    sizes = _unpooled(op, input.shape[2:], output_size, kernel_size, stride, padding, dilation)
    geometry = Geometry.of_pool(op, sizes, kernel_size, stride, padding, dilation, ceil_mode)
    require(geometry.output == input.shape[2:], op, "output_size", f"{sizes}, which is pooled to {geometry.output}",
            f"one that is pooled to the input's {input.shape[2:]}")
    return pool.avg_unpool(input, geometry=geometry, count_include_pad=bool(count_include_pad),
                           divisor_override=_divisor(op, divisor_override))


def nearest_unpool(input: Floats, kernel_size: PerAxis) -> Tensor:
    """Each value in all places of its window: (N, C, *I) gives (N, C, *I*kernel_size).

    >>> import minigrad
    >>> nearest_unpool(minigrad.tensor([[[4.0, 6.0]]]), 2).tolist()
    [[[4.0, 4.0, 6.0, 6.0]]]
    """
    _spatial("nearest_unpool", input)
    _unpooled("nearest_unpool", input.shape[2:], None, kernel_size)
    return avg_unpool(input, kernel_size, divisor_override=1)


def nails_unpool(input: Floats, kernel_size: PerAxis) -> Tensor:
    """A bed of nails: each value in the first place of its window, zeros elsewhere; (N, C, *I*kernel_size).

    >>> import minigrad
    >>> nails_unpool(minigrad.tensor([[[4.0, 6.0]]]), 2).tolist()
    [[[4.0, 0.0, 6.0, 0.0]]]
    """
    _spatial("nails_unpool", input)
    sizes = _unpooled("nails_unpool", input.shape[2:], None, kernel_size)
    steps = [new // old for new, old in zip(sizes, input.shape[2:], strict=True)]
    return embed(input, starts=(0,) * input.ndim, steps=(1, 1, *steps), shape=(*input.shape[:2], *sizes))


max_pool1d, max_pool2d, max_pool3d = per_dimension("max_pool", _max_pool)
avg_pool1d, avg_pool2d, avg_pool3d = per_dimension("avg_pool", _avg_pool)
lp_pool1d, lp_pool2d, lp_pool3d = per_dimension("lp_pool", _lp_pool)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = per_dimension("adaptive_avg_pool", _adaptive_avg)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = per_dimension("adaptive_max_pool", _adaptive_max)
max_unpool1d, max_unpool2d, max_unpool3d = per_dimension("max_unpool", _max_unpool)
