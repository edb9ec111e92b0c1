"""Where a transposed convolution's kernels overlap: the origin of checkerboards, and two ways without them.

With all inputs and weights 1, an output is the number of products that are summed in it.  It is even, away from the
border, exactly where the stride divides the kernel size; upsampling followed by a convolution is even for every size.
Source: Odena, Dumoulin and Olah, Deconvolution and checkerboard artifacts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad
from minigrad.draw.play import EDGE
from minigrad.draw.steps import CELLS
from minigrad.draw.svg import Sheet
from minigrad.errors import require
from minigrad.nn.functional import conv2d, conv_transpose2d, interpolate

CELL, GAP, TOP = 25, 40, 88


def overlap(kernels: Sequence[tuple[int, int]] = ((3, 2), (4, 2)), size: int = 4,
            resize: tuple[int, int] | None = (3, 2)) -> Sheet:
    """A map for each (kernel size, stride) over an input of `size` squared, and of the resize-convolution beside them.

    `resize` is that one's (kernel size, factor), None for none.  ValueError without maps, or for more than a picture.

    >>> from minigrad.draw import overlap
    >>> overlap([(3, 2)], size=2, resize=None).title
    'How many products each output sums'
    """
    require(size >= 1 and size ** 2 <= CELLS, "overlap", "size", size, f"at least 1, and its square at most {CELLS}")
    require(kernels or resize, "overlap", "kernels", "none", "at least one, or resize")
    x = minigrad.ones(1, 1, size, size)
    maps: list[tuple[str, str, Any]] = []
    for k, s in kernels:
        require(((size - 1) * s + k) ** 2 <= CELLS, "overlap", "kernels", (k, s),
                f"a map of at most {CELLS} cells, to be a picture")
        remark = f"{s} divides {k}: even" if k % s == 0 else f"{s} does not divide {k}: a checkerboard"
        maps.append((f"transposed, k = {k}, s = {s}", remark, conv_transpose2d(x, minigrad.ones(1, 1, k, k), stride=s)))
    if resize is not None:
        k, s = resize
        require((size * s) ** 2 <= CELLS, "overlap", "resize", resize, f"a map of at most {CELLS} cells")
        maps.append((f"nearest ×{s}, then k = {k}", "even, whatever the sizes",
                     conv2d(interpolate(x, scale_factor=s), minigrad.ones(1, 1, k, k), padding="same")))
    widths = [max(y.shape[3] * CELL, 7.2 * max(len(name), len(remark))) for name, remark, y in maps]
    tall = max(y.shape[2] for _, _, y in maps) * CELL
    title = "How many products each output sums"
    sheet = Sheet(round(max(2 * EDGE + sum(widths) + GAP * (len(maps) - 1), 400)), TOP + tall + EDGE, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    left = float(EDGE)
    for (name, remark, y), width in zip(maps, widths, strict=True):
        rows = y.tolist()[0][0]
        most = max(map(max, rows))
        at = left + (width - len(rows[0]) * CELL) / 2
        sheet.text(left + width / 2, TOP - 28, name, size=13)
        sheet.text(left + width / 2, TOP - 11, remark, size=12, fill="faint")
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                sheet.rect(at + c * CELL, TOP + r * CELL, CELL, CELL, fill="accent", stroke="line",
                           opacity=0.6 * value / most)
                sheet.text(at + (c + 0.5) * CELL, TOP + (r + 0.5) * CELL + 4.5, f"{value:g}", size=12, mono=True)
        left += width + GAP
    return sheet
