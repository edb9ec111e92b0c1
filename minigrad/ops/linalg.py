"""The matrix product, as one of the three derivatives of a trilinear form:

    <g, a @ b> = sum of g[m, n] a[m, k] b[k, n],     d/da = g @ b^T,     d/db = a^T @ g
"""

from typing import Any

from minigrad.dtypes import check_dtype
from minigrad.op import multilinear
from minigrad.ops.view import permute
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
