"""Reverse and forward mode over any graph of nodes.  No op is named here: each node's op knows its own derivative.

Reverse mode walks from the outputs to the leaves and pulls cotangents back; forward mode walks the same nodes the
other way and pushes tangents.  Both walks keep their own stack or list: depth is no limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minigrad.node import GRAD, Node, Value, order, origin
from minigrad.op import total


class grad_mode:
    """Sets whether ops record nodes, within a `with` block or a decorated function, for this thread."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = bool(enabled)
        self.before: list[bool] = []

    def __enter__(self) -> None:
        self.before.append(GRAD.enabled)
        GRAD.enabled = self.enabled

    def __exit__(self, *error: object) -> None:
        GRAD.enabled = self.before.pop()

    def __call__(self, function: Callable) -> Callable:
        from functools import wraps

        @wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with grad_mode(self.enabled):
                return function(*args, **kwargs)
        return inside


def run_hooks(hooks: dict[int, Callable] | None, g: Value) -> Value:
    """`g` after each hook, in order of their keys, which is that of registration; one that returns None leaves it."""
    for _, hook in sorted(hooks.items()) if hooks else ():
        changed = hook(g)
        if changed is not None:
            if not isinstance(changed, Value):
                raise TypeError(f"hook: got {type(changed).__name__}, expected a tensor or None")
            if changed.shape != g.shape:
                raise ValueError(f"hook: the gradient it returns: got shape {changed.shape}, expected {g.shape}")
            g = changed
    return g


def leading_to(nodes: list[Node], targets: Iterable[Any]) -> set[int]:
    """The ids of those `nodes` (given outputs first) from which a target is reached."""
    reached = {id(target) for target in targets}
    for node in reversed(nodes):
        if any(id(parent) in reached for parent in node.parents if parent is not None):
            reached.add(id(node))
    return reached


def pull_back(outputs: Sequence[Value], cotangents: Sequence[Value], targets: Sequence[Value] | None = None, *,
              create_graph: bool = False, retain_graph: bool = False,
              through: bool = True) -> dict[int, tuple[Any, Value]]:
    """The cotangents of all leaves behind `outputs`, or of the `targets`: {id(origin): (origin, cotangent)}.

    Each node is visited once, when its cotangent is complete.  With `create_graph` the work itself is recorded;
    without `retain_graph` each node forgets its values once it has been passed; without `through` the walk ends at
    the targets, so that one target's cotangent holds nothing that came by way of another.
    """
    nodes = order(origin(out) for out in outputs)
    wanted = None if targets is None else {id(origin(target)) for target in targets}
    useful = None if targets is None else leading_to(nodes, [origin(target) for target in targets])
    pending: dict[int, Value] = {}
    leaves: dict[int, Any] = {}
    found: dict[int, tuple[Any, Value]] = {}

    def arrive(at: Any, g: Value) -> None:
        known = pending.get(id(at))
        pending[id(at)] = g if known is None else total([known, g])
        if type(at) is not Node:
            leaves[id(at)] = at

    with grad_mode(create_graph):
        for out, cotangent in zip(outputs, cotangents, strict=True):
            if out.differentiable:
                arrive(origin(out), cotangent)
        for node in nodes:
            g = pending.pop(id(node), None)
            if g is None:
                continue
            g = run_hooks(node.hooks, g)
            if wanted is not None and id(node) in wanted:
                found[id(node)] = (node, g)
                if not through:
                    continue
            slots = [slot for slot, parent in enumerate(node.parents)
                     if parent is not None and (useful is None or id(parent) in useful)]
            if slots:
                operands, out = node.values()
                for slot in slots:
                    arrive(node.parents[slot], node.op.vjp(slot, g, operands, out, node.attrs))
                if not retain_graph:
                    node.release()
        for key, leaf in leaves.items():
            if wanted is None or key in wanted:
                found[key] = (leaf, run_hooks(leaf.hooks, pending[key]))
    return found


def push_forward(outputs: Sequence[Value], inputs: Sequence[Value], tangents: Sequence[Value], *,
                 create_graph: bool = False) -> list[Value | None]:
    """The tangents of `outputs` for given tangents of `inputs`; None where an output does not depend on them."""
    nodes = order(origin(out) for out in outputs)
    known: dict[int, Value] = {}
    with grad_mode(create_graph):
        for value, tangent in zip(inputs, tangents, strict=True):
            key = id(origin(value))
            known[key] = total([known[key], tangent]) if key in known else tangent
        given = set(known)
        for node in reversed(nodes):
            if id(node) in given:
                continue
            incoming = [None if parent is None else known.get(id(parent)) for parent in node.parents]
            if any(t is not None for t in incoming):
                operands, out = node.values()
                known[id(node)] = node.op.jvp(incoming, operands, out, node.attrs)
    return [known.get(id(origin(out))) if out.differentiable else None for out in outputs]


def other_leaves(outputs: Sequence[Value], inputs: Sequence[Value]) -> bool:
    """Whether `outputs` depend on a leaf that is not among `inputs`, or on an input that has a history of its own."""
    own = {id(value) for value in inputs if value.node is None}
    roots = [origin(out) for out in outputs if out.differentiable]
    leaves = [root for root in roots if type(root) is not Node]
    leaves += [parent for node in order(roots) for parent in node.parents
               if parent is not None and type(parent) is not Node]
    return any(id(leaf) not in own for leaf in leaves)
