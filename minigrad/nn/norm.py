"""Normalisation: numbers to mean 0 and variance 1, then scaled and shifted as the layer learns.

What they average over, and where they come from, stands with the functions in nn.functional.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad import dtypes
from minigrad.dtypes import DType
from minigrad.functions.create import ones, tensor, zeros
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.layer import Layer
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.shapes import integer, shape_of
from minigrad.tensor import Tensor

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d",
           "InstanceNorm3d", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class Norm(Module):
    """A scale that starts as ones and a shift that starts as zeros: what all normalising layers learn."""

    weight: Parameter | None
    bias: Parameter | None

    def _affine(self, shape: tuple[int, ...], weight: bool, bias: bool, device: Any, dtype: DType | None) -> None:
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(ones(shape, **made)) if weight else None)
        self.register_parameter("bias", Parameter(zeros(shape, **made)) if bias else None)

    def reset_parameters(self) -> None:
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class ChannelNorm(Norm):
    """What batch and instance norm share; those of 1, 2 and 3 dimensions differ in the number of axes they accept.

    While training, the running averages move: `running = (1 - momentum) * running + momentum * observed`, with the
    unbiased variance.
    """

    ndims: tuple[int, ...] = ()
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
        self.track_running_stats = tracked = track_running_stats
        self._affine((num_features,), affine, affine and bias, device, dtype)
        made: dict[str, Any] = {"device": device, "dtype": dtype}
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
        super().reset_parameters()

    def _check(self, input: Tensor) -> None:
        if input.ndim not in self.ndims:
            raise ValueError(f"{type(self).__name__}: input: got shape {input.shape}, expected "
                             f"{' or '.join(map(str, self.ndims))} axes (n, {self.num_features}, ...)")

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class BatchNorm(ChannelNorm):
    """Training: the batch's own mean and variance; `momentum=None` averages all batches equally.

    Evaluating: the running averages, or, where there are none (`track_running_stats=False`), the batch's.
    """

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        counter = self.num_batches_tracked if self.training else None
        momentum = self.momentum
        if momentum is None:
            momentum = 0.0 if counter is None else 1.0 / (counter.item() + 1)
        output = F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias,
                              self.training or self.running_mean is None, momentum, self.eps)
        if counter is not None:
            counter.add_(1)
        return output


class InstanceNorm(ChannelNorm):
    """Each sample's own mean and variance; in evaluation the running averages, if asked to keep them."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: DType | None = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        batched = input.ndim == max(self.ndims)
        output = F.instance_norm(input if batched else input.unsqueeze(0), self.running_mean, self.running_var,
                                 self.weight, self.bias, self.training or self.running_mean is None,
                                 self.momentum or 0.0, self.eps)
        return output if batched else output.squeeze(0)


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


class InstanceNorm1d(InstanceNorm):
    """Instance normalisation of (n, c, i) or (c, i), over i.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.InstanceNorm1d(1, eps=0.0)(minigrad.tensor([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """

    ndims = (2, 3)


class InstanceNorm2d(InstanceNorm):
    """Instance normalisation of (n, c, i1, i2) or (c, i1, i2), over the positions."""

    ndims = (3, 4)


class InstanceNorm3d(InstanceNorm):
    """Instance normalisation of (n, c, i1, i2, i3) or (c, i1, i2, i3), over the positions."""

    ndims = (4, 5)


class GroupNorm(Norm):
    """Normalisation over the positions and the channels of a group; see nn.functional.group_norm.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.GroupNorm(2, 4)(minigrad.rand(3, 4, 5)).shape
    (3, 4, 5)
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
                 dtype: DType | None = None, *, bias: bool = True) -> None:
        super().__init__()
        self.num_groups = integer("GroupNorm", "num_groups", num_groups)
        self.num_channels = integer("GroupNorm", "num_channels", num_channels)
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups: got {num_groups}, expected a divisor of {num_channels} channels")
        self.eps = eps
        self.affine = affine
        self._affine((num_channels,), affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class LayerNorm(Norm):
    """Normalisation over the last axes, of the sizes `normalized_shape`; see nn.functional.layer_norm.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.LayerNorm(2, eps=0.0)(minigrad.tensor([1.0, 3.0])).tolist()
    [-1.0, 1.0]
    """

    def __init__(self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True, device: Any = None, dtype: DType | None = None) -> None:
        super().__init__()
        self.normalized_shape = shape_of("LayerNorm", (normalized_shape,), "normalized_shape")
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")


class RMSNorm(Norm):
    """Division by the root of the mean square over the last axes; see nn.functional.rms_norm."""

    def __init__(self, normalized_shape: int | Sequence[int], eps: float | None = None,
                 elementwise_affine: bool = True, device: Any = None, dtype: DType | None = None) -> None:
        super().__init__()
        self.normalized_shape = shape_of("RMSNorm", (normalized_shape,), "normalized_shape")
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._affine(self.normalized_shape, elementwise_affine, False, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Layer, function=F.local_response_norm): ...
