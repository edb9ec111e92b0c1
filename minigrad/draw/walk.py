"""Through memory in the order of a loop: which numbers are visited when, and which lines a cache must fetch for them.

A cache does not fetch numbers but lines of neighbours, 64 bytes as a rule, and keeps those that were used last.  So the
same numbers cost few fetches in one order and one fetch each in another.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import product
from typing import Any

from minigrad.draw.play import BOLD, EDGE
from minigrad.draw.steps import CELLS
from minigrad.draw.svg import Sheet
from minigrad.errors import require

CELL, TOP, SIDE, KEY = 34, 72, 76, 44


def walk(view: Any, line: int = 8, kept: int = 4) -> Sheet:
    """The visits of a loop over a tensor, its last axis innermost, in the memory where the tensor lies.

    A row of the picture is a line of `line` numbers; each number says when it is visited, yellow where its line had to
    be fetched, green where it was among the `kept` lines that were used last.  Another order of the loops is another
    view: `x.T` walks down the columns of x.  ValueError for no numbers, for more than make a picture, and for sizes of
    less than 1.

    >>> import minigrad
    >>> from minigrad.draw import walk
    >>> x = minigrad.arange(64.0).reshape(8, 8)
    >>> walk(x).title
    '64 visits fetch 8 lines'
    >>> walk(x.T).title
    '64 visits fetch 64 lines'
    >>> walk(x.T, kept=8).title
    '64 visits fetch 8 lines'
    """
    require(line >= 1, "walk", "line", line, "at least 1")
    require(kept >= 1, "walk", "kept", kept, "at least 1")
    require(0 < view.numel() <= CELLS, "walk", "view", f"shape {tuple(view.shape)}", f"1 to {CELLS} numbers, to be a "
            "picture")
    offsets = [view.storage_offset() + sum(n * step for n, step in zip(index, view.stride(), strict=True))
               for index in product(*map(range, view.shape))]
    first, last = min(offsets) // line, max(offsets) // line
    require((last - first + 1) * line <= CELLS, "walk", "view",
            f"{len(offsets)} numbers in {last - first + 1} lines of {line}", f"at most {CELLS}, to be a picture")
    fetches = fetched([offset // line for offset in offsets], kept)
    count = sum(fetches)
    title = f"{len(offsets)} visit{'s' * (len(offsets) > 1)} fetch {count} line{'s' * (count > 1)}"
    return _drawn(title, [divmod(offset - first * line, line) for offset in offsets], fetches, (last - first + 1, line),
                  kept)


def fetched(lines: list[int], kept: int) -> list[bool]:
    """Whether each visit must fetch its line, where the `kept` lines used last are at hand.

    >>> fetched([0, 0, 1, 0, 2, 1], kept=2)
    [True, False, True, False, True, True]
    """
    at_hand: OrderedDict[int, None] = OrderedDict()
    found = []
    for line in lines:
        found.append(line not in at_hand)
        at_hand[line] = None
        at_hand.move_to_end(line)
        if len(at_hand) > kept:
            at_hand.popitem(last=False)
    return found


def _drawn(title: str, places: list[tuple[int, int]], fetches: list[bool], size: tuple[int, int], kept: int) -> Sheet:
    rows, columns = size
    key = (f"fetched from memory: {sum(fetches)}", f"at hand: {len(fetches) - sum(fetches)}")
    note = f"a row is a line of {columns}; the last {kept} are at hand"
    width = max(2 * EDGE + SIDE + columns * CELL, 2 * EDGE + BOLD * len(title), 2 * EDGE + 6.6 * len(note), 320)
    sheet = Sheet(round(width), TOP + rows * CELL + KEY, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    sheet.text(EDGE, 54, note, size=12, anchor="start", fill="faint")
    visits: dict[tuple[int, int], list[int]] = {}
    for n, place in enumerate(places):
        visits.setdefault(place, []).append(n)
    for r in range(rows):
        y = TOP + r * CELL
        sheet.text(EDGE, y + CELL / 2 + 4, f"line {r}", size=12, anchor="start", fill="faint", mono=True)
        for c in range(columns):
            x, seen = EDGE + SIDE + c * CELL, visits.get((r, c), [])
            fill = ("kernel" if any(fetches[n] for n in seen) else "output") if seen else ""
            sheet.rect(x, y, CELL, CELL, fill=fill, stroke="line", dashed=not seen)
            if seen:
                sheet.text(x + CELL / 2, y + CELL / 2 + 4, f"{seen[0] + 1}" + "…" * (len(seen) > 1), size=12, mono=True)
    left, below = float(EDGE), TOP + rows * CELL + 16
    for fill, words in zip(("kernel", "output"), key, strict=True):
        sheet.rect(left, below, 14, 14, fill=fill, stroke="line")
        sheet.text(left + 20, below + 12, words, size=12, anchor="start")
        left += 34 + 6.6 * len(words)
    return sheet
