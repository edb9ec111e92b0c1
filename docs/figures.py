"""Draws the figures of convolution arithmetic, docs/figures.md that shows them, docs/gallery.md with every other
drawing, and the figures of the book: `python docs/figures.py`.

The first are those of the chapter on convolutional networks in Visin's thesis (after Dumoulin and Visin's guide), by
its numbers, drawn anew from the engine's own windows.  Those of several steps come as stills and as an animation.
A figure of the book is an image in docs/book whose line is preceded by a comment that says how it is drawn:

    <!-- draw: conv_steps(5, 3, 2, 1).animation() -->
    ![What one sees](../figures/book_03_strides.svg)
"""

from __future__ import annotations

import re
import runpy
import sys
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import decompressobj

import minigrad
from minigrad import arithmetic, draw as pictures, matrix, nn
from minigrad.draw import (
    Steps,
    channels,
    conv_steps,
    field,
    overlap,
    placements,
    pool_steps,
    transpose_steps,
    unpool_steps,
    upsample_steps,
)
from minigrad.draw.channels import maps
from minigrad.draw.svg import Sheet

HERE = Path(__file__).resolve().parent
TRAINED = runpy.run_path(str(HERE / "digits.py"))
# The numbers in the guide's figures of this kind; its kernel is the one that is drawn unless another is given.
GUIDE = minigrad.tensor([[3.0, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])


def retained() -> Steps:
    """Stride 2 as stride 1 of which every second output is kept: those whose windows the other one has too."""
    kept = [step.window for step in conv_steps(5, 3, stride=2).steps]
    steps = conv_steps(5, 3)
    kinds = [["pad"] * steps.target.columns for _ in range(steps.target.rows)]
    for step in steps.steps:
        if step.window in kept:
            _, (r, c) = step.points[0]
            kinds[r][c] = "cell"
    return replace(steps, title="Stride 2 as stride 1, of which every second output is kept",
                   target=replace(steps.target, kinds=kinds))


Drawing = Callable[[], Steps | Sheet]

# name of the file: (what the page says, the drawing)
FIGURES: dict[str, tuple[str, Drawing]] = {
    "2_06": ("2.6: the output values of a discrete convolution", lambda: conv_steps(5, 3, numbers=True, x=GUIDE)),
    "2_07": ("2.7: i = 5, k = 3, s = 2, p = 1", lambda: conv_steps(5, 3, 2, 1, numbers=True, x=GUIDE)),
    "2_08": ("2.8: from two feature maps to three", lambda: channels(*maps(2, 3, 5, 3))),
    "2_09a": ("2.9, left: a stride of 2", lambda: conv_steps(5, 3, 2)),
    "2_09b": ("2.9, right: a stride of 1, of which one in 2 outputs is kept", retained),
    "2_10": ("2.10: average pooling", lambda: pool_steps("avg", 5, 3, 1, numbers=True, x=GUIDE)),
    "2_11": ("2.11: max pooling", lambda: pool_steps("max", 5, 3, 1, numbers=True, x=GUIDE)),
    "2_12": ("2.12: no padding, unit strides", lambda: conv_steps(4, 3)),
    "2_13": ("2.13: arbitrary padding, unit strides", lambda: conv_steps(5, 4, padding=2)),
    "2_14": ("2.14: half padding, unit strides", lambda: conv_steps(5, 3, padding="same")),
    "2_15": ("2.15: full padding, unit strides", lambda: conv_steps(5, 3, padding="full")),
    "2_16": ("2.16: no padding, arbitrary strides", lambda: conv_steps(5, 3, 2)),
    "2_17": ("2.17: arbitrary padding and strides", lambda: conv_steps(5, 3, 2, 1)),
    "2_18": ("2.18: the last row and column are not covered", lambda: conv_steps(6, 3, 2, 1)),
    "2_19a": ("2.19a: counting the places of a kernel, unit strides", lambda: placements(5, 3)),
    "2_19b": ("2.19b: counting the places of a kernel, strides of 2", lambda: placements(5, 3, 2)),
    "2_20": ("2.20: the transpose of 2.12", lambda: transpose_steps(2, 3)),
    "2_21": ("2.21: the transpose of 2.13", lambda: transpose_steps(6, 4, padding=2)),
    "2_22": ("2.22: the transpose of 2.14", lambda: transpose_steps(5, 3, padding=1)),
    "2_23": ("2.23: the transpose of 2.15", lambda: transpose_steps(7, 3, padding=2)),
    "2_24": ("2.24: the transpose of 2.16", lambda: transpose_steps(2, 3, 2)),
    "2_25": ("2.25: the transpose of 2.17", lambda: transpose_steps(3, 3, 2, 1)),
    "2_26": ("2.26: the transpose of 2.18", lambda: transpose_steps(3, 3, 2, 1, 1)),
}
MORE: dict[str, tuple[str, Drawing]] = {
    "dilated": ("A dilated convolution", lambda: conv_steps(7, 3, dilation=2)),
    "one_axis": ("A convolution along one axis", lambda: conv_steps((7,), 3, 2, 1, numbers=True)),
    "transposed_matrix": ("A transposed convolution as its matrix",
                          lambda: transpose_steps(2, 3, 2, view="matrix", numbers=True)),
    "transposed_scatter": ("The same: scatter and sum",
                           lambda: transpose_steps(2, 3, 2, view="scatter", numbers=True)),
    "transposed_stretched": ("The same: a convolution over the stretched input",
                             lambda: transpose_steps(2, 3, 2, numbers=True)),
    "max_unpool": ("Max unpooling", lambda: unpool_steps("max", 4, 2, numbers=True)),
    "avg_unpool": ("Average unpooling", lambda: unpool_steps("avg", 4, 2, numbers=True)),
    "nearest_unpool": ("Nearest unpooling", lambda: unpool_steps("nearest", 4, 2, numbers=True)),
    "nails_unpool": ("Bed of nails", lambda: unpool_steps("nails", 4, 2, numbers=True)),
    "upsample_nearest": ("Upsampling, nearest", lambda: upsample_steps(3, 2, numbers=True)),
    "upsample_linear": ("Upsampling, bilinear", lambda: upsample_steps(3, 2, "linear", numbers=True)),
    "field": ("The receptive field of three layers with dilations 1, 2 and 4",
              lambda: field([(3, 1, 1), (3, 1, 2), (3, 1, 4)])),
    "field_strided": ("The receptive field of strided layers", lambda: field([(3, 2), (3, 2), (3, 1)])),
    "overlap": ("The origin of checkerboards, and two ways without them", overlap),
}


def files() -> dict[str, str]:
    """Name to content of all that is written, the page too."""
    found: dict[str, str] = {}
    page = ["# Convolution arithmetic in pictures", "",
            "Drawn by `python docs/figures.py` from the engine's own windows; `minigrad draw --help` draws any other.",
            "The numbers are those of the figures in the chapter on convolutional networks of Visin's thesis, which",
            "follows Dumoulin and Visin's guide to convolution arithmetic.", ""]
    for heading, drawings in (("The chapter's figures", FIGURES), ("And more", MORE)):
        page += [f"## {heading}", ""]
        for name, (about, draw) in drawings.items():
            drawing = draw()
            stills = drawing.strip(9) if isinstance(drawing, Steps) else drawing
            found[f"figures/{name}.svg"] = stills.svg()
            page += [f"### {about}", "", f"![{stills.title}](figures/{name}.svg)", ""]
            if isinstance(drawing, Steps):
                found[f"figures/{name}_moving.svg"] = drawing.animation().svg()
                page += [f"![{stills.title}, step by step](figures/{name}_moving.svg)", ""]
    return found | {"figures.md": "\n".join(page).rstrip() + "\n"}


def wrapped(expression: str) -> str:
    """An expression in lines that end behind a comma, if that is not one of a text."""
    lines = [""]
    for part in re.split(r'(?<=,) (?=(?:[^"]*"[^"]*")*[^"]*$)', expression):
        if lines[-1] and len(lines[-1]) + len(part) > 98:
            lines.append("    ")
        lines[-1] += " " * bool(lines[-1].strip()) + part
    return "\n".join(lines)


def gallery() -> dict[str, str]:
    """Name to content of the gallery: its page, and its drawings from random numbers of seed 0."""
    names = runpy.run_path(str(HERE / "gallery.py"))
    page = ["# Gallery", "",
            "Every drawing of `minigrad.draw`, each with the call that makes it. A drawing is a sheet of SVG:",
            "`.save(path)` writes it, `.svg()` is its text; what goes step by step is an `.animation()`, or a",
            "`.strip()` of stills. All follow the reader's theme. Functions that stand for data of one's own",
            "(`digit`, `edges`, `captured`, ...) are in [gallery.py](gallery.py); `python docs/figures.py` draws.", ""]
    found = {}
    for heading, entries in names["GALLERY"].items():
        page += [f"## {heading}", ""]
        for name, about, expression in entries:
            minigrad.manual_seed(0)
            sheet = eval(expression, at_hand() | names)
            place = names["PLACES"].get(name, f"figures/gallery_{name}.svg")
            found[place] = sheet.svg()
            page += [f"{about}:", "", "```python", wrapped(expression), "```", "", f"![{sheet.title}]({place})", ""]
    return found | {"gallery.md": "\n".join(page).rstrip() + "\n"}


FIGURE = re.compile(r"<!-- draw: ((?:(?!-->)[\s\S])*) -->\n!\[.+\]\(\.\./(figures/book_\d\d_\w+\.svg)\)")


def at_hand() -> dict[str, Any]:
    """The names of a figure's expression: those of minigrad, of arithmetic, of matrix and of draw, a later one winning,
    so that `matrix` draws; `nn`; and `digits`, the trained network of chapter 10."""
    names = {name: value for name, value in vars(minigrad).items() if not name.startswith("_")}
    for module in (arithmetic, matrix, pictures):
        names |= {name: getattr(module, name) for name in module.__all__}
    return names | {"minigrad": minigrad, "nn": nn, "digits": SimpleNamespace(**TRAINED)}


def of_book() -> dict[str, str]:
    """Name to content of the figures of the book, each drawn from random numbers of seed 0 if from any."""
    found: dict[str, str] = {}
    for chapter in sorted((HERE / "book").glob("*.md")):
        for expression, name in FIGURE.findall(chapter.read_text(encoding="utf-8")):
            minigrad.manual_seed(0)
            sheet = eval(compile(f"({expression}\n)", f"{chapter.name}, {name}", "eval"), at_hand())
            if not isinstance(sheet, Sheet):
                raise TypeError(f"{chapter.name}: {name}: expected a Sheet (of steps .animation() or .strip()), "
                                f"got {type(sheet).__name__}")
            if found.setdefault(name, sheet.svg()) != sheet.svg():
                raise ValueError(f"{chapter.name}: {name}: drawn in two ways")
    return found


def pixels(text: str) -> str:
    """A picture with the images in it unpacked: other zlibs pack the same pixels into other bytes."""
    def unpacked(image: re.Match[str]) -> str:
        head, data = b64decode(image[1]).split(b"IDAT", 1)
        return repr((head[:-4], decompressobj().decompress(data)))

    return re.sub("data:image/png;base64,([^\"]*)", unpacked, text)


def main(check: bool) -> int:
    """Writes the files, or with `check` names those that are not current."""
    wanted = files() | gallery() | of_book()
    if check:
        old = [name for name, text in wanted.items() if not (HERE / name).exists()
               or pixels((HERE / name).read_text(encoding="utf-8")) != pixels(text)]
        print("\n".join(f"docs/{name} is not current" for name in old) or "current")
        return bool(old)
    (HERE / "figures").mkdir(exist_ok=True)
    for name, text in wanted.items():
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
