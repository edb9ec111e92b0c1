"""A user's picture, made into what a model was trained on: its size, bright ink on dark ground, 0 to 1."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from minigrad.dtypes import float32
from minigrad.functions import create
from minigrad.io import FileError
from minigrad.tensor import Tensor

MAX_PIXELS = 10**8
HEADER = re.compile(rb"P([25])(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)\s")


def read_image(path: Path) -> Tensor:
    """Grey values (H, W), float32 from 0 to 1: PGM by ourselves, other formats by Pillow where it is installed."""
    content = path.read_bytes()
    if content[:2] in (b"P2", b"P5"):
        return parse_pgm(content, str(path))
    try:
        from PIL import Image
    except ImportError:
        raise FileError(f"{path}: not a PGM file; other formats need Pillow (pip install pillow)") from None
    try:
        with Image.open(path) as picture:
            grey = picture.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise FileError(f"{path}: not an image that Pillow can read") from None
    view: Any = memoryview(grey.tobytes())
    return create.tensor(view.cast("B", (grey.height, grey.width))).to(float32) / 255


def parse_pgm(content: bytes, name: str) -> Tensor:
    """Netpbm's grey maps, as text (P2) or bytes (P5).

    >>> parse_pgm(b"P2 2 1 10 0 5", "example").tolist()
    [[0.0, 0.5]]
    """
    found = HEADER.match(content)
    if found is None:
        raise FileError(f"{name}: damaged PGM header")
    kind, width, height, white = (int(field) for field in found.groups())
    if not (width and height and 0 < white < 65536 and width * height <= MAX_PIXELS):
        raise FileError(f"{name}: a PGM of {width}x{height} pixels up to {white} cannot be read")
    body = content[found.end() :]
    if kind == 2:
        try:
            values = [int(word) for word in body.split()]
        except ValueError:
            raise FileError(f"{name}: a PGM with something else than numbers in it") from None
    elif white < 256:
        values = list(body[: width * height])
    else:
        values = [high << 8 | low for high, low in zip(body[0::2], body[1::2], strict=False)][: width * height]
    if len(values) != width * height or max(values) > white:
        raise FileError(f"{name}: damaged PGM: {len(values)} numbers up to {max(values, default=0)}, expected "
                        f"{width * height} up to {white}")
    return create.tensor(values).to(float32).reshape(height, width) / white


def fit(image: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Bright ink on dark ground, scaled to the model's height and width by area means.

    The mean over areas is linear in rows and in columns: rows @ image @ columns, each a small matrix of weights.
    """
    height, width = image.shape
    border = [*image[0].tolist(), *image[height - 1].tolist(), *image[:, 0].tolist(), *image[:, width - 1].tolist()]
    if sum(border) > len(border) / 2:
        image = 1 - image
    if (height, width) == tuple(shape[-2:]):
        return image
    return area_weights(height, shape[-2]) @ image @ area_weights(width, shape[-1]).T


def area_weights(old: int, new: int) -> Tensor:
    """(new, old): how much each old pixel counts in each new one; rows sum to 1.

    >>> area_weights(3, 2).tolist()[0][2]
    0.0
    """
    ratio = old / new
    return create.tensor([
        [max(0.0, min(i + 1.0, (o + 1) * ratio) - max(float(i), o * ratio)) / ratio for i in range(old)]
        for o in range(new)])
