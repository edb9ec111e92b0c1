"""How a tensor reads: PyTorch's form, four digits, long axes cut in the middle."""

from __future__ import annotations

import math
from typing import Any

DIGITS = 4
THRESHOLD = 1000        # more elements than this are summarised
EDGE = 3                # how many stay at each end of a summarised axis
WIDTH = 80


def describe(x: Any) -> str:
    """The text of a tensor: its numbers, its dtype if that is not the default, and its place in the graph."""
    numbers = _sampled(x)
    texts = _formatted(_leaves(numbers), x.dtype)
    width = max(map(len, texts), default=0)
    body = _nested(numbers, iter([text.rjust(width) for text in texts]), x.ndim, len("tensor("), x.buffer.size == 0)
    notes = []
    if x.buffer.size == 0 and x.ndim != 1:
        notes.append(f"size={x.shape}")
    if x.dtype.name not in ("float32", "int64", "bool") or (x.buffer.size == 0 and x.dtype.name != "float32"):
        notes.append(f"dtype={x.dtype}")
    if x.node is not None:
        notes.append(f"grad_fn=<{x.node.op.name}>")
    elif x.differentiable:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([body, *notes])})"


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


def _formatted(values: list, dtype: Any) -> list[str]:
    if not dtype.is_floating_point:
        return [str(value) for value in values]
    finite = [value for value in values if math.isfinite(value)]
    sizes = [abs(value) for value in finite if value]
    if sizes and (max(sizes) >= 1e8 or min(sizes) < 1e-4 or (max(sizes) / min(sizes) > 1e3 and max(sizes) >= 1e5)):
        return [f"{value:.{DIGITS}e}" if math.isfinite(value) else str(value) for value in values]
    whole = all(value == int(value) for value in finite)
    return [(f"{value:.0f}." if whole else f"{value:.{DIGITS}f}") if math.isfinite(value) else str(value)
            for value in values]


def _nested(numbers: Any, texts: Any, ndim: int, indent: int, empty: bool) -> str:
    if empty:
        return "[]"
    if not isinstance(numbers, list):
        return "..." if numbers is _Dots else next(texts).strip() if indent == len("tensor(") else next(texts)
    parts = [_nested(part, texts, ndim - 1, indent + 1, False) for part in numbers]
    if ndim > 1:
        return "[" + ("," + "\n" * (ndim - 1) + " " * (indent + 1)).join(parts) + "]"
    lines, line = [], ""
    for part in parts:
        if line and len(line) + len(part) + 2 + indent > WIDTH:
            lines.append(line + ",")
            line = part
        else:
            line = f"{line}, {part}" if line else part
    lines.append(line)
    return "[" + ("\n" + " " * (indent + 1)).join(lines) + "]"
