"""What a model is made of, and what it costs: read off the graph that one forward pass records.

A module's nodes are those made between its start and its end outside of its children: so functions called in a
`forward` are counted as layers are.  Multiply-adds are those of the products: `N K O (C / groups) T` for a convolution
and its transpose (n batch, k and c channels, o output positions, t taps; those on padding count), `M N K` for a matrix
product.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from minigrad.autograd import enable_grad
from minigrad.functions.create import zeros
from minigrad.nn.module import Module
from minigrad.node import Node, order, origin
from minigrad.tensor import Tensor


class Row(NamedTuple):
    """One call of one module; its children's parameters and multiply-adds are in their own rows."""

    name: str
    layer: str
    output: Any                     # its shape without the batch axis; a list of shapes for several
    parameters: int
    multiply_adds: int


class Summary:
    """The rows of a model's layers, in the order in which they finish; `str` is a table."""

    def __init__(self, rows: list[Row], trainable: int) -> None:
        self.rows, self.trainable = rows, trainable
        self.parameters = sum(row.parameters for row in rows)
        self.multiply_adds = sum(row.multiply_adds for row in rows)

    def __str__(self) -> str:
        head = ("name", "layer", "output", "parameters", "multiply-adds")
        lines = [(row.name, row.layer, "x".join(map(str, row.output)) if isinstance(row.output, tuple) else
                  str(row.output), f"{row.parameters:,}", f"{row.multiply_adds:,}") for row in self.rows]
        total = ("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}")
        widths = [max(map(len, column)) for column in zip(head, *lines, total, strict=True)]

        def line(cells: tuple[str, ...]) -> str:
            return "  ".join(f"{cell:>{width}}" if right else f"{cell:<{width}}" for cell, width, right in
                             zip(cells, widths, (False, False, False, True, True), strict=True)).rstrip()

        rule = "-" * (sum(widths) + 8)
        return "\n".join([line(head), rule, *map(line, lines), rule, line(total)])

    __repr__ = __str__


def multiply_adds(node: Node) -> int:
    """The products that one node's kernel adds up."""
    first, second = (*node.operands, None, None)[:2]
    if node.op.name == "conv":
        return math.prod(node.meta.shape) * math.prod(second.shape[1:])         # type: ignore[union-attr]
    if node.op.name == "conv_transpose":
        return math.prod(first.shape) * math.prod(second.shape[1:])             # type: ignore[union-attr]
    return math.prod(node.meta.shape) * first.shape[-1] if node.op.name == "matmul" else 0      # type: ignore


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

    def finished(name: str, module: Module, output: Any) -> None:
        shapes = [tuple(x.shape[1:]) for x in count(output)]
        cost = costs.pop()
        own = sum(parameter.numel() for parameter in fresh(module.parameters(recurse=False)))
        if own or cost or not any(True for _ in module.children()):
            rows.append(Row(name or "model", type(module).__name__, shapes[0] if len(shapes) == 1 else shapes, own,
                            cost))

    modes = [(module, module.training) for module in model.modules()]
    handles = [module.register_forward_hook(lambda module, _, output, name=name: finished(name, module, output))
               for name, module in model.named_modules()]
    handles += [module.register_forward_pre_hook(started) for module in model.modules()]
    parameters = list(model.parameters())
    dtype = dtype or (parameters[0].dtype if parameters else None)
    x = zeros(batch, *input_shape, dtype=dtype)
    try:
        model.eval()
        with enable_grad():
            model(x.requires_grad_() if x.is_floating_point() else x)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    return Summary(rows, sum(parameter.numel() for parameter in parameters if parameter.requires_grad))
