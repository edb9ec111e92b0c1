"""From naive loops to the engine's kernel, rung by rung: `python -m benchmarks.ladder`.

One convolution is computed by ever better loops (lists here and in naive.py, compiled ones in rungs.pyx), which must
all give the same numbers.  They are timed in turn, in one process; the tables hold medians: the ladder, orders of the
loops, sizes of the block of sums, compiler flags left out, instruction sets.  docs/book/09_fast.md explains them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import minigrad
import minigrad_ext
from benchmarks import document, naive
from benchmarks.compiled import accepted, compiled, compiler
from benchmarks.libraries import MINIGRAD, installed, machine
from benchmarks.peak import fma_peak
from benchmarks.timing import Call, medians, scaled
from minigrad.draw import bars, lines
from minigrad.geometry import Geometry
from minigrad.kernels import load, usable
from minigrad.nn.functional import conv2d
from minigrad_ext.buffer import Buffer

HERE, FLOAT32 = ["-march=native", "-mtune=generic"], 4
SCALAR = ["-O2", *HERE, "-fno-tree-vectorize"]
PEEL = {"base": 3, "v3": 7, "v4": 15}       # one less than a vector's lanes: short loops are vectorised, not unrolled
# What setup.py builds the kernels with, for this machine alone; each cure may be left out.
CURES = {
    "-fno-loop-interchange -fno-loop-unroll-and-jam": ["-fno-loop-interchange", "-fno-loop-unroll-and-jam"],
    "--param=max-completely-peel-times": [f"--param=max-completely-peel-times={PEEL[usable()[-1]]}"],
}
PLAIN = ["-O3", *HERE, "-mprefer-vector-width=512", "-fno-trapping-math", "-falign-loops=32",
         "-fno-tree-loop-distribute-patterns"]
VECTOR = [*PLAIN, *chain(*CURES.values())]
BLOCKS = ("1x1", "2x1", "4x1", "8x1", "1x2", "2x2", "4x2", "8x2", "16x2")
Table = tuple[list[str], list[list[str]]]


@dataclass(frozen=True)
class Case:
    """A 3x3 convolution of so many channels to as many, on an image with one row or column of padding around it."""

    channels: int
    size: int

    @property
    def flops(self) -> float:
        return 2.0 * self.channels ** 2 * 9 * self.size ** 2

    def operands(self) -> tuple[Any, Any, Any]:
        """x, w and y: small integers, so that sums are exact in every order."""
        minigrad.manual_seed(0)
        c, n = self.channels, self.size
        x, w = minigrad.randint(-3, 4, (c, n + 2, n + 2)).float(), minigrad.randint(-3, 4, (c, c, 3, 3)).float()
        with minigrad.no_grad():
            return x, w, conv2d(x[None], w)[0]


MAIN, LARGE = Case(32, 32), Case(8, 256)


def lists(x: list[Any], w: list[Any], y: list[Any]) -> None:
    """y[k][i][j] = sum over c, a, b of w[k][c][a][b] * x[c][i+a][j+b]"""
    for k in range(len(w)):
        for i in range(len(y[0])):
            for j in range(len(y[0][0])):
                total = 0.0
                for c in range(len(x)):
                    for a in range(len(w[0][0])):
                        for b in range(len(w[0][0][0])):
                            total += w[k][c][a][b] * x[c][i + a][j + b]
                y[k][i][j] = total


def built(flags: list[str]) -> ModuleType:
    """The compiled rungs."""
    return compiled("rungs", flags, [Path(minigrad_ext.__file__).parent])


class Measured:
    """Calls that fill one y, checked against the engine's and then timed in turn: GF/s by name."""

    def __init__(self, case: Case, seconds: float) -> None:
        self.case, self.seconds = case, seconds
        self.x, self.w, self.expected = case.operands()
        self.calls: dict[str, Call] = {}
        self.threads: dict[str, int] = {}

    def add(self, name: str, call: Callable[[Any, Any, Any], Any]) -> None:
        """A call of x, w and y."""
        y = minigrad.zeros_like(self.expected)
        self.calls[name] = partial(call, self.x, self.w, y)
        self.calls[name]()
        self.check(name, y)

    def check(self, name: str, y: Any) -> None:
        if y.tolist() != self.expected.tolist():
            raise AssertionError(f"{name} computes something else than the engine")

    def add_rung(self, name: str, module: ModuleType, rung: str) -> None:
        self.add(name, partial(module.run, rung) if rung != "checked" else module.checked)

    def seconds_each(self) -> dict[str, float]:
        """The median time of each call."""
        def turn(name: str) -> None:
            if minigrad.get_num_threads() != self.threads.get(name, 1):
                minigrad.set_num_threads(self.threads.get(name, 1))
        return medians(self.calls, self.seconds, turn)

    def rates(self) -> dict[str, float]:
        return {name: self.case.flops / time / 1e9 for name, time in self.seconds_each().items()}


