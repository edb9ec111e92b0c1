"""One axis mapped onto another by a sparse matrix: what resampling and bordering have in common.

Enlarging, shrinking, averaging regions and repeating a border all give each new place a few weighted old ones,

    y[o] = sum over j of weight[o, j] * x[index[o, j]]

axis by axis, so a map of one axis is all that has to be said: `RULES` says it for each kind, one place at a time.  The
transposed matrix is a map again, and that is the gradient.
Sources: Dumoulin and Visin 2016 (unpooling); Keys 1981 (cubic convolution); PyTorch's conventions of pixel centres.
"""

import functools
import itertools
import math
import struct
from collections.abc import Callable, Iterable
from typing import Any

from minigrad.errors import require
from minigrad.shapes import MAX_AXES
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params

INT32, FLOAT32, FLOAT64 = 2, 4, 5
LIMIT = 2**24                                   # places of an axis: a map's rows are made one by one
Entries = tuple[tuple[int, float], ...]         # (index, weight) of one row


class AxisMap:
    """A sparse matrix from an axis of `size` places to one of `len(entries)`; made by `axis_map`.

    >>> m = axis_map("linear", 2, 4, 0.5, False)
    >>> m.entries
    (((0, 1.0),), ((0, 0.75), (1, 0.25)), ((0, 0.25), (1, 0.75)), ((1, 1.0),))
    >>> m.T.entries
    (((0, 1.0), (1, 0.75), (2, 0.25)), ((1, 0.25), (2, 0.75), (3, 1.0)))
    >>> m.T.T is m
    True
    """

    def __init__(self, key: tuple, size: int, entries: tuple[Entries, ...]) -> None:
        self.key, self.size, self.entries = key, size, entries
        self.starts = Buffer.from_nested([0, *itertools.accumulate(map(len, entries))], INT32)
        listed = list(itertools.chain.from_iterable(entries))
        self.index = Buffer.from_nested([index for index, _ in listed], INT32)
        self.weights = {code: Buffer.from_nested([weight for _, weight in listed], code) for code in (FLOAT32, FLOAT64)}
        # for the kernel, by axis: which it is, and whether each place has one entry
        self.params = [Params((axis, set(map(len, entries)) <= {1})) for axis in range(MAX_AXES)]

    def __repr__(self) -> str:
        return f"AxisMap{self.key}"

    @functools.cached_property
    def T(self) -> "AxisMap":
        """The transposed matrix: from `len(entries)` places back to `size`."""
        rows: list[list[tuple[int, float]]] = [[] for _ in range(self.size)]
        for o, row in enumerate(self.entries):
            for index, weight in row:
                rows[index].append((o, weight))
        back = AxisMap((*self.key, "T"), len(self.entries), tuple(map(tuple, rows)))
        back.T = self
        return back


# ---- one place of each kind: (place, old size, new size, what else the kind needs) -> its entries

def cubic_near(t: Any, a: float = -0.75) -> Any:
    """Keys' cubic convolution kernel at a distance from 0 to 1."""
    return ((a + 2) * t - (a + 3)) * t * t + 1


def cubic_far(t: Any, a: float = -0.75) -> Any:
    """The same kernel at a distance from 1 to 2, where it ends."""
    return (((t - 5) * t + 8) * t - 4) * a


def _cubic(t: float, a: float = -0.75) -> float:
    return cubic_near(abs(t), a) if abs(t) < 1 else cubic_far(abs(t), a) if abs(t) < 2 else 0.0


def _triangle(t: float) -> float:
    return max(1.0 - abs(t), 0.0)


def _nearest(place: float, size: int) -> Iterable[tuple[int, float]]:
    """Rounded to float32, as PyTorch does before it takes a floor: 2.9999999999 is 3."""
    return [(min(math.floor(struct.unpack("f", struct.pack("f", place))[0]), size - 1), 1.0)]


def _kernel(o: int, size: int, step: float, align: bool, radius: int,
            kernel: Callable[[float], float]) -> Iterable[tuple[int, float]]:
    """The kernel about where place o lies on the old axis: pixel centres half a step inside, or corners on corners."""
    place = o * step if align else (o + 0.5) * step - 0.5
    first = math.floor(place) - radius + 1
    return [(min(max(j, 0), size - 1), kernel(place - j)) for j in range(first, first + 2 * radius)]


def _smooth(o: int, size: int, step: float, radius: int, kernel: Callable[[float], float]) -> list[tuple[int, float]]:
    """The kernel, widened where the axis shrinks so that no old place is left out, and normalised."""
    wide, centre = max(step, 1.0), (o + 0.5) * step
    low, high = max(int(centre - radius * wide + 0.5), 0), min(int(centre + radius * wide + 0.5), size)
    weights = [kernel((j - centre + 0.5) / wide) for j in range(low, high)]
    total = sum(weights)
    return [(low + j, weight / total) for j, weight in enumerate(weights)]


def _area(o: int, size: int, rows: int) -> Iterable[tuple[int, float]]:
    low, high = o * size // rows, -(-(o + 1) * size // rows)
    return [(j, 1.0 / (high - low)) for j in range(low, high)]


RULES: dict[str, Callable[..., Iterable[tuple[int, float]]]] = {
    # whatever factor gave these sizes
    "nearest": lambda o, size, rows, step: _nearest(o * (size / rows if rows in (size, 2 * size) else step), size),
    "nearest-exact": lambda o, size, rows, step: _nearest((o + 0.5) * step, size),
    "linear": lambda o, size, rows, step, align: _kernel(o, size, 1.0 if size == rows else step, align, 1, _triangle),
    "cubic": lambda o, size, rows, step, align: _kernel(o, size, step, align, 2, _cubic),
    "area": _area,
    "linear-antialias": lambda o, size, rows, step, align: _smooth(o, size, step, 1, _triangle),
    "cubic-antialias": lambda o, size, rows, step, align: _smooth(o, size, step, 2, lambda t: _cubic(t, -0.5)),
    "reflect": lambda o, size, rows, low: [(abs((o - low + size - 1) % max(2 * (size - 1), 1) - size + 1), 1.0)],
    "replicate": lambda o, size, rows, low: [(min(max(o - low, 0), size - 1), 1.0)],
    "circular": lambda o, size, rows, low: [((o - low) % size, 1.0)],
}


@functools.lru_cache(maxsize=1024)
def axis_map(kind: str, size: int, rows: int, *numbers: float) -> AxisMap:
    """The map of a kind from `size` places to `rows`; weights of one place are summed, those of zero left out."""
    require(max(size, rows) <= LIMIT, kind, "size", f"{size} places to be mapped to {rows}", f"at most {LIMIT}")
    entries = []
    for o in range(rows):
        row: dict[int, float] = {}
        for index, weight in RULES[kind](o, size, rows, *numbers):
            row[index] = row.get(index, 0.0) + weight
        entries.append(tuple([(index, weight) for index, weight in sorted(row.items()) if weight]))
    return AxisMap((kind, size, rows, *numbers), size, tuple(entries))
