"""Pooling layers: summarise each window by its maximum or its mean.

The formulas, and all that padding, dilation and ceil_mode mean, stand with the functions in nn.functional.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.tensor import Tensor

Sizes = int | tuple[int, ...]


class MaxPool(Module):
    """The constructor and forward of MaxPool1d, MaxPool2d and MaxPool3d. `stride` is by default the kernel size."""

    function: Callable[..., Any]

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Any = 0, dilation: Sizes = 1,
                 return_indices: bool = False, ceil_mode: bool = False) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return self.function(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                             self.return_indices)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class MaxPool1d(MaxPool):
    """(n, c, i) to (n, c, o), the maximum of each window: see nn.functional.max_pool1d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.MaxPool1d(2)(minigrad.tensor([[[1.0, 3.0, 2.0, 0.0]]])).tolist()
    [[[3.0, 2.0]]]
    """

    function = staticmethod(F.max_pool1d)


class MaxPool2d(MaxPool):
    """(n, c, i1, i2) to (n, c, o1, o2), the maximum of each window: see nn.functional.max_pool2d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.MaxPool2d(2)
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    >>> nn.MaxPool2d(2)(minigrad.zeros(1, 8, 24, 24)).shape
    (1, 8, 12, 12)
    """

    function = staticmethod(F.max_pool2d)


class MaxPool3d(MaxPool):
    """(n, c, i1, i2, i3) to (n, c, o1, o2, o3), the maximum of each window: see nn.functional.max_pool3d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.MaxPool3d(2)(minigrad.zeros(1, 1, 4, 4, 4)).shape
    (1, 1, 2, 2, 2)
    """

    function = staticmethod(F.max_pool3d)


class AvgPool(Module):
    """The constructor and forward of AvgPool1d, AvgPool2d and AvgPool3d. `stride` is by default the kernel size."""

    function: Callable[..., Any]

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: int | None = None) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return self.function(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                             self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(AvgPool):
    """(n, c, i) to (n, c, o), the mean of each window: see nn.functional.avg_pool1d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.AvgPool1d(2)(minigrad.tensor([[[1.0, 3.0, 2.0, 0.0]]])).tolist()
    [[[2.0, 1.0]]]
    """

    function = staticmethod(F.avg_pool1d)

    def extra_repr(self) -> str:
        sizes = (self.kernel_size, self.stride, self.padding)
        kernel_size, stride, padding = ((size,) if isinstance(size, int) else size for size in sizes)
        return f"kernel_size={kernel_size}, stride={stride}, padding={padding}"


class AvgPool2d(AvgPool):
    """(n, c, i1, i2) to (n, c, o1, o2), the mean of each window: see nn.functional.avg_pool2d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.AvgPool2d(3, stride=2, padding=1)(minigrad.zeros(1, 1, 5, 5)).shape
    (1, 1, 3, 3)
    """

    function = staticmethod(F.avg_pool2d)


class AvgPool3d(AvgPool):
    """(n, c, i1, i2, i3) to (n, c, o1, o2, o3), the mean of each window: see nn.functional.avg_pool3d.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.AvgPool3d(2)(minigrad.zeros(1, 1, 4, 4, 4)).shape
    (1, 1, 2, 2, 2)
    """

    function = staticmethod(F.avg_pool3d)
