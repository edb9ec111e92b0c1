"""Derivatives as functions of functions: grad, vjp, jvp, and what follows from them.  They nest to any order.

Each runs the function once on fresh inputs, which records its graph, and walks that graph.  Whether the walk itself is
recorded is decided by what the outputs depend on: only if anything but the fresh inputs wants a gradient.

A Jacobian has as many rows as the result has elements, and one walk gives one row: `jacrev` pulls the unit vectors back
one after another, over the one graph of a single run; `jacfwd` pushes those of the inputs forward.  Whoever needs the
Jacobian's products only (`vjp`, `jvp`, `hvp`) pays for one walk.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minigrad.autograd import enable_grad
from minigrad.errors import require
from minigrad.functions.create import ones, ones_like, zeros, zeros_like
from minigrad.functions.parts import stack
from minigrad.grad import grad_mode, leading_to, leaves, matching, pull_back, push_forward, several
from minigrad.node import GRAD, Value, order, origin
from minigrad.op import Differentiable
from minigrad.ops import view as rows
from minigrad.random import get_rng_state, set_rng_state

__all__ = ["checkpoint", "grad", "grad_and_value", "hessian", "hvp", "jacfwd", "jacrev", "jvp", "linear_transpose",
           "vjp"]


def _tensors(op: str, argument: str, values: Any) -> tuple:
    for slot, x in enumerate(several(values)):
        require(isinstance(x, Value), op, argument, f"{type(x).__name__} as item {slot}", "a tensor", TypeError)
    return several(values)


def _fresh(op: str, primals: tuple) -> tuple:
    """Values that stand for the primals in one call: tied to their history, if they have one."""
    values = tuple([rows.alias(x) for x in primals])
    for slot, x in enumerate(values):
        x.differentiable, name = True, x.dtype.name
        require(x.dtype.is_floating_point, op, f"input {slot}", f"dtype {name}", "float32 or float64", TypeError)
    return values


def run(op: str, func: Callable, primals: tuple) -> tuple[tuple, Any, tuple, bool]:
    """(fresh inputs, what func returned, its outputs as a tuple, whether anything else wants their gradient)."""
    outer = GRAD.enabled
    inputs = _fresh(op, primals)
    with enable_grad():
        returned = func(*inputs)
    outputs = _tensors(op, "the function's result", returned)
    return inputs, returned, outputs, outer and not {x for x in inputs if x.node is None}.issuperset(leaves(outputs))


def _like(form: Any, values: Any) -> Any:
    """All the values where `form` is several, else the only one."""
    return tuple(values) if isinstance(form, (tuple, list)) else values[0]


def _shown(returned: Any, outputs: tuple, keep: bool) -> Any:
    """Results as the caller gets them: without their history unless something outside may ask for it."""
    return _like(returned, outputs if keep else [Value.result(x.buffer) for x in outputs])


def _pulled(outputs: tuple, cotangents: Any, inputs: tuple, create_graph: bool, retain_graph: bool = True) -> tuple:
    """The cotangents of the inputs, each as if the others did not depend on it; zeros where the outputs do not."""
    found = pull_back(outputs, cotangents, inputs, create_graph=create_graph, retain_graph=retain_graph, through=False)
    gradients = [found.get(origin(x)) for x in inputs]
    return tuple([zeros_like(x) if g is None else g for x, g in zip(inputs, gradients, strict=True)])


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
    inputs, returned, outputs, keep = run("vjp", func, _tensors("vjp", "primals", primals))

    def pull(*cotangents: Any) -> tuple:
        listed = several(cotangents[0]) if len(cotangents) == 1 else cotangents
        given = matching("vjp", "cotangents", listed, outputs)
        return _pulled(outputs, given, inputs, keep or (GRAD.enabled and any(g.differentiable for g in given)))

    return _shown(returned, outputs, keep), pull


def jvp(func: Callable, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """func(*primals), and its directional derivative along the tangents, by forward mode.

    >>> import minigrad
    >>> minigrad.func.jvp(minigrad.square, (minigrad.tensor([3.]),), (minigrad.tensor([1.]),))
    (tensor([9.]), tensor([6.]))
    """
    points = _tensors("jvp", "primals", primals)
    directions = matching("jvp", "tangents", several(tangents), points)
    inputs, returned, outputs, keep = run("jvp", func, points)
    keep = keep or (GRAD.enabled and any(t.differentiable for t in directions))
    return _shown(returned, outputs, keep), _like(returned, _pushed(outputs, inputs, directions, keep))


def of_places(func: Callable, places: Sequence[int], args: tuple, kwargs: dict[str, Any]) -> Callable:
    """`func(*args, **kwargs)` as a function of the arguments at `places` alone."""
    def inner(*chosen: Any) -> Any:
        full = list(args)
        for place, x in zip(places, chosen, strict=True):
            full[place] = x
        return func(*full, **kwargs)

    return inner


def _derivative(op: str, func: Callable, argnums: int | tuple[int, ...], has_aux: bool, walk: Callable) -> Callable:
    """The function of func's arguments that gives `walk` of its run, as a function of those at `argnums`."""
    def derivative(*args: Any, **kwargs: Any) -> Any:
        for place in several(argnums):
            require(-len(args) <= place < len(args), op, "argnums", place, f"a place among the {len(args)} arguments",
                    IndexError)
        places = [place % len(args) for place in several(argnums)]
        aux: list[Any] = []

        def inner(*chosen: Any) -> Any:
            result = of_places(func, places, args, kwargs)(*chosen)
            result, *aux[:] = result if has_aux else (result,)
            return result

        primals = _tensors(op, "arguments", tuple([args[place] for place in places]))
        return walk(*run(op, inner, primals), aux)

    return derivative


