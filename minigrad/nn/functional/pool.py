"""Max and average pooling in one, two and three dimensions: one mechanism, three names each.

A pool slides a window without weights over each channel.  Its geometry is that of a convolution (minigrad.geometry), so
stride, padding, dilation and ceil_mode mean the same everywhere.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from minigrad.geometry import Geometry, Padding, PerAxis
from minigrad.nn.functional.conv import batched
from minigrad.ops.index import gather
from minigrad.ops.pool import avg_pool, max_pool_index
from minigrad.ops.view import flat_view, reshape
from minigrad.tensor import Tensor


def max_pool_nd(ndim: int, input: Any, kernel_size: PerAxis, stride: PerAxis | None, padding: Padding,
                dilation: PerAxis, ceil_mode: bool, return_indices: bool) -> Any:
    """The index of each window's first maximum, then a gather: selection is the only way max pooling has a gradient."""
    op = f"max_pool{ndim}d"
    x, alone = batched(op, ndim, input)
    geometry = Geometry.of_pool(op, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    index = max_pool_index(x, geometry=geometry)
    shape, lead = index.shape[1:] if alone else index.shape, x.shape[:2]
    flat = flat_view(x, (*lead, math.prod(geometry.input)))
    output = gather(flat, reshape(index, shape=(*lead, math.prod(geometry.output))), axis=2)
    output = reshape(output, shape=shape)
    return (output, reshape(index, shape=shape)) if return_indices else output


def avg_pool_nd(ndim: int, input: Any, kernel_size: PerAxis, stride: PerAxis | None, padding: Padding,
                ceil_mode: bool, count_include_pad: bool, divisor_override: int | None, dilation: PerAxis) -> Any:
    """The mean of each window."""
    op = f"avg_pool{ndim}d"
    x, alone = batched(op, ndim, input)
    if divisor_override is not None:
        try:
            divisor_override = operator.index(divisor_override)
        except TypeError:
            raise TypeError(f"{op}: divisor_override: got {divisor_override!r}, expected an int or None") from None
        if divisor_override == 0:
            raise ValueError(f"{op}: divisor_override: got 0, expected another int or None")
    geometry = Geometry.of_pool(op, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    output = avg_pool(x, geometry=geometry, count_include_pad=bool(count_include_pad),
                      divisor_override=divisor_override)
    return reshape(output, shape=output.shape[1:]) if alone else output


def max_pool1d(input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The largest element of each window: (N, C, L) gives (N, C, L').  See `max_pool2d`.

    >>> import minigrad
    >>> max_pool1d(minigrad.tensor([[[1.0, 3.0, 2.0, 5.0, 4.0]]]), 3, stride=2).tolist()
    [[[3.0, 5.0]]]
    """
    return max_pool_nd(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The largest element of each window: (N, C, H, W) gives (N, C, H', W').

        out[n,c,o] = max over t of input[n,c, o*stride + t*dilation - low]

    Padding never wins, and a window must hold more than padding; a NaN is larger than any number.  The stride is the
    kernel size unless given; `ceil_mode` adds a last window that hangs over the end.  With `return_indices` also an
    int64 tensor: where each maximum stands in its flattened channel, the first where there are several.

    >>> import minigrad
    >>> x = minigrad.arange(16.0).reshape(1, 1, 4, 4)
    >>> out, index = max_pool2d(x, 2, return_indices=True)
    >>> out.tolist(), index.tolist()
    ([[[[5.0, 7.0], [13.0, 15.0]]]], [[[[5, 7], [13, 15]]]])
    """
    return max_pool_nd(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The largest element of each window: (N, C, D, H, W) gives (N, C, D', H', W').  See `max_pool2d`.

    >>> import minigrad
    >>> max_pool3d(minigrad.arange(27.0).reshape(1, 1, 3, 3, 3), 2, stride=1).tolist()
    [[[[[13.0, 14.0], [16.0, 17.0]], [[22.0, 23.0], [25.0, 26.0]]]]]
    """
    return max_pool_nd(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool1d(input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
               dilation: PerAxis = 1) -> Tensor:
    """The mean of each window: (N, C, L) gives (N, C, L').  See `avg_pool2d`.

    >>> import minigrad
    >>> avg_pool1d(minigrad.tensor([[[1.0, 3.0, 2.0, 6.0]]]), 2).tolist()
    [[[2.0, 4.0]]]
    """
    return avg_pool_nd(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation)


def avg_pool2d(input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
               dilation: PerAxis = 1) -> Tensor:
    """The mean of each window: (N, C, H, W) gives (N, C, H', W').

        out[n,c,o] = sum over t of input[n,c, o*stride + t*dilation - low] / count(o)

    count(o) is the number of taps that fall on the padded input, or with `count_include_pad=False` on the input itself,
    or `divisor_override`.  Taps beyond the padding, where `ceil_mode` reaches, never count.  A window that counts
    nothing gives 0.

    >>> import minigrad
    >>> x = minigrad.ones(1, 1, 2, 2)
    >>> avg_pool2d(x, 2, stride=1, padding=1).tolist()[0][0][0]
    [0.25, 0.5, 0.25]
    >>> avg_pool2d(x, 2, stride=1, padding=1, count_include_pad=False).tolist()[0][0][0]
    [1.0, 1.0, 1.0]
    """
    return avg_pool_nd(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation)


def avg_pool3d(input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
               dilation: PerAxis = 1) -> Tensor:
    """The mean of each window: (N, C, D, H, W) gives (N, C, D', H', W').  See `avg_pool2d`.

    >>> import minigrad
    >>> avg_pool3d(minigrad.arange(8.0).reshape(1, 1, 2, 2, 2), 2).tolist()
    [[[[[3.5]]]]]
    """
    return avg_pool_nd(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation)
