"""What has weights: convolution, transposed convolution, the dense layer and its short cut for one-hot inputs.

A convolution is one mechanism with three names.  The window itself (strides, padding, sizes, and every complaint about
them) is minigrad.geometry; the sum over it is the op `conv` and its transpose.  Dumoulin and Visin, "A guide to
convolution arithmetic for deep learning", draws them all.
"""

from collections.abc import Sequence
from typing import Any

from minigrad.errors import one_of
from minigrad.functions.index import as_index, where
from minigrad.functions.parts import flip as flipped
from minigrad.geometry import ACTIVATIONS, Geometry, Padding, PerAxis
from minigrad.nn.functional.checks import batched, check_shape, check_tensor, per_dimension, unbatched
from minigrad.ops import conv, linalg
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "embedding",
           "linear"]


def _slid(row: Any, op: str, operands: tuple, bias: Any, activation: str | None, geometry: Geometry) -> Any:
    if bias is not None:
        check_tensor(op, "bias", bias)
        operands = (*operands, bias)
    if activation is None:
        return row(*operands, geometry=geometry)
    one_of(op, "activation", activation, ACTIVATIONS[1:])
    return conv.activated(row, activation, operands, geometry)


def _conv(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1, padding: Padding = 0,
          dilation: PerAxis = 1, groups: int = 1, *, flip: bool = False, activation: str | None = None, ndim: int = 2,
          op: str = "") -> Tensor:
    """Slides `weight` over `input`: (N, C, *I) and (K, C/groups, *T) give (N, K, *O).

        out[n,k,o] = bias[k] + sum over c, t of  weight[k,c,t] * input[n,c, o*stride + t*dilation - low]

    where o and t have a component for each axis, with L' = floor((L + low + high - dilation*(T-1) - 1) / stride) + 1
    on each.  `stride`, `dilation` and `padding` are an int or one per axis; `padding` may also be a (low, high) pair
    per axis, nested as in ((low, high),), or "valid", "same" (L' = ceil(L/stride)), "causal" (the same L', and out[o]
    sees nothing after o*stride) or "full".  With `flip` the kernel is read backwards on every spatial axis, t from T-1
    to 0: the true convolution, which with padding "full" multiplies polynomials.  With groups, output channel k sees
    the input channels of its group alone; groups = C is a depthwise convolution.  An input (C, *I) gives (K, *O).
    With `activation`, "relu", "sigmoid" or "tanh", that function of the result, without a second pass over memory.

    >>> import minigrad
    >>> x, w = minigrad.tensor([[[1.0, 2.0, 3.0, 4.0]]]), minigrad.tensor([[[1.0, 10.0]]])
    >>> conv1d(x, w).tolist()
    [[[21.0, 32.0, 43.0]]]
    >>> conv1d(x, w, padding=((1, 0),), stride=2).tolist()
    [[[10.0, 32.0]]]
    >>> conv1d(x, w, padding="causal").tolist(), conv1d(x, w, padding="full", flip=True).tolist()
    ([[[10.0, 21.0, 32.0, 43.0]]], [[[1.0, 12.0, 23.0, 34.0, 40.0]]])

    >>> import minigrad
    >>> x = minigrad.arange(16.0).reshape(1, 1, 4, 4)
    >>> conv2d(x, minigrad.ones(1, 1, 3, 3)).tolist()
    [[[[45.0, 54.0], [81.0, 90.0]]]]
    >>> conv2d(x, minigrad.ones(1, 1, 3, 3), stride=2, padding="same").shape
    (1, 1, 2, 2)

    >>> import minigrad
    >>> conv3d(minigrad.ones(1, 2, 3, 3, 3), minigrad.ones(1, 2, 2, 2, 2), padding=1).shape
    (1, 1, 4, 4, 4)
    """
    x, alone = batched(op, ndim, input)
    weight = flipped(weight, tuple(range(2, weight.ndim))) if flip else weight
    geometry = Geometry.of_conv(op, x.shape[2:], weight.shape[2:], stride, padding, dilation, groups)
    return unbatched(_slid(conv.conv, op, (x, weight), bias, activation, geometry), alone)


