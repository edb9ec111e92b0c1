"""The graph of a captured function: a list of instructions in the order in which they ran, over memory yet to come.

An instruction is one application of a row of the op table, or one kernel that was called for itself (an optimiser's, an
addition to a gradient).  It holds what it was applied to, which is what one reads, and the launches of kernels that it
stands for, which is what runs.  A view has no launches.

Passes change the list: they drop instructions, replace launches, or have one memory take the place of another.  What
they may do follows from who reads and writes which memory, told by `Uses`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from minigrad.capture import show
from minigrad_ext.buffer import Buffer, Storage, rebased, whole
from minigrad_ext.kernel import Kernel, Params


class Launch:
    """A kernel, the buffers that it is given (some of which it writes), and what else it reads."""

    __slots__ = ("buffers", "kernel", "params")
    parts: tuple["Launch", ...] = ()        # of a chain: elementwise launches that run block by block

    def __init__(self, kernel: Kernel, buffers: tuple[Buffer, ...], params: Params | None = None) -> None:
        self.kernel, self.buffers, self.params = kernel, buffers, params

    @property
    def name(self) -> str:
        """The kernel's name."""
        return self.kernel.name

    def replace(self, change: Callable[[Buffer], Buffer]) -> None:
        """Puts change(buffer) in the place of every buffer."""
        self.buffers = tuple(map(change, self.buffers))

    @property
    def args(self) -> tuple:
        """The arguments of the kernel's call."""
        return self.buffers if self.params is None else (*self.buffers, self.params)

    @property
    def call(self) -> tuple[Any, Any]:
        """What a plan is told."""
        return self.kernel, self.args

    @property
    def written(self) -> list[Buffer]:
        return [buffer for at, buffer in enumerate(self.buffers) if self.kernel.writes >> at & 1]

    @property
    def read(self) -> list[Buffer]:
        """The buffers whose numbers count: also those written, where old numbers show through."""
        return [buffer for at, buffer in enumerate(self.buffers)
                if self.kernel.updates or not self.kernel.writes >> at & 1 or not covers(buffer)]


class Chain(Launch):
    """Elementwise launches of one shape that run one after another on a block of elements, then on the next block.

    What only they themselves read needs no memory but that of a block.
    """

    __slots__ = ("inner", "parts")

    def __init__(self, parts: tuple[Launch, ...], inner: set[Storage]) -> None:
        self.parts, self.inner = parts, inner
        self.kernel, self.params = parts[-1].kernel, None

    @property
    def name(self) -> str:
        return "+".join([part.name for part in self.parts])

    @property
    def call(self) -> tuple[Any, Any]:
        return tuple([part.call for part in self.parts]), self.inner

    @property
    def buffers(self) -> tuple[Buffer, ...]:        # type: ignore[override]
        return tuple([buffer for part in self.parts for buffer in part.buffers if buffer.storage not in self.inner])

    @property
    def written(self) -> list[Buffer]:
        return [part.buffers[0] for part in self.parts if part.buffers[0].storage not in self.inner]

    @property
    def read(self) -> list[Buffer]:
        return [buffer for part in self.parts for buffer in part.buffers[1:] if buffer.storage not in self.inner]

    def replace(self, change: Callable[[Buffer], Buffer]) -> None:
        for part in self.parts:
            part.replace(change)


def covers(buffer: Buffer) -> bool:
    """Whether a buffer shows each byte of its storage, in order."""
    return buffer.is_contiguous() and buffer.offset == 0 and whole(buffer.storage).size == nbytes(buffer)


def nbytes(buffer: Buffer) -> int:
    """Bytes of all elements."""
    return buffer.size * (1, 1, 4, 8, 4, 8)[buffer.dtype]


class Instruction:
    """`result = name(operands, attrs)`: the launches that compute it, and whose derivative it is part of, if any.

    `pulls` is the instruction whose cotangents this one helps to compute: so the backward pass is told from the rest.
    """

    __slots__ = ("attrs", "launches", "name", "operands", "pulls", "result", "row")

    def __init__(self, name: str, operands: tuple[Buffer, ...], result: Buffer, launches: list[Launch],
                 attrs: dict[str, Any], row: Any = None, pulls: "Instruction | None" = None) -> None:
        self.name, self.operands, self.result, self.launches = name, operands, result, launches
        self.attrs, self.row, self.pulls = attrs, row, pulls

    def replace(self, change: Callable[[Buffer], Buffer]) -> None:
        """Puts change(buffer) in the place of every buffer."""
        self.operands, self.result = tuple(map(change, self.operands)), change(self.result)
        for launch in self.launches:
            launch.replace(change)


