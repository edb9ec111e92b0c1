"""Normalisation: numbers to mean 0 and variance 1 over groups of them, then scaled and shifted by channel.

One row serves batch, instance, group and layer norm; which groups, says its attribute `groups`.
"""

from typing import Any

from minigrad.dtypes import FLOATS, check_dtype
from minigrad.fused import fused
from minigrad.groups import Groups
from minigrad.kernels import KERNELS, Params
from minigrad.node import GRAD, Value
from minigrad.ops.math import rsqrt, square
from minigrad.ops.view import reshape, sum_to
from minigrad_ext.buffer import Buffer
from minigrad_ext.recorder import current


def _shape(x: Any, w: Any, b: Any, *moments: Any, groups: Groups) -> Any:
    if x.dtype not in FLOATS:
        check_dtype("normalize", "input", x.dtype, *FLOATS)
    buffer, channels = x.buffer, groups.channels
    if buffer.size % groups.size:
        raise ValueError(f"normalize: input: got shape {x.shape}, expected a multiple of {groups.size} elements")
    for each in (w, b, *moments):
        if each.buffer.size != channels:
            raise ValueError(f"normalize: weight, bias, moments: got shape {each.shape}, expected {channels} elements")
    if len(moments) not in (0, 2) or (moments and groups.groups != channels):
        raise ValueError("normalize: moments: expected none, or the mean and variance of each channel that is a group")
    return buffer.shape, x.dtype


def _formula(x: Any, w: Any, b: Any, *moments: Any, groups: Groups) -> Any:
    inner, positions = groups.channels // groups.groups, groups.positions
    v = reshape(x, shape=(x.buffer.size // groups.size, groups.groups, inner, positions))
    w, b, *given = [reshape(each, shape=(groups.groups, inner, 1)) for each in (w, b, *moments)]
    if given:
        centred, var = v - given[0], given[1]
    else:
        kept = (1 if groups.across else v.shape[0], groups.groups, 1, 1)
        count = max(v.buffer.size // max(groups.groups * kept[0], 1), 1)
        centred = v - sum_to(v, shape=kept) / count
        var = sum_to(square(centred), shape=kept) / count
    return reshape(centred * rsqrt(var + groups.eps) * w + b, shape=x.shape)


def _pulls(g: Any, x: Any, w: Any, b: Any, *others: Any, groups: Groups) -> list:
    """The cotangents of x, w and b, from one kernel: numbers without a graph.  (Those of given moments: None.)"""
    moments = others[:-1]               # the last is the result
    buffers = [Buffer.empty(operand.shape, x.dtype.code) for operand in (x, w, b)]
    KERNELS["normalize_pull"](*buffers, g.buffer, x.buffer, w.buffer, *[each.buffer for each in moments], groups.params)
    return [*[Value.result(buffer) for buffer in buffers], None, None]


normalize = fused(
    "normalize", formula=_formula, together=_pulls, shape=_shape, promotes="number",
    compute=lambda out, *operands, groups: KERNELS["normalize"](out, *operands, groups.params),
    doc="(x - mean) / sqrt(var + eps) * w[c] + b[c], with mean and variance over groups of x, or given by channel")


def normalize_tracking(operands: tuple, moments: list[Buffer], momentum: float, groups: Groups) -> Any:
    """`normalize` across samples, whose kernel also moves running moments, contiguous and of the operands' dtype."""
    recorder = current()
    if recorder is not None:
        recorder.given(operands)
    shape, dtype = _shape(*operands, groups=groups)
    buffer = Buffer.empty(shape, dtype.code)
    KERNELS["normalize_tracking"](buffer, *[each.buffer for each in operands], *moments,
                                  Params(groups.params.ints, (groups.eps, momentum)))
    out = Value.result(buffer)
    if GRAD.enabled and any(each.differentiable for each in operands):
        normalize.record(out, operands, {"groups": groups})
    return out
