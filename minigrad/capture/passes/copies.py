"""Copies of what nobody else will read or write: the copy's memory is that of what is copied."""

from minigrad.capture.graph import Graph, Uses, covers, storages
from minigrad_ext.buffer import alike, whole


def elide_copies(graph: Graph) -> Graph:
    """Drops copies of scratch that is not touched again: who wrote it, writes the copy.

    So a gradient is computed where `.grad` will have it.
    """
    uses, kept = Uses(graph), graph.kept()
    inputs, gone, taken = storages(graph.inputs), [], {}
    for at, launch in enumerate(uses.launches):
        if launch.kernel.name == "copy" and len(launch.buffers) == 2:
            out, x = launch.buffers
            if (x.storage is not out.storage and alike(x, out) and covers(x) and covers(out) and not out.known
                    and graph.scratch(x.storage, kept) and uses.span(x.storage)[1] == at
                    and uses.span(out.storage)[0] == at and out.storage not in inputs):
                taken[x.storage] = whole(out.storage)
                gone.append(launch)
    graph.drop(gone)
    graph.put(taken)
    return graph
