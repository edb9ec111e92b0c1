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
