"""Checks of derivatives, for tests and for anyone who writes an op.

    adjoint         <f(x), y> = <x, f'(y)> for a linear f and its transpose f': exact in small integers
    gradcheck       reverse and forward mode against central differences, element by element
    gradgradcheck   the same for the gradient itself: second order

Central differences (f(x + e) - f(x - e)) / 2e are only as good as the dtype: use float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad import func as transforms
from minigrad.autograd import enable_grad, no_grad
from minigrad.autograd import grad as gradient
from minigrad.functions.create import ones_like, zeros_like
from minigrad.functions.random import randn_like
from minigrad.node import Value
from minigrad.ops import view as rows

__all__ = ["GradcheckError", "adjoint", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A derivative is not what the numbers say."""


def _tuple(values: Any) -> tuple:
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)


def _inner(a: Any, b: Any) -> Any:
    return (a.double() * b.double()).sum().item()


def adjoint(function: Callable, x: Any, y: Any = None, transpose: Callable | None = None, *, rtol: float = 0.0,
            atol: float = 0.0, raise_exception: bool = True) -> bool:
    """Whether `<function(x), y> == <x, transpose(y)>`: the definition of the transpose of a linear function.

    `transpose` is the function's vjp unless given; `y` is ones, counted up, unless given.  With small integers as
    values the comparison is exact (the tolerances are 0); else say how much rounding to allow.
    Raises GradcheckError, or returns False where `raise_exception` is off.

    >>> import minigrad
    >>> x = minigrad.arange(6.).reshape(2, 3)
    >>> minigrad.check.adjoint(lambda x: x.sum(1, keepdim=True).expand(2, 4), x)
    True
    """
    out = function(x)
    if y is None:
        from minigrad.functions.create import arange
        y = (arange(out.buffer.size) % 7 - 3).reshape(out.shape).to(out.dtype)
    if transpose is None:
        _, pull = transforms.vjp(function, x)
        back = pull(y)[0]
    else:
        back = transpose(y)
    left, right = _inner(out, y), _inner(x, back)
    fits = back.shape == x.shape and abs(left - right) <= atol + rtol * max(abs(left), abs(right))
    if not fits and raise_exception:
        if back.shape != x.shape:
            raise GradcheckError(f"adjoint: the transpose gives shape {back.shape}, expected {x.shape} as the input")
        raise GradcheckError(f"adjoint: <f(x), y> = {left!r}, but <x, f'(y)> = {right!r}")
    return fits


def _numeric(function: Callable, inputs: tuple, slot: int, eps: float) -> list[list[list[float]]]:
    """Rows of d outputs / d element for every element of input `slot`, by central differences, for each output."""
    x = inputs[slot]
    base = x.detach().clone()
    flat = base.buffer.reshape((base.buffer.size,))
    values = flat.tolist()
    jacobian: list[list[list[float]]] = []

    def moved(j: int, by: float) -> list[list[float]]:
        flat.slice((j,), (1,), (1,)).reshape(()).set_item(values[j] + by)
        base.buffer.bump()
        point = list(inputs)
        point[slot] = base.detach().clone()
        with no_grad():
            outs = _tuple(function(*point))
        flat.slice((j,), (1,), (1,)).reshape(()).set_item(values[j])
        return [rows.flat_view(out, (out.buffer.size,)).double().tolist() for out in outs]

    for j in range(len(values)):
        above, below = moved(j, eps), moved(j, -eps)
        jacobian.append([[(a - b) / (2 * eps) for a, b in zip(up, down, strict=True)]
                         for up, down in zip(above, below, strict=True)])
    return jacobian


def _unit(like: Any, j: int) -> Any:
    """A tensor of zeros with a one at flat position j."""
    unit = zeros_like(like)
    unit.buffer.reshape((unit.buffer.size,)).slice((j,), (1,), (1,)).reshape(()).set_item(1)
    return unit


def _differs(analytic: float, numeric: float, atol: float, rtol: float) -> bool:
    if analytic != analytic or numeric != numeric:
        return (analytic == analytic) != (numeric == numeric)
    return not abs(analytic - numeric) <= atol + rtol * abs(numeric)


def _compare(mode: str, slot: int, k: int, j: int, i: int, analytic: float, numeric: float, atol: float,
             rtol: float) -> None:
    if _differs(analytic, numeric, atol, rtol):
        raise GradcheckError(f"gradcheck: {mode}: d output {k}[{i}] / d input {slot}[{j}] (flat positions) is "
                             f"{analytic!r}, but central differences give {numeric!r}")


