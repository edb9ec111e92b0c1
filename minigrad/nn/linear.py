"""The dense layer, where every output sees every input, and the embedding, whose input is the number of one row."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd import no_grad
from minigrad.dtypes import DType
from minigrad.functions.create import empty
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.shapes import axis_of, integer
from minigrad.tensor import Tensor

__all__ = ["Embedding", "Identity", "Linear"]


class Identity(Module):
    """Returns its input; takes and ignores any arguments, to stand where another layer stood.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Identity()(minigrad.ones(2)).tolist()
    [1.0, 1.0]
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """`y = x Wᵀ + b` on the last axis: (..., in_features) to (..., out_features).

    W is (out_features, in_features), b is (out_features,).  Both start uniform in ±1/sqrt(in_features), as PyTorch's
    do: for W this is He's initialisation (init.kaiming_uniform_) with a slope of sqrt(5).

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.Linear(3, 2)
    >>> layer(minigrad.zeros(5, 3)).shape
    (5, 2)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Any = None,
                 dtype: DType | None = None) -> None:
        super().__init__()
        self.in_features = integer("Linear", "in_features", in_features)
        self.out_features = integer("Linear", "out_features", out_features)
        if min(self.in_features, self.out_features) < 0:
            raise ValueError(f"Linear: in_features and out_features: got {in_features} and {out_features}, "
                             "expected sizes of 0 or more")
        self.weight = Parameter(empty(out_features, in_features, device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(empty(out_features, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    bias: Parameter | None

    def reset_parameters(self) -> None:
        reset_weight_and_bias(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def reset_weight_and_bias(weight: Tensor, bias: Tensor | None) -> None:
    """The start that PyTorch gives dense and convolutional layers: both uniform in ±1/sqrt(fan_in)."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in, _ = init.fan_in_and_fan_out(weight)
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
        init.uniform_(bias, -bound, bound)


class Embedding(Module):
    """`y[..., :] = W[x[...], :]` for integers x: a table of num_embeddings vectors that are learnt; normal at first.

    The vector at `padding_idx` starts as zeros and gets no gradient.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.Embedding(10, 3, padding_idx=0)
    >>> layer(minigrad.tensor([[1, 2], [4, 0]])).shape
    (2, 2, 3)
    >>> layer
    Embedding(10, 3, padding_idx=0)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, *,
                 device: Any = None, dtype: DType | None = None) -> None:
        super().__init__()
        self.num_embeddings = integer("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = integer("Embedding", "embedding_dim", embedding_dim)
        self.padding_idx = (None if padding_idx is None
                            else axis_of("Embedding", padding_idx, num_embeddings, "padding_idx"))
        self.weight = Parameter(empty(num_embeddings, embedding_dim, device=device, dtype=dtype))
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Embedding:
        """The layer with the rows of `embeddings` (v, d), which it shares; not trained unless `freeze` is False."""
        if embeddings.ndim != 2:
            raise ValueError(f"Embedding.from_pretrained: embeddings: got shape {embeddings.shape}, expected 2 axes")
        rows, size = embeddings.shape
        layer = cls(rows, size, padding_idx)
        layer.weight = Parameter(embeddings, requires_grad=not freeze)
        return layer

    def reset_parameters(self) -> None:
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].zero_()

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
