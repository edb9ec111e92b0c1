"""Convolution layers: few weights, used at every position.

A convolution layer and a transposed convolution layer with the same weight are each other's transpose: the second
computes what the first one's gradient with respect to its input is.  So their sizes answer each other: Conv2d takes i
to o, ConvTranspose2d takes o back to i, and `output_padding` says which i where a stride maps several to one o.
Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.
"""

from typing import Any

from minigrad.errors import one_of, require
from minigrad.functions.parts import pad
from minigrad.geometry import MODES, Geometry, Padding, PerAxis, per_axis
from minigrad.nn import functional as F
from minigrad.nn.layer import Layer, family, publish
from minigrad.nn.linear import _Affine
from minigrad.tensor import Tensor

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(_Affine):
    """What all six layers share: sizes, weight and bias, and how they print."""

    transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis = 1,
                 padding: Padding = 0, dilation: PerAxis = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__(in_channels=in_channels, out_channels=out_channels, groups=groups)
        name = type(self).__name__
        require(groups and in_channels % groups == 0 == out_channels % groups, name, "groups", groups,
                f"a divisor of in_channels = {in_channels} and out_channels = {out_channels}")
        one_of(name, "padding_mode", padding_mode, PADDING_MODES[:1] if self.transposed else PADDING_MODES)
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, self.axes, 1)
        self.stride = per_axis(name, "stride", stride, self.axes, 1)
        self.dilation = per_axis(name, "dilation", dilation, self.axes, 1)
        if isinstance(padding, str):
            one_of(name, "padding", padding, MODES)
        self.padding: Any = (padding,) * self.axes if isinstance(padding, int) else padding
        self.output_padding, self.padding_mode = (0,) * self.axes, padding_mode
        channels = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        self._learn(device, dtype, weight=(*channels, *self.kernel_size), bias=bias and (out_channels,))

    def extra_repr(self) -> str:
        """What differs from the usual stands behind what has no usual value."""
        now, ones = {**self.__dict__, "bias": self.bias is not None}, (1,) * self.axes
        usual = {"padding": (0,) * self.axes, "dilation": ones, "output_padding": (0,) * self.axes, "groups": 1,
                 "bias": True, "padding_mode": "zeros"}
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        return text + "".join([f", {name}={now[name]}" for name, value in usual.items() if now[name] != value])


class _Conv(_ConvNd):
    """The constructor and forward of Conv1d, Conv2d and Conv3d.

    weight: (out_channels, in_channels / groups, *kernel_size); bias: (out_channels,).
    `padding` is an int, one per axis, a (low, high) pair per axis, or "valid", "same", "causal" or "full"; what
    stands there says `padding_mode`: "zeros", or as in nn.functional.pad "reflect", "replicate" or "circular".
    """

    tensors = ("input", "flip", "padding", "activation")

    def forward(self, input: Tensor) -> Tensor:
        if self.padding_mode == "zeros":
            return self.called(input, padding=self.padding)
        geometry = Geometry.of_conv(type(self).__name__, input.shape[-self.axes:], self.kernel_size, self.stride,
                                    self.padding, self.dilation)
        ends = zip(geometry.low[::-1], geometry.high[::-1], strict=True)
        return self.called(pad(input, [n for pair in ends for n in pair], self.padding_mode), padding=0)


class Conv1d(_Conv, function=F.conv1d, axes=1):
    """(n, c, i) to (n, k, o): see nn.functional.conv1d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Conv1d(2, 4, 3, padding="same")(minigrad.zeros(1, 2, 9)).shape
    (1, 4, 9)
    """


class Conv2d(_Conv, function=F.conv2d, axes=2):
    """(n, c, i1, i2) to (n, k, o1, o2): see nn.functional.conv2d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.Conv2d(3, 8, kernel_size=5, stride=2, padding=2)
    >>> layer
    Conv2d(3, 8, kernel_size=(5, 5), stride=(2, 2), padding=(2, 2))
    >>> layer(minigrad.zeros(1, 3, 28, 28)).shape
    (1, 8, 14, 14)
    """


