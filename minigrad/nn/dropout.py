"""Dropout: train an ensemble of thinned networks at the price of one.

Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
"""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.layer import Layer

__all__ = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d"]


class Dropout(Layer, function=F.dropout):
    """While training, zero each element with probability `p` and scale the rest by 1 / (1 - p); else do nothing.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Dropout(0.5).eval()(minigrad.ones(3)).tolist()
    [1.0, 1.0, 1.0]
    """

    p: float
    inplace: bool

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout, function=F.dropout1d): ...
class Dropout2d(Dropout, function=F.dropout2d): ...
class Dropout3d(Dropout, function=F.dropout3d): ...
