"""The update rules: SGD, Adam and AdamW, RMSprop, Adagrad, Adadelta.

SGD goes downhill along the gradient of a batch, with momentum like a heavy ball.  The others divide each weight's step
by the size its gradients have had: Adam and RMSprop forget old gradients, Adagrad adds them all up (by RMSprop's
kernel), Adadelta measures its own steps too.  Each rule is one fused kernel per parameter.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from minigrad.errors import require
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

    kernel, not_negative = "sgd", ("lr", "momentum", "weight_decay")
    keeps: ClassVar = {"momentum_buffer": "momentum"}
    counts = False

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening,
                                  "weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        momentum, dampening = group["momentum"], group["dampening"]
        if group["nesterov"]:
            require(momentum > 0, type(self).__name__, "momentum", momentum, "more than 0 with nesterov")
            require(dampening == 0, type(self).__name__, "dampening", dampening, "0 with nesterov")

    def count(self, state: dict[str, Any]) -> int:
        """1 as long as there is no momentum, then 2: all that the rule asks, so that nothing is counted."""
        return 1 if state.get("momentum_buffer") is None else 2

    def options(self, group: dict[str, Any], step: int) -> Params:
        flags = (bool(group["nesterov"]), step == 1, bool(group["maximize"]), group["momentum"] != 0)
        return Params(flags, (group["lr"], group["momentum"], group["dampening"], group["weight_decay"]))


class Adam(Optimizer):
    """`p ← p - lr m̂ / (sqrt(v̂) + eps)`, from running averages m of the gradient and v of its square.

    `m ← beta1 m + (1 - beta1) g`, `v ← beta2 v + (1 - beta2) g²`, and the hats divide by `1 - beta ** step`, for both
    averages started at 0.  `weight_decay p` is added to g.  `amsgrad` uses the largest v so far; `maximize` turns the
    gradient's sign.
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

    kernel, not_negative = "adam", ("lr", "eps", "weight_decay")
    keeps: ClassVar = {"exp_avg": "", "exp_avg_sq": "", "max_exp_avg_sq": "amsgrad"}

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *, maximize: bool = False,
                 decoupled_weight_decay: bool = False) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize,
                                  "decoupled_weight_decay": decoupled_weight_decay})

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        betas = group["betas"]
        valid = isinstance(betas, tuple | list) and len(betas) == 2 and all(0 <= beta < 1 for beta in betas)
        require(valid, type(self).__name__, "betas", betas, "two numbers of at least 0 and below 1")

    def options(self, group: dict[str, Any], step: int) -> Params:
        beta1, beta2 = group["betas"]
        flags = (bool(group["amsgrad"]), bool(group["maximize"]), bool(group["decoupled_weight_decay"]))
        return Params(flags, (group["lr"], beta1, beta2, group["eps"], group["weight_decay"], 1 - beta1**step,
                              1 - beta2**step))


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
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)


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

    kernel, not_negative = "rmsprop", ("lr", "momentum", "alpha", "eps", "weight_decay")
    keeps: ClassVar = {"square_avg": "", "grad_avg": "centered", "momentum_buffer": "momentum"}

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0, momentum: float = 0, centered: bool = False, *,
                 maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
                                  "weight_decay": weight_decay, "maximize": maximize})

    def options(self, group: dict[str, Any], step: int) -> Params:
        flags = (bool(group["centered"]), group["momentum"] > 0, bool(group["maximize"]))
        return Params(flags, (group["lr"], group["alpha"], 1 - group["alpha"], group["eps"], group["weight_decay"],
                              group["momentum"]))


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

    kernel, not_negative = "rmsprop", ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
    keeps: ClassVar = {"sum": ""}
    start = "initial_accumulator_value"

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, *, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "maximize": maximize})

    def options(self, group: dict[str, Any], step: int) -> Params:
        lr = group["lr"] / (1 + (step - 1) * group["lr_decay"])
        return Params((0, 0, bool(group["maximize"])), (lr, 1.0, 1.0, group["eps"], group["weight_decay"], 0.0))


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

    kernel, not_negative = "adadelta", ("lr", "rho", "eps", "weight_decay")
    keeps: ClassVar = {"square_avg": "", "acc_delta": ""}

    def __init__(self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0, *, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize})

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        require(group["rho"] <= 1, type(self).__name__, "rho", group["rho"], "a number from 0 to 1")

    def options(self, group: dict[str, Any], step: int) -> Params:
        return Params((bool(group["maximize"]),), (group["lr"], group["rho"], group["eps"], group["weight_decay"]))
