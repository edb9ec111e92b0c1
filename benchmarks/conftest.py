"""After the benchmarks: a table of kernel against naive loops, and a chart of the ratios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from timing import scaled

from minigrad import get_num_threads
from minigrad.draw import bars
from minigrad.kernels import ISA

CHARTED = ("conv", "pool", "matmul", "reduce", "index", "optim")


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--chart", default="benchmarks/speedups.svg", metavar="FILE",
                     help="where to write the chart of speed-ups (default: %(default)s)")


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    session = getattr(config, "_benchmarksession", None)
    measured = [row for row in getattr(session, "benchmarks", ()) if "naive" in row.extra_info and row.stats.data]
    if not measured:
        return
    write = terminalreporter.write_line
    terminalreporter.section(f"kernels against naive Python loops ({ISA}, {get_num_threads()} threads)")
    write(f"{'kernel':<44}{'naive':>12}{'minigrad':>12}{'GF/s':>8}{'times':>10}")
    ratios = []
    for row in measured:
        info, median = row.extra_info, row.stats.median
        ratio = info["naive"] / median
        rate = f"{info['flops'] / median / 1e9:.1f}" if info["flops"] else ""
        write(f"{info['case']:<44}{scaled(info['naive']):>12}{scaled(median):>12}{rate:>8}{ratio:>10,.0f}")
        if info["family"] in CHARTED:
            ratios.append((info["case"], ratio))
    if ratios:
        target = Path(config.getoption("--chart"))
        title = f"Kernels against naive Python loops ({ISA}, {get_num_threads()} threads)"
        bars(ratios, title, "times faster", left=330).save(target)
        write(f"chart: {target}")
