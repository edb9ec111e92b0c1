"""Values and the nodes that say how they came to be.

A Value is a buffer of numbers.  When an op whose result may want a gradient runs, the result gets a Node: an immutable
record of the op, of the values its derivative will read, and of the parents through which a gradient travels on.
The graph is these nodes and nothing else; gradients are computed by the same ops, so they are nodes of the same graph.

A parent is the Node that made the operand, or the leaf Value itself: a value that wants a gradient and that no op
made.
"""

import threading
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING, Any

from minigrad.dtypes import DTYPES, DType
from minigrad_ext.buffer import Buffer, Exporter


class GradMode(threading.local):
    """Whether ops record nodes, for each Python thread."""

    enabled = True


GRAD = GradMode()


class Meta:
    """A value's shape and dtype without its numbers: all that a linear rule may ask of its operand."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: DType) -> None:
        self.shape, self.dtype = shape, dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"{self.dtype.name}{list(self.shape)}"


class Value(Exporter):
    """A buffer, whether it wants a gradient (`differentiable`), and the node that made it, if any."""

    __slots__ = ("__weakref__", "differentiable", "grad_slot", "hooks", "node")

    def __init__(self, buffer: Buffer) -> None:
        if type(buffer) is not Buffer:
            raise TypeError(f"Tensor: buffer: got {type(buffer).__name__}, expected a Buffer; see minigrad.tensor")
        self.buffer, self.differentiable = buffer, False
        self.node: Node | None = None
        self.grad_slot: Value | None = None
        self.hooks: dict[int, Callable] | None = None

    @property
    def shape(self) -> Any:
        """The sizes of the axes."""
        return self.buffer.shape

    @property
    def ndim(self) -> Any:
        """The number of axes."""
        return self.buffer.ndim

    @property
    def dtype(self) -> Any:
        """The type of the elements."""
        return DTYPES[self.buffer.dtype]

    @staticmethod
    def result(buffer: Buffer) -> Any:
        """The buffer as ops hand it out: a Tensor."""
        return made(buffer)


KIND: type = Value          # what ops hand out: Tensor, once it is defined on its own floor


def hand_out(kind: type) -> None:
    """Makes `kind`, a Value, what ops hand out."""
    global KIND
    KIND = kind


def made(buffer: Buffer) -> Any:
    """The buffer as ops hand it out."""
    return KIND(buffer)


if TYPE_CHECKING:
    from minigrad.tensor import Tensor
else:
    Tensor = Value          # what the functions call it, which are below the class of that name


class Node:
    """One application of an op: immutable but for its hooks, and for `release`, which forgets what it kept."""

    __slots__ = ("__weakref__", "attrs", "hooks", "meta", "op", "operands", "output", "parents", "saved",
                 "versions")

    def __init__(self, op: Any, attrs: dict, parents: tuple, operands: tuple, output: Buffer | None,
                 meta: Meta) -> None:
        # (`output` is the result's buffer where the derivative reads it, not the Value: no cycle.)
        self.op, self.attrs, self.parents, self.operands = op, attrs, parents, operands
        self.output, self.meta = output, meta
        self.saved = self._kept()
        self.versions = [buffer.storage.version for buffer in self.saved]
        self.hooks: dict[int, Callable] | None = None

    def _kept(self) -> list[Buffer]:
        """The memory that the derivative will read."""
        kept = [x.buffer for x in self.operands if type(x) is not Meta]
        if self.output is not None:
            kept.append(self.output)
        return kept

    def values(self) -> tuple[tuple, Any]:
        """The operands and the output as the derivative rules take them; RuntimeError if they are gone or changed."""
        if self.operands is None:
            raise RuntimeError(f"backward: the graph behind {self.op.name} was freed by an earlier backward; "
                               "pass retain_graph=True to that one to go through it again")
        for at, buffer in enumerate(self._kept()):
            if buffer is not self.saved[at] or buffer.storage.version != self.versions[at]:
                raise RuntimeError(f"backward: {self.op.name}: a value of shape {self.saved[at].shape} that its "
                                   "derivative needs was changed in place after it was used")
        if self.output is None:
            return self.operands, self.meta
        out = made(self.output)
        out.node, out.differentiable = self, True
        return self.operands, out

    def release(self) -> None:
        """Frees the values kept for the derivative.  A node that kept none can still be walked."""
        if self.saved:
            self.operands, self.output, self.saved = None, None, []         # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.op.name} -> {self.meta}>"


def order(roots: Iterable[Any], ends: Container[Any] = ()) -> list[Node]:
    """The nodes behind `roots`, each after all that use it: the order in which gradients are complete.

    A depth-first walk with its own stack, so that a chain of any length is walked.  Nothing behind `ends` is.
    """
    finished: dict[Node, None] = {}
    seen: set[Node] = set()
    stack = [root for root in roots if type(root) is Node]
    while stack:
        node = stack[-1]
        if node in seen:                # for the second time on top: all behind it is finished
            finished[stack.pop()] = None
        else:
            seen.add(node)
            if node not in ends:
                stack += [parent for parent in node.parents if type(parent) is Node and parent not in seen]
    return list(finished)[::-1]


def origin(value: Value) -> Any:
    """What stands for `value` in the graph: its node, or itself if it is a leaf."""
    return value.node if value.node is not None else value
