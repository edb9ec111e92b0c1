"""One row for all that maps an axis by a sparse matrix: resampling, region averages, borders.

Its transpose is the row itself with the transposed matrix.
"""

from typing import Any

from minigrad.axismap import AxisMap
from minigrad.dtypes import FLOATS, check_dtype
from minigrad.kernels import KERNELS
from minigrad.op import Linear, linear


def _shape(x: Any, axis: int, rows: AxisMap) -> Any:
    check_dtype("resample", "input", x.dtype, *FLOATS)
    if not 0 <= axis < x.ndim or x.shape[axis] != rows.size:
        raise ValueError(f"resample: input: got shape {x.shape}, expected {rows.size} places on axis {axis}")
    return (*x.shape[:axis], len(rows.entries), *x.shape[axis + 1:]), x.dtype


resample: Linear = linear(
    "resample", shape=_shape, transpose=lambda g, x, axis, rows: resample(g, axis=axis, rows=rows.T),
    compute=lambda out, x, axis, rows:
        KERNELS["resample"](out, x, rows.starts, rows.index, rows.weights[out.dtype], rows.params[axis]),
    doc="out[.., o, ..] = sum over j of weight[o,j] x[.., index[o,j], ..], by the rows of an AxisMap")
