"""Layers that learn nothing: functions as modules.

Each is a function of nn.functional, where formulas, options, sources and examples stand.
"""

from typing import Any

from minigrad.errors import require
from minigrad.functions.parts import pad
from minigrad.functions.shape import flatten
from minigrad.nn import functional as F
from minigrad.nn.layer import Functional, Layer, family, publish
from minigrad.nn.module import Module
from minigrad.shapes import integer
from minigrad.tensor import Tensor

# --- non-linearities -------------------------------------------------------------------------------------------------

ELU, GELU, GLU, SELU = family(Functional, function=[F.elu, F.gelu, F.glu, F.selu])
ReLU, ReLU6, LeakyReLU, SiLU, Mish = family(Functional, function=[F.relu, F.relu6, F.leaky_relu, F.silu, F.mish])
Sigmoid, LogSigmoid, Tanh, Tanhshrink = family(Functional, function=[F.sigmoid, F.logsigmoid, F.tanh, F.tanhshrink])
Hardsigmoid, Hardswish, Hardtanh = family(Functional, function=[F.hardsigmoid, F.hardswish, F.hardtanh])
Softmax, Softmin, LogSoftmax = family(Functional, function=[F.softmax, F.softmin, F.log_softmax])
Softplus, Softsign = family(Functional, function=[F.softplus, F.softsign])
GatedTanh, Maxout = family(Functional, function=[F.gated_tanh, F.maxout])


# --- dropout ---------------------------------------------------------------------------------------------------------

class Dropout(Functional, function=F.dropout, shown="p= inplace="):
    """While training, zero each element with probability `p` and scale the rest by 1 / (1 - p); else do nothing.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Dropout(0.5).eval()(minigrad.ones(3)).tolist()
    [1.0, 1.0, 1.0]
    """


Dropout1d, Dropout2d, Dropout3d = family(Dropout, function=[F.dropout1d, F.dropout2d, F.dropout3d])


# --- losses ----------------------------------------------------------------------------------------------------------

class _Loss(Functional, shown=""):
    """A layer of two tensors, input and target, whose options are not printed, as in PyTorch."""


L1Loss, SmoothL1Loss, MSELoss = family(_Loss, function=[F.l1_loss, F.smooth_l1_loss, F.mse_loss])
HuberLoss, DiceLoss, KLDivLoss = family(_Loss, function=[F.huber_loss, F.dice_loss, F.kl_div])
CrossEntropyLoss, NLLLoss = family(_Loss, function=[F.cross_entropy, F.nll_loss])
BCELoss, BCEWithLogitsLoss = family(_Loss, function=[F.binary_cross_entropy, F.binary_cross_entropy_with_logits])


# --- pools -----------------------------------------------------------------------------------------------------------

class _WindowPool(Functional, shown="kernel_size= stride= padding="):
    """A pool whose stride is by default the kernel size; where PyTorch has sizes per axis, `axes` says how many.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.MaxPool2d(2)
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    >>> nn.MaxPool2d(2)(minigrad.zeros(1, 8, 24, 24)).shape
    (1, 8, 12, 12)
    """

    axes = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stride: Any = self.kernel_size if self.stride is None else self.stride
        for name in ("kernel_size", "stride", "padding") if self.axes else ():
            if isinstance(size := getattr(self, name), int):
                setattr(self, name, (size,) * self.axes)


MaxPool1d, MaxPool2d, MaxPool3d = family(
    _WindowPool, function=[F.max_pool1d, F.max_pool2d, F.max_pool3d], last="ceil_mode",
    shown="kernel_size= stride= padding= dilation= ceil_mode=")


class AvgPool1d(_WindowPool, function=F.avg_pool1d, axes=1):
    """(n, c, i) to (n, c, o), the mean of each window: see nn.functional.avg_pool1d.

    >>> from minigrad import nn
    >>> nn.AvgPool1d(2)
    AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))
    """


AvgPool2d, AvgPool3d, AvgUnpool = family(_WindowPool, function=[F.avg_pool2d, F.avg_pool3d, F.avg_unpool])
LPPool1d, LPPool2d, LPPool3d, FeatureLPPool = family(
    Functional, function=[F.lp_pool1d, F.lp_pool2d, F.lp_pool3d, F.lp_pool_features],
    shown="norm_type= kernel_size= stride= ceil_mode=")
AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d = family(
    Functional, function=[F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d], shown="output_size=")
AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d = family(
    Functional, function=[F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d], shown="output_size=")
GlobalAvgPool, GlobalMaxPool = family(Functional, function=[F.global_avg_pool, F.global_max_pool])
NearestUnpool, NailsUnpool = family(Functional, function=[F.nearest_unpool, F.nails_unpool])


