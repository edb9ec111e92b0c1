"""Convolution and transposed convolution in one, two and three dimensions: one mechanism, three names each.

The window itself (strides, padding, sizes, and every complaint about them) is minigrad.geometry; the sum over it is the
op `conv` and its transpose.  Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", draws them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.functions.parts import flip as flipped
from minigrad.geometry import Geometry, Padding, PerAxis
from minigrad.ops.conv import conv, conv_transpose
from minigrad.ops.math import add
from minigrad.ops.view import reshape
from minigrad.tensor import Tensor


def batched(op: str, ndim: int, input: Any) -> tuple[Any, bool]:
    """The input as (N, C, *I), and whether it was (C, *I)."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{op}: input: got {type(input).__name__}, expected a Tensor")
    if input.ndim == ndim + 2:
        return input, False
    if input.ndim != ndim + 1:
        raise ValueError(f"{op}: input: got shape {input.shape}, expected (N, C, ...) or (C, ...) with {ndim} spatial "
                         f"axes, so {ndim + 2} or {ndim + 1} in all")
    return reshape(input, shape=(1, *input.shape)), True


def finished(op: str, output: Any, bias: Any, alone: bool) -> Any:
    """The output with its bias, one per channel, and without the batch axis if it had none."""
    if bias is not None:
        if not isinstance(bias, Tensor):
            raise TypeError(f"{op}: bias: got {type(bias).__name__}, expected a Tensor or None")
        channels = output.shape[1]
        if bias.shape != (channels,):
            raise ValueError(f"{op}: bias: got shape {bias.shape}, expected ({channels},), one for each output channel")
        if bias.dtype is not output.dtype:
            raise TypeError(f"{op}: bias: got dtype {bias.dtype.name}, expected {output.dtype.name} as the input")
        output = add(output, reshape(bias, shape=(channels,) + (1,) * (output.ndim - 2)))
    return reshape(output, shape=output.shape[1:]) if alone else output


def _check_weight(op: str, ndim: int, weight: Any) -> None:
    if not isinstance(weight, Tensor):
        raise TypeError(f"{op}: weight: got {type(weight).__name__}, expected a Tensor")
    if weight.ndim != ndim + 2:
        raise ValueError(f"{op}: weight: got shape {weight.shape}, expected {ndim + 2} axes, {ndim} of them spatial")


def conv_nd(ndim: int, input: Any, weight: Any, bias: Any, stride: PerAxis, padding: Padding, dilation: PerAxis,
            groups: int, flip: bool) -> Any:
    """Convolution with `ndim` spatial axes."""
    op = f"conv{ndim}d"
    x, alone = batched(op, ndim, input)
    _check_weight(op, ndim, weight)
    weight = flipped(weight, tuple(range(2, ndim + 2))) if flip else weight
    geometry = Geometry.of_conv(op, x.shape[2:], weight.shape[2:], stride, padding, dilation, groups)
    return finished(op, conv(x, weight, geometry=geometry), bias, alone)


def conv_transpose_nd(ndim: int, input: Any, weight: Any, bias: Any, stride: PerAxis, padding: Padding,
                      output_padding: PerAxis, groups: int, dilation: PerAxis,
                      output_size: Sequence[int] | None) -> Any:
    """Transposed convolution with `ndim` spatial axes."""
    op = f"conv_transpose{ndim}d"
    x, alone = batched(op, ndim, input)
    _check_weight(op, ndim, weight)
    geometry = Geometry.of_transpose(op, x.shape[2:], weight.shape[2:], stride, padding, output_padding, output_size,
                                     dilation, groups)
    return finished(op, conv_transpose(x, weight, geometry=geometry), bias, alone)


def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1, padding: Padding = 0,
           dilation: PerAxis = 1, groups: int = 1, *, flip: bool = False) -> Tensor:
    """Slides `weight` over `input`: (N, C, L) and (K, C/groups, T) give (N, K, L').

        out[n,k,o] = bias[k] + sum over c, t of  weight[k,c,t] * input[n,c, o*stride + t*dilation - low]

    with L' = floor((L + low + high - dilation*(T-1) - 1) / stride) + 1.  `padding` is an int, a nested pair
    ((low, high),), "valid", "same" (L' = ceil(L/stride)), "causal" (the same L', and out[o] sees nothing after
    o*stride) or "full".  With `flip` the kernel is read backwards, t from T-1 to 0: the true convolution, which with
    padding "full" multiplies polynomials.  An input (C, L) gives (K, L').

    >>> import minigrad
    >>> x, w = minigrad.tensor([[[1.0, 2.0, 3.0, 4.0]]]), minigrad.tensor([[[1.0, 10.0]]])
    >>> conv1d(x, w).tolist()
    [[[21.0, 32.0, 43.0]]]
    >>> conv1d(x, w, padding=((1, 0),), stride=2).tolist()
    [[[10.0, 32.0]]]
    >>> conv1d(x, w, padding="causal").tolist(), conv1d(x, w, padding="full", flip=True).tolist()
    ([[[10.0, 21.0, 32.0, 43.0]]], [[[1.0, 12.0, 23.0, 34.0, 40.0]]])
    """
    return conv_nd(1, input, weight, bias, stride, padding, dilation, groups, flip)


