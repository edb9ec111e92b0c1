"""Tensor: what a user holds.  A Value with PyTorch's methods and operators.

The methods are the functions of `minigrad.functions`, bound here by name; only what is a tensor's alone (its memory,
its place in the graph, changing it in place) is written out.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

from minigrad import dtypes, functions
from minigrad.autograd import backward, no_grad
from minigrad.dtypes import DType, as_dtype
from minigrad.functions import indexing
from minigrad.functions.create import check_device
from minigrad.functions.random import draw
from minigrad.kernels import KERNELS
from minigrad.node import GRAD, Value
from minigrad.op import promote
from minigrad.ops import math as rows_math
from minigrad.ops import view as rows_view
from minigrad.printing import describe
from minigrad.random import Generator
from minigrad.shapes import axis_of, broadcast
from minigrad_ext.buffer import Buffer

__all__ = ["Handle", "Tensor"]


class Handle:
    """What registering a hook returns: `remove()` takes the hook away."""

    def __init__(self, hooks: dict[int, Callable], key: int) -> None:
        self.hooks, self.key = hooks, key

    def remove(self) -> None:
        """Takes the hook away; a second call does nothing."""
        self.hooks.pop(self.key, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Tensor(Value):
    """Numbers with axes, and the graph that made them.

    Made by `minigrad.tensor` and its relatives.  Memory is shared both ways with `memoryview(t)`,
    `numpy.asarray(t)` and DLPack; a tensor that requires a gradient is exported read-only.

    >>> import minigrad
    >>> x = minigrad.tensor([1., 2., 3.], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """

    __slots__ = ("__dict__",)
    __hash__ = object.__hash__

    # Memory ---------------------------------------------------------------------------------------------------------

    @property
    def is_leaf(self) -> bool:
        """Whether no op recorded in a graph made this tensor."""
        return self.node is None

    @property
    def device(self) -> str:
        """Always "cpu"."""
        return "cpu"

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.buffer.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.buffer.size * self.buffer.itemsize

    @property
    def data(self) -> Tensor:
        """The same memory without the graph."""
        return self.detach()

    @data.setter
    def data(self, other: Tensor) -> None:
        if self.node is not None:
            raise RuntimeError("data: only a leaf's memory can be replaced; this tensor was made by "
                               f"{self.node.op.name}")
        self.buffer = other.buffer

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return rows_view.permute(self, axes=tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return functions.transpose(self, -2, -1)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one axis."""
        return self.shape if dim is None else self.shape[axis_of("size", dim, self.ndim)]

    def stride(self, dim: int | None = None) -> Any:
        """The distance in elements between neighbours along each axis, or along one."""
        return self.buffer.strides if dim is None else self.buffer.strides[dim]

    def dim(self) -> int:
        """The number of axes."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self.buffer.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.buffer.itemsize

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self.buffer.data_ptr

    def storage_offset(self) -> int:
        """How many elements of its memory lie before the first one."""
        return self.buffer.offset

    def is_contiguous(self) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        return self.buffer.is_contiguous()

    def is_floating_point(self) -> bool:
        """Whether the dtype is float32 or float64."""
        return self.dtype.is_floating_point

    def item(self) -> Any:
        """The only element, as a Python number; ValueError if there is not exactly one."""
        if self.buffer.size != 1:
            raise ValueError(f"item: got shape {self.shape}, expected exactly one element; use tolist")
        return self.buffer.item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers (a number for a 0-d tensor)."""
        return self.buffer.tolist()

    def numpy(self) -> Any:
        """A NumPy array that shares this memory; NumPy is imported here and must be installed."""
        if self.differentiable:
            raise RuntimeError("numpy: the tensor requires a gradient; use detach().numpy()")
        import numpy
        return numpy.asarray(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy
        array = numpy.frombuffer(memoryview(self), dtype=self._numpy_name).reshape(self.shape) \
            if self.buffer.is_contiguous() and self.buffer.size else numpy.array(self.tolist(), dtype=self._numpy_name)
        return array if dtype is None else array.astype(dtype)

    @property
    def _numpy_name(self) -> str:
        return self.dtype.name

    # Graph ----------------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients with respect to this tensor are wanted; can be set on leaves of a float dtype."""
        return self.differentiable

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Sets `requires_grad` in place."""
        if self.node is not None and not requires_grad:
            raise RuntimeError(f"requires_grad: this tensor was made by {self.node.op.name}, so it cannot be turned "
                               "off here; use detach()")
        if requires_grad and not self.dtype.is_floating_point:
            raise TypeError(f"requires_grad: got dtype {self.dtype.name}, expected float32 or float64")
        self.differentiable = bool(requires_grad)
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has accumulated, or None."""
        return self.grad_slot                                      # type: ignore[return-value]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: got {type(value).__name__}, expected a tensor or None")
            if value.shape != self.shape:
                raise ValueError(f"grad: got shape {value.shape}, expected {self.shape}")
            if value.dtype is not self.dtype:
                raise TypeError(f"grad: got dtype {value.dtype.name}, expected {self.dtype.name}")
        self.grad_slot = value

    @property
    def grad_fn(self) -> Any:
        """The node that made this tensor, or None for a leaf."""
        return self.node

    def backward(self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False,
                 inputs: Any = None) -> None:
        """Adds the gradient of this tensor to the `.grad` of every leaf behind it.

        `gradient` weighs the elements and may be left out for a single one.  The graph is freed on the way unless
        `retain_graph`; with `create_graph` the gradients can be differentiated again.
        """
        backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same memory as a leaf outside the graph."""
        return Tensor(self.buffer)

    def detach_(self) -> Tensor:
        """Leaves the graph in place."""
        self.node, self.differentiable = None, False
        return self

    def retain_grad(self) -> None:
        """Makes `backward` keep this tensor's gradient in `.grad`, though it is no leaf."""
        if not self.differentiable:
            raise RuntimeError("retain_grad: the tensor does not require a gradient")
        if self.node is None or self.__dict__.get("retains_grad"):
            return
        self.retains_grad = True
        keeper = weakref.ref(self)

        def keep(g: Tensor) -> None:
            tensor = keeper()
            if tensor is not None:
                tensor.grad_slot = g if tensor.grad_slot is None else tensor.grad_slot + g     # type: ignore
        self._add_hook(keep)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Handle:
        """Calls `hook(gradient)` when this tensor's gradient is complete; what it returns replaces the gradient."""
        if not self.differentiable:
            raise RuntimeError("register_hook: the tensor does not require a gradient")
        if not callable(hook):
            raise TypeError(f"register_hook: hook: got {type(hook).__name__}, expected a function")
        return self._add_hook(hook)

    def _add_hook(self, hook: Callable) -> Handle:
        owner: Any = self if self.node is None else self.node
        if owner.hooks is None:
            owner.hooks = {}
        key = max(owner.hooks, default=-1) + 1
        owner.hooks[key] = hook
        return Handle(owner.hooks, key)

    # Conversion -----------------------------------------------------------------------------------------------------

    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, **_ignored: Any) -> Tensor:
        """In another dtype (or that of another tensor); the device "cpu" is accepted and changes nothing."""
        for arg in args:
            if isinstance(arg, Tensor):
                dtype = arg.dtype
            elif isinstance(arg, DType) or arg in (bool, int, float):
                dtype = arg
            elif not isinstance(arg, bool):
                device = arg
        check_device("to", device)
        result = self if dtype is None else functions.cast(self, as_dtype(dtype, "to"))
        return result.clone() if copy and result is self else result

    def type(self, dtype: Any = None) -> Any:
        """In another dtype; without one, its name."""
        return repr(self.dtype) if dtype is None else self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype of another tensor."""
        return functions.cast(self, other.dtype)

    def cpu(self) -> Tensor:
        """The tensor itself."""
        return self

    def float(self) -> Tensor:
        """As float32."""
        return functions.cast(self, dtypes.float32)

    def double(self) -> Tensor:
        """As float64."""
        return functions.cast(self, dtypes.float64)

    def int(self) -> Tensor:
        """As int32."""
        return functions.cast(self, dtypes.int32)

    def long(self) -> Tensor:
        """As int64."""
        return functions.cast(self, dtypes.int64)

    def byte(self) -> Tensor:
        """As uint8."""
        return functions.cast(self, dtypes.uint8)

    def bool(self) -> Tensor:
        """As bool: whether an element is not zero."""
        return functions.cast(self, dtypes.bool)

    def new_tensor(self, data: Any, **kwargs: Any) -> Tensor:
        """A copy of `data` in this tensor's dtype."""
        return functions.tensor(data, **{"dtype": self.dtype, **kwargs})

    def new_zeros(self, *size: Any, **kwargs: Any) -> Tensor:
        """Zeros in this tensor's dtype."""
        return functions.zeros(*size, **{"dtype": self.dtype, **kwargs})

    def new_ones(self, *size: Any, **kwargs: Any) -> Tensor:
        """Ones in this tensor's dtype."""
        return functions.ones(*size, **{"dtype": self.dtype, **kwargs})

    def new_full(self, size: Any, fill_value: Any, **kwargs: Any) -> Tensor:
        """`fill_value` everywhere, in this tensor's dtype."""
        return functions.full(size, fill_value, **{"dtype": self.dtype, **kwargs})

    def new_empty(self, *size: Any, **kwargs: Any) -> Tensor:
        """Uninitialised memory in this tensor's dtype."""
        return functions.empty(*size, **{"dtype": self.dtype, **kwargs})

    # In place -------------------------------------------------------------------------------------------------------

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
        return self

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
        return self

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """self += alpha * other"""
        return self._in_place("add", other if alpha == 1 else other * alpha)

    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """self -= alpha * other"""
        return self._in_place("sub", other if alpha == 1 else other * alpha)

    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        """Brings every element into [min, max]."""
        self._guard("clamp_", min, max)
        with no_grad():
            return self._assign("clamp_", functions.clamp(self, min, max))

    def addcmul_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """self += value * tensor1 * tensor2"""
        return self.add_(tensor1 * tensor2, alpha=value)

    def addcdiv_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """self += value * tensor1 / tensor2"""
        return self.add_(tensor1 / tensor2, alpha=value)

    def lerp_(self, end: Tensor, weight: Any) -> Tensor:
        """self += weight * (end - self)"""
        self._guard("lerp_", end, weight)
        with no_grad():
            return self._assign("lerp_", functions.lerp(self, end, weight))

    def copy_(self, src: Any) -> Tensor:
        """Takes over the elements of `src`, broadcast and cast."""
        self._guard("copy_", src)
        with no_grad():
            indexing.setitem(self, Ellipsis, src)
        return self

    def fill_(self, value: Any) -> Tensor:
        """Puts `value` everywhere."""
        return self.copy_(functions.full((), value, dtype=self.dtype) if not isinstance(value, Tensor) else value)

    def zero_(self) -> Tensor:
        """Puts 0 everywhere."""
        return self.fill_(0)

    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        """Puts `value` where the mask is set."""
        self._guard("masked_fill_", value)
        with no_grad():
            return self._assign("masked_fill_", functions.masked_fill(self, mask, value))

    def scatter_add_(self, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """Adds `src` at the positions `index` along an axis."""
        self._guard("scatter_add_", src)
        with no_grad():
            return self._assign("scatter_add_", functions.scatter_add(self, dim, index, src))

    def _drawn(self, op: str, kernel: str, generator: Generator | None, scale: float, shift: float) -> Tensor:
        """Random numbers times `scale` plus `shift`, into this memory."""
        self._guard(op)
        if not self.dtype.is_floating_point:
            raise TypeError(f"{op}: got dtype {self.dtype.name}, expected float32 or float64")
        with no_grad():
            value = Tensor(draw(kernel, Buffer.empty(self.shape, self.dtype.code), generator))
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
        self._guard("bernoulli_")
        with no_grad():
            return self._assign("bernoulli_", functions.bernoulli(self, p, generator=generator))

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

    # Python's protocols ---------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Tensor:
        return indexing.getitem(self, key)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len: got a 0-d tensor, expected at least one axis")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("iteration: got a 0-d tensor, expected at least one axis")
        return iter(functions.unbind(self))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any().item())

    def __bool__(self) -> bool:
        if self.buffer.size != 1:
            raise ValueError(f"bool: got shape {self.shape}, expected exactly one element; use any() or all()")
        return bool(self.buffer.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.is_floating_point or self.buffer.size != 1:
            raise TypeError(f"index: got {self.dtype.name} of shape {self.shape}, expected one integer")
        return int(self.item())

    def __repr__(self) -> str:
        return describe(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __copy__(self) -> Tensor:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict) -> Tensor:
        if self.node is not None:
            raise RuntimeError(f"deepcopy: only leaves can be copied; this tensor was made by {self.node.op.name}; "
                               "use clone() or detach()")
        with no_grad():
            twin = type(self).__new__(type(self))
            Value.__init__(twin, functions.clone(self).buffer)
        twin.differentiable = self.differentiable
        memo[id(self)] = twin
        if self.grad_slot is not None:
            twin.grad_slot = self.grad_slot.detach().clone()       # type: ignore[attr-defined]
        twin.__dict__.update(self.__dict__)
        return twin

    def __reduce__(self) -> tuple:
        if self.node is not None:
            raise RuntimeError(f"pickle: only leaves can be pickled; this tensor was made by {self.node.op.name}")
        return _rebuilt, (type(self), self.buffer, self.differentiable)


def _rebuilt(kind: type, buffer: Buffer, differentiable: bool) -> Tensor:
    made = kind.__new__(kind)
    Value.__init__(made, buffer)
    made.differentiable = differentiable
    return made


Value.result = Tensor

# Every function whose first argument is a tensor is a method as well.
NOT_METHODS = {"arange", "as_tensor", "broadcast_tensors", "cat", "concat", "concatenate", "cast", "empty",
               "empty_like", "eye", "from_dlpack", "from_numpy", "frombuffer", "full", "full_like", "linspace",
               "normal", "one_hot", "ones", "ones_like", "pad", "rand", "rand_like", "randint", "randint_like", "randn",
               "randn_like", "randperm", "rsub", "stack", "tensor", "where", "zeros", "zeros_like", "Extreme", "view"}

for _name in functions.__all__:
    if _name not in NOT_METHODS:
        setattr(Tensor, _name, getattr(functions, _name))


def view(self: Tensor, *shape: Any) -> Tensor:
    """The same memory under another shape, or the same numbers in another dtype; see `minigrad.view`."""
    if len(shape) == 1 and isinstance(shape[0], DType):
        raise TypeError("view: dtype: reading memory as another dtype is not supported; use to(dtype)")
    return functions.view(self, *shape)


def where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """This tensor where the condition is set, else `other`."""
    return functions.where(condition, self, other)


Tensor.view, Tensor.where = view, where                            # type: ignore[attr-defined]

IN_PLACE = ("neg abs sign square relu floor ceil round trunc exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal "
            "sin cos tan asin acos atan sinh cosh tanh sigmoid erf erfc logical_not bitwise_not mul div pow maximum "
            "minimum floor_divide remainder fmod logical_and logical_or bitwise_and bitwise_or bitwise_xor").split()


def _in_place_method(name: str) -> Callable:
    def method(self: Tensor, *operands: Any) -> Tensor:
        return self._in_place(name, *operands)
    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"`{name}`, written into this tensor's memory."
    return method


for _name in IN_PLACE:
    setattr(Tensor, f"{_name}_", _in_place_method(_name))


def _operator(function: Callable, swapped: bool = False) -> Callable:
    """A binary operator: numbers and tensors are taken, anything else is left to the other operand."""
    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Value, int, float)) and not hasattr(other, "__float__"):
            return NotImplemented
        return function(other, self) if swapped else function(self, other)
    return operator


