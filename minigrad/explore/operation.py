"""Operations as boards of cells, and which cells belong together.

Everything is asked of the engine: what a window covers, with which entry of the kernel, is the matrix of the operation
over the padded board (`minigrad.matrix`), whose entries are numbers that tell one tap from another; what stands in
the cells are the results of its ops.  An operation gathers, when each of its results reads a window, or scatters, when
each of its inputs writes one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import minigrad
from minigrad.draw.steps import around, image, padded, weights
from minigrad.draw.transposed import stretched
from minigrad.errors import require
from minigrad.explore.state import Window
from minigrad.geometry import Geometry
from minigrad.matrix import Matrix, matrix_of
from minigrad.nn import functional
from minigrad.ops.conv import conv, conv_transpose, conv_weight
from minigrad.ops.pool import avg_pool, avg_unpool, max_pool, max_unpool
from minigrad.reference.nested import indices

CELLS, LINKS = 2_048, 7_000         # more of them can neither be looked at nor answered at once
COUNT: dict[str, Any] = {"count_include_pad": True, "divisor_override": None}
Links = list[list[tuple[int, float]]]       # of each step: cells with the factor, or the number of the tap from 1 on


@dataclass(frozen=True)
class Board:
    """Images (1, maps, H, W) with a letter.

    `cells` is 0 where a zero was put in, `zeros` where that is padding; `offset` is where the loops begin to count.
    `entries` are the names of a kernel's cells in the matrix, `names` those of cells that are not named by their place.
    """

    name: str
    letter: str
    fill: str
    values: Any
    cells: Any = None
    zeros: Any = None
    across: int = 1         # maps beside each other
    offset: tuple[int, int] = (0, 0)
    entries: tuple[str, ...] = ()
    names: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """Two boards, the kernel between them, and the steps from one to the other.

    `links` has a row for each step: of each cell of the target what it reads of the source, or if the operation
    `scatters`, of each cell of the source what it writes on the target.  `picked` are cells of a window that are
    chosen.  `after`, of one that scatters, is the target after each step, one batch.  `matrix` is that of the operation
    itself, without padding, and `columns` the cell of the source for each of its columns, None where padding crops it;
    `arguments` are what the naive loop is called with.
    """

    title: str
    source: Board
    kernel: Board | None
    target: Board
    links: Links
    matrix: Matrix
    arguments: dict[str, Any]
    scatters: bool = False
    after: Any = None
    picked: Links = field(default_factory=list)
    columns: list[int | None] | None = None


def operation(window: Window) -> Operation:
    """What a state shows; ValueError where its sizes make no operation, or one too large to be looked at."""
    return {"conv": _conv, "transposed": _transposed, "weight-gradient": _weight_gradient, "max-pool": _pool,
            "avg-pool": _pool, "max-unpool": _unpool, "avg-unpool": _unpool, "upsample": _upsample}[window.op](window)


# ---- sizes

def sizes(window: Window, size: Any, one: Any = 1) -> tuple[Any, Any]:
    """Of two axes; where there is one axis, the other has size 1."""
    return (size, size) if window.axes == 2 else (one, size)


def paddings(window: Window) -> Any:
    """The padding of two axes, as a geometry takes it."""
    return sizes(window, window.p, 0)


def bounded(op: str, geometry: Geometry, c: int = 1, o: int = 1, back: bool = False) -> Geometry:
    """ValueError for more cells or links than can be looked at; `back`, where a window lies on each of its inputs."""
    maps = max(c, o)
    for name, board in (("input", padded(geometry).input), ("output", geometry.output)):
        require(maps * board[0] * board[1] <= CELLS, op, name, f"{maps * board[0] * board[1]} cells",
                f"at most {CELLS}, to be looked at")
    count = c * o // geometry.groups * geometry.kernel[0] * geometry.kernel[1]
    steps = geometry.input if back else geometry.output
    count *= steps[0] * steps[1]
    require(count <= LINKS, op, "sizes", f"windows of {count} cells in all", f"at most {LINKS}, to be looked at")
    return geometry


def convolution(window: Window) -> Geometry:
    """The geometry of a convolution over an input of size i."""
    return bounded(window.op, Geometry.of_conv(window.op, sizes(window, window.i), sizes(window, window.k),
                                               sizes(window, window.s), paddings(window), sizes(window, window.d),
                                               window.g or 1), window.c or 1, window.f or 1)


def pooling(window: Window) -> Geometry:
    """The geometry of a pool over an input of size i."""
    geometry = bounded(window.op, Geometry.of_pool(window.op, sizes(window, window.i), sizes(window, window.k),
                                                   sizes(window, window.s), paddings(window), sizes(window, window.d)))
    require(geometry.empty_window is None, window.op, "p", window.p, "less: a window would hold nothing but padding")
    return geometry


def channels(window: Window) -> tuple[int, int, int]:
    """Input channels, output channels, groups; ValueError where the groups do not divide both."""
    c, f, g = window.c or 1, window.f or 1, window.g or 1
    require(c % g == 0 and f % g == 0, window.op, "g", f"{g} groups of c = {c} and f = {f} channels",
            "a number that divides both")
    return c, f, g


# ---- numbers and links

def pictures(maps: int, size: tuple[int, ...], span: int = 4) -> Any:
    """Small whole numbers as (1, maps, H, W)."""
    return image((maps * size[0], size[1]), span).reshape(1, maps, *size).double()


def kernels(first: int, second: int, size: tuple[int, ...]) -> Any:
    """Small whole numbers as (first, second, KH, KW); a single kernel of 3x3 is that of Dumoulin and Visin's guide."""
    if first == second == 1:
        return weights(size).double()
    return image((first * second * size[0], size[1]), 3).reshape(first, second, *size).double()


