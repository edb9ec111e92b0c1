"""Dropout as a function: a random mask, drawn from minigrad's generator, over elements or whole channels."""

from minigrad.autograd import no_grad
from minigrad.functions.create import empty
from minigrad.nn.functional.checks import check_float, check_probability, check_shape
from minigrad.nn.functional.dimensions import per_dimension
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
    return _channels(input, p, training, ndim=0, op="dropout")


def _channels(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, ndim: int = 0,
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
    check_float(op, "input", input)
    shape = input.shape
    if ndim:
        check_shape(len(shape) - ndim in (1, 2), op, "input", input, f"{ndim + 1} or {ndim + 2} axes")
        kept = 1 if len(shape) == ndim + 1 and ndim != 2 else 2
        shape = shape[:kept] + (1,) * (len(shape) - kept)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return input * 0.0
    with no_grad():
        mask = empty(*shape, dtype=input.dtype).bernoulli_(1.0 - p).mul_(1.0 / (1.0 - p))
    return input * mask


dropout1d, dropout2d, dropout3d = per_dimension("dropout", _channels)
