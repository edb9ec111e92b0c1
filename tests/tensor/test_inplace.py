"""Changing tensors in place: the results, what it shares, and the guard that keeps gradients right."""

import copy
import pickle

import pytest

import minigrad
from minigrad import inplace

CALLS = """x.add_(2)|x.add_(y, alpha=2)|x.sub_(y)|x.sub_(1, alpha=3)|x.mul_(y)|x.div_(y + 9)|x.abs_()|
x.div_(2, rounding_mode="floor")|x.pow_(2)|x.clamp_(-1, 1)|x.clamp_(min=0)|x.zero_()|x.fill_(3)|x.copy_(y)|
x.copy_(y.t().contiguous().t())|x.neg_()|
x.exp_()|x.sqrt_()|x.tanh_()|x.sigmoid_()|x.relu_()|x.floor_()|x.round_()|x.masked_fill_(y > 0, 5)|x.lerp_(y, 0.5)|
x.addcmul_(y, y, value=2)|x.addcdiv_(y, y + 9, value=2)|x.scatter_add_(0, y.long() * 0, y)|
x.scatter_(0, y.long()[:1] * 0, y)|
x.remainder_(3)|x.reciprocal_()|x.sign_()|x.log1p_()|x.t().add_(y.t())|x[1:].mul_(3)|x[:, 0].zero_()|x[0].copy_(y[1])|
x.add_(x)|x.mul_(x.t().contiguous().t())|x.add_(y[0])|x.add_(y[:, :1])|x.eq(y)|x.logical_not_()|x.floor_divide_(2)|
x.__iadd__(1)|x.__isub__(y)|x.__imul__(2)|x.__itruediv__(2)|x.__ipow__(2)|x.__ifloordiv__(2)|x.__imod__(2)|x.add_(True)|
x.double().add_(y)|x.bernoulli_(1.)|x.bernoulli_(0.)|x.uniform_(2, 2)|x.normal_(3, 0)|x.sin_().cos_()|x.atan2_(y)"""


def pair(m):
    x = m.tensor([[1.5, -2., 3.], [0.25, 4., -0.5], [2., 1., 7.]])
    return x, x.flip(0) * 0.5 + 0.125


@pytest.mark.torch
@pytest.mark.parametrize("text", [text.strip() for text in CALLS.replace("\n", "").split("|")])
def test_changes_as_torch_does(text):
    torch = pytest.importorskip("torch")
    from both import close, plain
    results = []
    for m in (minigrad, torch):
        x, y = pair(m)
        value = eval(text, {"m": m, "x": x, "y": y})
        results.append([plain(value), x.tolist(), y.tolist()])
    assert close(results[0], results[1], 1e-6)


@pytest.mark.parametrize("name", inplace.ROWS)
def test_is_the_function_of_its_name_in_the_same_memory(name):
    functions = minigrad.functions
    arity = getattr(functions, name)
    arity = getattr(arity, "__wrapped__", arity).__code__.co_argcount
    bits = name.startswith("bitwise")
    dtype = minigrad.int32 if bits else minigrad.float64
    x = minigrad.tensor([[1, 2, 3], [2, 1, 1]], dtype=dtype)
    x = x if bits else x / 4
    others = [x.flip(0)] * (arity - 1)
    expected = getattr(functions, name)(x, *others).to(dtype)
    turned = x.t().contiguous().t()
    for target in (x.clone(), turned):
        view, address = target[:, :2], target.data_ptr()
        result = getattr(target, f"{name}_")(*others)
        assert result is target and target.data_ptr() == address
        assert target.equal(expected) or bool(target.isnan().all())
        assert repr(view) == repr(target[:, :2])            # (as text, where NaN equals NaN)


def test_overlapping_operands_are_read_before_they_are_written():
    x = minigrad.arange(6.)
    x[1:].add_(x[:-1])
    assert x.tolist() == [0, 1, 3, 5, 7, 9]
    x = minigrad.arange(4.).reshape(2, 2)
    x += x.t()
    assert x.tolist() == [[0, 3], [3, 6]]


@pytest.mark.parametrize("text", ["x.add_(1)", "x.zero_()", "x[0].mul_(2)", "x.exp_()", "x.uniform_()", "x.copy_(x)",
                                  "x.__setitem__(0, 1)", "y.add_(x)", "y.copy_(x)", "y.__setitem__(0, x[0])",
                                  "y.clamp_(x)", "y.lerp_(x, 0.5)", "y.masked_fill_(y > 0, x.sum())", "y.div_(x)",
                                  "y.addcmul_(x, y)", "y.pow_(x)", "x.normal_()", "x.bernoulli_()", "x.random_()"])
def test_recorded_tensors_are_guarded(text):
    x, y = minigrad.ones(3, requires_grad=True), minigrad.ones(3)
    with pytest.raises(RuntimeError, match="requires a gradient"):
        eval(text, {"x": x, "y": y})
    assert x.tolist() == y.tolist() == [1, 1, 1]
    with minigrad.no_grad():
        eval(text, {"x": x, "y": y})
    assert x.requires_grad and not y.requires_grad


def test_a_value_that_a_derivative_needs_is_watched():
    x, w = minigrad.ones(3), minigrad.ones(3, requires_grad=True)
    y = (x * w).sum()
    x.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    x, y = minigrad.ones(3), (w + 1).sum()
    x.add_(1)
    y.backward()
    assert w.grad.tolist() == [1, 1, 1]


