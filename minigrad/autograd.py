"""Gradients on demand, by PyTorch's names: `grad`, `backward`, `no_grad`, `enable_grad`."""

from collections.abc import Callable, Sequence
from typing import Any

from minigrad.errors import refuse
from minigrad.functions.create import ones_like
from minigrad.grad import accumulate, grad_mode, matching, pull_back, several
from minigrad.node import GRAD, Value, origin

__all__ = ["backward", "enable_grad", "grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]


class _Fixed(grad_mode):
    """The mode of its class; as a decorator it needs no parentheses."""

    mode: bool

    def __new__(cls, function: Callable | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        super().__init__(self.mode)


class no_grad(_Fixed):
    """Within this block (or the function it decorates) ops record nothing.

    >>> import minigrad
    >>> x = minigrad.ones(2, requires_grad=True)
    >>> with minigrad.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    mode = False


class enable_grad(_Fixed):
    """Within this block (or the function it decorates) ops record again, also inside `no_grad`."""

    mode = True


class set_grad_enabled(grad_mode):
    """Turns recording on or off from here on; as a `with` block, until its end."""

    def __init__(self, mode: bool) -> None:
        super().__init__(mode)
        self.outer = GRAD.enabled
        GRAD.enabled = self.enabled

    def __enter__(self) -> None:
        self.before.append(self.outer)
        GRAD.enabled = self.enabled

    def __call__(self, function: Any) -> Any:
        GRAD.enabled = self.outer           # as a decorator it changes nothing here
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether ops record nodes in this thread."""
    return GRAD.enabled


def _pulled(op: str, outputs: Any, given: Any, inputs: Any, retain_graph: bool | None,
            create_graph: bool) -> dict[Any, Value]:
    """The cotangents of the inputs (None: of all leaves); an output of one element weighs 1 where nothing is given."""
    outs, ins = several(outputs), None if inputs is None else several(inputs)
    weights = list(several(given)) if given is not None else [None] * len(outs)
    for slot, (out, g) in enumerate(zip(outs, weights, strict=False)):
        if not isinstance(out, Value):
            refuse(op, "outputs", type(out).__name__, "tensors", TypeError)
        if not out.differentiable:
            refuse(op, "outputs", f"one of shape {out.shape} that does not require a gradient",
                   "the result, outside no_grad, of something that does", RuntimeError)
        if g is None:
            if out.buffer.size != 1:
                refuse(op, "gradient", f"None for an output of shape {out.shape}",
                       "a tensor, or an output of one element (reduce it first)", RuntimeError)
            weights[slot] = ones_like(out)
    for slot, x in enumerate(ins or ()):
        if not isinstance(x, Value) or not x.differentiable:
            raise RuntimeError(f"{op}: inputs: input {slot} does not require a gradient")
    return pull_back(outs, matching(op, "gradient", weights, outs), ins, create_graph=create_graph,
                     retain_graph=create_graph if retain_graph is None else retain_graph)


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
    found = _pulled("grad", outputs, grad_outputs, several(inputs), retain_graph, create_graph)
    gradients = tuple([found.get(origin(x)) for x in several(inputs)])
    for slot, g in enumerate(gradients):
        if g is None and not allow_unused:
            refuse("grad", "inputs", f"input {slot}, which the outputs do not depend on",
                   "allow_unused=True, which gives None for it", RuntimeError)
    return gradients


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             inputs: Sequence[Any] | None = None) -> None:
    """Adds the gradients of (the sum of) `tensors` to the `.grad` of the leaves behind them, or of `inputs` only."""
    found = _pulled("backward", tensors, grad_tensors, inputs, retain_graph, create_graph)
    holders = {origin(x): x for x in (() if inputs is None else several(inputs))}
    with grad_mode(create_graph):
        accumulate(found, holders, create_graph)
