"""Convolutions that end with their activation: it is applied while the sums are stored."""

from minigrad.capture.graph import Graph, Launch, Uses
from minigrad.geometry import ACTIVATIONS
from minigrad_ext.buffer import alike


def fuse_epilogues(graph: Graph) -> Graph:
    """Has a convolution store activation(sum) where nothing but that activation reads its result.

    The kernel applies the same function to the same sums: no rounding changes.
    """
    uses, kept = Uses(graph), graph.kept()
    gone = []
    for step in graph.instructions:
        geometry = step.attrs.get("geometry")
        if step.name not in ("conv", "conv_transpose") or geometry is None or len(step.launches) != 1:
            continue
        (launch,) = step.launches
        out = launch.buffers[0]
        readers = uses.reads.get(out.storage, [])
        if len(readers) != 1 or not graph.scratch(out.storage, kept) or uses.writes[out.storage][1:]:
            continue
        reader = uses.launches[readers[0]]
        name = reader.kernel.name
        if name in ACTIVATIONS and reader.kernel.elementwise and len(reader.buffers) == 2 and alike(
                reader.buffers[1], out) and alike(reader.buffers[0], out) and (
                    uses.span(reader.buffers[0].storage)[0] == readers[0]):
            step.launches = [Launch(launch.kernel, (reader.buffers[0], *launch.buffers[1:]),
                                    geometry.conv_params(name))]
            gone.append(reader)
    graph.drop(gone)
    return graph
