"""Activations: known numbers, slopes at the kinks, far tails, and PyTorch's values and derivatives."""

import copy
import inspect
import math

import pytest
from against_torch import both_refuse, differentiates, same_twice

import minigrad
from minigrad import nn
from minigrad.nn import functional as F

# Where the derivative jumps: function, point, slope as PyTorch takes it.
KINKS = [
    (F.relu, 0, 0), (F.relu6, 0, 0), (F.relu6, 6, 0), (F.hardtanh, -1, 0), (F.hardtanh, 1, 0), (F.hardswish, -3, 0),
    (F.hardswish, 3, 1), (F.hardsigmoid, -3, 0), (F.hardsigmoid, 3, 0), (F.leaky_relu, 0, 0.01), (F.elu, 0, 1),
    (lambda x: F.elu(x, 0.5), 0, 0.5), (F.selu, 0, 1.7580993408473766),
    (F.softsign, 0, 1), (F.softplus, 0, 0.5), (F.softplus, 20, 0.9999999979388464), (F.softplus, 21, 1),
    (F.logsigmoid, 0, 0.5), (lambda x: F.prelu(x, minigrad.tensor([0.25], dtype=minigrad.float64)), 0, 0.25),
]
# What each is at -1e4 and 1e4, and its slopes there; in float32, where exp overflows at 89.
TAILS = {
    "relu6": (0, 6, 0, 0), "hardswish": (0, 1e4, 0, 1), "hardsigmoid": (0, 1, 0, 0), "leaky_relu": (-100, 1e4, 0.01, 1),
    "elu": (-1, 1e4, 0, 1), "selu": (-1.7580993, 10507.0098, 0, 1.0507010),
    "gelu": (0, 1e4, 0, 1), "silu": (0, 1e4, 0, 1), "mish": (0, 1e4, 0, 1), "softplus": (0, 1e4, 0, 1),
    "logsigmoid": (-1e4, 0, 1, 0), "softsign": (-0.9999, 0.9999, 1e-8, 1e-8), "tanhshrink": (-9999, 9999, 1, 1),
    "sigmoid": (0, 1, 0, 0), "tanh": (-1, 1, 0, 0), "hardtanh": (-1, 1, 0, 0),
}
# Every function with every option, written so that both libraries can run it.  (PyTorch takes 1 / alpha of celu in
# float32, so an alpha whose reciprocal is exact; and the 1 / 6 in the slope of hardsigmoid, hence its limit below.)
CALLS = [
    "F.relu(x)", "F.relu6(x * 5)", "F.relu6(x, inplace=False)", "F.leaky_relu(x)", "F.leaky_relu(x, 0.3)",
    "F.leaky_relu(x, negative_slope=-0.5)", "F.elu(x)", "F.elu(x, 0.3)", "F.elu(x, alpha=-2.0)", "F.selu(x)",
    "F.gelu(x)", "F.gelu(x * 4)",
    "F.gelu(x, approximate='tanh')",
    "F.gelu(x * 4, approximate='none')", "F.silu(x)", "F.silu(x * 9)", "F.mish(x)", "F.mish(x * 9)", "F.softplus(x)",
    "F.softplus(x, 3)", "F.softplus(x, beta=0.5, threshold=0.2)", "F.softplus(x, 2, 1)", "F.softplus(x * 50)",
    "F.softsign(x)", "F.hardtanh(x)", "F.hardtanh(x, -0.25, 0.5)", "F.hardtanh(x, min_val=0, max_val=0.125)",
    "F.hardswish(x * 5)", "F.hardsigmoid(x * 5)", "F.logsigmoid(x)", "F.logsigmoid(x * 50)", "F.tanhshrink(x)",
    "F.tanh(x)", "F.sigmoid(x)", "F.softmin(x, 0)", "F.softmin(x, dim=-1)", "F.softmax(x, -1)", "F.log_softmax(x, 0)",
    "F.softmax(x * 300, 0)", "F.log_softmax(x * 300, -1)",
]
PARTS = ["F.glu(x)", "F.glu(x, 1)", "F.glu(x, dim=-2)", "F.glu(x, 0)"]


@pytest.mark.parametrize("function, point, slope", KINKS)
def test_slope_at_a_kink(function, point, slope):
    x = minigrad.tensor([float(point)], dtype=minigrad.float64, requires_grad=True)
    function(x).sum().backward()
    assert x.grad.item() == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize("name", TAILS)
def test_far_from_zero_nothing_overflows(name):
    x = minigrad.tensor([-1e4, 1e4], requires_grad=True)
    y = getattr(F, name)(x)
    slopes, = minigrad.autograd.grad(y.sum(), x, create_graph=True)
    assert y.tolist() + slopes.tolist() == pytest.approx(TAILS[name], rel=1e-3, abs=1e-30)
    if slopes.requires_grad:
        curvature, = minigrad.autograd.grad(slopes.sum(), x, allow_unused=True)
        assert curvature is None or all(math.isfinite(value) for value in curvature.tolist())


