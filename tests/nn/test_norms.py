"""Normalisation, spatial dropout, embedding and weight normalisation: known numbers, PyTorch's, refusals."""

import math

import pytest
from against_torch import both_refuse, differentiates, same_twice

import minigrad
from minigrad import nn
from minigrad.nn import functional as F

CALLS = [                               # texts that both libraries can run, and the shapes of their operands
    ("F.layer_norm(x, (4,))", {"x": (2, 3, 4)}),
    ("F.layer_norm(x, (3, 4), w, b)", {"x": (2, 3, 4), "w": (3, 4), "b": (3, 4)}),
    ("F.layer_norm(x, [4], weight=w, eps=0.1)", {"x": (3, 4), "w": (4,)}),
    ("F.layer_norm(x, [4], bias=w)", {"x": (4,), "w": (4,)}),
    ("F.group_norm(x, 2)", {"x": (2, 4, 3)}),
    ("F.group_norm(x, 3, w, b, 0.01)", {"x": (2, 6, 2, 2), "w": (6,), "b": (6,)}),
    ("F.group_norm(x, 1, weight=w)", {"x": (3, 4), "w": (4,)}),
    ("F.group_norm(x, 4)", {"x": (1, 4, 2, 1, 2)}),
    ("F.instance_norm(x)", {"x": (2, 3, 4)}),
    ("F.instance_norm(x, weight=w, bias=b, eps=0.1)", {"x": (2, 3, 2, 2), "w": (3,), "b": (3,)}),
    ("F.instance_norm(x, u, v, w, use_input_stats=False)", {"x": (2, 3, 2, 2), "w": (3,)}),
    ("F.batch_norm(x, u, v, w, b)", {"x": (2, 3, 4), "w": (3,), "b": (3,)}),
    ("F.batch_norm(x, None, None, w, b, True)", {"x": (2, 3, 4), "w": (3,), "b": (3,)}),
    ("F.local_response_norm(x, 3)", {"x": (2, 4, 3)}),
    ("F.local_response_norm(x, 2, alpha=0.5, beta=0.6, k=2.0)", {"x": (2, 5, 2, 2)}),
    ("F.local_response_norm(x, 5, 1.0)", {"x": (1, 3, 2, 1, 2)}),
    ("F.local_response_norm(x, 1, 0.3, 1.0)", {"x": (2, 2, 2)}),
    ("F.embedding(m.tensor([[0, 3], [3, 1]]), w)", {"w": (4, 2)}),
    ("F.embedding(m.tensor([0, 3, 3]), w, padding_idx=3)", {"w": (4, 2)}),
    ("F.embedding(m.tensor(2), w, -1)", {"w": (4, 2)}),
    ("F.embedding(m.zeros(0, 2, dtype=m.int64), w)", {"w": (4, 2)}),
]
MODULES = [
    ("LayerNorm(4)", (2, 3, 4)), ("LayerNorm((3, 4), eps=0.1, bias=False)", (2, 3, 4)),
    ("LayerNorm([4], elementwise_affine=False)", (3, 4)),
    ("GroupNorm(2, 4)", (2, 4, 3)), ("GroupNorm(4, 4, affine=False)", (2, 4, 3, 2)),
    ("GroupNorm(1, 4, bias=False)", (2, 4)), ("InstanceNorm1d(3)", (2, 3, 4)), ("InstanceNorm1d(3)", (3, 4)),
    ("InstanceNorm2d(3, affine=True)", (2, 3, 2, 4)), ("InstanceNorm2d(3, 1e-3, 0.3, True, True)", (3, 2, 4)),
    ("InstanceNorm3d(2, track_running_stats=True)", (2, 2, 2, 2, 3)),
    ("InstanceNorm1d(3, momentum=None, track_running_stats=True)", (2, 3, 4)), ("LocalResponseNorm(3)", (2, 4, 3)),
    ("LocalResponseNorm(2, alpha=0.1, beta=0.5, k=2.0)", (2, 4, 3, 3)), ("BatchNorm2d(3)", (2, 3, 2, 2)),
]


@pytest.mark.parametrize("function, axes", [
    (lambda x: F.layer_norm(x, (3, 5)), (2, 3)), (lambda x: F.group_norm(x, 1), (1, 2, 3)),
    (lambda x: F.group_norm(x, 4), (2, 3)), (F.instance_norm, (2, 3)),
    (lambda x: F.batch_norm(x, None, None, training=True), (0, 2, 3))])
