"""Gradient clipping: a step may go where the gradient points, but not arbitrarily far.

Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from minigrad.autograd import no_grad
from minigrad.functions.create import zeros
from minigrad.functions.parts import stack
from minigrad.tensor import Tensor


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
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    order = float(norm_type)
    if not order > 0:
        raise ValueError(f"get_total_norm: norm_type: got {norm_type}, expected more than 0")
    with no_grad():
        if not tensors:
            return zeros(())
        parts = stack([_part(each, order) for each in tensors])
        total = parts.amax() if order == math.inf else _root(parts.sum(), order)
        if error_if_nonfinite and not total.isfinite().item():
            raise ValueError(f"get_total_norm: the norm of order {order} is {total.item()}, expected a finite one")
        return total


def _part(tensor: Tensor, order: float) -> Tensor:
    """What one tensor adds to the norm before the root: the sum of its elements' powers, or their maximum."""
    if order == 2.0:
        return (tensor * tensor).sum()
    magnitude = tensor.abs()
    if order == math.inf:
        return magnitude.amax() if tensor.numel() else magnitude.sum()
    return magnitude.sum() if order == 1.0 else magnitude.pow(order).sum()


def _root(total: Tensor, order: float) -> Tensor:
    if order == 2.0:
        return total.sqrt()
    return total if order == 1.0 else total.pow(1.0 / order)


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
    clip_value = float(clip_value)
    with no_grad():
        for gradient in _gradients(parameters):
            gradient.clamp_(-clip_value, clip_value)