def ladder(seconds: float, peak: float) -> tuple[Table, Any]:
    """All rungs, and the chart of how many times as fast as lists they are."""
    run = Measured(MAIN, seconds)
    scalar, vector = built(SCALAR), built(VECTOR)
    x, w, y = run.x.tolist(), run.w.tolist(), run.expected.tolist()
    run.calls["Python lists"] = lambda: lists(x, w, y)
    run.calls["Python lists, tuned"] = lambda: naive.conv2d([x], w)
    run.calls["Python lists"]()
    run.check("Python lists", minigrad.tensor(y))
    run.check("Python lists, tuned", minigrad.tensor(run.calls["Python lists, tuned"]())[0])
    widest = "8x2" if vector.VECTOR == 16 else "4x2"        # as many sums as there are registers for
    for name, module, rung in (
            ("Cython, bounds checked", scalar, "checked"), ("pointers, unchecked", scalar, "summed"),
            ("order: a plane at a time", scalar, "planes"), ("vectorised", vector, "planes"),
            ("sums held in registers", vector, "held"), (f"block of {widest} vectors", vector, widest)):
        run.add_rung(name, module, rung)
    image = run.x[None]

    def engine() -> Any:
        with minigrad.no_grad():
            return conv2d(image, run.w)
    for threads in (1, 2):
        run.calls[f"the engine, {threads} thread{'s' * (threads > 1)}"] = engine
        run.threads[f"the engine, {threads} thread{'s' * (threads > 1)}"] = threads
    times = run.seconds_each()
    rows, first, before = [], times["Python lists"], times["Python lists"]
    for name, time in times.items():
        rate = MAIN.flops / time / 1e9
        share = 100 * rate / peak / run.threads.get(name, 1)
        rows.append([name, scaled(time), f"{rate:.3g}", f"{share:.2g} %" if share < 10 else f"{share:.0f} %",
                     f"{before / time:.2f}", f"{first / time:,.0f}"])
        before = time
    head = ["rung", "time", "GF/s", "of peak", "times the rung before", "times the first"]
    chart = bars([(name, first / time) for name, time in times.items()],
                 f"Times as fast as lists: {MAIN.channels} channels of {MAIN.size} x {MAIN.size}, 3 x 3", "times",
                 left=230)
    return (head, rows), chart


def orders(seconds: float) -> Table:
    """GF/s of three orders of the loops, each scalar and vectorised, on a small and a large image."""
    rates = []
    for case in (MAIN, LARGE):
        run = Measured(case, seconds)
        for kind, flags in (("scalar", SCALAR), ("vectorised", VECTOR)):
            for order in ("summed", "columns", "planes"):
                run.add_rung(f"{order} {kind}", built(flags), order)
        rates.append(run.rates())
    head = ["innermost loop"] + [f"{case.channels} of {case.size} x {case.size}, {kind}" for case in (MAIN, LARGE)
                                 for kind in ("scalar", "vectorised")]
    return head, [[f"`{order}`: {what}"] + [f"{rate[f'{order} {kind}']:.2g}" for rate in rates
                                            for kind in ("scalar", "vectorised")]
                  for order, what in (("summed", "over the taps of one sum"), ("columns", "down a column"),
                                      ("planes", "along a row"))]


def blocks(seconds: float, peak: float) -> tuple[Table, Any]:
    """GF/s by the block's size, and its chart."""
    run, module = Measured(MAIN, seconds), built(VECTOR)
    for size in BLOCKS:
        run.add_rung(size, module, size)
    rates, rows = run.rates(), []
    series: dict[str, list[tuple[float, float]]] = {"one vector wide": [], "two vectors wide": []}
    for size, rate in rates.items():
        channels, vectors = map(int, size.split("x"))
        sums = channels * vectors
        rows.append([f"{channels} x {vectors}", f"{sums}", f"{(channels + vectors) / sums:.2f}",
                     f"{min(sums * rates['1x1'], peak):.0f}", f"{rate:.0f}", f"{100 * rate / peak:.0f} %"])
        series[list(series)[vectors - 1]].append((sums, rate))
    head = ["channels x vectors", "sums in flight", "loads per multiply-add", "GF/s if latency were all", "GF/s",
            "of peak"]
    chart = lines({"sums in flight": series}, "How many sums keep the multipliers busy", "GF/s",
                  {"one vector wide": ("second", True), "two vectors wide": ("accent", False)}, ("peak", peak))
    return (head, rows), chart


