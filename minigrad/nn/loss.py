"""Losses as modules; each is its function from nn.functional, where the formulas stand."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.functional.checks import check_probability, check_reduction
from minigrad.nn.module import Module
from minigrad.tensor import Tensor


class MSELoss(Module):
    """The mean (or sum, or all) of `(input - target)²`; see nn.functional.mse_loss.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.MSELoss()(minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 4.0])).item()
    2.0
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction("MSELoss", reduction)
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class NLLLoss(Module):
    """`-input[n, target[n]]`: the likelihood loss of log-probabilities; see nn.functional.nll_loss.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.NLLLoss()(minigrad.tensor([[-1.0, -2.0], [-3.0, -4.0]]), minigrad.tensor([0, 1])).item()
    2.5
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction("NLLLoss", reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction

    weight: Tensor | None

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CrossEntropyLoss(Module):
    """Log-softmax, then likelihood loss: scores (n, c, ...) against classes or probabilities; see cross_entropy.

    >>> import minigrad
    >>> from minigrad import nn
    >>> loss = nn.CrossEntropyLoss()(minigrad.zeros(3, 10), minigrad.tensor([1, 5, 9]))
    >>> round(loss.item(), 4)                                  # ln 10: knowing nothing of ten classes
    2.3026
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean",
                 label_smoothing: float = 0.0) -> None:
        super().__init__()
        check_reduction("CrossEntropyLoss", reduction)
        check_probability("CrossEntropyLoss", "label_smoothing", label_smoothing)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    weight: Tensor | None

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction,
                               label_smoothing=self.label_smoothing)
