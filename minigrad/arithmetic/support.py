"""Receptive fields found by running the network: what happens to one output when an input changes.

A NaN spreads to every output that reads it, through any weights, and through maxima too; so one NaN at a time shows
which inputs are read at all.  Gradients show how much they matter: the effective receptive field, which is far smaller
and bell-shaped.
Source: Luo, Li, Urtasun and Zemel, "Understanding the effective receptive field in deep CNNs", NeurIPS 2016.
"""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from minigrad import autograd
from minigrad.errors import require
from minigrad.functions.create import zeros
from minigrad.functions.random import randn
from minigrad.nn.module import Module


@contextmanager
def evaluating(function: Any) -> Any:
    """A module in evaluation mode, each child put back as it was."""
    before = [(module, module.training) for module in function.modules()] if isinstance(function, Module) else []
    try:
        if before:
            function.eval()
        yield
    finally:
        for module, training in before:
            module.training = training


def _place(op: str, output: Any, at: tuple[int, ...] | None) -> tuple[int, ...]:
    """Where to look: the middle unless given."""
    sizes = tuple(output.shape[2:])
    at = tuple([size // 2 for size in sizes]) if at is None else at
    require(len(at) == len(sizes) and all(0 <= x < size for x, size in zip(at, sizes, strict=True)), op, "at", at,
            f"a place in an output of sizes {sizes}")
    return at


def support(function: Callable, input_shape: tuple[int, ...], at: tuple[int, ...] | None = None) -> list[list[int]]:
    """For each spatial axis, the input positions that the output at `at` reads (default: its middle).

    `function` takes (N, channels, *sizes) and works on each item of the batch alone; a Module runs in evaluation mode.
    `input_shape` is (channels, *sizes).  It runs once, on as many items as there are positions, each with NaN in all of
    one slab.  ValueError for a place that is not in the output.

    >>> from minigrad import nn
    >>> support(nn.Conv1d(1, 1, 3, dilation=2), (1, 9), (1,))
    [[1, 3, 5]]
    """
    sizes = input_shape[1:]
    x = zeros(sum(sizes), *input_shape)
    rows = [(axis, place) for axis, size in enumerate(sizes) for place in range(size)]
    for row, (axis, place) in enumerate(rows):
        x[(row, *[slice(None)] * (axis + 1), place)] = float("nan")
    with evaluating(function), autograd.no_grad():
        y = function(x)
    y = y[(slice(None), slice(None), *_place("support", y, at))].isnan().tolist()
    return [[place for row, (own, place) in enumerate(rows) if own == axis and any(y[row])]
            for axis in range(len(sizes))]


def effective_receptive_field(function: Callable, input_shape: tuple[int, ...], at: tuple[int, ...] | None = None,
                              samples: int = 8, generator: Any = None) -> Any:
    """How much the output at `at` (default: its middle) depends on each input position: a tensor of the spatial sizes.

    The mean of |d(sum of the output's channels)/dx| over channels of the input and over `samples` inputs of normal
    random numbers, drawn with `generator`.  Where it is not zero is a part of the receptive field, all of it where
    nothing selects (a maximum passes the gradient of one position at a time).
    ValueError for a place that is not in the output, or without samples.

    >>> import minigrad
    >>> average = lambda x: minigrad.nn.functional.avg_pool1d(x, 3, 1)
    >>> effective_receptive_field(lambda x: average(average(x)), (1, 5))
    tensor([0.1111, 0.2222, 0.3333, 0.2222, 0.1111])
    """
    require(samples >= 1, "effective_receptive_field", "samples", samples, "at least 1")
    x = randn(samples, *input_shape, generator=generator).requires_grad_()
    with evaluating(function), autograd.enable_grad():
        y = function(x)
        place = _place("effective_receptive_field", y, at)
        (gradient,) = autograd.grad(y[(slice(None), slice(None), *place)].sum(), (x,))
    return gradient.abs().mean((0, 1))