def _beside(result: Any, aux: list) -> Any:
    return (result, *aux) if aux else result


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The function that gives (gradient, value) of a function with a single number as its result."""
    def walk(inputs: tuple, returned: Any, outputs: tuple, keep: bool, aux: list) -> tuple[Any, Any]:
        require(isinstance(returned, Value) and returned.buffer.size == 1, "grad", "the function's result",
                getattr(returned, "shape", type(returned).__name__), "a tensor with one element")
        gradients = _pulled(outputs, [ones_like(returned)], inputs, keep, retain_graph=keep)
        return _like(argnums, gradients), _beside(_shown(returned, outputs, keep), aux)

    return _derivative("grad", func, argnums, has_aux, walk)


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The gradient of a function whose result is a single number, as a function of the same arguments.

    >>> import minigrad
    >>> minigrad.func.grad(minigrad.func.grad(lambda x: x ** 3))(minigrad.tensor(2.))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, *value[1:]) if has_aux else found

    return gradient


def units(x: Any) -> Iterator[Any]:
    """The unit vectors of the shape of x, one after another."""
    for k in range(x.buffer.size):
        unit = rows.embed(ones(1, dtype=x.dtype), starts=(k,), steps=(1,), shape=(x.buffer.size,))
        yield rows.flat_view(unit, x.shape)


def pulled_units(inputs: tuple, outputs: tuple, keep: bool) -> Iterator[list[list]]:
    """[output][input] -> the rows of the Jacobian, by reverse mode."""
    for out in outputs:
        pulls = [_pulled((out,), [unit], inputs, keep) for unit in units(out)]
        yield [[pull[slot] for pull in pulls] for slot in range(len(inputs))]


def pushed_units(inputs: tuple, outputs: tuple, keep: bool) -> list[list[list]]:
    """[output][input] -> the columns of the Jacobian, by forward mode."""
    columns = [[_pushed(outputs, (x,), [unit], keep) for unit in units(x)] for x in inputs]
    return [[[push[slot] for push in pushes] for pushes in columns] for slot in range(len(outputs))]


def _jacobian(op: str, func: Callable, argnums: int | tuple[int, ...], has_aux: bool, slices: Callable,
              axis: int) -> Callable:
    def assembled(parts: list, out: Any, x: Any) -> Any:
        shape = (*out.shape, *x.shape)
        return stack(parts, axis).reshape(shape) if parts else zeros(shape, dtype=out.dtype)

    def walk(inputs: tuple, returned: Any, outputs: tuple, keep: bool, aux: list) -> Any:
        with grad_mode(keep):
            blocks = [_like(argnums, [assembled(parts, out, x) for parts, x in zip(row, inputs, strict=True)])
                      for row, out in zip(slices(inputs, outputs, keep), outputs, strict=True)]
        return _beside(_like(returned, blocks), aux)

    return _derivative(op, func, argnums, has_aux, walk)


def jacrev(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The Jacobian by reverse mode, of shape (*result.shape, *argument.shape): best for few results of many arguments.

    A tuple of results gives a tuple of Jacobians, a tuple of argnums a tuple for each result.

    >>> import minigrad
    >>> minigrad.func.jacrev(minigrad.square)(minigrad.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    return _jacobian("jacrev", func, argnums, has_aux, pulled_units, 0)


def jacfwd(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """The Jacobian by forward mode, of shape (*result.shape, *argument.shape): best for many results of few arguments.

    >>> import minigrad
    >>> minigrad.func.jacfwd(lambda x: x.sum() * x)(minigrad.tensor([1., 2.]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    return _jacobian("jacfwd", func, argnums, has_aux, pushed_units, -1)


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
    inputs, _, outputs, _ = run("linear_transpose", func, at_zero)
    nodes = order(origin(out) for out in outputs)
    dependent = leading_to(nodes, map(origin, inputs))
    for node in nodes:
        slots = [slot for slot, parent in enumerate(node.parents) if parent in dependent]
        reads, reads_output = node.op.reads(slots, len(node.parents)) if slots else (set(), False)
        require(not reads_output and reads.isdisjoint(slots), "linear_transpose", "func",
                f"{node.op.name}, which is not linear in the primals", "a linear function")
    for out in outputs:
        require(not out.ne(0).any(), "linear_transpose", "func", "a result at 0 that is not 0", "a linear function")
    return vjp(func, *at_zero)[1]


class Checkpoint(Differentiable):
    """An op for one call of `checkpoint` (not a row of the table): its derivative runs the function again."""

    name = kind = "checkpoint"
    part = False

    def __init__(self, func: Callable, state: Any, inputs: int, output: int) -> None:
        self.func, self.state, self.inputs, self.output, self.reading = func, state, inputs, output, {}
        self.known: tuple[Any, bool, dict[int, Any]] = (None, False, {})

    def reads(self, slots: list[int], n: int) -> tuple[set[int], bool]:
        return set(range(n)), False

    def again(self, operands: tuple) -> tuple[tuple, tuple]:
        """The function's graph, made anew with the random numbers of the first run: (operands, outputs)."""
        inputs, now = _fresh("checkpoint", operands[:self.inputs]), get_rng_state()
        set_rng_state(self.state)
        try:
            with enable_grad():
                returned = several(self.func(*inputs))
        finally:
            set_rng_state(now)
        return (*inputs, *operands[self.inputs:]), (returned[self.output],)

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
        moving = [(x, t) for x, t in zip(inputs, tangents, strict=True) if t is not None]
        return _pushed(outputs, tuple([x for x, _ in moving]), [t for _, t in moving], GRAD.enabled)[0]


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
    operands, inner = tuple([args[place] for place in places]), of_places(function, places, args, kwargs)
    with grad_mode(False):
        inputs = _fresh("checkpoint", operands)     # without their history, so that the leaves found are the function's
    returned = inner(*inputs)
    shown = list(several(returned))
    made = [slot for slot, out in enumerate(shown) if isinstance(out, Value) and out.node is not None]
    operands += tuple([leaf for leaf in leaves(shown[slot] for slot in made) if leaf not in set(inputs)])
    for slot in made:
        shown[slot] = Value.result(shown[slot].buffer)
        Checkpoint(inner, state, len(places), slot).record(shown[slot], operands, {})
    return shown if isinstance(returned, list) else _like(returned, shown)
