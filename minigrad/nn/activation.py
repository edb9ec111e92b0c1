"""Non-linear layers; each is its function from nn.functional, where the formulas stand."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.tensor import Tensor


class ReLU(Module):
    """`max(0, x)`, element by element.

    `inplace` is accepted and printed; the result is always a new tensor.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.ReLU()(minigrad.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return input.relu()

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Tanh(Module):
    """`tanh(x)`, element by element.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Tanh()(minigrad.zeros(2)).tolist()
    [0.0, 0.0]
    """

    def forward(self, input: Tensor) -> Tensor:
        return input.tanh()


class Sigmoid(Module):
    """`1 / (1 + exp(-x))`, element by element.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Sigmoid()(minigrad.zeros(2)).tolist()
    [0.5, 0.5]
    """

    def forward(self, input: Tensor) -> Tensor:
        return input.sigmoid()


class Softmax(Module):
    """`exp(x) / sum exp(x)` along `dim`: numbers to probabilities; see nn.functional.softmax.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Softmax(dim=-1)(minigrad.zeros(4)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """`log softmax(x)` along `dim`, without the overflow; see nn.functional.log_softmax.

    >>> import minigrad
    >>> from minigrad import nn
    >>> [round(value, 4) for value in nn.LogSoftmax(dim=-1)(minigrad.zeros(2)).tolist()]
    [-0.6931, -0.6931]
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
