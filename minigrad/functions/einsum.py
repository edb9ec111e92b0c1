"""Einstein summation: any product of tensors summed over any axes, out of diagonals, sums and matrix products.

Every axis has a label.  Two tensors at a time, the labels fall into four kinds: those that both have and that are still
needed (places of a stack), those that both have and nobody needs any more (summed over by the product), and those that
only the one or only the other has (its rows and columns).  That is one batched matrix product.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from minigrad.functions.signature import several
from minigrad.ops import linalg as rows
from minigrad.ops import math as rows_math
from minigrad.ops import view as rows_view

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

Labels = list[Any]          # a letter for each axis; the axes of "..." count as -n to -1


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
    if not isinstance(equation, str):
        raise TypeError(f"einsum: equation: got {type(equation).__name__}, expected str")
    tensors = several("einsum", operands[0] if len(operands) == 1 and isinstance(operands[0], (tuple, list))
                      else operands)
    given, wanted = _parsed(equation, tensors)
    terms = [_diagonal(x, labels) for x, labels in zip(tensors, given, strict=True)]
    sizes: dict[Any, int] = {}
    for x, labels in terms:
        if x.dtype is not tensors[0].dtype:
            raise TypeError(f"einsum: operands: got {x.dtype} and {tensors[0].dtype}, expected the same for all")
        for label, size in zip(labels, x.shape, strict=True):
            if size != 1 and sizes.setdefault(label, size) != size:
                raise ValueError(f"einsum: operands of shapes {', '.join(str(x.shape) for x in tensors)} do not fit "
                                 f"'{equation}': sizes {sizes[label]} and {size} for one label")
    # An axis that broadcasts is dropped: its only place goes with every place of the others.
    terms = [_summed(x, labels, {label for label, size in zip(labels, x.shape, strict=True)
                                 if size == sizes.get(label, 1)}) for x, labels in terms]
    result, labels = terms[0]
    for slot, (x, its) in enumerate(terms[1:], 2):
        needed = set(wanted).union(*[later for _, later in terms[slot:]])
        result, labels = _product(_summed(result, labels, needed | set(its)), _summed(x, its, needed | set(labels)),
                                  needed)
    result, labels = _summed(result, labels, set(wanted))
    return rows_view.permute(result, axes=tuple([labels.index(label) for label in wanted]))


def _parsed(equation: str, tensors: list) -> tuple[list[Labels], Labels]:
    """The labels of each operand's axes, and of the result's."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(tensors):
        raise ValueError(f"einsum: equation: got labels of {len(parts)} operands in '{equation}', expected those of "
                         f"{len(tensors)}")
    given = []
    for slot, (part, x) in enumerate(zip(parts, tensors, strict=True)):
        before, dots, after = part.partition("...")
        free = x.ndim - len(before) - len(after)
        named = all(letter.isascii() and letter.isalpha() for letter in before + after)
        if not named or free < 0 or (free and not dots):
            raise ValueError(f"einsum: equation: got '{part}' for operand {slot} of shape {x.shape}, expected a letter "
                             "for each axis, or '...'")
        given.append([*before, *range(-free, 0), *after])
    every: Labels = [label for labels in given for label in labels]
    broadcast = sorted({label for label in every if isinstance(label, int)})
    if not arrow:
        return given, broadcast + sorted(label for label in every if isinstance(label, str) and every.count(label) == 1)
    before, dots, after = right.partition("...")
    wanted = [*before, *(broadcast if dots else ()), *after]
    if len(set(wanted)) < len(wanted) or not set(wanted) <= set(every):
        raise ValueError(f"einsum: equation: got '{right}' for the result, expected each label once, and labels "
                         f"of '{left}'")
    return given, wanted


def _diagonal(x: Any, labels: Labels) -> tuple[Any, Labels]:
    """The operand with every label once."""
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ValueError(f"einsum: operand of shape {x.shape}: label '{label}' stands for sizes "
                                 f"{x.shape[first]} and {x.shape[second]}, expected equal ones")
            x = rows_view.diagonal(x, offset=0, axis1=first, axis2=second)
            labels = [other for axis, other in enumerate(labels) if axis not in (first, second)] + [label]
    return x, labels


def _summed(x: Any, labels: Labels, kept: set) -> tuple[Any, Labels]:
    """The sum over all axes but those whose labels are to be kept."""
    if kept.issuperset(labels):
        return x, labels
    x = rows_view.sum_to(x, shape=tuple([n if label in kept else 1 for n, label in zip(x.shape, labels, strict=True)]))
    labels, shape = ([part for part, label in zip(parts, labels, strict=True) if label in kept]
                     for parts in (labels, x.shape))
    return rows_view.flat_view(x, tuple(shape)), labels


def _product(a: tuple[Any, Labels], b: tuple[Any, Labels], needed: set) -> tuple[Any, Labels]:
    """Two operands as one, summed over the labels that both have and that are not needed."""
    places = [label for label in a[1] if label in b[1] and label in needed]
    inner = [label for label in a[1] if label in b[1] and label not in needed]
    outer = [label for label in a[1] if label not in b[1]]
    other = [label for label in b[1] if label not in a[1]]
    sizes = dict(zip(a[1] + b[1], a[0].shape + b[0].shape, strict=True))

    def arranged(x: Any, labels: Labels, *groups: Labels) -> Any:
        """The axes of each group as one; those of the places too."""
        x = rows_view.permute(x, axes=tuple([labels.index(label) for group in groups for label in group]))
        return rows_view.flat_view(x, tuple([prod([sizes[label] for label in group]) for group in groups]))

    if inner:
        product = rows.matmul(arranged(*a, places, outer, inner), arranged(*b, places, inner, other))
    else:
        product = rows_math.mul(arranged(*a, places, outer, []), arranged(*b, places, [], other))
    labels = places + outer + other
    return rows_view.flat_view(product, tuple([sizes[label] for label in labels])), labels