def gradcheck(function: Callable, inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
              raise_exception: bool = True, check_forward_ad: bool = True) -> bool:
    """Whether the derivatives of `function` at `inputs` are what central differences give.

    Every element of every input that requires a gradient is moved by `eps`; reverse mode and (unless
    `check_forward_ad` is off) forward mode must agree with the difference within `atol + rtol * |difference|`.
    Inputs should be float64.  Raises GradcheckError, or returns False where `raise_exception` is off.

    >>> import minigrad
    >>> x = minigrad.tensor([0.3, -0.7], dtype=minigrad.float64, requires_grad=True)
    >>> minigrad.check.gradcheck(minigrad.tanh, x)
    True
    """
    points = _tuple(inputs)
    slots = [slot for slot, x in enumerate(points) if isinstance(x, Value) and x.differentiable]
    if not slots:
        raise ValueError("gradcheck: inputs: none requires a gradient, expected at least one")
    try:
        _gradcheck(function, points, slots, eps, atol, rtol, check_forward_ad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _gradcheck(function: Callable, points: tuple, slots: list[int], eps: float, atol: float, rtol: float,
               forward: bool) -> None:
    with enable_grad():
        outs = _tuple(function(*points))
    numeric = {slot: _numeric(function, points, slot, eps) for slot in slots}
    for k, out in enumerate(outs):
        if not out.dtype.is_floating_point:
            continue
        for i in range(out.buffer.size):
            found = gradient(out, [points[slot] for slot in slots], _unit(out, i), retain_graph=True,
                             allow_unused=True) if out.differentiable else (None,) * len(slots)
            for slot, g in zip(slots, found, strict=True):
                row = [0.0] * points[slot].buffer.size if g is None else _flat(g)
                for j, analytic in enumerate(row):
                    _compare("reverse mode", slot, k, j, i, analytic, numeric[slot][j][k][i], atol, rtol)
    for slot in slots if forward else ():
        def along(x: Any, slot: int = slot) -> tuple:
            return _tuple(function(*[x if j == slot else other for j, other in enumerate(points)]))

        for j in range(points[slot].buffer.size):
            x = points[slot].detach()
            _, tangents = transforms.jvp(along, x, _unit(x, j))
            for k, tangent in enumerate(tangents):
                if outs[k].dtype.is_floating_point:
                    for i, analytic in enumerate(_flat(tangent)):
                        _compare("forward mode", slot, k, j, i, analytic, numeric[slot][j][k][i], atol, rtol)


def _flat(x: Any) -> list[float]:
    return rows.flat_view(x, (x.buffer.size,)).tolist()


def gradgradcheck(function: Callable, inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5,
                  rtol: float = 1e-3, raise_exception: bool = True, check_forward_ad: bool = True) -> bool:
    """`gradcheck` of the gradient: second derivatives, also with respect to the cotangents.

    >>> import minigrad
    >>> x = minigrad.tensor([0.3, -0.7], dtype=minigrad.float64, requires_grad=True)
    >>> minigrad.check.gradgradcheck(minigrad.exp, x)
    True
    """
    points = _tuple(inputs)
    slots = [slot for slot, x in enumerate(points) if isinstance(x, Value) and x.differentiable]
    if not slots:
        raise ValueError("gradgradcheck: inputs: none requires a gradient, expected at least one")
    with enable_grad():
        outs = [out for out in _tuple(function(*points)) if out.differentiable]
    given = _cotangents(outs) if grad_outputs is None else _tuple(grad_outputs)

    def gradients(*args: Any) -> tuple:
        values, cotangents = args[:len(points)], args[len(points):]
        with enable_grad():
            values = tuple([x.detach().requires_grad_() if slot in slots and not x.differentiable else x
                            for slot, x in enumerate(values)])
            results = [out for out in _tuple(function(*values)) if out.differentiable]
            found = gradient(results, [values[slot] for slot in slots], cotangents, create_graph=True,
                             allow_unused=True)
        return tuple([zeros_like(values[slot]) if g is None else g for slot, g in zip(slots, found, strict=True)])

    return gradcheck(gradients, (*points, *given), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
                     check_forward_ad=check_forward_ad)


def _cotangents(outs: Sequence[Any]) -> list[Any]:
    return [(randn_like(out) + ones_like(out)).requires_grad_() for out in outs]