def numbered(like: Any) -> Any:
    """1, 2, 3, ... in the shape of a kernel, so that the factor of a link tells the tap."""
    return minigrad.arange(1.0, like.numel() + 1.0).double().reshape(*like.shape)


def linear(fn: Callable[[Any], Any], like: Any) -> Matrix:
    """The matrix of a function of a tensor like that."""
    return matrix_of(fn, tuple(like.shape), minigrad.float64)


def links(matrix: Matrix) -> Links:
    """The entries row by row."""
    return [[(cell, float(value)) for cell, value in row.items()] for row in matrix.rows]


def named(words: str, values: Any, around: str = "") -> str:
    """A name with the sizes of its images: input 5×5; of one row, input 7; of several, input 3 × 5×5."""
    _, maps, rows, columns = values.shape
    return f"{words} {f'{maps} × ' * (maps > 1)}{f'{rows}×' * (rows > 1)}{columns}{around}"


def kernel_board(w: Any, letter: str = "w", name: str = "kernel", of: Any = None) -> Board:
    """The kernels (K, C, KH, KW) as K rows of C; `of` tells which numbers of the weight they are, if not in order."""
    k, c, *size = w.shape
    words = f"{name} {f'{k} × {c} × ' * (k * c > 1)}{f'{size[0]}×' * (size[0] > 1)}{size[1]}"
    names = weight_names(w if of is None else of[1], letter if of is None else "w")
    order = range(len(names)) if of is None else [round(number) - 1 for number in of[0].flatten().tolist()]
    return Board(words, letter, "kernel", w.reshape(1, k * c, *size), across=c,
                 entries=tuple([names[j] for j in order]))


def weight_names(w: Any, letter: str) -> list[str]:
    """The numbers of a weight (K, C, KH, KW) as the matrix names them: w[0,1]; of one row w[1], of several kernels
    w[k,c,0,1]."""
    begin = 2 if w.shape[:2] == (1, 1) else 0
    keep = [axis for axis in range(begin, 4) if axis != 2 or w.shape[2] > 1]
    return [f"{letter}[{','.join([str(index[axis]) for axis in keep])}]" for index in indices(w.shape)]


def cell_name(of: Board, cell: int) -> str:
    """A cell as it is spoken of: x[1,2], of one row x[2], of several images x[0,1,2]; as in the matrix, w[0,1]."""
    if cell in of.names:
        return of.names[cell]
    _, maps, rows, columns = of.values.shape
    image, place = divmod(cell, rows * columns)
    row, column = divmod(place, columns)
    index = [row - of.offset[0]] * (rows > 1) + [column - of.offset[1]]
    front = [*divmod(image, of.across)] if of.fill == "kernel" and maps > 1 else [image] * (maps > 1)
    return f"{of.letter}[{','.join(map(str, front + index))}]"


