"""How long a picture takes, from the call to the text of the SVG: `pytest benchmarks/test_drawings.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad import draw, matrix
from minigrad.models import LeNet
from minigrad.nn.functional import conv2d

DRAWINGS: dict[str, Callable[[], Any]] = {
    "conv_steps 7x7, 3x3, with numbers, moving": lambda: draw.conv_steps(7, 3, padding=1, numbers=True).animation(),
    "conv_steps 7x7, 3x3, nine stills": lambda: draw.conv_steps(7, 3, padding=1).strip(9),
    "transpose_steps 7x7, 3x3, s = 2, moving": lambda: draw.transpose_steps(7, 3, 2, 1).animation(),
    "pool_steps 7x7, 3x3, with numbers, moving": lambda: draw.pool_steps("max", 7, 3, 1, numbers=True).animation(),
    "matrix of a 3x3 convolution of 7x7": lambda: draw.matrix(
        matrix.matrix_of(lambda x: conv2d(x, minigrad.ones(1, 1, 3, 3)), (1, 1, 7, 7))),
    "field of dilations 1, 2, 4, 8": lambda: draw.field([(3, 1, d) for d in (1, 2, 4, 8)]),
    "overlap of three maps": draw.overlap,
    "pyramid of LeNet": lambda: draw.pyramid(LeNet((1, 28, 28), 10), (1, 28, 28)),
    "walk over 8x8 numbers": lambda: draw.walk(minigrad.arange(64.0).reshape(8, 8).T),
}


@pytest.mark.parametrize("draws", DRAWINGS.values(), ids=DRAWINGS)
@pytest.mark.benchmark(max_time=0.3, min_rounds=5, warmup=True, warmup_iterations=2)
def test_drawing(draws: Callable[[], Any], benchmark: Any) -> None:
    assert benchmark(lambda: draws().svg()).startswith("<svg")
