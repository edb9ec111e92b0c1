"""Convolution, transposed convolution and weight gradient: one trilinear form, declared once.

    T(x, w, g) = sum over n k c o t of  g[n,k,o] * w[k,c,t] * x[n,c, o*stride + t*dilation - low]

Its derivative in each operand is a function of the other two: `conv` in g, `conv_transpose` in x, `conv_weight` in w.
The derivative of any of the three is therefore another of the three, and the set is closed: gradients of gradients need
nothing new.  `conv` and `conv_transpose` also take a bias, one number for each channel of the result: their kernel adds
it while it stores the sums.
"""

from collections.abc import Callable
from typing import Any

from minigrad.dtypes import FLOATS, check_dtype
from minigrad.errors import require
from minigrad.geometry import Geometry
from minigrad.kernels import KERNELS
from minigrad.node import GRAD, Value
from minigrad.op import OPS, Multilinear, total
from minigrad.ops import view
from minigrad_ext.buffer import Buffer


class Affine(Multilinear):
    """Linear in each of two operands alone, plus a third one, if given, along axis 1."""

    def reads(self, slots: list[int], n: int) -> tuple[Any, bool]:
        return {1 - slot for slot in slots if slot < 2}, False

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        (dx, dw, *rest), (x, w, *_) = tangents, operands
        terms = [self(*pair, **attrs) for pair, t in (((dx, w), dx), ((x, dw), dw)) if t is not None]
        terms += [view.expand(view.reshape(t, shape=(*t.shape, *(1,) * (out.ndim - 2))), shape=out.shape)
                  for t in rest if t is not None]
        return total(terms)


def _summed(g: Any, *_: Any, geometry: Geometry) -> Any:
    """sum over n, o of g[n,k,o]"""
    size = g.shape[1]
    return view.reshape(view.sum_to(g, shape=(1, size, *(1,) * (g.ndim - 2))), shape=(size,))


def _checked(op: str, geometry: Geometry, **operands: tuple[Any, tuple[int, ...], int]) -> Any:
    """Both operands (name: operand, spatial sizes, axis of the channels that groups divide) of one float dtype."""
    (x, _, _), _ = operands.values()
    for name, (operand, sizes, axis) in operands.items():
        check_dtype(op, name, operand.dtype, *(FLOATS if operand is x else [x.dtype]))
        if operand.ndim != geometry.ndim + 2 or operand.shape[2:] != sizes:
            raise ValueError(f"{op}: {name}: got shape {operand.shape}, expected two axes and then {sizes}")
        if operand.shape[axis] % geometry.groups:
            raise ValueError(f"{op}: {name} of shape {operand.shape}: got {operand.shape[axis]} channels, expected a "
                             f"multiple of groups = {geometry.groups}")
    return x.dtype


def _check_bias(op: str, channels: int, dtype: Any, bias: Any) -> None:
    if bias is not None:
        require(bias.dtype is dtype, op, "bias", f"dtype {bias.dtype.name}", f"{dtype.name} as the input", TypeError)
        require(bias.shape == (channels,), op, "bias", f"shape {bias.shape}", str((channels,)))


def _conv_shape(x: Any, w: Any, bias: Any = None, *, geometry: Geometry) -> Any:
    op, groups = f"conv{geometry.ndim}d", geometry.groups
    dtype = _checked(op, geometry, input=(x, geometry.input, 1), weight=(w, geometry.kernel, 0))
    if x.shape[1] != w.shape[1] * groups:
        raise ValueError(f"{op}: input of shape {x.shape} has {x.shape[1]} channels, but the weight of shape {w.shape} "
                         f"with groups = {groups} expects {w.shape[1]}*{groups} = {w.shape[1] * groups}")
    _check_bias(op, w.shape[0], dtype, bias)
    return (x.shape[0], w.shape[0], *geometry.output), dtype


def _transpose_shape(g: Any, w: Any, bias: Any = None, *, geometry: Geometry) -> Any:
    op = f"conv_transpose{geometry.ndim}d"
    dtype = _checked(op, geometry, input=(g, geometry.output, 1), weight=(w, geometry.kernel, 0))
    if g.shape[1] != w.shape[0]:
        raise ValueError(f"{op}: input of shape {g.shape} has {g.shape[1]} channels, but the weight of shape {w.shape} "
                         f"expects {w.shape[0]}")
    _check_bias(op, w.shape[1] * geometry.groups, dtype, bias)
    return (g.shape[0], w.shape[1] * geometry.groups, *geometry.input), dtype


def _weight_shape(x: Any, g: Any, geometry: Geometry) -> Any:
    dtype = _checked("conv_weight", geometry, x=(x, geometry.input, 1), g=(g, geometry.output, 1))
    if x.shape[0] != g.shape[0]:
        raise ValueError(f"conv_weight: x of shape {x.shape} and g of shape {g.shape}: expected the same batch size")
    return (g.shape[1], x.shape[1] // geometry.groups, *geometry.kernel), dtype


def trilinear(faces: dict[str, tuple]) -> list[Any]:
    """Declares the derivatives of a trilinear form as ops: operand -> (op, its two operands, shape rule, doc).

    The op that gives operand r from a and b has, in a, the derivative that gives a from (b, and the gradient for r).
    """
    def row(result: str, name: str, slots: tuple[str, str], shape: Callable[..., Any], doc: str) -> Any:
        def derivative(wanted: str) -> Callable[..., Any]:
            def pull(g: Any, *operands: Any, geometry: Geometry) -> Any:
                known = {result: g, slots[0]: operands[0], slots[1]: operands[1]}
                op, (a, b), *_ = faces[wanted]
                return OPS[op](known[a], known[b], geometry=geometry)
            return pull

        return Affine(
            name, *map(derivative, slots), *[_summed] * (result != "w"), shape=shape, doc=doc,
            compute=lambda out, *operands, geometry: KERNELS[name](out, *operands, geometry.params))

    return [row(result, *face) for result, face in faces.items()]


def activated(row: Any, activation: str, operands: tuple, geometry: Geometry) -> Any:
    """activation(row(*operands)), stored as it is summed.

    It is recorded as the two nodes that it stands for.  The convolution's derivatives do not read its result, and the
    activation's derive from the result alone: what is between them needs no numbers.
    """
    shape, dtype = row.shape(*operands, geometry=geometry)
    buffer = Buffer.empty(shape, dtype.code)
    KERNELS[row.name](buffer, *[x.buffer for x in operands], geometry.conv_params(activation))
    between, out = Value.result(buffer), Value.result(buffer)
    if GRAD.enabled and any(x.differentiable for x in operands):
        row.record(between, operands, {"geometry": geometry})
        OPS[activation].record(out, (between,), {})
    return out


conv, conv_transpose, conv_weight = trilinear({
    "g": ("conv", ("x", "w"), _conv_shape,
          "out[n,k,o] = sum over c, t of w[k,c,t] x[n,c,o*stride + t*dilation - low], + bias[k] if there is one"),
    "x": ("conv_transpose", ("g", "w"), _transpose_shape,
          "out[n,c,i] = sum over k, t of w[k,c,t] g[n,k,o], where o*stride + t*dilation - low = i, + bias[c]"),
    "w": ("conv_weight", ("x", "g"), _weight_shape,
          "out[k,c,t] = sum over n, o of g[n,k,o] x[n,c,o*stride + t*dilation - low]"),
})
