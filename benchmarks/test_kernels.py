"""Each kernel against its naive loops: `pytest benchmarks`.

The loops run once, or thrice where they are short, the kernel many times; the table at the end gives both and their
ratio, and a chart of the ratios is written.  That both compute the same is asserted; how fast they are never is.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest
from cases import Case, all_cases

from minigrad.kernels import KERNELS
from minigrad.reference import nested

CASES = all_cases()
SHORT = 0.2         # seconds of naive loops after which one time is enough


def close(fast: Any, slow: Any) -> bool:
    """Whether two nested results agree: exactly, or to float32's rounding of one operation."""
    mine, theirs = nested.flat(fast), nested.flat(slow)
    return len(mine) == len(theirs) and all(
        abs(a - b) <= 2e-6 * max(abs(a), abs(b), 1) for a, b in zip(mine, theirs, strict=True))


def test_every_kernel_is_measured() -> None:
    assert {case.kernel for case in CASES} == set(KERNELS)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.benchmark(max_time=0.1, min_rounds=5, min_time=0.00002, warmup=False)
def test_kernel(case: Case, benchmark: Any) -> None:
    expected, times = None, []
    while sum(times) < SHORT and len(times) < 3:
        start = time.perf_counter()
        expected = case.naive()
        times.append(time.perf_counter() - start)
    benchmark.extra_info["naive"] = statistics.median(times)
    benchmark.extra_info["case"] = case.name
    benchmark.extra_info["family"] = case.family
    benchmark.extra_info["flops"] = case.flops
    benchmark(case.run)
    if case.compare:
        assert close(case.out.tolist(), expected)
