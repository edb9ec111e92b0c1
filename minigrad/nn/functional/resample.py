"""Images of another size: interpolation, averages of regions, and channels exchanged for places.

Interpolation is separable, so each axis has a map of its own (minigrad.axismap) and is mapped alone; first those that
leave least to do for the others.
"""

import math
from typing import Any

from minigrad.axismap import AxisMap, axis_map
from minigrad.errors import one_of, require
from minigrad.functions.parts import mapped
from minigrad.nn.functional.checks import check_float, check_shape, check_tensor
from minigrad.nn.functional.dimensions import per_dimension
from minigrad.ops.view import flat_view, permute
from minigrad.shapes import integer
from minigrad.tensor import Tensor

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "channel_shuffle", "interpolate",
           "pixel_shuffle", "pixel_unshuffle"]

# mode -> kind of map, numbers of spatial axes
MODES = {"nearest": ("nearest", (1, 2, 3)), "nearest-exact": ("nearest-exact", (1, 2, 3)), "area": ("area", (1, 2, 3)),
         "linear": ("linear", (1,)), "bilinear": ("linear", (2,)), "trilinear": ("linear", (3,)),
         "bicubic": ("cubic", (2,))}


def interpolate(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Tensor:
    """Resamples (N, C, *I) with 1 to 3 spatial axes to `size`, or to floor(I * scale_factor).

    mode "nearest", "nearest-exact" and "area" (averages of regions) take any number of axes, "linear" one, "bilinear"
    and "bicubic" two, "trilinear" three.  Place o reads around (o + 1/2) step - 1/2, where step = I/O, or
    1/scale_factor if that was given and `recompute_scale_factor` is not set; with `align_corners` around o (I-1)/(O-1).
    `antialias` widens the kernel of "bilinear" and "bicubic" where the image shrinks.
    Sources: Dumoulin and Visin 2016; Odena, Dumoulin and Olah 2016 (resize, then convolve); Keys 1981.

    >>> import minigrad
    >>> interpolate(minigrad.tensor([[[1.0, 3.0]]]), scale_factor=2).tolist()
    [[[1.0, 1.0, 3.0, 3.0]]]
    >>> interpolate(minigrad.tensor([[[1.0, 3.0]]]), size=3, mode="linear", align_corners=True).tolist()
    [[[1.0, 2.0, 3.0]]]
    """
    op = "interpolate"
    check_tensor(op, "input", input)
    one_of(op, "mode", mode, MODES)
    kind, axes = MODES[mode]
    check_shape(input.ndim - 2 in axes, op, "input", input, "(N, C, ...) with as many spatial axes as the mode is for")
    require(align_corners is None or kind in ("linear", "cubic"), op, "align_corners", align_corners,
            "None, as the mode has no corners")
    require(not antialias or mode in ("bilinear", "bicubic"), op, "antialias", antialias, "mode bilinear or bicubic")
    if not kind.startswith("nearest"):
        check_float(op, "input", input)
    maps = []
    for old, (new, step) in zip(input.shape[2:], _sizes(op, input.shape[2:], size, scale_factor,
                                                        recompute_scale_factor), strict=True):
        if old < 1 or new < 1:
            raise ValueError(f"{op}: got {old} places to be resampled to {new}, expected at least 1 of each")
        if align_corners:
            step = (old - 1) / (new - 1) if new > 1 else 0.0
        numbers = () if kind == "area" else (step,) if kind.startswith("nearest") else (step, bool(align_corners))
        maps.append(axis_map(kind + "-antialias" * antialias, old, new, *numbers))
    return _resampled(input, maps)


def _sizes(op: str, old: tuple[int, ...], size: Any, factor: Any, recompute: bool | None) -> list[tuple[int, float]]:
    """(new size, old places per new place) of each axis."""
    require((size is None) != (factor is None), op, "size", size, "either this or scale_factor")
    name, given = ("size", size) if factor is None else ("scale_factor", factor)
    listed = given if isinstance(given, (tuple, list)) else [given] * len(old)
    require(len(listed) == len(old), op, name, given, "one number, or one for each axis")
    if factor is None:
        require(not recompute, op, "recompute_scale_factor", recompute, "a scale_factor with it, no size")
        return [(integer(op, name, new), n / max(new, 1)) for n, new in zip(old, listed, strict=True)]
    require(all(hasattr(f, "__float__") for f in listed), op, name, repr(given), "numbers", TypeError)
    require(all(0 < float(f) < math.inf for f in listed), op, name, given, "positive numbers")
    sizes = [(math.floor(n * float(f)), float(f)) for n, f in zip(old, listed, strict=True)]
    return [(new, n / max(new, 1) if recompute else 1.0 / f) for n, (new, f) in zip(old, sizes, strict=True)]


def _resampled(x: Any, maps: list[AxisMap]) -> Any:
    """The last axes mapped, those that shrink most first; among equals, growing ones from the last, where the sums are
    dearest, shrinking ones to the last."""
    def order(axis: int) -> tuple[float, int]:
        ratio = len(maps[axis].entries) / maps[axis].size
        return ratio, -axis if ratio > 1 else axis

    for axis in sorted(range(len(maps)), key=order):
        x = mapped(x, x.ndim - len(maps) + axis, maps[axis])
    return x


def region_counts(op: str, ndim: int, input: Any, output_size: Any) -> list[int]:
    """How many regions are wanted on each spatial axis; None keeps a size."""
    check_float(op, "input", input)
    check_shape(input.ndim - ndim in (1, 2) and 0 not in input.shape[-ndim:], op, "input", input,
                "(N, C, ...) or (C, ...) with spatial axes, as many as the name says, that are not empty")
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * ndim
    require(len(given) == ndim, op, "output_size", output_size, "one int, or one for each axis")
    sizes = [n if size is None else integer(op, "output_size", size)
             for n, size in zip(input.shape[-ndim:], given, strict=True)]
    require(min(sizes) >= 0, op, "output_size", output_size, "0 or more")
    return sizes


def _adaptive_avg_pool(input: Tensor, output_size: Any, *, ndim: int = 2, op: str = "") -> Tensor:
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
    sizes = region_counts(op, ndim, input, output_size)
    return _resampled(input, list(map(axis_map, ("area",) * ndim, input.shape[-ndim:], sizes)))


def _shuffled(op: str, name: str, x: Any, factor: int, axes: int) -> tuple[int, tuple[int, ...], int, tuple[int, ...]]:
    """The checked factor, the leading sizes, the channels, and the `axes` last sizes."""
    check_tensor(op, "input", x)
    r, shape = integer(op, name, factor), x.shape
    require(r >= 1, op, name, r, "at least 1")
    check_shape(1 <= axes <= 3 and x.ndim > axes, op, "input", x, "channels and 1 to 3 spatial axes")
    return r, shape[:-axes - 1], shape[-axes - 1], shape[x.ndim - axes:]


def pixel_shuffle(input: Tensor, upscale_factor: int, *, axes: int = 2) -> Tensor:
    """Channels spread over places: (*, C r^2, H, W) to (*, C, H r, W r); r^`axes` for another number of spatial axes.

        out[c, h r + a, w r + b] = input[(c r + a) r + b, h, w]

    Source: Shi et al. 2016, sub-pixel convolution.

    >>> import minigrad
    >>> pixel_shuffle(minigrad.arange(4.0).reshape(1, 4, 1, 1), 2).tolist()
    [[[[0.0, 1.0], [2.0, 3.0]]]]
    """
    r, lead, channels, sizes = _shuffled("pixel_shuffle", "upscale_factor", input, upscale_factor, axes)
    channels, rest = divmod(channels, r ** axes)
    check_shape(rest == 0, "pixel_shuffle", "input", input, f"a multiple of {r}^{axes} channels")
    x = flat_view(input, (math.prod(lead), channels, *(r,) * axes, *sizes))
    x = permute(x, axes=(0, 1, *[j for axis in range(axes) for j in (2 + axes + axis, 2 + axis)]))
    return flat_view(x, (*lead, channels, *[n * r for n in sizes]))


def pixel_unshuffle(input: Tensor, downscale_factor: int, *, axes: int = 2) -> Tensor:
    """Places gathered into channels, the way back from `pixel_shuffle`: (*, C, H r, W r) to (*, C r^2, H, W).

    >>> import minigrad
    >>> pixel_unshuffle(minigrad.arange(4.0).reshape(1, 1, 2, 2), 2).tolist()
    [[[[0.0]], [[1.0]], [[2.0]], [[3.0]]]]
    """
    r, lead, channels, sizes = _shuffled("pixel_unshuffle", "downscale_factor", input, downscale_factor, axes)
    check_shape(not any(n % r for n in sizes), "pixel_unshuffle", "input", input, f"multiples of {r}")
    x = flat_view(input, (math.prod(lead), channels, *[n for size in sizes for n in (size // r, r)]))
    x = permute(x, axes=(0, 1, *range(3, 3 + 2 * axes, 2), *range(2, 2 + 2 * axes, 2)))
    return flat_view(x, (*lead, channels * r ** axes, *[n // r for n in sizes]))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels dealt out anew among groups: (N, C, ...) seen as (N, groups, C/groups, ...) with the two exchanged.

    Source: Zhang et al. 2017, ShuffleNet.

    >>> import minigrad
    >>> channel_shuffle(minigrad.arange(4.0).reshape(1, 4, 1), 2).flatten().tolist()
    [0.0, 2.0, 1.0, 3.0]
    """
    check_tensor("channel_shuffle", "input", input)
    g, shape = integer("channel_shuffle", "groups", groups), input.shape
    check_shape(input.ndim > 2 and g > 0 and shape[1] % g == 0, "channel_shuffle", "input", input,
                f"(N, C, ...) with a multiple of {g} channels")
    x = flat_view(input, (shape[0], g, shape[1] // g, math.prod(shape[2:])))
    return flat_view(permute(x, axes=(0, 2, 1, 3)), shape)


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = per_dimension("adaptive_avg_pool", _adaptive_avg_pool)
