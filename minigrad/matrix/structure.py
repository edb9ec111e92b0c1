"""How a matrix is built: its bands, and the Toeplitz blocks that make a convolution's matrix what it is.

Along one axis of the result and of the input, a matrix is Toeplitz where an entry stays as it is one place further on
both: A[o + 1, i + 1] = A[o, i], so that each diagonal holds one number.  With a stride s the rows move s columns at a
time, A[o + 1, i + s] = A[o, i]; transposed, columns move s rows.  An image has two such axes: its matrix is Toeplitz in
its blocks, one for each pair of rows of the two images, and each block is Toeplitz in its columns: doubly block
Toeplitz.
Source: Gray, "Toeplitz and circulant matrices: a review", 2006; Jain, "Fundamentals of digital image processing", 1989.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minigrad.matrix.form import Named, words
from minigrad.reference.nested import indices

if TYPE_CHECKING:
    from minigrad.matrix.matrix import Matrix

FOLD = {1: "Toeplitz", 2: "doubly block Toeplitz", 3: "triply block Toeplitz"}


@dataclass(frozen=True)
class Level:
    """One axis of the result (`rows` places) over one of the input (`columns` places).

    `move` is (p, q) where an entry stays the same p places on along the result and q along the input: (1, stride) of a
    convolution, (stride, 1) of a transposed one.  None where there is no such pair: not Toeplitz.
    """

    rows: int
    columns: int
    move: tuple[int, int] | None


@dataclass(frozen=True)
class Structure:
    """What `Matrix.structure()` finds; as text, one line."""

    shape: tuple[int, int]
    nnz: int
    diagonals: tuple[int, ...]      # column - row of those that hold an entry
    weights: tuple[str, ...]        # the different entries, by name or number, in the order in which they appear
    levels: tuple[Level, ...]       # the axes, without those that have one place on both sides

    @property
    def toeplitz(self) -> str:
        """In words: "Toeplitz", "doubly block Toeplitz with stride 2 x 2" and so on; "" where no axis is."""
        inner: list[Level] = []
        for level in self.levels[::-1]:
            if level.move is None:
                break
            inner.insert(0, level)
        if not inner:
            return ""
        text = FOLD.get(len(inner), f"{len(inner)}-fold block Toeplitz")
        for side, of in ((1, "stride"), (0, "transposed stride")):
            steps = [level.move[side] for level in inner if level.move]
            if max(steps) > 1:
                text += f" with {of} {' x '.join(map(str, steps))}"
        outer = self.levels[:len(self.levels) - len(inner)]
        return f"blocks that are {text}" if outer else text

    def __str__(self) -> str:
        m, n = self.shape
        share = f" ({100 * self.nnz / (m * n):.2g} % of {m * n})" if m * n else ""
        counts = [f"{number} {noun}{'s' * (number != 1)}" for number, noun in
                  ((len(self.diagonals), "diagonal"), (len(self.weights), "weight"))]
        blocks = " of ".join([f"{level.rows} x {level.columns} blocks" for level in self.levels[:-1]]
                             + [f"{level.rows} x {level.columns}" for level in self.levels[-1:]])
        entries = f"{self.nnz} entr{'y' if self.nnz == 1 else 'ies'}"
        return (f"{m} x {n}, {entries}{share}, {', '.join(counts)}; {self.toeplitz or 'not Toeplitz'}"
                + f": {blocks}" * (len(self.levels) > 1))


def structure_of(matrix: Matrix) -> Structure:
    """Its structure, found in its entries alone."""
    sizes, shapes = (matrix.output_shape, matrix.input_shape), matrix.shape
    if len(sizes[0]) != len(sizes[1]):              # no axes that belong together
        sizes = (shapes[:1], shapes[1:])
    columns = list(indices(sizes[1]))
    entries = [(at, columns[i], words(value) if isinstance(value, Named) else value)
               for at, row in zip(indices(sizes[0]), matrix.rows, strict=True) for i, value in row.items()]
    levels = [Level(m, n, move(entries, axis, m, n)) for axis, (m, n) in enumerate(zip(*sizes, strict=True))
              if (m, n) != (1, 1)]
    return Structure(
        shapes, matrix.nnz, tuple(sorted({i - o for o, row in enumerate(matrix.rows) for i in row})),
        tuple(dict.fromkeys(words(value) for row in matrix.rows for value in row.values())), tuple(levels))


def move(entries: list[tuple[tuple[int, ...], tuple[int, ...], Any]], axis: int, m: int, n: int
         ) -> tuple[int, int] | None:
    """The smallest (p, q), one of them 1, such that entries stay the same p rows and q columns on along an axis."""
    for step in range(1, max(m, n, 2)):
        for p, q in dict.fromkeys([(1, step), (step, 1)]):
            if p < max(m, 2) and q < max(n, 2) and moves(entries, axis, m, n, p, q, step > 1):
                return p, q
    return None


def moves(entries: list[tuple[tuple[int, ...], tuple[int, ...], Any]], axis: int, m: int, n: int, p: int, q: int,
          strict: bool) -> bool:
    """Whether A[o + p, i + q] = A[o, i] along an axis, wherever both are places: so q*o - p*i says what stands there.

    Each such line holds one value, and that at all of its places or at none; `strict` if not all have one place only.
    """
    places = Counter(q * o - p * i for o in range(m) for i in range(n))
    values: dict[Any, Any] = {}
    found: Counter = Counter()
    for o, i, value in entries:
        line = o[:axis], o[axis + 1:], i[:axis], i[axis + 1:], q * o[axis] - p * i[axis]
        if values.setdefault(line, value) != value:
            return False
        found[line] += 1
    return all(count == places[line[-1]] for line, count in found.items()) and (
        not strict or max(found.values()) > 1)
