"""Dropout as a function: a random mask, drawn from minigrad's generator, over elements or whole channels."""

from __future__ import annotations

from minigrad.autograd import no_grad
from minigrad.functions.create import empty
from minigrad.nn.functional.checks import check_float, check_probability
from minigrad.tensor import Tensor

__all__ = ["dropout", "dropout1d", "dropout2d", "dropout3d"]


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """While training, `x * mask / (1 - p)` with mask 0 with probability p, else 1; the expected value stays x.

    Same shape as the input. `manual_seed` repeats the masks. `inplace` is accepted; the result is a new tensor.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> sorted(set(F.dropout(minigrad.ones(1000), 0.75).tolist()))
    [0.0, 4.0]
    """
    return _masked("dropout", input, p, training, 0)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (n, c, i) or (c, i).

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> x = F.dropout1d(minigrad.ones(4, 8, 5))
    >>> bool((x.amax(2) == x.amin(2)).all())
    True
    """
    return _masked("dropout1d", input, p, training, 1)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (n, c, i1, i2); three axes are (n, c, i), as in PyTorch.

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2015.
    """
    return _masked("dropout2d", input, p, training, 2)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (n, c, i1, i2, i3) or (c, i1, i2, i3)."""
    return _masked("dropout3d", input, p, training, 3)


def _masked(op: str, input: Tensor, p: float, training: bool, axes: int) -> Tensor:
    """Dropout of elements (`axes` 0), or of channels of that many spatial axes."""
    check_probability(op, "p", p)
    check_float(op, "input", input)
    shape = input.shape
    if axes:
        if len(shape) not in (axes + 1, axes + 2):
            raise ValueError(f"{op}: input: got shape {shape}, expected {axes + 1} or {axes + 2} axes")
        kept = 1 if len(shape) == axes + 1 and axes != 2 else 2
        shape = shape[:kept] + (1,) * (len(shape) - kept)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return input * 0.0
    with no_grad():
        mask = empty(*shape, dtype=input.dtype).bernoulli_(1.0 - p).mul_(1.0 / (1.0 - p))
    return input * mask
