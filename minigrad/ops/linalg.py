"""The matrix product, as one of the three derivatives of a trilinear form, and the dense layer made of it:

    <g, a @ b> = sum of g[m, n] a[m, k] b[k, n],     d/da = g @ b^T,     d/db = a^T @ g
"""

from math import prod
from typing import Any

from minigrad.dtypes import check_dtype
from minigrad.errors import require
from minigrad.fused import fused
from minigrad.op import multilinear
from minigrad.ops.math import add
from minigrad.ops.view import flat_view, permute
from minigrad.shapes import broadcast


def transposed(x: Any) -> Any:
    """The last two axes exchanged, as a view."""
    return permute(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _shape(a: Any, b: Any) -> Any:
    check_dtype("matmul", "other", b.dtype, a.dtype)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit: expected two axes or more for both, and "
                         "as many columns in the first as rows in the second")
    return (*broadcast("matmul", a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), a.dtype


matmul = multilinear(
    "matmul", lambda g, a, b: matmul(g, transposed(b)), lambda g, a, b: matmul(transposed(a), g), shape=_shape,
    doc="out[m, n] = sum over k of a[m, k] b[k, n], for each place of the leading axes, which broadcast")


def rows(x: Any) -> Any:
    """All vectors along the last axis as the rows of one matrix."""
    return flat_view(x, (prod(x.shape[:-1]), x.shape[-1]))


def _linear_shape(x: Any, w: Any, bias: Any = None) -> Any:
    shape, features, dtype = x.shape, w.shape, w.dtype
    if len(features) != 2 or shape[-1:] != features[1:]:        # messages are not made in vain: that takes 1 us
        require(len(features) == 2, "linear", "weight", f"shape {features}", "(out_features, in_features)")
        require(False, "linear", "input", f"shape {shape}", f"(..., {features[1]}) for weight {features}")
    check_dtype("linear", "input", x.dtype, dtype)
    if bias is not None:
        check_dtype("linear", "bias", bias.dtype, dtype)
        if bias.shape != features[:1]:
            require(False, "linear", "bias", f"shape {bias.shape}", str(features[:1]))
    return (*shape[:-1], features[0]), dtype


def _composed(x: Any, w: Any, *bias: Any) -> Any:
    out = flat_view(matmul(rows(x), transposed(w)), (*x.shape[:-1], w.shape[0]))
    return add(out, *bias) if bias else out


linear = fused(
    "linear",
    lambda g, _x, w, *_rest: matmul(g, w) if g.ndim > 1 else linear(g, transposed(w)),
    lambda g, x, _w, *_rest: matmul(transposed(rows(g)), rows(x)),
    lambda g, *_rest: g,        # and summed to the bias's shape, as whatever has been broadcast
    formula=_composed, shape=_linear_shape,
    doc="out[.., n] = sum over k of x[.., k] w[n, k], + bias[n] if given")
