"""Images read at other places: of another size, or at places that are computed.

Interpolation to another size is separable, so each axis has a map of its own (minigrad.axismap) and is mapped alone;
first those that leave least to do for the others.

Sampling is not: an image rotated, scaled or distorted is differentiable in the places too.  They are given from -1 to 1
on each axis, the last axis first (x, y, z).  Each output gathers its 1, 2 or 4 neighbours per axis from the image in a
ring of zeros, and weighs them with polynomials in the place; so both the image and the places have gradients of every
order.  Sources: Jaderberg et al. 2015, spatial transformers; Simard et al. 2003, elastic distortion.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from minigrad.axismap import AxisMap, axis_map, cubic_far, cubic_near
from minigrad.dtypes import FLOATS, check_dtype, int64
from minigrad.errors import one_of, require
from minigrad.functions.create import arange, ones
from minigrad.functions.index import where
from minigrad.functions.parts import mapped, stack
from minigrad.functions.signature import Floats
from minigrad.nn.functional.checks import check_shape
from minigrad.ops.index import gather
from minigrad.ops.view import embed, expand, flat_view
from minigrad.shapes import integer, shape_of
from minigrad.tensor import Tensor

__all__ = ["affine_grid", "grid_sample", "interpolate"]

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
    one_of(op, "mode", mode, MODES)
    kind, axes = MODES[mode]
    check_shape(input.ndim - 2 in axes, op, "input", input, "(N, C, ...) with as many spatial axes as the mode is for")
    require(align_corners is None or kind in ("linear", "cubic"), op, "align_corners", align_corners,
            "None, as the mode has no corners")
    require(not antialias or mode in ("bilinear", "bicubic"), op, "antialias", antialias, "mode bilinear or bicubic")
    if not kind.startswith("nearest"):
        check_dtype(op, "input", input.dtype, *FLOATS)
    maps = []
    for old, new, step in _sizes(op, input.shape[2:], size, scale_factor, recompute_scale_factor):
        require(old > 0 and new > 0, op, "size", f"{old} places to be resampled to {new}", "at least 1 of each")
        if align_corners:
            step = (old - 1) / (new - 1) if new > 1 else 0.0
        numbers = () if kind == "area" else (step,) if kind.startswith("nearest") else (step, bool(align_corners))
        maps.append(axis_map(kind + "-antialias" * antialias, old, new, *numbers))
    return resampled(input, maps)


def _sizes(op: str, old: tuple[int, ...], size: Any, factor: Any, recompute: Any) -> list[tuple[int, int, float]]:
    """(old size, new size, old places per new place) of each axis."""
    require((size is None) != (factor is None), op, "size", size, "either this or scale_factor")
    name, given = ("size", size) if factor is None else ("scale_factor", factor)
    listed = given if isinstance(given, (tuple, list)) else [given] * len(old)
    require(len(listed) == len(old), op, name, given, "one number, or one for each axis")
    if factor is None:
        require(not recompute, op, "recompute_scale_factor", recompute, "a scale_factor with it, no size")
        return [(n, integer(op, name, new), n / max(new, 1)) for n, new in zip(old, listed, strict=True)]
    require(all(hasattr(f, "__float__") for f in listed), op, name, repr(given), "numbers", TypeError)
    require(all(0 < float(f) < math.inf for f in listed), op, name, given, "positive numbers")
    sizes = [(n, math.floor(n * float(f)), float(f)) for n, f in zip(old, listed, strict=True)]
    return [(n, new, n / max(new, 1) if recompute else 1.0 / f) for n, new, f in sizes]


def resampled(x: Any, maps: list[AxisMap]) -> Any:
    """The last axes mapped, those that shrink most first; among equals, growing ones from the last, where the sums are
    dearest, shrinking ones to the last."""
    ratio = [len(rows.entries) / rows.size for rows in maps]
    for axis in sorted(range(len(maps)), key=lambda axis: (ratio[axis], -axis if ratio[axis] > 1 else axis)):
        x = mapped(x, x.ndim - len(maps) + axis, maps[axis])
    return x


def _returned(x: Tensor, size: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Places outside the image brought back to it, or for zeros near it."""
    if padding_mode == "zeros":
        return x.clamp(-3, size + 2)
    if padding_mode == "reflection":
        low, span = (0.0, size - 1) if align_corners else (-0.5, size)
        x = span - ((x - low).remainder(2 * span) - span).abs() + low if span else x * 0.0
    # places on the border count as outside, where the derivative is 0
    return where((x > 0).logical_and(x < size - 1), x, x.detach().clamp(0, size - 1))


