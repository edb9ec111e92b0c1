"""The dense layer as a function."""

from __future__ import annotations

from minigrad.nn.functional.checks import check_tensor
from minigrad.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`y[..., k] = sum over c of x[..., c] W[k, c], + b[k]`: (..., c) to (..., k).

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.linear(minigrad.tensor([1.0, 2.0]), minigrad.tensor([[1.0, 1.0], [0.0, -1.0]])).tolist()
    [3.0, -2.0]
    """
    check_tensor("linear", "input", input)
    check_tensor("linear", "weight", weight)
    shape, features = input.shape, weight.shape
    if not 1 <= len(features) <= 2:
        raise ValueError(f"linear: weight: got shape {features}, expected (out_features, in_features)")
    if not shape or shape[-1] != features[-1]:
        raise ValueError(f"linear: input: got shape {shape}, expected (..., {features[-1]}) for weight {features}")
    if input.dtype is not weight.dtype:
        raise TypeError(f"linear: input: got {input.dtype}, expected {weight.dtype} as the weight's")
    if bias is not None and bias.shape != features[:-1]:
        raise ValueError(f"linear: bias: got shape {bias.shape}, expected {features[:-1]}")
    output = input @ (weight.transpose(0, 1) if len(features) == 2 else weight)
    return output if bias is None else output + bias
