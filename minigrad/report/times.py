"""How long each layer takes in a step of training.

The step is captured, so it is a list of launches of kernels, and each of them belongs to a layer: what was recorded
while the layer was called, and what pulls that back.  What a pass has fused into another launch counts there.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import minigrad
from minigrad.arithmetic.calls import Call, watched
from minigrad.capture.show import lines
from minigrad.nn.module import Module

SECONDS, MOST = 0.3, 10     # for timing: about so long, so many calls at most


class Times:
    """In seconds, medians over `runs` calls: of a whole step, `call`, and of its parts.

    `layers` has (forward, backward) for each name of a module that computes something itself; `rest` is what belongs to
    none, as the loss does, and `update` what the optimiser does.  `graph` is the captured step.
    """

    def __init__(self, runs: int, call: float, graph: Any) -> None:
        self.runs, self.call, self.graph = runs, call, graph
        self.layers: dict[str, tuple[float, float]] = {}
        self.rest = self.update = 0.0

    def add(self, call: Call | None, phase: str, seconds: float) -> None:
        """Counts a launch."""
        if phase == "update":
            self.update += seconds
        elif call is None:
            self.rest += seconds
        else:
            forward, backward = self.layers.get(call.name, (0.0, 0.0))
            self.layers[call.name] = ((forward + seconds, backward) if phase == "forward" else
                                      (forward, backward + seconds))


def times(step: Callable[..., Any], model: Module, optimizer: Callable[[Module], Any], x: Any, y: Any) -> Times:
    """Times `step(model, optimizer, x, y)` on a copy of a model in training mode, so that nothing of it changes.

    `optimizer(model)` makes what it steps.  The step is compiled and profiled: see `minigrad.compile`.

    >>> import minigrad
    >>> from minigrad import nn, optim
    >>> def step(model, optimizer, x, y):
    ...     optimizer.zero_grad()
    ...     nn.functional.mse_loss(model(x), y).backward()
    ...     optimizer.step()
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    >>> sgd = lambda model: optim.SGD(model.parameters(), lr=0.1)
    >>> found = times(step, model, sgd, minigrad.rand(5, 4), minigrad.rand(5, 1))
    >>> list(found.layers)
    ['0', '1', '2']
    """
    state = minigrad.get_rng_state()
    model = copy.deepcopy(model).train()
    steps = optimizer(model)
    compiled = minigrad.compile(step)
    with watched(model) as calls:
        compiled(model, steps, x, y)
        begun = time.perf_counter()
        compiled(model, steps, x, y)
        runs = max(1, min(MOST, int(SECONDS / (2 * (time.perf_counter() - begun)))))
        profile = compiled.profile(model, steps, x, y, runs=runs)
    minigrad.set_rng_state(state)
    graph = compiled.captures[0].graph
    owners = {instruction: call for call in calls for instruction in call.own}
    found = Times(runs, profile.call, graph)
    launched = [line for line in lines(graph) for _ in line.step.launches]
    for line, seconds in zip(launched, profile.times, strict=True):
        made = line.step
        while made is not None and made not in owners:
            made = made.pulls
        found.add(owners.get(made), line.phase, seconds)
    return found
