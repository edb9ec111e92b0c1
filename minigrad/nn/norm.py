"""Batch normalisation: each channel to mean 0 and variance 1 over the batch, then scaled and shifted as it learns.

Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
shift", 2015.
"""

from __future__ import annotations

from typing import Any

from minigrad import dtypes
from minigrad.dtypes import DType
from minigrad.functions.create import ones, tensor, zeros
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.shapes import integer
from minigrad.tensor import Tensor


class BatchNorm(Module):
    """What BatchNorm1d, 2d and 3d share; they differ in the number of axes they accept.

    Training: normalise with the batch's own mean and (biased) variance, and move the running averages:
    `running = (1 - momentum) * running + momentum * observed`, with the unbiased variance; `momentum=None` averages
    all batches equally.  Evaluating: normalise with the running averages, or, where there are none
    (`track_running_stats=False`), with the batch's.
    """

    ndims: tuple[int, ...] = ()
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: DType | None = None, *,
                 bias: bool = True) -> None:
        super().__init__()
        self.num_features = integer(type(self).__name__, "num_features", num_features)
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(ones(num_features, **made)) if affine else None)
        self.register_parameter("bias", Parameter(zeros(num_features, **made)) if affine and bias else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **made) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **made) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=dtypes.int64) if tracked else None)

    def reset_running_stats(self) -> None:
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self.ndims:
            raise ValueError(f"{type(self).__name__}: input: got shape {input.shape}, expected "
                             f"{' or '.join(map(str, self.ndims))} axes (n, {self.num_features}, ...)")
        counter = self.num_batches_tracked if self.training else None
        momentum = self.momentum
        if momentum is None:
            momentum = 0.0 if counter is None else 1.0 / (counter.item() + 1)
        output = F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias,
                              self.training or self.running_mean is None, momentum, self.eps)
        if counter is not None:
            counter.add_(1)
        return output

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class BatchNorm1d(BatchNorm):
    """Batch normalisation of (n, c) or (n, c, i), over all axes but c.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.BatchNorm1d(1)
    >>> [round(value, 3) for value in layer(minigrad.tensor([[1.0], [3.0]])).flatten().tolist()]
    [-1.0, 1.0]
    >>> [round(value, 3) for value in layer.running_mean.tolist() + layer.running_var.tolist()]
    [0.2, 1.1]
    """

    ndims = (2, 3)


class BatchNorm2d(BatchNorm):
    """Batch normalisation of (n, c, i1, i2), over all axes but c.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.BatchNorm2d(3)(minigrad.rand(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    ndims = (4,)


class BatchNorm3d(BatchNorm):
    """Batch normalisation of (n, c, i1, i2, i3), over all axes but c.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.BatchNorm3d(3)(minigrad.rand(2, 3, 2, 4, 4)).shape
    (2, 3, 2, 4, 4)
    """

    ndims = (5,)
