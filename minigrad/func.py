"""Derivatives as functions of functions: grad, vjp, jvp.  They nest to any order.

Each runs the function once on fresh inputs, which records its graph, and walks that graph.  Whether the walk itself is
recorded is decided by what the outputs depend on: only if anything but the fresh inputs wants a gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd import enable_grad
from minigrad.functions.create import ones_like, zeros_like
from minigrad.grad import other_leaves, pull_back, push_forward
from minigrad.node import GRAD, Value, origin
from minigrad.ops import view as rows

__all__ = ["grad", "grad_and_value", "jvp", "vjp"]


def _tensors(op: str, argument: str, values: Any) -> tuple:
    listed = tuple(values) if isinstance(values, (tuple, list)) else (values,)
    for slot, x in enumerate(listed):
        if not isinstance(x, Value):
            raise TypeError(f"{op}: {argument}: item {slot} is {type(x).__name__}, expected a tensor")
    return listed


def _fresh(op: str, primals: tuple) -> tuple:
    """Values that stand for the primals in one call: tied to their history, if they have one."""
    result = []
    for slot, x in enumerate(primals):
        if not x.dtype.is_floating_point:
            raise TypeError(f"{op}: input {slot}: got dtype {x.dtype.name}, expected float32 or float64")
        value = rows.alias(x)
        if not value.differentiable:
            value.differentiable = True
        result.append(value)
    return tuple(result)


def _closed(values: tuple, keep: bool) -> tuple:
    """Results as the caller gets them: without their history unless something outside may ask for it."""
    return values if keep else tuple([Value.result(x.buffer) for x in values])


def _run(op: str, func: Callable, primals: tuple) -> tuple[tuple, Any, tuple, bool]:
    """(fresh inputs, what func returned, its outputs as a tuple, whether anything else wants their gradient)."""
    outer = GRAD.enabled
    inputs = _fresh(op, primals)
    with enable_grad():
        returned = func(*inputs)
    outputs = _tensors(op, "the function's result", returned)
    return inputs, returned, outputs, outer and other_leaves(outputs, inputs)


def vjp(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """func(*primals), and the function that takes cotangents of it to cotangents of the primals.

    >>> import minigrad
    >>> y, pull = minigrad.func.vjp(minigrad.sin, minigrad.tensor([0.]))
    >>> pull(minigrad.tensor([2.]))
    (tensor([2.]),)
    """
    inputs, returned, outputs, keep = _run("vjp", func, _tensors("vjp", "primals", primals))

    def pull(*cotangents: Any) -> tuple:
        given = _tensors("vjp", "cotangents", cotangents[0] if len(cotangents) == 1 else cotangents)
        if len(given) != len(outputs):
            raise ValueError(f"vjp: cotangents: got {len(given)}, expected {len(outputs)}, one for each output")
        for g, out in zip(given, outputs, strict=True):
            if g.shape != out.shape:
                raise ValueError(f"vjp: cotangents: got shape {g.shape}, expected {out.shape} as the output")
            if g.dtype is not out.dtype:
                raise TypeError(f"vjp: cotangents: got dtype {g.dtype.name}, expected {out.dtype.name} as the output")
        again = keep or (GRAD.enabled and any(g.differentiable for g in given))
        found = pull_back(outputs, given, inputs, create_graph=again, retain_graph=True)
        entries = [found.get(id(origin(x))) for x in inputs]
        return tuple([zeros_like(x) if entry is None else entry[1] for x, entry in zip(inputs, entries, strict=True)])

    shown = _closed(outputs, keep)
    return (shown if isinstance(returned, (tuple, list)) else shown[0]), pull


def jvp(func: Callable, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """func(*primals), and its directional derivative along the tangents, by forward mode.

    >>> import minigrad
    >>> minigrad.func.jvp(minigrad.square, (minigrad.tensor([3.]),), (minigrad.tensor([1.]),))
    (tensor([9.]), tensor([6.]))
    """
    points, directions = _tensors("jvp", "primals", primals), _tensors("jvp", "tangents", tangents)
    if [x.shape for x in points] != [t.shape for t in directions]:
        raise ValueError(f"jvp: tangents: got shapes {[t.shape for t in directions]}, "
                         f"expected those of the primals, {[x.shape for x in points]}")
    if [x.dtype for x in points] != [t.dtype for t in directions]:
        raise TypeError(f"jvp: tangents: got dtypes {[t.dtype.name for t in directions]}, "
                        f"expected those of the primals, {[x.dtype.name for x in points]}")
    inputs, returned, outputs, keep = _run("jvp", func, points)
    keep = keep or (GRAD.enabled and any(t.differentiable for t in directions))
    pushed = push_forward(outputs, inputs, directions, create_graph=keep)
    derivatives = tuple([zeros_like(out) if t is None else t for t, out in zip(pushed, outputs, strict=True)])
    shown = _closed(outputs, keep)
    return (shown, derivatives) if isinstance(returned, (tuple, list)) else (shown[0], derivatives[0])


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The function that gives (gradient, value) of a function with a single number as its result."""
    places = argnums if isinstance(argnums, tuple) else (argnums,)

    def derivative(*args: Any, **kwargs: Any) -> Any:
        for place in places:
            if not -len(args) <= place < len(args):
                raise IndexError(f"grad: argnums: got {place}, expected a place among the {len(args)} arguments")
        at = [place % len(args) for place in places]
        aux: list[Any] = []

        def inner(*chosen: Any) -> Any:
            full = list(args)
            for place, x in zip(at, chosen, strict=True):
                full[place] = x
            result = func(*full, **kwargs)
            if has_aux:
                result, extra = result
                aux.append(extra)
            return result

        primals = _tensors("grad", "arguments", tuple([args[place] for place in at]))
        inputs, value, outputs, keep = _run("grad", inner, primals)
        if not isinstance(value, Value) or value.buffer.size != 1:
            got = value.shape if isinstance(value, Value) else type(value).__name__
            raise ValueError(f"grad: the function's result: got {got}, expected a tensor with one element")
        found = pull_back(outputs, [ones_like(value)], inputs, create_graph=keep, retain_graph=keep)
        entries = [found.get(id(origin(x))) for x in inputs]
        gradients = tuple([zeros_like(x) if entry is None else entry[1]
                           for x, entry in zip(inputs, entries, strict=True)])
        shown = _closed(outputs, keep)[0]
        return (gradients if isinstance(argnums, tuple) else gradients[0]), ((shown, aux[0]) if has_aux else shown)

    return derivative


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The gradient of a function whose result is a single number, as a function of the same arguments.

    >>> import minigrad
    >>> minigrad.func.grad(minigrad.func.grad(lambda x: x ** 3))(minigrad.tensor(2.))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    def derivative(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return derivative
