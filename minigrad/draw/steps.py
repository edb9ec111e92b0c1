"""An operation told step by step: two boards of cells, and for each step what is read and what is made.

Which cells belong together is asked of the engine: `links` sends every basis vector through the operation, all of
them as one batch, and sees where each arrives and with what factor.  So a picture cannot disagree with the loops that
it explains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from minigrad.draw.play import animation, strip
from minigrad.draw.svg import Sheet
from minigrad.errors import require
from minigrad.functions import create
from minigrad.functions.parts import pad
from minigrad.geometry import Geometry
from minigrad.node import Value
from minigrad.shapes import integer

CELLS = 1024                                # more of them on a board are no picture
Place = tuple[int, int]
Size = int | Sequence[int]


@dataclass(frozen=True)
class Board:
    """A grid of cells with a name.  The kind of a cell is "cell", "zero" (put between cells) or "pad" (around them)."""

    name: str
    kinds: list[list[str]]
    words: list[list[str]]
    fill: str

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.kinds)

    @property
    def columns(self) -> int:
        """The number of columns."""
        return len(self.kinds[0])


@dataclass(frozen=True)
class Step:
    """One moment: the window's cells with their labels, single cells as (board, place), and a line of words.

    `words` are those of the last board at this moment, where they change from step to step.
    """

    window: dict[Place, str]
    points: list[tuple[int, Place]]
    says: str
    words: list[list[str]] | None = None


@dataclass(frozen=True, repr=False)
class Steps:
    """An operation as boards, the window lying on one of them, and the steps from one to the other.

    `matrix`, where it is shown, has a row for each step: the factor of each cell of the first board, in order.

    >>> from minigrad.draw import conv_steps
    >>> steps = conv_steps(5, 3, stride=2, padding=1)
    >>> steps
    <Steps 'Convolution: i = 5, k = 3, s = 2, p = 1', 9 of them>
    >>> len(steps.steps), steps.source.rows, steps.target.rows
    (9, 7, 3)

    A notebook shows the animation.
    """

    title: str
    source: Board
    target: Board
    steps: list[Step]
    side: int = 0
    kernel: Board | None = None
    matrix: list[list[float]] | None = None

    def animation(self) -> Sheet:
        """The steps one after the other, a second each; the first of them stands where motion is not wanted."""
        return animation(self)

    def strip(self, count: int = 9) -> Sheet:
        """Up to `count` of the steps as stills beside each other, evenly chosen; ValueError for less than 1."""
        return strip(self, count)

    def _repr_svg_(self) -> str:
        return self.animation().svg()

    def __repr__(self) -> str:
        return f"<Steps {self.title!r}, {len(self.steps)} of them>"


def links(fn: Callable[[Any], Any], size: Place) -> dict[Place, dict[Place, float]]:
    """{output: {input: factor}} of `fn`, which takes (n, 1, H, W) to (n, 1, OH, OW), without the zeros.

    >>> links(lambda x: x.flip((3,)), (1, 2))
    {(0, 0): {(0, 1): 1.0}, (0, 1): {(0, 0): 1.0}}
    """
    count = size[0] * size[1]
    answers = fn(create.eye(count).reshape(count, 1, *size))
    found: dict[Place, dict[Place, float]] = {(r, c): {} for r in range(answers.shape[2])
                                              for c in range(answers.shape[3])}
    for j, (rows,) in enumerate(answers.tolist()):
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if value:
                    found[r, c][divmod(j, size[1])] = value
    return found


def turned(found: dict[Place, dict[Place, float]], size: Place) -> dict[Place, dict[Place, float]]:
    """The links the other way: {input: {output: factor}}."""
    back: dict[Place, dict[Place, float]] = {(r, c): {} for r in range(size[0]) for c in range(size[1])}
    for output, read in found.items():
        for place, value in read.items():
            back[place][output] = value
    return back


def sizes(op: str, size: Size) -> tuple[int, ...]:
    """One or two axes; an int is a square."""
    several = isinstance(size, (tuple, list))
    axes = tuple([integer(op, "size", n) for n in (size if several else (size, size))])    # type: ignore[union-attr]
    require(len(axes) in (1, 2), op, "size", size, "an int for a square, or one or two sizes")
    require(all(n > 0 for n in axes), op, "size", size, "at least 1 on each axis")
    return axes


def each(value: Any, axes: tuple[int, ...]) -> tuple[int, ...]:
    """A kernel size as one int for each axis."""
    return (value,) * len(axes) if isinstance(value, int) else tuple(value)


def flat(op: str, geometry: Geometry) -> Geometry:
    """The geometry over two axes; a first one of size 1 is added to one.  ValueError for too many cells to draw."""
    if geometry.ndim == 1:
        g = geometry
        geometry = Geometry((1, *g.input), (1, *g.kernel), (1, *g.stride), (1, *g.dilation), (0, *g.low), (0, *g.high),
                            (1, *g.output))
    for name, board in (("input", padded(geometry).input), ("output", geometry.output), ("kernel", geometry.kernel)):
        require(board[0] * board[1] <= CELLS, op, name, f"{board[0]} x {board[1]} cells",
                f"at most {CELLS}, to be a picture")
    return geometry


def padded(geometry: Geometry) -> Geometry:
    """The same windows over an input that already holds its padding."""
    rows = zip(geometry.low, geometry.input, geometry.high, strict=True)
    return replace(geometry, input=tuple([sum(row) for row in rows]), low=(0, 0), high=(0, 0))


def around(geometry: Geometry, x: Any, value: float = 0.0) -> Any:
    """x with the geometry's padding, as the engine pads."""
    (top, left), (bottom, right) = geometry.low, geometry.high
    return pad(x, (left, right, top, bottom), value=value)


