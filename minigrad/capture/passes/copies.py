"""Copies that nobody needs: of what is not touched again, and of what stays as it is as long as the copy is read."""

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


def forward_copies(graph: Graph) -> Graph:
    """Has who reads a copy read what was copied, where neither is written before the last one has."""
    uses, kept = Uses(graph), graph.kept()
    gone, taken = [], {}
    for at, launch in enumerate(uses.launches):
        if launch.kernel.name == "copy" and len(launch.buffers) == 2:
            out, x = launch.buffers
            if (x.storage is not out.storage and alike(x, out) and covers(out) and graph.scratch(out.storage, kept)
                    and uses.writes[out.storage] == [at]
                    and not any(at < write <= uses.span(out.storage)[1] for write in uses.writes.get(x.storage, ()))):
                taken[out.storage] = x
                gone.append(launch)
    graph.drop(gone)
    graph.put(taken)
    return graph
