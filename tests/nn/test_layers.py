"""Layers: known numbers, values and gradients against PyTorch, refusals, and a net that learns."""

import pytest

import minigrad
from minigrad import nn, optim
from minigrad.nn import functional as F


def test_linear_known_numbers():
    layer = nn.Linear(2, 3)
    with minigrad.no_grad():
        layer.weight.copy_(minigrad.tensor([[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]]))
        layer.bias.copy_(minigrad.tensor([0.5, 0.0, -1.0]))
    assert layer(minigrad.tensor([2.0, 4.0])).tolist() == [10.5, -4.0, 7.0]
    x = minigrad.tensor([[[2.0, 4.0]], [[0.0, 1.0]]], requires_grad=True)
    y = layer(x)
    assert y.tolist() == [[[10.5, -4.0, 7.0]], [[2.5, -1.0, -0.5]]]
    y.sum().backward()
    assert x.grad.tolist() == [[[4.0, 1.5]], [[4.0, 1.5]]]
    assert layer.weight.grad.tolist() == [[2.0, 5.0]] * 3 and layer.bias.grad.tolist() == [2.0] * 3
    assert nn.Linear(2, 3, bias=False).bias is None
    assert nn.Linear(2, 3, dtype=minigrad.float64).weight.dtype is minigrad.float64
    assert layer(minigrad.zeros(0, 2)).shape == (0, 3)
    assert F.linear(minigrad.ones(4, 2), minigrad.ones(2)).tolist() == [2.0] * 4


def test_linear_refusals():
    with pytest.raises(ValueError, match=r"linear: input: got shape \(5, 3\), expected .*2\) for weight \(4, 2\)"):
        nn.Linear(2, 4)(minigrad.zeros(5, 3))
    with pytest.raises(ValueError, match="linear: input: got shape"):
        nn.Linear(2, 4)(minigrad.tensor(1.0))
    double = minigrad.zeros(2, dtype=minigrad.float64)
    for bad, message in (([1.0, 2.0], "linear: input: got list"), (double, "linear: input: got dtype float64")):
        with pytest.raises(TypeError, match=message):
            nn.Linear(2, 4)(bad)
    with pytest.raises(ValueError, match="weight: got shape"):
        F.linear(minigrad.zeros(2), minigrad.zeros(1, 2, 2))
    with pytest.raises(ValueError, match=r"bias: got shape \(3,\), expected \(4,\)"):
        F.linear(minigrad.zeros(2), minigrad.zeros(4, 2), minigrad.zeros(3))
    with pytest.raises(ValueError, match="Linear: in_features: got -1, expected 0 or more"):
        nn.Linear(-1, 2)
    for build in (lambda n: nn.Linear(n, 2), lambda n: nn.Conv1d(n, 2, 3), nn.BatchNorm1d):
        with pytest.raises(TypeError, match="got 'a', expected an int"):
            build("a")
    with pytest.raises(ValueError, match="out_channels: got -2"):
        nn.Conv1d(2, -2, 3)
    with pytest.raises(ValueError, match="cuda"):
        nn.Linear(2, 2, device="cuda")


def test_shapes_only():
    x = minigrad.arange(24.0).reshape(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12) and nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Unflatten(1, (3, 1))(x).shape == (2, 3, 1, 4)
    assert nn.Unflatten(-1, (2, -1))(x).tolist() == x.reshape(2, 3, 2, 2).tolist()
    assert nn.Identity(1, any_argument=2)(x) is x
    for size in ((2, 3), (-1, -1), (5, -1), (0, -1)):
        with pytest.raises(ValueError, match="unflatten: sizes: "):
            nn.Unflatten(-1, size)(x)
    with pytest.raises(IndexError, match="dim: got 3"):
        nn.Unflatten(3, (2, 2))(x)
    with pytest.raises(TypeError, match="unflattened_size"):
        nn.Unflatten(1, 4)


