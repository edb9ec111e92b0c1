"""Resampling by definition: each new place is a weighted sum of old ones along one axis."""

from __future__ import annotations

from minigrad.axismap import AxisMap
from minigrad.reference.nested import Nested, full, get, indices, put, shape


def resample(x: Nested, *, axis: int, rows: AxisMap) -> Nested:
    """out[.., o, ..] = sum over j of weight[o,j] * x[.., index[o,j], ..]

    >>> from minigrad.axismap import axis_map
    >>> resample([4, 8], axis=0, rows=axis_map("linear", 2, 4, 0.5, False))
    [4.0, 5.0, 7.0, 8.0]
    """
    sizes = shape(x)
    out = full((*sizes[:axis], len(rows.entries), *sizes[axis + 1:]), 0)
    for o in indices(shape(out)):
        put(out, o, sum(weight * get(x, (*o[:axis], j, *o[axis + 1:])) for j, weight in rows.entries[o[axis]]))
    return out


KERNELS = {"resample": resample}
