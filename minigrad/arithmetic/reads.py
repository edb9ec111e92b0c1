"""Which input positions each position of a layer reads along one axis, as intervals that repeat.

Position q*P + r reads from table[r][0] + q*jump to table[r][1] + q*jump, for the P entries of the table.  One entry is
enough for convolutions and pools; upsampling by s makes s phases.  Positions outside of the layer count too: those are
padding, and what they would read lies outside of the input.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from minigrad.axismap import AxisMap

Interval = tuple[int, int] | None       # first and last, None of what reads nothing (between the taps of a stride)


def hull(found: Iterable[Interval]) -> Interval:
    """The smallest interval that holds all."""
    known = [interval for interval in found if interval is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


class Reads(NamedTuple):
    """The intervals of one period, and how many input positions the next one lies further on.

    >>> Reads().window(3, 2, 1, 1)
    Reads(table=((-1, 1),), jump=2)
    >>> Reads().window(3, 2, 1, 1).transposed(2, 2, 1, 0)
    Reads(table=((-1, 1), (-1, 1)), jump=2)
    """

    table: tuple[Interval, ...] = ((0, 0),)
    jump: int = 1

    def at(self, x: int) -> Interval:
        """What position x reads, x may be any."""
        period, place = divmod(x, len(self.table))
        found = self.table[place]
        return None if found is None else (found[0] + period * self.jump, found[1] + period * self.jump)

    def through(self, places: Callable[[int], Iterable[int]], period: int, advance: int) -> "Reads":
        """Of a layer above: its position o reads places(o) here, and position o + period those `advance` further on."""
        here = len(self.table)
        times = here // math.gcd(here, advance) if advance else 1
        return Reads(tuple([hull(map(self.at, places(o))) for o in range(period * times)]),
                     self.jump * (advance * times // here))

    def window(self, k: int, s: int, d: int, low: int) -> "Reads":
        """Of a convolution or a pool: o reads o*s + t*d - low for each tap t."""
        return self.through(lambda o: [o * s + t * d - low for t in range(k)], 1, s)

    def transposed(self, k: int, s: int, d: int, low: int) -> "Reads":
        """Of its transpose: i reads each o with a tap t so that o*s + t*d - low = i."""
        return self.through(lambda i: [(i + low - t * d) // s for t in range(k) if (i + low - t * d) % s == 0], s, 1)

    def everything(self, size: int) -> "Reads":
        """Of a layer that reads all `size` positions wherever it stands."""
        return self.through(lambda _: range(size), 1, 0)

    def regions(self, size: int, count: int) -> "Reads":
        """Of an adaptive pool: region o of `count` from floor(o size/count) to ceil((o + 1) size/count)."""
        common = math.gcd(size, count)
        return self.through(lambda o: range(o * size // count, -(-(o + 1) * size // count)), count // common,
                            size // common if count > 1 else 0)

    def mapped(self, rows: AxisMap) -> "Reads":
        """Of resampling by a matrix: borders that reflect or repeat count as padding."""
        kind, size, count = rows.key[:3]
        if kind in ("reflect", "replicate", "circular"):
            return self.window(1, 1, 1, rows.key[3])
        found = [[index for index, _ in entries] for entries in rows.entries]
        common = math.gcd(size, count)
        period, advance = count // common, size // common
        middle = common // 2        # a period away from the borders, if the next one is the same further on

        def places(o: int, at: int = middle) -> list[int]:
            return [index - at * advance for index in found[at * period + o]]

        if common > 4 and all(places(o) == places(o, middle + 1) for o in range(period)):
            return self.through(places, period, advance)
        return self.through(lambda o: found[o], count, size)

    def joined(self, other: "Reads", size: int) -> "Reads":
        """Of two branches that meet: the union.  What reads the same everywhere reads all that there is.

        Where the branches move at different rates, it is that of the `size` positions that there are.
        """
        if self.jump == 0 != other.jump or other.jump == 0 != self.jump:
            return self if self.jump == 0 else other
        mine, theirs = len(self.table), len(other.table)
        period = math.lcm(mine, theirs) if self.jump * theirs == other.jump * mine else size
        return Reads(tuple([hull((self.at(x), other.at(x))) for x in range(period)]), self.jump * period // mine)
