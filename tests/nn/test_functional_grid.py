"""nn.functional against PyTorch over a generated grid of arguments, wrong ones too.

Where PyTorch computes, minigrad gives the same value, first and second gradients (float64, 1e-9).  Where PyTorch
refuses, minigrad refuses, unless the call is one of those that it means to allow (docs/differences.md).
"""

import re
import warnings

import pytest
from against_torch import numbers, twice
from grid import ROWS, calls

import minigrad
from minigrad.nn import functional as F

REFUSALS = (ValueError, TypeError, IndexError)


# Calls that PyTorch refuses and minigrad computes: names, what the call or its shapes look like, why.
ALLOWED = [
    ("(max|avg|lp|adaptive_.*)_pool|interpolate", "'x': '[24],0,", "no channels: nothing to compute, so no error"),
    ("conv", "'w': '0,", "no channels out, or none in"),
    ("(max|avg)_pool", r"padding=\(?(1, )?[12]", "padding is not tied to the size of the kernel"),
    ("(avg|lp)_pool3d", "kernel_size=9.*ceil_mode", "as in one and two dimensions"),
    ("lp_pool", r"kernel_size=\(", "a size per axis in every dimension"),
    ("adaptive_avg_pool", "output_size=0", "PyTorch fails to differentiate twice"),
    ("conv", "padding='same'", "with a stride, and transposed"),
    ("pad$", "mode='(reflect|replicate|circular)'", "any axes in every mode"),
    ("grid_sample", "bicubic.*'g': '2,3,2,2,3'", "in three dimensions"),
    ("group_norm", r"num_groups=\d(, weight=None)?, bias=b", "PyTorch fails to differentiate twice without a weight"),
    ("pixel|instance_norm|group_norm", "'x': '0,", "PyTorch fails on empty batches, or in their second derivatives"),
]
# Calls that PyTorch computes and minigrad refuses.
STRICTER = [
    ("conv|batch_norm|local_response|dropout", "'x': '(0,|2,4,0)", "PyTorch looks at less where nothing is computed"),
    ("cross_entropy", "label_smoothing=-0.1", "PyTorch refuses it only where targets are probabilities"),
    ("nll_loss|cross_entropy", "'v': '1,4'", "PyTorch takes a matrix of weights only where inputs are images"),
    ("linear", "bias=b.*'b': '1?'", "a bias for one of several outputs is more likely a mistake"),
    ("max_unpool", "padding=-1|stride=.1, 1, 1, 1", "PyTorch does not look at what it does not need"),
    ("adaptive_avg_pool", "output_size=1.*'x': '1,2,4", "PyTorch takes any axes where the output has one place"),
]
# Other results.
DIFFERENT = [("instance_norm|group_norm", "'x': '2,4,0'", "over no pixels PyTorch has 0 in one and NaN in the other")]
# PyTorch rounds 1 / 6 to float32.
LIMIT = {"hardsigmoid": 1e-7}


def shape_of(text):
    return tuple(int(size) for size in text.split(",") if size)


def attempt(library, text, operands, constants):
    """What the call gives, or the exception with which it is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return twice(library, text, operands, constants)
        except Exception as error:
            return error


def meant(cases, name, where):
    return any(re.match(names, name) and re.search(call, where) for names, call, _ in cases)


def differences(name):
    """Every call of the grid on which the two libraries do not agree."""
    import torch

    for row in ROWS[name]:
        constants = {key: (shape_of(text), numbers(shape_of(text), 50 + slot).square().flatten().tolist())
                     for slot, (key, text) in enumerate(row.constants.items())}
        for text, shapes in calls(row):
            operands = {key: (shape_of(shape), numbers(shape_of(shape), slot).flatten().tolist())
                        for slot, (key, shape) in enumerate(shapes.items())}
            got, wanted = (attempt(library, text, operands, constants) for library in (minigrad, torch))
            where = f"{text} with {shapes}"
            if isinstance(got, Exception):
                if not isinstance(wanted, Exception):
                    if not meant(STRICTER, name, where):
                        yield where, f"refused, {got!r}, but PyTorch computes"
                elif not isinstance(got, REFUSALS):
                    yield where, f"refused as {got!r}"
            elif isinstance(wanted, Exception):
                if not meant(ALLOWED, name, where):
                    yield where, f"computed, but PyTorch refuses: {wanted!r}"
            else:
                for order, ((shape, mine), (their_shape, theirs)) in enumerate(zip(got, wanted, strict=False)):
                    same = shape == their_shape and mine == pytest.approx(
                        theirs, rel=LIMIT.get(name, 1e-9), abs=LIMIT.get(name, 1e-9), nan_ok=True)
                    if not same and not meant(DIFFERENT, name, where):
                        yield where, f"result {order}: {shape} {mine[:6]}, PyTorch {their_shape} {theirs[:6]}"
                        break


@pytest.mark.torch
@pytest.mark.parametrize("name", ROWS)
def test_agrees_with_torch(name):
    pytest.importorskip("torch")
    found = [(where, what) for where, what in differences(name)]
    assert not found, "\n".join(f"{where}: {what}" for where, what in found)


@pytest.mark.torch
def test_every_function_is_in_the_grid():
    torch = pytest.importorskip("torch")
    shared = {name for name in dir(F) if not name.startswith("_") and callable(getattr(F, name))
              and not isinstance(getattr(F, name), type) and hasattr(torch.nn.functional, name)}
    assert shared == set(ROWS)
