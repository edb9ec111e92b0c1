"""A tensor in memory: at which address each of its elements lies.

Shape, strides and offset are all that a tensor adds to a row of numbers; transposing, slicing, flipping and expanding
change these three and leave the numbers where they are.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from minigrad.draw.play import BOLD, EDGE
from minigrad.draw.svg import Sheet
from minigrad.errors import require

TALL, NARROW, LETTER, SMALL, TOP, GAP = 30, 34, 6.8, 7.3, 68, 8
WIDEST, ROWS = 40, 16                   # numbers of memory, rows of the tensor: more are no picture


def memory(view: Any, of: Any = None, letters: str = "") -> Sheet:
    """The memory as a row of numbers, and below it, for every row of `view`, the addresses at which its elements lie.

    `of` is a contiguous tensor that `view` is a view of: all its numbers are shown, and addresses count from its first;
    without it, the numbers of `view` alone, from the lowest address.  `letters` names the axes in the formula below the
    picture, one letter for each; they are "rc" of a matrix unless given.
    ValueError for more than 4 axes, no elements, more than 16 rows or 40 addresses, and for an `of` that does not hold
    `view`.

    >>> import minigrad
    >>> from minigrad.draw import memory
    >>> x = minigrad.arange(12.0).reshape(3, 4)
    >>> memory(x.T, of=x).title
    'shape (4, 3), strides (1, 4), offset 0'
    """
    shape, step = tuple(view.shape), tuple(view.stride())
    require(1 <= len(shape) <= 4 and view.numel() > 0, "memory", "view", f"shape {shape}",
            "1 to 4 axes and at least one element")
    rows = view.numel() // shape[-1]
    require(rows <= ROWS and view.numel() <= ROWS * WIDEST, "memory", "view", f"shape {shape}",
            f"at most {ROWS} rows and {ROWS * WIDEST} elements, to be a picture")
    letters = letters or "nkrc"[-len(shape):]
    require(len(letters) == len(shape), "memory", "letters", repr(letters), f"one for each of {len(shape)} axes")
    found = [(index, sum(n * s for n, s in zip(index, step, strict=True))) for index in product(*map(range, shape))]
    low = min(address for _, address in found)
    if of is None:
        offset, known = -low, {}
    else:
        require(of.is_contiguous(), "memory", "of", f"strides {tuple(of.stride())}", "a contiguous tensor")
        require(of.numel() <= WIDEST, "memory", "of", f"{of.numel()} numbers", f"at most {WIDEST}, to be a picture")
        offset = (view.data_ptr() - of.data_ptr()) // of.element_size()
        known = dict(enumerate(of.flatten().tolist()))
        require(offset + low >= 0 and offset + max(address for _, address in found) < of.numel(), "memory", "of",
                f"a tensor of {of.numel()} numbers elsewhere", "one that view is a view of")
    values = view.tolist()
    placed = []
    for index, address in found:
        value = values
        for n in index:
            value = value[n]
        known[offset + address] = value
        placed.append((index, offset + address))
    title = f"shape {shape}, strides {step}, offset {offset}"
    count = max(known) + 1
    require(count <= WIDEST, "memory", "view", f"{count} addresses", f"at most {WIDEST}, to be a picture")
    return _drawn(title, known, placed, _formula(letters, step, offset), count, rows)


def _formula(letters: str, step: tuple[int, ...], offset: int) -> str:
    terms = "".join(f" {'−' if s < 0 else '+'} {abs(s)}·{letter}" for s, letter in zip(step, letters, strict=True))
    return f"[{', '.join(letters)}] lies at {offset}{terms}"


def _drawn(title: str, known: dict[int, Any], placed: list[tuple[tuple[int, ...], int]], formula: str, count: int,
           rows: int) -> Sheet:
    words = {address: f"{value:g}".replace("-", "−") for address, value in known.items()}
    texts = {(index[:-1], address): "" for index, address in placed}
    for index, address in placed:
        # Of several elements at one address the first is named.
        name = texts[index[:-1], address]
        texts[index[:-1], address] = ",".join(map(str, index)) if not name else name.rstrip("…") + "…"
    cell = max(NARROW, 8 + LETTER * max(map(len, [*words.values(), *texts.values()])))
    leading = list(dict.fromkeys(index[:-1] for index, _ in placed))
    labels = [f"[{', '.join([*map(str, index), ':'])}]" for index in leading]
    left = EDGE + max(SMALL * max(map(len, labels)), 58) + 12
    width = max(left + count * cell + EDGE, 2 * EDGE + BOLD * len(title), 2 * EDGE + SMALL * len(formula))
    under = TOP + 14 + TALL + GAP + 6
    sheet = Sheet(round(width), round(under + rows * (TALL + GAP) + 36), title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    sheet.text(EDGE, TOP + 10, "address", size=12, anchor="start", fill="faint")
    sheet.text(EDGE, TOP + 14 + TALL / 2 + 4, "memory", size=12, anchor="start")
    for address in range(count):
        x = left + address * cell
        sheet.text(x + cell / 2, TOP + 8, f"{address}", size=11, fill="faint", mono=True)
        sheet.rect(x, TOP + 14, cell, TALL, fill="input" if address in words else "", stroke="line")
        sheet.text(x + cell / 2, TOP + 14 + TALL / 2 + 5, words.get(address, ""), size=13, mono=True)
    for n, (index, label) in enumerate(zip(leading, labels, strict=True)):
        y = under + n * (TALL + GAP)
        sheet.text(EDGE, y + TALL / 2 + 4, label, size=12, anchor="start", mono=True)
        sheet.rect(left, y, count * cell, TALL, stroke="line", dashed=True)
        for (row, address), name in texts.items():
            if row == index:
                sheet.rect(left + address * cell, y, cell, TALL, fill="kernel", stroke="second")
                sheet.text(left + (address + 0.5) * cell, y + TALL / 2 + 4, name, size=11, mono=True)
    sheet.text(EDGE, under + rows * (TALL + GAP) + 16, formula, size=12, anchor="start", fill="accent", mono=True)
    return sheet
