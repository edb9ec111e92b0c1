"""Chains: elementwise work of one shape runs block by block, and what is between stays in the cache."""

from minigrad.capture.graph import Chain, Graph, Launch, Uses, covers, storages
from minigrad_ext.buffer import Buffer, alike

LINKS = 16              # of a chain, at most (as in plan.pxd)
SMALLEST = 65536        # elements: smaller ones stay in the cache anyway (13 operations on 16,384: 1.06 of the time)


def fuse_chains(graph: Graph) -> Graph:
    """Has elementwise launches that follow each other, and work on each other's results, run as one step.

    They compute what they would have computed, in the same order for each element: no rounding changes.  Each result is
    contiguous; an operand lies as the results do, or repeats one number, or lies so from the second axis on.
    """
    uses, kept = Uses(graph), graph.kept()
    owner = {id(launch): step for step in graph.instructions for launch in step.launches}
    run: list[Launch] = []
    begin = 0
    for at, launch in enumerate([*uses.launches, None]):
        if launch is not None and len(run) < LINKS and joins(run, launch):
            begin = begin if run else at
            run.append(launch)
            continue
        if len(run) > 1:
            inner = {storage for storage in storages(part.buffers[0] for part in run)
                     if graph.scratch(storage, kept) and uses.span(storage)[0] >= begin and uses.span(storage)[1] < at}
            graph.drop(run)
            owner[id(run[-1])].launches.append(Chain(tuple(run), inner))
        run, begin = ([launch], at) if launch is not None and fits(launch) else ([], at)
    return graph


def fits(launch: Launch) -> bool:
    """Whether a launch may be a link of a chain."""
    out = launch.buffers[0]
    return (launch.kernel.elementwise and not launch.kernel.updates and out.size >= SMALLEST and covers(out)
            and all(steady(buffer, out) for buffer in launch.buffers[1:]))


def steady(buffer: Buffer, out: Buffer) -> bool:
    """Whether the part of an operand that belongs to some first indices of the result is found by them alone."""
    return (buffer.size == 1 or (buffer.shape == out.shape and buffer.is_contiguous())
            or all(stride == 0 for stride in buffer.strides))


def joins(run: list[Launch], launch: Launch) -> bool:
    """Whether a launch goes on with a chain: it reads what the chain does, and hurts nothing of it."""
    if not run or not fits(launch):
        return False
    out, before = launch.buffers[0], run[0].buffers[0]
    if out.shape != before.shape:
        return False
    made = {part.buffers[0].storage: part.buffers[0] for part in run}
    taken = [buffer for part in run for buffer in part.buffers[1:]]
    return (any(buffer.storage in made or any(buffer.storage is other.storage for other in taken)
                for buffer in launch.buffers[1:])
            and all(same(buffer, made[buffer.storage]) for buffer in launch.buffers if buffer.storage in made)
            and all(same(buffer, out) for buffer in taken if buffer.storage is out.storage))


def same(a: Buffer, b: Buffer) -> bool:
    """Whether two buffers of one storage show the same elements in the same places."""
    return alike(a, b) and a.offset == b.offset


