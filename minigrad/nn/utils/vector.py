"""All parameters as one long vector: the point in weight space that an optimiser moves."""

from __future__ import annotations

from collections.abc import Iterable

from minigrad.autograd import no_grad
from minigrad.functions.parts import cat
from minigrad.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Every parameter flattened, one after the other: (number of elements,). Differentiable.

    >>> from minigrad import nn
    >>> nn.utils.parameters_to_vector(nn.Linear(3, 2).parameters()).shape
    (8,)
    """
    flat = [parameter.reshape(-1) for parameter in parameters]
    if not flat:
        raise ValueError("parameters_to_vector: got no parameters, expected at least one")
    return cat(flat)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy a vector, as parameters_to_vector makes it, into the parameters.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.Linear(2, 1)
    >>> nn.utils.vector_to_parameters(minigrad.tensor([1.0, 2.0, 3.0]), layer.parameters())
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[1.0, 2.0]], [3.0])
    """
    parameters = list(parameters)
    expected = sum(parameter.numel() for parameter in parameters)
    if vec.shape != (expected,):
        raise ValueError(f"vector_to_parameters: vec: got shape {vec.shape}, expected ({expected},)")
    start = 0
    with no_grad():
        for parameter in parameters:
            stop = start + parameter.numel()
            parameter.copy_(vec[start:stop].reshape(parameter.shape))
            start = stop
