"""Schedules: the learning rate as a function of the number of steps.

Most are a factor f(t) on the initial rate, in closed form.  A step multiplies the current rate by f(t) / f(t - 1), so
that several schedulers of one optimiser multiply: that is how PyTorch chains them.  Names, arguments and the entries
of `state_dict` are PyTorch's.
"""

import functools
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from minigrad.errors import one_of, require
from minigrad.optim.optimizer import Optimizer
from minigrad_ext.recorder import current, recording

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR",
           "MultiStepLR", "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR"]

PARTS = ("lr_lambdas", "_schedulers")   # attributes that are lists of functions or of other schedulers


def _cosine(share: float) -> float:
    """Half a cosine from 1 down to 0."""
    return (1 + math.cos(math.pi * share)) / 2


def parts(schedule: Any) -> list[Any]:
    """A schedule and those that it is made of."""
    return [schedule, *[part for each in schedule.__dict__.get("_schedulers", ()) for part in parts(each)]]


def each_call(step: Callable) -> Callable:
    """The method `step`, which tells whoever captures a function that each call of it takes this step again."""
    @functools.wraps(step)
    def told(self: Any, *args: Any) -> None:
        recorder = current()
        if recorder is not None:
            states = (*self.optimizer.param_groups, *[part.__dict__ for part in parts(self)])
            for state in states:
                recorder.keep(state)
            recorder.renewal(lambda: told(self, *args), *states)
        with recording(None):
            step(self, *args)

    return told


