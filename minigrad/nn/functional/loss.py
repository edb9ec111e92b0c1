"""Losses: one number (or one per sample) that says how wrong the model is.

`reduction` is "mean", "sum" or "none".  Targets that are classes are integers of any shape (n, ...) for scores
(n, c, ...): one class per sample, pixel or voxel.
"""

import warnings
from collections.abc import Callable
from typing import Any

from minigrad import dtypes
from minigrad.errors import require
from minigrad.functions.create import ones
from minigrad.functions.index import where
from minigrad.functions.signature import Floats
from minigrad.nn.functional import checks
from minigrad.nn.functional.activation import logsigmoid
from minigrad.ops import loss as rows, softmax
from minigrad.ops.view import expand
from minigrad.shapes import broadcast
from minigrad.tensor import Tensor
from minigrad_ext.recorder import current

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dice_loss", "huber_loss",
           "kl_div", "l1_loss", "mse_loss", "nll_loss", "smooth_l1_loss"]


def _reduced(op: str, losses: Tensor, reduction: str, weight: Any = None, over: Any = None) -> Tensor:
    """The losses times their weights: the mean (where given, over the sum of `over`), the sum, or all of them."""
    if weight is not None:
        checks.check_tensor(op, "weight", weight)
        losses = losses * weight
    if reduction == "mean":
        return losses.mean() if over is None else losses.sum() / over.sum()
    if reduction == "sum":
        return losses.sum()
    checks.check_reduction(op, reduction)
    return losses


# ---- numbers

