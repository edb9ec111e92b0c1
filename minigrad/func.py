"""Derivatives as functions of functions: grad, vjp, jvp, and what follows from them.  They nest to any order.

Each runs the function once on fresh inputs, which records its graph, and walks that graph.  Whether the walk itself is
recorded is decided by what the outputs depend on: only if anything but the fresh inputs wants a gradient.

A Jacobian has as many rows as the result has elements, and one walk gives one row: `jacrev` pulls the unit vectors back
one after another, over the one graph of a single run; `jacfwd` pushes those of the inputs forward.  Whoever needs the
Jacobian's products only (`vjp`, `jvp`, `hvp`) pays for one walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from minigrad.autograd import enable_grad
from minigrad.functions.create import ones, ones_like, zeros, zeros_like
from minigrad.functions.parts import stack
from minigrad.grad import grad_mode, leading_to, other_leaves, pull_back, push_forward
from minigrad.node import GRAD, Node, Value, order, origin
from minigrad.op import Differentiable
from minigrad.ops import view as rows
from minigrad.random import get_rng_state, set_rng_state

__all__ = ["checkpoint", "grad", "grad_and_value", "hessian", "hvp", "jacfwd", "jacrev", "jvp", "linear_transpose",
           "vjp"]


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


def _pulled(outputs: tuple, cotangents: Any, inputs: tuple, create_graph: bool, retain_graph: bool = True) -> tuple:
    """The cotangents of the inputs, each as if the others did not depend on it; zeros where the outputs do not."""
    found = pull_back(outputs, cotangents, inputs, create_graph=create_graph, retain_graph=retain_graph, through=False)
    entries = [found.get(id(origin(x))) for x in inputs]
    return tuple([zeros_like(x) if entry is None else entry[1] for x, entry in zip(inputs, entries, strict=True)])


def _pushed(outputs: tuple, inputs: tuple, tangents: Any, create_graph: bool) -> tuple:
    """The tangents of the outputs; zeros where one does not depend on the inputs."""
    pushed = push_forward(outputs, inputs, tangents, create_graph=create_graph)
    return tuple([zeros_like(out) if t is None else t for t, out in zip(pushed, outputs, strict=True)])


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
        return _pulled(outputs, given, inputs, again)

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
    derivatives = _pushed(outputs, inputs, directions, keep)
    shown = _closed(outputs, keep)
    return (shown, derivatives) if isinstance(returned, (tuple, list)) else (shown[0], derivatives[0])


def _chosen(op: str, func: Callable, argnums: int | tuple[int, ...], args: tuple, kwargs: dict,
            aux: list | None = None) -> tuple[Callable, tuple]:
    """`func` as a function of the chosen arguments alone, and these; what comes beside its result goes to `aux`."""
    at = []
    for place in argnums if isinstance(argnums, tuple) else (argnums,):
        if not -len(args) <= place < len(args):
            raise IndexError(f"{op}: argnums: got {place}, expected a place among the {len(args)} arguments")
        at.append(place % len(args))

    def inner(*chosen: Any) -> Any:
        full = list(args)
        for place, x in zip(at, chosen, strict=True):
            full[place] = x
        result = func(*full, **kwargs)
        if aux is not None:
            result, extra = result
            aux.append(extra)
        return result

    return inner, _tensors(op, "arguments", tuple([args[place] for place in at]))


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The function that gives (gradient, value) of a function with a single number as its result."""
    def derivative(*args: Any, **kwargs: Any) -> Any:
        aux: list[Any] = []
        inner, primals = _chosen("grad", func, argnums, args, kwargs, aux if has_aux else None)
        inputs, value, outputs, keep = _run("grad", inner, primals)
        if not isinstance(value, Value) or value.buffer.size != 1:
            got = value.shape if isinstance(value, Value) else type(value).__name__
            raise ValueError(f"grad: the function's result: got {got}, expected a tensor with one element")
        gradients = _pulled(outputs, [ones_like(value)], inputs, keep, retain_graph=keep)
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


def _units(x: Any) -> Iterator[Any]:
    """The unit vectors of the shape of x, one after another."""
    n, one = x.buffer.size, ones(1, dtype=x.dtype)
    for k in range(n):
        yield rows.flat_view(rows.embed(one, starts=(k,), steps=(1,), shape=(n,)), x.shape)


