"""Tensor: what a user holds.  A Value with PyTorch's methods and operators.

Most methods are the functions of `minigrad.functions`, bound by name (`operators`); what is a tensor's alone is written
out: its memory, its place in the graph and Python's protocols here, changing it in place next door.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from minigrad import functions
from minigrad.autograd import backward
from minigrad.device import CPU, check_device
from minigrad.dtypes import FLOATS, DType, check_dtype
from minigrad.errors import require
from minigrad.grad import matching
from minigrad.inplace import InPlace
from minigrad.node import Value, hand_out, origin
from minigrad.operators import bind
from minigrad.printing import describe
from minigrad.shapes import axis_of
from minigrad_ext.buffer import Buffer
from minigrad_ext.recorder import change, current

BOUND: Any = None       # what stands for the methods and operators that `bind` adds, until it does

__all__ = ["Handle", "Tensor"]

NOT_WANTING = ("one that does not require a gradient", "one that does", RuntimeError)
HOOK_KEYS = itertools.count()
LAST = 2 ** 63          # the key of the hook that keeps the gradient: it sees what the others made


def _method(path: str, doc: str) -> Callable[[Any], Any]:
    """The method that reads an attribute, or calls it where that is a method too."""
    read = attrgetter(path)

    def method(self: Any) -> Any:
        value = read(self)
        return value() if callable(value) else value

    method.__doc__ = doc
    return method


class Handle:
    """What registering a hook returns: `remove()` takes the hook away."""

    def __init__(self, hooks: dict[int, Callable], key: int) -> None:
        self.hooks, self.key = hooks, key

    def remove(self) -> None:
        """Takes the hook away; a second call does nothing."""
        self.hooks.pop(self.key, None)
        change()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Tensor(InPlace):
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
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = BOUND
    __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = BOUND
    __lt__ = __le__ = __gt__ = __ge__ = __and__ = __or__ = __xor__ = __lshift__ = __rshift__ = BOUND
    __neg__ = __pos__ = __abs__ = __invert__ = BOUND
    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...

    # Memory ---------------------------------------------------------------------------------------------------------

    itemsize = property(attrgetter("dtype.itemsize"), doc="Bytes of one element.")
    nbytes = property(lambda self: self.buffer.size * self.dtype.itemsize, doc="Bytes of all elements.")
    device = property(lambda self: CPU, doc="Where the memory is: always the CPU.")
    T = property(lambda self: self.permute(*range(self.ndim)[::-1]), doc="The axes in reverse order.")
    mT = property(lambda self: self.transpose(-2, -1), doc="The last two axes exchanged.")

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """This tensor where the condition is set, else `other`."""
        return functions.where(condition, self, other)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one axis."""
        return self.shape if dim is None else self.shape[axis_of("size", dim, self.ndim)]

    def stride(self, dim: int | None = None) -> Any:
        """The distance in elements between neighbours along each axis, or along one."""
        return self.buffer.strides if dim is None else self.buffer.strides[axis_of("stride", dim, self.ndim)]

    dim = _method("ndim", "The number of axes.")
    nelement = _method("buffer.size", "The number of elements.")
    element_size = _method("dtype.itemsize", "Bytes of one element.")
    data_ptr = _method("buffer.data_ptr", "The address of the first element.")
    storage_offset = _method("buffer.offset", "How many elements of its memory lie before the first one.")

    is_contiguous = _method("buffer.is_contiguous", "Whether the elements lie in row-major order without gaps.")
    item = _method("buffer.item", "The only element, as a Python number; ValueError if there is not exactly one.")
    tolist = _method("buffer.tolist", "Nested lists of Python numbers (a number for a 0-d tensor).")

    def numpy(self) -> Any:
        """A NumPy array that shares this memory; NumPy is imported here and must be installed."""
        if self.differentiable:
            raise RuntimeError("numpy: the tensor requires a gradient; use detach().numpy()")
        import numpy
        return numpy.asarray(self)

    def to(self, *args: Any, dtype: Any = None, device: Any = None, non_blocking: Any = False,
           copy: Any = False) -> Tensor:
        """In another dtype (or that of another tensor); the device "cpu" is accepted and changes nothing.

        The tensor itself where nothing changes, unless `copy`.

        >>> import minigrad
        >>> minigrad.tensor([1.5, -2.5]).to(minigrad.int64)
        tensor([ 1, -2])
        """
        for arg in args:
            if isinstance(arg, (Value, DType, type)):
                dtype = arg.dtype if isinstance(arg, Value) else arg
            elif not isinstance(arg, bool):         # (non_blocking and copy may be given by place)
                device = arg
        check_device("to", device)
        result = self if dtype is None else functions.cast(self, dtype)
        return result.clone() if copy and result is self else result

    def type(self, dtype: Any = None) -> Any:
        """In another dtype; without one, its name."""
        return repr(self.dtype) if dtype is None else self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype of another tensor."""
        require(isinstance(other, Value), "type_as", "other", other.__class__.__name__, "a tensor", TypeError)
        return functions.cast(self, other.dtype)

    def cpu(self) -> Tensor:
        """The tensor itself."""
        return self

    # Graph ----------------------------------------------------------------------------------------------------------

    is_leaf = property(lambda self: self.node is None, doc="Whether no op recorded in a graph made this tensor.")
    grad_fn = property(attrgetter("node"), doc="The node that made this tensor, or None for a leaf.")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Sets `requires_grad` in place."""
        if not requires_grad:
            self._leaf("requires_grad", "turned off")
        else:
            check_dtype("requires_grad", "input", self.dtype, *FLOATS)
        self.differentiable = bool(requires_grad)
        change()
        return self

    requires_grad = property(
        attrgetter("differentiable"), lambda self, wanted: self.requires_grad_(wanted),
        doc="Whether gradients with respect to this tensor are wanted; can be set on leaves of a float dtype.")

    def _get_grad(self) -> Any:
        recorder = current()
        if recorder is not None:
            recorder.gradient(self, True)
        return self.grad_slot

    def _set_grad(self, value: Tensor | None) -> None:
        recorder = current()
        if recorder is not None:
            recorder.gradient(self, False)
        (self.grad_slot,) = (None,) if value is None else matching("grad", "value", (value,), (self,))

    grad = property(_get_grad, _set_grad, doc="The gradient that `backward` has accumulated, or None.")

    def _leaf(self, op: str, done: str) -> None:
        if self.node is not None:
            raise RuntimeError(f"{op}: only leaves can be {done}; this tensor was made by {self.node.op.name}; use "
                               "clone() or detach()")

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

    def _set_data(self, other: Tensor) -> None:
        self._leaf("data", "replaced")
        self.buffer = other.buffer
        change()

    data = property(detach, _set_data, doc="The same memory without the graph.")

    def detach_(self) -> Tensor:
        """Leaves the graph in place."""
        self.node, self.differentiable = None, False
        return self

    def retain_grad(self) -> None:
        """Makes `backward` keep this tensor's gradient in `.grad`, though it is no leaf."""
        require(self.differentiable, "retain_grad", "tensor", *NOT_WANTING)
        if self.node is None or self.__dict__.get("retains_grad"):
            return
        self.retains_grad = True
        keeper = weakref.ref(self)

        def keep(g: Tensor) -> None:
            tensor = keeper()
            if tensor is not None:
                tensor.grad_slot = g.clone() if tensor.grad_slot is None else tensor.grad_slot + g
        self._hooks()[LAST] = keep

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Handle:
        """Calls `hook(gradient)` when this tensor's gradient is complete; what it returns replaces the gradient."""
        require(self.differentiable, "register_hook", "tensor", *NOT_WANTING)
        require(callable(hook), "register_hook", "hook", type(hook).__name__, "a function", TypeError)
        hooks, key = self._hooks(), next(HOOK_KEYS)
        hooks[key] = hook
        return Handle(hooks, key)

    def _hooks(self) -> dict[int, Callable]:
        owner = origin(self)
        owner.hooks = owner.hooks or {}
        return owner.hooks

    # Python's protocols ---------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Tensor:
        return functions.index.getitem(self, key)

    def __len__(self) -> int:
        require(self.ndim, "len", "tensor", "a 0-d tensor", "at least one axis", TypeError)
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return map(self.__getitem__, range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any().item())

    def __bool__(self) -> bool:
        return bool(self.item())

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
        self._leaf("deepcopy", "copied")
        twin = memo[id(self)] = _rebuilt(type(self), self.detach().clone().buffer, self.differentiable)
        twin.grad_slot = None if self.grad is None else self.grad.detach().clone()
        twin.__dict__.update(self.__dict__)
        return twin

    def __reduce__(self) -> tuple:
        self._leaf("pickle", "pickled")
        return _rebuilt, (type(self), self.buffer, self.differentiable)


def _rebuilt(kind: Any, buffer: Buffer, differentiable: bool) -> Tensor:
    made = kind.__new__(kind)
    Value.__init__(made, buffer)
    made.differentiable = differentiable
    return made


hand_out(Tensor)
bind(Tensor)
