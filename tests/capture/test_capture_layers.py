"""Every family of layers, captured while training and evaluating: results, gradients and running statistics."""

import pytest
from twin import run, same

import minigrad
from minigrad import nn

IMAGE, LINE, BOX = (2, 4, 6, 5), (2, 4, 7), (2, 4, 4, 3, 4)
LAYERS = {
    **{f"Conv{n}d": (lambda n=n: getattr(nn, f"Conv{n}d")(4, 6, 2, padding=1, groups=2), shape)
       for n, shape in ((1, LINE), (2, IMAGE), (3, BOX))},
    **{f"ConvTranspose{n}d": (lambda n=n: getattr(nn, f"ConvTranspose{n}d")(4, 3, 2, stride=2), shape)
       for n, shape in ((1, LINE), (2, IMAGE), (3, BOX))},
    **{f"DepthwiseConv{n}d": (lambda n=n: getattr(nn, f"DepthwiseConv{n}d")(4, kernel_size=2), shape)
       for n, shape in ((1, LINE), (2, IMAGE), (3, BOX))},
    **{f"BatchNorm{n}d": (lambda n=n: getattr(nn, f"BatchNorm{n}d")(4), shape)
       for n, shape in ((1, LINE), (2, IMAGE), (3, BOX))},
    "BatchNorm1d of rows": (lambda: nn.BatchNorm1d(4, momentum=0.5, affine=False), (5, 4)),
    "BatchNorm2d of all batches": (lambda: nn.BatchNorm2d(4, momentum=None), IMAGE),
    "BatchNorm2d without statistics": (lambda: nn.BatchNorm2d(4, track_running_stats=False), IMAGE),
    **{f"InstanceNorm{n}d": (lambda n=n: getattr(nn, f"InstanceNorm{n}d")(4, affine=True, track_running_stats=True),
                             shape) for n, shape in ((1, LINE), (2, IMAGE), (3, BOX))},
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), IMAGE), "LayerNorm": (lambda: nn.LayerNorm((6, 5)), IMAGE),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(3), IMAGE),
    "Linear": (lambda: nn.Linear(5, 3), IMAGE), "Bilinear-free": (lambda: nn.Linear(5, 3, bias=False), (5,)),
    "PReLU": (lambda: nn.PReLU(4), IMAGE),
    "Dropout": (lambda: nn.Dropout(0.5), IMAGE), "Dropout2d": (lambda: nn.Dropout2d(0.5), IMAGE),
    "Dropout1d": (lambda: nn.Dropout1d(0.5), LINE), "Dropout3d": (lambda: nn.Dropout3d(0.5), BOX),
    "MaxPool2d": (lambda: nn.MaxPool2d(2, padding=1), IMAGE), "AvgPool2d": (lambda: nn.AvgPool2d(3, 1), IMAGE),
    "LPPool2d": (lambda: nn.LPPool2d(2, 2), IMAGE), "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d(2), IMAGE),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(3), IMAGE), "MaxPool1d": (lambda: nn.MaxPool1d(3, 1), LINE),
    "AvgPool3d": (lambda: nn.AvgPool3d(2), BOX), "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
                                                             IMAGE),
    "ZeroPad2d": (lambda: nn.ZeroPad2d(1), IMAGE), "ReflectionPad2d": (lambda: nn.ReflectionPad2d(1), IMAGE),
    "CircularPad1d": (lambda: nn.CircularPad1d(2), LINE), "PixelShuffle": (lambda: nn.PixelShuffle(2), IMAGE),
    "Flatten": (nn.Flatten, IMAGE), "Identity": (nn.Identity, IMAGE), "Unfold": (lambda: nn.Unfold(2), IMAGE),
    "Softmax": (lambda: nn.Softmax(1), IMAGE), "LogSoftmax": (lambda: nn.LogSoftmax(1), IMAGE),
    "residual": (lambda: Residual(), IMAGE),
    "network": (lambda: nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                                      nn.Dropout(0.25), nn.Linear(16, 3)), IMAGE),
    **{name: (lambda name=name: getattr(nn, name)(), IMAGE) for name in (
        "ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "ELU", "LeakyReLU", "Hardtanh", "Softplus",
        "GELU", "LogSigmoid", "Sigmoid", "Tanh", "Softsign", "Tanhshrink")},
}


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)

    def forward(self, x):
        return (x + self.norm(self.conv(x))).relu_() if not minigrad.is_grad_enabled() else (
            x + self.norm(self.conv(x))).relu()


def inputs(shape, seed):
    return [minigrad.randn(*shape, generator=minigrad.Generator().manual_seed(seed), requires_grad=True)]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, training):
    make, shape = LAYERS[name]

    def build():
        layer = make().train(training)

        def step(x):
            y = layer(x)
            if y.requires_grad:
                (y * y.detach().cos()).sum().backward()
            return y

        return step, lambda: [layer.state_dict(), [p.grad for p in layer.parameters()]]

    calls = [lambda k=k: inputs(shape, k) for k in range(3)]
    # .grad of the parameters is None at the first call alone
    same(build, calls, 2 if list(make().parameters()) else 1)

    def apart():
        layer = make().train(training)
        captured = minigrad.compile(layer) if compiled else layer

        def step(x):
            y = captured(x)
            (y * y.detach().cos()).sum().backward()
            return y

        return step, lambda: [layer.state_dict(), [p.grad for p in layer.parameters()]]

    compiled = False
    wanted, _ = run(apart, calls, False)
    compiled = True
    assert run(apart, calls, False)[0] == wanted

    def without():
        layer = make().train(training)
        return minigrad.no_grad()(layer), layer.state_dict

    same(without, calls)


def test_module_itself_is_captured():
    def build():
        layer = LAYERS["network"][0]()
        return layer, layer.state_dict

    same(build, [lambda k=k: inputs(IMAGE, k) for k in range(3)])


def test_embedding_and_its_gradient():
    def build():
        layer = nn.Embedding(5, 3)

        def step(at):
            layer.zero_grad()
            y = layer(at)
            (y * y).sum().backward()
            return y
        return step, lambda: [layer.weight, layer.weight.grad]

    same(build, [lambda k=k: [minigrad.tensor([[0, k, 2], [k, 3, 4]])] for k in range(3)])


def test_unpooling():
    def build():
        pool, back = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
        return lambda x: back(*pool(x)), lambda: None

    try:
        same(build, [lambda k=k: inputs((2, 4, 6, 4), k) for k in range(2)])
    except minigrad.CaptureError as error:
        assert "back(*pool(x))" in str(error)


LOSSES = {"MSELoss": 0, "L1Loss": 0, "SmoothL1Loss": 0, "HuberLoss": 0, "BCEWithLogitsLoss": 0, "KLDivLoss": 0,
          "CrossEntropyLoss": 1, "NLLLoss": 1}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name, reduction):
    def build():
        loss = getattr(nn, name)(reduction=reduction)

        def step(x, y):
            value = loss(x, y)
            value.sum().backward()
            return value
        return step, lambda: None

    def made(k):
        (x,) = inputs((4, 3), k)
        return [x, minigrad.tensor([k, 0, 2, 1]) if LOSSES[name] else minigrad.rand(4, 3).add(0.1)]

    same(build, [lambda k=k: made(k) for k in range(3)])


def test_cross_entropy_options():
    def build():
        loss = nn.CrossEntropyLoss(minigrad.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1, ignore_index=1)

        def step(x, y):
            value = loss(x, y)
            value.backward()
            return value
        return step, lambda: None

    same(build, [lambda k=k: [*inputs((4, 3), k), minigrad.tensor([k, 0, 2, 1])] for k in range(3)])
