"""A window that slides: convolution, pools and upsampling, one step for each output."""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad.draw.steps import (
    Place,
    Size,
    Step,
    Steps,
    around,
    board,
    described,
    each,
    flat,
    given,
    image,
    links,
    number,
    padded,
    sized,
    sizes,
    weights,
)
from minigrad.errors import one_of, require
from minigrad.geometry import Geometry, Padding, PerAxis, Stride
from minigrad.ops.conv import conv
from minigrad.ops.pool import avg_pool, max_pool
from minigrad.shapes import integer


def at(values: Any, place: Place) -> float:
    """The number of a (1, 1, H, W) tensor's nested lists at a place."""
    return values[0][0][place[0]][place[1]]


def output(place: Place, rows: int) -> str:
    """An output by name: y[2, 1], of one row y[1]."""
    return f"y[{place[1]}]" if rows == 1 else f"y[{place[0]}, {place[1]}]"


def products(name: str, terms: list[tuple[float, float]], result: float) -> str:
    """A sum of products as a line of words."""
    return f"{name} = " + " + ".join(f"{number(a)}·{number(b)}" for a, b in terms) + f" = {number(result)}"


def conv_steps(size: Size, kernel_size: Size, stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1,
               numbers: bool = False, x: Any = None, w: Any = None) -> Steps:
    """A convolution: each output reads the cells its window covers.

    `size` is an int for a square, or (W,) or (H, W); the rest is what `conv2d` takes, its padding as a word too.
    `numbers` writes x, w and y into the cells; they may be given as tensors of the sizes of input and kernel.
    ValueError for a geometry that `conv2d` refuses, and for more cells than make a picture.

    >>> from minigrad.draw import conv_steps
    >>> conv_steps((7,), 3, dilation=2).steps[0].window
    {(0, 0): '', (0, 2): '', (0, 4): ''}
    """
    axes = sizes("conv_steps", size)
    geometry = flat("conv_steps", Geometry.of_conv("conv_steps", axes, each(kernel_size, axes), stride, padding,
                                                   dilation))
    x = given("conv_steps", "x", x, geometry.input, image)
    w = given("conv_steps", "w", w, geometry.kernel, weights)
    return convolved(f"Convolution: {described(geometry)}", around(geometry, x), w, padded(geometry), numbers,
                     around(geometry, minigrad.ones_like(x)), sized("input", x), y=conv(x, w, geometry=geometry))


def convolved(title: str, x: Any, w: Any, geometry: Geometry, numbers: bool, cells: Any, name: str,
              zeros: Any = None, y: Any = None) -> Steps:
    """The steps of a convolution without padding over a board of cells, zeros between them and padding around."""
    y = conv(x, w, geometry=geometry) if y is None else y
    count = w.numel()
    # A kernel of the numbers 1, 2, ... tells by the factor of a link which tap it is.
    taps = minigrad.arange(1.0, count + 1.0).reshape(*w.shape)
    found = links(lambda basis: conv(basis, taps, geometry=geometry), (geometry.input[0], geometry.input[1]))
    xs, ws, ys = x.tolist(), w.flatten().tolist(), y.tolist()
    steps = []
    for place, read in found.items():
        tap = {cell: ws[round(value) - 1] for cell, value in read.items()}
        says = (products(output(place, y.shape[2]), [(at(xs, cell), v) for cell, v in tap.items()], at(ys, place))
                if numbers else "")
        steps.append(Step({cell: number(v) if numbers else "" for cell, v in tap.items()}, [(1, place)], says))
    return Steps(title, board(name, x, "input", numbers, cells, zeros), board(sized("output", y), y, "output", numbers),
                 steps, kernel=board(sized("kernel", w), w, "kernel", True) if numbers else None)