def _loss(op: str, which: str, input: Tensor, target: Tensor, reduction: str, scale: float = 1.0, delta: float = 1.0,
          weight: Tensor | None = None, weighted_mean: bool = True) -> Tensor:
    """The row `loss`, of shapes that broadcast; with weights its losses are reduced here."""
    if input.shape != target.shape:
        warnings.warn(f"{op}: input {input.shape} and target {target.shape} are broadcast against each other; "
                      "make their shapes equal if that is not meant", stacklevel=4)
        shape = broadcast(op, input.shape, target.shape)
        if weight is not None:
            checks.sized(op, input.shape, weight=weight)
        input, target = expand(input, shape=shape), expand(target, shape=shape)
    checks.check_reduction(op, reduction)
    if weight is None:
        return rows.loss(input, target, which=which, reduction=reduction, scale=scale, delta=delta)
    checks.sized(op, input.shape, weight=weight)
    losses = rows.loss(input, target, which=which, reduction="none", scale=scale, delta=delta)
    return _reduced(op, losses, reduction, weight, weight if weighted_mean else None)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """`(input - target)²`, reduced. Shapes that differ are broadcast, with a warning.

    `weight` has the input's shape; the mean is then over the weights.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.mse_loss(minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 4.0]), reduction="none").tolist()
    [0.0, 4.0]
    """
    return _loss("mse_loss", "square", input, target, reduction, weight=weight)


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """`|input - target|`, reduced, else as `mse_loss`; slope 0 at 0.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.l1_loss(minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 4.0])).item()
    1.0
    """
    return _loss("l1_loss", "distance", input, target, reduction, weight=weight)


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """`d² / (2 beta)` where |d| < beta, else `|d| - beta / 2`, for d = input - target; reduced. Girshick 2015.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.smooth_l1_loss(minigrad.tensor([1.0, 4.0]), minigrad.zeros(2), beta=2.0, reduction="none").tolist()
    [0.25, 3.0]
    """
    require(beta >= 0, "smooth_l1_loss", "beta", beta, "0 or more")
    if beta:
        return _loss("smooth_l1_loss", "huber", input, target, reduction, 1 / beta, beta)
    return _loss("smooth_l1_loss", "distance", input, target, reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """`d² / 2` where |d| <= delta, else `delta (|d| - delta / 2)`, for d = input - target; reduced. Huber 1964.

    `weight` has the input's shape; the mean is over the elements, as in PyTorch.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.huber_loss(minigrad.tensor([1.0, 4.0]), minigrad.zeros(2), "none", delta=2.0).tolist()
    [0.5, 6.0]
    """
    require(delta > 0, "huber_loss", "delta", delta, "a positive number")
    return _loss("huber_loss", "huber", input, target, reduction, 1.0, delta, weight, weighted_mean=False)


# ---- probabilities

def binary_cross_entropy(input: Floats, target: Tensor, weight: Tensor | None = None, *,
                         reduction: str = "mean") -> Tensor:
    """`-weight (t ln p + (1 - t) ln(1 - p))` for probabilities p = input and t = target of one shape; reduced.

    As in PyTorch no logarithm is below -100 and no slope of one above 1e12, so a certain error has a finite loss.
    Prefer `binary_cross_entropy_with_logits`.  ValueError for p outside 0 to 1.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.binary_cross_entropy(minigrad.tensor([0.5, 0.0]), minigrad.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    op = "binary_cross_entropy"
    checks.sized(op, input.shape, target=target)
    if current() is None:
        require(((input >= 0) & (input <= 1)).all().item(), op, "input", "numbers outside 0 to 1", "probabilities")
    losses = (target - 1) * _limited(lambda p: (-p).log1p(), input, 1 - input, -1e12)
    losses = losses - target * _limited(lambda p: p.log(), input, input, 1e12)
    return _reduced(op, losses, reduction, weight)


def _limited(log: Callable[[Tensor], Tensor], p: Tensor, distance: Tensor, slope: float) -> Tensor:
    """`log(p)`, but where p is nearer to the pole than 1e-12 no less than -100 and of the given slope."""
    near, fixed = distance < 1e-12, p.detach()
    return where(near, log(fixed).clamp(min=-100.0) + (p - fixed) * slope, log(where(near, 0.5, p)))


def binary_cross_entropy_with_logits(input: Floats, target: Tensor, weight: Tensor | None = None, *,
                                     reduction: str = "mean", pos_weight: Tensor | None = None) -> Tensor:
    """`binary_cross_entropy(sigmoid(input), target)` without its overflow: scores of any size, target of their shape.

    `-weight (pos_weight t ln sigmoid(x) + (1 - t) ln sigmoid(-x))`, reduced; both weights broadcast.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.binary_cross_entropy_with_logits(minigrad.tensor([0.0, -90.0]), minigrad.ones(2), reduction="none")
    tensor([ 0.6931, 90.0000])
    """
    checks.sized("binary_cross_entropy_with_logits", input.shape, target=target)
    op = "binary_cross_entropy_with_logits"
    if pos_weight is None and weight is None:
        return _loss(op, "logits", input, target, reduction)
    positive = logsigmoid(input) if pos_weight is None else logsigmoid(input) * ((pos_weight - 1) * target + 1)
    return _reduced(op, (1 - target) * input - positive, reduction, weight)


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """`t (ln t - input)`, 0 where t is 0: how far log-probabilities are from probabilities t = target; reduced.

    With `log_target` the target holds ln t.  "batchmean" divides the sum by the first size, which is the divergence.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.kl_div(minigrad.tensor([[0.5, 0.5]]).log(), minigrad.tensor([[1.0, 0.0]]), reduction="batchmean")
    tensor(0.6931)
    """
    logs = target if log_target else where(target.eq(0), 1.0, target).log()
    losses = (target.exp() if log_target else target) * (logs - input)
    if reduction == "batchmean":
        return losses.sum() / (input.shape[0] if input.ndim else 1)
    return _reduced("kl_div", losses, reduction)


def dice_loss(input: Floats, target: Tensor, *, smooth: float = 1.0, reduction: str = "mean") -> Tensor:
    """`1 - (2 sum of p t + smooth) / (sum of p + sum of t + smooth)`, the sums over the positions of (n, c, ...).

    p = input and t = target are probabilities of one shape; the losses (n, c) are reduced.
    Source: the overlap of two sets, Dice 1945; as a loss: Milletari et al., "V-Net", 2016 (with squares below).

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.dice_loss(minigrad.tensor([[[1.0, 1.0, 0.0]]]), minigrad.tensor([[[1.0, 0.0, 0.0]]]), smooth=0.0)
    tensor(0.3333)
    """
    checks.sized("dice_loss", input.shape, target=target)
    checks.check_shape(input.ndim > 2, "dice_loss", "input", input, "(n, c, i, ...)")
    axes = tuple(range(2, input.ndim))
    overlap, total = (input * target).sum(axes), (input + target).sum(axes)
    return _reduced("dice_loss", 1 - (overlap * 2 + smooth) / (total + smooth), reduction)


# ---- classes

def nll_loss(input: Floats, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
             reduction: str = "mean") -> Tensor:
    """`-weight[t] * input[n, t, ...]` with t = target[n, ...]: the loss of log-probabilities (n, c, ...) or (c,).

    The mean is over the samples' weights (1 without `weight`); samples whose target is `ignore_index` count nowhere.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.nll_loss(minigrad.tensor([[-1.0, -2.0], [-3.0, -4.0]]), minigrad.tensor([0, -100])).item()
    1.0
    """
    return _class_loss("nll_loss", input, target, weight, ignore_index, reduction, 0.0)


def cross_entropy(input: Floats, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
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
    op = "cross_entropy"
    if label_smoothing:
        checks.check_probability(op, "label_smoothing", label_smoothing)
    if input.shape == target.shape and target.dtype.is_floating_point:
        dim = min(input.ndim - 1, 1)
        if label_smoothing:
            target = target * (1.0 - label_smoothing) + label_smoothing / input.shape[dim]
        return _reduced(op, -(_weighted(op, input.log_softmax(dim), weight) * target).sum(dim), reduction)
    return _class_loss(op, input, target, weight, ignore_index, reduction, label_smoothing)


def _weighted(op: str, logs: Tensor, weight: Tensor | None) -> Tensor:
    """`logs` times the weight of each class."""
    checks.sized(op, logs.shape[:2][-1:], weight=weight)
    return logs if weight is None else logs * checks.per_channel(weight, logs.ndim)


def _wrong(op: str, classes: int, ignored: int) -> str:
    return f"{op}: target holds a class that is not among 0 to {classes - 1} (nor ignore_index = {ignored})"


def _class_loss(op: str, input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str,
                smoothing: float) -> Tensor:
    """Of scores or, for "nll_loss", of logarithms: with weights or smoothing from those, else by the row at once."""
    dim, logs = min(input.ndim - 1, 1), op == "nll_loss"
    if target.dtype is not dtypes.int64:
        if target.dtype.is_floating_point or target.dtype is dtypes.bool:
            raise TypeError(f"{op}: target: got {target.dtype}, expected int64 classes")
        target = target.to(dtypes.int64)
    recorder = current()
    if recorder is not None:
        recorder.words["class_loss"] = _wrong(op, input.shape[dim], ignore_index)
    try:
        if weight is None and not smoothing:
            return softmax.class_loss(input, target, axis=dim, logs=logs, reduction=reduction, ignored=ignore_index)
        scores = input if logs else input.log_softmax(dim)
        losses = softmax.class_loss(_weighted(op, scores, weight), target, axis=dim, logs=True, reduction="none",
                                    ignored=ignore_index)
    except IndexError as error:
        raise IndexError(f"{_wrong(op, input.shape[dim], ignore_index)}: {error}") from None
    ignored = target == ignore_index
    if smoothing:
        uniform = _weighted(op, scores, weight).sum(dim).masked_fill(ignored, 0.0)
        losses = losses * (1.0 - smoothing) - uniform * (smoothing / input.shape[dim])
    factors = ones(input.shape[dim:dim + 1], dtype=input.dtype) if weight is None else weight
    over = factors[target.masked_fill(ignored, 0)].masked_fill(ignored, 0.0) if reduction == "mean" else None
    return _reduced(op, losses, reduction, over=over)
