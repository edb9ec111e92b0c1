"""einsum: against its definition in plain Python, against PyTorch, and what it refuses."""

import itertools
import math

import pytest
from against_torch import numbers, same_twice

import minigrad

# Equations without "..." and with "->", and the shapes of the operands.
PLAIN = [
    ("i->", (3,)), ("ij->ji", (2, 3)), ("ij->j", (2, 3)), ("ii->", (3, 3)), ("ii->i", (3, 3)), ("iij->ji", (2, 2, 3)),
    ("iii->i", (3, 3, 3)), ("iijj->ij", (2, 2, 3, 3)), ("i,i->", (3,), (3,)), ("i,i->i", (3,), (3,)),
    ("i,j->ij", (2,), (3,)), ("i,j->", (2,), (3,)), ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk->ki", (2, 3), (3, 4)),
    ("ij,kj->ik", (2, 3), (4, 3)), ("ij,ij->", (2, 3), (2, 3)), ("ij,ij->i", (2, 3), (2, 3)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)), ("bij,bjk->kbi", (2, 3, 4), (2, 4, 2)), ("bij,jk->ib", (2, 3, 4), (4, 2)),
    ("ik,jkl,il->ij", (2, 3), (2, 3, 4), (2, 4)), ("ij,jk,kl,lm->im", (2, 3), (3, 2), (2, 3), (3, 2)),
    ("nctv,cvk->nkt", (2, 3, 2, 2), (3, 2, 4)), ("abc,cba->b", (2, 3, 4), (4, 3, 2)), ("ij,k->ij", (2, 3), (4,)),
    ("ii,ij->j", (3, 3), (3, 2)), (",i->i", (), (3,)), ("->", ()), (",->", (), ()), ("aB,Bc->ac", (2, 3), (3, 2)),
    ("i,i,i->i", (3,), (3,), (3,)), ("ijk,ijk,ik->j", (2, 3, 2), (2, 3, 2), (2, 2)), ("ij,jk->ik", (2, 0), (0, 3)),
    ("ij->i", (0, 3)), ("i,i->", (0,), (0,)), ("i,j->ij", (0,), (2,)),
]
# What the definition below does not cover: "...", no "->", axes of size 1 that broadcast.
OTHER = [
    ("ij,jk", (2, 3), (3, 4)), ("ba", (2, 3)), ("ii", (3, 3)), ("Ba,Bc", (2, 3), (2, 4)), ("i,i", (3,), (3,)),
    (" i j , j k -> i k ", (2, 3), (3, 4)), ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 3)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 3)), ("...ij,jk", (2, 2, 3), (3, 2)), ("i...->...", (3, 2, 2)),
    ("i...j->j...", (2, 3, 4)), ("...->...", (2, 3)), ("...,...->...", (2, 1), (1, 3)), ("...i->...", (3,)),
    ("...i,i...->...", (3, 3), (3, 3)), ("...", (2, 3)), ("ij...->ji", (2, 3)), ("...ii->...i", (2, 3, 3)),
    ("ij,jk->ik", (2, 1), (3, 4)), ("ij,ij->ij", (2, 1), (1, 3)), ("ij,ij->i", (2, 1), (2, 3)),
    ("ij,j->i", (2, 3), (1,)), ("b...,b...->b", (2, 3, 2), (2, 3, 2)),
]


def defined(equation, tensors):
    """Sum over all values of all letters of the product of the elements."""
    left, right = equation.split("->")
    parts = left.split(",")
    sizes = {letter: size for part, x in zip(parts, tensors, strict=True)
             for letter, size in zip(part, x.shape, strict=True)}
    letters = list(sizes)
    flat = [x.flatten().tolist() for x in tensors]
    totals = dict.fromkeys(itertools.product(*[range(sizes[letter]) for letter in right]), 0)
    for place in itertools.product(*[range(sizes[letter]) for letter in letters]):
        at = dict(zip(letters, place, strict=True))
        product = 1
        for part, x, values in zip(parts, tensors, flat, strict=True):
            position = 0
            for letter, size in zip(part, x.shape, strict=True):
                position = position * size + at[letter]
            product *= values[position]
        totals[tuple(at[letter] for letter in right)] += product
    return tuple(sizes[letter] for letter in right), list(totals.values())


