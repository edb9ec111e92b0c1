"""Convolution layers: few weights, used at every position.

A convolution layer and a transposed convolution layer with the same weight are each other's transpose: the second
computes what the first one's gradient with respect to its input is.  So their sizes answer each other: Conv2d takes i
to o, ConvTranspose2d takes o back to i, and `output_padding` says which i where a stride maps several to one o.
Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad.dtypes import DType
from minigrad.functions.create import empty
from minigrad.functions.parts import pad
from minigrad.geometry import Geometry
from minigrad.nn import functional as F
from minigrad.nn.linear import reset_weight_and_bias
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.shapes import integer
from minigrad.tensor import Tensor

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "DepthwiseConv1d",
           "DepthwiseConv2d", "DepthwiseConv3d", "SeparableConv1d", "SeparableConv2d", "SeparableConv3d"]

Sizes = int | tuple[int, ...]
Padding = str | int | tuple[int, ...] | tuple[tuple[int, int], ...]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def per_axis(layer: str, argument: str, value: Any, axes: int, least: int) -> tuple[int, ...]:
    """One int for each of the `axes`: `value` may be an int for all of them."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    values = values * axes if len(values) == 1 else values
    if len(values) != axes or not all(isinstance(v, int) and v >= least for v in values):
        raise ValueError(f"{layer}: {argument}: got {value!r}, expected an int or {axes} ints of at least {least}")
    return values


