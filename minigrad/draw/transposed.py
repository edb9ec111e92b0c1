"""Ways back to a larger size: transposed convolution in three views, and unpooling."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import minigrad
from minigrad.draw.sliding import at, convolved, output, products
from minigrad.draw.steps import (
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
    turned,
    weights,
)
from minigrad.errors import one_of, require
from minigrad.functions.parts import pad
from minigrad.geometry import Geometry, Padding, PerAxis, Stride
from minigrad.ops.conv import conv_transpose
from minigrad.ops.pool import avg_pool, avg_unpool, max_pool, max_unpool

VIEWS = ("matrix", "scatter", "stretched")
UNPOOLING = {"max": "Max", "avg": "Average", "nearest": "Nearest", "nails": "Bed of nails"}


def transpose_steps(size: Size, kernel_size: Size, stride: PerAxis = 1, padding: Padding = 0,
                    output_padding: PerAxis = 0, dilation: PerAxis = 1, view: str = "stretched", numbers: bool = False,
                    x: Any = None, w: Any = None) -> Steps:
    """A transposed convolution, `size` being that of its input, in one of three views of the same numbers:

    "matrix"     each output is a row of the transposed matrix C: it gathers the inputs whose windows hold it
    "scatter"    each input lays the kernel, times itself, on the output; what lies on a cell is summed; padding is cut
    "stretched"  a convolution with unit stride and the flipped kernel over the input with zeros between and around

    Sizes, numbers and errors as of `conv_steps`; the rest is what `conv_transpose2d` takes.
    Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning, section 4.

    >>> from minigrad.draw import transpose_steps
    >>> transpose_steps((2,), 3, stride=2, view="scatter").steps[1].window
    {(0, 2): '', (0, 3): '', (0, 4): ''}
    """
    one_of("transpose_steps", "view", view, VIEWS)
    axes = sizes("transpose_steps", size)
    geometry = flat("transpose_steps", Geometry.of_transpose(
        "transpose_steps", axes, each(kernel_size, axes), stride, padding, output_padding, dilation=dilation))
    x = given("transpose_steps", "x", x, geometry.output, image)
    w = given("transpose_steps", "w", w, geometry.kernel, weights)
    title = f"of the convolution {described(geometry)}"
    return {"matrix": _gathered, "scatter": _scattered, "stretched": _stretched}[view](title, x, w, geometry, numbers)


def _taps(w: Any) -> Any:
    return minigrad.arange(1.0, w.numel() + 1.0).reshape(*w.shape)


def _gathered(title: str, x: Any, w: Any, geometry: Geometry, numbers: bool) -> Steps:
    y = conv_transpose(x, w, geometry=geometry)
    found = links(lambda basis: conv_transpose(basis, _taps(w), geometry=geometry), (x.shape[2], x.shape[3]))
    xs, ys, ws = x.tolist(), y.tolist(), w.flatten().tolist()
    steps, matrix = [], []
    for place, read in found.items():
        tap = {cell: ws[round(v) - 1] for cell, v in read.items()}
        steps.append(Step({cell: number(v) if numbers else "" for cell, v in tap.items()}, [(1, place)],
                          products(output(place, y.shape[2]), [(at(xs, cell), v) for cell, v in tap.items()],
                                   at(ys, place)) if numbers else ""))
        matrix.append([read.get(divmod(j, x.shape[3]), 0.0) for j in range(x.numel())])
    return Steps(f"The transpose {title}", board(sized("input", x), x, "input", numbers),
                 board(sized("output", y), y, "output", numbers), steps,
                 kernel=board(sized("kernel", w), w, "kernel", True) if numbers else None, matrix=matrix)


def added(value: float) -> str:
    """A number with its sign: what comes to a sum."""
    return number(value) if value < 0 else f"+{number(value)}"


def _scattered(title: str, x: Any, w: Any, geometry: Geometry, numbers: bool) -> Steps:
    over = padded(geometry)
    found = links(lambda basis: conv_transpose(basis, _taps(w), geometry=over), (x.shape[2], x.shape[3]))
    # The input as it comes in, number by number: what has arrived after each step is one batch.
    count = x.numel()
    arriving = minigrad.ones(count, count).tril() * x.reshape(1, count)
    sums = conv_transpose(arriving.reshape(count, 1, *x.shape[2:]), w, geometry=over)
    xs, ws = x.flatten().tolist(), w.flatten().tolist()
    cells = around(geometry, minigrad.ones(1, 1, *geometry.input))
    steps = []
    for j, (place, made) in enumerate(turned(found, (x.shape[2], x.shape[3])).items()):
        label = {cell: added(xs[j] * ws[round(v) - 1]) if numbers else "" for cell, v in made.items()}
        after = board("", sums[j:j + 1], "", numbers).words if numbers else None
        name = f"x[{place[1]}]" if x.shape[2] == 1 else f"x[{place[0]}, {place[1]}]"
        steps.append(Step(label, [(0, place)], f"{name} = {number(xs[j])} times the kernel is added" if numbers else "",
                          after))
    y = sums[count - 1:]
    name = f"{sized('output', minigrad.ones(*geometry.input))}" + (", around it what padding cuts off"
                                                                  if over.input != geometry.input else "")
    return Steps(f"The transpose {title}", board(sized("input", x), x, "input", numbers),
                 board(name, y, "output", numbers, cells), steps, side=1,
                 kernel=board(sized("kernel", w), w, "kernel", True) if numbers else None)


def stretched(geometry: Geometry, x: Any) -> tuple[Any, Any, Any]:
    """x (n, C, H, W) with zeros between its numbers and around them, as the direct convolution reads it; the same of
    ones, so 0 where a zero was put in; and ones on all but the zeros around.
    """
    # A 1x1 kernel of one puts s - 1 zeros between the numbers, and nothing else.
    channels = x.shape[1]
    apart = Geometry.of_transpose("stretch", tuple(x.shape[2:]), (1, 1), geometry.stride, groups=channels)
    one = minigrad.ones(channels, 1, 1, 1, dtype=x.dtype)
    left = [(i + low + high - span) % s if s > 1 else (i + low + high - span) - (o - 1) for i, low, high, span, s, o in
            zip(geometry.input, geometry.low, geometry.high, geometry.span, geometry.stride, geometry.output,
                strict=True)]
    sides = [(span - 1 - low, span - 1 - high + a) for span, low, high, a in
             zip(geometry.span, geometry.low, geometry.high, left, strict=True)]

    def board_of(x: Any) -> Any:
        return pad(x, (*sides[1], *sides[0]))
    return (board_of(conv_transpose(x, one, geometry=apart)),
            board_of(conv_transpose(minigrad.ones_like(x), one, geometry=apart)),
            board_of(minigrad.ones(1, channels, *apart.input)))


def _stretched(title: str, x: Any, w: Any, geometry: Geometry, numbers: bool) -> Steps:
    wide, cells, zeros = stretched(geometry, x)
    over = Geometry.of_conv("conv", tuple(wide.shape[2:]), geometry.kernel, 1, 0, geometry.dilation)
    name = sized("input", x) + (" with zeros" if wide.shape != x.shape else "")
    steps = convolved(f"The transpose {title}", wide, w.flip((2, 3)), over, numbers, cells, name, zeros)
    return replace(steps, kernel=steps.kernel and replace(steps.kernel, name=f"{steps.kernel.name}, flipped"))


def unpool_steps(kind: str, size: Size, kernel_size: Size, stride: Stride = None, padding: Padding = 0,
                 dilation: PerAxis = 1, numbers: bool = False, x: Any = None) -> Steps:
    """The way back of a pool over an input of that size: where each pooled number goes.

    "max"      to the place it came from; "avg", a part of it to each cell of its window (sums where windows overlap);
    "nearest"  to each cell of its window; "nails", to the window's first cell: of windows side by side, nothing between

    Sizes, numbers and errors as of `conv_steps`; x is the pool's input, which averages for "avg" and else selects.

    >>> from minigrad.draw import unpool_steps
    >>> unpool_steps("nails", (4,), 2).steps[1].window
    {(0, 2): ''}
    """
    one_of("unpool_steps", "kind", kind, tuple(UNPOOLING))
    axes = sizes("unpool_steps", size)
    geometry = flat("unpool_steps", Geometry.of_pool("unpool_steps", axes, kernel_size, stride, padding, dilation))
    if kind in ("nearest", "nails"):
        require(geometry == Geometry.of_pool("unpool_steps", geometry.input, geometry.kernel)
                and all(i == o * k for i, o, k in zip(geometry.input, geometry.output, geometry.kernel, strict=True)),
                "unpool_steps", "kernel_size", described(geometry), f"windows side by side that fill the input, to be "
                f"unpooled by {kind!r}")
    average = {"count_include_pad": True, "divisor_override": None}
    if kind == "avg":       # numbers so large that their parts are whole ones, or nearly
        x = given("unpool_steps", "x", x, geometry.input, lambda size: image(size, 7) * prod(geometry.kernel))
        pooled = avg_pool(x, geometry=geometry, **average)
    else:
        x = given("unpool_steps", "x", x, geometry.input, lambda size: image(size, 7))
        pooled = max_pool(x, x, geometry=geometry)

    def back(g: Any) -> Any:
        if kind == "max":
            return max_unpool(g, x.expand(g.shape[0], *x.shape[1:]), geometry=geometry)
        if kind == "avg":
            return avg_unpool(g, geometry=geometry, **average)
        return getattr(minigrad.nn.functional, f"{kind}_unpool")(g, geometry.kernel)
    y = back(pooled)
    found = turned(links(back, (pooled.shape[2], pooled.shape[3])), (pooled.shape[2], pooled.shape[3]))
    steps = [Step(dict.fromkeys(made, ""), [(0, place)], "") for place, made in found.items()]
    return Steps(f"{UNPOOLING[kind]} unpooling: {described(geometry)}",
                 board(sized("pooled", pooled), pooled, "input", numbers),
                 board(sized("output", y), y, "output", numbers), steps, side=1)
