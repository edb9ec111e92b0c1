"""What a model is made of, what it costs and what it sees: read off the graph of one call, which computes nothing.

A module's own instructions are those made between its start and its end outside of its children: so functions called
in a `forward` are counted as layers are.  Multiply-adds are those of the products: `N K O (C / groups) T` for a
convolution and its transpose (n batch, k and c channels, o output positions, t taps; those on padding count), `M N K`
for a matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from minigrad.arithmetic.calls import Call, traced
from minigrad.arithmetic.receptive import Field, field_of, text_of
from minigrad.arithmetic.traced import finishing, states
from minigrad.capture.graph import Instruction, nbytes
from minigrad.capture.show import same
from minigrad.nn.module import Module
from minigrad_ext.buffer import Storage

HEAD = ("name", "layer", "output", "parameters", "multiply-adds", "bytes", "field", "stride", "offset")
WORDS = 3       # so many columns start at the left


class Row(NamedTuple):
    """One call of one module.

    `depth` is how many calls it stands in.  `output` is its shape without the batch axis, or a list of shapes for
    several.  Parameters and multiply-adds are its own: those of the modules in it have their own rows.  `nbytes` is the
    memory that its output takes, 0 where that is memory of a row before it.  `field` is what one output reads, None
    without spatial axes.
    """

    name: str
    layer: str
    depth: int
    output: Any
    parameters: int
    multiply_adds: int
    nbytes: int
    field: Field | None


class Summary:
    """The rows of a model's layers in the order in which they are called, each container before what is in it.

    `parameters`, `multiply_adds` and `nbytes` (of activations) are the sums over the rows; `trainable` parameters
    require gradients.  `str` is a table.
    """

    def __init__(self, rows: list[Row], trainable: int, parameter_nbytes: int, input_nbytes: int) -> None:
        self.rows, self.trainable = rows, trainable
        self.parameter_nbytes, self.input_nbytes = parameter_nbytes, input_nbytes
        self.parameters = sum(row.parameters for row in rows)
        self.multiply_adds = sum(row.multiply_adds for row in rows)
        self.nbytes = sum(row.nbytes for row in rows)

    def cells(self) -> list[tuple[str, ...]]:
        """The table as text: its head, a row for each call, the totals; without the last columns where all are empty.

        A name is what it is called in the row that it stands in, two spaces further to the right.
        """
        rows: list[tuple[str, ...]] = [HEAD]
        above = [""]
        for row in self.rows:
            above[row.depth + 1:] = [f"{row.name}." if row.name != "model" else ""]
            outputs = row.output if isinstance(row.output, list) else [row.output]
            sees = tuple([text_of(value) for value in row.field[2:]]) if row.field else ("", "", "")
            rows.append(("  " * row.depth + row.name.removeprefix(above[row.depth]), row.layer,
                         ", ".join(text_of(shape) or "1" for shape in outputs), *map(counted, row[4:7]), *sees))
        rows.append(("total", "", "", *[f"{n:,}" for n in (self.parameters, self.multiply_adds, self.nbytes)],
                     "", "", ""))
        return rows if any(row.field for row in self.rows) else [row[:6] for row in rows]

    def __str__(self) -> str:
        cells = self.cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join([*map(str.ljust, row[:WORDS], widths), *map(str.rjust, row[WORDS:], widths[WORDS:])])
                 for row in cells]
        rule = "-" * len(lines[0])
        return "\n".join([*map(str.rstrip, [lines[0], rule, *lines[1:-1], rule, lines[-1]]), self.sizes()])

    __repr__ = __str__

    def sizes(self) -> str:
        """What the totals leave open, in a line."""
        frozen = self.parameters - self.trainable
        return (f"{self.trainable:,} parameters are trained{f', {frozen:,} are not' * (frozen > 0)}; they take "
                f"{self.parameter_nbytes:,} bytes, the input {self.input_nbytes:,}")

    def to_dict(self) -> dict[str, Any]:
        """All of it in plain values, as for JSON; strides that are no whole numbers as text."""
        rows = [{**row._asdict(), "field": None if row.field is None else {
            key: [plain(value) for value in getattr(row.field, key)] for key in ("size", "stride", "offset")}}
            for row in self.rows]
        return {**{key: value for key, value in vars(self).items() if key != "rows"}, "rows": rows}


def counted(n: int) -> str:
    """A number as the table has it: nothing for 0."""
    return f"{n:,}" if n else ""


def plain(value: Any) -> int | str:
    return value if isinstance(value, int) else str(value)


def multiply_adds(step: Instruction) -> int:
    """The products that one instruction's kernel adds up."""
    name = step.name
    if name in ("conv", "conv_transpose"):
        positions = step.result if name == "conv" else step.operands[0]
        return positions.size * math.prod(step.operands[1].shape[1:])
    return step.result.size * step.operands[0].shape[-1] if name in ("matmul", "linear") else 0


