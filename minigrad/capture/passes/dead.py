"""Dead instructions: what is computed and never read."""

from minigrad.capture.graph import Graph, storages


def remove_dead(graph: Graph) -> Graph:
    """Drops the launches whose results nobody reads, then the instructions (views too) of which nothing is left to use.

    One walk backwards: a launch is needed if it writes what is handed out, what belongs to the outside, or what a later
    needed launch reads.
    """
    kept = graph.kept()
    needed = storages(graph.outputs) | storages(graph.inputs)
    shown: set[int] = {id(buffer) for buffer in graph.outputs}      # the buffers that needed instructions name
    living = []
    for step in reversed(graph.instructions):
        launches = []
        for launch in reversed(step.launches):
            written = launch.written
            if any(buffer.storage in needed or not graph.scratch(buffer.storage, kept) for buffer in written):
                needed |= storages(launch.read)
                launches.append(launch)
        if launches or (not step.launches and id(step.result) in shown):
            step.launches = launches[::-1]
            shown.update(map(id, step.operands))
            living.append(step)
    graph.instructions = living[::-1]
    return graph