class Schedule:
    """What everything with a `step` and a `state_dict` shares."""

    last_epoch: int

    def __init__(self, optimizer: Optimizer) -> None:
        require(isinstance(optimizer, Optimizer), type(self).__name__, "optimizer", type(optimizer).__name__,
                "an Optimizer", TypeError)
        self.optimizer = optimizer
        self._last_lr = self.current()

    def per_group(self, argument: str, value: Any) -> list[Any]:
        """One value for each parameter group: a list of them, or one for all."""
        n = len(self.optimizer.param_groups)
        values = list(value) if isinstance(value, list | tuple) else [value] * n
        require(len(values) == n, type(self).__name__, argument, value, f"one, or {n} as there are groups")
        return values

    def set_lr(self, values: Iterable[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            group["lr"] = lr
        self._last_lr = self.current()

    def current(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """The rate of each parameter group after the last step."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimiser; None for a function, a state for each scheduler."""
        return {key: [each.state_dict() if key == "_schedulers" else None for each in value] if key in PARTS else value
                for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the attributes of another scheduler of the same class, but its functions."""
        for scheduler, state in zip(getattr(self, "_schedulers", ()), state_dict.get("_schedulers", ()), strict=True):
            scheduler.load_state_dict(state)
        self.__dict__.update({key: value for key, value in state_dict.items() if key not in PARTS})


class LRScheduler(Schedule):
    """Base of the schedulers whose `get_lr` gives each group's rate at step `last_epoch`."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        super().__init__(optimizer)
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            require("initial_lr" in group, type(self).__name__, "last_epoch", f"{last_epoch}, which resumes a schedule",
                    f"-1, as param_groups[{number}] has no 'initial_lr'", KeyError)
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch, self._step_count = last_epoch, 0
        self.step()

    def get_lr(self) -> list[float]:
        """The rate of each group at step `last_epoch`, from the current one."""
        raise NotImplementedError(f"{type(self).__name__}: get_lr is not defined")

    @each_call
    def step(self) -> None:
        """Go to the next step and set its rates; called after the optimiser's step."""
        self._step_count += 1
        self.last_epoch += 1
        self.set_lr(self.get_lr())


class FactorLR(LRScheduler):
    """lr(t) = floor + (initial lr - floor) f(t): a subclass defines `scale(t)`, and `eta_min` as the floor."""

    eta_min = 0.0
    scale: Callable[[int], float]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1, **options: Any) -> None:
        self.__dict__.update(options)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        new, old = self.scale(self.last_epoch), self.scale(self.last_epoch - 1) if self.last_epoch else 1.0
        if old == 0 and new != 0:       # what was multiplied by 0 comes back by addition
            return [lr + (base - self.eta_min) * new for lr, base in zip(self.current(), self.base_lrs, strict=True)]
        return [lr if new == old else self.eta_min + (lr - self.eta_min) * (new / old) for lr in self.current()]

    def _get_closed_form_lr(self) -> list[float]:
        scale = self.scale(self.last_epoch)
        return [self.eta_min + (base - self.eta_min) * scale for base in self.base_lrs]


class StepLR(FactorLR):
    """f(t) = gamma^floor(t / step_size).

    >>> from minigrad import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(4):
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        require(step_size >= 1, "StepLR", "step_size", step_size, "1 or more")
        super().__init__(optimizer, last_epoch, step_size=step_size, gamma=gamma)

    def scale(self: Any, t: int) -> float:
        return self.gamma ** (t // self.step_size)


class MultiStepLR(FactorLR):
    """f(t) = gamma^(number of milestones up to t)."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1,
                 last_epoch: int = -1) -> None:
        super().__init__(optimizer, last_epoch, milestones=Counter(milestones), gamma=gamma)

    def scale(self: Any, t: int) -> float:
        return self.gamma ** sum(times for milestone, times in self.milestones.items() if milestone <= t)


class ExponentialLR(FactorLR):
    """f(t) = gamma^t."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        super().__init__(optimizer, last_epoch, gamma=gamma)

    def scale(self: Any, t: int) -> float:
        return self.gamma ** t


class LinearLR(FactorLR):
    """f(t) goes in a straight line from `start_factor` to `end_factor` in `total_iters` steps: warm-up.

    >>> from minigrad import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    >>> warmup = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> cosine = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> scheduler, rates = optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[3]), []
    >>> for _ in range(6):
    ...     rates.append(round(optimizer.param_groups[0]["lr"], 6))
    ...     scheduler.step()
    >>> rates
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.0]
    """

    def __init__(self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0,
                 total_iters: int = 5, last_epoch: int = -1) -> None:
        require(0 < start_factor <= 1, "LinearLR", "start_factor", start_factor, "a number above 0 and up to 1")
        require(0 <= end_factor <= 1, "LinearLR", "end_factor", end_factor, "a number from 0 to 1")
        super().__init__(optimizer, last_epoch, start_factor=start_factor, end_factor=end_factor,
                         total_iters=total_iters)

    def scale(self: Any, t: int) -> float:
        end = self.end_factor
        return end if t >= self.total_iters else self.start_factor + (end - self.start_factor) * t / self.total_iters


class PolynomialLR(FactorLR):
    """f(t) = (1 - t / total_iters)^power, then 0."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        super().__init__(optimizer, last_epoch, total_iters=total_iters, power=power)

    def scale(self: Any, t: int) -> float:
        return (1.0 - min(t, self.total_iters) / self.total_iters) ** self.power