def test_activations():
    x = minigrad.tensor([-1.0, 0.0, 2.0])
    assert nn.ReLU(inplace=True)(x).tolist() == [0.0, 0.0, 2.0] and x.tolist() == [-1.0, 0.0, 2.0]
    assert nn.Tanh()(x).tolist() == pytest.approx([-0.7615942, 0.0, 0.9640276])
    assert nn.Sigmoid()(x).tolist() == pytest.approx([0.26894142, 0.5, 0.8807971])
    assert nn.Softmax(dim=0)(x).sum().item() == pytest.approx(1.0)
    assert nn.LogSoftmax(0)(x).exp().tolist() == pytest.approx(nn.Softmax(0)(x).tolist())


def test_dropout():
    minigrad.manual_seed(3)
    layer, x = nn.Dropout(0.25), minigrad.ones(100, 100, requires_grad=True)
    y = layer(x)
    kept = [value for row in y.tolist() for value in row if value]
    assert len(set(kept)) == 1 and kept[0] == pytest.approx(4 / 3) and 0.74 < len(kept) / 1e4 < 0.76
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()
    minigrad.manual_seed(3)
    assert layer(x).tolist() == y.tolist() != layer(x).tolist()
    assert layer.eval()(x) is x and F.dropout(x, 0.0) is x
    assert F.dropout(x, 1.0).sum().item() == 0.0
    for wrong in (-0.1, 1.1, "a"):
        with pytest.raises(ValueError, match=f"p: got {wrong!r}"):
            nn.Dropout(wrong)
    with pytest.raises(TypeError, match="dropout: input: got"):
        F.dropout(minigrad.tensor([1]))


def test_convolution_layers():
    x = minigrad.ones(2, 4, 7, 7)
    assert nn.Conv2d(4, 6, 3, stride=2, padding=1)(x).shape == (2, 6, 4, 4)
    assert nn.Conv2d(4, 6, (3, 1), padding="same", groups=2)(x).shape == (2, 6, 7, 7)
    assert nn.Conv2d(4, 6, 3, padding=((0, 1), (2, 0)))(x).shape == (2, 6, 6, 7)
    assert nn.Conv2d(4, 6, 3, padding="full", dilation=2)(x).shape == (2, 6, 11, 11)
    up = nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1)
    assert up(x).shape == (2, 6, 13, 13)
    assert up(x, output_size=(13, 14)).shape == (2, 6, 13, 14) == up(x, (2, 6, 13, 14)).shape
    assert up(x[0], output_size=(14, 14)).shape == (6, 14, 14)
    with pytest.raises(ValueError, match="output_size: got 15 on axis 0, expected between 13 and 14"):
        up(x, (15, 13))
    with pytest.raises(ValueError, match="expected 2 or 4 sizes"):
        up(x, (13,))
    with pytest.raises(ValueError, match="groups: got 3"):
        nn.Conv2d(4, 6, 3, groups=3)
    with pytest.raises(ValueError, match="padding_mode: got 'wrap', expected one of 'zeros', 'reflect'"):
        nn.Conv2d(4, 6, 3, padding_mode="wrap")
    with pytest.raises(ValueError, match="padding_mode: got 'reflect', expected one of 'zeros'"):
        nn.ConvTranspose2d(4, 6, 3, padding_mode="reflect")
    with pytest.raises(ValueError, match=r"kernel_size: got \(3, 3, 3\), expected one int, or one for each of 2 axes"):
        nn.Conv2d(4, 6, (3, 3, 3))
    with pytest.raises(TypeError, match=r"kernel_size: got 2\.5, expected an int"):
        nn.Conv2d(4, 6, 2.5)
    with pytest.raises(ValueError, match="stride: got 0"):
        nn.Conv1d(4, 6, 3, stride=0)
    with pytest.raises(ValueError, match="conv"):
        nn.Conv2d(3, 6, 3)(x)


def test_pooling_layers():
    x = minigrad.arange(16.0).reshape(1, 1, 4, 4)
    assert nn.MaxPool2d(2)(x).tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    values, indices = nn.MaxPool2d(2, return_indices=True)(x)
    assert indices.tolist() == [[[[5, 7], [13, 15]]]] and values.shape == (1, 1, 2, 2)
    assert nn.AvgPool2d(2)(x).tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]
    assert nn.AvgPool2d(2, stride=4, divisor_override=2)(x).tolist() == [[[[5.0]]]]
    assert nn.MaxPool1d(3, stride=2, ceil_mode=True)(x[0]).shape == (1, 4, 2)
    assert nn.AvgPool3d((1, 2, 2))(x.unsqueeze(0)).shape == (1, 1, 1, 2, 2)


