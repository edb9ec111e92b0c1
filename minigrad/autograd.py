"""Gradients on demand, by PyTorch's names: `grad`, `backward`, `no_grad`, `enable_grad`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad.functions.create import ones_like
from minigrad.grad import grad_mode, pull_back
from minigrad.kernels import KERNELS
from minigrad.node import GRAD, Node, Value, origin
from minigrad.op import total
from minigrad.ops import view as rows

__all__ = ["backward", "enable_grad", "grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]


class no_grad(grad_mode):
    """Within this block (or the function it decorates) ops record nothing.

    >>> import minigrad
    >>> x = minigrad.ones(2, requires_grad=True)
    >>> with minigrad.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __new__(cls, function: Callable | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(grad_mode):
    """Within this block (or the function it decorates) ops record again, also inside `no_grad`."""

    def __new__(cls, function: Callable | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(grad_mode):
    """Turns recording on or off from here on; as a `with` block, until its end."""

    def __init__(self, mode: bool) -> None:
        super().__init__(mode)
        self.outer = GRAD.enabled
        GRAD.enabled = self.enabled

    def __enter__(self) -> None:
        self.before.append(self.outer)
        GRAD.enabled = self.enabled

    def __call__(self, function: Callable) -> Callable:
        GRAD.enabled = self.outer           # as a decorator it changes nothing here
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether ops record nodes in this thread."""
    return GRAD.enabled


def _several(value: Any) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _cotangents(op: str, outputs: tuple, given: Any) -> list[Value]:
    """One cotangent for each output: those given, or 1 for outputs of a single element."""
    listed = _several(given) if given is not None else (None,) * len(outputs)
    if len(listed) != len(outputs):
        raise ValueError(f"{op}: gradients: got {len(listed)} for {len(outputs)} outputs, expected as many")
    result = []
    for out, g in zip(outputs, listed, strict=True):
        if not isinstance(out, Value):
            raise TypeError(f"{op}: outputs: got {type(out).__name__}, expected tensors")
        if not out.differentiable:
            raise RuntimeError(f"{op}: an output of shape {out.shape} does not require a gradient: nothing that made "
                               "it requires one, or it was computed under no_grad")
        if g is None:
            if out.buffer.size != 1:
                raise RuntimeError(f"{op}: an output of shape {out.shape} has more than one element, so its gradient "
                                   "must be given (or reduce it to one number first)")
            g = ones_like(out)
        if not isinstance(g, Value) or g.shape != out.shape:
            got = g.shape if isinstance(g, Value) else type(g).__name__
            raise ValueError(f"{op}: gradient: got {got}, expected a tensor of shape {out.shape} as the output")
        if g.dtype is not out.dtype:
            raise TypeError(f"{op}: gradient: got dtype {g.dtype.name}, expected {out.dtype.name} as the output")
        result.append(g)
    return result


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None,
         create_graph: bool = False, allow_unused: bool = False) -> tuple:
    """The gradients of (the sum of) `outputs` with respect to `inputs`, as a tuple; `.grad` is not touched.

    `grad_outputs` weighs each output (1 where an output has one element).  With `create_graph` the result can be
    differentiated again; without `retain_graph` (which follows `create_graph` unless given) the graph is freed.
    An input that the outputs do not depend on is an error, or None with `allow_unused`.

    >>> import minigrad
    >>> x = minigrad.tensor(3., requires_grad=True)
    >>> (g,) = minigrad.autograd.grad(x ** 3, x, create_graph=True)
    >>> minigrad.autograd.grad(g, x)
    (tensor(18.),)
    """
    outs, ins = _several(outputs), _several(inputs)
    cotangents = _cotangents("grad", outs, grad_outputs)
    for slot, x in enumerate(ins):
        if not isinstance(x, Value) or not x.differentiable:
            raise RuntimeError(f"grad: inputs: input {slot} does not require a gradient")
    found = pull_back(outs, cotangents, ins, create_graph=create_graph,
                      retain_graph=create_graph if retain_graph is None else retain_graph)
    result = []
    for slot, x in enumerate(ins):
        entry = found.get(id(origin(x)))
        if entry is None and not allow_unused:
            raise RuntimeError(f"grad: inputs: the outputs do not depend on input {slot}; "
                               "pass allow_unused=True to get None for it")
        result.append(None if entry is None else entry[1])
    return tuple(result)


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             inputs: Sequence[Any] | None = None) -> None:
    """Adds the gradients of (the sum of) `tensors` to the `.grad` of the leaves behind them, or of `inputs` only."""
    outs = _several(tensors)
    cotangents = _cotangents("backward", outs, grad_tensors)
    targets = None if inputs is None else _several(inputs)
    for slot, x in enumerate(targets or ()):
        if not isinstance(x, Value) or not x.differentiable:
            raise RuntimeError(f"backward: inputs: input {slot} does not require a gradient")
    found = pull_back(outs, cotangents, targets, create_graph=create_graph,
                      retain_graph=create_graph if retain_graph is None else retain_graph)
    by_node = {id(origin(x)): x for x in targets or ()}
    with grad_mode(create_graph):
        for at, g in found.values():
            accumulate(by_node[id(at)] if isinstance(at, Node) else at, g, create_graph)


def accumulate(leaf: Value, g: Value, create_graph: bool) -> None:
    """Adds g to the leaf's gradient, which has memory of its own (a cotangent may be shared with other values)."""
    known = leaf.grad_slot
    if known is None:
        leaf.grad_slot = rows.copy(g)
    elif create_graph or known.differentiable:
        leaf.grad_slot = total([known, g])
    else:
        if g.buffer.overlaps(known.buffer):
            g = rows.copy(g)
        KERNELS["add"](known.buffer, known.buffer, g.buffer)
        known.buffer.bump()
