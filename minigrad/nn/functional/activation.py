"""Elementwise non-linearities and the softmax.

The softmax of a row does not change when a constant is added to the whole row.  Both functions here subtract the
row's maximum first, so that no exponential overflows; because of that invariance the maximum may be a constant to
the gradient, of any order.
"""

from __future__ import annotations

import warnings

from minigrad.autograd import no_grad
from minigrad.dtypes import DType
from minigrad.nn.functional.checks import check_float, check_tensor
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`max(0, x)`, element by element, any shape. `inplace` is accepted; the result is always a new tensor.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.relu(minigrad.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    check_tensor("relu", "input", input)
    return input.relu()


def tanh(input: Tensor) -> Tensor:
    """`tanh(x)`, element by element, any shape.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.tanh(minigrad.zeros(1)).tolist()
    [0.0]
    """
    check_tensor("tanh", "input", input)
    return input.tanh()


def sigmoid(input: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`, element by element, any shape.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.sigmoid(minigrad.zeros(1)).tolist()
    [0.5]
    """
    check_tensor("sigmoid", "input", input)
    return input.sigmoid()


def softmax(input: Tensor, dim: int | None = None, *, dtype: DType | None = None) -> Tensor:
    """`exp(x) / sum of exp(x) along dim`: positive, summing to 1; same shape as the input.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.softmax(minigrad.tensor([[1000.0, 1000.0], [0.0, 0.0]]), dim=1).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    input, dim = _prepared("softmax", input, dim, dtype)
    if input.numel() == 0:
        return input.exp()
    powers = (input - constant_maximum(input, dim)).exp()
    return powers / powers.sum(dim, keepdim=True)


def log_softmax(input: Tensor, dim: int | None = None, *, dtype: DType | None = None) -> Tensor:
    """`log softmax(x) = (x - m) - log sum exp(x - m)`, with m the maximum along dim; same shape as the input.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.log_softmax(minigrad.tensor([1000.0, 0.0]), dim=0).tolist()
    [0.0, -1000.0]
    """
    input, dim = _prepared("log_softmax", input, dim, dtype)
    if input.numel() == 0:
        return input.exp()
    shifted = input - constant_maximum(input, dim)
    return shifted - shifted.logsumexp(dim, keepdim=True)


def _prepared(op: str, input: Tensor, dim: int | None, dtype: DType | None) -> tuple[Tensor, int]:
    if dtype is not None:
        check_tensor(op, "input", input)
        input = input.to(dtype)
    check_float(op, "input", input)
    if dim is None:
        dim = 0 if input.ndim in (0, 1, 3) else 1
        warnings.warn(f"{op}: dim was not given, {dim} is taken; say which axis holds the classes", stacklevel=3)
    return input, axis_of(op, dim, input.ndim)


def constant_maximum(input: Tensor, dim: int) -> Tensor:
    """The maximum along `dim`, as a constant."""
    with no_grad():
        return input.amax(dim, keepdim=True)
