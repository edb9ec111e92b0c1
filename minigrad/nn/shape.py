"""Layers that only rearrange axes: convolutions want (n, c, *i), dense layers want (n, features)."""

from __future__ import annotations

from minigrad.nn.module import Module
from minigrad.tensor import Tensor

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Join the axes `start_dim` to `end_dim` into one; by default all but the batch axis.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Flatten()(minigrad.zeros(8, 16, 4, 4)).shape
    (8, 256)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split the axis `dim` into axes of the sizes `unflattened_size`, of which one may be -1.

    >>> import minigrad
    >>> from minigrad import nn
    >>> nn.Unflatten(1, (16, 4, 4))(minigrad.zeros(8, 256)).shape
    (8, 16, 4, 4)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        super().__init__()
        if not isinstance(unflattened_size, tuple | list) or not all(isinstance(n, int) for n in unflattened_size):
            raise TypeError(f"Unflatten: unflattened_size: got {unflattened_size!r}, expected a tuple of ints")
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        dim = self.dim + input.ndim if self.dim < 0 else self.dim
        if not 0 <= dim < input.ndim:
            raise IndexError(f"Unflatten: dim: got {self.dim}, expected one of the {input.ndim} axes of {input.shape}")
        known, shape = 1, input.shape
        for size in self.unflattened_size:
            known *= size
        free = self.unflattened_size.count(-1)
        if known != shape[dim] if free == 0 else free > 1 or known == 0 or shape[dim] % known:
            raise ValueError(f"Unflatten: axis {dim} of {shape} does not split into {self.unflattened_size}")
        sizes = tuple(shape[dim] // -known if size == -1 else size for size in self.unflattened_size)
        return input.reshape(*shape[:dim], *sizes, *shape[dim + 1:])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
