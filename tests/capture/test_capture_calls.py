"""What users call: every function and method of a tensor, and all of nn.functional, in value and in first and second
derivatives.  A call that is refused is refused in the same words."""

import re
import warnings
from itertools import islice

import pytest
from against_torch import numbers
from both import laid_out
from calls import (
    ELEMENTWISE,
    LINALG,
    MATMUL,
    MATMUL_SHAPES,
    PAIR_SHAPES,
    PAIRS,
    REDUCTIONS,
    REDUCTIONS_DIM,
    REDUCTIONS_DIMS,
    SHAPE,
    SHAPE_2D,
    SHAPE_DIM,
)
from grid import ROWS, calls
from twin import bits, nothing, same

import minigrad
from minigrad.nn import functional as F

# What looks at numbers, or is a Python number made of some.
ASKING = re.compile(r"tolist|nonzero\(|allclose|m\.equal|masked_select|\[x > 0\]|m\.where\(x > 0\)|one_hot\(.*\)|"
                    r"repeat_interleave\(x, m|index|m\.tensor\(2\), weight")
LOOSER = re.compile(r"one_hot")        # classes are not checked where they are not known
ONE = [(1,), (2, 3), (0, 2), (2, 3, 2)]


def derivatives(function, xs):
    """What the function gives, and its first and second gradients along fixed weights."""
    found = [function(*xs)]
    level = [found[0]]
    for _ in range(2):
        total = 0
        for slot, part in enumerate(parts(level)):
            if part.requires_grad:
                weights = minigrad.arange(part.numel(), dtype=minigrad.float64).reshape(part.shape).add(slot + 1).cos()
                total = total + (part * weights).sum()
        if not isinstance(total, minigrad.Tensor):
            break
        level = minigrad.autograd.grad(total, list(xs), create_graph=True, allow_unused=True)
        found.append(level)
    return found


def parts(tree):
    if isinstance(tree, minigrad.Tensor):
        return [tree]
    return [x for part in tree for x in parts(part)] if isinstance(tree, list | tuple) else []


def check(text, *scopes):
    """The call on the operands that each of some functions makes, captured once."""
    names = list(scopes[0]())

    def function(*xs):
        scope = {"m": minigrad, "F": F, **dict(zip(names, xs, strict=True))}
        return derivatives(lambda *_: eval(text, scope), [x for x in xs if x.requires_grad])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(*scopes[0]().values())
        except Exception as error:
            if LOOSER.search(text):
                return
            with pytest.raises((type(error), minigrad.CaptureError)) as caught:
                minigrad.compile(function)(*scopes[0]().values())
            assert str(caught.value) == str(error) or ASKING.search(text) or isinstance(error, IndexError)
            return
        try:
            same(lambda: (function, nothing), [lambda scope=scope: list(scope().values()) for scope in scopes])
            outside(lambda *xs: eval(text, {"m": minigrad, "F": F, **dict(zip(names, xs, strict=True))}), scopes)
        except minigrad.CaptureError:
            assert ASKING.search(text)


def outside(function, scopes):
    """Gradients of each result for themselves, taken outside the captured function: the same numbers, of any layout."""
    def gradients(function, xs):
        minigrad.manual_seed(1)
        found = parts([function(*xs)])
        wanting = [x for x in xs if x.requires_grad]
        for slot, out in enumerate([out for out in found if out.requires_grad]):
            weights = minigrad.arange(out.numel(), dtype=out.dtype).reshape(out.shape).add(slot + 1).cos()
            for total in ((out * weights).sum(), out.sum()):
                found += minigrad.autograd.grad(total, wanting, retain_graph=True, allow_unused=True)
        return bits([None if x is None else x.contiguous() for x in found])

    captured = minigrad.compile(function)
    for scope in scopes:
        assert gradients(captured, list(scope().values())) == gradients(function, list(scope().values()))


def tensors(*shapes):
    """Operands by name, in another layout and with two sets of numbers."""
    def made(seed):
        return {name: laid_out(minigrad, shape, "turned", seed + slot)
                for slot, (name, shape) in enumerate(zip("xyz", shapes, strict=False))}
    return [lambda: made(0), lambda: made(5)]


@pytest.mark.parametrize("text", [*ELEMENTWISE, *REDUCTIONS, *SHAPE])
def test_one_tensor(text):
    for shape in ((), *ONE):
        check(text, *tensors(shape))


@pytest.mark.parametrize("text", [*REDUCTIONS_DIM, *SHAPE_DIM])
def test_along_an_axis(text):
    for shape in ONE:
        for axis in {0, len(shape) - 1, -len(shape), len(shape)}:
            check(text.replace("{d}", str(axis)), *tensors(shape))


@pytest.mark.parametrize("text", [*REDUCTIONS_DIMS, *SHAPE_2D])
def test_over_two_axes(text):
    for shape in ONE[1:]:
        check(text, *tensors(shape))


@pytest.mark.parametrize("text", PAIRS)
def test_two_tensors(text):
    for shapes in PAIR_SHAPES[:8]:
        check(text, *tensors(*shapes))


@pytest.mark.parametrize("text, shapes", [*[(MATMUL[0], shapes) for shapes in MATMUL_SHAPES],
                                          *[(text, shapes) for text, *shapes in LINALG]])
def test_products(text, shapes):
    check(text, *tensors(*shapes))


@pytest.mark.parametrize("name", ROWS)
def test_functional(name):
    """Each argument's values for themselves: those that are wrong too."""
    for row in ROWS[name]:
        singles = 1 + sum(map(len, (*row.shapes.values(), *row.options.values())))
        for text, shapes in islice(calls(row), singles):
            sizes = {key: tuple(int(size) for size in shape.split(",") if size) for key, shape in shapes.items()}
            fixed = {key: tuple(int(size) for size in shape.split(",") if size) for key, shape in row.constants.items()}

            def made(seed, sizes=sizes, fixed=fixed):
                wanting = {key: numbers(shape, seed + slot).requires_grad_()
                           for slot, (key, shape) in enumerate(sizes.items())}
                return wanting | {key: numbers(shape, seed + 9 + slot).square()
                                  for slot, (key, shape) in enumerate(fixed.items())}

            check(text, lambda: made(0), lambda: made(50))
