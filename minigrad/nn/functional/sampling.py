"""Reading an image at places that are computed: rotated, scaled, distorted, and differentiable in the places too.

Places are given from -1 to 1 on each axis, the last axis first (x, y, z).  Each output gathers its 1, 2 or 4 neighbours
per axis from the image in a ring of zeros, and weighs them with polynomials in the place; so both the image and the
places have gradients of every order.
Sources: Jaderberg et al. 2015, spatial transformers; Simard et al. 2003, elastic distortion.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from minigrad.axismap import cubic_far, cubic_near
from minigrad.dtypes import int64
from minigrad.errors import one_of, require
from minigrad.functions.create import arange, ones
from minigrad.functions.index import where
from minigrad.functions.parts import stack
from minigrad.nn.functional.checks import check_float, check_shape
from minigrad.ops.index import gather
from minigrad.ops.view import embed, expand, flat_view
from minigrad.shapes import shape_of
from minigrad.tensor import Tensor

__all__ = ["affine_grid", "grid_sample"]

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")


def _clipped(x: Tensor, last: int) -> Tensor:
    """Between 0 and last; places on the border count as outside, where the derivative is 0."""
    return where((x > 0).logical_and(x < last), x, x.detach().clamp(0, last))


def _returned(x: Tensor, size: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Places outside the image brought back to it, or for zeros near it."""
    if padding_mode == "zeros":
        return x.clamp(-3, size + 2)
    if padding_mode == "reflection":
        low, span = (0.0, size - 1) if align_corners else (-0.5, size)
        x = span - ((x - low).remainder(2 * span) - span).abs() + low if span else x * 0.0
    return _clipped(x, size - 1)


def _taps(x: Tensor, size: int, mode: str, padding_mode: str, align_corners: bool) -> list[tuple[Tensor, Any]]:
    """(place in the ringed image, weight) of the neighbours of each x, on one axis."""
    def ringed(place: Tensor) -> Tensor:
        return (place.detach().clamp(-1, size) + 1).to(int64)

    if mode != "bicubic":
        x = _returned(x, size, padding_mode, align_corners)
    elif padding_mode != "reflection":
        x = x.clamp(-3, size + 2)                   # where all four neighbours are outside: infinity less itself is NaN
    if mode == "nearest":
        near = x.round()
        return [(ringed(near), near * 0 + 1)]       # a weight of 1 whose derivative in the place is 0
    first = x.detach().floor()
    t = x - first
    if mode == "bilinear":
        return [(ringed(first), 1 - t), (ringed(first + 1), t)]
    weights = (cubic_far(t + 1), cubic_near(t), cubic_near(1 - t), cubic_far(2 - t))
    return [(ringed(_returned(first + j, size, padding_mode, align_corners)), weight)
            for j, weight in enumerate(weights, -1)]


def grid_sample(input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
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
    check_float("grid_sample", "input", input)
    check_float("grid_sample", "grid", grid)
    one_of("grid_sample", "mode", mode, MODES)
    one_of("grid_sample", "padding_mode", padding_mode, PADDING_MODES)
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


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The places for `grid_sample` that an affine map gives: theta (N, d, d+1), size (N, C, *O) to (N, *O, d).

        grid[n, o, :] = theta[n] @ (x, y, ..., 1) with x, y of place o, from -1 to 1

    >>> import minigrad
    >>> affine_grid(minigrad.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2)).tolist()
    [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    check_float("affine_grid", "theta", theta)
    shape = shape_of("affine_grid", (tuple(size),))
    ndim = len(shape) - 2
    require(1 <= ndim <= 3 and 0 not in shape, "affine_grid", "size", shape, "(N, C, ...) and no empty axes")
    check_shape(theta.shape == (shape[0], ndim, ndim + 1), "affine_grid", "theta", theta,
                f"{(shape[0], ndim, ndim + 1)} for size {shape}")
    columns = []
    for axis, n in reversed(list(enumerate(shape[2:]))):
        steps = arange(n, dtype=theta.dtype) * 2 - (n - 1)              # -(n-1) to n-1
        line = steps / (max(n - 1, 1) if align_corners else n)
        columns.append(expand(flat_view(line, (n,) + (1,) * (ndim - 1 - axis)), shape=shape[2:]))
    base = flat_view(stack([*columns, ones(shape[2:], dtype=theta.dtype)], -1), (math.prod(shape[2:]), ndim + 1))
    return flat_view(base @ theta.transpose(1, 2), (shape[0], *shape[2:], ndim))