class CosineAnnealingLR(FactorLR):
    """f(t) = (1 + cos(pi t / T_max)) / 2, down to `eta_min` (and up again after T_max steps).

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        require(T_max > 0, "CosineAnnealingLR", "T_max", T_max, "more than 0")
        super().__init__(optimizer, last_epoch, T_max=T_max, eta_min=eta_min)

    def scale(self: Any, t: int) -> float:
        return _cosine(t / self.T_max)


class CosineAnnealingWarmRestarts(FactorLR):
    """f(t) = (1 + cos(pi T_cur / T_i)) / 2, started afresh after T_0 steps, then after T_mult times as many, ..."""

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
                 last_epoch: int = -1) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            require(isinstance(value, int) and value > 0, type(self).__name__, name, value, "an int above 0")
        super().__init__(optimizer, last_epoch, T_0=T_0, T_mult=T_mult, eta_min=eta_min)

    def scale(self: Any, t: int) -> float:
        self.T_i = self.T_0
        while t >= self.T_i:
            t, self.T_i = t - self.T_i, self.T_i * self.T_mult
        self.T_cur = t
        return _cosine(t / self.T_i)

    def get_lr(self) -> list[float]:
        return self._get_closed_form_lr()


class LambdaLR(LRScheduler):
    """lr(t) = initial lr * lr_lambda(t), with one function for all groups or a list of them.

    Functions are not part of the state_dict.
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
                 last_epoch: int = -1) -> None:
        Schedule.__init__(self, optimizer)
        self.lr_lambdas = self.per_group("lr_lambda", lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class OneCycleLR(LRScheduler):
    """Up from max_lr / div_factor to max_lr, then down to max_lr / div_factor / final_div_factor; momentum against it.

    `total_steps` (or epochs * steps_per_epoch) steps, `pct_start` of them upwards, along a "cos" or "linear" curve;
    `three_phase` comes down to the start first, in as many steps as up.  With `cycle_momentum`, momentum (Adam's first
    beta) goes from max_momentum to base_momentum and back.
    Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    2018.
    """

    def __init__(self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
                 epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
                 anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float | list[float] = 0.85,
                 max_momentum: float | list[float] = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
                 three_phase: bool = False, last_epoch: int = -1) -> None:
        Schedule.__init__(self, optimizer)
        if total_steps is None:
            total_steps = (epochs or 0) * (steps_per_epoch or 0)
        require(isinstance(total_steps, int) and total_steps > 0, "OneCycleLR", "total_steps", total_steps,
                "an int above 0, or epochs and steps_per_epoch")
        require(0 <= pct_start <= 1, "OneCycleLR", "pct_start", pct_start, "a number from 0 to 1")
        one_of("OneCycleLR", "anneal_strategy", anneal_strategy, ("cos", "linear"))
        require(not cycle_momentum or {"momentum", "betas"} & set(optimizer.defaults), "OneCycleLR", "cycle_momentum",
                cycle_momentum, "False for an optimiser that has neither momentum nor betas")
        self.total_steps, self._anneal_func_type, self.cycle_momentum = total_steps, anneal_strategy, cycle_momentum
        self.use_beta1 = "betas" in optimizer.defaults
        up = float(pct_start * total_steps) - 1
        back = [(2 * up, "initial_lr", "max_momentum")] if three_phase else []
        places = [(0.0, "initial_lr", "max_momentum"), (up, "max_lr", "base_momentum"), *back,
                  (float(total_steps - 1), "min_lr", "max_momentum")]
        self._schedule_phases: list[dict[str, Any]] = [
            {"end_step": end, "start_lr": lr, "end_lr": to_lr, "start_momentum": momentum, "end_momentum": to_momentum}
            for (_, lr, momentum), (end, to_lr, to_momentum) in pairwise(places)]
        given = [self.per_group(name, value) for name, value in
                 (("max_lr", max_lr), ("max_momentum", max_momentum), ("base_momentum", base_momentum))]
        for group, rate, high, low in zip(optimizer.param_groups, *given, strict=True) if last_epoch == -1 else ():
            lowest = rate / div_factor
            group.update(initial_lr=lowest, max_lr=rate, min_lr=lowest / final_div_factor)
            if cycle_momentum:
                group.update(max_momentum=high, base_momentum=low)
        super().__init__(optimizer, last_epoch)

    def _between(self, start: float, end: float, share: float) -> float:
        return end + (start - end) * (1 - share if self._anneal_func_type == "linear" else _cosine(share))

    def get_lr(self) -> list[float]:
        t = self.last_epoch
        require(t <= self.total_steps, "OneCycleLR", "step", t, f"at most total_steps = {self.total_steps} steps")
        ends = [phase["end_step"] for phase in self._schedule_phases]
        which = min(bisect_left(ends, t), len(ends) - 1)
        phase, begin = self._schedule_phases[which], ends[which - 1] if which else 0.0
        share = (t - begin) / (ends[which] - begin)
        for group in self.optimizer.param_groups if self.cycle_momentum else ():
            momentum = self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], share)
            group.update({"betas": (momentum, *group["betas"][1:])} if self.use_beta1 else {"momentum": momentum})
        return [self._between(group[phase["start_lr"]], group[phase["end_lr"]], share)
                for group in self.optimizer.param_groups]


