"""Tracing: the recorder that is told of every op and kernel while a function runs on tensors without numbers.

The function runs once, on the same op definitions as ever.  Shapes, views and dtypes are computed; kernels are noted
instead of run.  So whatever the function does to tensors is in the graph, be it a gradient, an optimiser's step or a
running statistic.  What it does to Python objects happens once, here; where minigrad's own objects change with each
call (a learning rate, a count of steps, a place in a random stream) they tell the tracer how that is done again.
"""

import weakref
from collections.abc import Callable
from typing import Any

from minigrad.capture.graph import Graph, Instruction, Launch
from minigrad.node import Value
from minigrad.op import promote
from minigrad_ext.buffer import Buffer, NumbersUnknown, Storage, unknown
from minigrad_ext.kernel import Kernel, Params


class Slot:
    """The `.grad` of a leaf, as a captured function finds and leaves it."""

    def __init__(self, leaf: Value, read: bool) -> None:
        self.leaf, self.before, self.read = leaf, leaf.grad_slot, read
        self.bound: Value | None = None         # what stands for a gradient that was there
        self.after: Value | None = None


class Tracer:
    """What op.py, grad.py and the kernels tell of what they do; see recorder.pyx."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.noted: list[Launch] = []           # since the last instruction
        self.made: dict[int, Instruction] = {}  # which instruction made the node of that id
        self.nodes: list[Any] = []              # (keeps the ids alive)
        self.pulling: Any = None                # the node whose cotangents are being computed
        self.outside: dict[int, tuple[Buffer, weakref.ref]] = {}        # values with numbers that ops were given
        self.slots: dict[int, Slot] = {}
        self.effects: list[tuple[Callable, Callable]] = []
        self.kept: dict[int, tuple[dict, dict]] = {}                    # what they change, with what it was
        self.versions: dict[Storage, int] = {}                          # of memory with numbers that is written
        self.filled: set[Storage] = set()       # memory without numbers that will have some by now
        self.words: dict[str, str] = {}         # by the names of kernels: what is said before their errors
        self.guards: list[Callable[[], Any]] = []
        self.guarded: dict[int, Any] = {}       # modules that were called
        self.optimizers: list[Any] = []         # that made a step

    # What the kernels tell ------------------------------------------------------------------------------------------

    def launch(self, kernel: Kernel, args: tuple) -> None:
        """Instead of running a kernel."""
        params = args[-1] if type(args[-1]) is Params else None
        self.noted.append(Launch(kernel, args if params is None else args[:-1], params))
        for at, buffer in enumerate(self.noted[-1].buffers):
            if not (buffer.known or kernel.writes >> at & 1 or buffer.storage in self.filled or buffer.size == 0):
                raise NumbersUnknown(f"a tensor of shape {buffer.shape} has no numbers: nothing has been written to it "
                                     "since this function began, or it was made while another one was captured")
        for buffer in self.noted[-1].written:
            self.filled.add(buffer.storage)
            if buffer.known:
                self.versions.setdefault(buffer.storage, buffer.storage.version)

    def born(self, storage: Any) -> None:
        """Memory was filled with numbers."""
        self.graph.constants.add(storage)

    def look(self, buffer: Buffer) -> None:
        """Numbers are looked at: those of a constant, or else they may be others at the next call."""
        if buffer.storage not in self.graph.constants or buffer.storage in self.versions:
            raise NumbersUnknown(f"a tensor of shape {buffer.shape} may have other numbers at the next call")

    # What ops tell --------------------------------------------------------------------------------------------------

    def apply(self, row: Any, operands: tuple, attrs: dict) -> Any:
        """An op: its instruction."""
        if row.promotes:
            operands = promote(row.name, operands, row.promotes)
        self.flush()
        self.given(operands)
        out = row.perform(operands, attrs)
        launches, self.noted = self.noted, []
        made = self.add(row.name, tuple([x.buffer for x in operands]), out.buffer, launches, attrs, row)
        if out.node is not None:
            self.made[id(out.node)] = made
            self.nodes.append(out.node)
        return out

    def given(self, operands: tuple) -> None:
        """Notes the values from outside among what an op works on."""
        for x in operands:
            if isinstance(x, Value) and x.buffer.known:
                self.outside.setdefault(id(x.buffer), (x.buffer, weakref.ref(x)))

    def add(self, name: str, operands: tuple, result: Buffer, launches: list[Launch], attrs: dict,
            row: Any = None) -> Instruction:
        made = Instruction(name, operands, result, launches, attrs, row, self.made.get(id(self.pulling)))
        self.graph.instructions.append(made)
        return made

    def flush(self) -> None:
        """Kernels that were called for themselves: an instruction each."""
        launches, self.noted = self.noted, []
        for launch in launches:
            self.add(launch.kernel.name, tuple(launch.buffers[1:]), launch.buffers[0], [launch], {})

    def pull(self, node: Any) -> Any:
        """From here on cotangents of this node (or None) are computed; returns the one before."""
        self.flush()
        if node is not None and node.saved and id(node) not in self.made:
            self.found(node)
        before, self.pulling = self.pulling, node
        return before

    def found(self, node: Any) -> None:
        """Looks for the kernel that was called for itself and made a node: it has all that the node keeps."""
        for step in reversed(self.graph.instructions):
            if step.row is None and all(any(x is y for y in step.launches[0].buffers) for x in node.saved):
                self.made[id(node)] = step
                self.nodes.append(node)
                return

    # What minigrad's own objects tell -------------------------------------------------------------------------------

    def gradient(self, leaf: Value, read: bool) -> None:
        """The `.grad` of a leaf is about to be read, or (else) replaced."""
        if id(leaf) in self.slots:
            return
        slot = self.slots[id(leaf)] = Slot(leaf, read)
        if read and slot.before is not None:
            slot.bound = leaf.grad_slot = Value.result(unknown(slot.before.buffer))
            self.filled.add(slot.bound.buffer.storage)

    def keep(self, state: dict, *keys: str) -> None:
        """A dictionary in which one of minigrad's own objects has what is about to change, at these keys or at all."""
        self.kept.setdefault(id(state), (state, {key: state.get(key, self) for key in keys or state}))

    def restore(self) -> None:
        """Has everything be as before the function ran, since each call changes it for itself."""
        for state, before in self.kept.values():
            for key, value in before.items():
                if value is self:               # there was none
                    state.pop(key, None)
                else:
                    state[key] = value
        for storage, version in self.versions.items():
            storage.version = version

    def effect(self, again: Callable[[], Any], undo: Callable[[], Any], *live: Params) -> None:
        """Python work that belongs to each call: `again` does it, before the kernels run, and `undo` takes it back if
        one fails; it renews the numbers of the Params `live`."""
        self.effects.append((again, undo))
        self.graph.live.update(live)

    def renewal(self, again: Callable[[], Any], *states: dict) -> None:
        """An effect on dictionaries, which are put back as they were."""
        before: list[dict] = []

        def remembered() -> None:
            before[:] = map(dict, states)
            again()

        def undo() -> None:
            for state, old in zip(states, before, strict=True):
                state.clear()
                state.update(old)

        self.effect(remembered, undo)

    def guard(self, state: Callable[[], Any]) -> None:
        """What was captured holds as long as `state()` is equal to what it is at the end of the capture."""
        self.guards.append(state)

    def module(self, module: Any) -> None:
        """A module is called."""
        self.guarded[id(module)] = module
