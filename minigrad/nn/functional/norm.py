"""Batch normalisation as a function, written in ops: its gradient, of any order, follows from theirs."""

from __future__ import annotations

from minigrad.autograd import no_grad
from minigrad.nn.functional.checks import check_float
from minigrad.tensor import Tensor


def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """`y = (x - mean[c]) / sqrt(var[c] + eps) * weight[c] + bias[c]` for x (n, c, ...); same shape as the input.

    Training: mean and biased variance of this batch, over every axis but c, and the running ones are moved in place
    by `running += momentum * (observed - running)`, where the observed variance is the unbiased one.
    Else: the running ones are used.
    Source: Ioffe and Szegedy 2015, algorithms 1 and 2.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> mean, var = minigrad.tensor([1.0]), minigrad.tensor([4.0])
    >>> F.batch_norm(minigrad.tensor([[3.0], [5.0]]), mean, var, eps=0.0).tolist()
    [[1.0], [2.0]]
    """
    check_float("batch_norm", "input", input)
    shape = input.shape
    if len(shape) < 2:
        raise ValueError(f"batch_norm: input: got shape {shape}, expected (n, c, ...)")
    channels = shape[1]
    for name, tensor in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight),
                         ("bias", bias)):
        if tensor is not None and tensor.shape != (channels,):
            raise ValueError(f"batch_norm: {name}: got shape {tensor.shape}, expected ({channels},) "
                             f"for input {shape}")
    per_channel = (1, channels) + (1,) * (len(shape) - 2)
    if training:
        axes = (0, *range(2, len(shape)))
        mean = input.mean(axes, keepdim=True)
        centred = input - mean
        var = (centred * centred).mean(axes, keepdim=True)
        count = input.numel() // channels if channels else 0
        if count == 1:
            raise ValueError(f"batch_norm: input: got shape {shape}, expected more than one value per channel to train")
        if count:
            with no_grad():
                _move(running_mean, mean, momentum, 1.0)
                _move(running_var, var, momentum, count / (count - 1))
    elif running_mean is None or running_var is None:
        raise ValueError("batch_norm: running_mean and running_var are needed when training is False")
    else:
        centred = input - running_mean.reshape(per_channel)
        var = running_var.reshape(per_channel)
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight.reshape(per_channel)
    output = centred * scale
    return output if bias is None else output + bias.reshape(per_channel)


def _move(running: Tensor | None, observed: Tensor, momentum: float, correction: float) -> None:
    if running is not None:
        running.mul_(1.0 - momentum).add_(observed.reshape(running.shape) * (momentum * correction))
