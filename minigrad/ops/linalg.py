"""The matrix product, as one of the three derivatives of a trilinear form:

    <g, a @ b> = sum of g[m, n] a[m, k] b[k, n],     d/da = g @ b^T,     d/db = a^T @ g
"""

from __future__ import annotations

from typing import Any

from minigrad.kernels import KERNELS
from minigrad.op import multilinear
from minigrad.ops.view import permute
from minigrad.shapes import broadcast


def transposed(x: Any) -> Any:
    """The last two axes exchanged, as a view."""
    return permute(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _shape(a: Any, b: Any) -> Any:
    if a.dtype is not b.dtype:
        raise TypeError(f"matmul: got dtypes {a.dtype.name} and {b.dtype.name}, expected the same for both")
    if a.ndim < 2 or b.ndim < 2:
        raise ValueError(f"matmul: got shapes {a.shape} and {b.shape}, expected two axes or more for both")
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit: the first has {a.shape[-1]} columns, "
                         f"the second {b.shape[-2]} rows")
    return (*broadcast("matmul", a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), a.dtype


matmul = multilinear(
    "matmul", shape=_shape, compute=KERNELS["matmul"], kernels=("matmul",),
    derivative={0: lambda g, a, b: matmul(g, transposed(b)), 1: lambda g, a, b: matmul(transposed(a), g)},
    doc="out[m, n] = sum over k of a[m, k] b[k, n], for each place of the leading axes, which broadcast")
