"""RMSprop, Adagrad and Adadelta: each weight's step is divided by the size its gradients have had.

RMSprop forgets old gradients, Adagrad adds them all up, by the same kernel; Adadelta measures its own steps too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.kernels import KERNELS
from minigrad.optim.optimizer import Optimizer
from minigrad_ext.kernel import Params


class RMSprop(Optimizer):
    """`p ← p - lr b`, with `b ← momentum b + g / (sqrt(v) + eps)` and `v ← alpha v + (1 - alpha) g²`.

    With `centered`, v less the square of the running average of g: the variance.
    Source: Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012; centred: Graves, "Generating sequences with recurrent
    neural networks", 2013; the order of the operations is PyTorch's.

    >>> import minigrad
    >>> from minigrad import nn, optim
    >>> p = nn.Parameter(minigrad.tensor([1.0, 100.0]))
    >>> optimizer = optim.RMSprop([p], lr=0.5, alpha=0.75)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> [round(value, 4) for value in p.tolist()]
    [0.0, 99.0]
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0, momentum: float = 0, centered: bool = False, *,
                 maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
                                  "weight_decay": weight_decay, "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        self.require_at_least_0(group, "lr", "momentum", "alpha", "eps", "weight_decay")

    def update(self, group: dict[str, Any]) -> None:
        rmsprop, alpha = KERNELS["rmsprop"], group["alpha"]
        uses = (bool(group["centered"]), group["momentum"] > 0)
        keys = ["square_avg", *[key for key, used in zip(("grad_avg", "momentum_buffer"), uses, strict=True) if used]]
        params = Params((*map(int, uses), int(group["maximize"])), (group["lr"], alpha, 1 - alpha, group["eps"],
                                                                     group["weight_decay"], group["momentum"]))
        for param, gradient in self.moving(group):
            rmsprop(param.buffer, gradient.buffer, *[self.kept(param, key).buffer for key in keys], params)
            self.count(param)


class Adagrad(Optimizer):
    """`p ← p - lr / (1 + (step - 1) lr_decay) g / (sqrt(s) + eps)`, with `s ← s + g²`, the sum of all squares so far.

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
    2011; the order of the operations is PyTorch's.

    >>> import minigrad
    >>> from minigrad import nn, optim
    >>> p = nn.Parameter(minigrad.tensor([1.0, 100.0]))
    >>> optimizer = optim.Adagrad([p], lr=0.5)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.5, 99.5]
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, *, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        self.require_at_least_0(group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def update(self, group: dict[str, Any]) -> None:
        rmsprop, start = KERNELS["rmsprop"], group["initial_accumulator_value"]
        for param, gradient in self.moving(group):
            total = self.kept(param, "sum", start)
            lr = group["lr"] / (1 + (self.count(param) - 1) * group["lr_decay"])
            params = Params((0, 0, int(group["maximize"])), (lr, 1.0, 1.0, group["eps"], group["weight_decay"], 0.0))
            rmsprop(param.buffer, gradient.buffer, total.buffer, params)


class Adadelta(Optimizer):
    """`p ← p - lr d`, with `d = sqrt(u + eps) / sqrt(v + eps) g` and running averages: v of g², u of d² before.

    `v ← rho v + (1 - rho) g²` and `u ← rho u + (1 - rho) d²`: steps have the unit of the weights, so lr may be 1.
    Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012; the order of the operations is PyTorch's.

    >>> import minigrad
    >>> from minigrad import nn, optim
    >>> p = nn.Parameter(minigrad.tensor([1.0, 100.0]))
    >>> optimizer = optim.Adadelta([p], rho=0.75, eps=1.0)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> [round(value, 3) for value in p.tolist()]
    [-0.414, 98.0]
    """

    def __init__(self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0, *, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        self.require_at_least_0(group, "lr", "rho", "eps", "weight_decay")
        self.require(group, "rho", group["rho"] <= 1, "a number from 0 to 1")

    def update(self, group: dict[str, Any]) -> None:
        adadelta = KERNELS["adadelta"]
        params = Params((int(group["maximize"]),), (group["lr"], group["rho"], group["eps"], group["weight_decay"]))
        for param, gradient in self.moving(group):
            averages = [self.kept(param, key).buffer for key in ("square_avg", "acc_delta")]
            adadelta(param.buffer, gradient.buffer, *averages, params)
            self.count(param)
