"""Weights of dense layers, laid out once as the matrix product likes them best, and again when they have changed."""

from minigrad.capture.graph import Graph, Launch, storages
from minigrad.kernels import KERNELS
from minigrad_ext.buffer import Buffer

# From so many rows and weights on it pays: with 512 weights for each of 784 inputs, 8 rows take 30 us, not 38, and 128
# rows 450, not 597; to lay them out takes 190 us.  (A convolution reads its weights where they are, one by one.)
ROWS, SMALLEST = 8, 65536


def pack_weights(graph: Graph) -> Graph:
    """Has dense layers read a transposed copy of a weight from outside that the plan does not change.

    `graph.packed` lists the storage of each with the launch that makes the copy, which the plan runs first when the
    storage's version has changed, or while its memory is lent to others, who do not count their writes.  The products
    are then summed one after another, not in the lanes of a dot product: results differ by rounding, some units in the
    last place of the largest term.  Not where gradients are left behind or can be asked for: such weights are about to
    change, and a copy for each call would take longer.
    """
    if graph.trained:
        return graph
    written = storages(buffer for launch in graph.launches for buffer in launch.written)
    packed: dict[int, Buffer] = {}
    for launch in graph.launches:
        if launch.kernel.name == "linear" and not launch.parts:
            out, _, w = launch.buffers[:3]
            if (w.known and w.storage not in graph.constants | written and w.is_contiguous() and w.size >= SMALLEST
                    and out.size >= ROWS * w.shape[0]):
                if id(w) not in packed:
                    packed[id(w)] = Buffer.empty(w.shape[::-1], w.dtype)
                    copy = Launch(KERNELS["copy"], (packed[id(w)], w.permute((1, 0))))
                    graph.packed.append((w.storage, copy))
                    graph.constants.add(packed[id(w)].storage)
                launch.buffers = (*launch.buffers[:2], packed[id(w)].permute((1, 0)), *launch.buffers[3:])
    return graph
