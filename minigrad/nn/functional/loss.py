"""Losses: one number (or one per sample) that says how wrong the model is.

`reduction` is "mean", "sum" or "none".  Targets that are classes are integers of any shape (n, ...) for scores
(n, c, ...): one class per sample, pixel or voxel.
"""

from __future__ import annotations

import warnings

from minigrad import dtypes
from minigrad.functions.create import ones
from minigrad.nn.functional.activation import constant_maximum, log_softmax
from minigrad.nn.functional.checks import check_float, check_probability, check_reduction, check_tensor
from minigrad.tensor import Tensor

__all__ = ["cross_entropy", "mse_loss", "nll_loss"]


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return losses.mean()
    return losses.sum() if reduction == "sum" else losses


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """`(input - target)²`, reduced. Shapes that differ are broadcast, with a warning.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.mse_loss(minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 4.0]), reduction="none").tolist()
    [0.0, 4.0]
    """
    check_reduction("mse_loss", reduction)
    check_tensor("mse_loss", "input", input)
    check_tensor("mse_loss", "target", target)
    if input.shape != target.shape:
        warnings.warn(f"mse_loss: input {input.shape} and target {target.shape} are broadcast against "
                      "each other; make their shapes equal if that is not meant", stacklevel=2)
    difference = input - target
    return _reduced(difference * difference, reduction)


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
             reduction: str = "mean") -> Tensor:
    """`-weight[t] * input[n, t, ...]` with t = target[n, ...]: the loss of log-probabilities (n, c, ...) or (c,).

    The mean is over the samples' weights (1 without `weight`); samples whose target is `ignore_index` count nowhere.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.nll_loss(minigrad.tensor([[-1.0, -2.0], [-3.0, -4.0]]), minigrad.tensor([0, -100])).item()
    1.0
    """
    check_reduction("nll_loss", reduction)
    check_float("nll_loss", "input", input)
    check_tensor("nll_loss", "target", target)
    target = _class_target("nll_loss", input, target, weight)
    return _class_loss("nll_loss", input, target, weight, ignore_index, reduction, 0.0)


def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
                  reduction: str = "mean", label_smoothing: float = 0.0) -> Tensor:
    """`-sum over c of p[c] * weight[c] * log_softmax(input)[c]` for scores (n, c, ...) or (c,).

    `target` holds classes, int64 (n, ...), and p is 1 there; or it holds p itself, a floating tensor of the input's
    shape (`ignore_index` does not apply; the mean is over samples).  Label smoothing s takes (1 - s) p + s / c.
    Source: Goodfellow, Bengio and Courville, "Deep learning", 2016, section 6.2; label smoothing: Szegedy et al.,
    "Rethinking the inception architecture", 2016, section 7.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> round(F.cross_entropy(minigrad.tensor([[2.0, 0.0], [0.0, 0.0]]), minigrad.tensor([0, 1])).item(), 4)
    0.41
    """
    check_probability("cross_entropy", "label_smoothing", label_smoothing)
    check_reduction("cross_entropy", reduction)
    check_float("cross_entropy", "input", input)
    check_tensor("cross_entropy", "target", target)
    dim = 1 if input.ndim > 1 else 0
    if input.shape == target.shape and target.dtype.is_floating_point:
        return _probability_loss(log_softmax(input, dim), target, weight, reduction, label_smoothing)
    target = _class_target("cross_entropy", input, target, weight)
    if weight is None and not label_smoothing and ignore_index < 0 and input.numel():
        # Most batches need no mask, and no other class's log-probability: the loss is logsumexp(x) - x[target].
        shifted = input - constant_maximum(input, dim)
        try:
            picked = shifted.gather(dim, target.unsqueeze(dim))
        except IndexError:
            pass        # some target is no class: it may be ignore_index
        else:
            losses = shifted.logsumexp(dim, keepdim=True) - picked
            return _reduced(losses, reduction) if reduction != "none" else losses.squeeze(dim)
    return _class_loss("cross_entropy", log_softmax(input, dim), target, weight, ignore_index, reduction,
                       label_smoothing)


def _probability_loss(logs: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float) -> Tensor:
    dim = 1 if logs.ndim > 1 else 0
    _check_class_weight("cross_entropy", logs, weight)
    if smoothing:
        target = target * (1.0 - smoothing) + smoothing / logs.shape[dim]
    return _reduced(-(_weighted(logs, weight) * target).sum(dim), reduction)


def _check_class_weight(op: str, logs: Tensor, weight: Tensor | None) -> None:
    classes = logs.shape[1 if logs.ndim > 1 else 0]
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"{op}: weight: got shape {weight.shape}, expected ({classes},)")


def _class_target(op: str, input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The target as int64, once all shapes and dtypes are known to fit."""
    shape = input.shape
    if not shape:
        raise ValueError(f"{op}: input: got shape (), expected (c,) or (n, c, ...)")
    expected = shape[:1] + shape[2:] if len(shape) > 1 else ()
    if target.shape != expected:
        raise ValueError(f"{op}: target: got shape {target.shape}, expected {expected} for input {shape}")
    if target.dtype.is_floating_point or target.dtype is dtypes.bool:
        raise TypeError(f"{op}: target: got {target.dtype}, expected int64 classes")
    _check_class_weight(op, input, weight)
    return target if target.dtype is dtypes.int64 else target.to(dtypes.int64)


def _weighted(logs: Tensor, weight: Tensor | None) -> Tensor:
    """`logs` times the weight of each class."""
    return logs if weight is None else logs * weight.reshape(-1, *(1,) * max(logs.ndim - 2, 0))


def _class_loss(op: str, logs: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str,
                smoothing: float) -> Tensor:
    dim, classes = (1, logs.shape[1]) if logs.ndim > 1 else (0, logs.shape[0])
    ignored = target == ignore_index
    index = target.masked_fill(ignored, 0)
    factors = ones(index.shape, dtype=logs.dtype).masked_fill(ignored, 0.0)
    try:
        picked = logs.gather(dim, index.unsqueeze(dim)).squeeze(dim).masked_fill(ignored, 0.0)
        if weight is not None:
            factors = factors * weight.gather(0, index.reshape(-1)).reshape(index.shape)
    except IndexError as error:
        raise IndexError(f"{op}: target holds a class that is not among 0 to {classes - 1} "
                         f"(nor ignore_index = {ignore_index}): {error}") from None
    losses = -(picked * factors)
    if smoothing:
        even = _weighted(logs, weight).sum(dim).neg().masked_fill(ignored, 0.0)
        losses = losses * (1.0 - smoothing) + even * (smoothing / classes)
    return losses.sum() / factors.sum() if reduction == "mean" else _reduced(losses, reduction)
