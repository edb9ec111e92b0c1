"""A Parameter is a tensor that asks to be trained."""

from minigrad.errors import require
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
        data = empty(0) if data is None else data
        require(isinstance(data, Tensor), "Parameter", "data", type(data).__name__, "a Tensor", TypeError)
        require(data.dtype.is_floating_point or not requires_grad, "Parameter", "data", data.dtype,
                "a floating-point dtype to require grad", TypeError)
        super().__init__(data.buffer)
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
