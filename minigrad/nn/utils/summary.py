"""What a model is made of, and what it costs: read off the graph that one forward pass records.

A module's nodes are those made between its start and its end outside of its children: so functions called in a
`forward` are counted as layers are.  Multiply-adds are those of the products: `N K O (C / groups) T` for a convolution
and its transpose (n batch, k and c channels, o output positions, t taps; those on padding count), `M N K` for a matrix
product.
"""

import math
from collections import namedtuple
from contextlib import ExitStack
from functools import partial
from typing import Any

from minigrad.autograd import enable_grad
from minigrad.functions.create import zeros
from minigrad.nn.module import Module
from minigrad.node import Node, order, origin
from minigrad.tensor import Tensor

# One call of one module; its children's parameters and multiply-adds are in their own rows.  The output is its shape
# without the batch axis, or a list of shapes for several.
Row = namedtuple("Row", ["name", "layer", "output", "parameters", "multiply_adds"])


class Summary:
    """The rows of a model's layers, in the order in which they finish; `str` is a table."""

    def __init__(self, rows: list[Row], trainable: int) -> None:
        self.rows, self.trainable = rows, trainable
        self.parameters = sum(row.parameters for row in rows)
        self.multiply_adds = sum(row.multiply_adds for row in rows)

    def __str__(self) -> str:
        total = Row("total", "", "", self.parameters, self.multiply_adds)
        cells = [["name", "layer", "output", "parameters", "multiply-adds"]]
        for name, layer, output, parameters, cost in [*self.rows, total]:
            shape = "x".join(map(str, output)) if isinstance(output, tuple) else str(output)
            cells.append([name, layer, shape, f"{parameters:,}", f"{cost:,}"])
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join([*map(str.ljust, row[:3], widths), *map(str.rjust, row[3:], widths[3:])]) for row in cells]
        rule = "-" * (sum(widths) + 8)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __repr__ = __str__


def multiply_adds(node: Node) -> int:
    """The products that one node's kernel adds up."""
    name, operands = node.op.name, node.operands
    if name in ("conv", "conv_transpose"):
        positions = node.meta if name == "conv" else operands[0]
        return math.prod(positions.shape) * math.prod(operands[1].shape[1:])                        # type: ignore
    return math.prod(node.meta.shape) * operands[0].shape[-1] if name in ("matmul", "linear") else 0   # type: ignore


def summary(model: Module, input_shape: tuple[int, ...], batch: int = 1, dtype: Any = None) -> Summary:
    """What `model` does with `batch` items of `input_shape` (without the batch axis), layer by layer.

    The model runs once, in evaluation mode, on zeros.  A module that runs twice has two rows; parameters count once.

    >>> from minigrad import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    >>> print(nn.utils.summary(net, (1, 8, 8)))
    name   layer    output  parameters  multiply-adds
    -------------------------------------------------
    0      Conv2d   4x6x6           40          1,296
    1      ReLU     4x6x6            0              0
    2      Flatten  144              0              0
    3      Linear   10           1,450          1,440
    -------------------------------------------------
    total                        1,490          2,736
    """
    rows: list[Row] = []
    seen: dict[int, Any] = {}       # nodes and parameters that have been counted (kept, so that their ids stay theirs)
    costs = [0]                     # so far, of each module that is running

    def fresh(items: Any) -> list[Any]:
        found = [item for item in items if id(item) not in seen]
        seen.update({id(item): item for item in found})
        return found

    def count(values: Any) -> list[Tensor]:
        tensors = [x for x in (values if isinstance(values, tuple | list) else (values,)) if isinstance(x, Tensor)]
        costs[-1] += sum(multiply_adds(node) for node in fresh(order(origin(x) for x in tensors)))
        return tensors

    def started(module: Module, inputs: Any) -> None:
        count(inputs)
        costs.append(0)

    def finished(name: str, module: Module, inputs: Any, output: Any) -> None:
        shapes = [tuple(x.shape[1:]) for x in count(output)]
        cost, own = costs.pop(), sum(parameter.numel() for parameter in fresh(module.parameters(recurse=False)))
        if own or cost or not list(module.children()):
            size = shapes[0] if len(shapes) == 1 else shapes
            rows.append(Row(name or "model", type(module).__name__, size, own, cost))

    parameters = list(model.parameters())
    x = zeros(batch, *input_shape, dtype=dtype or (parameters[0].dtype if parameters else None))
    with ExitStack() as undo, enable_grad():
        for name, module in model.named_modules():
            undo.callback(setattr, module, "training", module.training)
            undo.enter_context(module.register_forward_pre_hook(started))
            undo.enter_context(module.register_forward_hook(partial(finished, name)))
        model.eval()(x.requires_grad_(x.is_floating_point()))
    return Summary(rows, sum(parameter.numel() for parameter in parameters if parameter.requires_grad))
