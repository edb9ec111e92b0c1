"""Dropout as a function: a random mask, drawn from minigrad's generator."""

from __future__ import annotations

from minigrad.autograd import no_grad
from minigrad.functions.create import empty
from minigrad.nn.functional.checks import check_float, check_probability
from minigrad.tensor import Tensor


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """While training, `x * mask / (1 - p)` with mask 0 with probability p, else 1; the expected value stays x.

    Same shape as the input. `manual_seed` repeats the masks. `inplace` is accepted; the result is a new tensor.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> sorted(set(F.dropout(minigrad.ones(1000), 0.75).tolist()))
    [0.0, 4.0]
    """
    check_probability("dropout", "p", p)
    check_float("dropout", "input", input)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return input * 0.0
    with no_grad():
        mask = empty(*input.shape, dtype=input.dtype).bernoulli_(1.0 - p).mul_(1.0 / (1.0 - p))
    return input * mask
