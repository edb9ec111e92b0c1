"""The receptive field of a stack of layers along one axis: what each unit reads, down to the input.

A layer's links are its matrix; the product of the matrices of all layers, with kernels of ones, counts by how many ways
a unit depends on an input, which is the effective receptive field at its simplest.
Source: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill 2019; Luo, Li,
Urtasun and Zemel, "Understanding the effective receptive field in deep CNNs", NeurIPS 2016.
"""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad.arithmetic import Layer, receptive_field
from minigrad.draw.steps import number
from minigrad.errors import require
from minigrad.explore.state import Stack
from minigrad.geometry import Geometry
from minigrad.matrix import Matrix, matrix_of
from minigrad.ops.conv import conv

UNITS = 256             # of one layer: with more padding than that there is nothing to be seen


def stack(wanted: Stack) -> dict[str, Any]:
    """Fields, units and links of each layer; or the problem that one has no output."""
    try:
        matrices = levels(wanted)
    except ValueError as error:
        return {"problem": str(error)}
    fields = receptive_field([Layer(k, s, d, p) for k, s, d, p in wanted.layers])
    whole: Matrix | None = None
    rows = []
    size, jump = 1, 1
    for (k, s, d, _), matrix, field in zip(wanted.layers, matrices, fields, strict=True):
        whole = matrix if whole is None else matrix @ whole
        rows.append({
            "units": matrix.shape[0], "reads": [list(row) for row in matrix.rows],
            "size": field.size, "stride": field.stride, "offset": field.offset,
            "says": f"{size} + {d}*({k} - 1)*{jump} = {field.size}", "jump": f"{jump}*{s} = {field.stride}",
            "ways": [[[i, number(value)] for i, value in row.items()] for row in whole.rows]})
        size, jump = field.size, field.stride
    return {"levels": rows}


def levels(wanted: Stack) -> list[Matrix]:
    """The matrix of each layer; ValueError, which names the layer, where one has no output."""
    size, found = wanted.n, []
    for j, (k, s, d, p) in enumerate(wanted.layers, 1):
        geometry = Geometry.of_conv(f"layer {j}", (size,), (k,), s, p, d)
        size = geometry.output[0]
        require(size <= UNITS, f"layer {j}", "units", size, f"at most {UNITS}, to be looked at")
        ones = minigrad.ones(1, 1, k).double()
        found.append(plain(matrix_of(lambda x, g=geometry, w=ones: conv(x, w, geometry=g),     # type: ignore
                                                (1, 1, *geometry.input), minigrad.float64)))
    return found


def plain(matrix: Matrix) -> Matrix:
    """The same with numbers that have no names, so that products are numbers too."""
    rows = [{i: float(value) for i, value in row.items()} for row in matrix.rows]
    return Matrix(rows, matrix.input_shape, matrix.output_shape, matrix.dtype)
