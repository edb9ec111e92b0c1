"""The instruction-set levels, against what the system says of its CPU."""

import platform
from pathlib import Path

import pytest

from minigrad_ext.cpu import levels


def test_levels_are_a_ladder():
    assert levels() == ("base", "v3", "v4")[:len(levels())]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="levels are those of x86-64")
@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs /proc/cpuinfo")
def test_levels_are_those_of_the_cpu():
    line = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    flags = set(line.split(":")[1].split())
    v3 = {"avx2", "fma", "bmi1", "bmi2", "f16c", "abm", "popcnt"} <= flags
    v4 = v3 and {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"} <= flags
    assert levels() == ("base",) + ("v3",) * v3 + ("v4",) * v4