def _taps(x: Tensor, size: int, mode: str, padding_mode: str, align_corners: bool) -> list[tuple[Tensor, Any]]:
    """(place in the ringed image, weight) of the neighbours of each x, on one axis."""
    if mode != "bicubic":
        x = _returned(x, size, padding_mode, align_corners)
    elif padding_mode != "reflection":
        x = x.clamp(-3, size + 2)                   # where all four neighbours are outside: infinity less itself is NaN
    base = x.detach().round() if mode == "nearest" else x.detach().floor()
    t = x - base
    weights = {"nearest": lambda: [t * 0 + 1], "bilinear": lambda: [1 - t, t],      # 1 with derivative 0 in the place
               "bicubic": lambda: [cubic_far(t + 1), cubic_near(t), cubic_near(1 - t), cubic_far(2 - t)]}[mode]()
    places = [base + j for j in range(-(len(weights) > 2), len(weights))]
    if mode == "bicubic":
        places = [_returned(place, size, padding_mode, align_corners) for place in places]
    return [((place.clamp(-1, size) + 1).to(int64), weight) for place, weight in zip(places, weights, strict=False)]


def grid_sample(input: Floats, grid: Floats, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Tensor:
    """`input` (N, C, *I) read at the places `grid` (N, *O, axes): (N, C, *O), with 1 to 3 spatial axes.

    The last axis of `grid` holds x, y, z from -1 to 1, where -1 and 1 are the outer edges of the image, or with
    `align_corners` the centres of its outermost pixels.  mode: "bilinear" (in any number of axes), "nearest",
    "bicubic".  Outside are zeros, the border's value, or reflections; NaN counts as -1.

    >>> import minigrad
    >>> x = minigrad.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    >>> grid_sample(x, minigrad.tensor([[[[0.0, 0.0], [1.0, -1.0]]]]), align_corners=True).tolist()
    [[[[1.5, 1.0]]]]
    """
    one_of("grid_sample", "mode", mode, ("bilinear", "nearest", "bicubic"))
    one_of("grid_sample", "padding_mode", padding_mode, ("zeros", "border", "reflection"))
    require(input.dtype is grid.dtype, "grid_sample", "grid", grid.dtype, f"{input.dtype} as the input's", TypeError)
    ndim, sizes = input.ndim - 2, input.shape[2:]
    check_shape(1 <= ndim <= 3 and 0 not in sizes, "grid_sample", "input", input,
                "(N, C, ...) with 1 to 3 spatial axes that are not empty")
    check_shape(grid.ndim == input.ndim and grid.shape[0] == input.shape[0] and grid.shape[-1] == ndim, "grid_sample",
                "grid", grid, f"(N, ..., {ndim}) with {ndim} axes between, for an input {input.shape}")
    align, lead, ring = bool(align_corners), input.shape[:2], tuple([n + 2 for n in sizes])
    count = math.prod(grid.shape[1:-1])
    image = embed(input, starts=(0, 0) + (1,) * ndim, steps=(1,) * input.ndim, shape=lead + ring)
    image = flat_view(image, (*lead, math.prod(ring)))
    places = where(grid.isnan(), -1.0, grid)
    taps = []
    for axis, size in enumerate(sizes):
        place = flat_view(places[..., ndim - 1 - axis], (lead[0], 1, count))
        place = (place + 1) * ((size - 1) / 2) if align else ((place + 1) * size - 1) / 2
        taps.append(_taps(place, size, mode, padding_mode, align))
    output: Any = None
    for corner in itertools.product(*taps):
        index, weight = corner[0]
        for (place, share), size in zip(corner[1:], ring[1:], strict=True):
            index, weight = index * size + place, weight * share
        value = gather(image, expand(index, shape=(*lead, count)), axis=2) * weight
        output = value if output is None else output + value
    return flat_view(output, (*lead, *grid.shape[1:-1]))


def affine_grid(theta: Floats, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The places for `grid_sample` that an affine map gives: theta (N, d, d+1), size (N, C, *O) to (N, *O, d).

        grid[n, o, :] = theta[n] @ (x, y, ..., 1) with x, y of place o, from -1 to 1

    >>> import minigrad
    >>> affine_grid(minigrad.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2)).tolist()
    [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    shape = shape_of("affine_grid", (tuple(size),))
    ndim = len(shape) - 2
    require(1 <= ndim <= 3 and 0 not in shape, "affine_grid", "size", shape, "(N, C, ...) and no empty axes")
    check_shape(theta.shape == (shape[0], ndim, ndim + 1), "affine_grid", "theta", theta,
                f"{(shape[0], ndim, ndim + 1)} for size {shape}")
    lines = [(arange(n, dtype=theta.dtype) * 2 - (n - 1)) / (max(n - 1, 1) if align_corners else n) for n in shape[2:]]
    grid = [expand(flat_view(line, line.shape + (1,) * (ndim - 1 - axis)), shape=shape[2:])
            for axis, line in enumerate(lines)]
    base = flat_view(stack([*grid[::-1], ones(shape[2:], dtype=theta.dtype)], -1), (math.prod(shape[2:]), ndim + 1))
    return flat_view(base @ theta.transpose(1, 2), (shape[0], *shape[2:], ndim))