def board(name: str, values: Any, fill: str, numbers: bool, cells: Any = None, zeros: Any = None) -> Board:
    """A board of a (1, 1, H, W) tensor; where `cells` is 0 stands a zero that was put in, where `zeros` is, padding."""
    rows = values.tolist()[0][0]
    inside = [[True] * len(row) for row in rows] if cells is None else cells.tolist()[0][0]
    between = inside if zeros is None else zeros.tolist()[0][0]
    kinds = [["cell" if i else "zero" if b else "pad" for i, b in zip(*pair, strict=True)]
             for pair in zip(inside, between, strict=True)]
    return Board(name, kinds, [[number(v) if numbers else "" for v in row] for row in rows], fill)


def number(value: float) -> str:
    """A number as it stands in a cell: a zero before the point is left out, as is the sign of 0.

    >>> number(12.0), number(-0.75), number(-0.0)
    ('12', '−.75', '0')
    """
    if value in (float("inf"), -float("inf")):
        return "−∞" if value < 0 else "∞"
    size = abs(value)
    words = f"{size:.0f}" if size % 1 == 0 and size < 1e6 else f"{size:.3g}"
    return "−" * (value < 0) + (words[1:] if words.startswith("0.") else words).replace("-", "−")


def image(size: tuple[int, ...], span: int = 4) -> Any:
    """Small whole numbers that do not look like a ramp, as (1, 1, H, W)."""
    count = size[0] * size[1]
    return create.tensor([float((n * n + 3 * n + n // 5 + 3) % 11 % span) for n in range(count)]).reshape(1, 1, *size)


def weights(size: tuple[int, ...]) -> Any:
    """A kernel of small numbers; of size 3x3, the one of Dumoulin and Visin's guide."""
    guide = [0.0, 1.0, 2.0, 2.0, 2.0, 0.0, 0.0, 1.0, 2.0]
    count = size[0] * size[1]
    return create.tensor([guide[n % 9] if count % 9 == 0 else float((n + 1) % 3) for n in range(count)]).reshape(
        1, 1, *size)


def given(op: str, name: str, value: Any, size: tuple[int, ...], default: Callable[[tuple[int, ...]], Any]) -> Any:
    """A tensor, or nested lists, that the user may give, as (1, 1, H, W)."""
    if value is None:
        return default(size)
    value = value if isinstance(value, Value) else create.tensor(value)
    value = value if value.dtype.is_floating_point else value.float()       # type: ignore[attr-defined]
    require(value.numel() == size[0] * size[1], op, name, f"shape {value.shape}", f"{size[0]} x {size[1]} numbers")
    return value.reshape(1, 1, *size)


def described(geometry: Geometry, **more: Any) -> str:
    """The geometry in the letters of the guide: i = 5, k = 3, s = 2, p = 1."""
    letters: dict[str, Any] = {"i": geometry.input, "k": geometry.kernel, "s": geometry.stride}
    letters |= {"p": geometry.low if geometry.low == geometry.high else tuple(zip(geometry.low, geometry.high,
                                                                                  strict=True))}
    if any(d != 1 for d in geometry.dilation[-2:]):
        letters["d"] = geometry.dilation
    one = geometry.input[0] == geometry.kernel[0] == 1
    shown = {name: value[-1] if one or len(set(value)) == 1 else value for name, value in letters.items()} | more
    return ", ".join(f"{name} = {value}" for name, value in shown.items())


def sized(name: str, values: Any) -> str:
    """A name with the last sizes of a tensor: input 5×5; of one row, input 7."""
    rows, columns = values.shape[-2:]
    return f"{name} {columns}" if rows == 1 else f"{name} {rows}×{columns}"
