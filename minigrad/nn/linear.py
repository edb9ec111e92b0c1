"""The dense layer, where every output sees every input, and the embedding, whose input is the number of one row."""

import math
from typing import Any

from minigrad.errors import require
from minigrad.nn import functional as F, init
from minigrad.nn.layer import Layer, publish
from minigrad.nn.parameter import Parameter
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor


class _Affine(Layer):
    """A weight and perhaps a bias that start as PyTorch's dense and convolutional layers do: in ±1/sqrt(fan_in).

    For the weight this is He's initialisation (init.kaiming_uniform_) with a slope of sqrt(5).
    """

    def reset_parameters(self) -> None:
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = init._std(1.0, init.fan_in_and_fan_out(self.weight)[0])
            init.uniform_(self.bias, -bound, bound)


class Linear(_Affine, function=F.linear, shown="in_features= out_features= bias="):
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
                 dtype: Any = None) -> None:
        super().__init__(in_features=in_features, out_features=out_features)
        self._learn(device, dtype, weight=(out_features, in_features), bias=bias and (out_features,))


class Embedding(Layer, function=F.embedding):
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
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        given = padding_idx is not None
        self.padding_idx = axis_of("Embedding", padding_idx, num_embeddings, "padding_idx") if given else None
        self._learn(device, dtype, weight=(num_embeddings, embedding_dim))

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> "Embedding":
        """The layer with the rows of `embeddings` (v, d), which it shares; not trained unless `freeze` is False."""
        require(embeddings.ndim == 2, "Embedding.from_pretrained", "embeddings", f"shape {embeddings.shape}", "2 axes")
        layer = cls(embeddings.shape[0], embeddings.shape[1], padding_idx)
        layer.weight = Parameter(embeddings, requires_grad=not freeze)
        return layer

    def reset_parameters(self) -> None:
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx].zero_()

    @property
    def shown(self) -> str:
        return "num_embeddings embedding_dim" + (" padding_idx=" if self.padding_idx is not None else "")


class PReLU(Layer, function=F.prelu, shown="num_parameters="):
    """x where x > 0, else `weight x`: a slope that is learnt, one or (`num_parameters`) one for each channel.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.PReLU()(minigrad.tensor([-1.0, 2.0])).tolist()
    [-0.25, 2.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__(num_parameters=num_parameters)
        self.init = init
        self._learn(device, dtype, weight=(num_parameters,))

    def reset_parameters(self) -> None:
        init.constant_(self.weight, float(self.init))


publish(globals())
