"""A Parameter is a tensor that asks to be trained."""

from __future__ import annotations

from minigrad.functions.create import empty
from minigrad.tensor import Tensor


class Parameter(Tensor):
    """A leaf tensor, requiring grad by default, that a Module registers when it becomes one of its attributes.

    It shares memory with `data`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Parameter(minigrad.zeros(2)).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        if data is None:
            data = empty(0)
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter: data: got {type(data).__name__}, expected a Tensor")
        if requires_grad and not data.dtype.is_floating_point:
            raise TypeError(f"Parameter: data: got {data.dtype}, expected a floating-point dtype to require grad")
        super().__init__(data.buffer)
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
