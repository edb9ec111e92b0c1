"""Products of tensors: matrix products in all of PyTorch's shapes, and Einstein summation, over one row.

The row is the batched product of two stacks of matrices.  In Einstein summation every axis has a label.  Two tensors at
a time, the labels fall into four kinds: those that both have and that are still needed (places of a stack), those that
both have and nobody needs any more (summed over by the product), and those that only the one or only the other has (its
rows and columns).  That is one batched matrix product.
"""

from __future__ import annotations

from math import prod
from typing import Any

from minigrad.dtypes import check_dtype, promote_types
from minigrad.errors import refuse, require
from minigrad.functions.signature import several
from minigrad.node import Tensor
from minigrad.ops import linalg, math, view
from minigrad.shapes import dropped, reduced, spread

__all__ = ["addmm", "bmm", "dot", "einsum", "matmul", "mm", "mv", "outer"]

Labels = list[Any]          # a letter for each axis; the axes of "..." count as -n to -1


def _expect(op: str, ndims: tuple[int, int], **tensors: Any) -> None:
    for ndim, (argument, x) in zip(ndims, tensors.items(), strict=True):
        require(x.ndim == ndim, op, argument, f"shape {x.shape}", f"{ndim} axes")


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product; vectors and stacks of matrices too.

    (n) @ (n) is a number, (m, n) @ (n) and (m) @ (m, n) are vectors, and leading axes of larger tensors are places of
    a stack, which broadcast.  TypeError for different dtypes, ValueError for shapes that do not fit.

    >>> import minigrad
    >>> minigrad.tensor([[1., 2.], [3., 4.]]) @ minigrad.tensor([1., 1.])
    tensor([3., 7.])
    """
    a = view.reshape(input, shape=(1, *input.shape)) if input.ndim == 1 else input
    b = view.reshape(other, shape=(*other.shape, 1)) if other.ndim == 1 else other
    many = (prod(a.shape[:-1]), a.shape[-1]) if b.ndim == 2 and a.ndim > 2 else a.shape
    # One large product instead of many small ones, where the strides allow.
    flat = a if many == a.shape or a.buffer.reshape(many) is None else view.reshape(a, shape=many)
    out = linalg.matmul(flat, b)
    shape = (*(out if flat is a else a).shape[:-2], *input.shape[-2:-1], *other.shape[1:][-1:])
    return out if shape == out.shape else view.reshape(out, shape=shape)


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices.

    >>> import minigrad
    >>> minigrad.mm(minigrad.tensor([[1, 2]]), minigrad.tensor([[3], [4]]))
    tensor([[11]])
    """
    if not input.ndim == mat2.ndim == 2:
        _expect("mm", (2, 2), input=input, mat2=mat2)
    return linalg.matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two stacks of as many matrices: (n, m, k) and (n, k, p) give (n, m, p).

    >>> import minigrad
    >>> minigrad.bmm(minigrad.ones(2, 1, 3), minigrad.ones(2, 3, 1)).flatten()
    tensor([3., 3.])
    """
    if not input.ndim == mat2.ndim == 3:
        _expect("bmm", (3, 3), input=input, mat2=mat2)
    if input.shape[0] != mat2.shape[0]:
        refuse("bmm", "mat2", f"shape {mat2.shape}", f"{input.shape[0]} matrices")
    return linalg.matmul(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector.

    >>> import minigrad
    >>> minigrad.mv(minigrad.eye(2), minigrad.tensor([3., 4.]))
    tensor([3., 4.])
    """
    _expect("mv", (2, 1), input=input, vec=vec)
    return matmul(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of the products of two vectors' elements.

    >>> import minigrad
    >>> minigrad.dot(minigrad.tensor([1, 2]), minigrad.tensor([3, 4]))
    tensor(11)
    """
    _expect("dot", (1, 1), input=input, tensor=tensor)
    return matmul(input, tensor)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of an element of one vector with one of another.

    >>> import minigrad
    >>> minigrad.outer(minigrad.tensor([1, 2]), minigrad.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    if not input.ndim == vec2.ndim == 1:
        _expect("outer", (1, 1), input=input, vec2=vec2)
    return math.mul(view.reshape(input, shape=(*input.shape, 1)), vec2)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2), `input` broadcast.

    >>> import minigrad
    >>> minigrad.addmm(minigrad.ones(2), minigrad.eye(2), minigrad.eye(2), alpha=2)
    tensor([[3., 1.],
            [1., 3.]])
    """
    if alpha == beta == 1 and input.shape == mat2.shape[1:] and input.dtype is mat2.dtype and mat1.ndim == 2:
        return linalg.linear(mat1, linalg.transposed(mat2), input)
    product = mm(mat1, mat2)
    check_dtype("addmm", "input", promote_types(input.dtype, product.dtype), product.dtype)
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else product + (input if beta == 1 else input * beta)


def einsum(equation: str, *operands: Any) -> Tensor:
    """The product of the operands, summed over the axes whose labels the result lacks.

    The equation has a letter for each axis of each operand, "ij,jk->ik": equal letters are one index.  A letter twice
    in one operand is its diagonal, "..." stands for axes that broadcast, and without "->" the result has the letters
    that occur once, in alphabetical order.  Axes of size 1 broadcast.

    >>> import minigrad
    >>> x = minigrad.tensor([[1., 2.], [3., 4.]])
    >>> minigrad.einsum("ij,kj->ik", x, x)
    tensor([[ 5., 11.],
            [11., 25.]])
    >>> minigrad.einsum("ii", x)
    tensor(5.)
    """
    require(isinstance(equation, str), "einsum", "equation", type(equation).__name__, "str", TypeError)
    tensors = several("einsum", spread(operands))
    given, wanted = _parsed(equation, tensors)
    terms = list(map(_diagonal, tensors, given))
    sizes: dict[Any, int] = {}
    for x, labels in terms:
        check_dtype("einsum", "operands", x.dtype, tensors[0].dtype)
        for label, size in zip(labels, x.shape, strict=True):
            if size != 1 and sizes.setdefault(label, size) != size:
                raise ValueError(f"einsum: operands of shapes {', '.join(str(x.shape) for x in tensors)} do not fit "
                                 f"'{equation}': sizes {sizes[label]} and {size} for one label")
    # An axis that broadcasts is dropped: its only place goes with every place of the others.
    terms = [_summed(x, labels, {label for label, size in zip(labels, x.shape, strict=True)
                                 if size == sizes.get(label, 1)}) for x, labels in terms]
    while len(terms) > 1:
        (a, its), (b, others), *terms = terms
        needed = set(wanted).union(*[labels for _, labels in terms])
        a, its = _summed(a, its, needed | set(others))
        terms.insert(0, _product(a, its, *_summed(b, others, needed | set(its)), needed))
    result, labels = _summed(*terms[0], set(wanted))
    return view.permute(result, axes=tuple(map(labels.index, wanted)))


def _parsed(equation: str, tensors: list) -> tuple[list[Labels], Labels]:
    """The labels of each operand's axes, and of the result's."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    require(len(parts) == len(tensors), "einsum", "equation", f"labels of {len(parts)} operands in '{equation}'",
            f"those of {len(tensors)}")
    given: list[Labels] = []
    for slot, (part, x) in enumerate(zip(parts, tensors, strict=True)):
        before, dots, after = part.partition("...")
        free = x.ndim - len(before) - len(after)
        named = all(letter.isascii() and letter.isalpha() for letter in before + after)
        require(named and (free == 0 or (free > 0 and dots)), "einsum", "equation",
                f"'{part}' for operand {slot} of shape {x.shape}", "a letter for each axis, or '...'")
        given.append([*before, *range(-free, 0), *after])
    every = [label for labels in given for label in labels]
    broadcast = sorted({label for label in every if isinstance(label, int)})
    once = sorted(label for label in every if isinstance(label, str) and every.count(label) == 1)
    before, dots, after = right.partition("...")
    wanted = [*before, *(broadcast if dots else ()), *after] if arrow else broadcast + once
    require(len(set(wanted)) == len(wanted) and set(wanted) <= set(every), "einsum", "equation",
            f"'{right}' for the result", f"each label once, and labels of '{left}'")
    return given, wanted


def _diagonal(x: Any, labels: Labels) -> tuple[Any, Labels]:
    """The operand with every label once."""
    for label in labels:
        first, *later = [axis for axis, other in enumerate(labels) if other == label]
        if later:
            require(x.shape[first] == x.shape[later[0]], "einsum", f"label '{label}'",
                    f"sizes {x.shape[first]} and {x.shape[later[0]]} in an operand of shape {x.shape}", "equal ones")
            x = view.diagonal(x, offset=0, axis1=first, axis2=later[0])
            return _diagonal(x, [*dropped(labels, (first, later[0])), label])       # type: ignore[arg-type]
    return x, labels


def _summed(x: Any, labels: Labels, kept: set) -> tuple[Any, Labels]:
    """The sum over all axes but those whose labels are to be kept."""
    axes = tuple([axis for axis, label in enumerate(labels) if label not in kept])
    total = view.sum_to(x, shape=reduced(x.shape, axes)) if axes else x
    return view.flat_view(total, dropped(x.shape, axes)), list(dropped(labels, axes))        # type: ignore[arg-type]


def _product(a: Any, its: Labels, b: Any, others: Labels, needed: set) -> tuple[Any, Labels]:
    """Two operands as one, summed over the labels that both have and that are not needed."""
    both = [label for label in its if label in others]
    places, inner = [label for label in both if label in needed], [label for label in both if label not in needed]
    outer, other = [label for label in its if label not in both], [label for label in others if label not in both]
    sizes = dict(zip(its + others, a.shape + b.shape, strict=True))

    def arranged(x: Any, labels: Labels, *groups: Labels) -> Any:
        """The axes of each group as one; those of the places too."""
        x = view.permute(x, axes=tuple([labels.index(label) for group in groups for label in group]))
        return view.flat_view(x, tuple([prod([sizes[label] for label in group]) for group in groups]))

    product = (linalg.matmul if inner else math.mul)(arranged(a, its, places, outer, inner),
                                              arranged(b, others, places, inner, other))
    labels = places + outer + other
    return view.flat_view(product, tuple([sizes[label] for label in labels])), labels
