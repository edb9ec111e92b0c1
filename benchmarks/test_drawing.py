"""How long a drawing takes: a 7x7 case of each, from its numbers to the text of the SVG."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad.draw import (
    conv_steps,
    feature_maps,
    field,
    filters,
    matrix,
    overlap,
    pool_steps,
    transpose_steps,
    unpool_steps,
    upsample_steps,
)
from minigrad.matrix import matrix_of
from minigrad.nn.functional import conv2d

LIMIT = 0.05        # seconds

CASES: dict[str, Callable[[], Any]] = {
    "conv": lambda: conv_steps(7, 3, 1, 1, numbers=True).animation(),
    "conv, stills": lambda: conv_steps(7, 3, 1, 1, numbers=True).strip(9),
    "dilated": lambda: conv_steps(7, 3, dilation=2, numbers=True).animation(),
    "transposed, stretched": lambda: transpose_steps(7, 3, 1, 1, numbers=True).animation(),
    "transposed, scatter": lambda: transpose_steps(7, 3, 1, 1, view="scatter", numbers=True).animation(),
    "transposed, matrix": lambda: transpose_steps(7, 3, 1, 1, view="matrix", numbers=True).animation(),
    "max pool": lambda: pool_steps("max", 7, 3, 2, 1, numbers=True).animation(),
    "unpool": lambda: unpool_steps("max", 7, 3, 2, 1, numbers=True).animation(),
    "upsample": lambda: upsample_steps(7, 2, "linear", numbers=True).animation(),
    "matrix": lambda: matrix(matrix_of(lambda x: conv2d(x, minigrad.ones(1, 1, 3, 3)), (1, 1, 7, 7))),
    "field": lambda: field([(3, 1, 1, 1), (3, 1, 1, 1)], size=7),
    "overlap": lambda: overlap(size=7),
    "filters": lambda: filters(minigrad.rand(16, 3, 7, 7)),
    "feature maps": lambda: feature_maps(minigrad.rand(16, 7, 7)),
}


@pytest.mark.parametrize("case", CASES)
def test_drawing(case: str, benchmark: Any) -> None:
    benchmark.pedantic(lambda: CASES[case]().svg(), rounds=9, warmup_rounds=1)
    if benchmark.stats is not None:
        assert benchmark.stats.stats.median < LIMIT