def flags(seconds: float) -> Table:
    """GF/s of the blocks by what they are compiled with."""
    builds = {"all": VECTOR,
              **{f"without `{name}`": [flag for flag in VECTOR if flag not in cure] for name, cure in CURES.items()},
              "without both": PLAIN, "without both, with `-ffast-math`": [*PLAIN, "-ffast-math"]}
    run, shown = Measured(MAIN, seconds), ("summed", "4x1", "8x1", "1x2", "8x2")
    for name, given in builds.items():
        for rung in shown:
            run.add_rung(f"{name} {rung}", built(given), rung)
    rates = run.rates()
    return ["flags", *[f"`{rung}`" if rung == "summed" else rung.replace("x", " x ") for rung in shown]], [
        [name, *[f"{rates[f'{name} {rung}']:.3g}" for rung in shown]] for name in builds]


def levels(seconds: float) -> Table:
    """GF/s of the engine's own kernel for each instruction set that this machine runs."""
    run = Measured(MAIN, seconds)
    image, params = run.x[None].buffer, Geometry.of_conv("conv2d", run.x.shape[1:], (3, 3)).params
    for level in usable():
        out = Buffer.empty((1, *run.expected.shape), FLOAT32)
        run.calls[level] = partial(load(level)["conv"], out, image, run.w.buffer, params)
        run.calls[level]()
        run.check(level, minigrad.tensor(out)[0])
    about = {"base": "SSE2, 4 numbers in a vector", "v3": "AVX2 and fused multiply-add, 8 numbers",
             "v4": "AVX-512, 16 numbers"}
    return ["level", "GF/s"], [[f"`{level}`: {about[level]}", f"{rate:.0f}"] for level, rate in run.rates().items()]


def denormals() -> Iterator[str]:
    """What 1e-310 / 2 is in a process that has loaded an empty library, linked without and with -ffast-math."""
    with tempfile.TemporaryDirectory() as folder:
        for more in ([], ["-ffast-math"]):
            library = str(Path(folder, f"empty{len(more)}.so"))
            command = [*compiler(), "-shared", "-fPIC", *accepted(more), "-x", "c", "/dev/null", "-o", library]
            subprocess.run(command, check=True)
            code = f"import ctypes; ctypes.CDLL({library!r}); print(1e-310 / 2)"
            shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
            how = ", linked with `-ffast-math`" if more else ""
            yield f"`1e-310 / 2` after loading an empty library{how}: {shown.strip()}"


def markdown(table: Table) -> list[str]:
    head, rows = table
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.3, help="time for each call (default: 0.3)")
    parser.add_argument("--build", action="store_true", help="only compile the rungs, so that a later call measures")
    parser.add_argument("--into", type=Path, help="write the tables into this document, between its markers")
    parser.add_argument("--charts", type=Path, help="write ladder.svg and blocks.svg into this folder")
    given = parser.parse_args()

    without = [[flag for flag in VECTOR if flag not in cure] for cure in CURES.values()]
    for choice in (SCALAR, VECTOR, *without, PLAIN, [*PLAIN, "-ffast-math"]):
        built(choice)
    if given.build:
        return
    peak = fma_peak()
    assert peak is not None     # the rungs have just been compiled
    here = machine([library for library in installed([]) if library.name == MINIGRAD])
    rungs, rising = ladder(given.seconds, peak)
    sizes, full = blocks(given.seconds, peak)
    tables = {
        "ladder": [f"{here}; multiply-add peak: {peak:.0f} GF/s a core", "", *markdown(rungs)],
        "orders": ["GF/s:", "", *markdown(orders(given.seconds))],
        "blocks": markdown(sizes),
        "flags": ["GF/s:", "", *markdown(flags(given.seconds)), "", *[f"- {line}" for line in denormals()]],
        "levels": markdown(levels(given.seconds)),
    }
    for kind, table in tables.items():
        print("\n".join(["", *table]))
        if given.into:
            document.replace(given.into, kind, table, headed=kind == "ladder")
    if given.charts:
        rising.save(given.charts / "ladder.svg")
        full.save(given.charts / "blocks.svg")


if __name__ == "__main__":
    main()