def whole(shape, seed):
    return minigrad.tensor([(7 * j + 3 * seed) % 5 - 2 for j in range(math.prod(shape))],
                           dtype=minigrad.int64).reshape(shape)


@pytest.mark.parametrize("equation, shapes", [(equation, shapes) for equation, *shapes in PLAIN])
def test_is_its_definition(equation, shapes):
    tensors = [whole(shape, seed) for seed, shape in enumerate(shapes)]
    shape, values = defined(equation, tensors)
    got = minigrad.einsum(equation, *tensors)
    assert got.shape == shape and got.flatten().tolist() == values
    assert minigrad.einsum(equation, tensors).tolist() == got.tolist()
    turned = [x.permute(*reversed(range(x.ndim))).contiguous().permute(*reversed(range(x.ndim))) for x in tensors]
    assert minigrad.einsum(equation, *turned).tolist() == got.tolist()


@pytest.mark.parametrize("equation, shapes", [("ii,ijk->kj", [(2, 2), (2, 3, 2)]),
                                              ("bij,bjk->ik", [(2, 2, 3), (2, 3, 2)])])
def test_gradcheck(equation, shapes):
    tensors = [numbers(shape, seed).requires_grad_() for seed, shape in enumerate(shapes)]
    assert minigrad.check.gradcheck(lambda *xs: minigrad.einsum(equation, *xs), tensors)
    assert minigrad.check.gradgradcheck(lambda *xs: minigrad.einsum(equation, *xs), tensors)


WRONG = [
    ("ij,jk->ik", [(2, 3)]), ("ij->i", [(2, 3), (3,)]), ("i->i", [(2, 3)]), ("ijk->i", [(2, 3)]), ("ij->ik", [(2, 3)]),
    ("ij->ii", [(2, 3)]), ("ii->i", [(2, 3)]), ("ij,jk->ik", [(2, 3), (4, 2)]), ("i1->i", [(2, 3)]),
    ("ij...k->i", [(2, 3)]), ("ij-i", [(2, 3)]), ("i,,j", [(2,), (3,)]), ("...,...", [(2,), (3,)]),
    ("i->...i...", [(2,)]), ("i..", [(2, 3, 2)]), ("", [(2,)]), ("é", [(2,)]),
]


@pytest.mark.parametrize("equation, shapes", WRONG)
def test_refusals(equation, shapes):
    with pytest.raises(ValueError, match="einsum: "):
        minigrad.einsum(equation, *[minigrad.zeros(shape) for shape in shapes])


def test_more_refusals():
    x = minigrad.zeros(2)
    with pytest.raises(TypeError, match="einsum: equation: got Tensor, expected str"):
        minigrad.einsum(x, [0])
    with pytest.raises(TypeError, match="einsum: tensors: item 0 is float"):
        minigrad.einsum("i", 1.0)
    with pytest.raises(TypeError, match=r"einsum: operands: got dtype float64, expected float32"):
        minigrad.einsum("i,i", x, x.double())
    with pytest.raises(ValueError, match="einsum: tensors: got none"):
        minigrad.einsum("i")


@pytest.mark.torch
@pytest.mark.parametrize("equation, shapes", [(equation, shapes) for equation, *shapes in PLAIN + OTHER])
def test_against_torch(equation, shapes):
    pytest.importorskip("torch")
    names = "xyzw"[:len(shapes)]
    same_twice(f"m.einsum({equation!r}, {', '.join(names)})", **dict(zip(names, shapes, strict=True)))


@pytest.mark.torch
@pytest.mark.parametrize("equation, shapes", WRONG)
def test_pytorch_refuses_it_too(equation, shapes):
    torch = pytest.importorskip("torch")
    with pytest.raises((RuntimeError, ValueError)):
        torch.einsum(equation, *[torch.zeros(shape) for shape in shapes])
