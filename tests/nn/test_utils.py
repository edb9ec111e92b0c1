"""Fusing normalisation into the layer before it."""

import copy

import pytest

import minigrad
from minigrad import nn
from minigrad.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval

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
