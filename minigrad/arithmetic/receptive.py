"""Receptive fields: which inputs have an impact on one output.

A layer with kernel k, stride s, dilation d and padding p over layers whose field has size r, jump j and offset f gives

    size  r + d*(k - 1)*j        stride  j*s        offset  f - p*j

so output o reads the `size` inputs from offset + o*stride on, where what lies outside of the input is padding.
Source: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill 2019.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from minigrad.arithmetic.reads import Reads
from minigrad.arithmetic.sizes import P, conv_geometry
from minigrad.errors import require
from minigrad.geometry import LIMIT
from minigrad.nn.module import Module


class Layer(NamedTuple):
    """A convolution or pool along one axis: kernel size, stride, dilation, padding (an int or a (low, high) pair)."""

    k: int
    s: int = 1
    d: int = 1
    p: P = 0


class Field(NamedTuple):
    """The receptive field after one layer.

    Of layers, `size`, `stride` and `offset` are numbers; of a module they are tuples, one number for each spatial axis.
    Output o reads `size` positions from offset + o*stride on.  A stride is a Fraction where there are more outputs than
    inputs, and 0 where every output reads all.
    """

    name: str
    layer: str
    size: Any
    stride: Any
    offset: Any


class Fields(tuple[Field, ...]):
    """A Field for each layer, in the order in which they finish; `size`, `stride` and `offset` are those of the last.

    `str` is a table.
    """

    __slots__ = ()
    size = property(lambda self: self[-1].size)
    stride = property(lambda self: self[-1].stride)
    offset = property(lambda self: self[-1].offset)

    def __str__(self) -> str:
        cells = [("name", "layer", "size", "stride", "offset"),
                 *[(row.name, row.layer, *map(text_of, row[2:])) for row in self]]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join("  ".join([*map(str.ljust, row[:2], widths), *map(str.rjust, row[2:], widths[2:])])
                         for row in cells)


def text_of(value: Any) -> str:
    """Sizes as 3x5."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def field_of(name: str, layer: str, axes: Sequence[Reads]) -> Field:
    """What is to be said of how one output reads along each axis: the largest size of its phases."""
    sizes, strides, offsets = [], [], []
    for reads in axes:
        known = [interval for interval in reads.table if interval is not None]
        sizes.append(max([last - first + 1 for first, last in known], default=0))
        stride = Fraction(reads.jump, len(reads.table))
        strides.append(stride.numerator if stride.denominator == 1 else stride)
        offsets.append(known[0][0] if known else 0)
    return Field(name, layer, tuple(sizes), tuple(strides), tuple(offsets))


def receptive_field(model: Iterable[Layer] | Module, input_shape: tuple[int, ...] | None = None) -> Fields:
    """The receptive field after each of some layers, or after each layer of a module.

    `model` is an iterable of Layers, or of tuples (k, s, d, p), along one axis; or a Module, with the shape of its
    input without the batch axis: its graph is captured in evaluation mode, nothing is computed, and the fields of
    branches are united where they meet.  What mixes all positions of an axis (flattening, a global mean) reads
    everything; an operation that says nothing of its geometry counts as such.  ValueError without layers, for a word
    as padding that depends on the size of the input, or for a module without `input_shape`.

    >>> fields = receptive_field([Layer(k=3, d=1), Layer(k=3, d=2), Layer(k=3, d=4)])
    >>> [field.size for field in fields]
    [3, 7, 15]
    >>> fields = receptive_field([Layer(k=11, s=4, p=2), Layer(k=3, s=2), Layer(k=5, p=2)])
    >>> fields.size, fields.stride, fields.offset
    (51, 8, -18)
    >>> from minigrad import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 4, (3, 1)))
    >>> print(receptive_field(net, (1, 8, 8)))
    name  layer      size  stride  offset
    0     Conv2d      3x3     1x1   -1x-1
    1     MaxPool2d   4x4     2x2   -1x-1
    2     Conv2d      8x4     2x2   -1x-1
    """
    if isinstance(model, Module):
        require(input_shape is not None, "receptive_field", "input_shape", None, "the shape of one input of the module")
        from minigrad.arithmetic.traced import of_module
        return Fields(field_of(*row) for row in of_module(model, tuple(input_shape or ())))
    reads, rows = Reads(), []
    require(not isinstance(model, Layer), "receptive_field", "layers", model, "several, as in [Layer(3)]")
    for number, layer in enumerate(model):
        require(isinstance(layer, tuple) and 0 < len(layer) < 5, "receptive_field", "layers", layer,
                "a Layer, or a tuple (k, s, d, p) of which all but k may be left out")
        k, s, d, p = Layer(*layer)
        require(not isinstance(p, str) or p != "same" or s == 1, "receptive_field", "padding", "'same' with a stride",
                "numbers: it depends on the size of the input")
        geometry = conv_geometry("receptive_field", LIMIT, k, s, p, d)
        reads = reads.window(*geometry.kernel, *geometry.stride, *geometry.dilation, *geometry.low)
        field = field_of(str(number), f"k {k}, s {s}, d {d}, p {p}", [reads])
        rows.append(field._replace(size=field.size[0], stride=field.stride[0], offset=field.offset[0]))
    require(rows, "receptive_field", "layers", "none", "at least one")
    return Fields(rows)
