"""Constants: numbers made while the function was captured, by Python (a number in a formula) or by kernels."""

from minigrad.capture.graph import Graph, Instruction, Launch, Uses, storages
from minigrad.kernels import KERNELS
from minigrad_ext.buffer import Buffer, rebased, unknown, whole
from minigrad_ext.recorder import recording

LARGEST = 1 << 16       # bytes: a larger constant would cost more memory than computing it again costs time


def own_constants(graph: Graph) -> Graph:
    """Gives what is written or handed out memory of its own, which starts as a copy of the constant in each run."""
    changed = {storage for launch in graph.launches for storage in storages(launch.written)} & graph.constants
    for storage in changed:
        fresh = unknown(whole(storage))
        graph.put({storage: fresh})
        graph.instructions.insert(0, copying(fresh, whole(storage)))
    for storage in storages(graph.outputs) & graph.constants:
        source = whole(storage)
        fresh = unknown(source)
        graph.outputs = [rebased(buffer, source, fresh) if buffer.storage is storage else buffer
                         for buffer in graph.outputs]
        graph.instructions.append(copying(fresh, source))
    return graph


def copying(out: Buffer, source: Buffer) -> Instruction:
    """The instruction that copies all bytes of a storage."""
    return Instruction("copy", (source,), out, [Launch(KERNELS["copy"], (out, source))], {})


def fold_constants(graph: Graph) -> Graph:
    """Runs the launches whose operands are all constants, once, into memory that is a constant from then on.

    Not where a number changes from run to run (a place in a random stream, say), nor where memory is written twice.
    """
    uses, kept = Uses(graph), graph.kept()
    foldable = []
    for launch in uses.launches:
        written = storages(launch.written)
        if (launch.params not in graph.live and storages(launch.read) <= graph.constants and
                all(graph.scratch(storage, kept) and storage.nbytes <= LARGEST and len(uses.writes[storage]) == 1
                    for storage in written)):
            foldable.append(launch)
            graph.constants |= written
    with recording(None):
        places = {storage: whole(storage, True) for launch in foldable for storage in storages(launch.written)}
        graph.put(places)
        graph.constants = graph.constants - places.keys() | storages(places.values())
        for launch in foldable:
            launch.kernel(*launch.args)
    graph.drop(foldable)
    return graph
