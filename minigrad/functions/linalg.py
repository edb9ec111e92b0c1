"""Matrix products in all of PyTorch's shapes, over one row: the batched product of two stacks of matrices."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from minigrad.dtypes import promote_types
from minigrad.functions.einsum import einsum
from minigrad.ops import linalg as rows
from minigrad.ops import math as rows_math
from minigrad.ops import view as rows_view

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["addmm", "bmm", "dot", "einsum", "matmul", "mm", "mv", "outer"]


def _expect(op: str, argument: str, x: Any, ndim: int) -> None:
    if x.ndim != ndim:
        raise ValueError(f"{op}: {argument}: got shape {x.shape}, expected {ndim} axes")


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product; vectors and stacks of matrices too.

    (n) @ (n) is a number, (m, n) @ (n) and (m) @ (m, n) are vectors, and leading axes of larger tensors are places of
    a stack, which broadcast.  TypeError for different dtypes, ValueError for shapes that do not fit.

    >>> import minigrad
    >>> minigrad.tensor([[1., 2.], [3., 4.]]) @ minigrad.tensor([1., 1.])
    tensor([3., 7.])
    """
    for slot, x in (("input", input), ("other", other)):
        if not hasattr(x, "buffer"):
            raise TypeError(f"matmul: {slot}: got {type(x).__name__}, expected a tensor")
        if not x.ndim:
            raise ValueError(f"matmul: {slot}: got a 0-d tensor, expected at least 1 axis")
    if 1 in (input.ndim, other.ndim) and input.shape[-1] != other.shape[-2:][0]:
        raise ValueError(f"matmul: shapes {input.shape} and {other.shape} do not fit: the last axis of the first has "
                         f"{input.shape[-1]} elements, expected {other.shape[-2:][0]}")
    a = rows_view.reshape(input, shape=(1, *input.shape)) if input.ndim == 1 else input
    b = rows_view.reshape(other, shape=(*other.shape, 1)) if other.ndim == 1 else other
    if b.ndim == 2 and a.ndim > 2 and a.buffer.reshape((prod(a.shape[:-1]), a.shape[-1])) is not None:
        # One large product instead of many small ones.
        flat = rows.matmul(rows_view.reshape(a, shape=(prod(a.shape[:-1]), a.shape[-1])), b)
        out = rows_view.reshape(flat, shape=(*a.shape[:-1], b.shape[-1]))
    else:
        out = rows.matmul(a, b)
    shape = out.shape
    if input.ndim == 1:
        shape = (*shape[:-2], shape[-1])
    if other.ndim == 1:
        shape = shape[:-1]
    return out if shape == out.shape else rows_view.reshape(out, shape=shape)


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices.

    >>> import minigrad
    >>> minigrad.mm(minigrad.tensor([[1, 2]]), minigrad.tensor([[3], [4]]))
    tensor([[11]])
    """
    _expect("mm", "input", input, 2)
    _expect("mm", "mat2", mat2, 2)
    return rows.matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two stacks of as many matrices: (n, m, k) and (n, k, p) give (n, m, p).

    >>> import minigrad
    >>> minigrad.bmm(minigrad.ones(2, 1, 3), minigrad.ones(2, 3, 1)).flatten()
    tensor([3., 3.])
    """
    _expect("bmm", "input", input, 3)
    _expect("bmm", "mat2", mat2, 3)
    if input.shape[0] != mat2.shape[0]:
        raise ValueError(f"bmm: shapes {input.shape} and {mat2.shape} hold different numbers of matrices")
    return rows.matmul(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector.

    >>> import minigrad
    >>> minigrad.mv(minigrad.eye(2), minigrad.tensor([3., 4.]))
    tensor([3., 4.])
    """
    _expect("mv", "input", input, 2)
    _expect("mv", "vec", vec, 1)
    return matmul(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of the products of two vectors' elements.

    >>> import minigrad
    >>> minigrad.dot(minigrad.tensor([1, 2]), minigrad.tensor([3, 4]))
    tensor(11)
    """
    _expect("dot", "input", input, 1)
    _expect("dot", "tensor", tensor, 1)
    return matmul(input, tensor)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of an element of one vector with one of another.

    >>> import minigrad
    >>> minigrad.outer(minigrad.tensor([1, 2]), minigrad.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    _expect("outer", "input", input, 1)
    _expect("outer", "vec2", vec2, 1)
    return rows_math.mul(rows_view.reshape(input, shape=(input.shape[0], 1)), vec2)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2), `input` broadcast.

    >>> import minigrad
    >>> minigrad.addmm(minigrad.ones(2), minigrad.eye(2), minigrad.eye(2), alpha=2)
    tensor([[3., 1.],
            [1., 3.]])
    """
    product = mm(mat1, mat2)
    if promote_types(input.dtype, product.dtype) is not product.dtype:
        raise TypeError(f"addmm: input: got dtype {input.dtype.name}, expected {product.dtype.name}")
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else product + (input if beta == 1 else input * beta)


