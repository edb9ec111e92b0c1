"""Pooling layers: summarise each window by its maximum, its mean or its norm, and lay values out again.

The formulas, and all that padding, dilation and ceil_mode mean, stand with the functions in nn.functional.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.layer import Layer
from minigrad.nn.module import Module
from minigrad.tensor import Tensor

__all__ = ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
           "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "AvgUnpool", "FeatureLPPool", "GlobalAvgPool",
           "GlobalMaxPool", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d",
           "MaxUnpool2d", "MaxUnpool3d", "NailsUnpool", "NearestUnpool"]


class Pool(Layer):
    """A pool, which prints the options in `shown` by name."""

    shown: tuple[str, ...]

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.shown)


class WindowPool(Pool):
    """A pool whose stride is by default the kernel size; `ceil_mode` is the last option of those with indices."""

    kernel_size: Any
    stride: Any
    shown: tuple[str, ...] = ("kernel_size", "stride", "padding")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        options = cls.__signature__.parameters
        if "return_indices" in options:
            cls.shown = (*cls.shown, "dilation", "ceil_mode")
            cls.__signature__ = inspect.Signature(sorted(options.values(), key=lambda o: o.name == "ceil_mode"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stride = self.kernel_size if self.stride is None else self.stride


class MaxPool1d(WindowPool, function=F.max_pool1d): ...


class MaxPool2d(WindowPool, function=F.max_pool2d):
    """(n, c, i1, i2) to (n, c, o1, o2), the maximum of each window: see nn.functional.max_pool2d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.MaxPool2d(2)
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    >>> nn.MaxPool2d(2)(minigrad.zeros(1, 8, 24, 24)).shape
    (1, 8, 12, 12)
    """


class MaxPool3d(WindowPool, function=F.max_pool3d): ...


class AvgPool1d(WindowPool, function=F.avg_pool1d):
    """(n, c, i) to (n, c, o), the mean of each window: see nn.functional.avg_pool1d.

    >>> from minigrad import nn
    >>> nn.AvgPool1d(2)
    AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))
    """

    def extra_repr(self) -> str:
        sizes = ((size,) if isinstance(size, int) else size for size in map(self.__dict__.get, self.shown))
        return ", ".join(f"{name}={size}" for name, size in zip(self.shown, sizes, strict=True))


class AvgPool2d(WindowPool, function=F.avg_pool2d): ...
class AvgPool3d(WindowPool, function=F.avg_pool3d): ...
class AvgUnpool(WindowPool, function=F.avg_unpool): ...


class LPPool(Pool):
    """What the layers of power means share."""

    shown = ("norm_type", "kernel_size", "stride", "ceil_mode")


class LPPool1d(LPPool, function=F.lp_pool1d): ...
class LPPool2d(LPPool, function=F.lp_pool2d): ...
class LPPool3d(LPPool, function=F.lp_pool3d): ...
class FeatureLPPool(LPPool, function=F.lp_pool_features): ...


class AdaptivePool(Pool):
    """What the layers of regions share."""

    shown = ("output_size",)


class AdaptiveAvgPool1d(AdaptivePool, function=F.adaptive_avg_pool1d): ...
class AdaptiveAvgPool2d(AdaptivePool, function=F.adaptive_avg_pool2d): ...
class AdaptiveAvgPool3d(AdaptivePool, function=F.adaptive_avg_pool3d): ...
class AdaptiveMaxPool1d(AdaptivePool, function=F.adaptive_max_pool1d): ...
class AdaptiveMaxPool2d(AdaptivePool, function=F.adaptive_max_pool2d): ...
class AdaptiveMaxPool3d(AdaptivePool, function=F.adaptive_max_pool3d): ...
class GlobalAvgPool(Layer, function=F.global_avg_pool): ...
class GlobalMaxPool(Layer, function=F.global_max_pool): ...
class NearestUnpool(Layer, function=F.nearest_unpool): ...
class NailsUnpool(Layer, function=F.nails_unpool): ...


class MaxUnpool(Module):
    """The way back from a max pool; called with its values, its indices and, if several fit, the `output_size`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.MaxUnpool1d(2)(minigrad.tensor([[[3.0, 5.0]]]), minigrad.tensor([[[1, 2]]]), output_size=(1, 1, 5)).tolist()
    [[[0.0, 3.0, 5.0, 0.0, 0.0]]]
    """

    axes: int
    function: Callable[..., Any]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> None:
        super().__init__()
        each = [(size,) * self.axes if isinstance(size, int) else size
                for size in (kernel_size, kernel_size if stride is None else stride, padding)]
        self.kernel_size, self.stride, self.padding = each
        self.dilation = dilation

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return self.function(input, indices, self.kernel_size, self.stride, self.padding, output_size, self.dilation)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(MaxUnpool):
    axes, function = 1, staticmethod(F.max_unpool1d)


class MaxUnpool2d(MaxUnpool):
    axes, function = 2, staticmethod(F.max_unpool2d)


class MaxUnpool3d(MaxUnpool):
    axes, function = 3, staticmethod(F.max_unpool3d)
