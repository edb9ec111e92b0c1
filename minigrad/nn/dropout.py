"""Dropout: train an ensemble of thinned networks at the price of one."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.functional.checks import check_probability
from minigrad.nn.module import Module
from minigrad.tensor import Tensor


class Dropout(Module):
    """While training, zero each element with probability `p` and scale the rest by 1 / (1 - p); else do nothing.

    `inplace` is accepted and printed; the result is a new tensor.
    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Dropout(0.5).eval()(minigrad.ones(3)).tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability("Dropout", "p", p)
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
