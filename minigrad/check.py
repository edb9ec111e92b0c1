"""Checks of derivatives, for tests and for anyone who writes an op.

    adjoint         <f(x), y> = <x, f'(y)> for a linear f and its transpose f': exact in small integers
    gradcheck       reverse and forward mode against central differences, element by element
    gradgradcheck   the same for the gradient itself: second order

Central differences (f(x + e) - f(x - e)) / 2e are only as good as the dtype: use float64.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from minigrad import func as transforms
from minigrad.autograd import enable_grad, no_grad
from minigrad.errors import require
from minigrad.functions.create import arange, ones_like
from minigrad.functions.random import randn_like
from minigrad.grad import several
from minigrad.node import Value

__all__ = ["GradcheckError", "adjoint", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A derivative is not what the numbers say."""


def _verdict(wrong: str | None, raise_exception: bool) -> bool:
    if wrong and raise_exception:
        raise GradcheckError(wrong)
    return not wrong


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
        y = (arange(out.buffer.size) % 7 - 3).reshape(out.shape).to(out.dtype)
    back = transforms.vjp(function, x)[1](y)[0] if transpose is None else transpose(y)
    if back.shape != x.shape:
        return _verdict(f"adjoint: the transpose gives shape {back.shape}, expected {x.shape}", raise_exception)
    left, right = [(a.double() * b.double()).sum().item() for a, b in ((out, y), (x, back))]
    fits = abs(left - right) <= atol + rtol * max(abs(left), abs(right))
    return _verdict(None if fits else f"adjoint: <f(x), y> = {left!r}, but <x, f'(y)> = {right!r}", raise_exception)


def _chosen(op: str, points: tuple) -> tuple[int, ...]:
    """The places of the inputs whose derivatives are checked."""
    slots = tuple([slot for slot, x in enumerate(points) if isinstance(x, Value) and x.differentiable])
    require(slots, op, "inputs", "none that requires a gradient", "at least one")
    return slots


def _slopes(function: Callable, points: tuple, slot: int, eps: float) -> list[list[list[float]]]:
    """[j][k][i]: d output k[i] / d input `slot`[j] (flat positions) by central differences."""
    x, before, after = points[slot].detach(), points[:slot], points[slot + 1:]
    ends = [[function(*before, x + by * unit, *after) for by in (eps, -eps)] for unit in transforms.units(x)]
    return [[((a.double() - b.double()) / (2 * eps)).flatten().tolist() for a, b in zip(up, down, strict=True)]
            for up, down in ends]


def _differences(function: Callable, points: tuple, slots: tuple[int, ...], eps: float, atol: float, rtol: float,
                 forward: bool) -> Iterator[str]:
    """What is wrong, element by element."""
    inner = transforms.of_places(function, slots, points, {})
    inputs, _, outputs, _ = transforms.run("gradcheck", inner, tuple([points[slot] for slot in slots]))
    numeric = [_slopes(function, points, slot, eps) for slot in slots]
    for mode, slices in (("reverse", transforms.pulled_units), ("forward", transforms.pushed_units))[:1 + forward]:
        for k, (out, row) in enumerate(zip(outputs, slices(inputs, outputs, False), strict=True)):
            for slot, slopes, parts in zip(slots, numeric, row, strict=True) if out.dtype.is_floating_point else ():
                found = [part.flatten().tolist() for part in parts]
                for i, j in product(range(out.buffer.size), range(len(slopes))):
                    analytic, slope = found[i][j] if mode == "reverse" else found[j][i], slopes[j][k][i]
                    both_nan = analytic != analytic and slope != slope
                    if not abs(analytic - slope) <= atol + rtol * abs(slope) and not both_nan:
                        yield (f"gradcheck: {mode} mode: d output {k}[{i}] / d input {slot}[{j}] (flat positions) is "
                               f"{analytic!r}, but central differences give {slope!r}")


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
    points = several(inputs)
    slots = _chosen("gradcheck", points)
    with no_grad():
        wrong = _differences(lambda *xs: several(function(*xs)), points, slots, eps, atol, rtol, check_forward_ad)
        return _verdict(next(wrong, None), raise_exception)


def gradgradcheck(function: Callable, inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5,
                  rtol: float = 1e-3, raise_exception: bool = True, check_forward_ad: bool = True) -> bool:
    """`gradcheck` of the gradient: second derivatives, also with respect to the cotangents.

    >>> import minigrad
    >>> x = minigrad.tensor([0.3, -0.7], dtype=minigrad.float64, requires_grad=True)
    >>> minigrad.check.gradgradcheck(minigrad.exp, x)
    True
    """
    points = several(inputs)
    slots = _chosen("gradgradcheck", points)

    def smooth(*values: Any) -> tuple:
        return tuple([out for out in several(function(*values)) if out.differentiable])

    def gradients(*args: Any) -> tuple:
        inner = transforms.of_places(smooth, slots, args[:len(points)], {})
        return transforms.vjp(inner, *[args[slot] for slot in slots])[1](*args[len(points):])

    with enable_grad():
        outputs = smooth(*points)
    given = grad_outputs if grad_outputs is not None else [
        (randn_like(out) + ones_like(out)).requires_grad_() for out in outputs]
    return gradcheck(gradients, (*points, *several(given)), eps=eps, atol=atol, rtol=rtol,
                     raise_exception=raise_exception, check_forward_ad=check_forward_ad)
