"""Algebra: what does nothing to its operand is not done.

    x * 1    1 * x    x / 1    x - 0    x + 0    0 + x    a cast to the same dtype

All are exact, but that x + 0 turns -0 into +0 and here leaves it.  Where the rest would be a copy it becomes one, which
elide_copies may remove.  (Transposing twice, reshaping and the like are views: they have no launches to begin with.)
"""

from minigrad.capture.graph import Graph, Launch
from minigrad.kernels import KERNELS
from minigrad_ext.buffer import Buffer

# kernel -> (the operand that may be neutral, its neutral number); the other one is the result.
NEUTRAL = {"mul": ((2, 1), (1, 1)), "div": ((2, 1),), "add": ((2, 0), (1, 0)), "sub": ((2, 0),)}


def tidy(graph: Graph) -> Graph:
    """Turns arithmetic with neutral constants into copies."""
    for step in graph.instructions:
        for at, launch in enumerate(step.launches):
            for place, number in NEUTRAL.get(launch.kernel.name, ()):
                constant = launch.buffers[place]
                other, out = launch.buffers[3 - place], launch.buffers[0]
                if (constant.storage in graph.constants and other.shape == out.shape and other.dtype == out.dtype
                        and everywhere(constant, number)):
                    step.launches[at] = Launch(KERNELS["copy"], (out, other))
                    break
    return graph


def everywhere(buffer: Buffer, number: float) -> bool:
    """Whether each element is this number."""
    if not buffer.size:
        return True
    distinct = buffer.slice((0,) * buffer.ndim, (1,) * buffer.ndim,
                            tuple([1 if stride == 0 else size for size, stride in zip(buffer.shape, buffer.strides,
                                                                                       strict=True)]))
    values = memoryview(distinct).tolist() if distinct.ndim else distinct.item()
    while isinstance(values, list):
        if any(value != values[0] for value in values):
            return False
        values = values[0] if values else number
    return values == number
