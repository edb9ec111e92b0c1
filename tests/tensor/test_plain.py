"""The functions against their definitions in plain Python, so that their values are checked without PyTorch too."""

import itertools
import math
import statistics

import pytest
from both import LAYOUTS, close, laid_out

import minigrad
from minigrad.reference import nested

SHAPES = [(3,), (2, 3), (1, 3), (2, 3, 2)]


def entries(x):
    """index -> number."""
    return {index: nested.get(x, index) for index in nested.indices(nested.shape(x))}


def lines(x, axis):
    """The numbers along an axis, for each index of the others."""
    found = {}
    for index, value in entries(x).items():
        found.setdefault((*index[:axis], *index[axis + 1:]), []).append(value)
    return found


REDUCTIONS = {
    "x.sum(d)": math.fsum, "x.mean(d)": statistics.fmean, "x.prod(d)": math.prod, "x.amax(d)": max, "x.amin(d)": min,
    "x.max(d).values": max, "x.min(d).indices": lambda v: v.index(min(v)), "x.argmax(d)": lambda v: v.index(max(v)),
    "x.argmin(d)": lambda v: v.index(min(v)), "(x > 0).any(d)": lambda v: any(a > 0 for a in v),
    "(x > 0).all(d)": lambda v: all(a > 0 for a in v), "x.logsumexp(d)": lambda v: math.log(sum(map(math.exp, v))),
    "x.var(d, correction=0)": statistics.pvariance, "x.std(d, correction=0)": statistics.pstdev,
    "x.norm(dim=d)": lambda v: math.hypot(*v), "x.norm(1, d)": lambda v: sum(map(abs, v)),
    "x.norm(3, d)": lambda v: sum(abs(a) ** 3 for a in v) ** (1 / 3), "x.norm(math.inf, d)": lambda v: max(map(abs, v)),
    "x.count_nonzero(d)": lambda v: sum(a != 0 for a in v),
    "(x * 8).long().sum(d)": lambda v: sum(int(a * 8) for a in v),
    "x.cumsum(d).select(d, -1)": math.fsum,
    "x.softmax(d).select(d, 0)": lambda v: math.exp(v[0]) / sum(map(math.exp, v)),
    "x.log_softmax(d).select(d, -1)": lambda v: v[-1] - math.log(sum(map(math.exp, v))),
    "x.flip(d).select(d, 0)": lambda v: v[-1], "x.roll(1, d).select(d, 0)": lambda v: v[-1],
    "x.narrow(d, 1, 1).squeeze(d) if x.shape[d] > 1 else x.select(d, 0)": lambda v: v[1] if len(v) > 1 else v[0],
    "m.cat([x, 2 * x], d).sum(d)": lambda v: 3 * math.fsum(v), "m.stack([x, x * x], d).sum(d).sum(d)":
    lambda v: math.fsum(v) + math.fsum(a * a for a in v)}


