"""Adam: each weight moves by about lr per step, whatever the scale of its gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.kernels import KERNELS
from minigrad.optim.optimizer import Optimizer
from minigrad_ext.kernel import Params


class Adam(Optimizer):
    """`p ← p - lr m̂ / (sqrt(v̂) + eps)`, from running averages m of the gradient and v of its square.

    `m ← beta1 m + (1 - beta1) g`, `v ← beta2 v + (1 - beta2) g²`, and the hats divide by `1 - beta ** step`, for both
    averages started at 0.  `weight_decay p` is added to g.  `amsgrad` uses the largest v so far; `maximize` turns the
    gradient's sign.  One fused kernel per parameter.
    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1; amsgrad: Reddi, Kale and
    Kumar, "On the convergence of Adam and beyond", 2018; the order of the operations is PyTorch's.

    >>> import minigrad
    >>> from minigrad import nn, optim
    >>> p = nn.Parameter(minigrad.tensor([1.0, 100.0]))
    >>> optimizer = optim.Adam([p], lr=0.5)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> [round(value, 4) for value in p.tolist()]
    [0.5, 99.5]
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *, maximize: bool = False,
                 decoupled_weight_decay: bool = False) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize,
                                  "decoupled_weight_decay": decoupled_weight_decay})

    def check(self, group: dict[str, Any]) -> None:
        self.require_at_least_0(group, "lr", "eps", "weight_decay")
        betas = group["betas"]
        valid = isinstance(betas, tuple | list) and len(betas) == 2 and all(0 <= beta < 1 for beta in betas)
        self.require(group, "betas", valid, "two numbers of at least 0 and below 1")

    def update(self, group: dict[str, Any]) -> None:
        adam, amsgrad, (beta1, beta2) = KERNELS["adam"], group["amsgrad"], group["betas"]
        flags = (int(amsgrad), int(group["maximize"]), int(group["decoupled_weight_decay"]))
        floats = (group["lr"], beta1, beta2, group["eps"], group["weight_decay"])
        averages = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if amsgrad else ("exp_avg", "exp_avg_sq")
        by_step: dict[int, Params] = {}
        for param, gradient in self.moving(group):
            kept = [self.kept(param, key).buffer for key in averages]
            step = self.count(param)
            if step not in by_step:
                by_step[step] = Params(flags, (*floats, 1 - beta1**step, 1 - beta2**step))
            adam(param.buffer, gradient.buffer, *kept, by_step[step])


class AdamW(Adam):
    """Adam whose weight decay is not a gradient: `p ← p (1 - lr weight_decay)`, then Adam's step.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.

    >>> import minigrad
    >>> from minigrad import nn, optim
    >>> p = nn.Parameter(minigrad.tensor([1.0]))
    >>> p.grad = minigrad.tensor([0.0])
    >>> optim.AdamW([p], lr=0.5, weight_decay=0.5).step()
    >>> p.tolist()
    [0.75]
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
                         decoupled_weight_decay=True)