def test_mean_0_and_variance_1(function, axes):
    minigrad.manual_seed(0)
    y = function(minigrad.randn(2, 4, 3, 5, dtype=minigrad.float64) * 3 + 1)
    assert y.mean(axes).abs().max().item() < 1e-12
    assert (y.var(axes, unbiased=False) - 1).abs().max().item() < 1e-4


def test_far_from_zero():
    x = minigrad.tensor([[1e4, 1e4 + 1, 1e4 + 2]])
    assert F.layer_norm(x, (3,)).flatten().tolist() == pytest.approx([-1.2247, 0, 1.2247], abs=1e-4)


def test_local_response_known_numbers():
    x = minigrad.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1)
    squares = [0 + 1 + 4, 1 + 4 + 9, 4 + 9 + 0]
    wanted = [v / (2 + 0.5 / 3 * s) ** 0.75 for v, s in zip((1, 2, 3), squares, strict=True)]
    assert nn.LocalResponseNorm(3, 0.5, k=2.0)(x).flatten().tolist() == pytest.approx(wanted)


def test_instance_norm_keeps_running_averages():
    layer = nn.InstanceNorm1d(1, momentum=0.5, track_running_stats=True)
    layer(minigrad.tensor([[[0.0, 2.0]], [[4.0, 8.0]]]))
    assert layer.running_mean.tolist() == [0.5 * (1 + 6) / 2]
    assert layer.running_var.tolist() == [0.5 + 0.5 * (2 + 8) / 2]
    y = layer.eval()(minigrad.tensor([[1.75, 1.75 + 3.0]]))
    assert y.tolist() == [[0.0, pytest.approx(3 / math.sqrt(3 + 1e-5))]]


@pytest.mark.parametrize("layer, shape, whole", [
    (nn.Dropout1d(), (20, 30, 4), (20, 30)), (nn.Dropout1d(), (300, 4), (300,)),
    (nn.Dropout2d(), (20, 30, 2, 2), (20, 30)), (nn.Dropout2d(), (20, 30, 4), (20, 30)),
    (nn.Dropout3d(), (20, 30, 2, 1, 2), (20, 30)), (nn.Dropout3d(), (300, 2, 2, 1), (300,))])
def test_spatial_dropout_takes_whole_channels(layer, shape, whole):
    minigrad.manual_seed(0)
    y = layer(minigrad.ones(shape)).reshape(*whole, -1)
    assert (y.amin(-1) == y.amax(-1)).all().item() and set(y.flatten().tolist()) == {0.0, 2.0}
    assert 0.4 < (y.amax(-1) > 0).to(minigrad.float32).mean().item() < 0.6
    x = minigrad.ones(shape)
    assert layer.eval()(x) is x


