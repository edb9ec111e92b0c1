"""Multiply-adds in the units that do them: a sum is a chain, and a chain waits.

Each multiply-add takes some cycles, the latency; a unit accepts a new one every cycle.  One that adds to a sum cannot
begin before the last one of that sum has ended.  So units times latency sums must be under way to keep all units busy.
"""

from __future__ import annotations

from minigrad.draw.play import BOLD, EDGE
from minigrad.draw.svg import Sheet
from minigrad.errors import require

ROW, TOP, SIDE, BELOW, WIDE, LONGEST = 26, 88, 64, 30, 720, 64


def pipeline(sums: int, latency: int = 4, units: int = 2, cycles: int = 16) -> Sheet:
    """A row for each of the sums, a bar for each of its multiply-adds, from the cycle in which it begins to its end.

    In each cycle the sums that wait longest go first, as many as there are units.  ValueError for sizes of less than 1,
    and for more than 64 of any.

    >>> from minigrad.draw import pipeline
    >>> pipeline(1).title
    '1 sum: 4 multiply-adds begin in 16 cycles, of 32 possible'
    >>> pipeline(8).title
    '8 sums: 32 multiply-adds begin in 16 cycles, of 32 possible'
    """
    for name, value in (("sums", sums), ("latency", latency), ("units", units), ("cycles", cycles)):
        require(1 <= value <= LONGEST, "pipeline", name, value, f"1 to {LONGEST}")
    begun = schedule(sums, latency, units, cycles)
    count = sum(map(len, begun))
    title = (f"{sums} sum{'s' * (sums > 1)}: {count} multiply-adds begin in {cycles} cycles, of "
             f"{units * cycles} possible")
    cell = max(12, min(40, WIDE // (cycles + latency - 1)))
    width = max(2 * EDGE + SIDE + (cycles + latency - 1) * cell, 2 * EDGE + BOLD * len(title))
    sheet = Sheet(round(width), TOP + ROW * sums + BELOW, title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    left, bottom = EDGE + SIDE, TOP + ROW * sums
    for cycle in range(cycles + 1):
        sheet.line(left + cycle * cell, TOP - 6, left + cycle * cell, bottom, "line", 0.6)
    for cycle in range(0, cycles, 4):
        sheet.text(left + (cycle + 0.5) * cell, TOP - 12, f"{cycle + 1}", size=11, fill="faint", mono=True)
    sheet.text(EDGE, TOP - 12, "cycle", size=12, anchor="start", fill="faint")
    for row, starts in enumerate(begun):
        y = TOP + row * ROW
        sheet.text(EDGE, y + 17, f"sum {row + 1}", size=12, anchor="start", mono=True)
        for start in starts:
            sheet.rect(left + start * cell + 1, y + 4, latency * cell - 2, ROW - 8, fill="input", stroke="accent",
                       round=4)
    sheet.text(left, bottom + 18, f"a multiply-add takes {latency} cycles; {units} may begin in each", size=12,
               anchor="start", fill="faint")
    return sheet


def schedule(sums: int, latency: int, units: int, cycles: int) -> list[list[int]]:
    """The cycles in which the multiply-adds of each sum begin.

    >>> schedule(2, 4, 1, 8)
    [[0, 4], [1, 5]]
    """
    begun: list[list[int]] = [[] for _ in range(sums)]
    for cycle in range(cycles):
        ready = [starts for starts in begun if not starts or starts[-1] + latency <= cycle]
        for starts in sorted(ready, key=lambda starts: starts[-1] if starts else -1)[:units]:
            starts.append(cycle)
    return begun
