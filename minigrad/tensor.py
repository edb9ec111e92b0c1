"""Tensor: what a user holds.  A Value with PyTorch's methods and operators.

Most methods are the functions of `minigrad.functions`, bound by name (`operators`); what is a tensor's alone is written
out: its memory, its place in the graph and Python's protocols here, conversion and changing it in place next door.
"""

from __future__ import annotations

import itertools
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from minigrad import functions
from minigrad.autograd import backward, no_grad
from minigrad.conversion import Convertible
from minigrad.device import CPU
from minigrad.device import device as Device
from minigrad.functions import indexing
from minigrad.inplace import InPlace
from minigrad.node import Value
from minigrad.operators import bind
from minigrad.ops import view as rows_view
from minigrad.printing import describe
from minigrad.shapes import axis_of
from minigrad_ext.buffer import Buffer

if TYPE_CHECKING:
    _bound: Any = None

__all__ = ["Handle", "Tensor"]

HOOK_KEYS = itertools.count()
LAST = sys.maxsize                      # the key of the hook that keeps the gradient: it sees what the others made


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


class Tensor(Convertible, InPlace):
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

    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...       # the methods and operators that `bind` adds
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _bound
        __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = _bound
        __lt__ = __le__ = __gt__ = __ge__ = __and__ = __or__ = __xor__ = __lshift__ = __rshift__ = _bound
        __neg__ = __pos__ = __abs__ = __invert__ = _bound

    # Memory ---------------------------------------------------------------------------------------------------------

    @property
    def is_leaf(self) -> bool:
        """Whether no op recorded in a graph made this tensor."""
        return self.node is None

    @property
    def device(self) -> Device:
        """Where the memory is: always the CPU."""
        return CPU

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.buffer.size * self.dtype.itemsize

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

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """This tensor where the condition is set, else `other`."""
        return functions.where(condition, self, other)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one axis."""
        return self.shape if dim is None else self.shape[axis_of("size", dim, self.ndim)]

    def stride(self, dim: int | None = None) -> Any:
        """The distance in elements between neighbours along each axis, or along one."""
        return self.buffer.strides if dim is None else self.buffer.strides[axis_of("stride", dim, self.ndim)]

    def dim(self) -> int:
        """The number of axes."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self.buffer.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

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
                known: Any = tensor.grad_slot
                tensor.grad_slot = rows_view.copy(g) if known is None else known + g
        self._hooks()[LAST] = keep

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Handle:
        """Calls `hook(gradient)` when this tensor's gradient is complete; what it returns replaces the gradient."""
        if not self.differentiable:
            raise RuntimeError("register_hook: the tensor does not require a gradient")
        if not callable(hook):
            raise TypeError(f"register_hook: hook: got {type(hook).__name__}, expected a function")
        hooks = self._hooks()
        key = next(HOOK_KEYS)
        hooks[key] = hook
        return Handle(hooks, key)

    def _hooks(self) -> dict[int, Callable]:
        owner: Any = self if self.node is None else self.node
        if owner.hooks is None:
            owner.hooks = {}
        return owner.hooks

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


def _rebuilt(kind: Any, buffer: Buffer, differentiable: bool) -> Tensor:
    made = kind.__new__(kind)
    Value.__init__(made, buffer)
    made.differentiable = differentiable
    return made


Value.result = Tensor
bind(Tensor)
