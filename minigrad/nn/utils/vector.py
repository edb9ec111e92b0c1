"""All parameters, or all gradients, as one long vector: the point in weight space that an optimiser moves; its step.

A step may go where the gradient points, but not arbitrarily far.
Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
"""

import math
from collections.abc import Iterable

from minigrad.autograd import no_grad
from minigrad.errors import require
from minigrad.functions.create import zeros
from minigrad.functions.parts import cat, stack
from minigrad.tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm", "parameters_to_vector", "vector_to_parameters"]


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def get_total_norm(tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0,
                   error_if_nonfinite: bool = False) -> Tensor:
    """The norm of all the tensors' elements together, as a 0-d tensor.

    >>> import minigrad
    >>> from minigrad.nn.utils import get_total_norm
    >>> get_total_norm([minigrad.tensor([3.0]), minigrad.tensor([4.0])]).item()
    5.0
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else tensors
    order, tensors = float(norm_type), [tensor for tensor in tensors if tensor.numel()]
    require(order > 0, "get_total_norm", "norm_type", norm_type, "more than 0")
    with no_grad():
        if not tensors:
            return zeros(())
        if order == math.inf:
            total = stack([tensor.abs().amax() for tensor in tensors]).amax()
        else:
            total = stack([(x * x if order == 2 else x.abs().pow(order)).sum() for x in tensors]).sum()
            total = total.sqrt() if order == 2 else total.pow(1 / order)
        if error_if_nonfinite:
            require(total.isfinite().item(), "get_total_norm", f"norm of order {order}", total.item(), "a finite one")
        return total


def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0,
                    error_if_nonfinite: bool = False) -> Tensor:
    """Scale all gradients by min(1, max_norm / (norm + 1e-6)); returns the norm they had together.

    `norm_type` is the order of the norm, `float("inf")` for the largest magnitude.

    >>> import minigrad
    >>> from minigrad import nn
    >>> p = nn.Parameter(minigrad.zeros(2))
    >>> p.grad = minigrad.tensor([3.0, 4.0])
    >>> nn.utils.clip_grad_norm_([p], max_norm=1.0).item()
    5.0
    >>> [round(value, 4) for value in p.grad.tolist()]
    [0.6, 0.8]
    """
    gradients = _gradients(parameters)
    total = get_total_norm(gradients, norm_type, error_if_nonfinite)
    with no_grad():
        factor = (float(max_norm) / (total + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(factor.to(gradient.dtype))
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clamp every element of every gradient to ±clip_value.

    >>> import minigrad
    >>> from minigrad import nn
    >>> p = nn.Parameter(minigrad.zeros(2))
    >>> p.grad = minigrad.tensor([3.0, -0.5])
    >>> nn.utils.clip_grad_value_([p], 1.0)
    >>> p.grad.tolist()
    [1.0, -0.5]
    """
    with no_grad():
        for gradient in _gradients(parameters):
            gradient.clamp_(-float(clip_value), float(clip_value))

def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Every parameter flattened, one after the other: (number of elements,). Differentiable.

    >>> from minigrad import nn
    >>> nn.utils.parameters_to_vector(nn.Linear(3, 2).parameters()).shape
    (8,)
    """
    flat = [parameter.reshape(-1) for parameter in parameters]
    require(flat, "parameters_to_vector", "parameters", "none", "at least one")
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
    require(vec.shape == (expected,), "vector_to_parameters", "vec", f"shape {vec.shape}", f"({expected},)")
    with no_grad():
        for parameter, part in zip(parameters, vec.split([parameter.numel() for parameter in parameters]), strict=True):
            parameter.copy_(part.reshape(parameter.shape))
