"""Normalisation: numbers to mean 0 and variance 1, then scaled and shifted as the layer learns.

What they average over, and where they come from, stands with the functions in nn.functional.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from minigrad.errors import require
from minigrad.functions.create import empty, tensor, zeros_like
from minigrad.kernels import KERNELS
from minigrad.nn import functional as F, init
from minigrad.nn.layer import Functional, Layer, family, publish
from minigrad.shapes import shape_of
from minigrad.tensor import Tensor
from minigrad_ext.buffer import Buffer


@lru_cache
def _one(dtype: int) -> Buffer:
    return Buffer.scalar(1, dtype)


def _count(counter: Buffer) -> None:
    """counter += 1 by the kernel: 0.4 us, where `add_`, which asks whether it may, takes 3 and a batch norm 7."""
    KERNELS["add"](counter, counter, _one(counter.dtype))
    counter.bump()


class _Norm(Layer):
    """A scale that starts as ones and a shift that starts as zeros: what all normalising layers learn."""

    def reset_parameters(self) -> None:
        for parameter, value in ((self.weight, 1.0), (self.bias, 0.0)):
            if parameter is not None:
                init.constant_(parameter, value)


class _ChannelNorm(_Norm, shown="num_features eps= momentum= affine= bias= track_running_stats="):
    """What batch and instance norm share; those of 1, 2 and 3 dimensions differ in the number of axes they accept.

    While training, the running averages move: `running = (1 - momentum) * running + momentum * observed`, with the
    unbiased variance.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__(num_features=num_features)
        self.eps, self.momentum, self.affine, self.track_running_stats = eps, momentum, affine, track_running_stats
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, empty(num_features, device=device, dtype=dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(0) if track_running_stats else None)
        self._learn(device, dtype, weight=affine and (num_features,), bias=affine and bias and (num_features,))

    def reset_running_stats(self) -> None:
        if self.running_mean is not None:
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


class _BatchNorm(_ChannelNorm, tensors=("input", "training", "momentum"), function=F.batch_norm):
    """Training: the batch's own mean and variance; `momentum=None` averages all batches equally.

    Evaluating: the running averages, or, where there are none (`track_running_stats=False`), the batch's.
    """

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        counter, momentum = self.num_batches_tracked if self.training else None, self.momentum
        if counter is None or momentum is not None:
            output = self.called(input, training=self.training or self.running_mean is None, momentum=momentum or 0.0)
        else:
            running = self.running_mean, self.running_var
            seen = [zeros_like(x) for x in running]
            output = self.function(input, *seen, self.weight, self.bias, True, 1.0, self.eps)
            for mean, one in zip(running, seen, strict=True):
                mean.add_((one - mean) / (counter + 1) if input.numel() else 0.0)
        if counter is not None:
            _count(counter.buffer)
        return output


class _InstanceNorm(_ChannelNorm, tensors=("input", "use_input_stats", "momentum"), function=F.instance_norm):
    """Instance normalisation of (n, c, ...) or (c, ...), over the positions: 1, 2 or 3 axes, as the name says.

    Each sample's own mean and variance; in evaluation the running averages, if asked to keep them.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.InstanceNorm1d(1, eps=0.0)(minigrad.tensor([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        batched = input.ndim == max(self.ndims)
        output = self.called(input if batched else input.unsqueeze(0), momentum=self.momentum or 0.0,
                             use_input_stats=self.training or self.running_mean is None)
        return output if batched else output.squeeze(0)


class BatchNorm1d(_BatchNorm, ndims=(2, 3)):
    """Batch normalisation of (n, c) or (n, c, i), over all axes but c.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.BatchNorm1d(1)
    >>> [round(value, 3) for value in layer(minigrad.tensor([[1.0], [3.0]])).flatten().tolist()]
    [-1.0, 1.0]
    >>> [round(value, 3) for value in layer.running_mean.tolist() + layer.running_var.tolist()]
    [0.2, 1.1]
    """


class BatchNorm2d(_BatchNorm, ndims=(4,)):
    """Batch normalisation of (n, c, i1, i2), over all axes but c.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.BatchNorm2d(3)(minigrad.rand(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """


class BatchNorm3d(_BatchNorm, ndims=(5,)):
    """Batch normalisation of (n, c, i1, i2, i3), over all axes but c.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.BatchNorm3d(3)(minigrad.rand(2, 3, 2, 4, 4)).shape
    (2, 3, 2, 4, 4)
    """


InstanceNorm1d, InstanceNorm2d, InstanceNorm3d = family(_InstanceNorm, ndims=[(2, 3), (3, 4), (4, 5)])


class GroupNorm(_Norm, function=F.group_norm, shown="num_groups num_channels eps= affine= bias="):
    """Normalisation over the positions and the channels of a group; see nn.functional.group_norm.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.GroupNorm(2, 4)(minigrad.rand(3, 4, 5)).shape
    (3, 4, 5)
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
                 dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__(num_groups=num_groups, num_channels=num_channels)
        require(num_groups and num_channels % num_groups == 0, "GroupNorm", "num_groups", num_groups,
                f"a divisor of {num_channels} channels")
        self.eps, self.affine = eps, affine
        self._learn(device, dtype, weight=affine and (num_channels,), bias=affine and bias and (num_channels,))


class LayerNorm(_Norm, function=F.layer_norm, shown="normalized_shape eps= elementwise_affine= bias="):
    """Normalisation over the last axes, of the sizes `normalized_shape`; see nn.functional.layer_norm.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.LayerNorm(2, eps=0.0)(minigrad.tensor([1.0, 3.0])).tolist()
    [-1.0, 1.0]
    """

    def __init__(self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.normalized_shape = shape = shape_of("LayerNorm", (normalized_shape,), "normalized_shape")
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._learn(device, dtype, weight=elementwise_affine and shape, bias=elementwise_affine and bias and shape)


class LocalResponseNorm(Functional, function=F.local_response_norm): ...


publish(globals())