def _conv_transpose(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1,
                    padding: Padding = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
                    output_size: Sequence[int] | None = None, *, activation: str | None = None,
                    ndim: int = 2, op: str = "") -> Tensor:
    """The transpose of `convNd`: (N, C, *I) and (C, K/groups, *T) give (N, K, *O).

    Each input element lays its multiple of the kernel onto the output, `stride` apart; overlaps add up:

        out[n,k,i] = bias[k] + sum over c, t of  weight[c,k,t] * input[n,c,o]   where  o*stride + t*dilation - low = i

    with L' = (L-1)*stride + dilation*(T-1) + 1 - low - high + output_padding on each axis.  Padding crops the output,
    since it pads the convolution this is the transpose of.  Several sizes L' of that convolution's input give the same
    L: `output_padding` (less than max(stride, dilation)) or `output_size` says which is meant.  With padding "same",
    L' = L*stride unless `output_size` says otherwise.  `activation` as for convNd.

    >>> import minigrad
    >>> x, w = minigrad.tensor([[[1.0, 2.0]]]), minigrad.tensor([[[1.0, 10.0, 100.0]]])
    >>> conv_transpose1d(x, w, stride=2).tolist()
    [[[1.0, 10.0, 102.0, 20.0, 200.0]]]

    >>> import minigrad
    >>> conv_transpose2d(minigrad.ones(1, 1, 2, 2), minigrad.ones(1, 1, 2, 2)).tolist()
    [[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]
    >>> x, w = minigrad.ones(1, 3, 7, 7), minigrad.ones(3, 5, 3, 3)
    >>> conv_transpose2d(x, w, stride=2, padding=1).shape, conv_transpose2d(x, w, None, 2, 1, output_padding=1).shape
    ((1, 5, 13, 13), (1, 5, 14, 14))

    >>> import minigrad
    >>> conv_transpose3d(minigrad.ones(1, 2, 3, 3, 3), minigrad.ones(2, 1, 2, 2, 2), stride=2).shape
    (1, 1, 6, 6, 6)
    """
    x, alone = batched(op, ndim, input)
    geometry = Geometry.of_transpose(op, x.shape[2:], weight.shape[2:], stride, padding, output_padding, output_size,
                                     dilation, groups)
    return unbatched(_slid(conv.conv_transpose, op, (x, weight), bias, activation, geometry), alone)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`y[..., k] = sum over c of x[..., c] W[k, c], + b[k]`: (..., c) to (..., k).

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.linear(minigrad.tensor([1.0, 2.0]), minigrad.tensor([[1.0, 1.0], [0.0, -1.0]])).tolist()
    [3.0, -2.0]
    """
    if bias is not None:
        check_tensor("linear", "bias", bias)
    if weight.ndim == 1:
        return linear(input, weight.unsqueeze(0), bias if bias is None else bias.unsqueeze(0)).squeeze(-1)
    return linalg.linear(input, weight) if bias is None else linalg.linear(input, weight, bias)


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """`y[..., :] = W[x[...], :]` for integers x of any shape and W (v, d): the rows of W at these places.

    The row `padding_idx` gets no gradient.  IndexError for a place out of range.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.embedding(minigrad.tensor([1, 1, 0]), minigrad.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]
    """
    check_shape(weight.ndim == 2, "embedding", "weight", weight, "2 axes")
    index = as_index("embedding", input).reshape(-1)
    rows = weight.index_select(0, index)
    if padding_idx is not None:
        padding = index == axis_of("embedding", padding_idx, weight.shape[0], "padding_idx")
        rows = where(padding.unsqueeze(1), rows.detach(), rows)
    return rows.reshape(*input.shape, weight.shape[1])



conv1d, conv2d, conv3d = per_dimension("conv", _conv)
conv_transpose1d, conv_transpose2d, conv_transpose3d = per_dimension("conv_transpose", _conv_transpose)
