"""minigrad against PyTorch, in one process and in turn: `python -m benchmarks`.

Every row of benchmarks/table.py and every network of benchmarks/networks.py runs on the same numbers in both
libraries, a few milliseconds of the one, then of the other, again and again; medians are compared.  Without PyTorch
the times of minigrad stand alone.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import minigrad
from benchmarks.networks import NETWORKS, training_step
from benchmarks.peak import fma_peak
from benchmarks.table import BATCHES, Row, rows
from minigrad.draw import bars
from minigrad.kernels import ISA

Call = Callable[[], Any]


def libraries() -> dict[str, Any]:
    found: dict[str, Any] = {"minigrad": minigrad}
    try:
        import torch
        found["PyTorch"] = torch
    except ImportError:
        pass
    return found


def numbers(shape: tuple[int, ...], seed: int) -> Any:
    return minigrad.randn(*shape, generator=minigrad.Generator().manual_seed(seed)) * 0.5


def prepared(m: Any, row: Row, backward: bool) -> Call:
    """The row's call in a library, with its gradients in all operands if wanted."""
    scope = {"m": m, "F": m.nn.functional, **{name: eval(text, {"m": m}) for name, text in row.given.items()}}
    operands = {name: m.tensor(numbers(shape, seed).tolist()).requires_grad_(backward)
                for seed, (name, shape) in enumerate(row.operands.items())}
    call = eval(f"lambda: {row.call}", scope | operands)
    if not backward:
        def alone() -> None:
            with m.no_grad():
                call()
        return alone
    leaves, g = list(operands.values()), m.ones_like(call())

    def both() -> None:
        m.autograd.grad(call(), leaves, g)
    return both


def medians(calls: dict[str, Call], seconds: float) -> dict[str, float]:
    """The median time of each call, the calls in turn, `seconds` for each in all."""
    repeat = {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        repeat[name] = max(1, int(seconds / 12 / max(time.perf_counter() - start, 1e-7)))
        for _ in range(repeat[name] // 4):
            call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(12):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeat[name]):
                call()
            times[name].append((time.perf_counter() - start) / repeat[name])
    return {name: statistics.median(found) for name, found in times.items()}


def measurements(groups: list[str] | None, batches: tuple[int, ...]) -> Iterator[tuple[str, str, float, Callable]]:
    """(group, name, operations, maker of the call in a library)"""
    for row in rows():
        if groups and row.group not in groups:
            continue
        if row.inference:
            yield row.group, row.name, row.flops, lambda m, row=row: prepared(m, row, False)
        yield (row.group, f"{row.name}, with gradients", 3 * row.flops, lambda m, row=row: prepared(m, row, True))
    if not groups or "training" in groups:
        for name in NETWORKS:
            for batch in batches:
                yield ("training", f"{name}, batch {batch}", 0.0,
                       lambda m, name=name, batch=batch: training_step(m, name, batch))


def scaled(seconds: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def geometric_mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def set_threads(count: int, found: dict[str, Any]) -> None:
    for m in found.values():
        m.set_num_threads(count)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("--group", nargs="+", help="only these groups: conv, dilated, depthwise, transposed, pooling, "
                        "dense, elementwise, reductions, normalisation, losses, training")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="thread counts (default: 1 2)")
    parser.add_argument("--batch", nargs="+", type=int, default=BATCHES, help="batches of the training steps")
    parser.add_argument("--seconds", type=float, default=0.3, help="time for each call (default: 0.3)")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    parser.add_argument("--chart", type=Path, help="write a chart of the ratios here")
    given = parser.parse_args()

    found, peak = libraries(), fma_peak()
    lines = [f"{ISA} kernels" + (f"; this machine's multiply-add peak: {peak:.0f} GF/s a core" if peak else ""), "",
             f"| group | row | threads | {' | '.join(found)} | ratio | GF/s | of peak |",
             "|---" * (6 + len(found)) + "|"]
    print("\n".join(lines), flush=True)
    ratios: dict[str, list[tuple[str, float]]] = {}
    for threads in given.threads:
        set_threads(threads, found)
        for group, name, flops, make in measurements(given.group, tuple(given.batch)):
            taken = medians({library: make(m) for library, m in found.items()}, given.seconds)
            ratio = taken["PyTorch"] / taken["minigrad"] if "PyTorch" in taken else math.nan
            rate = flops / taken["minigrad"] / 1e9
            lines.append(f"| {group} | {name} | {threads} | {' | '.join(map(scaled, taken.values()))} | {ratio:.2f} | "
                         f"{f'{rate:.0f}' if flops else ''} | "
                         f"{f'{100 * rate / peak / threads:.0f} %' if flops and peak else ''} |")
            print(lines[-1], flush=True)
            ratios.setdefault(group, []).append((f"{name} ({threads})", ratio))
    if "PyTorch" in found:
        lines += ["", "| group | rows | geometric mean | least | rows under 1 |", "|---|---|---|---|---|"]
        for group, rows_ in ratios.items():
            values = [ratio for _, ratio in rows_]
            lines.append(f"| {group} | {len(values)} | {geometric_mean(values):.2f} | {min(values):.2f} | "
                         f"{sum(value < 1 for value in values)} |")
        print("\n".join(lines[-len(ratios) - 3:]))
        if given.chart:
            means = [(group, geometric_mean([ratio for _, ratio in rows_])) for group, rows_ in ratios.items()]
            bars(means, "PyTorch's time over minigrad's", "times").save(given.chart)
    if given.markdown:
        given.markdown.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
