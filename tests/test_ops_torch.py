"""The rows against PyTorch in float64: values, first and second derivatives, at ties, zeros, infinities and NaN too."""

import itertools
import math

import pytest
from table import BINARY, COMPARE, NUMBER, REAL, TESTS

import minigrad
from minigrad.geometry import Geometry
from minigrad.op import OPS

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

INF, NAN = math.inf, math.nan
POINTS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.7, -3.7, 1e-9, -1e-9, 25.0, -25.0, 800.0, -800.0, 1e200,
          -1e200, INF, -INF, NAN]
PAIRS = [list(column) for column in zip(*itertools.product(POINTS, POINTS), strict=True)]


def flat(x):
    return [x] if not isinstance(x, list) else [number for part in x for number in flat(part)]


def levels(library, function, columns):
    """(order, numbers) of value, gradients, and gradients of the gradients, in one order for both libraries.

    A missing gradient is zero.
    """
    xs = [library.tensor(column, dtype=library.float64, requires_grad=True) for column in columns]

    def pulled(y, order):
        if y is None or not y.requires_grad:
            return [None] * len(xs)
        weights = [1 + (j % 5) / 4 for j in range(y.numel())] if order == 1 else [1.0] * y.numel()
        cotangent = library.tensor(weights, dtype=library.float64).reshape(y.shape)
        return library.autograd.grad(y, xs, cotangent, create_graph=True, allow_unused=True)

    def numbers(g, x):
        return [0.0] * x.numel() if g is None else flat(g.detach().clone().tolist())

    out = function(*xs)
    found = [(0, flat(out.detach().clone().tolist()))]
    first = pulled(out, 1)
    found += [(1, numbers(g, x)) for g, x in zip(first, xs, strict=True)]
    for g in first:
        found += [(2, numbers(h, x)) for h, x in zip(pulled(g, 2), xs, strict=True)]
    return found


def compare(name, theirs, columns, ours=None, skip=lambda order, *point: False):
    """`skip(order, *point)`: where the two are known to differ."""
    mine = levels(minigrad, ours or OPS[name], columns)
    for (order, got), (_, expected) in zip(mine, levels(torch, theirs, columns), strict=True):
        for j, (a, b) in enumerate(zip(got, expected, strict=True)):
            point = [column[j] for column in columns] if len(got) == len(columns[0]) else []
            near = a == b or (a != a and b != b) or abs(a - b) <= 1e-9 * max(1, abs(b))
            assert near or (point and skip(order, *point)), \
                f"{name}: order {order} at {point or j} is {a!r}, PyTorch gives {b!r}"


UNARY = [name for name in (*REAL, *NUMBER, *TESTS) if name != "root"]       # which PyTorch has not
# PyTorch lets the gradient through where relu's operand is NaN.
UNARY_SKIP = {"relu": lambda order, x: x != x}
BINARY_SKIP = {
    # PyTorch's first derivative at NaN^0 is 0; its second ones are NaN where a is 0, and 0 where b is: d2/da db = 1/a.
    "pow": lambda order, a, b: a != a or (order == 2 and (a == 0 or b == 0)),
    # At the origin PyTorch's are NaN; next to it they are differences of huge numbers in both.
    "atan2": lambda order, a, b: order == 2 and abs(a) <= 1e-9 and abs(b) <= 1e-9,
    # PyTorch has a constant for the quotient; here it is differentiated, and infinite times zero is NaN.
    "fmod": lambda order, a, b: order == 2 and (b == 0 or b != b or abs(a) == INF or a != a or abs(b) == INF),
}


@pytest.mark.parametrize("name", UNARY)
def test_one_operand(name):
    compare(name, getattr(torch, name), [POINTS], skip=UNARY_SKIP.get(name, lambda order, x: False))


@pytest.mark.parametrize("name", [name for name in BINARY if name != "floor_divide"])
def test_two_operands(name):
    compare(name, getattr(torch, name), PAIRS, skip=BINARY_SKIP.get(name, lambda order, a, b: False))


@pytest.mark.parametrize("name", [*COMPARE, "floor_divide"])    # PyTorch has no derivative for these
def test_values_of_two_operands(name):
    ours = OPS[name](*[minigrad.tensor(column, dtype=minigrad.float64) for column in PAIRS])
    theirs = getattr(torch, name)(*[torch.tensor(column, dtype=torch.float64) for column in PAIRS])
    assert [repr(x) for x in ours.tolist()] == [repr(x) for x in theirs.tolist()]