def summary(model: Module, input_shape: tuple[int, ...], batch: int = 1, dtype: Any = None) -> Summary:
    """What `model` does with `batch` items of `input_shape` (without the batch axis), module by module.

    The model is called once, in evaluation mode, on an input that has a shape but no numbers: nothing is computed, so
    large models cost no more than small ones.  The input's dtype is that of the parameters unless given.  A module that
    is called twice has two rows; parameters count once.  `rows` are data; the receptive `field`s are those of
    `arithmetic.receptive_field`.
    CaptureError (a RuntimeError) where the model's Python looks at numbers; else what the model raises.

    >>> from minigrad import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    >>> found = nn.utils.summary(net, (1, 8, 8))
    >>> print(found)
    name   layer       output  parameters  multiply-adds  bytes  field  stride  offset
    ----------------------------------------------------------------------------------
    model  Sequential  10                                          8x8     0x0     0x0
      0    Conv2d      4x6x6           40          1,296    576    3x3     1x1     0x0
      1    ReLU        4x6x6                                576    3x3     1x1     0x0
      2    Flatten     144                                         8x8     0x0     0x0
      3    Linear      10           1,450          1,440     40    8x8     0x0     0x0
    ----------------------------------------------------------------------------------
    total                           1,490          2,736  1,192
    1,490 parameters are trained; they take 5,960 bytes, the input 256
    >>> [(row.layer, row.multiply_adds) for row in found.rows if row.multiply_adds]
    [('Conv2d', 1296), ('Linear', 1440)]
    """
    found = traced("summary", model, tuple(input_shape), batch, dtype)
    reads = states(found) if len(input_shape) > 1 else {}
    seen: set[int] = set()                                  # parameters that have been counted
    memory: set[Storage] = {found.input.storage}
    rows: dict[Call, Row] = {}
    for call in found.calls:
        own = [parameter for parameter in call.module.parameters(recurse=False) if id(parameter) not in seen]
        seen.update(map(id, own))
        shapes = [tuple(out.shape[1:]) for out in call.outputs]
        known = [reads[same(out)] for out in call.outputs if same(out) in reads]
        field = field_of(call.name, call.layer, [each for _, each in known[0]]) if known else None
        rows[call] = Row(call.name, call.layer, call.depth, shapes[0] if len(shapes) == 1 else shapes,
                         sum(parameter.numel() for parameter in own), sum(map(multiply_adds, call.own)), 0, field)
    for call in finishing(found.calls):                     # what a container hands on is its parts'
        fresh = [out for out in call.outputs if out.storage not in memory]
        memory.update(out.storage for out in fresh)
        rows[call] = rows[call]._replace(nbytes=sum(map(nbytes, fresh)))
    parameters = list(model.parameters())
    return Summary(list(rows.values()), total(p for p in parameters if p.requires_grad),
                   sum(nbytes(p.buffer) for p in parameters), nbytes(found.input))


def total(parameters: Iterable[Any]) -> int:
    """Elements of all."""
    return sum(parameter.numel() for parameter in parameters)
