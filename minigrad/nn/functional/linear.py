"""The dense layer as a function."""

from __future__ import annotations

from minigrad.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`y[..., k] = sum over c of x[..., c] W[k, c], + b[k]`: (..., c) to (..., k).

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.linear(minigrad.tensor([1.0, 2.0]), minigrad.tensor([[1.0, 1.0], [0.0, -1.0]])).tolist()
    [3.0, -2.0]
    """
    shape, features = input.shape, weight.shape
    if not shape or not 1 <= len(features) <= 2 or shape[-1] != features[-1]:
        raise ValueError(f"linear: input: got shape {shape}, expected (..., {features[-1] if features else 1}) "
                         f"to go with weight {tuple(features)}")
    if bias is not None and len(bias.shape) > 1:
        raise ValueError(f"linear: bias: got shape {bias.shape}, expected {tuple(features[:-1])}")
    output = input @ (weight.transpose(0, 1) if len(features) == 2 else weight)
    return output if bias is None else output + bias
