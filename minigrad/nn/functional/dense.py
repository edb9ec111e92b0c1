"""The dense layer, and its short cut for one-hot inputs: the embedding."""

from minigrad.functions.index import as_index, where
from minigrad.nn.functional.checks import check_shape, check_tensor
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor

__all__ = ["embedding", "linear"]


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
    check_shape(0 < len(features) < 3, "linear", "weight", weight, "(out_features, in_features)")
    if not shape or shape[-1] != features[-1]:
        check_shape(False, "linear", "input", input, f"(..., {features[-1]}) for weight {features}")
    if input.dtype is not weight.dtype:
        raise TypeError(f"linear: input: got {input.dtype}, expected {weight.dtype} as the weight's")
    check_shape(bias is None or bias.shape == features[:-1], "linear", "bias", bias, features[:-1])
    output = input @ (weight.transpose(0, 1) if len(features) == 2 else weight)
    return output if bias is None else output + bias


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """`y[..., :] = W[x[...], :]` for integers x of any shape and W (v, d): the rows of W at these places.

    The row `padding_idx` gets no gradient.  IndexError for a place out of range.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.embedding(minigrad.tensor([1, 1, 0]), minigrad.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]
    """
    check_tensor("embedding", "weight", weight)
    check_shape(weight.ndim == 2, "embedding", "weight", weight, "2 axes")
    index = as_index("embedding", input).reshape(-1)
    rows = weight.index_select(0, index)
    if padding_idx is not None:
        padding = index == axis_of("embedding", padding_idx, weight.shape[0], "padding_idx")
        rows = where(padding.unsqueeze(1), rows.detach(), rows)
    return rows.reshape(*input.shape, weight.shape[1])
