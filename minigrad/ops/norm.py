"""Normalisation: numbers to mean 0 and variance 1 over groups of them, then scaled and shifted by channel.

One row serves batch, instance, group and layer norm; which groups, says its attribute `groups`.
"""

from typing import Any

from minigrad.dtypes import FLOATS, check_dtype
from minigrad.fused import fused
from minigrad.groups import Groups
from minigrad.kernels import KERNELS
from minigrad.node import Value
from minigrad.ops.math import rsqrt, square
from minigrad.ops.view import reshape, sum_to
from minigrad_ext.buffer import Buffer


def _shape(x: Any, w: Any, b: Any, groups: Groups) -> Any:
    if x.dtype not in FLOATS:
        check_dtype("normalize", "input", x.dtype, *FLOATS)
    buffer, channels = x.buffer, groups.channels
    if buffer.size % groups.size:
        raise ValueError(f"normalize: input: got shape {x.shape}, expected a multiple of {groups.size} elements")
    if w.buffer.size != channels or b.buffer.size != channels:
        raise ValueError(f"normalize: weight, bias: got shapes {w.shape} and {b.shape}, expected {channels} elements")
    return buffer.shape, x.dtype


def _formula(x: Any, w: Any, b: Any, *, groups: Groups) -> Any:
    inner, positions = groups.channels // groups.groups, groups.positions
    v = reshape(x, shape=(x.buffer.size // groups.size, groups.groups, inner, positions))
    kept = (1 if groups.across else v.shape[0], groups.groups, 1, 1)
    count = max(v.buffer.size // max(groups.groups * kept[0], 1), 1)
    centred = v - sum_to(v, shape=kept) / count
    scale = rsqrt(sum_to(square(centred), shape=kept) / count + groups.eps)
    w, b = [reshape(each, shape=(groups.groups, inner, 1)) for each in (w, b)]
    return reshape(centred * scale * w + b, shape=x.shape)


def _pulls(g: Any, x: Any, w: Any, b: Any, _y: Any, groups: Groups) -> list:
    """The cotangents of x, w and b, from one kernel: numbers without a graph."""
    buffers = [Buffer.empty(operand.shape, x.dtype.code) for operand in (x, w, b)]
    KERNELS["normalize_pull"](*buffers, g.buffer, x.buffer, w.buffer, groups.params)
    return [Value.result(buffer) for buffer in buffers]


normalize = fused(
    "normalize", formula=_formula, together=_pulls, shape=_shape, promotes="number",
    compute=lambda out, x, w, b, groups: KERNELS["normalize"](out, x, w, b, groups.params),
    doc="(x - mean) / sqrt(var + eps) * w[c] + b[c] with mean and variance over groups of x")