def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1, padding: Padding = 0,
           dilation: PerAxis = 1, groups: int = 1, *, flip: bool = False) -> Tensor:
    """Slides `weight` over `input`: (N, C, H, W) and (K, C/groups, T, U) give (N, K, H', W').

        out[n,k,o] = bias[k] + sum over c, t of  weight[k,c,t] * input[n,c, o*stride + t*dilation - low]

    where o and t have two components and H' = floor((H + low + high - dilation*(T-1) - 1) / stride) + 1.
    `stride`, `dilation` and `padding` are an int or one per axis; `padding` may also be a (low, high) pair per axis,
    "valid", "same" or "causal" (H' = ceil(H/stride)) or "full".  `flip` turns the kernel round on every spatial axis:
    the true convolution (see `conv1d`).  With groups, output channel k sees the input channels of its group alone;
    groups = C is a depthwise convolution.  An input (C, H, W) gives (K, H', W').

    >>> import minigrad
    >>> x = minigrad.arange(16.0).reshape(1, 1, 4, 4)
    >>> conv2d(x, minigrad.ones(1, 1, 3, 3)).tolist()
    [[[[45.0, 54.0], [81.0, 90.0]]]]
    >>> conv2d(x, minigrad.ones(1, 1, 3, 3), stride=2, padding="same").shape
    (1, 1, 2, 2)
    """
    return conv_nd(2, input, weight, bias, stride, padding, dilation, groups, flip)


def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1, padding: Padding = 0,
           dilation: PerAxis = 1, groups: int = 1, *, flip: bool = False) -> Tensor:
    """Slides `weight` over `input`: (N, C, D, H, W) and (K, C/groups, S, T, U) give (N, K, D', H', W').

    As `conv2d`, with three spatial axes.

    >>> import minigrad
    >>> conv3d(minigrad.ones(1, 2, 3, 3, 3), minigrad.ones(1, 2, 2, 2, 2), padding=1).shape
    (1, 1, 4, 4, 4)
    """
    return conv_nd(3, input, weight, bias, stride, padding, dilation, groups, flip)


def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1,
                     padding: Padding = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
                     output_size: Sequence[int] | None = None) -> Tensor:
    """The transpose of `conv1d`: (N, C, L) and (C, K/groups, T) give (N, K, L').

        out[n,k,i] = bias[k] + sum over c, t of  weight[c,k,t] * input[n,c,o]   where  o*stride + t*dilation - low = i

    with L' = (L-1)*stride + dilation*(T-1) + 1 - low - high + output_padding.  `output_size` names L' instead.

    >>> import minigrad
    >>> x, w = minigrad.tensor([[[1.0, 2.0]]]), minigrad.tensor([[[1.0, 10.0, 100.0]]])
    >>> conv_transpose1d(x, w, stride=2).tolist()
    [[[1.0, 10.0, 102.0, 20.0, 200.0]]]
    """
    return conv_transpose_nd(1, input, weight, bias, stride, padding, output_padding, groups, dilation, output_size)


def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1,
                     padding: Padding = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
                     output_size: Sequence[int] | None = None) -> Tensor:
    """The transpose of `conv2d`: (N, C, H, W) and (C, K/groups, T, U) give (N, K, H', W').

    Each input element lays its multiple of the kernel onto the output, `stride` apart; overlaps add up:

        out[n,k,i] = bias[k] + sum over c, t of  weight[c,k,t] * input[n,c,o]   where  o*stride + t*dilation - low = i

    with H' = (H-1)*stride + dilation*(T-1) + 1 - low - high + output_padding.  Padding crops the output, since it pads
    the convolution this is the transpose of.  Several sizes H' of that convolution's input give the same H:
    `output_padding` (less than max(stride, dilation)) or `output_size` says which is meant.  With padding "same",
    H' = H*stride unless `output_size` says otherwise.

    >>> import minigrad
    >>> conv_transpose2d(minigrad.ones(1, 1, 2, 2), minigrad.ones(1, 1, 2, 2)).tolist()
    [[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]
    >>> x, w = minigrad.ones(1, 3, 7, 7), minigrad.ones(3, 5, 3, 3)
    >>> conv_transpose2d(x, w, stride=2, padding=1).shape, conv_transpose2d(x, w, None, 2, 1, output_padding=1).shape
    ((1, 5, 13, 13), (1, 5, 14, 14))
    """
    return conv_transpose_nd(2, input, weight, bias, stride, padding, output_padding, groups, dilation, output_size)


def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1,
                     padding: Padding = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
                     output_size: Sequence[int] | None = None) -> Tensor:
    """The transpose of `conv3d`: (N, C, D, H, W) and (C, K/groups, S, T, U) give (N, K, D', H', W').

    As `conv_transpose2d`, with three spatial axes.

    >>> import minigrad
    >>> conv_transpose3d(minigrad.ones(1, 2, 3, 3, 3), minigrad.ones(2, 1, 2, 2, 2), stride=2).shape
    (1, 1, 6, 6, 6)
    """
    return conv_transpose_nd(3, input, weight, bias, stride, padding, output_padding, groups, dilation, output_size)
