"""minigrad against PyTorch, NumPy and naive loops, in one process and in turn: `python -m benchmarks`.

Every row of benchmarks/table.py and every network of benchmarks/networks.py runs on the same numbers in all libraries,
which must agree in the result: a few milliseconds of the one, then of the other, again and again; medians are compared.
Libraries that are not installed are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import document, growth, memory
from benchmarks.libraries import MINIGRAD, NAMES, PYTORCH, Library, check_same, installed, machine, trim_never
from benchmarks.networks import NETWORKS, training_step
from benchmarks.peak import fma_peak
from benchmarks.table import BATCHES, rows
from benchmarks.timing import Call, geometric_mean, medians, scaled
from minigrad.draw import bars
from minigrad.kernels import ISA

GROUPS = (*dict.fromkeys(row.group for row in rows()), "training")
SLOWER = 1.05           # two threads count as slower than one from here: below is noise


def measurements(groups: list[str], batches: list[int], found: list[Library]
                 ) -> Iterator[tuple[str, str, float, dict[Library, Call]]]:
    """(group, name, operations, the call of each library that has it)"""
    for row in rows():
        for backward in (False, True) if row.inference else (True,):
            if row.group in groups:
                calls = {library: library.call(row, backward) for library in found}
                yield (row.group, row.name + ", with gradients" * backward, row.flops * (3 if backward else 1),
                       {library: call for library, call in calls.items() if call})
    for name in NETWORKS if "training" in groups else ():
        for batch in batches:
            yield ("training", f"{name}, batch {batch}", 0.0,
                   {library: training_step(library.m, name, batch) for library in found if library.trains})


class Report:
    """The table's lines as they come, and what sums them up."""

    def __init__(self, found: list[Library], threads: list[int], peak: float | None) -> None:
        self.names, self.threads, self.peak = [library.name for library in found], threads, peak
        others = "".join(f" {name} | ratio |" for name in self.names[1:])
        self.lines = [machine(found) + (f"; multiply-add peak: {peak:.0f} GF/s a core" if peak else ""), "",
                      f"| group | row | threads | minigrad |{others} GF/s | of peak |",
                      "|---" * (6 + 2 * len(self.names[1:])) + "|"]
        print("\n".join(self.lines), flush=True)
        self.ratios: dict[str, dict[str, list[float]]] = {name: {} for name in self.names[1:]}     # by group
        self.slower: list[str] = []

    def add(self, group: str, name: str, flops: float, taken: dict[tuple[Library, int], float]) -> None:
        mine = {threads: time for (library, threads), time in taken.items() if library.name == MINIGRAD}
        for threads in self.threads:
            theirs = {library.name: time for (library, n), time in taken.items() if n == threads}
            rate = flops / mine[threads] / 1e9
            cells = [group, name, str(threads), scaled(mine[threads])]
            for other in self.names[1:]:
                ratio = theirs[other] / mine[threads] if other in theirs else 0.0
                cells += [scaled(theirs[other]), f"{ratio:.2f}"] if ratio else ["", ""]
                if ratio:
                    self.ratios[other].setdefault(group, []).append(ratio)
            cells += [f"{rate:.0f}" * bool(flops),
                      f"{100 * rate / self.peak / threads:.0f} %" if flops and self.peak else ""]
            self.lines.append(f"| {' | '.join(cells)} |")
            print(self.lines[-1], flush=True)
            if mine[threads] > SLOWER * mine[self.threads[0]]:
                self.slower.append(f"{name} ({threads} threads: {scaled(mine[threads])}, {self.threads[0]}: "
                                   f"{scaled(mine[self.threads[0]])})")

    def summary(self) -> list[str]:
        lines = ["| times as fast as | group | rows | geometric mean | least | rows under 1 |", "|---" * 6 + "|"]
        for name, groups in self.ratios.items():
            everything = [ratio for values in groups.values() for ratio in values]
            for group, values in {**groups, "all": everything}.items() if everything else ():
                lines.append(f"| {name} | {group} | {len(values)} | {geometric_mean(values):.2f} | {min(values):.2f} | "
                             f"{sum(value < 1 for value in values)} |")
        if len(self.threads) > 1:
            lines += ["", f"Rows where more threads are slower ({SLOWER:g} times or more): "
                      + ("; ".join(self.slower) or "none") + "."]
        return lines

    def chart(self) -> Any:
        means = [(f"{group}: {name}", geometric_mean(groups[group])) for group in GROUPS
                 for name, groups in self.ratios.items() if group in groups]
        return bars(means, f"How many times as fast minigrad is ({ISA}, threads: {', '.join(map(str, self.threads))})",
                    "times")


def run(given: argparse.Namespace) -> Report:
    found = installed(given.without)
    report = Report(found, given.threads, fma_peak())
    trained = [library for library in found if library.trains]

    def turn(key: tuple[Library, int]) -> None:
        library, threads = key
        if library.trains and library.m.get_num_threads() != threads:
            library.m.set_num_threads(threads)

    for group, name, flops, calls in measurements(given.group, given.batch, found):
        if group != "training":
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
    parser.add_argument("--chart", type=Path, help="write a chart (SVG) here")
    parser.add_argument("--into", type=Path, help="write the tables into this document, between its markers")
    given = parser.parse_args()

    if given.untrimmed:
        trim_never()
    if given.memory:
        kind, lines, chart = "memory", memory.table(given.batch), None
    elif given.growth:
        kind, (lines, chart) = "growth", growth.measured(given.threads[0], given.seconds)
    else:
        kind, report = "untrimmed" if given.untrimmed else "table", run(given)
        lines = [*report.lines[:2], *report.summary(), "", *report.lines[2:]]
        chart = report.chart() if report.ratios.get(PYTORCH) else None
        print("\n".join(report.summary()))
    if given.chart and chart:
        chart.save(given.chart)
    if given.into:
        document.replace(given.into, kind, lines)


if __name__ == "__main__":
    main()
