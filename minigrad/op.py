"""The op table: every operation the engine can differentiate is one row, and from that row follow vjp and jvp.

There are three ways to be differentiable, and one not to be:

    linear        y = A x.  Names its transpose; the vjp applies the transpose, the jvp applies the op itself.
    multilinear   y = T(x, w).  Linear in each operand alone; its derivative in one is again an op of the same family.
    pointwise     dy = D(x, y) dx with a diagonal (or, for a reduction, row-like) D, written as an expression in ops.
    constant      comparisons, indices, random draws: no gradient passes.

Every derivative is written in ops, so it can be differentiated again, to any order.  An operand of a linear or
multilinear rule that is being differentiated arrives as a Meta (shape and dtype): its numbers are not needed, hence
not kept.  The rules may return a gradient that is still broadcast: it is summed to the operand's shape in `Op.vjp`,
and nowhere else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from minigrad.dtypes import DTYPES, DType, float32, get_default_dtype, result_type
from minigrad.node import GRAD, Meta, Node, Value
from minigrad_ext.buffer import Buffer

OPS: dict[str, Op] = {}

ShapeRule = Callable[..., tuple[tuple[int, ...], DType]]


class Op:
    """One row.  Calling it on values checks (its shape rule), computes (its kernel) and, if wanted, records a node.

    `shape(*operands, **attrs)` gives the result's (shape, dtype) or raises the op's errors.  `compute(out, *buffers,
    **attrs)` fills a fresh buffer; a view op has `view(buffer, **attrs)` instead and shares its operand's memory.
    `attrs` are keywords and hashable.
    """

    kind = "constant"

    def __init__(self, name: str, *, shape: ShapeRule, compute: Callable | None = None, view: Callable | None = None,
                 kernels: tuple[str, ...] = (), promotes: str = "", doc: str = "") -> None:
        if name in OPS:
            raise ValueError(f"op table: {name} is defined twice")
        self.name, self.shape, self.compute, self.view = name, shape, compute, view
        self.kernels = kernels          # names of the compiled kernels that `compute` runs
        self.promotes = promotes        # "number" or "float": operands are brought to one dtype of that domain
        self.__doc__ = doc
        OPS[name] = self

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        if self.promotes:
            operands = promote(self.name, operands, self.promotes)
        shape, dtype = self.shape(*operands, **attrs)
        if self.view is not None:
            buffer = self.view(operands[0].buffer, **attrs)
        else:
            buffer = Buffer.empty(shape, dtype.code)
            self.compute(buffer, *[x.buffer for x in operands], **attrs)    # type: ignore[misc]
        out = Value.result(buffer)
        if GRAD.enabled:
            for x in operands:
                if x.differentiable:
                    self.record(out, operands, attrs)
                    break
        return out

    def record(self, out: Value, operands: tuple, attrs: dict) -> None:
        """Gives `out` its node.  Constant ops have none."""

    def vjp(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        """The cotangent of operand `slot`, summed to its shape if the op had broadcast it."""
        return fit(self.pull(slot, g, operands, out, attrs), operands[slot].shape)

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        raise TypeError(f"{self.name} is not differentiable")

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        """The tangent of the result; a None among `tangents` is zero."""
        raise TypeError(f"{self.name} is not differentiable")

    def __repr__(self) -> str:
        return f"<{self.kind} op {self.name}>"


class Differentiable(Op):
    """What the three kinds share: recording a node that keeps only what the derivative will read."""

    def reads(self, slots: list[int], n: int) -> tuple[set[int], bool]:
        """Which operands, and whether the output, the derivative in `slots` of `n` operands reads."""
        return set(), False

    def record(self, out: Value, operands: tuple, attrs: dict) -> None:
        if not DTYPES[out.buffer.dtype].is_floating_point:
            return                      # cast to integers or bools: no gradient passes
        parents = tuple([(x.node or x) if x.differentiable else None for x in operands])
        slots = [slot for slot, parent in enumerate(parents) if parent is not None]
        reads, reads_output = self.reads(slots, len(operands))
        kept = tuple([x if slot in reads else Meta(x.shape, x.dtype) for slot, x in enumerate(operands)])
        buffer = out.buffer
        out.node = Node(self, attrs, parents, kept, buffer if reads_output else None,
                        Meta(buffer.shape, DTYPES[buffer.dtype]))
        out.differentiable = True


class Linear(Differentiable):
    """Linear in all operands jointly but those in `constants` (an index, a mask), which are read as they are."""

    kind = "linear"

    def __init__(self, name: str, *, transpose: Callable, constants: tuple[int, ...] = (), **row: Any) -> None:
        super().__init__(name, **row)
        self.transpose, self.constants = transpose, frozenset(constants)
        self.takes_slot = "slot" in inspect.signature(transpose).parameters

    def reads(self, slots: list[int], n: int) -> tuple[set[int], bool]:
        return self.constants, False     # type: ignore[return-value]

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        if self.takes_slot:
            return self.transpose(g, *operands, slot=slot, **attrs)
        return self.transpose(g, *operands, **attrs)

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        return self(*[x if slot in self.constants else zeros(x) if t is None else t
                      for slot, (t, x) in enumerate(zip(tangents, operands, strict=True))], **attrs)


class Multilinear(Differentiable):
    """Linear in each operand alone: `derivative[slot](g, *operands, **attrs)` is the transpose in that operand."""

    kind = "multilinear"

    def __init__(self, name: str, *, derivative: dict[int, Callable], **row: Any) -> None:
        super().__init__(name, **row)
        self.derivative = derivative

    def reads(self, slots: list[int], n: int) -> tuple[set[int], bool]:
        return {other for slot in slots for other in range(n) if other != slot}, False

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        return self.derivative[slot](g, *operands, **attrs)

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        terms = [self(*operands[:slot], t, *operands[slot + 1:], **attrs)
                 for slot, t in enumerate(tangents) if t is not None]
        return total(terms)


class Pointwise(Differentiable):
    """Elementwise with broadcasting, or a reduction with the same kind of derivative.

    One derivative per operand: a number, or a function of (operands..., y).  A parameter whose name starts with an
    underscore is not read, so its value is not kept.
    """

    kind = "pointwise"

    def __init__(self, name: str, derivatives: tuple, **row: Any) -> None:
        super().__init__(name, **row)
        self.derivatives = derivatives
        self.read = []
        for rule in derivatives:
            names = list(inspect.signature(rule).parameters) if callable(rule) else []
            used = {slot for slot, parameter in enumerate(names) if not parameter.startswith("_")}
            self.read.append((used - {len(derivatives)}, len(derivatives) in used))

    def reads(self, slots: list[int], n: int) -> tuple[set[int], bool]:
        if len(slots) == 1:
            return self.read[slots[0]]
        return (set().union(*[self.read[slot][0] for slot in slots]),
                any(self.read[slot][1] for slot in slots))

    def factor(self, slot: int, operands: tuple, out: Any) -> Any:
        rule = self.derivatives[slot]
        return rule(*operands, out) if callable(rule) else rule

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        return scaled(g, self.factor(slot, operands, out), operands[slot])

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        terms = [fit(scaled(t, self.factor(slot, operands, out), out), out.shape)
                 for slot, t in enumerate(tangents) if t is not None]
        return total(terms)


def linear(name: str, **row: Any) -> Linear:
    """Declares a linear op: `transpose(g, *operands, **attrs)` (with `slot=` if it names that parameter)."""
    return Linear(name, **row)


def multilinear(name: str, **row: Any) -> Multilinear:
    """Declares an op that is linear in each operand: `derivative={slot: rule}`."""
    return Multilinear(name, **row)


def pointwise(name: str, *derivatives: Any, **row: Any) -> Pointwise:
    """Declares an elementwise op (or a reduction): one derivative per operand."""
    return Pointwise(name, derivatives, **row)


def constant(name: str, **row: Any) -> Op:
    """Declares an op through which no gradient passes."""
    return Op(name, **row)


# ----------------------------------------------------------------------------------------------------------------------
# What the rules are made of.  The few ops that the calculus itself needs are looked up in the table by name.


def fit(g: Any, shape: tuple[int, ...]) -> Any:
    """`g` summed over the axes that broadcasting had added or stretched, and stretched over those it lacks."""
    if g.shape == shape:
        return g
    if g.ndim < len(shape):
        g = OPS["reshape"](g, shape=(1,) * (len(shape) - g.ndim) + g.shape)
    lead = g.ndim - len(shape)
    summed = tuple([1 if want == 1 else have for have, want in zip(g.shape[lead:], shape, strict=True)])
    if lead or summed != g.shape:
        g = OPS["sum_to"](g, shape=summed)
    return g if summed == shape else OPS["expand"](g, shape=shape)


def zeros(like: Any) -> Any:
    """Zeros of the shape and dtype of `like`: one number, repeated by a zero stride."""
    zero = Value.result(Buffer.scalar(0, like.dtype.code))
    return OPS["expand"](zero, shape=like.shape)


def scaled(g: Any, factor: Any, like: Any) -> Any:
    """`g * factor`, without computing what a factor of 1, -1 or 0 makes obvious."""
    if type(factor) is int:
        if factor == 1:
            return g
        return OPS["neg"](g) if factor == -1 else zeros(like)
    return OPS["mul"](g, factor)


def total(terms: list) -> Any:
    """The sum of one or more values."""
    result = terms[0]
    for term in terms[1:]:
        result = OPS["add"](result, term)
    return result


CATEGORY: dict[type, int] = {bool: 0, int: 1, float: 2}


def promote(name: str, operands: tuple, domain: str) -> tuple:
    """The operands as values of one dtype: scalars become 0-d values, mixed dtypes are cast (which is linear).

    In the domain "float", integers and bools count as the default float dtype.
    """
    code = -1
    for x in operands:
        if not isinstance(x, Value) or code not in (-1, x.buffer.dtype):
            break
        code = x.buffer.dtype
    else:
        if domain != "float" or code >= float32.code:
            return operands
    if len(operands) == 2:
        # A tensor and a number that does not raise its category: the frequent mix, 2 us faster than the general rule.
        a, b = operands
        x, number = (a, b) if type(b) in CATEGORY else (b, a)
        if type(number) in CATEGORY and isinstance(x, Value):
            code = x.buffer.dtype
            category = DTYPES[code].category
            if category >= CATEGORY[type(number)] and (category == 2 or domain != "float"):
                value = Value.result(Buffer.scalar(number, code))
                return (x, value) if number is b else (value, x)
    operands = tuple([x if isinstance(x, Value) else scalar(name, slot, x) for slot, x in enumerate(operands)])
    dtype = result_type(*operands)
    if domain == "float" and not dtype.is_floating_point:
        dtype = get_default_dtype()
    try:
        return tuple([Value.result(Buffer.scalar(x, dtype.code)) if not isinstance(x, Value)
                      else x if x.buffer.dtype == dtype.code else OPS["cast"](x, dtype=dtype) for x in operands])
    except ValueError as error:         # a number out of the dtype's range
        raise ValueError(f"{name}: {error}") from None


def scalar(name: str, slot: int, x: Any) -> Any:
    """`x` as a Python bool, int or float; TypeError if it is no number."""
    if type(x) in (int, float, bool):
        return x
    for convert in ("__index__", "__float__"):
        if hasattr(x, convert) and not hasattr(x, "__len__"):
            return getattr(x, convert)()
    raise TypeError(f"{name}: operand {slot}: got {type(x).__name__}, expected a tensor or a number")
