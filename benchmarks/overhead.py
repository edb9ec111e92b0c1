"""What a captured function costs beside its loops: being captured, an empty one, a step, a network of single numbers.

The network is a recurrent one of one unit, h = tanh(h w), a hundred times over: 200 ops, and with the gradients in h
and w some 500, whose loops have next to nothing to do.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import minigrad
from benchmarks.libraries import NAIVE, NUMPY, Library, installed, machine
from benchmarks.networks import training_step
from benchmarks.timing import Call, medians, scaled
from minigrad import Tensor

UNITS = 100
CAPTURED = "captured"
EMPTY = {"that returns nothing": lambda x: None, "that returns its argument": lambda x: x, "of one op": lambda x: -x}


def recurrent(m: Any, backward: bool, captured: bool) -> Call:
    """The network in a library: forward without recording, or with its gradients."""
    x, w = m.full((1, 1), 0.5), m.full((1, 1), 0.9)
    if backward:
        x.requires_grad_()
        w.requires_grad_()

    def forward(h: Any) -> Any:
        for _ in range(UNITS):
            h = (h @ w).tanh()
        return h

    def gradients(h: Any) -> Any:
        return m.autograd.grad(forward(h).sum(), (h, w))

    call = gradients if backward else forward
    run = m.compile(call) if captured else call

    def alone() -> Any:
        with m.set_grad_enabled(backward):
            return run(x)
    return alone


def steps() -> tuple[Call, int]:
    """A plan of sums of one number, which no pass makes fewer of, run without the call around it; how many they are."""
    def sums(x: Tensor) -> Tensor:
        for _ in range(10 * UNITS):
            x = x.sum(0, keepdim=True)
        return x

    compiled = minigrad.compile(sums)
    x = minigrad.ones(1, 1)
    results = compiled(x)
    replay = compiled.captures[0].replay

    def run() -> Tensor:
        memory = replay.bind([x])       # (which the plan writes)
        replay.plan.run()
        del memory
        return results
    return run, len(replay.plan)


def capturing() -> Call:
    """A step of LeNet with one image that is captured each time."""
    step = training_step(minigrad, "LeNet", 1, compiled=True)

    def run() -> None:
        step.clear()
        step()
    return run


def table(seconds: float) -> list[str]:
    found = installed([NUMPY, NAIVE])
    for library in found:
        library.m.set_num_threads(1)
    calls: dict[Any, Call] = {name: partial(minigrad.compile(function), minigrad.ones(1, 1))
                              for name, function in EMPTY.items()}
    calls["step"], n = steps()
    calls["capturing"] = capturing()
    ways: list[tuple[Library, bool]] = [*[(library, False) for library in found], (found[0], True)]
    calls |= {(library, captured, backward): recurrent(library.m, backward, captured)
              for library, captured in ways for backward in (False, True)}
    times = medians(calls, seconds)
    lines = [machine(found) + "; 1 thread", "", "| what | time |", "|---|---|"]
    lines += [f"| a replay of a function {name} | {scaled(times[name])} |" for name in EMPTY]
    lines += [f"| a step of a plan: the sum of one number | {scaled(times['step'] / n)} |",
              f"| the first call of LeNet's training step, one image | {scaled(times['capturing'])} |"]
    names = {(library, captured): CAPTURED if captured else library.name for library, captured in ways}
    lines += ["", f"| {2 * UNITS} ops on single numbers | {' | '.join(names.values())} | "
              + " | ".join(f"{name} / {CAPTURED}" for name in names.values() if name != CAPTURED) + " |",
              "|---" * (2 * len(names)) + "|"]
    for backward, name in ((False, "forward"), (True, "forward and backward")):
        taken = [times[library, captured, backward] for library, captured in ways]
        cells = [scaled(time) for time in taken] + [f"{time / taken[-1]:.1f}" for time in taken[:-1]]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    print("\n".join(lines))
    return lines