class _MaxUnpool(_WindowPool, tensors=("input", "indices", "output_size")):
    """The way back from a max pool; called with its values, its indices and, if several fit, the `output_size`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.MaxUnpool1d(2)(minigrad.tensor([[[3.0, 5.0]]]), minigrad.tensor([[[1, 2]]]), output_size=(1, 1, 5)).tolist()
    [[[0.0, 3.0, 5.0, 0.0, 0.0]]]
    """

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return self.called(input, indices, output_size=output_size)


MaxUnpool1d, MaxUnpool2d, MaxUnpool3d = family(
    _MaxUnpool, function=[F.max_unpool1d, F.max_unpool2d, F.max_unpool3d], axes=[1, 2, 3])


# --- axes ------------------------------------------------------------------------------------------------------------

class Identity(Module):
    """Returns its input; takes and ignores any arguments, to stand where another layer stood.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Identity()(minigrad.ones(2)).tolist()
    [1.0, 1.0]
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Flatten(Layer, function=flatten, shown="start_dim= end_dim="):
    """Join the axes `start_dim` to `end_dim` into one; by default all but the batch axis.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Flatten()(minigrad.zeros(8, 16, 4, 4)).shape
    (8, 256)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim


class Unflatten(Layer, shown="dim= unflattened_size="):
    """Split the axis `dim` into axes of the sizes `unflattened_size`, of which one may be -1.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Unflatten(1, (16, 4, 4))(minigrad.zeros(8, 256)).shape
    (8, 16, 4, 4)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        super().__init__()
        sizes = unflattened_size
        require(isinstance(sizes, tuple | list) and all(isinstance(size, int) for size in sizes), "Unflatten",
                "unflattened_size", repr(sizes), "a tuple of ints", TypeError)
        self.dim, self.unflattened_size = dim, tuple(sizes)

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)


# --- resampling and borders ------------------------------------------------------------------------------------------

class Upsample(Functional, function=F.interpolate):
    """Resamples (n, c, *i) to `size`, or by `scale_factor`: see nn.functional.interpolate.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Upsample(scale_factor=2, mode="bilinear")
    Upsample(scale_factor=2.0, mode='bilinear')
    >>> nn.Upsample(scale_factor=2, mode="bilinear")(minigrad.zeros(1, 3, 4, 5)).shape
    (1, 3, 8, 10)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        factor = self.scale_factor
        self.scale_factor: Any = tuple(map(float, factor)) if isinstance(factor, tuple) else factor and float(factor)

    @property
    def shown(self) -> str:
        return "size= mode=" if self.scale_factor is None else "scale_factor= mode="


class UpsamplingNearest2d(Upsample):
    """`Upsample` with mode "nearest"."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` with mode "bilinear" and corners aligned."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


PixelShuffle, PixelUnshuffle, ChannelShuffle, Fold, Unfold = family(
    Functional, function=[F.pixel_shuffle, F.pixel_unshuffle, F.channel_shuffle, F.fold, F.unfold],
    shown=["upscale_factor=", "downscale_factor=", "groups=",
           "output_size= kernel_size= dilation= padding= stride=", "kernel_size= dilation= padding= stride="])


class _Pad(Layer, shown="padding"):
    """A border on the last axes, as many as the name says; see nn.functional.pad.

    `padding` is an int, or (low, high) from the last axis backwards; < 0 crops.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.ReflectionPad2d((1, 1, 2, 0))
    ReflectionPad2d((1, 1, 2, 0))
    >>> nn.ReflectionPad1d(1)(minigrad.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[2.0, 1.0, 2.0, 3.0, 2.0]]
    """

    mode = "constant"
    value: Any = None

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__()
        given = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.axes)
        require(len(given) == 2 * self.axes, type(self).__name__, "padding", padding, f"an int or {2 * self.axes} ints")
        self.padding = tuple([integer(type(self).__name__, "padding", amount) for amount in given])

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode, self.value)


class _ConstantPad(_Pad, shown="padding= value="):
    """A border of one value on the last axes, as many as the name says; see nn.functional.pad."""

    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value


ConstantPad1d, ConstantPad2d, ConstantPad3d = family(_ConstantPad, axes=[1, 2, 3])
ZeroPad1d, ZeroPad2d, ZeroPad3d = family(_Pad, axes=[1, 2, 3])
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = family(_Pad, axes=[1, 2, 3], mode="reflect")
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = family(_Pad, axes=[1, 2, 3], mode="replicate")
CircularPad1d, CircularPad2d, CircularPad3d = family(_Pad, axes=[1, 2, 3], mode="circular")


publish(globals())
