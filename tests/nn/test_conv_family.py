"""The true convolution, causal padding, depthwise and separable layers."""

import pytest
from against_torch import close, numbers, same_twice

import minigrad
from minigrad import nn
from minigrad.check import gradcheck, gradgradcheck
from minigrad.nn import functional as F

SPATIAL = {1: (7,), 2: (5, 6), 3: (3, 4, 5)}


def test_the_true_convolution():
    """(1 + 2x + 3x^2 + 4x^3)(5 + 6x), and an impulse, which gives the kernel as it stands."""
    x, w = minigrad.tensor([[[1.0, 2, 3, 4]]]), minigrad.tensor([[[5.0, 6]]])
    assert F.conv1d(x, w, padding="full", flip=True).tolist() == [[[5, 16, 27, 38, 24]]]
    assert F.conv1d(w, x, padding="full", flip=True).tolist() == [[[5, 16, 27, 38, 24]]]
    assert F.conv1d(x, w, padding="full").tolist() == [[[6, 17, 28, 39, 20]]]
    impulse, kernel = minigrad.zeros(1, 1, 3, 3), minigrad.arange(9.0).reshape(1, 1, 3, 3)
    impulse[0, 0, 1, 1] = 1.0
    assert F.conv2d(impulse, kernel, padding=1, flip=True).tolist() == kernel.tolist()


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("how", ["", "stride=2, padding=1", "dilation=2, padding=2, groups=2"])
def test_flip_as_in_torch(ndim, how, monkeypatch):
    torch = pytest.importorskip("torch")
    axes = tuple(range(2, ndim + 2))
    theirs = getattr(torch.nn.functional, f"conv{ndim}d")
    ours = getattr(F, f"conv{ndim}d")
    monkeypatch.setattr(torch.nn.functional, "conv", lambda x, w, **how: theirs(x, w.flip(axes), **how), raising=False)
    monkeypatch.setattr(F, "conv", lambda x, w, **how: ours(x, w, flip=True, **how), raising=False)
    groups = 2 if "groups" in how else 1
    same_twice(f"F.conv(x, w, {how})", x=(1, 2, *SPATIAL[ndim]), w=(2, 2 // groups, 2, 3, 2)[:ndim + 2])


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("stride, dilation", [(1, 1), (2, 1), (1, 2)])
def test_causal(ndim, stride, dilation):
    """As many places as with "same", and place o depends on none behind o*stride on any axis."""
    x, w = numbers((1, 1, *SPATIAL[ndim]), 0).requires_grad_(), numbers((1, 1, *(2, 3, 2)[:ndim]), 1)
    function = getattr(F, f"conv{ndim}d")
    out = function(x, w, stride=stride, padding="causal", dilation=dilation)
    assert out.shape == function(x, w, stride=stride, padding="same", dilation=dilation).shape
    place = tuple(n // 2 for n in out.shape[2:])
    out[(0, 0, *place)].backward()
    seen = x.grad[0, 0].nonzero().tolist()
    assert [max(axis) for axis in zip(*seen, strict=True)] == [o * stride for o in place]


def test_causal_layers():
    layer = nn.Conv1d(1, 1, 3, padding="causal", bias=False).double()
    x = numbers((1, 1, 6), 0)
    assert layer(x).tolist() == F.conv1d(x, layer.weight, padding=((2, 0),)).tolist()
    repeated = nn.Conv1d(1, 1, 2, padding="causal", padding_mode="replicate", bias=False)
    repeated.weight.data.fill_(0.5)
    assert repeated(minigrad.tensor([[[2.0, 4.0, 8.0]]])).tolist() == [[[2, 3, 6]]]
    w = numbers((1, 1, 3), 1).requires_grad_()
    assert gradcheck(lambda x, w: F.conv_transpose1d(x, w, padding="causal"), (x.requires_grad_(), w))


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_depthwise_and_separable(ndim):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, f"Conv{ndim}d")(4, 8, 3, 2, 1, groups=4).double()
    ours = getattr(nn, f"DepthwiseConv{ndim}d")(4, 3, 2, 1, multiplier=2).double()
    ours.load_state_dict(theirs.state_dict())
    assert isinstance(ours, getattr(nn, f"Conv{ndim}d"))
    x = numbers((2, 4, *SPATIAL[ndim]), 0)
    y = torch.tensor(x.tolist(), dtype=torch.float64)
    close(ours(x), theirs(y))
    pair = getattr(nn, f"SeparableConv{ndim}d")(4, 5, 3, padding=1, multiplier=2).double()
    weights = [torch.tensor(p.tolist(), dtype=torch.float64) for p in pair.parameters()]
    assert [name for name, _ in pair.named_parameters()] == ["depthwise.weight", "pointwise.weight", "pointwise.bias"]
    conv = getattr(torch.nn.functional, f"conv{ndim}d")
    close(pair(x), conv(conv(y, weights[0], padding=1, groups=4), *weights[1:]))
    assert pair(x[0]).shape == (5, *SPATIAL[ndim])


def test_second_order_of_what_torch_lacks():
    x, w = numbers((1, 2, 4, 3), 0).requires_grad_(), numbers((2, 1, 2, 2), 1).requires_grad_()
    assert gradgradcheck(lambda x, w: F.conv2d(x, w, None, (2, 1), "causal", 1, 2, flip=True), (x, w))


def test_refused():
    with pytest.raises(TypeError, match="in_channels: got 'a', expected an int"):
        nn.DepthwiseConv1d("a", 3)
    with pytest.raises(ValueError, match=r"groups: got 0|in_channels"):
        nn.DepthwiseConv1d(0, 3)
    with pytest.raises(ValueError, match="padding: got 'acausal', expected one of"):
        F.conv1d(minigrad.ones(1, 1, 3), minigrad.ones(1, 1, 2), padding="acausal")
    with pytest.raises(ValueError, match="conv2d: weight: got 1 spatial axes"):
        F.conv2d(minigrad.ones(1, 1, 3, 3), minigrad.ones(1, 1, 2), flip=True)
