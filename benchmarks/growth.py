"""How the speed of a convolution changes with its size, one quantity at a time, in minigrad and PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.libraries import MINIGRAD, NAIVE, NUMPY, PYTORCH, check_same, installed, machine
from benchmarks.peak import fma_peak
from benchmarks.table import Row, convolution
from benchmarks.timing import medians
from minigrad.draw import lines
from minigrad.kernels import ISA

# quantity: the values it takes, the others being those of BASE
SWEEPS = {"batch": (1, 2, 4, 8, 16, 32, 64, 128), "channels": (1, 2, 4, 8, 16, 32, 64, 128, 256),
          "image": (4, 8, 14, 28, 56, 112), "kernel": (1, 3, 5, 7, 9, 11), "dilation": (1, 2, 3, 4, 6, 8)}
BASE = {"batch": 8, "channels": 16, "image": 28, "kernel": 3, "dilation": 1}


def sweep() -> Iterator[tuple[str, int, Row]]:
    """(quantity, its value, the convolution, which keeps the image's size)"""
    for quantity, values in SWEEPS.items():
        for value in values:
            n, c, size, k, d = {**BASE, quantity: value}.values()
            yield quantity, value, convolution(f"{quantity} {value}", n, c, (size, size), c, (k, k),
                                               padding=d * (k - 1) // 2, dilation=d)


def measured(threads: int, seconds: float) -> tuple[list[str], Any]:
    """A table of GF/s and its chart."""
    found, peak = installed([NUMPY, NAIVE]), fma_peak()
    for library in found:
        library.m.set_num_threads(threads)
    names = {(library, backward): library.name + ", with gradients" * backward
             for library in found for backward in (False, True)}
    table = [f"{machine(found)}; {threads} thread{'s' * (threads > 1)}; GF/s", "",
             f"| quantity | | {' | '.join(names.values())} |", "|---" * (2 + len(names)) + "|"]
    print("\n".join(table))
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for quantity, value, row in sweep():
        calls = {(library, backward): library.call(row, backward) for library, backward in names}
        check_same(row.name, {library.name: call() for (library, backward), call in calls.items() if not backward})
        rates = {names[key]: (3 if key[1] else 1) * row.flops / time / 1e9
                 for key, time in medians(calls, seconds).items()}
        table.append(f"| {quantity} | {value} | {' | '.join(f'{rate:.1f}' for rate in rates.values())} |")
        print(table[-1], flush=True)
        for name, rate in rates.items():
            panels.setdefault(quantity, {}).setdefault(name, []).append((value, rate))
    base = "x".join(str(BASE[name]) for name in ("batch", "channels", "image", "image"))
    title = f"A {base} convolution, 3x3, and how its speed changes ({ISA}, {threads} thread{'s' * (threads > 1)})"
    colours = {name: (colour, "gradients" in name) for name in names.values()
               for library, colour in ((MINIGRAD, "accent"), (PYTORCH, "second")) if name.startswith(library)}
    return table, lines(panels, title, "GF/s", colours, ("peak", peak) if peak else None)
