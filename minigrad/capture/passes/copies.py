"""Copies of what nobody else will read or write: the copy's memory is that of what is copied."""

from minigrad.capture.graph import Graph, Uses, covers
from minigrad_ext.buffer import alike, whole


def elide_copies(graph: Graph) -> Graph:
    """Drops copies of scratch that is not touched again: who wrote it, writes the copy.

    So a gradient is computed where `.grad` will have it.
    """
    kept = graph.kept()
    found = True
    while found:
        found = False
        uses = Uses(graph)
        for at, launch in enumerate(uses.launches):
            if launch.kernel.name != "copy" or len(launch.buffers) != 2:
                continue
            out, x = launch.buffers
            if (x.storage is not out.storage and alike(x, out) and covers(x) and covers(out)
                    and graph.scratch(x.storage, kept) and uses.span(x.storage)[1] == at
                    and not out.known and uses.span(out.storage)[0] == at and out.storage not in
                    {buffer.storage for buffer in graph.inputs}):
                graph.put(x.storage, whole(out.storage))
                graph.drop([launch])
                found = True
                break
    return graph