@pytest.mark.parametrize("text", REDUCTIONS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_along_an_axis(text, layout):
    for shape in SHAPES:
        x = laid_out(minigrad, shape, layout).detach()
        for d in range(-len(shape), len(shape)):
            got = eval(text, {"x": x, "d": d, "m": minigrad, "math": math}).tolist()
            for index, values in lines(x.tolist(), d % len(shape)).items():
                assert close(float(nested.get(got, index)), float(REDUCTIONS[text](values)), 1e-12), (shape, d)


MATRICES = {"x.tril(1)": lambda v, i, j: v if j <= i + 1 else 0, "x.triu()": lambda v, i, j: v if j >= i else 0,
            "x.masked_fill(x > 0, 9.)": lambda v, i, j: 9. if v > 0 else v, "x.clamp(-0.3, 0.4)":
            lambda v, i, j: min(max(v, -0.3), 0.4), "m.where(x > 0, x, -x)": lambda v, i, j: abs(v),
            "x.clamp(min=0.1)": lambda v, i, j: max(v, 0.1), "x.clamp(max=0.1)": lambda v, i, j: min(v, 0.1),
            "x % 0.7": lambda v, i, j: v % 0.7, "x // 0.7": lambda v, i, j: v // 0.7, "x.fmod(0.7)":
            lambda v, i, j: math.fmod(v, 0.7), "x.t().t()": lambda v, i, j: v, "x ** 3": lambda v, i, j: v ** 3,
            "m.lerp(x, x * 3, 0.5)": lambda v, i, j: 2 * v, "x + m.arange(3)": lambda v, i, j: v + j,
            "x * m.arange(3).reshape(3, 1)": lambda v, i, j: v * i, "m.eye(3) * x": lambda v, i, j: v * (i == j)}


@pytest.mark.parametrize("text", MATRICES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_by_row_and_column(text, layout):
    x = laid_out(minigrad, (3, 3), layout).detach()
    got = eval(text, {"x": x, "m": minigrad}).tolist()
    for (i, j), v in entries(x.tolist()).items():
        assert close(float(got[i][j]), float(MATRICES[text](v, i, j)), 1e-12)


@pytest.mark.parametrize("a, b", [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)),
                                  ((2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((3,), (5, 3, 2)), ((5, 2, 3), (3,))])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_matmul(a, b, layout):
    x, y = (laid_out(minigrad, shape, layout, seed).detach() for seed, shape in enumerate((a, b)))
    got = x @ y
    left, right = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    one, two = x.reshape(left).tolist(), y.reshape(right).tolist()
    stack = nested.broadcast_shapes(left[:-2], right[:-2])
    assert got.shape == stack + (left[-2:-1] if len(a) > 1 else ()) + (right[-1:] if len(b) > 1 else ())
    got = got.reshape((*stack, left[-2], right[-1])).tolist()
    for place in nested.indices(stack):
        p, q = ([j if n > 1 else 0 for j, n in zip(place[len(place) - len(s[:-2]):], s[:-2], strict=True)]
                for s in (left, right))
        for i, j in itertools.product(range(left[-2]), range(right[-1])):
            expected = math.fsum(nested.get(one, (*p, i, k)) * nested.get(two, (*q, k, j)) for k in range(left[-1]))
            assert close(nested.get(got, (*place, i, j)), expected, 1e-12)


def test_moving_functions():
    x = minigrad.arange(24).reshape(2, 3, 4)
    flat = list(range(24))
    assert x.permute(2, 0, 1).tolist() == [[[i * 12 + j * 4 + k for j in range(3)] for i in range(2)] for k in range(4)]
    assert x.transpose(0, 2).tolist() == [[[i * 12 + j * 4 + k for i in range(2)] for j in range(3)] for k in range(4)]
    assert x.mT.shape == (2, 4, 3) and x.T.shape == (4, 3, 2) and x.movedim(0, -1).shape == (3, 4, 2)
    assert x.unsqueeze(-2).shape == (2, 3, 1, 4) and x[:, :1].squeeze(1).tolist() == x.select(1, 0).tolist()
    assert x.flatten().tolist() == x.reshape(-1).tolist() == x.ravel().tolist() == flat
    assert [part.shape for part in x.split([1, 3], 2)] == [(2, 3, 1), (2, 3, 3)]
    assert [part.shape for part in x.chunk(3, 2)] == [(2, 3, 2), (2, 3, 2)]
    assert minigrad.arange(3).repeat(2, 2).tolist() == [[0, 1, 2, 0, 1, 2]] * 2
    assert minigrad.arange(3).repeat_interleave(2).tolist() == [0, 0, 1, 1, 2, 2]
    assert minigrad.functions.pad(minigrad.ones(1, 2), (1, 0, 0, 1), value=5.).tolist() == [[5, 1, 1], [5, 5, 5]]
    assert minigrad.arange(5).unfold(0, 3, 1).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert x.diagonal(1, 1, 2).tolist() == [[1, 6, 11], [13, 18, 23]]
    index = minigrad.tensor([[2, 0], [1, 1]])
    assert minigrad.tensor([[1, 2, 3], [4, 5, 6]]).gather(1, index).tolist() == [[3, 1], [5, 5]]
    added = minigrad.zeros(2, 3).scatter_add(1, index, minigrad.tensor([[1., 2.], [3., 4.]]))
    assert added.tolist() == [[2, 0, 1], [0, 7, 0]]
    assert minigrad.nn.functional.one_hot(minigrad.tensor([1, 0])).tolist() == [[0, 1], [1, 0]]
    assert minigrad.tensor([[0, 3], [4, 0]]).nonzero().tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("text", [
    "x.var()", "x.std()", "x.norm(3)", "x.prod()", "x.logsumexp(0)", "x.softmax(1)", "x.log_softmax(0)", "x.amax(1)",
    "x.max(0).values", "x.cumsum(1)", "x[1:, ::2]", "x[[1, 0, 1]]", "x[x > 0]", "x.tril()", "x.roll(1, 0)", "x.flip(1)",
    "m.functions.pad(x, (1, -1), value=2.)", "x.unfold(1, 2, 1)", "x.repeat(2, 1)", "x @ x", "x.clamp(-0.2, 0.3)",
    "m.cat([x, x * x], 1)", "m.where(x > 0, x * x, x)", "x.masked_fill(x > 0, 1.)", "x.diagonal()",
    "x.gather(1, m.tensor([[2, 0], [1, 1], [0, 0]]))", "m.lerp(x, x * x, 0.3)",
    "x.std(0, correction=0)", "x.norm(dim=1)",
    "m.addcmul(x, x, x)", "x.expand(2, 3, 3)", "x.prod(1)", "x % 0.7"])
def test_gradients_are_the_slopes(text):
    x = laid_out(minigrad, (3, 3))
    assert minigrad.check.gradcheck(lambda x: eval(text, {"x": x, "m": minigrad}), (x,))