class Conv3d(_Conv, function=F.conv3d, axes=3):
    """(n, c, i1, i2, i3) to (n, k, o1, o2, o3): see nn.functional.conv3d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Conv3d(1, 2, (1, 3, 3))(minigrad.zeros(1, 1, 4, 5, 5)).shape
    (1, 2, 4, 3, 3)
    """


class _Depthwise(_Conv):
    """A convolution of each channel alone, with `multiplier` kernels each: as many groups as channels.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.DepthwiseConv2d(3, 3, padding=1, multiplier=2)
    DepthwiseConv2d(3, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=3)
    """

    def __init__(self, in_channels: int, kernel_size: PerAxis, stride: PerAxis = 1, padding: Padding = 0,
                 dilation: PerAxis = 1, multiplier: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(in_channels, in_channels * multiplier, kernel_size, stride, padding, dilation, in_channels,
                         bias, padding_mode, device, dtype)


class DepthwiseConv1d(_Depthwise, Conv1d): ...
class DepthwiseConv2d(_Depthwise, Conv2d): ...
class DepthwiseConv3d(_Depthwise, Conv3d): ...


class _Separable(Layer):
    """A depthwise convolution without bias, then one of size 1 that mixes channels.  Source: Chollet 2016, Xception.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.SeparableConv2d(8, 16, 3, padding=1)
    >>> layer(minigrad.zeros(1, 8, 5, 5)).shape, sum(p.numel() for p in layer.parameters())
    ((1, 16, 5, 5), 216)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis = 1,
                 padding: Padding = 0, dilation: PerAxis = 1, multiplier: int = 1, bias: bool = True,
                 padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        depthwise, pointwise = self.parts
        self.depthwise = depthwise(in_channels, kernel_size, stride, padding, dilation, multiplier, False,
                                   padding_mode, device, dtype)
        self.pointwise = pointwise(in_channels * multiplier, out_channels, 1, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(input))


SeparableConv1d, SeparableConv2d, SeparableConv3d = family(
    _Separable, parts=[(DepthwiseConv1d, Conv1d), (DepthwiseConv2d, Conv2d), (DepthwiseConv3d, Conv3d)])


class _ConvTranspose(_ConvNd):
    """The constructor and forward of ConvTranspose1d, ConvTranspose2d and ConvTranspose3d.

    weight: (in_channels, out_channels / groups, *kernel_size); bias: (out_channels,).
    Output size per axis: `(i - 1) stride - low - high + dilation (kernel - 1) + output_padding + 1`.
    """

    transposed = True
    tensors = ("input", "output_size", "activation")

    def __init__(self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis = 1,
                 padding: Padding = 0, output_padding: PerAxis = 0, groups: int = 1, bias: bool = True,
                 dilation: PerAxis = 1, padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         device, dtype)
        self.output_padding = per_axis(type(self).__name__, "output_padding", output_padding, self.axes, 0)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """`output_size` (the spatial sizes, or the whole output shape) picks the output_padding that gives it."""
        if output_size is not None:
            require(len(output_size) in (self.axes, input.ndim), type(self).__name__, "output_size",
                    tuple(output_size), f"{self.axes} or {input.ndim} sizes")
            output_size = tuple(output_size)[-self.axes:]
        return self.called(input, output_size=output_size)


class ConvTranspose1d(_ConvTranspose, function=F.conv_transpose1d, axes=1):
    """(n, c, i) to (n, k, o): see nn.functional.conv_transpose1d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.ConvTranspose1d(2, 4, 3, stride=2)(minigrad.zeros(1, 2, 4)).shape
    (1, 4, 9)
    """


class ConvTranspose2d(_ConvTranspose, function=F.conv_transpose2d, axes=2):
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


class ConvTranspose3d(_ConvTranspose, function=F.conv_transpose3d, axes=3):
    """(n, c, i1, i2, i3) to (n, k, o1, o2, o3): see nn.functional.conv_transpose3d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.ConvTranspose3d(1, 2, 2, stride=2)(minigrad.zeros(1, 1, 3, 3, 3)).shape
    (1, 2, 6, 6, 6)
    """


publish(globals())
