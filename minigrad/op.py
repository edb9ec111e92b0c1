"""The op table: every operation the engine can differentiate is one row, and from that row follow vjp and jvp.

There are four ways to be differentiable, and one not to be:

    linear        y = A x.  Names its transpose; the vjp applies the transpose, the jvp applies the op itself.
    multilinear   y = T(x, w).  Linear in each operand alone; its derivative in one is again an op of the same family.
    pointwise     dy = D(x, y) dx with a diagonal (or, for a reduction, row-like) D, written as an expression in ops.
    fused         a kernel for a composition of rows, by whose formula it can always be differentiated (fused.py).
    constant      comparisons, indices, random draws: no gradient passes.

Every derivative is written in ops, so it can be differentiated again, to any order.  An operand of a linear or
multilinear rule that is being differentiated arrives as a Meta (shape and dtype): its numbers are not needed, hence
not kept.  The rules may return a gradient that is still broadcast: it is summed to the operand's shape in `Op.vjp`,
and nowhere else.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from minigrad.dtypes import DTYPES, PYTHON, DType, float32, get_default_dtype, result_type, scalar
from minigrad.errors import require
from minigrad.kernels import KERNELS
from minigrad.node import GRAD, Meta, Node, Value, made
from minigrad.shapes import broadcast
from minigrad_ext.buffer import Buffer, empty
from minigrad_ext.kernel import Kernel
from minigrad_ext.recorder import current

OPS: dict[str, "Op"] = {}


class Op:
    """One row.  Calling it on values checks (its shape rule), computes (its kernel) and, if wanted, records a node.

    `shape(*operands, **attrs)` gives the result's (shape, dtype) or raises the op's errors; without it `arity` operands
    broadcast, and the dtype is theirs, or the one that the row `gives`.  `compute(out, *buffers, **attrs)` fills a
    fresh buffer: if nothing else is said, by the compiled kernel of the row's name.  A view op has `view(buffer,
    **attrs)` instead of both, which checks and shares its operand's memory; where it is a `part` of that, each element
    once at most, a cotangent may be added in place of it.  `attrs` are keywords and hashable; a
    compiled kernel is not given them, but finds all it needs in the shapes.  `promotes` is "number" or "float" where
    the operands are brought to one dtype of that domain.  `example` holds the elements of operands and then of the
    result, as text: a row that has one is a public function of its name.
    """

    kind = "constant"

    def __init__(self, name: str, *, shape: Callable[..., tuple[tuple[int, ...], DType]] | None = None,
                 promotes: str = "", compute: Callable | None = None, view: Any = None, doc: str = "",
                 example: tuple[str, ...] = (), arity: int = 1, gives: DType | None = None,
                 part: bool = False) -> None:
        require(name not in OPS, "op table", "name", name, "a name that no other row has")
        self.name, self.view, self.promotes, self.example, self.doc = name, view, promotes, example, doc
        self.elementwise, self.arity, self.gives, self.part = shape is None and view is None, arity, gives, part
        self.shape = shape or (self.seen if view else lambda *operands: self.broadcast(operands))
        self.compute = compute or (KERNELS[name] if view is None else None)
        OPS[name] = self

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        return self.apply(operands, attrs)

    def apply(self, operands: tuple, attrs: dict) -> Any:
        recorder = current()
        return self.perform(operands, attrs) if recorder is None else recorder.apply(self, operands, attrs)

    def perform(self, operands: tuple, attrs: dict) -> Any:
        """The op itself, whether or not someone records what is done."""
        if self.promotes:
            operands = promote(self.name, operands, self.promotes)
        buffers = [x.buffer for x in operands]
        if self.view is not None:
            buffer = self.view(*buffers, **attrs)
        else:
            shape, dtype = self.broadcast(operands) if self.elementwise else self.shape(*operands, **attrs)
            buffer = empty(shape, dtype.code)
            if type(self.compute) is Kernel and not (attrs and self.elementwise):
                kernel = self.compute
                kernel.launch((buffer, *buffers))
            else:
                self.compute(buffer, *buffers, **attrs)     # type: ignore[misc]
        out = made(buffer)
        if GRAD.enabled:
            for x in operands:
                if x.differentiable:
                    self.record(out, operands, attrs)
                    break
        return out

    def broadcast(self, operands: tuple) -> tuple[tuple[int, ...], DType]:
        """The shape rule of elementwise rows."""
        if len(operands) != self.arity:
            raise TypeError(f"{self.name}: got {len(operands)} operands, expected {self.arity}")
        first = operands[0]
        shape = first.shape
        for x in operands:
            if x.shape != shape:
                shape = broadcast(self.name, *[x.shape for x in operands])
                break
        return shape, self.gives or first.dtype

    def seen(self, x: Any, **attrs: Any) -> tuple[tuple[int, ...], DType]:
        """The shape rule of a view: what it makes of one number, repeated by zero strides."""
        return self.view(Buffer.scalar(0, x.dtype.code).expand(x.shape), **attrs).shape, x.dtype

    def record(self, out: Value, operands: tuple, attrs: dict) -> None:
        """Gives `out` its node.  Constant ops have none."""

    def vjp(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        """The cotangent of operand `slot`, summed to its shape if the op had broadcast it."""
        return fit(self.pull(slot, g, operands, out, attrs), operands[slot].shape)

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        """The transposed derivative in one operand, applied to a cotangent."""
        raise TypeError(f"{self.name} is not differentiable")

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        """The tangent of the result; a None among the tangents is zero."""
        raise TypeError(f"{self.name} is not differentiable")

    def __repr__(self) -> str:
        return f"<{self.kind} op {self.name}>"


class Differentiable(Op):
    """What the kinds with a derivative share: recording a node that keeps only what the derivative will read."""

    def __init__(self, name: str, *derivatives: Any, **row: Any) -> None:
        super().__init__(name, **row)
        self.derivatives = derivatives
        self.reading: dict[tuple, tuple] = {}       # what `reads` has said, by the operands that are differentiable

    def reads(self, slots: list[int], n: int) -> tuple[Any, bool]:
        """Which operands, and whether the result, the derivative in `slots` of `n` operands reads."""
        raise TypeError(f"{self.name} does not say what it reads")

    def record(self, out: Value, operands: tuple, attrs: dict) -> None:
        dtype = out.dtype
        if not dtype.is_floating_point:
            return                      # cast to integers or bools: no gradient passes
        wanted = tuple([x.differentiable for x in operands])
        known = self.reading.get(wanted)
        if known is None:
            known = self.reading[wanted] = self.reads([j for j, want in enumerate(wanted) if want], len(wanted))
        reads, reads_output = known
        parents = tuple([(x if x.node is None else x.node) if x.differentiable else None for x in operands])
        kept = tuple([x if slot in reads else Meta(x.shape, x.dtype) for slot, x in enumerate(operands)])
        out.node = Node(self, attrs, parents, kept, out.buffer if reads_output else None, Meta(out.shape, dtype))
        out.differentiable = True


class Linear(Differentiable):
    """Linear in all operands jointly but those in `constants` (an index, a mask), which are read as they are."""

    kind = "linear"

    def __init__(self, name: str, *, transpose: Callable, constants: tuple[int, ...] = (), **row: Any) -> None:
        super().__init__(name, **row)
        self.transpose, self.constants = transpose, frozenset(constants)
        self.takes_slot = "slot" in inspect.signature(transpose).parameters

    def reads(self, slots: list[int], n: int) -> tuple[Any, bool]:
        return self.constants, False

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        return self.transpose(g, *operands, **({"slot": slot} if self.takes_slot else {}), **attrs)

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        return self(*[x if slot in self.constants else zeros(x) if t is None else t
                      for slot, (t, x) in enumerate(zip(tangents, operands, strict=True))], **attrs)


class Multilinear(Differentiable):
    """Linear in each operand alone: `derivatives[slot](g, *operands, **attrs)` is the transpose in that operand."""

    kind = "multilinear"

    def reads(self, slots: list[int], n: int) -> tuple[Any, bool]:
        return {other for slot in slots for other in range(n) if other != slot}, False

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        return self.derivatives[slot](g, *operands, **attrs)

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        return total([self(*operands[:slot], t, *operands[slot + 1:], **attrs)
                      for slot, t in enumerate(tangents) if t is not None])


class Pointwise(Differentiable):
    """Elementwise with broadcasting, or a reduction with the same kind of derivative.

    One derivative per operand: a number, or a function of (operands..., y).  A parameter whose name starts with an
    underscore is not read, so its value is not kept.
    """

    kind = "pointwise"

    def reads(self, slots: list[int], n: int) -> tuple[Any, bool]:
        read: set[int] = set()
        for rule in [self.derivatives[slot] for slot in slots if callable(self.derivatives[slot])]:
            names = inspect.signature(rule).parameters
            read |= {slot for slot, name in enumerate(names) if not name.startswith("_")}
        return read - {n}, n in read

    def scaled(self, g: Any, slot: int, operands: tuple, out: Any, like: Any) -> Any:
        """`g` times a derivative, without computing what a factor of 1, -1 or 0 makes obvious."""
        rule = self.derivatives[slot]
        if rule == 1:
            return g
        if type(rule) is int:
            return OPS["neg"](g) if rule == -1 else zeros(like)
        return OPS["mul"](g, rule(*operands, out))

    def pull(self, slot: int, g: Any, operands: tuple, out: Any, attrs: dict) -> Any:
        return self.scaled(g, slot, operands, out, operands[slot])

    def jvp(self, tangents: list, operands: tuple, out: Any, attrs: dict) -> Any:
        return total([fit(self.scaled(t, slot, operands, out, out), out.shape)
                      for slot, t in enumerate(tangents) if t is not None])


# How a row is declared:
#   linear(name, transpose=rule, ...)              transpose(g, *operands, **attrs), with `slot=` if it names that
#   multilinear(name, *derivatives, ...)           one rule for each operand: derivative(g, *operands, **attrs)
#   pointwise(name, *derivatives, ...)             one for each operand: a number, or derivative(*operands, result)
#   constant(name, ...)                            no gradient passes
linear, multilinear, pointwise, constant = Linear, Multilinear, Pointwise, Op

# ----------------------------------------------------------------------------------------------------------------------
# What the rules are made of.  The few ops that the calculus itself needs are looked up in the table by name.


def fit(g: Any, shape: tuple[int, ...]) -> Any:
    """`g` stretched over the axes it lacks, and summed over those that broadcasting had added or stretched."""
    if g.shape == shape:
        return g
    stretched = broadcast("derivative", g.shape, shape)
    g = g if stretched == g.shape else OPS["expand"](g, shape=stretched)
    return g if stretched == shape else OPS["sum_to"](g, shape=shape)


def zeros(like: Any) -> Any:
    """Zeros of the shape and dtype of `like`: one number, repeated by a zero stride."""
    return OPS["expand"](made(Buffer.scalar(0, like.dtype.code)), shape=like.shape)


def total(terms: list) -> Any:
    """The sum of one or more values."""
    return functools.reduce(OPS["add"], terms)


def promote(name: str, operands: tuple, domain: str) -> tuple:
    """The operands as values of one dtype: scalars become 0-d values, mixed dtypes are cast (which is linear).

    In the domain "float", integers and bools count as the default float dtype.
    """
    code = -1
    for x in operands:
        if not isinstance(x, Value):
            break
        other = x.buffer.dtype
        if code != other and code != -1:
            break
        code = other
    else:
        if domain != "float" or code >= float32.code:
            return operands
    if len(operands) == 2:
        # A tensor and a number that does not raise its category: the frequent mix, 2 us faster than the general rule.
        a, b = operands
        x, number = (a, b) if type(b) in PYTHON else (b, a)
        if type(number) in PYTHON and isinstance(x, Value):
            category = DTYPES[x.buffer.dtype].category
            if category >= PYTHON[type(number)].category and (category == 2 or domain != "float"):
                value = made(Buffer.scalar(number, x.buffer.dtype))
                return (x, value) if number is b else (value, x)
    operands = tuple([x if isinstance(x, Value) else scalar(name, slot, x) for slot, x in enumerate(operands)])
    dtype = result_type(*operands)
    dtype = get_default_dtype() if domain == "float" and not dtype.is_floating_point else dtype
    try:
        return tuple([made(Buffer.scalar(x, dtype.code)) if not isinstance(x, Value)
                      else x if x.buffer.dtype == dtype.code else OPS["cast"](x, dtype=dtype) for x in operands])
    except ValueError as error:         # a number out of the dtype's range
        raise ValueError(f"{name}: {error}") from None