def test_tails_keep_their_digits():
    """Small numbers are exact to their own size, not to 1's."""
    x = minigrad.tensor([-30.0], dtype=minigrad.float64)
    assert F.softplus(x).item() == pytest.approx(math.exp(-30), rel=1e-12)
    assert F.logsigmoid(-x).item() == pytest.approx(-math.exp(-30), rel=1e-12)
    assert F.gelu(x).item() == pytest.approx(-15 * math.erfc(30 / math.sqrt(2)), rel=1e-12, abs=0)
    assert F.gelu(x / 6, approximate="tanh").item() == pytest.approx(-2.2917961972623e-07, rel=1e-9)
    assert F.silu(x).item() == pytest.approx(-30 / (1 + math.exp(30)), rel=1e-12)


def test_nan_goes_through():
    x = minigrad.tensor([math.nan])
    for name in TAILS:
        assert math.isnan(getattr(F, name)(x).item()), name


def test_known_numbers():
    x = minigrad.tensor([-1.0, 0.0, 2.0])
    assert nn.LeakyReLU(0.5)(x).tolist() == [-0.5, 0.0, 2.0]
    assert nn.Softplus()(x).tolist() == pytest.approx([math.log1p(math.exp(v)) for v in x.tolist()])
    assert nn.GELU()(x).tolist() == pytest.approx([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x.tolist()])
    assert nn.Maxout(2)(minigrad.tensor([[1.0, 5.0, -3.0, -4.0]])).tolist() == [[5.0, -3.0]]
    assert F.maxout(minigrad.zeros(2, 6, 3), 3).shape == (2, 2, 3)
    assert F.maxout(minigrad.arange(12.0).reshape(2, 6), 2, -1).tolist() == [[1.0, 3.0, 5.0], [7.0, 9.0, 11.0]]
    halves = minigrad.tensor([[1.0, 2.0, 0.5, -0.5]])
    gate = [math.tanh(a) / (1 + math.exp(-b)) for a, b in ((1, 0.5), (2, -0.5))]
    assert nn.GatedTanh()(halves)[0].tolist() == pytest.approx(gate)
    assert nn.GLU(1)(halves)[0].tolist() == pytest.approx([a / (1 + math.exp(-b)) for a, b in ((1, 0.5), (2, -0.5))])
    assert F.glu(minigrad.zeros(3, 0)).shape == (3, 0)


def test_temperature():
    x = minigrad.tensor([0.0, 2.0, -1.0], dtype=minigrad.float64)
    for name in ("softmax", "log_softmax", "softmin"):
        function = getattr(F, name)
        assert function(x, 0, temperature=4.0).tolist() == function(x / 4, 0).tolist()
    assert nn.Softmax(0, temperature=0.5)(x).tolist() == F.softmax(x * 2, 0).tolist()
    assert repr(nn.Softmax(0, temperature=0.5)) == "Softmax(dim=0, temperature=0.5)"
    with pytest.raises(ValueError, match="softmax: temperature: got 0, expected a positive number"):
        F.softmax(x, 0, temperature=0)


def test_prelu_learns_a_slope_per_channel():
    layer = nn.PReLU(2)
    x = minigrad.tensor([[[-1.0, -2.0], [-4.0, 1.0]]])
    layer(x).sum().backward()
    assert layer.weight.grad.tolist() == [-3.0, -4.0]
    assert nn.PReLU(init=1)(x).tolist() == x.tolist()


def test_gradcheck_of_what_pytorch_lacks():
    minigrad.manual_seed(0)
    x = minigrad.randn(2, 4, 3, dtype=minigrad.float64, requires_grad=True)
    for function in (lambda x: F.maxout(x, 2), F.gated_tanh, lambda x: F.softmax(x, 1, temperature=2.0)):
        assert minigrad.check.gradcheck(function, [x])
        assert minigrad.check.gradgradcheck(function, [x])


def test_a_layer_is_its_function():
    layer = nn.Softplus(2.0)
    assert str(inspect.signature(nn.Softplus)) == "(beta: float = 1.0, threshold: float = 20.0)"
    assert nn.Softplus.__doc__.startswith("`ln(1 + exp(beta x)) / beta`")
    x = minigrad.tensor([0.25])
    assert copy.deepcopy(layer)(input=x).tolist() == layer(x).tolist() == F.softplus(x, 2.0).tolist()
    layer.beta = 3.0
    assert layer(x).tolist() == F.softplus(x, 3.0).tolist() and repr(layer) == "Softplus(beta=3.0, threshold=20.0)"

    class Capped(nn.ReLU6):
        def __init__(self):
            super().__init__(inplace=True)

    assert repr(Capped()) == "Capped(inplace=True)" and Capped()(x * 40).tolist() == [6.0]


@pytest.mark.parametrize("text", [*CALLS, *PARTS])
def test_derivatives(text):
    differentiates(text, x=(2, 2))