@pytest.mark.parametrize("text, error, words", [
    ("x.add_(m.ones(4))", ValueError, "do not broadcast"), ("m.ones(1).add_(x)", ValueError, "add_: .* does not fit"),
    ("i.add_(1.5)", TypeError, "add_: the result is float32, which cannot be stored in int64"),
    ("i.div_(2)", TypeError, "cannot be stored"), ("i.uniform_()", TypeError, "uniform_: input: got dtype int64"),
    ("x.uniform_(1, 0)", ValueError, "uniform_: from and to"), ("x.normal_(0, -1)", ValueError, "normal_: std"),
    ("x.bernoulli_(2.)", ValueError, "bernoulli: p"), ("x.fill_('a')", TypeError, "got str"),
    ("x.copy_(m.ones(4))", ValueError, r"got shape \(4,\)"), ("x.floor_divide_()", TypeError, "missing 1"),
    ("x.exp_(2)", TypeError, "takes 1"), ("x.masked_fill_(x, 1)", TypeError, "masked_fill: mask: got dtype float32"),
    ("x.scatter_add_(0, x, x)", TypeError, "scatter_add: index"),
    ("x.add_([1])", TypeError, "add: operand 1: got list"),
    ("i.floor_divide_(0)", ZeroDivisionError, "integer division by zero")])
def test_refuses(text, error, words):
    with pytest.raises(error, match=words):
        eval(text, {"m": minigrad, "x": minigrad.ones(3), "i": minigrad.arange(3)})


def test_unsupported_operands_are_left_to_the_other_side():
    class Other:
        def __radd__(self, x):
            return "radd"

        def __iadd__(self, x):
            return "iadd"

    x = minigrad.ones(2)
    assert x + Other() == "radd"
    x += Other()
    assert x == "radd"
    for operator in ("+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<", "<=", "<<"):
        with pytest.raises(TypeError):
            eval(f"x {operator} 'a'", {"x": minigrad.ones(2)})
    assert (minigrad.ones(2) == "a") is False and minigrad.ones(2) != None  # noqa: E711


def test_copies_and_pickles():
    x = minigrad.arange(6., requires_grad=True)
    (x * x).sum().backward()
    for twin in (copy.deepcopy(x), copy.copy(x), pickle.loads(pickle.dumps(x))):
        assert twin.tolist() == x.tolist() and twin.requires_grad and twin.data_ptr() != x.data_ptr()
    assert copy.deepcopy(x).grad.tolist() == x.grad.tolist()
    for call in (copy.deepcopy, pickle.dumps):
        with pytest.raises(RuntimeError, match="leaves"):
            call(x * 2)


def test_protocols():
    x = minigrad.tensor([[1, 2], [3, 4]])
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]] and len(x) == 2 and 3 in x and 7 not in x
    assert [10, 20, 30][minigrad.tensor(1)] == 20 and float(minigrad.tensor(2)) == 2.0
    assert int(minigrad.tensor(2.7)) == 2
    assert bool(minigrad.tensor(0.0)) is False and len({x, x}) == 1 and x.size(-1) == 2 and x.stride() == (2, 1)
    assert x.device == minigrad.device("cpu") and str(x.device) == "cpu" and x.device.type == "cpu"
    _, second = x
    assert second.tolist() == [3, 4]
    with pytest.raises(ValueError, match="a single element"):
        bool(x)


RECORDED = """
x = p * 2; x += y
x = p * 2; x -= p
x = p * 2; x *= y
x = p * 2; x /= 3
x = p * 2; x **= 2
x = m.zeros(3); x += p
x = m.zeros(2, 3); x += p * y
x = m.zeros(3); x += p.sum().double()
"""


@pytest.mark.torch
@pytest.mark.parametrize("text", RECORDED.strip().split("\n"))
def test_augmented_assignment_is_recorded(text):
    torch = pytest.importorskip("torch")
    found = []
    for m in (minigrad, torch):
        p = m.tensor([1.0, 2.0, -3.0], requires_grad=True)
        scope = {"m": m, "p": p, "y": m.tensor([0.5, -1.0, 2.0])}
        exec(text, scope)
        x = scope["x"]
        (x * x).sum().backward()
        found.append((str(x.dtype).split(".")[-1], x.flatten().tolist(), p.grad.tolist()))
    assert found[0][0] == found[1][0]
    assert found[0][1] == pytest.approx(found[1][1]) and found[0][2] == pytest.approx(found[1][2])


def test_augmented_assignment_refuses_what_cannot_be_recorded():
    p = minigrad.ones(3, requires_grad=True)
    for text, error, words in (("p += 1", RuntimeError, "add_: the tensor requires a gradient"),
                               ("x = p * 1; x += minigrad.ones(2, 3)", ValueError, "add: the result has shape (2, 3)"),
                               ("x = minigrad.zeros(3, dtype=minigrad.int64); x += p", TypeError,
                                "add: the result is float32, which cannot be stored in int64")):
        with pytest.raises(error) as caught:
            exec(text, {"minigrad": minigrad, "p": p})
        assert words in str(caught.value)
    with minigrad.no_grad():
        address = p.data_ptr()
        p += 1
    assert p.tolist() == [2, 2, 2] and p.data_ptr() == address
