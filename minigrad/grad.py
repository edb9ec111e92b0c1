"""Reverse and forward mode over any graph of nodes.  No op is named here: each node's op knows its own derivative.

Reverse mode walks from the outputs to the leaves and pulls cotangents back; forward mode walks the same nodes the
other way and pushes tangents.  Both walks keep their own stack or list: depth is no limit.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ContextDecorator
from typing import Any

from minigrad.errors import refuse
from minigrad.kernels import KERNELS
from minigrad.node import GRAD, Node, Value, order, origin
from minigrad.op import OPS, total
from minigrad_ext.buffer import unshared
from minigrad_ext.recorder import current

ADD = KERNELS["add"]


class grad_mode(ContextDecorator):
    """Sets whether ops record nodes, within a `with` block or a decorated function, for this thread."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = bool(enabled)
        self.before: list[bool] = []

    def __enter__(self) -> None:
        self.before.append(GRAD.enabled)
        GRAD.enabled = self.enabled

    def __exit__(self, *error: object) -> None:
        GRAD.enabled = self.before.pop()

    def _recreate_cm(self) -> "grad_mode":
        return grad_mode(self.enabled)      # each call of a decorated function remembers for itself, in any thread


def several(value: Any) -> tuple:
    """The items of a tuple or list, or the one value as a tuple."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def matching(op: str, argument: str, given: Sequence[Any], like: Sequence[Value]) -> tuple:
    """`given`, if it is one tensor for each of `like`, of its shape and dtype."""
    if len(given) != len(like):
        refuse(op, argument, len(given), f"{len(like)}, one tensor each")
    for g, x in zip(given, like, strict=True):
        if not isinstance(g, Value):
            refuse(op, argument, type(g).__name__, f"a tensor of shape {x.shape}", TypeError)
        if g.shape != x.shape:
            refuse(op, argument, f"shape {g.shape}", f"{x.shape}")
        if g.dtype is not x.dtype:
            refuse(op, argument, f"dtype {g.dtype.name}", x.dtype.name, TypeError)
    return tuple(given)


def run_hooks(hooks: dict[int, Callable] | None, g: Value) -> Value:
    """`g` after each hook, in order of their keys, which is that of registration; one that returns None leaves it."""
    for _, hook in sorted(hooks.items()) if hooks else ():
        changed = hook(g)
        if changed is not None:
            (g,) = matching("hook", "the gradient it returns", (changed,), (g,))
    return g


def leading_to(nodes: list[Node], targets: Iterable[Any]) -> set[Any]:
    """The `targets` and those `nodes` (given outputs first) from which one is reached."""
    reached = set(targets)
    for node in reversed(nodes):
        if not reached.isdisjoint(node.parents):
            reached.add(node)
    return reached


def leaves(outputs: Iterable[Value]) -> list[Any]:
    """What `outputs` depend on, and what wants a gradient, without being the result of an op: each once."""
    roots = [origin(out) for out in outputs if out.differentiable]
    ends = [*roots, *[parent for node in order(roots) for parent in node.parents]]
    return [end for end in dict.fromkeys(ends) if end is not None and type(end) is not Node]


def pull_back(outputs: Sequence[Value], cotangents: Sequence[Value], targets: Sequence[Value] | None = None, *,
              create_graph: bool = False, retain_graph: bool = False,
              through: bool = True) -> dict[Any, Value]:
    """The cotangents of all leaves behind `outputs`, or of the `targets`: {origin: cotangent}.

    Each node is visited once, when its cotangent is complete.  With `create_graph` the work itself is recorded;
    without `retain_graph` each node forgets its values once it has been passed; without `through` the walk ends at
    the targets, so that one target's cotangent holds nothing that came by way of another.
    """
    wanted = {origin(target) for target in targets or ()}
    nodes = order([origin(out) for out in outputs], () if through else wanted)
    useful = leading_to(nodes, wanted) if targets is not None else None
    pending: dict[Any, Value] = {}      # when all nodes have been visited: the leaves
    found: dict[Any, Value] = {}
    recorded, GRAD.enabled = GRAD.enabled, create_graph
    recorder = current()
    outer = None if recorder is None else recorder.pull(None)
    try:
        for out, cotangent in zip(outputs, cotangents, strict=True):
            if out.differentiable:
                at = origin(out)
                pending[at] = added(pending.pop(at, None), cotangent)
        for node in nodes:
            g = pending.pop(node, None)
            if g is None:
                continue
            if node.hooks:
                g = run_hooks(node.hooks, g)
            if node in wanted:
                found[node] = g
                if not through:
                    continue
            values = None
            if recorder is not None:
                recorder.pull(node)
            for slot in range(len(node.parents) - 1, -1, -1):   # weights first: what is made last, the next node reads
                parent = node.parents[slot]
                if parent is not None and (useful is None or parent in useful):
                    op, values, known = node.op, values or node.values(), pending.pop(parent, None)
                    if op.part and known is not None and not create_graph and unshared(known):
                        place = op.view(known.buffer, **node.attrs)
                        ADD(place, place, g.buffer)
                    else:
                        known = added(known, op.vjp(slot, g, values[0], values[1], node.attrs))
                    pending[parent] = known
            if values is not None and not retain_graph:
                node.release()
        for leaf, g in pending.items():
            if targets is None or leaf in wanted:
                found[leaf] = run_hooks(leaf.hooks, g)
    finally:
        GRAD.enabled = recorded
        if recorder is not None:
            recorder.pull(outer)
    return found


def added(known: Any, g: Value) -> Any:
    """A cotangent added to what has come before, if anything has: in the memory of one that nothing else refers to."""
    if known is None:
        return g
    if not GRAD.enabled and unshared(known):
        ADD(known.buffer, known.buffer, g.buffer)
        return known
    return OPS["add"](known, g)


def accumulate(found: dict[Any, Value], holders: dict[Any, Value], create_graph: bool) -> None:
    """Adds what was found to the `.grad` of leaves (or of `holders`), which has memory of its own.

    A cotangent that nothing else refers to gives its memory; any other, which may be shared, is copied.
    """
    recorder = current()
    while found:
        at, g = found.popitem()
        leaf = holders.get(at, at)
        if recorder is not None:
            recorder.gradient(leaf, True)
        known = leaf.grad_slot
        if known is None:
            leaf.grad_slot = g if not create_graph and unshared(g) else OPS["copy"](g)
        elif create_graph or known.differentiable:
            leaf.grad_slot = total([known, g])
        else:
            KERNELS["add"](known.buffer, known.buffer,
                           (OPS["copy"](g) if g.buffer.overlaps(known.buffer) else g).buffer)
            known.buffer.bump()


def push_forward(outputs: Sequence[Value], inputs: Sequence[Value], tangents: Sequence[Value], *,
                 create_graph: bool = False) -> list[Value | None]:
    """The tangents of `outputs` for given tangents of `inputs`; None where an output does not depend on them."""
    known: dict[Any, Value] = {}
    with grad_mode(create_graph):
        for value, tangent in zip(inputs, tangents, strict=True):
            at = origin(value)
            known[at] = total([known[at], tangent]) if at in known else tangent
        for node in reversed(order([origin(out) for out in outputs])):
            incoming = [known.get(parent) for parent in node.parents]       # None is a parent of nothing
            if node not in known and any(t is not None for t in incoming):
                operands, out = node.values()
                known[node] = node.op.jvp(incoming, operands, out, node.attrs)
    return [known.get(origin(out)) if out.differentiable else None for out in outputs]
