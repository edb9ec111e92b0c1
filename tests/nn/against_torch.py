"""The same call in minigrad and in PyTorch, on the same numbers: values and gradients."""

import math
import random

import minigrad


def numbers(shape, seed):
    """A float64 tensor of distinct numbers, the same for each seed."""
    source = random.Random(seed)
    return minigrad.tensor([source.uniform(-1, 1) for _ in range(math.prod(shape))],
                           dtype=minigrad.float64).reshape(shape)


def close(got, wanted, limit=1e-9):
    """A minigrad tensor and a PyTorch tensor, equal up to rounding."""
    import torch

    got = torch.tensor(got.tolist(), dtype=wanted.dtype).reshape(got.shape)
    assert got.shape == wanted.shape
    assert torch.equal(got.isnan(), wanted.isnan())
    assert (got - wanted).nan_to_num().abs().max().item() <= limit if got.numel() else True


def compare(ours, theirs, shapes, limit=1e-9):
    """ours(*tensors) == theirs(*torch tensors), and so are the gradients in every operand."""
    import torch

    mine = [numbers(shape, seed) for seed, shape in enumerate(shapes)]
    torches = [torch.tensor(x.tolist(), dtype=torch.float64).reshape(shape).requires_grad_()
               for x, shape in zip(mine, shapes, strict=True)]
    for x in mine:
        x.requires_grad_()
    out, wanted = ours(*mine), theirs(*torches)
    close(out, wanted, limit)
    g = numbers(out.shape, 99)
    out.backward(g)
    wanted.backward(torch.tensor(g.tolist(), dtype=torch.float64).reshape(out.shape))
    for x, y in zip(mine, torches, strict=True):
        close(x.grad, y.grad, limit)


def twice(library, text, xs, scope):
    """The value of a call written as text, its gradients along fixed weights, and theirs: flat lists and shapes."""
    xs, scope = ({name: library.tensor(values, dtype=library.float64).reshape(shape) for name, (shape, values) in
                  part.items()} for part in (xs, scope))
    for x in xs.values():
        x.requires_grad_()
    y = eval(text, {"m": library, "F": library.nn.functional, **scope, **xs})
    found = [y]
    for _ in range(2):
        total = 0
        for slot, part in enumerate(found if len(found) == 1 else found[-len(xs):]):
            weights = library.arange(part.numel(), dtype=library.float64).reshape(part.shape).add(slot + 1).cos()
            total = total + (part * weights).sum()
        grads = [None] * len(xs)
        if total.requires_grad:
            try:
                grads = library.autograd.grad(total, list(xs.values()), create_graph=True, allow_unused=True)
            except RuntimeError:                # PyTorch lacks some second derivatives
                assert library is not minigrad and len(found) > 1
                break
        found += [x * 0 if g is None else g for g, x in zip(grads, xs.values(), strict=True)]
    return [(tuple(part.shape), part.detach().add(0).flatten().tolist()) for part in found]


def same_twice(text, limit=1e-9, scope=(), **xs):
    """Values, first and second gradients of the call in arrays of the shapes `xs` are PyTorch's.

    `scope` has the shapes of further arrays, constants from 0 to 1.
    """
    import pytest
    import torch

    made = {name: (shape, numbers(shape, seed).flatten().tolist()) for seed, (name, shape) in enumerate(xs.items())}
    fixed = {name: (shape, numbers(shape, 9 + seed).square().flatten().tolist())
             for seed, (name, shape) in enumerate(dict(scope).items())}
    got, wanted = twice(minigrad, text, made, fixed), twice(torch, text, made, fixed)
    for (shape, mine), (their_shape, theirs) in zip(got, wanted, strict=False):
        assert shape == their_shape, text
        assert mine == pytest.approx(theirs, rel=limit, abs=limit, nan_ok=True), text


def differentiates(text, scope=(), **xs):
    """First and second derivatives of the call, backwards and forwards, are what central differences give."""
    names = {name: numbers(shape, 9 + seed).square() for seed, (name, shape) in enumerate(dict(scope).items())}

    def call(*operands):
        return eval(text, {"m": minigrad, "F": minigrad.nn.functional, **names, **dict(zip(xs, operands, strict=True))})

    minigrad.manual_seed(0)
    operands = [numbers(shape, seed).requires_grad_() for seed, shape in enumerate(xs.values())]
    if call(*operands).numel():
        assert minigrad.check.gradcheck(call, operands)
        assert minigrad.check.gradgradcheck(call, operands)


def both_refuse(text):
    """PyTorch refuses the call, and so does minigrad, with an error that is not RuntimeError; x is zeros (2, 4, 3)."""
    import pytest
    import torch

    for library, errors in ((torch, Exception), (minigrad, (ValueError, TypeError, IndexError, AttributeError))):
        with pytest.raises(errors):
            eval(text, {"m": library, "F": library.nn.functional, "nn": library.nn, "x": library.zeros(2, 4, 3)})
