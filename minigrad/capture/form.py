"""Nested arguments: which tensors they hold, and the form of all the rest, by which two calls are compared."""

from collections.abc import Callable
from typing import Any

from minigrad.node import Value

PLAIN = (bool, int, float, complex, str, bytes, type(None))


def flattened(tree: Any, tensors: list[Value]) -> Any:
    """The form of nested tuples, lists and dicts, whose tensors are appended to a list.

    Numbers and strings are compared by value and type, any other object by identity.
    """
    kind = type(tree)
    if isinstance(tree, Value):
        tensors.append(tree)
        return Value
    if kind is tuple or kind is list or isinstance(tree, tuple | list):
        return (kind, *[flattened(item, tensors) for item in tree])
    if kind is dict:
        return (dict, *[(key, flattened(item, tensors)) for key, item in tree.items()])
    return (kind, tree) if isinstance(tree, PLAIN) else (kind, id(tree))


def mapped(tree: Any, change: Callable[[Value], Any]) -> Any:
    """The same nested tuples, lists and dicts with change(tensor) for each tensor, in order."""
    if isinstance(tree, Value):
        return change(tree)
    if isinstance(tree, tuple | list):
        items = [mapped(item, change) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if type(tree) is dict:
        return {key: mapped(item, change) for key, item in tree.items()}
    return tree