class SequentialLR(Schedule):
    """One scheduler after another: the next takes over, from its own beginning, at each of the `milestones`."""

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[Any], milestones: Sequence[int],
                 last_epoch: int = -1) -> None:
        super().__init__(optimizer)
        valid = schedulers and all(isinstance(each, LRScheduler) and each.optimizer is optimizer for each in schedulers)
        require(valid, "SequentialLR", "schedulers", schedulers, "one or more LRSchedulers of this optimizer")
        require(len(milestones) == len(schedulers) - 1, "SequentialLR", "milestones", milestones,
                f"{len(schedulers) - 1}, one less than there are schedulers")
        self._schedulers, self._milestones, self.last_epoch = list(schedulers), list(milestones), last_epoch + 1
        self.set_lr([group["initial_lr"] for group in optimizer.param_groups])
        for each in schedulers:
            each.last_epoch -= 1            # takes back the first step that each made when it was built
        first = schedulers[bisect_right(milestones, 0)]
        first._step_count = 0
        first.step()
        self._last_lr = self.current()

    @each_call
    def step(self) -> None:
        """Go to the next step and set its rates."""
        self.last_epoch += 1
        scheduler = self._schedulers[bisect_right(self._milestones, self.last_epoch)]
        if self.last_epoch in self._milestones:
            scheduler.last_epoch = 0
            scheduler.set_lr(getattr(scheduler, "_get_closed_form_lr", scheduler.get_lr)())
        else:
            scheduler.step()
        self._last_lr = self.current()


class ReduceLROnPlateau(Schedule):
    """lr ← max(factor lr, min_lr) when a measure has not become better for more than `patience` steps.

    Better is below `best (1 - threshold)` ("rel") or `best - threshold` ("abs"), and the other way round in mode "max".
    After a reduction, `cooldown` steps are not counted.

    >>> from minigrad import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    >>> scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
                 threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
                 min_lr: float | list[float] = 0, eps: float = 1e-8) -> None:
        super().__init__(optimizer)
        require(factor < 1, "ReduceLROnPlateau", "factor", factor, "less than 1")
        one_of("ReduceLROnPlateau", "mode", mode, ("min", "max"))
        one_of("ReduceLROnPlateau", "threshold_mode", threshold_mode, ("rel", "abs"))
        self.mode, self.factor, self.patience, self.cooldown, self.eps = mode, factor, patience, cooldown, eps
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.min_lrs = self.per_group("min_lr", min_lr)
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = self.last_epoch = 0

    @each_call
    def step(self, metrics: Any) -> None:
        """Judge a new value of the measure: a number or a tensor of one element."""
        value, sign = float(metrics), 1 if self.mode == "min" else -1
        margin = sign * self.threshold
        bound = self.best * (1 - margin) if self.threshold_mode == "rel" else self.best - margin
        self.last_epoch += 1
        self.num_bad_epochs += 1
        if sign * value < sign * bound:
            self.best, self.num_bad_epochs = value, 0
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        rates = self.current()
        if self.num_bad_epochs > self.patience:
            lower = [max(lr * self.factor, least) for lr, least in zip(rates, self.min_lrs, strict=True)]
            rates = [new if lr - new > self.eps else lr for lr, new in zip(rates, lower, strict=True)]
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self.set_lr(rates)