class ConvNd(Module):
    """What all six layers share: sizes, weight and bias, and how they print."""

    axes = 0
    transposed = False
    bias: Parameter | None

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes, padding: Padding,
                 dilation: Sizes, output_padding: Sizes, groups: int, bias: bool, padding_mode: str, device: Any,
                 dtype: DType | None) -> None:
        super().__init__()
        name = type(self).__name__
        for argument, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            if integer(name, argument, value) < 0:
                raise ValueError(f"{name}: {argument}: got {value}, expected 0 or more")
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"{name}: groups: got {groups}, expected a divisor of in_channels = {in_channels} and "
                             f"out_channels = {out_channels}")
        modes = PADDING_MODES[:1] if self.transposed else PADDING_MODES
        if padding_mode not in modes:
            raise ValueError(f"{name}: padding_mode: got {padding_mode!r}, expected one of {', '.join(modes)}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, self.axes, 1)
        self.stride = per_axis(name, "stride", stride, self.axes, 1)
        self.padding: Any = (padding,) * self.axes if isinstance(padding, int) else padding
        self.dilation = per_axis(name, "dilation", dilation, self.axes, 1)
        self.output_padding = per_axis(name, "output_padding", output_padding, self.axes, 0)
        self.groups = groups
        self.padding_mode = padding_mode
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(
            empty(first, second // groups, *self.kernel_size, device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        reset_weight_and_bias(self.weight, self.bias)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.axes:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.axes:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self.axes:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class Convolution(ConvNd):
    """The constructor and forward of Conv1d, Conv2d and Conv3d.

    weight: (out_channels, in_channels / groups, *kernel_size); bias: (out_channels,).
    `padding` is an int, one per axis, a (low, high) pair per axis, or "valid", "same", "causal" or "full"; what
    stands there says `padding_mode`: "zeros", or as in nn.functional.pad "reflect", "replicate" or "circular".
    """

    function: Callable[..., Tensor]

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1,
                 padding: Padding = 0, dilation: Sizes = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros", device: Any = None, dtype: DType | None = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
                         padding_mode, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            geometry = Geometry.of_conv(type(self).__name__, input.shape[-self.axes:], self.kernel_size, self.stride,
                                        padding, self.dilation)
            ends = zip(geometry.low[::-1], geometry.high[::-1], strict=True)
            input, padding = pad(input, [n for pair in ends for n in pair], self.padding_mode), 0
        return self.function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(Convolution):
    """(n, c, i) to (n, k, o): see nn.functional.conv1d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Conv1d(2, 4, 3, padding="same")(minigrad.zeros(1, 2, 9)).shape
    (1, 4, 9)
    """

    axes = 1
    function = staticmethod(F.conv1d)


class Conv2d(Convolution):
    """(n, c, i1, i2) to (n, k, o1, o2): see nn.functional.conv2d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.Conv2d(3, 8, kernel_size=5, stride=2, padding=2)
    >>> layer
    Conv2d(3, 8, kernel_size=(5, 5), stride=(2, 2), padding=(2, 2))
    >>> layer(minigrad.zeros(1, 3, 28, 28)).shape
    (1, 8, 14, 14)
    """

    axes = 2
    function = staticmethod(F.conv2d)


class Conv3d(Convolution):
    """(n, c, i1, i2, i3) to (n, k, o1, o2, o3): see nn.functional.conv3d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Conv3d(1, 2, (1, 3, 3))(minigrad.zeros(1, 1, 4, 5, 5)).shape
    (1, 2, 4, 3, 3)
    """

    axes = 3
    function = staticmethod(F.conv3d)


class Depthwise(Convolution):
    """A convolution of each channel alone, with `multiplier` kernels each: as many groups as channels.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.DepthwiseConv2d(3, 3, padding=1, multiplier=2)
    DepthwiseConv2d(3, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=3)
    """

    def __init__(self, in_channels: int, kernel_size: Sizes, stride: Sizes = 1, padding: Padding = 0,
                 dilation: Sizes = 1, multiplier: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: Any = None, dtype: DType | None = None) -> None:
        super().__init__(in_channels, in_channels * multiplier, kernel_size, stride, padding, dilation, in_channels,
                         bias, padding_mode, device, dtype)


class DepthwiseConv1d(Depthwise, Conv1d): ...
class DepthwiseConv2d(Depthwise, Conv2d): ...
class DepthwiseConv3d(Depthwise, Conv3d): ...


class Separable(Module):
    """A depthwise convolution without bias, then one of size 1 that mixes channels.  Source: Chollet 2016, Xception.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.SeparableConv2d(8, 16, 3, padding=1)
    >>> layer(minigrad.zeros(1, 8, 5, 5)).shape, sum(p.numel() for p in layer.parameters())
    ((1, 16, 5, 5), 216)
    """

    parts: tuple[type[Depthwise], type[Convolution]]

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1,
                 padding: Padding = 0, dilation: Sizes = 1, multiplier: int = 1, bias: bool = True,
                 padding_mode: str = "zeros", device: Any = None, dtype: DType | None = None) -> None:
        super().__init__()
        depthwise, pointwise = self.parts
        self.depthwise = depthwise(in_channels, kernel_size, stride, padding, dilation, multiplier, False,
                                   padding_mode, device, dtype)
        self.pointwise = pointwise(in_channels * multiplier, out_channels, 1, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(input))


class SeparableConv1d(Separable):
    parts = DepthwiseConv1d, Conv1d


class SeparableConv2d(Separable):
    parts = DepthwiseConv2d, Conv2d


class SeparableConv3d(Separable):
    parts = DepthwiseConv3d, Conv3d


class TransposedConvolution(ConvNd):
    """The constructor and forward of ConvTranspose1d, ConvTranspose2d and ConvTranspose3d.

    weight: (in_channels, out_channels / groups, *kernel_size); bias: (out_channels,).
    Output size per axis: `(i - 1) stride - low - high + dilation (kernel - 1) + output_padding + 1`.
    """

    transposed = True
    function: Callable[..., Tensor]

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes = 1,
                 padding: Padding = 0, output_padding: Sizes = 0, groups: int = 1, bias: bool = True,
                 dilation: Sizes = 1, padding_mode: str = "zeros", device: Any = None,
                 dtype: DType | None = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups,
                         bias, padding_mode, device, dtype)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """`output_size` (the spatial sizes, or the whole output shape) picks the output_padding that gives it."""
        if output_size is None:
            return self.function(input, self.weight, self.bias, self.stride, self.padding, self.output_padding,
                                 self.groups, self.dilation)
        sizes = tuple(output_size)
        if len(sizes) == input.ndim:
            sizes = sizes[-self.axes:]
        if len(sizes) != self.axes:
            raise ValueError(f"{type(self).__name__}: output_size: got {tuple(output_size)}, "
                             f"expected {self.axes} or {input.ndim} sizes")
        return self.function(input, self.weight, self.bias, self.stride, self.padding, 0, self.groups, self.dilation,
                             output_size=sizes)


class ConvTranspose1d(TransposedConvolution):
    """(n, c, i) to (n, k, o): see nn.functional.conv_transpose1d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.ConvTranspose1d(2, 4, 3, stride=2)(minigrad.zeros(1, 2, 4)).shape
    (1, 4, 9)
    """

    axes = 1
    function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(TransposedConvolution):
    """(n, c, i1, i2) to (n, k, o1, o2): see nn.functional.conv_transpose2d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> down, up = nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1)
    >>> image = minigrad.zeros(1, 1, 28, 28)
    >>> up(down(image)).shape
    (1, 1, 27, 27)
    >>> up(down(image), output_size=image.shape).shape
    (1, 1, 28, 28)
    """

    axes = 2
    function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(TransposedConvolution):
    """(n, c, i1, i2, i3) to (n, k, o1, o2, o3): see nn.functional.conv_transpose3d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.ConvTranspose3d(1, 2, 2, stride=2)(minigrad.zeros(1, 1, 3, 3, 3)).shape
    (1, 2, 6, 6, 6)
    """

    axes = 3
    function = staticmethod(F.conv_transpose3d)
