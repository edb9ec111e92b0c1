"""Images of another size: interpolation, averages of regions, and channels exchanged for places.

Interpolation is separable, so each axis has a map of its own (minigrad.axismap) and is mapped alone; first those that
leave least to do for the others.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.axismap import AxisMap, axis_map
from minigrad.functions.parts import mapped
from minigrad.nn.functional.checks import check_float, check_tensor
from minigrad.ops.view import flat_view, permute
from minigrad.shapes import integer
from minigrad.tensor import Tensor

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "channel_shuffle", "interpolate",
           "pixel_shuffle", "pixel_unshuffle"]

# mode -> kind of map, number of spatial axes (0: any)
MODES = {"nearest": ("nearest", 0), "nearest-exact": ("nearest-exact", 0), "area": ("area", 0), "linear": ("linear", 1),
         "bilinear": ("linear", 2), "trilinear": ("linear", 3), "bicubic": ("cubic", 2)}


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
    check_tensor("interpolate", "input", input)
    if mode not in MODES:
        raise ValueError(f"interpolate: mode: got {mode!r}, expected one of {', '.join(map(repr, MODES))}")
    kind, axes = MODES[mode]
    ndim = input.ndim - 2
    if not 1 <= ndim <= 3 or ndim != (axes or ndim):
        raise ValueError(f"interpolate: input: got shape {input.shape}, expected (N, C, ...) with {axes or '1 to 3'} "
                         f"spatial axes for mode {mode!r}")
    if align_corners is not None and kind not in ("linear", "cubic"):
        raise ValueError(f"interpolate: align_corners: got {align_corners} for mode {mode!r}, which has no corners")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: antialias: got True, expected mode 'bilinear' or 'bicubic', got {mode!r}")
    if not kind.startswith("nearest"):
        check_float("interpolate", "input", input)
    maps = []
    for old, (new, step) in zip(input.shape[2:], _sizes(input.shape[2:], size, scale_factor, recompute_scale_factor),
                                strict=True):
        if old < 1 or new < 1:
            raise ValueError(f"interpolate: got {old} places to be resampled to {new}, expected at least 1 of each")
        if align_corners:
            step = (old - 1) / (new - 1) if new > 1 else 0.0
        numbers = () if kind == "area" else (step,) if kind.startswith("nearest") else (step, bool(align_corners))
        maps.append(axis_map(kind + "-antialias" * antialias, old, new, *numbers))
    return _resampled(input, maps)


def _sizes(old: tuple[int, ...], size: Any, factor: Any, recompute: bool | None) -> list[tuple[int, float]]:
    """(new size, old places per new place) of each axis."""
    if (size is None) == (factor is None):
        raise ValueError(f"interpolate: got size {size} and scale_factor {factor}, expected one of the two")
    name, given = ("size", size) if factor is None else ("scale_factor", factor)
    listed = list(given) if isinstance(given, (tuple, list)) else [given] * len(old)
    if len(listed) != len(old):
        raise ValueError(f"interpolate: {name}: got {given}, expected one number, or one for each of {len(old)} axes")
    if factor is None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor: got True, expected a scale_factor with it, no size")
        sizes = [integer("interpolate", "size", n) for n in listed]
        return [(new, n / max(new, 1)) for n, new in zip(old, sizes, strict=True)]
    try:
        factors = [float(f * 1.0) for f in listed]
    except TypeError:
        raise TypeError(f"interpolate: scale_factor: got {given!r}, expected numbers") from None
    if not all(0 < f < math.inf for f in factors):
        raise ValueError(f"interpolate: scale_factor: got {given}, expected positive numbers")
    sizes = [math.floor(n * f) for n, f in zip(old, factors, strict=True)]
    return [(new, n / max(new, 1) if recompute else 1.0 / f) for n, new, f in zip(old, sizes, factors, strict=True)]


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
    if input.ndim not in (ndim + 1, ndim + 2) or 0 in input.shape[-ndim:]:
        raise ValueError(f"{op}: input: got shape {input.shape}, expected (N, C, ...) or (C, ...) with {ndim} spatial "
                         f"axes that are not empty")
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * ndim
    if len(given) != ndim:
        raise ValueError(f"{op}: output_size: got {output_size}, expected one int, or one for each of {ndim} axes")
    sizes = [n if size is None else integer(op, "output_size", size)
             for n, size in zip(input.shape[-ndim:], given, strict=True)]
    if min(sizes) < 0:
        raise ValueError(f"{op}: output_size: got {output_size}, expected 0 or more")
    return sizes


def adaptive_avg_pool_nd(ndim: int, input: Any, output_size: Any) -> Any:
    """The means of as many regions as wanted."""
    sizes = region_counts(f"adaptive_avg_pool{ndim}d", ndim, input, output_size)
    return _resampled(input, [axis_map("area", n, size) for n, size in zip(input.shape[-ndim:], sizes, strict=True)])


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """The means of `output_size` regions: (N, C, L) or (C, L).  See `adaptive_avg_pool2d`.

    >>> import minigrad
    >>> adaptive_avg_pool1d(minigrad.tensor([[[1.0, 3.0, 5.0]]]), 2).tolist()
    [[[2.0, 4.0]]]
    """
    return adaptive_avg_pool_nd(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of regions, as many as wanted: (N, C, H, W) or (C, H, W) to `output_size` (None keeps a size).

    Region o of O on an axis of I places runs from floor(o I/O) to ceil((o+1) I/O).  Size 1 is the global mean.

    >>> import minigrad
    >>> adaptive_avg_pool2d(minigrad.arange(16.0).reshape(1, 1, 4, 4), (1, 2)).tolist()
    [[[[6.5, 8.5]]]]
    """
    return adaptive_avg_pool_nd(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """The means of regions: (N, C, D, H, W) or (C, D, H, W).  See `adaptive_avg_pool2d`.

    >>> import minigrad
    >>> adaptive_avg_pool3d(minigrad.arange(8.0).reshape(1, 1, 2, 2, 2), 1).tolist()
    [[[[[3.5]]]]]
    """
    return adaptive_avg_pool_nd(3, input, output_size)


def _shuffled(op: str, x: Any, factor: int, axes: int) -> tuple[int, tuple[int, ...], int, tuple[int, ...]]:
    """The checked factor, the leading sizes, the channels, and the `axes` last sizes."""
    check_tensor(op, "input", x)
    r = integer(op, "upscale_factor" if op == "pixel_shuffle" else "downscale_factor", factor)
    if r < 1 or not 1 <= axes <= 3 or x.ndim < axes + 1:
        raise ValueError(f"{op}: got factor {r} for shape {x.shape}, expected at least 1, and at least {axes + 1} axes "
                         f"({axes} of at most 3 spatial ones)")
    shape = x.shape
    return r, shape[:-axes - 1], shape[-axes - 1], shape[x.ndim - axes:]


def pixel_shuffle(input: Tensor, upscale_factor: int, *, axes: int = 2) -> Tensor:
    """Channels spread over places: (*, C r^2, H, W) to (*, C, H r, W r); r^`axes` for another number of spatial axes.

        out[c, h r + a, w r + b] = input[(c r + a) r + b, h, w]

    Source: Shi et al. 2016, sub-pixel convolution.

    >>> import minigrad
    >>> pixel_shuffle(minigrad.arange(4.0).reshape(1, 4, 1, 1), 2).tolist()
    [[[[0.0, 1.0], [2.0, 3.0]]]]
    """
    r, lead, channels, sizes = _shuffled("pixel_shuffle", input, upscale_factor, axes)
    if channels % r ** axes:
        raise ValueError(f"pixel_shuffle: input: got {channels} channels, expected a multiple of {r}^{axes}")
    x = flat_view(input, (math.prod(lead), channels // r ** axes, *(r,) * axes, *sizes))
    x = permute(x, axes=(0, 1, *[j for axis in range(axes) for j in (2 + axes + axis, 2 + axis)]))
    return flat_view(x, (*lead, channels // r ** axes, *[n * r for n in sizes]))


def pixel_unshuffle(input: Tensor, downscale_factor: int, *, axes: int = 2) -> Tensor:
    """Places gathered into channels, the way back from `pixel_shuffle`: (*, C, H r, W r) to (*, C r^2, H, W).

    >>> import minigrad
    >>> pixel_unshuffle(minigrad.arange(4.0).reshape(1, 1, 2, 2), 2).tolist()
    [[[[0.0]], [[1.0]], [[2.0]], [[3.0]]]]
    """
    r, lead, channels, sizes = _shuffled("pixel_unshuffle", input, downscale_factor, axes)
    if any(n % r for n in sizes):
        raise ValueError(f"pixel_unshuffle: input: got sizes {sizes}, expected multiples of {r}")
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
    if input.ndim < 3 or g < 1 or shape[1] % g:
        raise ValueError(f"channel_shuffle: got groups {g} for shape {shape}, expected (N, C, ...) with a multiple of "
                         "groups channels")
    x = flat_view(input, (shape[0], g, shape[1] // g, math.prod(shape[2:])))
    return flat_view(permute(x, axes=(0, 2, 1, 3)), shape)
