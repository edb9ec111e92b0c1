"""Layers that change an image's size: resampling, borders, channels exchanged for places, windows as columns."""

from __future__ import annotations

from typing import Any

from minigrad.functions.parts import pad
from minigrad.nn import functional as F
from minigrad.nn.layer import Layer
from minigrad.nn.module import Module
from minigrad.shapes import integer
from minigrad.tensor import Tensor

__all__ = ["ChannelShuffle", "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d",
           "ConstantPad3d", "Fold", "PixelShuffle", "PixelUnshuffle", "ReflectionPad1d", "ReflectionPad2d",
           "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d", "Unfold", "Upsample",
           "UpsamplingBilinear2d", "UpsamplingNearest2d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d"]


class Upsample(Layer, function=F.interpolate):
    """Resamples (n, c, *i) to `size`, or by `scale_factor`: see nn.functional.interpolate.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Upsample(scale_factor=2, mode="bilinear")
    Upsample(scale_factor=2.0, mode='bilinear')
    >>> nn.Upsample(scale_factor=2, mode="bilinear")(minigrad.zeros(1, 3, 4, 5)).shape
    (1, 3, 8, 10)
    """

    size: Any
    scale_factor: Any
    mode: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        factor = self.scale_factor
        self.scale_factor = tuple(map(float, factor)) if isinstance(factor, tuple) else factor and float(factor)

    def extra_repr(self) -> str:
        name = "size" if self.scale_factor is None else "scale_factor"
        return f"{name}={getattr(self, name)!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` with mode "nearest"."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` with mode "bilinear" and corners aligned."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class Named(Layer):
    """A layer that prints all its options by name."""

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name, option in self.__signature__.parameters.items()
                         if option.kind is not option.KEYWORD_ONLY)


class PixelShuffle(Named, function=F.pixel_shuffle): ...
class PixelUnshuffle(Named, function=F.pixel_unshuffle): ...
class ChannelShuffle(Named, function=F.channel_shuffle): ...
class Fold(Named, function=F.fold): ...
class Unfold(Named, function=F.unfold): ...


class Pad(Module):
    """What the border layers share: `padding` is an int, or (low, high) from the last axis backwards; < 0 crops.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.ReflectionPad2d((1, 1, 2, 0))
    ReflectionPad2d((1, 1, 2, 0))
    >>> nn.ReflectionPad1d(1)(minigrad.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[2.0, 1.0, 2.0, 3.0, 2.0]]
    """

    axes: int
    mode: str
    value: float | None = None

    def __init_subclass__(cls, axes: int = 0, mode: str = "constant") -> None:
        super().__init_subclass__()
        cls.axes, cls.mode = axes, mode
        cls.__doc__ = cls.__doc__ or f"A border on the last {axes} axes, mode {mode!r}: see nn.functional.pad."

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__()
        name = type(self).__name__
        given = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.axes)
        if len(given) != 2 * self.axes:
            raise ValueError(f"{name}: padding: got {padding}, expected an int or {2 * self.axes} ints")
        self.padding = tuple([integer(name, "padding", amount) for amount in given])

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPad(Pad):
    """A border of one value."""

    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(ConstantPad, axes=1): ...
class ConstantPad2d(ConstantPad, axes=2): ...
class ConstantPad3d(ConstantPad, axes=3): ...
class ZeroPad1d(Pad, axes=1): ...
class ZeroPad2d(Pad, axes=2): ...
class ZeroPad3d(Pad, axes=3): ...
class ReflectionPad1d(Pad, axes=1, mode="reflect"): ...
class ReflectionPad2d(Pad, axes=2, mode="reflect"): ...
class ReflectionPad3d(Pad, axes=3, mode="reflect"): ...
class ReplicationPad1d(Pad, axes=1, mode="replicate"): ...
class ReplicationPad2d(Pad, axes=2, mode="replicate"): ...
class ReplicationPad3d(Pad, axes=3, mode="replicate"): ...
class CircularPad1d(Pad, axes=1, mode="circular"): ...
class CircularPad2d(Pad, axes=2, mode="circular"): ...
class CircularPad3d(Pad, axes=3, mode="circular"): ...