def test_batch_norm_known_numbers():
    layer = nn.BatchNorm1d(2, eps=0.0, momentum=0.5)
    x = minigrad.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 8.0]])
    y = layer(x).tolist()
    assert [row[0] for row in y] == pytest.approx([-1.5 ** 0.5, 0.0, 1.5 ** 0.5])
    assert layer.running_mean.tolist() == [1.0, 2.0] and layer.running_var.tolist() == [2.5, 7.0]
    assert layer.num_batches_tracked.item() == 1
    layer.eval()
    assert layer(x)[:, 0].tolist() == pytest.approx([-1 / 2.5 ** 0.5, 1 / 2.5 ** 0.5, 3 / 2.5 ** 0.5])
    assert layer.num_batches_tracked.item() == 1
    layer.reset_running_stats()
    assert layer.running_var.tolist() == [1.0, 1.0] and layer.num_batches_tracked.item() == 0


def test_batch_norm_refusals():
    with pytest.raises(ValueError, match=r"BatchNorm2d: input: got shape \(2, 3\), expected 4 axes"):
        nn.BatchNorm2d(3)(minigrad.zeros(2, 3))
    with pytest.raises(ValueError, match=r"running_mean: got shape \(3,\), expected \(4,\)"):
        nn.BatchNorm1d(3)(minigrad.zeros(2, 4))
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="more than one value per channel"):
        layer(minigrad.zeros(1, 3))
    assert layer.running_mean.tolist() == [0.0] * 3 and layer.num_batches_tracked.item() == 0
    with pytest.raises(TypeError, match="batch_norm: input: got"):
        nn.BatchNorm1d(3)(minigrad.zeros(2, 3, dtype=minigrad.int64))
    with pytest.raises(ValueError, match="running_mean and running_var are needed"):
        F.batch_norm(minigrad.zeros(2, 3), None, None)


def test_batch_norm_gradcheck():
    minigrad.manual_seed(0)
    x = minigrad.rand(3, 2, 4, dtype=minigrad.float64, requires_grad=True)
    weight = minigrad.rand(2, dtype=minigrad.float64, requires_grad=True)
    bias = minigrad.rand(2, dtype=minigrad.float64, requires_grad=True)
    assert minigrad.check.gradcheck(lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [x, weight, bias])


def test_xor_is_learnt():
    minigrad.manual_seed(1)
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x = minigrad.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = minigrad.tensor([[0.0], [1.0], [1.0], [0.0]])
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-3


def test_a_small_cnn_tells_stripes_from_columns():
    minigrad.manual_seed(2)

    def batch(n):
        """Noisy images with rows (class 0) or columns (class 1) of alternating brightness."""
        target = minigrad.randint(0, 2, (n,))
        wave = minigrad.arange(8).remainder(2).to(minigrad.float32)
        rows, columns = wave.reshape(8, 1).expand(8, 8), wave.reshape(1, 8).expand(8, 8)
        clean = minigrad.where(target.reshape(n, 1, 1, 1) == 0, rows, columns)
        return clean + 0.3 * minigrad.randn(n, 1, 8, 8), target

    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                        nn.Dropout(0.1), nn.Linear(64, 2))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    for _ in range(30):
        x, target = batch(16)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), target)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
    x, target = batch(100)
    net.eval()
    assert (net(x).argmax(1) == target).sum().item() >= 97