def _assembled(parts: Any, axis: int, out: Any, x: Any) -> Any:
    """Rows (axis 0) or columns (axis -1) as the Jacobian of `out` by `x`."""
    shape = (*out.shape, *x.shape)
    return stack(parts, axis).reshape(shape) if parts else zeros(shape, dtype=out.dtype)


def _jacobian(op: str, func: Callable, argnums: int | tuple[int, ...], has_aux: bool, walks: Callable) -> Callable:
    """What jacrev and jacfwd share; `walks(inputs, outputs, keep)` gives [output][input] -> Jacobian."""
    def derivative(*args: Any, **kwargs: Any) -> Any:
        aux: list[Any] = []
        inner, primals = _chosen(op, func, argnums, args, kwargs, aux if has_aux else None)
        inputs, returned, outputs, keep = _run(op, inner, primals)
        with grad_mode(keep):
            found = walks(inputs, outputs, keep)
        found = [tuple(row) if isinstance(argnums, tuple) else row[0] for row in found]
        result = tuple(found) if isinstance(returned, (tuple, list)) else found[0]
        return (result, aux[0]) if has_aux else result

    return derivative


def jacrev(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The Jacobian by reverse mode, of shape (*result.shape, *argument.shape): best for few results of many arguments.

    A tuple of results gives a tuple of Jacobians, a tuple of argnums a tuple for each result.

    >>> import minigrad
    >>> minigrad.func.jacrev(minigrad.square)(minigrad.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    def walks(inputs: tuple, outputs: tuple, keep: bool) -> list:
        table = []
        for out in outputs:
            pulls = [_pulled((out,), [unit], inputs, keep) for unit in _units(out)]
            table.append([_assembled([pull[slot] for pull in pulls], 0, out, x) for slot, x in enumerate(inputs)])
        return table

    return _jacobian("jacrev", func, argnums, has_aux, walks)


def jacfwd(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The Jacobian by forward mode, of shape (*result.shape, *argument.shape): best for many results of few arguments.

    >>> import minigrad
    >>> minigrad.func.jacfwd(lambda x: x.sum() * x)(minigrad.tensor([1., 2.]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    def walks(inputs: tuple, outputs: tuple, keep: bool) -> list:
        columns = [[_pushed(outputs, (x,), [unit], keep) for unit in _units(x)] for x in inputs]
        return [[_assembled([push[slot] for push in pushes], -1, out, x)
                 for x, pushes in zip(inputs, columns, strict=True)] for slot, out in enumerate(outputs)]

    return _jacobian("jacfwd", func, argnums, has_aux, walks)


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """The second derivatives, of shape (*result.shape, *argument.shape, *argument.shape): forward over reverse mode.

    >>> import minigrad
    >>> minigrad.func.hessian(lambda x: (x ** 3).sum())(minigrad.tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def hvp(func: Callable, primals: Any, tangents: Any) -> Any:
    """The Hessian of a function with a single number as its result, times the tangents: at the cost of two walks.

    >>> import minigrad
    >>> minigrad.func.hvp(lambda x: (x ** 3).sum(), (minigrad.tensor([1., 2.]),), (minigrad.tensor([1., 1.]),))
    tensor([ 6., 12.])
    """
    points = _tensors("hvp", "primals", primals)
    slots = 0 if len(points) == 1 else tuple(range(len(points)))
    return jvp(grad(func, slots), points, tangents)[1]


def linear_transpose(func: Callable, *primals: Any) -> Callable:
    """The transpose of a linear function: from cotangents of its result to a tuple of cotangents of its arguments.

    The primals tell shapes and dtypes only.  ValueError if the graph shows that the function is not linear in them
    jointly: a derivative that reads what depends on them, or a result that is not 0 at 0.
    Source: Frostig et al., "Decomposing reverse-mode automatic differentiation", 2021.

    >>> import minigrad
    >>> transpose = minigrad.func.linear_transpose(lambda x: x[::2].sum() * 3, minigrad.empty(3))
    >>> transpose(minigrad.tensor(1.))
    (tensor([3., 0., 3.]),)
    """
    at_zero = tuple([zeros_like(x).detach() for x in _tensors("linear_transpose", "primals", primals)])
    inputs, _, outputs, _ = _run("linear_transpose", func, at_zero)
    nodes = order(origin(out) for out in outputs)
    dependent = leading_to(nodes, [origin(x) for x in inputs])
    for node in nodes:
        slots = [slot for slot, parent in enumerate(node.parents) if parent is not None and id(parent) in dependent]
        reads, reads_output = node.op.reads(slots, len(node.parents)) if slots else (set(), False)
        if reads_output or not reads.isdisjoint(slots):
            raise ValueError(f"linear_transpose: func: {node.op.name} is not linear in the primals, "
                             "expected a linear function")
    if any(out.ne(0).any().item() for out in outputs):      # type: ignore[attr-defined]
        raise ValueError("linear_transpose: func: its result at 0 is not 0, expected a linear function")
    return vjp(func, *at_zero)[1]


class Checkpoint(Differentiable):
    """An op for one call of `checkpoint` (not a row of the table): its derivative runs the function again."""

    kind = "checkpoint"

    def __init__(self, func: Callable, state: Any, inputs: int, output: int | None) -> None:
        self.name, self.func, self.state, self.inputs, self.output = "checkpoint", func, state, inputs, output
        self.known: tuple[Any, bool, dict[int, Any]] = (None, False, {})

    def reads(self, slots: list[int], n: int) -> tuple[set[int], bool]:
        return set(range(n)), False

    def again(self, operands: tuple) -> tuple[tuple, tuple]:
        """The function's graph, made anew with the random numbers of the first run: (operands, outputs)."""
        inputs = _fresh("checkpoint", operands[:self.inputs])
        with enable_grad(), _random_numbers_from(self.state):
            returned = self.func(*inputs)
        return (*inputs, *operands[self.inputs:]), (returned if self.output is None else returned[self.output],)

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        cotangent, recorded, results = self.known
        if cotangent is not g or recorded != GRAD.enabled or slot not in results:   # one run serves all operands
            inputs, outputs = self.again(operands)
            results = dict(enumerate(_pulled(outputs, [g], inputs, GRAD.enabled)))
        found = results.pop(slot)
        self.known = (g, GRAD.enabled, results) if results else (None, False, {})
        return found

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        inputs, outputs = self.again(operands)
        moving = [slot for slot, t in enumerate(tangents) if t is not None]
        return _pushed(outputs, tuple([inputs[slot] for slot in moving]), [tangents[slot] for slot in moving],
                       GRAD.enabled)[0]


@contextmanager
def _random_numbers_from(state: Any) -> Iterator[None]:
    """Within the block, random numbers are drawn as they were from `state` on."""
    now = get_rng_state()
    set_rng_state(state)
    try:
        yield
    finally:
        set_rng_state(now)


def checkpoint(function: Callable, *args: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
    """`function(*args, **kwargs)`, keeping no value in between: derivatives compute them again when they need them.

    Memory for time: a network cut into n pieces keeps n values and those of one piece.  Derivatives of any order, in
    both modes, of tensors among `args` and of the parameters that the function uses; random numbers (dropout) are the
    same in every run.  What the function does beside its result (running averages) happens in every run.
    `use_reentrant` is accepted and changes nothing.
    Source: Chen et al., "Training deep nets with sublinear memory cost", 2016.

    >>> import minigrad
    >>> x = minigrad.tensor([1., 2.], requires_grad=True)
    >>> minigrad.func.checkpoint(lambda x: (x.exp() * x).sum(), x).backward()
    >>> [round(g, 3) for g in x.grad.tolist()]
    [5.437, 22.167]
    """
    if not GRAD.enabled:
        return function(*args, **kwargs)
    state = get_rng_state()
    places = [place for place, x in enumerate(args) if isinstance(x, Value) and x.differentiable]

    def inner(*chosen: Any) -> Any:
        full = list(args)
        for place, x in zip(places, chosen, strict=True):
            full[place] = x
        return function(*full, **kwargs)

    operands = tuple([args[place] for place in places])
    with grad_mode(False):
        inputs = _fresh("checkpoint", operands)     # without their history, so that the leaves found are the function's
    returned = inner(*inputs)
    several = isinstance(returned, (tuple, list))
    outputs = returned if several else (returned,)
    roots = [origin(out) for out in outputs if isinstance(out, Value) and out.differentiable]
    leaves = {id(leaf): leaf for node in order(roots) for leaf in node.parents
              if leaf is not None and type(leaf) is not Node}
    operands += tuple([leaf for leaf in leaves.values() if all(leaf is not x for x in inputs)])
    shown = []
    for slot, out in enumerate(outputs):
        if isinstance(out, Value) and out.node is not None:
            out = Value.result(out.buffer)
            op = Checkpoint(inner, state, len(places), slot if several else None)
            op.record(out, operands, {})
        shown.append(out)
    return (tuple(shown) if isinstance(returned, tuple) else shown) if several else shown[0]
