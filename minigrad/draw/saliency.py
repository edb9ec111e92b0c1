"""Saliency: which pixels a class score depends on, by its gradient.

Source: Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks: visualising image classification models
and saliency maps", 2013.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minigrad import autograd
from minigrad.arithmetic.support import evaluating
from minigrad.draw.play import BOLD, EDGE
from minigrad.draw.png import Colour, uri
from minigrad.draw.svg import Sheet
from minigrad.draw.tiles import MINUS, bounded, largest
from minigrad.errors import require

TOP, SIDE, GAP = 82, 168, 22


def saliency_of(model: Callable, image: Any, label: int | None = None) -> Any:
    """The gradient of the score of class `label` by the pixels of an image (C, H, W), of the same shape.

    `model` takes (N, C, H, W) to (N, classes); a Module runs in evaluation mode.  Without a label, that of the highest
    score.  ValueError for an image without three axes, or for a class that there is not.

    >>> import minigrad
    >>> from minigrad.draw import saliency_of
    >>> model = lambda x: minigrad.stack([x.sum((1, 2, 3)), 3 * x[:, 0, 0, 0]], 1)
    >>> saliency_of(model, minigrad.ones(1, 2, 2), 1)
    tensor([[[3., 0.],
             [0., 0.]]])
    """
    require(image.ndim == 3, "saliency_of", "image", f"shape {tuple(image.shape)}", "(channels, height, width)")
    x = image.detach().reshape(1, *image.shape).requires_grad_()
    with evaluating(model), autograd.enable_grad():
        scores = model(x)[0]
        label = int(scores.argmax().item()) if label is None else label
        require(0 <= label < scores.numel(), "saliency_of", "label", label, f"a class from 0 to {scores.numel() - 1}")
        (gradient,) = autograd.grad(scores[label], (x,))
    return gradient[0]


def saliency(image: Any, gradient: Any, title: str = "Saliency") -> Sheet:
    """An image, |gradient| of a score by its pixels, and the one upon the other.

    Both are (C, H, W), with C = 1 or 3, or (H, W).  Of several channels the largest |gradient| counts.  The image goes
    from its smallest number, black, to its largest, white.  ValueError for other shapes, where they differ, and
    for more than two million pixels.

    >>> import minigrad
    >>> from minigrad.draw import saliency
    >>> saliency(minigrad.rand(1, 8, 8), minigrad.randn(1, 8, 8), "What makes it a 3").title
    'What makes it a 3'
    """
    require(image.ndim in (2, 3) and image.numel() and (image.ndim == 2 or image.shape[0] in (1, 3)), "saliency",
            "image", f"shape {tuple(image.shape)}", "(1, H, W), (3, H, W) or (H, W)")
    require(image.shape == gradient.shape, "saliency", "gradient", f"shape {tuple(gradient.shape)}",
            f"that of the image, {tuple(image.shape)}")
    bounded("saliency", "image", 1, *image.shape[-2:])
    image, gradient = ([x] if x.ndim == 2 else list(x) for x in (image, gradient))
    channels, slopes = ([channel.tolist() for channel in x] for x in (image, gradient))
    strength = [[max(map(abs, pixel)) for pixel in zip(*rows, strict=True)] for rows in zip(*slopes, strict=True)]
    most = largest([strength])
    seen, heat = uri(_shown(channels)), uri([[(*MINUS, _byte(v / (most or 1.0))) for v in row] for row in strength])
    rows, columns = len(strength), len(strength[0])
    high, wide = (SIDE * n / max(rows, columns) for n in (rows, columns))
    room = max(wide, 100.0)
    width = max(2 * EDGE + 3 * room + 2 * GAP, 2 * EDGE + BOLD * len(title))
    sheet = Sheet(round(width), round(TOP + high + 18 + EDGE), title)
    sheet.text(EDGE, 34, title, size=16, anchor="start", bold=True)
    for j, (name, layers) in enumerate((("image", [seen]), ("|gradient|", [heat]), ("both", [seen, heat]))):
        x = EDGE + j * (room + GAP) + (room - wide) / 2
        sheet.text(x + wide / 2, TOP - 10, name, size=12, fill="faint")
        for layer in layers:
            sheet.image(x, TOP, wide, high, layer)
        sheet.rect(x, TOP, wide, high, stroke="line")
        if j == 1:
            sheet.text(x + wide / 2, TOP + high + 18, f"at most {most:.3g}", size=11, fill="faint")
    return sheet


def _byte(share: float) -> int:
    return round(255 * min(max(share, 0.0), 1.0)) if math.isfinite(share) else 0


def _shown(channels: list[list[list[float]]]) -> list[list[Colour]]:
    """One channel as greys, three as red, green and blue."""
    values = [value for rows in channels for row in rows for value in row if math.isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    width = (high - low) or 1.0
    three = channels if len(channels) == 3 else channels * 3
    return [[(r, g, b, 255) for r, g, b in zip(*[[_byte((v - low) / width) for v in row] for row in rows], strict=True)]
            for rows in zip(*three, strict=True)]
