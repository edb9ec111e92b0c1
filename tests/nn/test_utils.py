"""Fusing normalisation into the layer before it, and summaries of models."""

import copy

import pytest

import minigrad
from minigrad import models, nn
from minigrad.nn import functional as F
from minigrad.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval, summary

f64 = minigrad.float64


def trained(bn):
    """A normalisation whose statistics and weights are no longer those it starts with."""
    for tensor in (*bn.parameters(), *[b for b in bn.buffers() if b.is_floating_point()]):
        with minigrad.no_grad():
            tensor.uniform_(0.5, 2.0)
    return bn.to(f64).eval()


LAYERS = [
    (lambda lib: lib.nn.Conv1d(4, 6, 3, groups=2), lambda lib: lib.nn.BatchNorm1d(6), (2, 4, 7)),
    (lambda lib: lib.nn.Conv2d(2, 3, 3, bias=False), lambda lib: lib.nn.BatchNorm2d(3, eps=0.1), (2, 2, 5, 5)),
    (lambda lib: lib.nn.Conv3d(1, 2, 2), lambda lib: lib.nn.BatchNorm3d(2, affine=False), (1, 1, 3, 3, 3)),
    (lambda lib: lib.nn.ConvTranspose2d(3, 2, 3, stride=2), lambda lib: lib.nn.BatchNorm2d(2), (1, 3, 4, 4)),
    (lambda lib: lib.nn.ConvTranspose1d(4, 6, 3, groups=2), lambda lib: lib.nn.BatchNorm1d(6), (1, 4, 4)),
    (lambda lib: lib.nn.Linear(3, 4), lambda lib: lib.nn.BatchNorm1d(4), (5, 3)),
]


@pytest.mark.parametrize("layer, norm, shape", LAYERS)
def test_fused_layer_computes_both(layer, norm, shape):
    layer, norm = layer(minigrad).to(f64).eval(), trained(norm(minigrad))
    before = copy.deepcopy(layer.state_dict())
    fused = fuse_conv_bn_eval(layer, norm)
    x = minigrad.randn(*shape, dtype=f64)
    assert (fused(x) - norm(layer(x))).abs().max().item() < 1e-12
    assert type(fused) is type(layer) and isinstance(fused.weight, nn.Parameter) and not fused.training
    assert {name: t.tolist() for name, t in layer.state_dict().items()} == \
        {name: t.tolist() for name, t in before.items()}
    assert fuse_linear_bn_eval is fuse_conv_bn_eval


def test_fusing_is_refused():
    conv, norm = nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2)
    with pytest.raises(ValueError, match="conv: got Conv1d, expected a layer in evaluation mode"):
        fuse_conv_bn_eval(conv, norm.eval())
    with pytest.raises(ValueError, match="bn: got str, expected"):
        fuse_conv_bn_eval(conv.eval(), "bn")
    with pytest.raises(ValueError, match="no running statistics"):
        fuse_conv_bn_eval(conv, nn.BatchNorm1d(2, track_running_stats=False).eval())
    with pytest.raises(ValueError, match="bn: got 3 channels, expected the layer's 2"):
        fuse_conv_bn_eval(conv, nn.BatchNorm1d(3).eval())


@pytest.mark.torch
@pytest.mark.parametrize("layer, norm, shape", LAYERS)
def test_fused_weights_are_pytorchs(layer, norm, shape):
    torch = pytest.importorskip("torch")
    ours, our_norm = layer(minigrad).to(f64).eval(), trained(norm(minigrad))
    theirs, their_norm = layer(torch).double().eval(), norm(torch).double().eval()
    for mine, other in ((ours, theirs), (our_norm, their_norm)):
        other.load_state_dict({name: torch.tensor(t.tolist()).to(other.state_dict()[name].dtype)
                               for name, t in mine.state_dict().items()})
    if getattr(ours, "transposed", False) and ours.groups > 1:
        return                              # which PyTorch does not fuse
    kind = type(theirs).__name__
    wanted = torch.nn.utils.fusion.fuse_linear_bn_eval(theirs, their_norm) if kind == "Linear" else \
        torch.nn.utils.fuse_conv_bn_eval(theirs, their_norm, transpose="Transpose" in kind)
    for name, tensor in fuse_conv_bn_eval(ours, our_norm).state_dict().items():
        assert tensor.flatten().tolist() == pytest.approx(wanted.state_dict()[name].flatten().tolist(), rel=1e-6)


class Functional(nn.Module):
    """Convolutions as functions in `forward`, a layer that runs twice, and two results."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(minigrad.ones(2, 1, 3))
        self.twice = nn.Linear(4, 4, bias=False)
        self.drop = nn.Dropout()

    def forward(self, x):
        x = F.conv1d(x, self.weight)
        x = self.twice(self.twice(x))
        return self.drop(x), F.conv_transpose1d(x, self.weight)


def test_summary_counts_functions_and_repeated_layers():
    model = Functional()
    model.drop.eval()
    found = summary(model, (1, 6))
    assert [tuple(row) for row in found.rows] == [
        ("twice", "Linear", (2, 4), 16, 32), ("twice", "Linear", (2, 4), 0, 32), ("drop", "Dropout", (2, 4), 0, 0),
        ("model", "Functional", [(2, 4), (1, 6)], 6, 24 + 24)]
    assert (found.parameters, found.trainable, found.multiply_adds) == (22, 22, 112)
    assert model.training and not model.drop.training
    assert summary(model, (1, 6), batch=3).multiply_adds == 3 * 112


def test_summary_of_a_known_network():
    """LeNet-5's count by hand: the convolutions' parameters and products."""
    net = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
                        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
                        nn.Linear(84, 10))
    found = summary(net, (1, 28, 28))
    assert found.parameters == 61706
    assert found.multiply_adds == 784 * 6 * 25 + 100 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10
    assert len(str(found).splitlines()) == len(net) + 4 and "61,706" in str(found)


def test_summary_leaves_the_model_as_it_was():
    model = models.build("cnn", (1, 8, 8), 10)
    model.requires_grad_(False)
    state = {name: t.tolist() for name, t in model.state_dict().items()}
    with minigrad.no_grad():
        found = summary(model, (1, 8, 8))
    assert found.trainable == 0 < found.multiply_adds
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert all(module.training for module in model.modules())
    assert {name: t.tolist() for name, t in model.state_dict().items()} == state
    with pytest.raises(ValueError):
        summary(model, (3, 8, 8))
    assert all(module.training for module in model.modules())
