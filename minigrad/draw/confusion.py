"""The confusion matrix: what each class was taken for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.draw.play import BOLD, EDGE, SMALL
from minigrad.draw.svg import Sheet
from minigrad.errors import require

TALL, TOP, CLASSES, LONG, SHARE = 32, 104, 32, 14, 62       # SHARE is the room for a percentage


def confusion(counts: Any, labels: Sequence[str] | None = None, title: str = "Confusion matrix") -> Sheet:
    """Rows are the true classes, columns the predicted ones: counts (K, K), a tensor or nested lists.

    A cell is the darker the larger its share of its row: blue for what is right, amber for what is not.  At the end of
    a row stands its recall, the part of a class that was found; below a column its precision, the part of what was
    called so that is so; in the corner the accuracy.  `labels` names the classes, 0, 1, 2, ... unless given.
    ValueError for what is not square, for other than K labels, and for more than 32 classes.

    >>> from minigrad.draw import confusion
    >>> sheet = confusion([[8, 2], [1, 9]], ["cat", "dog"])
    >>> "80.0 %" in sheet.svg()                   # recall: 8 of 10 cats
    True
    """
    require(0 < len(counts) <= CLASSES, "confusion", "counts", f"{len(counts)} rows", f"1 to {CLASSES} classes")
    rows = [[int(value) for value in row] for row in (counts.tolist() if hasattr(counts, "tolist") else counts)]
    count = len(rows)
    require(all(len(row) == count for row in rows), "confusion", "counts",
            f"{count} rows of {sorted({len(row) for row in rows})}", f"a square of {count} rows and columns")
    names = [str(j) for j in range(count)] if labels is None else [str(name) for name in labels]
    require(len(names) == count, "confusion", "labels", f"{len(names)}", f"{count}, one for each class")
    names = [name if len(name) <= LONG else name[:LONG - 1] + "…" for name in names]
    longest = max(map(len, [*names, "precision"])) * SMALL + 4
    wide = max(38.0, max(map(len, names)) * SMALL + 10, max(len(str(n)) for row in rows for n in row) * 8 + 10)
    left = EDGE + 22 + longest
    right, bottom = left + count * wide, TOP + count * TALL
    sheet = Sheet(round(max(right + SHARE + EDGE, 2 * EDGE + BOLD * len(title))), bottom + TALL + EDGE, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    sheet.text((left + right) / 2, TOP - 34, "predicted", size=12, fill="faint")
    sheet.text(EDGE, TOP - 10, "true", size=12, anchor="start", fill="faint")
    sheet.text(right + SHARE / 2 + 6, TOP - 10, "recall", size=12, fill="faint")
    sheet.text(left - 8, bottom + 21, "precision", size=12, anchor="end", fill="faint")
    for j, (name, row) in enumerate(zip(names, rows, strict=True)):
        y, x = TOP + j * TALL, left + (j + 0.5) * wide
        sheet.text(left - 8, y + 21, name, size=12, anchor="end")
        sheet.text(x, TOP - 10, name, size=12)
        for c, value in enumerate(row):
            # Even one mistake in thousands has a shade that can be seen.
            shade = 0.1 + 0.5 * value / sum(row) if value else 0.0
            sheet.rect(left + c * wide, y, wide, TALL, fill=("accent" if c == j else "second") if value else "",
                       stroke="line", opacity=shade)
            sheet.text(left + (c + 0.5) * wide, y + 21, f"{value}", size=13, fill="ink" if value else "line")
        sheet.text(right + SHARE + 2, y + 21, _share(row[j], sum(row)), size=12, anchor="end")
        sheet.text(x, bottom + 21, _share(row[j], sum(other[j] for other in rows), wide < 46), size=12)
    sheet.text(right + SHARE + 2, bottom + 21, _share(sum(row[j] for j, row in enumerate(rows)), sum(map(sum, rows))),
               size=12, anchor="end", bold=True)
    return sheet


def _share(part: int, whole: int, short: bool = False) -> str:
    """A part in percent, without its sign where there is little room; a dash where there is nothing to be part of."""
    return (f"{100 * part / whole:.1f}" + " %" * (not short)) if whole else "–"
