"""minigrad against PyTorch, NumPy and naive loops, in one process and in turn: `python -m benchmarks`.

Every row of benchmarks/table.py and every network of benchmarks/networks.py runs on the same numbers in all libraries,
which must agree in the result: a few milliseconds of the one, then of the other, again and again; medians are compared.
Training steps run captured too, and by torch.compile.  Libraries that are not installed are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import document, growth, memory, overhead
from benchmarks.libraries import (
    CAPTURED,
    COMPILED,
    MINIGRAD,
    NAMES,
    PYTORCH,
    Library,
    check_same,
    compiling,
    installed,
    machine,
    trim_never,
)
from benchmarks.networks import NETWORKS, training_step
from benchmarks.peak import fma_peak
from benchmarks.table import BATCHES, rows
from benchmarks.timing import Call, geometric_mean, medians, scaled
from minigrad.draw import bars
from minigrad.kernels import ISA

TRAINING, REPLAYED = "training", "training, captured"
GROUPS = (*dict.fromkeys(row.group for row in rows()), TRAINING)
SLOWER = 1.05           # two threads count as slower than one from here: below is noise


def measurements(groups: list[str], batches: list[int], found: list[Library], faster: list[Library]
                 ) -> Iterator[tuple[str, str, float, dict[Library, Call]]]:
    """(group, name, operations, the call of each library that has it); training steps of those `faster` ones too."""
    for row in rows():
        for backward in (False, True) if row.inference else (True,):
            if row.group in groups:
                calls = {library: library.call(row, backward) for library in found}
                yield (row.group, row.name + ", with gradients" * backward, row.flops * (3 if backward else 1),
                       {library: call for library, call in calls.items() if call})
    for name in NETWORKS if TRAINING in groups else ():
        for batch in batches:
            for library in faster:
                library.forget()
            yield (TRAINING, f"{name}, batch {batch}", 0.0,
                   {library: training_step(library.m, name, batch, library in faster)
                    for library in (*found, *faster) if library.trains})


class Report:
    """The tables' lines as they come, and what sums them up."""

    def __init__(self, found: list[Library], threads: list[int], peak: float | None) -> None:
        self.names, self.threads, self.peak = [library.name for library in found], threads, peak
        self.head = [machine(found) + (f"; multiply-add peak: {peak:.0f} GF/s a core" if peak else "")]
        self.lines: list[str] = []
        self.ratios: dict[str, dict[str, list[float]]] = {}         # by library and group
        self.slower: list[str] = []
        self.steps = False          # whether the table of training steps has begun
        print("\n".join(self.head), flush=True)

    def line(self, cells: list[str], rule: bool = False) -> None:
        """A row of the table, or its head with the rule under it."""
        added = [f"| {' | '.join(cells)} |"]
        if rule:
            added = ["", *added, "|---" * len(cells) + "|"]
        self.lines += added
        print("\n".join(added), flush=True)

    def ratio(self, other: str, group: str, ratio: float) -> str:
        self.ratios.setdefault(other, {}).setdefault(group, []).append(ratio)
        return f"{ratio:.2f}"

    def add(self, group: str, name: str, flops: float, taken: dict[tuple[Library, int], float]) -> None:
        for threads in self.threads:
            times = {library.name: time for (library, n), time in taken.items() if n == threads}
            (self.step if group == TRAINING else self.row)(group, name, flops, threads, times)
        for way, kind in ((MINIGRAD, ""), (CAPTURED, ", captured")):
            mine = {threads: time for (library, threads), time in taken.items() if library.name == way}
            for threads, time in mine.items():
                if time > SLOWER * mine[self.threads[0]]:
                    self.slower.append(f"{name}{kind} ({threads} threads: {scaled(time)}, {self.threads[0]}: "
                                       f"{scaled(mine[self.threads[0]])})")

    def row(self, group: str, name: str, flops: float, threads: int, times: dict[str, float]) -> None:
        if not self.lines:
            self.line(["group", "row", "threads", MINIGRAD, *[cell for other in self.names[1:]
                                                             for cell in (other, "ratio")], "GF/s", "of peak"], True)
        mine = times[MINIGRAD]
        rate = flops / mine / 1e9
        cells = [group, name, str(threads), scaled(mine)]
        for other in self.names[1:]:
            there = other in times
            cells += [scaled(times[other]), self.ratio(other, group, times[other] / mine)] if there else ["", ""]
        self.line([*cells, f"{rate:.0f}" * bool(flops),
                   f"{100 * rate / self.peak / threads:.0f} %" if flops and self.peak else ""])

    def step(self, group: str, name: str, flops: float, threads: int, times: dict[str, float]) -> None:
        """A training step, eager and faster: what the others take over what minigrad takes in each way."""
        pairs = [(other, way, kind) for other, way, kind in (
            (PYTORCH, MINIGRAD, TRAINING), (PYTORCH, CAPTURED, REPLAYED), (COMPILED, CAPTURED, REPLAYED))
            if other in times and way in times]
        if not self.steps:
            self.steps = True
            self.line(["training step", "threads", *times, *[f"{other} / {way}" for other, way, _ in pairs]], True)
        self.line([name, str(threads), *map(scaled, times.values()),
                   *[self.ratio(other, kind, times[other] / times[way]) for other, way, kind in pairs]])

    def summary(self) -> list[str]:
        lines = ["| times as fast as | group | rows | geometric mean | least | rows under 1 |", "|---" * 6 + "|"]
        for name, groups in self.ratios.items():
            everything = [ratio for group, values in groups.items() for ratio in values if group != REPLAYED]
            for group, values in {**groups, **({"all": everything} if everything else {})}.items():
                lines.append(f"| {name} | {group} | {len(values)} | {geometric_mean(values):.2f} | {min(values):.2f} | "
                             f"{sum(value < 1 for value in values)} |")
        if len(self.threads) > 1:
            lines += ["", f"Rows where more threads are slower ({SLOWER:g} times or more): "
                      + ("; ".join(self.slower) or "none") + "."]
        return lines

    def chart(self) -> Any:
        means = [(f"{group}: {name}", geometric_mean(groups[group])) for group in (*GROUPS, REPLAYED)
                 for name, groups in self.ratios.items() if group in groups]
        return bars(means, f"How many times as fast minigrad is ({ISA}, threads: {', '.join(map(str, self.threads))})",
                    "times")


