"""Normalisation: numbers to mean 0 and variance 1 over groups of them, then scaled and shifted by channel.

One row serves batch, instance, group and layer norm.  Its operand is seen as (n, c, s), samples, channels, positions;
a group is c / `groups` neighbouring channels of a sample, or, `across` samples, one channel of all.
"""

from typing import Any

from minigrad.dtypes import FLOATS, check_dtype
from minigrad.errors import require
from minigrad.fused import fused
from minigrad.kernels import KERNELS
from minigrad.node import Value
from minigrad.ops.math import rsqrt, square
from minigrad.ops.softmax import params
from minigrad.ops.view import reshape, sum_to
from minigrad_ext.buffer import Buffer


def _shape(x: Any, w: Any, b: Any, channels: int, positions: int, groups: int, across: bool, eps: float) -> Any:
    if x.dtype not in FLOATS:
        check_dtype("normalize", "input", x.dtype, *FLOATS)
    size = channels * positions
    if x.buffer.size % size if size else x.buffer.size:
        raise ValueError(f"normalize: input: got shape {x.shape}, expected a multiple of {channels} x {positions}")
    if w.buffer.size != channels or b.buffer.size != channels:
        raise ValueError(f"normalize: weight, bias: got shapes {w.shape} and {b.shape}, expected {channels} elements")
    require(groups > 0 and channels % groups == 0 and (not across or groups == channels), "normalize", "groups", groups,
            f"a divisor of {channels} channels, or across samples all of them")
    return x.shape, x.dtype


def _call(channels: int, positions: int, groups: int, across: bool, eps: float) -> Any:
    return params((channels, positions, groups, across), (eps,))


def _formula(x: Any, w: Any, b: Any, *, channels: int, positions: int, groups: int, across: bool, eps: float) -> Any:
    inner = channels // groups
    v = reshape(x, shape=(x.buffer.size // max(channels * positions, 1), groups, inner, positions))
    kept = (1 if across else v.shape[0], groups, 1, 1)
    count = max(v.buffer.size // max(groups * kept[0], 1), 1)
    centred = v - sum_to(v, shape=kept) / count
    scale = rsqrt(sum_to(square(centred), shape=kept) / count + eps)
    y = centred * scale * reshape(w, shape=(groups, inner, 1)) + reshape(b, shape=(groups, inner, 1))
    return reshape(y, shape=x.shape)


def _pulls(g: Any, x: Any, w: Any, b: Any, _y: Any, **attrs: Any) -> list:
    """The cotangents of x, w and b, from one kernel: numbers without a graph."""
    buffers = [Buffer.empty(operand.shape, x.dtype.code) for operand in (x, w, b)]
    KERNELS["normalize_pull"](*buffers, g.buffer, x.buffer, w.buffer, _call(**attrs))
    return [Value.result(buffer) for buffer in buffers]


normalize = fused(
    "normalize", formula=_formula, together=_pulls, shape=_shape, promotes="number",
    compute=lambda out, x, w, b, **attrs: KERNELS["normalize"](out, x, w, b, _call(**attrs)),
    doc="(x - mean) / sqrt(var + eps) * w[c] + b[c] with mean and variance over groups of x")