# Each case: how to build the layer from torch.nn or minigrad.nn, and the shape of its input.
CASES = {
    "linear": (lambda nn: nn.Linear(5, 3), (2, 4, 5)),
    "conv1d": (lambda nn: nn.Conv1d(2, 3, 3, padding=1), (2, 2, 7)),
    "conv2d": (lambda nn: nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (2, 4, 7, 6)),
    "conv2d unbatched": (lambda nn: nn.Conv2d(2, 3, 2, dilation=2, bias=False), (2, 7, 6)),
    "conv3d": (lambda nn: nn.Conv3d(2, 3, (1, 2, 3), dilation=(1, 2, 1)), (1, 2, 3, 5, 4)),
    "transpose1d": (lambda nn: nn.ConvTranspose1d(2, 3, 3, stride=2, output_padding=1), (2, 2, 4)),
    "transpose2d": (lambda nn: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, True, 2), (2, 4, 3, 4)),
    "transpose3d": (lambda nn: nn.ConvTranspose3d(2, 3, 2, stride=2), (1, 2, 2, 3, 2)),
    "max1d": (lambda nn: nn.MaxPool1d(3, stride=2, padding=1), (2, 2, 8)),
    "max2d": (lambda nn: nn.MaxPool2d(2, dilation=2, ceil_mode=True), (2, 2, 7, 8)),
    "max3d": (lambda nn: nn.MaxPool3d(2), (1, 2, 4, 4, 5)),
    "avg1d": (lambda nn: nn.AvgPool1d(3, 2, 1), (2, 2, 8)),
    "avg2d": (lambda nn: nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), (2, 2, 6, 7)),
    "avg3d": (lambda nn: nn.AvgPool3d(2, divisor_override=3), (1, 2, 4, 4, 4)),
    "norm1d": (lambda nn: nn.BatchNorm1d(3), (4, 3)),
    "norm1d long": (lambda nn: nn.BatchNorm1d(3, momentum=None), (4, 3, 5)),
    "norm2d": (lambda nn: nn.BatchNorm2d(3, affine=False), (4, 3, 2, 2)),
    "norm3d": (lambda nn: nn.BatchNorm3d(3, track_running_stats=False), (2, 3, 2, 2, 2)),
    "softmax": (lambda nn: nn.Softmax(dim=1), (3, 4, 2)),
    "chain": (lambda nn: nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.Tanh(), nn.Unflatten(1, (2, 2)),
                                       nn.LogSoftmax(2), nn.Sigmoid(), nn.ReLU()), (3, 3, 4)),
}


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES)
def test_against_torch(case):
    torch = pytest.importorskip("torch")
    build, shape = CASES[case]
    torch.manual_seed(0)
    theirs = build(torch.nn).double()
    ours = build(nn).double()
    ours.load_state_dict(theirs.state_dict())
    for training in (True, True, False):        # twice, so that running averages have a past
        theirs.train(training), ours.train(training)
        x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
        z = minigrad.tensor(x.tolist(), dtype=minigrad.float64, requires_grad=True)
        theirs.zero_grad(), ours.zero_grad()
        wanted, got = theirs(x), ours(z)
        assert got.shape == tuple(wanted.shape)
        assert got.flatten().tolist() == pytest.approx(wanted.flatten().tolist(), rel=1e-10, abs=1e-12)
        cotangent = torch.randn_like(wanted)
        wanted.backward(cotangent)
        got.backward(minigrad.tensor(cotangent.tolist(), dtype=minigrad.float64))
        assert z.grad.flatten().tolist() == pytest.approx(x.grad.flatten().tolist(), rel=1e-9, abs=1e-12)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert p.grad.flatten().tolist() == pytest.approx(q.grad.flatten().tolist(), rel=1e-9, abs=1e-12)
        for b, c in zip(ours.buffers(), theirs.buffers(), strict=True):
            assert b.flatten().tolist() == pytest.approx(c.flatten().tolist(), rel=1e-12)


@pytest.mark.torch
def test_output_size_against_torch():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.ConvTranspose2d(2, 3, 3, stride=(2, 3), padding=1)
    ours = nn.ConvTranspose2d(2, 3, 3, stride=(2, 3), padding=1)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 2, 4, 5)
    for size in ((7, 13), (8, 15), (1, 3, 8, 14)):
        wanted = theirs(x, output_size=size)
        got = ours(minigrad.tensor(x.tolist()), output_size=size)
        assert got.shape == tuple(wanted.shape)
        assert got.flatten().tolist() == pytest.approx(wanted.flatten().tolist(), rel=1e-4, abs=1e-5)