def test_refusals():
    x = minigrad.zeros(2, 3)
    for name in (*TAILS, "relu"):
        with pytest.raises(TypeError, match=f"{name}: input: got list"):
            getattr(F, name)([1.0])
    for name in ("elu", "gelu", "softplus", "glu", "hardtanh"):
        with pytest.raises(TypeError, match=f"{name}: input: got minigrad.int64, expected a floating-point dtype"):
            getattr(F, name)(minigrad.tensor([1, 2]))
    for call, message in (
            (lambda: F.hardtanh(x, 1, 0), "hardtanh: min_val: got 1, expected at most max_val"),
            (lambda: F.gelu(x, "fast"), "gelu: approximate: got 'fast'"),
            (lambda: F.glu(x), r"glu: input: got shape \(2, 3\), expected a multiple of 2 on axis 1"),
            (lambda: F.glu(minigrad.tensor(1.0)), "glu: input: got shape"),
            (lambda: F.maxout(x, 2), r"maxout: input: got shape \(2, 3\), expected a multiple of 2 on axis 1"),
            (lambda: F.prelu(x, minigrad.ones(2)), r"prelu: weight: got shape \(2,\), expected \(1,\) or \(3,\)"),
            (lambda: F.prelu(x, minigrad.ones(1, 3)), "prelu: weight: got shape")):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match=r"prelu: weight: got minigrad.float64, expected minigrad.float32"):
        F.prelu(x, minigrad.ones(1, dtype=minigrad.float64))
    with pytest.raises(IndexError, match="glu: dim: got 2"):
        F.glu(x, 2)
    with pytest.raises(TypeError, match="ELU: got an unexpected keyword argument 'beta', expected"):
        nn.ELU(beta=1)


@pytest.mark.torch
@pytest.mark.parametrize("text", CALLS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (5,), (3, 1)], ids=str)
def test_against_torch(text, shape):
    pytest.importorskip("torch")
    same_twice(text, 1e-7 if "hardsigmoid" in text else 1e-9, x=shape)


@pytest.mark.torch
@pytest.mark.parametrize("text", PARTS)
@pytest.mark.parametrize("shape", [(2, 4, 2), (4, 2, 6, 2)], ids=str)
def test_gates_against_torch(text, shape):
    pytest.importorskip("torch")
    same_twice(text, x=shape)


@pytest.mark.torch
@pytest.mark.parametrize("shape, weight", [((2, 3, 4), (3,)), ((2, 3), (1,)), ((4,), (1,)), ((2, 3, 2, 2), (3,))])
def test_prelu_against_torch(shape, weight):
    pytest.importorskip("torch")
    same_twice("F.prelu(x, w)", x=shape, w=weight)


@pytest.mark.torch
@pytest.mark.parametrize("text", [
    "ReLU()", "ReLU(True)", "ReLU6()", "LeakyReLU()", "LeakyReLU(0.2, True)", "PReLU()", "PReLU(4, 0.1)", "ELU()",
    "ELU(0.5)", "SELU()", "GELU()", "GELU('tanh')", "GELU(approximate='none')", "SiLU()",
    "Mish()", "Softplus()", "Softplus(2, 5)", "Softsign()", "Hardtanh()", "Hardtanh(-2, 2)", "Hardswish()",
    "Hardsigmoid()", "LogSigmoid()", "Tanhshrink()", "GLU()", "GLU(1)", "Softmin(1)", "Softmax(dim=0)",
    "LogSoftmax(dim=-1)", "Tanh()", "Sigmoid()", "Dropout()", "Dropout1d(0.2)", "Dropout2d(0.3, True)", "Dropout3d()",
])
def test_modules_against_torch(text):
    torch = pytest.importorskip("torch")
    theirs, ours = eval(text, vars(torch.nn)), eval(text, vars(nn))
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.eval(), ours.eval()
    values = [[math.sin(7 * j + i) * 3 for i in range(4)] for j in range(4)]
    wanted = theirs(torch.tensor(values).reshape(4, 4, 1, 1)[..., 0, 0] if "3d" not in text and "2d" not in text
                    else torch.tensor(values).reshape(2, 2, 2, 2))
    x = minigrad.tensor(values)
    got = ours(x if wanted.ndim == 2 else x.reshape(2, 2, 2, 2))
    assert got.flatten().tolist() == pytest.approx(wanted.flatten().tolist(), rel=1e-5, abs=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("text", [
    "F.hardtanh(x, 1, 0)", "F.gelu(x, approximate='fast')", "F.glu(x)", "F.glu(x, 3)",
    "F.glu(x[0, 0, 0])", "F.prelu(x, m.ones(2))", "F.prelu(x, m.ones(1, 4))", "F.softmax(x, 3)", "F.elu(1.0)",
    "F.silu(m.tensor([1]))", "F.elu(m.tensor([1]))", "F.softplus(m.tensor([1]))", "F.mish(m.tensor([1]))",
    "F.gelu(m.tensor([1]))", "F.dropout(x, 1.5)", "F.dropout2d(x, -1)", "F.dropout1d(x[0, 0])", "nn.ELU(2, 3, 4)",
    "nn.Dropout(2)", "F.softmax(m.tensor([1]), 0)", "F.logsigmoid(m.tensor([1]))", "F.dropout3d(x[0], p='a')",
])
def test_what_pytorch_refuses(text):
    pytest.importorskip("torch")
    both_refuse(text)
