"""`minigrad predict`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import minigrad
from minigrad.cli.images import fit, read_image
from minigrad.cli.main import UsageError
from minigrad.cli.run import RunFolder
from minigrad.cli.train import run_data
from minigrad.data import ImageDataset

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

SHADES = (" ░▒▓█", " .:*#")  # dark to bright; the second where the terminal's encoding has only ASCII
BAR = 40  # cells of a bar for probability 1


def run(options: argparse.Namespace) -> int:
    if options.threads is not None:
        minigrad.set_num_threads(options.threads)
    folder = RunFolder.open(options.run)
    _, test = run_data(folder, options.data_dir)
    model = folder.model(test.shape, len(test.classes))
    image, label = _image(options.image, test)
    with minigrad.no_grad():
        logits = model(image.unsqueeze(0))
    probabilities = minigrad.nn.functional.softmax(logits, dim=1)[0].tolist()
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    print("\n".join(draw(image[0].tolist())))
    print("\n".join(bars(test.classes, probabilities)))
    truth = f", labelled {test.classes[label]}" if label is not None else ""
    print(f"predicted {test.classes[best]} ({100 * probabilities[best]:.1f} %){truth}")
    return 0


def _image(text: str, test: ImageDataset) -> tuple[Tensor, int | None]:
    """The image (1, H, W) a user means, and its label where one is known."""
    digits = text.removeprefix("-")
    if digits.isdecimal() and digits.isascii():
        if not 0 <= int(text) < len(test):
            raise UsageError(f"IMAGE: got index {text}, expected 0 to {len(test) - 1}")
        image, label = test[int(text)]
        return image, int(label.item())
    return fit(read_image(Path(text)), test.shape).unsqueeze(0), None


def draw(rows: list[list[float]]) -> list[str]:
    """Lines of text; a pixel is two cells wide, since a cell is about twice as high as wide."""
    shades = _shades()
    return ["".join(shades[min(int(value * len(shades)), len(shades) - 1)] * 2 for value in row) for row in rows]


def bars(classes: tuple[str, ...], probabilities: list[float]) -> list[str]:
    full = _shades()[-1]
    width = max(len(name) for name in classes)
    return [f"{name:>{width}} {full * round(BAR * p):<{BAR}} {100 * p:5.1f} %"
            for name, p in zip(classes, probabilities, strict=True)]


def _shades() -> str:
    try:
        SHADES[0].encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return SHADES[1]
    return SHADES[0]
