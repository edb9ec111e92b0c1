"""What a captured function depends on beside its arguments, in the form in which it is compared with what it was."""

from collections.abc import Callable
from typing import Any

from minigrad.capture.form import PLAIN
from minigrad.node import Value

Look = Callable[[], list]


def seen(value: Any) -> Any:
    """Plain values as they are (with their type: 1, 1.0 and True differ), a tensor as its memory, others themselves."""
    if isinstance(value, PLAIN):
        return (type(value), value)
    return (id(value), id(value.buffer), value.differentiable) if isinstance(value, Value) else id(value)


def of_module(module: Any, known: set[int]) -> list:
    """A module's mode, options, parts and hooks; of plain tensors among its attributes those whose ids are `known`."""
    kinds = module._kinds
    return [(name, seen(value)) for name, value in module.__dict__.items()
            if name != "_hooks" and (name in kinds or not isinstance(value, Value) or id(value) in known)
            ] + [(key, id(hook)) for key, hook in module._hooks.items()]


def of_function(function: Any) -> tuple[list[str], Look]:
    """The names that a function takes from around it, closed over or global and used in it, and what they stand for."""
    function = getattr(function, "__func__", function)
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None) or ()
    around = getattr(function, "__globals__", {})
    names = [name for name in getattr(code, "co_names", ()) if name in around]

    def look() -> list:
        return [cell.cell_contents for cell in cells] + [around.get(name) for name in names]

    return [*getattr(code, "co_freevars", ()), *names], look


def unchanged(now: list, before: list) -> bool:
    """Whether each is the same object as before, or an equal plain value of the same type."""
    for x, y in zip(now, before, strict=True):
        if x is not y and not (type(x) is type(y) and isinstance(x, PLAIN) and x == y):
            return False
    return True