def test_embedding():
    layer = nn.Embedding(5, 2, padding_idx=-2)
    assert layer.padding_idx == 3 and layer.weight[3].tolist() == [0.0, 0.0]
    layer(minigrad.tensor([3, 1, 1, 3], dtype=minigrad.int32)).sum().backward()
    assert layer.weight.grad.tolist() == [[0.0, 0.0], [2.0, 2.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    rows = minigrad.tensor([[1.0, 2.0], [3.0, 4.0]])
    frozen = nn.Embedding.from_pretrained(rows)
    assert frozen(minigrad.tensor([1])).tolist() == [[3.0, 4.0]] and not frozen.weight.requires_grad
    assert nn.Embedding.from_pretrained(rows, False).weight.requires_grad


def test_weight_norm():
    minigrad.manual_seed(0)
    layer = nn.Conv2d(2, 3, 2)
    x, before = minigrad.rand(1, 2, 4, 4), layer.weight.tolist()
    wanted = layer(x)
    assert nn.utils.weight_norm(layer) is layer
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight_g", "weight_v"]
    assert layer.weight_g.shape == (3, 1, 1, 1)
    assert minigrad.allclose(layer(x), wanted, atol=1e-6)
    with minigrad.no_grad():
        layer.weight_v.mul_(7.0)                        # the length of v does not matter
        assert minigrad.allclose(layer(x), wanted, atol=1e-6)
        layer.weight_g.mul_(2.0)
    layer(x).sum().backward()
    inner = (layer.weight_v.grad * layer.weight_v).sum((1, 2, 3))
    assert inner.abs().max().item() < 1e-4 and layer.weight_g.grad is not None     # the gradient turns v alone
    with pytest.raises(RuntimeError, match="weight_norm: name: got 'weight', expected one that is not normalised"):
        nn.utils.weight_norm(layer)
    nn.utils.remove_weight_norm(layer)
    assert list(layer.state_dict()) == ["bias", "weight"]
    assert minigrad.allclose(layer.weight, minigrad.tensor(before) * 2, atol=1e-6)
    with pytest.raises(ValueError, match="remove_weight_norm: name: got 'weight', expected one that is normalised"):
        nn.utils.remove_weight_norm(layer)
    whole = nn.utils.weight_norm(nn.Linear(2, 2), dim=None)
    assert whole.weight_g.shape == () and whole(minigrad.ones(2)).shape == (2,)
    assert nn.utils.weight_norm(nn.Linear(2, 2), "bias").bias_g.shape == (2,)


@pytest.mark.parametrize("text, shapes", [call for call in CALLS[::2] if "padding" not in call[0]])
def test_derivatives(text, shapes):
    differentiates(text, scope={"u": (3,), "v": (3,)}, **shapes)


X = minigrad.zeros(2, 4, 3)
REFUSALS = [
    (lambda: F.layer_norm(X, (4,)), r"layer_norm: input: got shape \(2, 4, 3\), expected \(..., 4\)"),
    (lambda: F.layer_norm(X, ()), "layer_norm: input: got shape"),
    (lambda: F.layer_norm(X, (3,), minigrad.ones(4)), r"layer_norm: weight: got shape \(4,\), expected \(3,\)"),
    (lambda: F.group_norm(X, 3), "group_norm: num_groups: got 3, expected a divisor"),
    (lambda: F.group_norm(X, 0), "group_norm: num_groups: got 0"),
    (lambda: F.group_norm(X, 2, minigrad.ones(2)), r"group_norm: weight: got shape \(2,\), expected \(4,\)"),
    (lambda: F.group_norm(minigrad.zeros(1, 2), 2), "group_norm: .* more than one value per group"),
    (lambda: F.instance_norm(minigrad.zeros(2, 4, 1)), "instance_norm: .* more than one value per channel"),
    (lambda: F.instance_norm(X, use_input_stats=False), "instance_norm: running_mean and running_var are needed"),
    (lambda: F.instance_norm(X, weight=minigrad.ones(3)), "instance_norm: weight: got shape"),
    (lambda: nn.InstanceNorm2d(4)(minigrad.zeros(2, 4)), "InstanceNorm2d: input: got shape .* expected 3 or 4 axes"),
    (lambda: nn.GroupNorm(3, 4), "GroupNorm: num_groups: got 3, expected a divisor of 4"),
    (lambda: F.local_response_norm(minigrad.zeros(2, 4), 2), r"local_response_norm: input: got shape \(2, 4\)"),
    (lambda: F.local_response_norm(X, 0), "local_response_norm: size: got 0"),
    (lambda: F.dropout1d(minigrad.zeros(2)), r"dropout1d: input: got shape \(2,\), expected 2 or 3 axes"),
    (lambda: F.embedding(minigrad.tensor([0]), minigrad.zeros(3)), "embedding: weight: got shape"),
    (lambda: nn.Embedding.from_pretrained(minigrad.zeros(3)), "from_pretrained: embeddings: got shape"),
]


@pytest.mark.parametrize("call, message", REFUSALS)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_more_refusals():
    for function in (lambda x: F.layer_norm(x, (3,)), lambda x: F.group_norm(x, 2), F.instance_norm,
                     lambda x: F.local_response_norm(x, 2), F.dropout1d):
        with pytest.raises(TypeError, match=r"input: got minigrad\.int64"):
            function(minigrad.zeros(2, 4, 3, dtype=minigrad.int64))
    with pytest.raises(TypeError, match="embedding: index: got float32"):
        F.embedding(minigrad.zeros(2), minigrad.zeros(3, 2))
    for index in (3, -1):
        with pytest.raises(IndexError, match=str(index)):
            F.embedding(minigrad.tensor([0, index]), minigrad.zeros(3, 2))
    with pytest.raises(IndexError, match="Embedding: padding_idx: got 3"):
        nn.Embedding(3, 2, 3)


@pytest.mark.torch
@pytest.mark.parametrize("text, shapes", CALLS, ids=[text for text, _ in CALLS])
def test_against_torch(text, shapes):
    pytest.importorskip("torch")
    same_twice(text, scope={"u": (3,), "v": (3,)}, **shapes)


@pytest.mark.torch
@pytest.mark.parametrize("text", [
    "F.layer_norm(x, (4,))", "F.layer_norm(x, (3,), m.ones(4))", "F.layer_norm(x, (3,), bias=m.ones(4))",
    "F.layer_norm(x, (2, 2, 4, 3))", "F.layer_norm(x, (4, 2))", "F.group_norm(x, 3)",
    "F.group_norm(x, 0)", "F.group_norm(x, 2, m.ones(2))", "F.group_norm(x[:1, :2, :1], 2)",
    "F.instance_norm(x[:, :, :1])", "F.instance_norm(x, use_input_stats=False)", "F.instance_norm(x, weight=m.ones(3))",
    "F.batch_norm(x, m.ones(3), m.ones(3))", "F.batch_norm(x, None, None)", "F.local_response_norm(x[0], 2)",
    "F.local_response_norm(x, 0)", "F.embedding(x, x[0])", "F.embedding(m.tensor([0]), x[0], padding_idx=9)",
    "F.embedding(m.tensor([4]), x[0])", "F.embedding(m.tensor([-1]), x[0])", "nn.GroupNorm(3, 4)",
    "nn.InstanceNorm2d(4)(x[0])", "nn.BatchNorm2d(4)(x)", "nn.LayerNorm(4)(x)", "nn.Embedding(3, 2, 3)",
    "nn.Embedding.from_pretrained(x)", "nn.utils.weight_norm(nn.Linear(2, 2), 'w')",
    "nn.utils.remove_weight_norm(nn.Linear(2, 2))", "F.layer_norm(m.zeros(2, 3, dtype=m.int64), (3,))",
])
def test_what_pytorch_refuses(text):
    pytest.importorskip("torch")
    both_refuse(text)


@pytest.mark.torch
@pytest.mark.parametrize("text, shape", MODULES, ids=[f"{text} {shape}" for text, shape in MODULES])
def test_modules_against_torch(text, shape):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs, ours = eval(text, vars(torch.nn)).double(), eval(text, vars(nn)).double()
    assert repr(ours) == repr(theirs)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter)
    ours.load_state_dict(theirs.state_dict())
    for training in (True, True, False):
        theirs.train(training), ours.train(training)
        x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
        z = minigrad.tensor(x.tolist(), dtype=minigrad.float64, requires_grad=True)
        theirs.zero_grad(), ours.zero_grad()
        wanted, got = theirs(x), ours(z)
        assert got.flatten().tolist() == pytest.approx(wanted.flatten().tolist(), rel=1e-9, abs=1e-12)
        wanted.square().sum().backward()
        got.square().sum().backward()
        for mine, their in zip((z, *ours.parameters()), (x, *theirs.parameters()), strict=True):
            assert mine.grad.flatten().tolist() == pytest.approx(their.grad.flatten().tolist(), rel=1e-9, abs=1e-9)
        for mine, their in zip(ours.buffers(), theirs.buffers(), strict=True):
            assert mine.flatten().tolist() == pytest.approx(their.flatten().tolist(), rel=1e-12)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_weight_norm_against_torch(dim):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.utils.weight_norm(torch.nn.Conv1d(2, 3, 2).double(), dim=dim)
    ours = nn.utils.weight_norm(nn.Conv1d(2, 3, 2).double(), dim=dim)
    if dim != -1:                       # (by which PyTorch means None)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        ours.load_state_dict(theirs.state_dict())
        x = torch.randn(2, 2, 5, dtype=torch.float64)
        wanted, got = theirs(x), ours(minigrad.tensor(x.tolist(), dtype=minigrad.float64))
        assert got.flatten().tolist() == pytest.approx(wanted.flatten().tolist(), rel=1e-10)
        wanted.square().sum().backward(), got.square().sum().backward()
        for mine, their in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert mine.grad.flatten().tolist() == pytest.approx(their.grad.flatten().tolist(), rel=1e-9, abs=1e-12)