_OPERATORS = {"add": functions.add, "sub": functions.sub, "mul": functions.mul, "truediv": functions.div,
              "floordiv": functions.floor_divide, "mod": functions.remainder, "pow": functions.pow,
              "matmul": functions.matmul, "and": functions.bitwise_and, "or": functions.bitwise_or,
              "xor": functions.bitwise_xor, "lshift": functions.bitwise_left_shift,
              "rshift": functions.bitwise_right_shift}
for _name, _function in _OPERATORS.items():
    setattr(Tensor, f"__{_name}__", _operator(_function))
    setattr(Tensor, f"__r{_name}__", _operator(_function, swapped=True))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _operator(getattr(functions, _name)))
for _name, _method in {"iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "ifloordiv": "floor_divide_",
                       "imod": "remainder_", "ipow": "pow_", "iand": "bitwise_and_", "ior": "bitwise_or_",
                       "ixor": "bitwise_xor_"}.items():
    setattr(Tensor, f"__{_name}__", getattr(Tensor, _method))
Tensor.__neg__, Tensor.__abs__, Tensor.__invert__ = (              # type: ignore[attr-defined]
    functions.neg, functions.abs, functions.bitwise_not)
Tensor.__pos__ = rows_view.alias                         # type: ignore[attr-defined]

