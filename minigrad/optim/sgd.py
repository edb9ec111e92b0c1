"""Stochastic gradient descent: downhill along the gradient of a batch, with momentum like a heavy ball."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.kernels import KERNELS
from minigrad.optim.optimizer import Optimizer
from minigrad_ext.kernel import Params


class SGD(Optimizer):
    """`p ← p - lr v`, with `v ← momentum v + (1 - dampening) g` and `g = gradient + weight_decay p`.

    The first v is g itself.  With `nesterov` the step is along `g + momentum v`; with `maximize` the gradient's sign
    is turned.  One fused kernel per parameter.
    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013; the order of
    the operations is PyTorch's.

    >>> import minigrad
    >>> from minigrad import nn, optim
    >>> p = nn.Parameter(minigrad.tensor([1.0]))
    >>> optimizer = optim.SGD([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.5]
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening,
                                  "weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        self.require_at_least_0(group, "lr", "momentum", "weight_decay")
        if group["nesterov"]:
            self.require(group, "momentum", group["momentum"] > 0, "more than 0 with nesterov")
            self.require(group, "dampening", group["dampening"] == 0, "0 with nesterov")

    def update(self, group: dict[str, Any]) -> None:
        sgd = KERNELS["sgd"]
        momentum = group["momentum"]
        flags = (int(group["nesterov"]), 0, int(group["maximize"]), int(momentum != 0))
        floats = (group["lr"], momentum, group["dampening"], group["weight_decay"])
        first, later = Params((flags[0], 1, *flags[2:]), floats), Params(flags, floats)
        for param, gradient in self.moving(group):
            if momentum == 0:
                sgd(param.buffer, gradient.buffer, later)
            else:
                known = self.state[param].get("momentum_buffer") is not None
                average = self.kept(param, "momentum_buffer")
                sgd(param.buffer, gradient.buffer, average.buffer, later if known else first)