class Graph:
    """The instructions of one captured function, and what its memory is.

    `inputs` are the buffers bound to arguments and to gradients that were there before; `outputs` those that are handed
    out; `constants` the storages that hold numbers made while it was captured.  Any other storage with numbers is the
    outside's: parameters and state, read and written where they are.
    """

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.inputs: list[Buffer] = []
        self.outputs: list[Buffer] = []
        self.constants: set[Storage] = set()
        self.live: set[Params] = set()          # which change from run to run
        self.packed: list[tuple[Storage, Launch]] = []          # copies of weights, made anew when these have changed
        self.names: dict[Buffer, tuple[str, str]] = {}      # what memory from outside is called; see names.py
        self.trained = False                    # whether gradients are left behind, or can be asked for
        self.returned = 0                       # so many outputs are what the function returns
        self.targets: list[str] = []            # for each output the gradients that it becomes, by name

    def text(self) -> str:
        """What `show` prints."""
        return show.text(self)

    def show(self) -> None:
        """Prints the graph, a line for each instruction."""
        print(self.text())

    def dot(self) -> str:
        """The graph in the language of Graphviz: `dot -Tsvg` draws it."""
        return show.dot(self)

    @property
    def launches(self) -> list[Launch]:
        """All launches, in order."""
        return [launch for step in self.instructions for launch in step.launches]

    def kept(self) -> set[Storage]:
        """The storages without numbers that are bound before a run: inputs and outputs."""
        return {buffer.storage for buffer in (*self.inputs, *self.outputs) if not buffer.known}

    def scratch(self, storage: Storage, kept: set[Storage]) -> bool:
        """Whether a storage exists only while the plan runs."""
        return not whole(storage).known and storage not in kept

    def drop(self, launches: Iterable[Launch]) -> None:
        """Takes launches away; an instruction whose last one goes is a view from then on."""
        gone = {id(launch) for launch in launches}
        for step in self.instructions:
            step.launches = [launch for launch in step.launches if id(launch) not in gone]

    def put(self, places: Mapping[Storage, Buffer]) -> None:
        """Has the memory from a buffer's first element on take the place of a storage, which may itself be replaced."""
        changed: dict[int, Buffer] = {}     # a buffer that stood in two places becomes one buffer again

        def change(buffer: Buffer) -> Buffer:
            if buffer.storage not in places:
                return buffer
            if id(buffer) not in changed:
                old, new = buffer.storage, places[buffer.storage]
                while new.storage in places:
                    new = rebased(new, whole(new.storage), places[new.storage])
                changed[id(buffer)] = rebased(buffer, whole(old), new)
            return changed[id(buffer)]

        for step in self.instructions:
            step.replace(change)
        self.outputs = [change(buffer) for buffer in self.outputs]


class Uses:
    """Who reads and writes each storage: lists of places in `launches`, in order."""

    def __init__(self, graph: Graph) -> None:
        self.launches = graph.launches
        self.reads: dict[Storage, list[int]] = {}
        self.writes: dict[Storage, list[int]] = {}
        for at, launch in enumerate(self.launches):
            for buffers, uses in ((launch.read, self.reads), (launch.written, self.writes)):
                for storage in {buffer.storage for buffer in buffers}:
                    uses.setdefault(storage, []).append(at)

    def span(self, storage: Storage) -> tuple[int, int]:
        """The first and the last launch that touches a storage."""
        places = self.reads.get(storage, []) + self.writes.get(storage, [])
        return min(places), max(places)

    def storages(self) -> Iterator[Storage]:
        yield from dict.fromkeys((*self.writes, *self.reads))


def storages(buffers: Iterable[Buffer]) -> set[Storage]:
    return {buffer.storage for buffer in buffers}