def test_clamp():
    points = itertools.product([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, INF, -INF, NAN], [-1.0, 0.0, 2.0], [1.0, 0.0, -2.0])
    compare("clamp", torch.clamp, [list(column) for column in zip(*points, strict=True)])


def test_where():
    mask = [j % 3 == 0 for j in range(len(POINTS))]

    def theirs(a, b):
        return torch.where(torch.tensor(mask), a, b)

    compare("where", theirs, [POINTS, POINTS[::-1]], lambda a, b: OPS["where"](minigrad.tensor(mask), a, b))


# Rows of three: no tie, ties for both extremes, all equal, infinities.
ROWS = [[1.0, -2.0, 0.5], [3.0, 3.0, 1.0], [-1.0, 2.0, -1.0], [7.0, 7.0, 7.0], [INF, 1.0, 0.0], [-INF, 1.0, 2.0],
        [800.0, 799.0, -800.0], [0.0, -0.0, 0.0]]
WITH_NAN = [[NAN, 1.0, 2.0], [1.0, NAN, NAN], [1.0, 2.0, NAN]]


@pytest.mark.parametrize("name", ["amax", "amin", "logsumexp"])
@pytest.mark.parametrize("dims", [(0,), (1,), (0, 1)], ids=str)
def test_reductions(name, dims):
    data = ROWS[:4] if name != "logsumexp" or dims != (1,) else ROWS[:4] + ROWS[5:]
    shape = tuple(1 if axis in dims else (len(data), 3)[axis] for axis in range(2))
    compare(name, lambda x: getattr(torch, name)(x, dims, keepdim=True), [data], lambda x: OPS[name](x, shape=shape))


@pytest.mark.parametrize("name", ["amax", "amin", "logsumexp", "argmax", "argmin"])
def test_reductions_of_special_values(name):
    data = ROWS + WITH_NAN
    ours, theirs = (library.tensor(data, dtype=library.float64) for library in (minigrad, torch))
    if name.startswith("arg"):
        assert OPS[name](ours, axis=1).tolist() == getattr(torch, name)(theirs, 1, keepdim=True).tolist()
        return
    got = OPS[name](ours, shape=(len(data), 1))
    expected = getattr(torch, name)(theirs, 1, keepdim=True)
    assert [repr(x) for x in flat(got.tolist())] == [repr(x) for x in flat(expected.tolist())]


@pytest.mark.parametrize("axis", [0, 1])
def test_cumsum(axis):
    compare("cumsum", lambda x: torch.cumsum(x, axis), [ROWS[:4]], lambda x: OPS["cumsum"](x, axis=axis, reverse=False))


def test_gather_and_scatter_add():
    index = [[2, 0], [1, 1], [0, 2], [2, 2]]
    ours, theirs = minigrad.tensor(index), torch.tensor(index)
    compare("gather", lambda x: torch.gather(x * x, 1, theirs), [ROWS[:4]],
            lambda x: OPS["gather"](x * x, ours, axis=1))
    source = [[1.0, 2.0], [3.0, -4.0], [5.0, 6.0], [7.0, 8.0]]
    compare("scatter_add",
            lambda x: torch.zeros(4, 3, dtype=torch.float64).scatter_add(1, theirs, x * x), [source],
            lambda x: OPS["scatter_add"](x * x, ours, axis=1, shape=(4, 3)))


def test_matmul():
    a, b = [[1.0, 2.0, -1.0], [0.5, -2.0, 3.0]], [[2.0, 1.0], [0.0, -1.0], [1.5, 2.5]]
    compare("matmul", torch.matmul, [a, b])


@pytest.mark.parametrize("how", [{}, {"stride": 2}, {"padding": 2}, {"dilation": 2}, {"groups": 2},
                                 {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}], ids=str)
def test_conv(how):
    def data(*shape):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).tolist()
    x, w = data(2, 4, 7, 6), data(4, 4 // how.get("groups", 1), 3, 2)
    geometry = Geometry.of_conv("conv2d", (7, 6), (3, 2), **how)
    compare("conv", lambda x, w: torch.nn.functional.conv2d(x, w, **how), [x, w],
            lambda x, w: OPS["conv"](x, w, geometry=geometry))
