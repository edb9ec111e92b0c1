"""How a tensor reads: PyTorch's form, four digits, long axes cut in the middle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minigrad.dtypes import get_default_dtype

OPEN = "tensor("
DIGITS = 4
THRESHOLD = 1000        # more elements than this are summarised
EDGE = 3                # how many stay at each end of a summarised axis
WIDTH = 80


def describe(x: Any) -> str:
    """The text of a tensor: its numbers, its dtype if that is not the default, and its place in the graph."""
    notes = []
    empty = x.buffer.size == 0
    if empty and x.ndim != 1:
        notes.append(f"size={x.shape}")
    default = get_default_dtype().name
    if x.dtype.name != default and (empty or x.dtype.name not in ("int64", "bool")):
        notes.append(f"dtype={x.dtype}")
    if x.node is not None:
        notes.append(f"grad_fn=<{x.node.op.name}>")
    elif x.differentiable:
        notes.append("requires_grad=True")
    numbers = _sampled(x)
    leaves = _leaves(numbers)
    form, width = _floats(leaves) if x.dtype.is_floating_point else (str, max(map(len, map(str, leaves)), default=0))
    body = "[]" if empty else _nested(numbers, lambda value: form(value).rjust(width), x.ndim, len(OPEN))
    return _noted(OPEN + body, notes) + ")"


def _noted(text: str, notes: list[str]) -> str:
    """The text with the notes after it, on a new line where the last one is full."""
    length = len(text) - text.rfind("\n") + 1
    for note in notes:
        if length + len(note) + 2 > WIDTH:
            text, length = f"{text},\n{' ' * len(OPEN)}{note}", len(OPEN) + len(note)
        else:
            text, length = f"{text}, {note}", length + len(note) + 2
    return text


class _Dots:
    """Stands where elements were left out."""


def _sampled(x: Any) -> Any:
    """Nested lists of the elements that are shown."""
    if x.buffer.size <= THRESHOLD:
        return x.buffer.tolist()

    def cut(buffer: Any) -> Any:
        if buffer.ndim == 0:
            return buffer.item()
        size = buffer.shape[0]
        places = range(size) if size <= 2 * EDGE else [*range(EDGE), None, *range(size - EDGE, size)]
        zeros, ones = (0,) * (buffer.ndim - 1), (1,) * buffer.ndim
        return [_Dots if j is None else
                cut(buffer.slice((j, *zeros), ones, (1, *buffer.shape[1:])).reshape(buffer.shape[1:])) for j in places]
    return cut(x.buffer)


def _leaves(nested: Any) -> list:
    if not isinstance(nested, list):
        return [] if nested is _Dots else [nested]
    return [leaf for part in nested for leaf in _leaves(part)]


def _floats(values: list) -> tuple[Callable[[float], str], int]:
    """How floats are written, all in one form, and how wide: by the finite ones that are not zero."""
    chosen = [value for value in values if value and math.isfinite(value)]
    low, high = min(map(abs, chosen), default=1.0), max(map(abs, chosen), default=1.0)
    whole = all(value == math.ceil(value) for value in chosen)
    if high > 1e8 or high / low > 1000 or (not whole and low < 1e-4):
        def form(value: float) -> str:
            return f"{value:.{DIGITS}e}"
    elif whole:
        def form(value: float) -> str:
            return f"{value:.0f}." if math.isfinite(value) else str(value)
    else:
        def form(value: float) -> str:
            return f"{value:.{DIGITS}f}"
    return form, max([1, *[len(form(value)) for value in chosen]])


def _nested(numbers: Any, form: Callable[[Any], str], ndim: int, indent: int) -> str:
    """The brackets: rows of numbers in lines of at most WIDTH, matrices row below row, blank lines between stacks."""
    if ndim == 0:
        return form(numbers)
    if ndim > 1:
        parts = ["..." if part is _Dots else _nested(part, form, ndim - 1, indent + 1) for part in numbers]
        return "[" + ("," + "\n" * (ndim - 1) + " " * (indent + 1)).join(parts) + "]"
    parts = [" ..." if part is _Dots else form(part) for part in numbers]
    width = max([len(part) for part in parts if part != " ..."], default=0)
    fitting = max(1, (WIDTH - indent) // (width + 2))
    lines = [", ".join(parts[j:j + fitting]) for j in range(0, len(parts), fitting)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
