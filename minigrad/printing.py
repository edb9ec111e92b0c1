"""How a tensor reads: PyTorch's form, four digits, long axes cut in the middle."""

import math
from collections.abc import Callable
from typing import Any

from minigrad.dtypes import get_default_dtype
from minigrad.ops.view import cat, cut, flat_view

OPEN, WIDTH, DIGITS = "tensor(", 80, 4
THRESHOLD, EDGE = 1000, 3       # more elements than this are summarised; how many stay at each end of such an axis


def describe(x: Any) -> str:
    """The text of a tensor: its numbers, its dtype if that is not the default, and its place in the graph."""
    empty = x.buffer.size == 0
    notes = [f"size={x.shape}"] if empty and x.ndim != 1 else []
    if x.dtype is not get_default_dtype() and (empty or x.dtype.name not in ("int64", "bool")):
        notes.append(f"dtype={x.dtype}")
    if x.differentiable:
        notes.append(f"grad_fn=<{x.node.op.name}>" if x.node is not None else "requires_grad=True")
    shown, long = x.detach(), [x.buffer.size > THRESHOLD and n > 2 * EDGE for n in x.shape]
    for axis in [axis for axis, cropped in enumerate(long) if cropped]:
        shown = cat(cut(shown, axis, 0, EDGE), cut(shown, axis, x.shape[axis] - EDGE, EDGE), axis=axis)
    form = _form(flat_view(shown, (shown.buffer.size,)).tolist())
    text = OPEN + ("[]" if empty else _nested(shown.tolist(), form, long, len(OPEN)))
    length = len(text) - text.rfind("\n") + 1
    for note in notes:                  # on a new line where the last one is full
        new = length + len(note) + 2 > WIDTH
        text += f",\n{' ' * len(OPEN)}{note}" if new else f", {note}"
        length = len(OPEN) + len(note) if new else length + len(note) + 2
    return text + ")"


def _form(values: list) -> Callable[[Any], str]:
    """How the numbers are written, all in one form and width: floats by the finite ones that are not zero."""
    floats = any(type(value) is float for value in values)
    chosen = [value for value in values if not floats or (value and math.isfinite(value))]
    spec = ""
    if floats:
        low, high = min(map(abs, chosen), default=1.0), max(map(abs, chosen), default=1.0)
        whole = all(value == math.ceil(value) for value in chosen)
        wide = high > 1e8 or high / low > 1000 or (not whole and low < 1e-4)
        spec = f".{DIGITS}e" if wide else ".0f" if whole else f".{DIGITS}f"

    def written(value: Any) -> str:
        return f"{value:{spec}}" + ("." if spec == ".0f" and math.isfinite(value) else "")

    width = max([1, *[len(written(value)) for value in chosen]])
    return lambda value: written(value).rjust(width)


def _nested(numbers: Any, form: Callable[[Any], str], long: list[bool], indent: int) -> str:
    """The brackets: rows of numbers in lines of at most WIDTH, matrices row below row, blank lines between stacks."""
    if not long:
        return form(numbers)
    parts = [_nested(part, form, long[1:], indent + 1) for part in numbers]
    width = max(map(len, parts))
    if long[0]:
        parts.insert(EDGE, "..." if len(long) > 1 else " ...")
    if len(long) == 1:
        fitting = max(1, (WIDTH - indent) // (width + 2))
        parts = [", ".join(parts[j:j + fitting]) for j in range(0, len(parts), fitting)]
    return "[" + ("," + "\n" * max(len(long) - 1, 1) + " " * (indent + 1)).join(parts) + "]"
