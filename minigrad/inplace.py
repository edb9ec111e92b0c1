"""Changing tensors in place: methods with an underscore, and assignment.

In-place work is never recorded, so it is refused where it would have to be: on a tensor, or with an operand, that
requires a gradient, unless under `no_grad`.  (`x += y` makes a new tensor there, to which the name x passes.)  Values
that a recorded derivative needs notice the change by the version that each memory counts.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from minigrad import functions
from minigrad.autograd import no_grad
from minigrad.dtypes import FLOATS, check_dtype
from minigrad.errors import require
from minigrad.functions import index
from minigrad.functions.create import copy_into
from minigrad.functions.math import ROWS as ELEMENTWISE
from minigrad.functions.random import draw
from minigrad.functions.signature import named
from minigrad.node import GRAD, Value
from minigrad.op import OPS, promote
from minigrad.random import Generator
from minigrad.shapes import broadcast
from minigrad_ext.buffer import Buffer

# What has a method of its name with an underscore: rows of the op table (but tests), and functions composed of some.
TESTS = {"eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "isfinite"}
ROWS = tuple([name for name in ("add", "sub", "div", *ELEMENTWISE) if name not in TESTS])
COMPOSED = ("pow", "clamp", "addcmul", "addcdiv", "lerp", "masked_fill", "scatter", "scatter_add")


class InPlace(Value):
    """The methods of a tensor that change its memory."""

    __slots__ = ()

    def _guard(self, op: str, *others: Any) -> None:
        """RuntimeError if changing this tensor now would have to be recorded: in-place work never is."""
        if GRAD.enabled:
            for slot, x in enumerate((self, *others)):
                if isinstance(x, Value) and x.differentiable:
                    raise RuntimeError(f"{op}: {f'operand {slot}' if slot else 'the tensor'} requires a gradient, so "
                                       "this cannot be done in place where gradients are recorded; do it under "
                                       "no_grad, or use the form that returns a new tensor")

    def _fits(self, op: str, value: Value) -> None:
        """TypeError or ValueError for a value that this tensor cannot hold."""
        if value.dtype.category > self.dtype.category:
            raise TypeError(f"{op}: the result is {value.dtype.name}, which cannot be stored in {self.dtype.name}")
        if broadcast(op, value.shape, self.shape) != self.shape:
            raise ValueError(f"{op}: the result has shape {value.shape}, which does not fit in place of {self.shape}")

    def _assign(self, op: str, value: Value) -> Any:
        """Puts a computed value into this tensor's memory, if dtype and shape allow."""
        self._fits(op, value)
        copy_into(self.buffer, value.buffer)
        self.buffer.bump()
        return self

    def _computed(self, op: str, function: Callable, *operands: Any, **kwargs: Any) -> Any:
        """What `function` gives for this tensor, computed beside it and then put into its memory."""
        self._guard(op, *operands, *kwargs.values())
        with no_grad():
            return self._assign(op, function(self, *operands, **kwargs))

    def _applied(self, name: str, *operands: Any) -> Any:
        """A row with this tensor as its first operand, written straight into this memory where that is safe."""
        self._guard(f"{name}_", *operands)
        row = OPS[name]
        with no_grad():
            values = promote(name, (self, *operands), row.promotes)
            direct = row.shape(*values) == (self.shape, self.dtype) and not any(
                x.buffer.overlaps(self.buffer) and not x.buffer.same_view(self.buffer) for x in values)
            if not direct:
                return self._assign(f"{name}_", row(*values))
            row.compute(self.buffer, *[x.buffer for x in values])           # type: ignore[misc]
            self.buffer.bump()
        return self

    def copy_(self, src: Any) -> Any:
        """Takes over the elements of `src`, broadcast and cast."""
        self._guard("copy_", src)
        self[...] = src
        return self

    def fill_(self, value: Any) -> Any:
        """Puts `value` everywhere."""
        value = value if isinstance(value, Value) else functions.full((), value, dtype=self.dtype)
        require(not value.ndim, "fill_", "value", f"shape {value.shape}", "a number or a 0-d tensor")
        return self.copy_(value)

    def zero_(self) -> Any:
        """Puts 0 everywhere."""
        return self.fill_(0)

    def _drawn(self, op: str, kernel: str, generator: Generator | None, scale: float, shift: float) -> Any:
        """Random numbers times `scale` plus `shift`, into this memory."""
        check_dtype(op, "input", self.dtype, *FLOATS)
        return self._computed(op, lambda _: Value.result(
            draw(kernel, Buffer.empty(self.shape, self.dtype.code), generator)) * scale + shift)

    def uniform_(self, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None,
                 **bounds: float) -> Any:
        """Uniform numbers in [from, to)."""
        low = bounds.pop("from", from_)
        require(not bounds, "uniform_", "arguments", sorted(bounds), "from and to", TypeError)
        require(low <= to, "uniform_", "from and to", f"{low} and {to}", "from <= to")
        return self._drawn("uniform_", "uniform", generator, to - low, low)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Any:
        """Normal numbers."""
        require(std >= 0, "normal_", "std", std, "0 or more")
        return self._drawn("normal_", "normal", generator, std, mean)

    def bernoulli_(self, p: float = 0.5, *, generator: Generator | None = None) -> Any:
        """1 with probability p, else 0."""
        return self._computed("bernoulli_", functions.bernoulli, p, generator=generator)

    def random_(self, from_: int = 0, to: int | None = None, *, generator: Generator | None = None) -> Any:
        """Integers from `from_` up to but without `to`."""
        low, high = (0, from_ or 2 ** 24) if to is None else (from_, to)
        return self._computed("random_", lambda _: functions.randint(low, high, self.shape, generator=generator,
                                                                     dtype=self.dtype))

    def __setitem__(self, key: Any, value: Any) -> None:
        self._guard("assignment", value)
        with no_grad():
            index.setitem(self, key, value)


def _method(name: str) -> Callable:
    function = getattr(functions, name)
    plain = getattr(function, "__wrapped__", function)
    others = plain.__code__.co_argcount - 1 if name in ROWS else -1     # of a row

    def method(self: Any, *operands: Any, **kwargs: Any) -> Any:
        if len(operands) == others and not kwargs:
            return self._applied(name, *operands)
        return self._computed(f"{name}_", function, *operands, **kwargs)

    about = (plain.__doc__ or "").partition("\n")[0]
    return named(method, f"{name}_", f"`{name}`, written into this tensor's memory: {about}", partial(plain, None))


for _name in (*ROWS, *COMPOSED):
    setattr(InPlace, f"{_name}_", _method(_name))
