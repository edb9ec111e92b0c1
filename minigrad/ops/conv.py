"""Convolution, transposed convolution and weight gradient: one trilinear form, declared once.

    T(x, w, g) = sum over n k c o t of  g[n,k,o] * w[k,c,t] * x[n,c, o*stride + t*dilation - low]

Its derivative in each operand is a function of the other two: `conv` in g, `conv_transpose` in x, `conv_weight` in w.
The derivative of any of the three is therefore another of the three, and the set is closed: gradients of gradients need
nothing new.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.geometry import Geometry
from minigrad.kernels import KERNELS
from minigrad.op import OPS, multilinear

Face = tuple[str, tuple[str, str], Callable[..., Any], str]


def _check(op: str, geometry: Geometry, first: tuple[str, Any, Any], second: tuple[str, Any, Any]) -> None:
    """Both operands of one float dtype, with the axes and spatial sizes of the geometry."""
    (name_a, a, _), (name_b, b, _) = first, second
    if not a.dtype.is_floating_point or a.dtype is not b.dtype:
        raise TypeError(f"{op}: got {name_a} of dtype {a.dtype.name} and {name_b} of dtype {b.dtype.name}, "
                        f"expected the same float dtype for both")
    for name, operand, sizes in (first, second):
        if operand.ndim != geometry.ndim + 2 or operand.shape[2:] != sizes:
            raise ValueError(f"{op}: {name}: got shape {operand.shape}, expected two axes and then {sizes}")


def _groups(op: str, geometry: Geometry, name: str, channels: int) -> None:
    if channels % geometry.groups:
        raise ValueError(f"{op}: {name}: got {channels} channels, expected a multiple of groups = {geometry.groups}")


def _conv_shape(x: Any, w: Any, geometry: Geometry) -> Any:
    op = f"conv{geometry.ndim}d"
    _check(op, geometry, ("input", x, geometry.input), ("weight", w, geometry.kernel))
    if x.shape[1] != w.shape[1] * geometry.groups:
        raise ValueError(f"{op}: input of shape {x.shape} has {x.shape[1]} channels, but the weight of shape {w.shape} "
                         f"with groups = {geometry.groups} expects {w.shape[1]}*{geometry.groups} = "
                         f"{w.shape[1] * geometry.groups}")
    _groups(op, geometry, f"weight of shape {w.shape}", w.shape[0])
    return (x.shape[0], w.shape[0], *geometry.output), x.dtype


def _transpose_shape(g: Any, w: Any, geometry: Geometry) -> Any:
    op = f"conv_transpose{geometry.ndim}d"
    _check(op, geometry, ("input", g, geometry.output), ("weight", w, geometry.kernel))
    if g.shape[1] != w.shape[0]:
        raise ValueError(f"{op}: input of shape {g.shape} has {g.shape[1]} channels, but the weight of shape {w.shape} "
                         f"expects {w.shape[0]}")
    _groups(op, geometry, f"input of shape {g.shape}", g.shape[1])
    return (g.shape[0], w.shape[1] * geometry.groups, *geometry.input), g.dtype


def _weight_shape(x: Any, g: Any, geometry: Geometry) -> Any:
    op = "conv_weight"
    _check(op, geometry, ("x", x, geometry.input), ("g", g, geometry.output))
    if x.shape[0] != g.shape[0]:
        raise ValueError(f"{op}: x of shape {x.shape} and g of shape {g.shape}: expected the same batch size")
    _groups(op, geometry, f"x of shape {x.shape}", x.shape[1])
    _groups(op, geometry, f"g of shape {g.shape}", g.shape[1])
    return (g.shape[1], x.shape[1] // geometry.groups, *geometry.kernel), x.dtype


def trilinear(faces: dict[str, Face]) -> list[Any]:
    """Declares the derivatives of a trilinear form as ops: operand -> (op, its two operands, shape rule, doc).

    The op that gives operand r from a and b has, in a, the derivative that gives a from (b, and the gradient for r).
    """
    def rule(result: str, slots: tuple[str, str], wanted: str) -> Callable[..., Any]:
        name, order = faces[wanted][:2]

        def derivative(g: Any, *operands: Any, geometry: Geometry) -> Any:
            known = {result: g, slots[0]: operands[0], slots[1]: operands[1]}
            return OPS[name](known[order[0]], known[order[1]], geometry=geometry)

        return derivative

    def row(result: str, name: str, slots: tuple[str, str], shape: Callable[..., Any], doc: str) -> Any:
        kernel = KERNELS[name]
        return multilinear(
            name, shape=shape, kernels=(name,), doc=doc,
            compute=lambda out, a, b, geometry: kernel(out, a, b, geometry.params),
            derivative={place: rule(result, slots, wanted) for place, wanted in enumerate(slots)})

    return [row(result, *face) for result, face in faces.items()]


conv, conv_transpose, conv_weight = trilinear({
    "g": ("conv", ("x", "w"), _conv_shape,
          "out[n,k,o] = sum over c, t of w[k,c,t] x[n,c,o*stride + t*dilation - low]"),
    "x": ("conv_transpose", ("g", "w"), _transpose_shape,
          "out[n,c,i] = sum over k, t of w[k,c,t] g[n,k,o], where o*stride + t*dilation - low = i"),
    "w": ("conv_weight", ("x", "g"), _weight_shape,
          "out[k,c,t] = sum over n, o of g[n,k,o] x[n,c,o*stride + t*dilation - low]"),
})