def pool_steps(kind: str, size: Size, kernel_size: Size, stride: Stride = None, padding: Padding = 0,
               dilation: PerAxis = 1, ceil_mode: bool = False, numbers: bool = False, x: Any = None) -> Steps:
    """A pool, `kind` "max" or "avg": each output reads its window; of max, the largest (the first one) is framed.

    Sizes, numbers and errors as of `conv_steps`; the rest is what `max_pool2d` takes.  An average counts the padding.

    >>> from minigrad.draw import pool_steps
    >>> pool_steps("max", (4,), 2).steps[1].window
    {(0, 2): '', (0, 3): ''}
    """
    one_of("pool_steps", "kind", kind, ("max", "avg"))
    axes = sizes("pool_steps", size)
    geometry = flat("pool_steps", Geometry.of_pool("pool_steps", axes, kernel_size, stride, padding, dilation,
                                                   ceil_mode))
    x = given("pool_steps", "x", x, geometry.input, lambda size: image(size, 7))
    largest = kind == "max"
    count: dict[str, Any] = {"count_include_pad": True, "divisor_override": None}
    y = max_pool(x, x, geometry=geometry) if largest else avg_pool(x, geometry=geometry, **count)
    over = padded(geometry)
    size2 = (over.input[0], over.input[1])
    found = links(lambda basis: avg_pool(basis, geometry=over, **count), size2)
    full = around(geometry, x, -float("inf") if largest else 0.0)
    picked = links(lambda basis: max_pool(basis, full.expand(basis.shape), geometry=over), size2) if largest else {}
    xs, ys = full.tolist(), y.tolist()
    steps = []
    for place, read in found.items():
        values = [number(at(xs, cell)) for cell in read]
        words = f"max({', '.join(values)})" if largest else f"mean({', '.join(values)})"
        steps.append(Step(dict.fromkeys(read, ""), [(1, place), *[(0, cell) for cell in picked.get(place, ())]],
                          f"{output(place, y.shape[2])} = {words} = {number(at(ys, place))}" if numbers else ""))
    return Steps(f"{'Max' if largest else 'Average'} pooling: {described(geometry)}",
                 board(sized("input", x), full, "input", numbers, around(geometry, minigrad.ones_like(x))),
                 board(sized("output", y), y, "output", numbers), steps)


def upsample_steps(size: Size, factor: int = 2, mode: str = "nearest", numbers: bool = False, x: Any = None) -> Steps:
    """Upsampling by a factor, `mode` "nearest" or "linear" (over two axes, bilinear): what each output reads.

    Sizes and errors as of `conv_steps`.  With numbers the factor of each cell stands in its corner.

    >>> from minigrad.draw import upsample_steps
    >>> upsample_steps((3,), 2, "linear", numbers=True).steps[1].window
    {(0, 0): '.75', (0, 1): '.25'}
    """
    one_of("upsample_steps", "mode", mode, ("nearest", "linear"))
    axes = sizes("upsample_steps", size)
    require(integer("upsample_steps", "factor", factor) >= 1, "upsample_steps", "factor", factor, "at least 1")
    flat("upsample_steps", Geometry.of_pool("upsample_steps", tuple(n * factor for n in axes), factor))
    rows = axes if len(axes) == 2 else (1, *axes)
    scale = [float(factor)] * 2 if len(axes) == 2 else [1.0, float(factor)]
    x = given("upsample_steps", "x", x, rows, lambda size: image(size, 7))

    def enlarged(x: Any) -> Any:
        return minigrad.nn.functional.interpolate(x, scale_factor=tuple(scale),
                                                  mode="nearest" if mode == "nearest" else "bilinear")
    y = enlarged(x)
    xs, ys = x.tolist(), y.tolist()
    steps = [Step({cell: number(v) if numbers and mode == "linear" else "" for cell, v in read.items()}, [(1, place)],
                  products(output(place, y.shape[2]), [(v, at(xs, cell)) for cell, v in read.items()], at(ys, place))
                  if numbers else "")
             for place, read in links(enlarged, (rows[0], rows[1])).items()]
    return Steps(f"Upsampling by {factor}, {mode}", board(sized("input", x), x, "input", numbers),
                 board(sized("output", y), y, "output", numbers), steps)
