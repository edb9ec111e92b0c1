"""From a traced graph to what runs: all passes, a place in memory for everything, and the plan."""

from collections.abc import Callable

from minigrad.capture.graph import Graph
from minigrad.capture.memory import Memory
from minigrad.capture.passes import PASSES, own_constants
from minigrad.capture.replay import Result
from minigrad.node import Value
from minigrad_ext.buffer import Buffer, whole
from minigrad_ext.plan import Plan


class Placed:
    """A graph after all passes, its `memory` and its `plan`.

    Bound before a run are the graph's inputs and then `fresh`, which shows all bytes of each storage that gets memory
    of its own.  The plan writes the inputs number `changed`, and `written` memory of the outside.
    """

    def __init__(self, graph: Graph, watch: Callable | None = None) -> None:
        own_constants(graph)
        for step in (None, *PASSES):
            if step is not None:
                step(graph)
            if watch is not None:
                watch(step, graph)
        self.memory = Memory(graph)
        inputs = [buffer.storage for buffer in graph.inputs]
        self.fresh = [whole(storage) for storage in dict.fromkeys(
            buffer.storage for buffer in graph.outputs if not buffer.known and buffer.storage not in inputs)]
        self.bound = [*graph.inputs, *self.fresh]
        launches = [launch.call for launch in graph.launches]
        self.plan = Plan(launches, self.memory.places, self.bound, graph.live, self.memory.nbytes,
                         [(storage, *launch.call) for storage, launch in graph.packed])
        written = {buffer.storage: buffer for launch in graph.launches for buffer in launch.written}
        self.written = {storage: buffer for storage, buffer in written.items() if buffer.known}
        self.changed = [at for at, storage in enumerate(inputs) if storage in written]

    def result(self, out: Value | None, buffer: Buffer, twins: list[Value]) -> Result:
        """How an output is handed out: `out` when traced, `buffer` after the passes, perhaps one of the arguments."""
        argument = next((at for at, twin in enumerate(twins) if out is twin), -1)
        if argument >= 0 or buffer.known:
            return Result(out, argument, -1, buffer, buffer)
        slot = next(at for at, each in enumerate(self.bound) if each.storage is buffer.storage)
        return Result(None, -1, slot, buffer, self.bound[slot])
