"""Rows that compute in one pass over memory what is defined as a composition of other rows.

    y = F(operands),  dF* = pulls[slot](g, *operands, y)       each pull again a row, or a few

`formula` is the composition: the definition that the kernel is tested against, and what is differentiated where there
is no pull.  So a row needs pulls only where a measured gain defends them: for the first derivative of a loss or a
normalisation, say, which is then a fused row itself; all higher ones go through formulas.  Forward mode is the
transpose of the pull, which is linear in g; where there is none, it is that of the formula.

Where one kernel gives the cotangents of all operands, it is named `together` in place of the pulls: it serves where no
graph is recorded, and the others go through the formula, as does an operand for which it gives None.
"""

import inspect
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.grad import grad_mode, pull_back, push_forward
from minigrad.node import GRAD, Value, origin
from minigrad.op import OPS, Differentiable, total, zeros


def alias(x: Value) -> Value:
    """`x` as a value with a place of its own in the graph, where a walk back can end."""
    fresh = Value.result(x.buffer)
    fresh.differentiable = x.dtype.is_floating_point
    if GRAD.enabled and x.differentiable:
        fresh = OPS["reshape"](x, shape=x.shape)
    return fresh


def back_through(function: Callable[..., Value], g: Value, operands: Sequence[Any], slot: int) -> Value:
    """The cotangent of operand `slot` for the cotangent `g` of function(*operands), by recording the function."""
    own = [alias(x) if isinstance(x, Value) else x for x in operands]
    with grad_mode(True):
        out = function(*own)
    found = pull_back([out], [g], own, create_graph=GRAD.enabled, retain_graph=GRAD.enabled,
                      through=False) if out.differentiable else {}
    back = found.get(origin(own[slot]))
    return zeros(operands[slot]) if back is None else back


class Last(threading.local):
    """The cotangents last computed together: (for which g, of which operands, they); gone when g is."""

    entry: tuple[Any, Any, list] | None = None

    def forget(self, _: Any = None) -> None:
        self.entry = None


LAST = Last()


class Fused(Differentiable):
    """A row with a `formula` beside its kernel.

    A pull takes (g, *operands, result, **attrs); a parameter whose name starts with an underscore is not read, so its
    value is not kept.  None in the place of a pull means: through the formula.
    """

    kind = "fused"

    def __init__(self, name: str, *pulls: Callable | None, formula: Callable[..., Any],
                 together: Callable[..., list] | None = None, **row: Any) -> None:
        super().__init__(name, *pulls, **row)
        self.formula, self.together = formula, together

    def rule(self, slot: int) -> Callable | None:
        return self.derivatives[slot] if slot < len(self.derivatives) else None

    def reads(self, slots: list[int], n: int) -> tuple[Any, bool]:
        read: set[int] = set()
        for slot in slots:
            rule = self.rule(slot)
            if rule is None:
                return range(n), False
            places = [p for p in inspect.signature(rule).parameters.values() if p.kind is not p.KEYWORD_ONLY]
            read |= {at for at, p in enumerate(places[1:]) if not p.name.startswith("_")}
        return read - {n}, n in read

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        rule = self.rule(slot)
        if rule is not None:
            return rule(g, *operands, out, **attrs)
        if self.together is not None and not GRAD.enabled:
            entry = LAST.entry
            if entry is None or entry[0]() is not g or entry[1] is not operands:
                found = self.together(g, *operands, out, **attrs)
                entry = LAST.entry = (weakref.ref(g, LAST.forget), operands, found)
            if entry[2][slot] is not None:
                return entry[2][slot]
        return back_through(lambda *own: self.formula(*own, **attrs), g, operands, slot)

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        moved = [slot for slot, t in enumerate(tangents) if t is not None]
        if all(self.rule(slot) for slot in moved):
            return total([back_through(lambda g, slot=slot: self.vjp(slot, g, operands, out, attrs), tangents[slot],
                                       [zeros(out)], 0) for slot in moved])
        own = [alias(x) for x in operands]
        with grad_mode(True):
            y = self.formula(*own, **attrs)
        pushed = push_forward([y], [own[slot] for slot in moved], [tangents[slot] for slot in moved],
                              create_graph=GRAD.enabled)
        return pushed[0] if pushed[0] is not None else zeros(out)


fused = Fused
