"""What steadies training: normalisation and dropout.

Norms bring numbers to mean 0 and variance 1, `(x - mean) / sqrt(var + eps)`, and differ in what they average over:
batch and positions (batch norm), positions (instance norm), positions and some channels (group norm), the last axes
(layer norm).  Local response norm divides by what neighbouring channels say. Dropout multiplies by a random mask,
drawn from minigrad's generator, over elements or whole channels.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

from minigrad.autograd import no_grad
from minigrad.errors import require
from minigrad.functions.create import empty
from minigrad.functions.random import draw
from minigrad.functions.signature import Floats
from minigrad.groups import Groups, groups_of
from minigrad.kernels import KERNELS, Params
from minigrad.nn.functional.checks import check_probability, check_shape, per_dimension, sized
from minigrad.nn.functional.pool import avg_pool2d
from minigrad.op import promote
from minigrad.ops.norm import normalize, normalize_tracking
from minigrad.shapes import integer, shape_of
from minigrad.tensor import Tensor
from minigrad_ext.buffer import Buffer

__all__ = ["batch_norm", "dropout", "dropout1d", "dropout2d", "dropout3d", "group_norm", "instance_norm", "layer_norm",
           "local_response_norm"]


@lru_cache
def _constant(value: float, channels: int, dtype: Any) -> Tensor:
    """The weight or bias of a norm that has none: one number, repeated."""
    return Tensor(Buffer.scalar(value, dtype.code).expand((channels,)))


def _operands(input: Tensor, weight: Tensor | None, bias: Tensor | None, groups: Groups) -> tuple:
    if weight is None or bias is None:
        kind = input.dtype
        weight = _constant(1.0, groups.channels, kind) if weight is None else weight
        bias = _constant(0.0, groups.channels, kind) if bias is None else bias
    return input, weight, bias


def batch_norm(input: Floats, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
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
    return _norm("batch_norm", (0,), input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(input: Floats, running_mean: Tensor | None = None, running_var: Tensor | None = None,
                  weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """`batch_norm` for each sample by itself: mean and variance over the positions alone, x (n, c, ...).

    The running ones, if given, move by the mean over the samples; without `use_input_stats` they are used.
    Source: Ulyanov et al., "Instance normalization", 2016.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.instance_norm(minigrad.tensor([[[1.0, 3.0]], [[10.0, 30.0]]]), eps=0.0).tolist()
    [[[-1.0, 1.0]], [[-1.0, 1.0]]]
    """
    return _norm("instance_norm", (), input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def _norm(op: str, axes: tuple[int, ...], input: Tensor, running_mean: Any, running_var: Any, weight: Any,
          bias: Any, observe: bool, momentum: float, eps: float) -> Tensor:
    """Normalised over `axes` and the positions, each channel with its own scale and shift."""
    require(isinstance(momentum, int | float), op, "momentum", momentum, "a number", TypeError)
    shape = input.shape
    check_shape(len(shape) > 1, op, "input", input, "(n, c, ...)")
    sized(op, shape[1:2], running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not observe:
        if running_mean is None or running_var is None:
            raise ValueError(f"{op}: running_mean and running_var are needed when the input's own are not used")
        groups = groups_of(shape[1], prod(shape[2:]), shape[1], True, eps)
        return normalize(*_operands(input, weight, bias, groups), running_mean, running_var, groups=groups)
    positions, across = prod(shape[2:]), op == "batch_norm"
    check_shape(positions * (shape[0] if across else 1) != 1, op, "input", input,
                "more than one value per channel to train")
    groups = groups_of(shape[1], positions, shape[1], across, eps)
    operands = _operands(input, weight, bias, groups)
    if (running_mean is None and running_var is None) or not input.numel():
        return normalize(*operands, groups=groups)
    return _tracked(promote("normalize", operands, "number"), running_mean, running_var, momentum, groups)


def _tracked(operands: tuple, mean: Tensor | None, var: Tensor | None, momentum: float, groups: Groups) -> Tensor:
    """Moves the running mean and unbiased variance too; by way of copies where the kernel cannot take them."""
    input, dtype = operands[0], operands[0].dtype
    given = [empty(groups.channels, dtype=dtype) if x is None else x for x in (mean, var)]
    taken = [x if x.dtype is dtype and x.is_contiguous() else x.detach().clone().to(dtype) for x in given]
    moments = [x.buffer for x in taken]
    if groups.across:
        output = normalize_tracking(operands, moments, momentum, groups)
    else:
        output = normalize(*operands, groups=groups)
        KERNELS["track_moments"](*moments, input.buffer, Params(groups.params.ints, (momentum,)))
    for x, moved in zip(given, taken, strict=True):
        if x is moved:
            x.buffer.bump()
        else:
            with no_grad():
                x.copy_(moved)
    return output


def group_norm(input: Floats, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """Mean and variance over the positions and the c / num_groups channels of a group, for each sample of (n, c, ...).

    weight and bias are (c,).  Source: Wu and He, "Group normalization", 2018.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.group_norm(minigrad.tensor([[1.0, 3.0, 10.0, 30.0]]), 2, eps=0.0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    op = "group_norm"
    shape, groups = input.shape, integer(op, "num_groups", num_groups)
    if len(shape) < 2 or groups < 1 or shape[1] % groups:
        require(False, op, "num_groups", groups, f"a divisor of c for input {shape} (n, c, ...)")
    sized(op, shape[1:2], weight=weight, bias=bias)
    check_shape(input.numel() != groups, op, "input", input, "more than one value per group")
    sets = groups_of(shape[1], prod(shape[2:]), groups, False, eps)
    return normalize(*_operands(input, weight, bias, sets), groups=sets)


def layer_norm(input: Floats, normalized_shape: int | Sequence[int], weight: Tensor | None = None,
               bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Mean and variance over the last axes, whose sizes are `normalized_shape`, as are those of weight and bias.

    Source: Ba et al., "Layer normalization", 2016.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.layer_norm(minigrad.tensor([[1.0, 3.0], [10.0, 30.0]]), (2,), eps=0.0).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    sizes = shape_of("layer_norm", (normalized_shape,), "normalized_shape")
    sized("layer_norm", sizes, weight=weight, bias=bias)
    if not sizes or input.shape[-len(sizes):] != sizes:
        check_shape(False, "layer_norm", "input", input, f"(..., {', '.join(map(str, sizes))})")
    groups = groups_of(prod(sizes), 1, 1, False, eps)
    return normalize(*_operands(input, weight, bias, groups), groups=groups)


def local_response_norm(input: Floats, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """`x[c] / (k + alpha / size * sum of x[j]² over the size channels j about c) ^ beta` for x (n, c, ...).

    Channels beyond the ends count as 0.  Source: Krizhevsky et al., "ImageNet classification", 2012, section 3.3.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.local_response_norm(minigrad.ones(1, 3, 1), 2, alpha=2.0, beta=1.0).flatten()
    tensor([0.5000, 0.3333, 0.3333])
    """
    op = "local_response_norm"
    check_shape(input.ndim > 2, op, "input", input, "(n, c, i, ...)")
    require(integer(op, "size", size) > 0, op, "size", size, "1 or more")
    n, c, *sizes = input.shape
    flat = input.square().reshape(n, 1, c, prod(sizes))
    means = avg_pool2d(flat, (size, 1), 1, ((size // 2, (size - 1) // 2), (0, 0))).reshape(input.shape)
    return input * ((means * alpha + k).log() * -beta).exp()        # a power, by loops that are faster than pow's


def dropout(input: Floats, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """While training, `x * mask / (1 - p)` with mask 0 with probability p, else 1; the expected value stays x.

    Same shape as the input. `manual_seed` repeats the masks. `inplace` is accepted; the result is a new tensor.

    >>> import minigrad
    >>> sorted(set(dropout(minigrad.ones(1000), 0.75).tolist()))
    [0.0, 4.0]
    """
    return _dropout(input, p, training, ndim=0, op="dropout")


def _dropout(input: Floats, p: float = 0.5, training: bool = True, inplace: bool = False, *, ndim: int = 0,
             op: str = "") -> Tensor:
    """Dropout of whole channels of (n, c, *I) or (c, *I).

    Three axes given to `dropout2d(input)` are (n, c, i), as in PyTorch.

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2015.

    >>> import minigrad
    >>> x = dropout1d(minigrad.ones(4, 8, 5))
    >>> bool((x.amax(2) == x.amin(2)).all())
    True
    """
    check_probability(op, "p", p)
    shape = input.shape
    if ndim:
        check_shape(len(shape) - ndim in (1, 2), op, "input", input, f"{ndim + 1} or {ndim + 2} axes")
        kept = 1 if len(shape) == ndim + 1 and ndim != 2 else 2
        shape = shape[:kept] + (1,) * (len(shape) - kept)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return input * 0.0
    mask = draw("mask", Buffer.empty(shape, input.dtype.code), None, floats=(1.0 - p, 1.0 / (1.0 - p)))
    return input * Tensor(mask)


dropout1d, dropout2d, dropout3d = per_dimension("dropout", _dropout)
