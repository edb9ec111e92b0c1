"""Changing tensors in place: methods with an underscore, and assignment.

In-place work is never recorded, so it is refused where it would have to be: on a tensor, or with an operand, that
requires a gradient, unless under `no_grad`.  Values that a recorded derivative needs notice the change by the version
that each memory counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minigrad import functions
from minigrad.autograd import no_grad
from minigrad.functions import indexing
from minigrad.functions.random import draw
from minigrad.kernels import KERNELS
from minigrad.node import GRAD, Value
from minigrad.op import promote
from minigrad.ops import math as rows_math
from minigrad.random import Generator
from minigrad.shapes import broadcast
from minigrad_ext.buffer import Buffer

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

# Rows of the op table that have a method of their name with an underscore.
ROWS = ("neg", "abs", "sign", "square", "relu", "floor", "ceil", "round", "trunc", "exp", "exp2", "expm1", "log",
        "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
        "cosh", "tanh", "asinh", "acosh", "atanh", "sigmoid", "erf", "erfc", "logical_not", "bitwise_not", "mul",
        "maximum", "minimum", "floor_divide", "remainder", "fmod", "logical_and", "logical_or", "bitwise_and",
        "bitwise_or", "bitwise_xor", "logical_xor", "bitwise_left_shift", "bitwise_right_shift", "atan2")


class InPlace(Value):
    """The methods of a tensor that change its memory."""

    __slots__ = ()

    def _guard(self, op: str, *others: Any) -> None:
        """RuntimeError if changing this tensor now would have to be recorded: in-place work never is."""
        if not GRAD.enabled:
            return
        if self.differentiable:
            raise RuntimeError(f"{op}: the tensor requires a gradient, so it cannot be changed in place where "
                               "gradients are recorded; do it under no_grad, or use the form that returns a new tensor")
        for other in others:
            if isinstance(other, Value) and other.differentiable:
                raise RuntimeError(f"{op}: an operand requires a gradient, which changing a tensor in place would "
                                   "lose; do it under no_grad, or use the form that returns a new tensor")

    def _assign(self, op: str, value: Tensor) -> Tensor:
        """Puts a computed value into this tensor's memory, if dtype and shape allow."""
        if value.dtype.category > self.dtype.category:
            raise TypeError(f"{op}: the result is {value.dtype.name}, which cannot be stored in {self.dtype.name}")
        if broadcast(op, value.shape, self.shape) != self.shape:
            raise ValueError(f"{op}: the result has shape {value.shape}, which does not fit in place of {self.shape}")
        kernel = "copy" if value.dtype is self.dtype else f"cast_{self.dtype.name}"
        KERNELS[kernel](self.buffer, value.buffer.expand(self.shape))
        self.buffer.bump()
        return self         # type: ignore[return-value]

    def _in_place(self, op: str, *operands: Any) -> Tensor:
        """The row `op` with this tensor as its first operand, written straight into this memory where that is safe."""
        self._guard(f"{op}_", *operands)
        row = getattr(rows_math, op)
        with no_grad():
            values = promote(op, (self, *operands), row.promotes)
            shape, dtype = row.shape(*values)
            direct = dtype is self.dtype and shape == self.shape and not any(
                x.buffer.overlaps(self.buffer) and not x.buffer.same_view(self.buffer) for x in values)
            if not direct:
                return self._assign(f"{op}_", row(*values))
            row.compute(self.buffer, *[x.buffer for x in values])
            self.buffer.bump()
        return self         # type: ignore[return-value]

    def _computed(self, op: str, function: Callable, *operands: Any, **kwargs: Any) -> Tensor:
        """What `function` gives for this tensor, computed beside it and then put into its memory."""
        self._guard(op, *operands)
        with no_grad():
            return self._assign(op, function(self, *operands, **kwargs))

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """self += alpha * other"""
        return self._in_place("add", other) if alpha == 1 else self._computed("add_", functions.add, other, alpha=alpha)

    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """self -= alpha * other"""
        return self._in_place("sub", other) if alpha == 1 else self._computed("sub_", functions.sub, other, alpha=alpha)

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """self /= other, rounded as `minigrad.div` does; integers can take a rounded quotient only."""
        if rounding_mode is None:
            return self._in_place("div", other)
        return self._computed("div_", functions.div, other, rounding_mode=rounding_mode)

    def pow_(self, exponent: Any) -> Tensor:
        """self **= exponent"""
        return self._computed("pow_", functions.pow, exponent)

    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        """Brings every element into [min, max]."""
        return self._computed("clamp_", functions.clamp, min, max)

    def addcmul_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """self += value * tensor1 * tensor2"""
        return self._computed("addcmul_", functions.addcmul, tensor1, tensor2, value=value)

    def addcdiv_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """self += value * tensor1 / tensor2"""
        return self._computed("addcdiv_", functions.addcdiv, tensor1, tensor2, value=value)

    def lerp_(self, end: Tensor, weight: Any) -> Tensor:
        """self += weight * (end - self)"""
        return self._computed("lerp_", functions.lerp, end, weight)

    def copy_(self, src: Any) -> Tensor:
        """Takes over the elements of `src`, broadcast and cast."""
        self._guard("copy_", src)
        with no_grad():
            indexing.setitem(self, Ellipsis, src)
        return self         # type: ignore[return-value]

    def fill_(self, value: Any) -> Tensor:
        """Puts `value` everywhere."""
        if not isinstance(value, Value):
            value = functions.full((), value, dtype=self.dtype)
        if value.ndim:
            raise ValueError(f"fill_: value: got shape {value.shape}, expected a number or a 0-d tensor")
        return self.copy_(value)

    def zero_(self) -> Tensor:
        """Puts 0 everywhere."""
        return self.fill_(0)

    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        """Puts `value` where the mask is set."""
        return self._computed("masked_fill_", functions.masked_fill, mask, value)

    def scatter_add_(self, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """Adds `src` at the positions `index` along an axis."""
        return self._computed("scatter_add_", functions.scatter_add, dim, index, src)

    def _drawn(self, op: str, kernel: str, generator: Generator | None, scale: float, shift: float) -> Tensor:
        """Random numbers times `scale` plus `shift`, into this memory."""
        self._guard(op)
        if not self.dtype.is_floating_point:
            raise TypeError(f"{op}: got dtype {self.dtype.name}, expected float32 or float64")
        with no_grad():
            value = Value.result(draw(kernel, Buffer.empty(self.shape, self.dtype.code), generator))
            return self._assign(op, value * scale + shift)

    def uniform_(self, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None,
                 **bounds: float) -> Tensor:
        """Uniform numbers in [from, to)."""
        low = bounds.pop("from", from_)
        if bounds:
            raise TypeError(f"uniform_: got unexpected {sorted(bounds)}")
        if not low <= to:
            raise ValueError(f"uniform_: from and to: got {low} and {to}, expected from <= to")
        return self._drawn("uniform_", "uniform", generator, to - low, low)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Normal numbers."""
        if not std >= 0:
            raise ValueError(f"normal_: std: got {std}, expected 0 or more")
        return self._drawn("normal_", "normal", generator, std, mean)

    def bernoulli_(self, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
        """1 with probability p, else 0."""
        return self._computed("bernoulli_", functions.bernoulli, p, generator=generator)

    def random_(self, from_: int = 0, to: int | None = None, *, generator: Generator | None = None) -> Tensor:
        """Integers from `from_` up to but without `to`."""
        self._guard("random_")
        low, high = (0, from_) if to is None and from_ else (from_, to)
        with no_grad():
            return self._assign("random_", functions.randint(low, high if high is not None else 2 ** 24, self.shape,
                                                             generator=generator, dtype=self.dtype))

    def __setitem__(self, key: Any, value: Any) -> None:
        self._guard("assignment", value)
        with no_grad():
            indexing.setitem(self, key, value)


def _row_method(name: str) -> Callable:
    def unary(self: Any) -> Any:
        return self._in_place(name)

    def binary(self: Any, other: Any) -> Any:
        return self._in_place(name, other)

    function = getattr(functions, name)
    method = unary if getattr(function, "__wrapped__", function).__code__.co_argcount == 1 else binary
    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"`{name}`, written into this tensor's memory."
    return method


for _name in ROWS:
    setattr(InPlace, f"{_name}_", _row_method(_name))
