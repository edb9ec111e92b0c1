"""Functions that run before and after a module's forward: to look at what passes, or to change it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from minigrad.tensor import Handle

Entries = dict[int, tuple[Callable[..., Any], bool]]       # the hook, and whether it takes keyword arguments

_serial = itertools.count()


class Hooks:
    """The hooks of one module, each kind in the order in which it runs."""

    def __init__(self) -> None:
        self.before: Entries = {}
        self.after: Entries = {}

    def run_before(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict]:
        """The arguments for `forward`."""
        for hook, with_kwargs in list(self.before.values()):
            changed = hook(module, args, kwargs) if with_kwargs else hook(module, args)
            if changed is None:
                continue
            if not with_kwargs:
                args = changed if isinstance(changed, tuple) else (changed,)
            elif isinstance(changed, tuple) and len(changed) == 2:
                args, kwargs = changed
            else:
                raise TypeError(f"forward pre-hook: got {changed!r}, expected None or a tuple (args, kwargs)")
        return args, kwargs

    def run_after(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        """What calling the module returns."""
        for hook, with_kwargs in list(self.after.values()):
            changed = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
            if changed is not None:
                output = changed
        return output


def add_hook(entries: Entries, hook: Callable[..., Any], prepend: bool, with_kwargs: bool) -> Handle:
    """Put `hook` last (or first) among the entries; the handle takes it away again."""
    if not callable(hook):
        raise TypeError(f"hook: got {type(hook).__name__}, expected something callable")
    others, key = dict(entries), next(_serial)
    if prepend:
        entries.clear()
    entries[key] = (hook, with_kwargs)
    entries.update(others)
    return Handle(entries, key)       # type: ignore[arg-type]