def arriving(x: Any, back: Callable[[Any], Any]) -> Any:
    """What has been written after each number of x came in, one batch."""
    count = x.numel()
    return back((minigrad.ones(count, count).double().tril() * x.reshape(1, count)).reshape(count, *x.shape[1:]))


def offset(geometry: Geometry) -> tuple[int, int]:
    """Where the first number stands on a board with padding."""
    return geometry.low[0], geometry.low[1]


def letters(geometry: Geometry) -> dict[str, int]:
    """The sizes of one axis as the loops name them; p is the padding of the low side."""
    return {"k": geometry.kernel[1], "s": geometry.stride[1], "p": geometry.low[1], "d": geometry.dilation[1]}


# ---- the operations

def _conv(window: Window) -> Operation:
    c, o, g = channels(window)
    geometry = convolution(window)
    x, w = pictures(c, geometry.input), kernels(o, c // g, geometry.kernel)
    y, full, over, taps = conv(x, w, geometry=geometry), around(geometry, x), padded(geometry), numbered(w)
    return Operation(
        "Convolution", Board(named("input", x), "x", "input", full, around(geometry, minigrad.ones_like(x)),
                             offset=offset(geometry)),
        kernel_board(w), Board(named("output", y), "y", "output", y),
        links(linear(lambda t: conv(t, taps, geometry=over), full)), linear(lambda t: conv(t, w, geometry=geometry), x),
        {"x": x, "w": w, "i": geometry.input[1], **letters(geometry), "o": geometry.output[1]})


def _transposed(window: Window) -> Operation:
    c, o, g = channels(window)
    geometry = bounded(window.op, Geometry.of_transpose(
        window.op, sizes(window, window.i), sizes(window, window.k), sizes(window, window.s), paddings(window),
        sizes(window, window.a, 0), dilation=sizes(window, window.d), groups=g), c, o, window.view != "scatter")
    x, w = pictures(c, geometry.output), kernels(c, o // g, geometry.kernel)
    y, taps, over = conv_transpose(x, w, geometry=geometry), numbered(w), padded(geometry)
    source, target = Board(named("input", x), "x", "input", x), Board(named("output", y), "y", "output", y)
    given = {"x": x, "w": w, "i": geometry.output[1], **letters(geometry), "o": geometry.input[1]}
    matrix = linear(lambda t: conv_transpose(t, w, geometry=geometry), x)
    if window.view == "matrix":
        found = links(linear(lambda t: conv_transpose(t, taps, geometry=geometry), x))
        return Operation("Transposed convolution: each output gathers a row of the transposed matrix", source,
                         kernel_board(w), target, found, matrix, given)
    if window.view == "scatter":
        sums = arriving(x, lambda t: conv_transpose(t, w, geometry=over))
        cut = ", around it what padding cuts off" if over.input != geometry.input else ""
        target = Board(named("output", y, cut), "y", "output", sums[-1:], around(geometry, minigrad.ones_like(y)),
                       offset=offset(geometry))
        return Operation("Transposed convolution: each input lays the kernel, times itself, on the output", source,
                         kernel_board(w), target, links(linear(lambda t: conv_transpose(t, taps, geometry=over), x).T),
                         matrix, given, scatters=True, after=sums)
    # The direct convolution reads w[c][f] for its output f and input c, each turned by half a turn.
    wide, cells, zeros = stretched(geometry, x)
    direct = Geometry.of_conv(window.op, tuple(wide.shape[2:]), geometry.kernel, 1, 0, geometry.dilation, g)

    def crossed(w: Any) -> Any:
        return w.reshape(g, c // g, o // g, *geometry.kernel).permute(0, 2, 1, 3, 4).reshape(o, c // g,
                                                                                            *geometry.kernel)
    flipped = crossed(w).flip((2, 3))
    taps, places = numbered(flipped), stretched(geometry, numbered(x))[0].flatten().tolist()
    cell_of = {round(number) - 1: cell for cell, number in enumerate(places) if number}
    source = Board(named("input", x, " with zeros" * (wide.shape != x.shape)), "z", "input", wide, cells, zeros,
                   names={cell: cell_name(source, j) for j, cell in cell_of.items()})
    return Operation("Transposed convolution: a convolution over the input with zeros between and around", source,
                     kernel_board(flipped, "v", "kernel, flipped", (crossed(numbered(w)).flip((2, 3)), w)), target,
                     links(linear(lambda t: conv(t, taps, geometry=direct), wide)), matrix,
                     given | {"z": wide, "v": flipped}, columns=[cell_of.get(j) for j in range(x.numel())])


def _weight_gradient(window: Window) -> Operation:
    geometry = convolution(window)
    x, g = pictures(1, geometry.input), pictures(1, geometry.output, 3)
    full, over, taps = around(geometry, x), padded(geometry), numbered(g)
    w = conv_weight(x, g, geometry=geometry)
    return Operation(
        "Weight gradient: the input convolved with what comes back",
        Board(named("input", x), "x", "input", full, around(geometry, minigrad.ones_like(x)), offset=offset(geometry)),
        kernel_board(g, "g", "gradient of the output"), Board(named("gradient of the kernel", w), "w", "output", w),
        links(linear(lambda t: conv_weight(t, taps, geometry=over), full)),
        linear(lambda t: conv_weight(t, g, geometry=geometry), x),
        {"x": x, "g": g, "i": geometry.input[1], **letters(geometry), "o": geometry.output[1]})


def _pool(window: Window) -> Operation:
    geometry, largest = pooling(window), window.op == "max-pool"
    x = pictures(1, geometry.input, 7)
    full, over = around(geometry, x, -float("inf") if largest else 0.0), padded(geometry)
    y = max_pool(x, x, geometry=geometry) if largest else avg_pool(x, geometry=geometry, **COUNT)
    picked = links(linear(lambda t: max_pool(t, full, geometry=over), full)) if largest else []
    return Operation(
        "Max pooling" if largest else "Average pooling",
        Board(named("input", x), "x", "input", full, around(geometry, minigrad.ones_like(x)), offset=offset(geometry)),
        None,
        Board(named("output", y), "y", "output", y), links(linear(lambda t: avg_pool(t, geometry=over, **COUNT), full)),
        linear(lambda t: max_pool(t, x, geometry=geometry) if largest else avg_pool(t, geometry=geometry, **COUNT), x),
        {"x": x, "i": geometry.input[1], **letters(geometry), "o": geometry.output[1]},
        picked=picked)


def _unpool(window: Window) -> Operation:
    geometry, largest = pooling(window), window.op == "max-unpool"
    x = pictures(1, geometry.input, 7)
    pooled = max_pool(x, x, geometry=geometry)

    def back(g: Any) -> Any:
        if largest:
            return max_unpool(g, x.expand(g.shape[0], *x.shape[1:]), geometry=geometry)
        return avg_unpool(g, geometry=geometry, **COUNT)
    sums, matrix = arriving(pooled, back), linear(back, pooled)
    return Operation(
        "Max unpooling: each number goes to the place it came from" if largest else
        "Average unpooling: each cell of a window gets an equal part",
        Board(named("pooled", pooled), "x", "input", pooled),
        Board(named("the pool's input", x), "z", "input", x) if largest else None,
        Board(named("output", x), "y", "output", sums[-1:]), links(matrix.T), matrix,
        {"x": pooled, "z": x, "i": geometry.input[1], **letters(geometry), "o": geometry.output[1]},
        scatters=True, after=sums)


def _upsample(window: Window) -> Operation:
    x = pictures(1, sizes(window, window.i), 7)
    larger = sizes(window, window.i * window.s)
    require(larger[0] * larger[1] <= CELLS, window.op, "s", f"an output of {larger[0] * larger[1]} cells",
            f"at most {CELLS}, to be looked at")

    def enlarged(t: Any) -> Any:
        return functional.interpolate(t, size=larger, mode="nearest" if window.mode == "nearest" else "bilinear")
    y, matrix = enlarged(x), linear(enlarged, x)
    return Operation(f"Upsampling, {window.mode}", Board(named("input", x), "x", "input", x), None,
                     Board(named("output", y), "y", "output", y), links(matrix), matrix,
                     {"x": x, "i": window.i, "s": window.s, "o": y.shape[3]})