def run(given: argparse.Namespace) -> Report:
    found = installed(given.without)
    faster = compiling(found, given.without) if TRAINING in given.group else []
    report = Report(found, given.threads, fma_peak())
    trained = [library for library in (*found, *faster) if library.trains]

    def turn(key: tuple[Library, int]) -> None:
        library, threads = key
        if library.trains and library.m.get_num_threads() != threads:
            library.m.set_num_threads(threads)

    for group, name, flops, calls in measurements(given.group, given.batch, found, faster):
        if group != TRAINING:
            check_same(name, {library.name: call() for library, call in calls.items()})
        turns = {(library, threads): call for threads in given.threads for library, call in calls.items()
                 if library in trained or threads == given.threads[0]}
        report.add(group, name, flops, medians(turns, given.seconds, turn))
    return report


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("--group", nargs="+", default=GROUPS, choices=GROUPS, metavar="GROUP",
                        help=f"only these groups: {', '.join(GROUPS)}")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="thread counts (default: 1 2)")
    parser.add_argument("--batch", nargs="+", type=int, default=list(BATCHES), help="batches of the training steps")
    parser.add_argument("--seconds", type=float, default=0.3, help="time for each call (default: 0.3)")
    parser.add_argument("--without", nargs="+", default=[], choices=NAMES[1:], metavar="LIBRARY",
                        help=f"leave these out: {', '.join(map(repr, NAMES[1:]))}")
    parser.add_argument("--untrimmed", action="store_true",
                        help="glibc's malloc keeps what is freed (it hands nothing back to the system and maps no "
                        "block by itself), so that PyTorch does not pay for fresh pages at each large output")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--growth", action="store_true",
                       help="instead: how a convolution's speed changes with its batch, channels, image, kernel and "
                       "dilation, in minigrad and PyTorch")
    other.add_argument("--memory", action="store_true", help="instead: the memory that a training step needs")
    other.add_argument("--overhead", action="store_true",
                       help="instead: what a captured function costs beside its loops")
    parser.add_argument("--chart", type=Path, help="write a chart (SVG) here")
    parser.add_argument("--into", type=Path, help="write the tables into this document, between its markers")
    parser.add_argument("--marker", help="how the markers are called, if not after what is measured")
    given = parser.parse_args()

    if given.untrimmed:
        trim_never()
    if given.memory:
        kind, lines, chart = "memory", memory.table(given.batch), None
    elif given.overhead:
        kind, lines, chart = "overhead", overhead.table(given.seconds), None
    elif given.growth:
        kind, (lines, chart) = "growth", growth.measured(given.threads[0], given.seconds)
    else:
        kind, report = "untrimmed" if given.untrimmed else "table", run(given)
        lines = [*report.head, "", *report.summary(), *report.lines]
        chart = report.chart() if report.ratios.get(PYTORCH) else None
        print("\n".join(report.summary()))
    if given.chart and chart:
        chart.save(given.chart)
    if given.into:
        document.replace(given.into, given.marker or kind, lines)


if __name__ == "__main__":
    main()
