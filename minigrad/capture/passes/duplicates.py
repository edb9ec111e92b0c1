"""Common subexpressions: what is computed twice from the same numbers is computed once."""

from typing import Any

from minigrad.capture.graph import Graph, Launch, Uses, covers, storages
from minigrad_ext.buffer import Buffer, Storage, whole

NUMBER = 8      # bytes of the largest


def merge_duplicates(graph: Graph) -> Graph:
    """Drops a launch of the same kernel, with the same parameters, on the same versions of the same buffers.

    Both results must be memory that nothing else writes.  A random draw has parameters that change: it is never merged.
    """
    uses, kept = Uses(graph), graph.kept()
    version: dict[Storage, int] = {}
    first: dict[Any, Launch] = {}
    gone: list[Launch] = []
    same: dict[Storage, Buffer] = {}        # the memory of a result that is there already: all bytes of the first one

    def look(buffer: Buffer) -> tuple:
        """What makes two buffers the same: the same view of the same memory, or the same constant number."""
        if buffer.storage in graph.constants and buffer.storage not in uses.writes and buffer.storage.nbytes <= NUMBER:
            return buffer.dtype, buffer.shape, buffer.tobytes()
        storage = same[buffer.storage].storage if buffer.storage in same else buffer.storage
        return storage, version.get(storage, 0), buffer.offset, buffer.shape, buffer.strides, buffer.dtype

    for launch in uses.launches:
        buffers, written = launch.buffers, launch.written
        out = buffers[0]
        simple = (launch.kernel.writes == 1 and launch.params not in graph.live and covers(out)
                  and len(uses.writes[out.storage]) == 1 and graph.scratch(out.storage, kept))
        if simple:
            key = (launch.kernel, None if launch.params is None else (launch.params.ints, launch.params.floats),
                   look(out)[2:], tuple(map(look, buffers[1:])))
            if key in first:
                gone.append(launch)
                same[out.storage] = whole(first[key].buffers[0].storage)
                continue
            first[key] = launch
        for storage in storages(written):
            version[storage] = version.get(storage, 0) + 1
    graph.drop(gone)
    graph.put(same)
    return graph
