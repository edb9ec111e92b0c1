"""What a captured function's memory is called: arguments as the function calls them, parameters and state as
modules and optimisers do, and what the function finds around it by its names there."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from minigrad.capture.state import of_function
from minigrad.node import Value
from minigrad_ext.buffer import Buffer


def within(value: Any, name: str) -> Iterator[tuple[str, Value]]:
    """The tensors in nested tuples, lists and dicts, with their places there behind dots."""
    if isinstance(value, Value):
        yield name, value
    elif isinstance(value, tuple | list | dict):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from within(each, f"{name}.{key}")


def arguments(function: Callable, args: tuple, kwargs: dict) -> dict[str, Any]:
    """The arguments by name."""
    try:
        return dict(inspect.signature(getattr(function, "forward", function)).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):     # Python knows no signature
        return {"args": args, **kwargs}


def named(function: Callable, args: tuple, kwargs: dict, twins: dict[int, Value],
          tracer: Any) -> dict[Buffer, tuple[str, str]]:
    """(name, kind) of buffers; the kinds are "input", "gradient", "parameter", "state" and "outside".

    `twins` stood for the tensors of those ids.  Modules' tensors have their paths from the outermost module that was
    called, which start with what the function calls it where there are several, or where they start with a digit.
    """
    found: dict[Buffer, tuple[str, str]] = {}
    names, look = of_function(function)
    around = dict(zip(names, look(), strict=True))

    def tell(value: Value, name: str, kind: str) -> None:
        found.setdefault(value.buffer, (name, kind))

    for name, value in within(arguments(function, args, kwargs), ""):
        tell(twins.get(id(value), value), name[1:], "input")
    called = list(tracer.guarded.values())
    inner = {part for module in called for part in module.modules() if part is not module}
    roots = [module for module in called if module not in inner]
    for number, root in enumerate(roots):
        prefix = next((name for name, value in around.items() if value is root), f"model{number or ''}")
        if len(roots) == 1 and not any(name[0].isdigit() for name, _ in root.named_parameters()):
            prefix = ""
        for name, value in root.named_parameters(prefix):
            tell(value, name, "parameter")
        for name, value in root.named_buffers(prefix):
            tell(value, name, "state")
    for name, value in within(around, ""):
        tell(value, name[1:], "parameter" if value.differentiable else "outside")
    for optimizer in tracer.optimizers:
        for number, param in enumerate(optimizer._params()):
            tell(param, f"param{number}", "parameter")
            for key, value in optimizer.state.get(param, {}).items():
                if isinstance(value, Value):
                    tell(value, f"{found[param.buffer][0]}.{key}", "state")
    for number, slot in enumerate(tracer.slots.values()):
        tell(slot.leaf, f"leaf{number}", "parameter")
        if slot.bound is not None:
            tell(slot.bound, f"{found[slot.leaf.buffer][0]}.grad", "gradient")
    return found
