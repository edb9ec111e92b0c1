"""What docs/gallery.md shows: every drawing of minigrad.draw in several configurations.  `python docs/figures.py` draws
it.

An entry is (file, what one sees, the expression that draws it), evaluated with the names of minigrad and of its
drawings at hand, and with the functions of this file, which stand for data of one's own.
"""

from __future__ import annotations

from typing import Any

import minigrad
from minigrad import nn, optim
from minigrad.data import Digits
from minigrad.draw.channels import maps  # noqa: F401 (for an entry)
from minigrad.geometry import Geometry
from minigrad.models import build


def guide() -> tuple[Any, ...]:
    """x, w, g and geometry: a 3x3 convolution with stride 2 and padding 1, the kernel that of Dumoulin and Visin."""
    x = (minigrad.arange(25.0) % 4).reshape(1, 1, 5, 5)
    w = minigrad.tensor([[[[0.0, 1.0, 2.0], [2.0, 2.0, 0.0], [0.0, 1.0, 2.0]]]])
    g = minigrad.tensor([[[[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]])
    return x, w, g, Geometry.of_conv("conv2d", (5, 5), (3, 3), stride=2, padding=1)


def digit(number: int = 3) -> Any:
    """A handwritten digit of the test part, (1, 8, 8)."""
    return Digits(train=False)[number][0]


def edges() -> Any:
    """Weights (8, 1, 3, 3) that look for edges in the directions of the compass (after Robinson, 1977)."""
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    w = minigrad.zeros(8, 1, 3, 3)
    for turn in range(8):
        for at, value in enumerate((-1.0, 0.0, 1.0, 2.0, 1.0, 0.0, -1.0, -2.0)):
            w[(turn, 0, *ring[(at + turn) % 8])] = value
    return w


def means() -> Any:
    """The mean image of each class of digits, (10, 1, 8, 8)."""
    data = Digits()
    images, labels = data[:]
    return minigrad.stack([images[labels == c].mean(0) for c in range(10)])


def nearest(x: Any) -> Any:
    """Scores (N, 10): how near an image is to the mean of each class."""
    return -(x.unsqueeze(1) - means()).pow(2).sum((2, 3, 4))


def taken_for() -> list[list[int]]:
    """How often the nearest mean takes a digit of each class for one of each."""
    images, labels = Digits(train=False)[:]
    counts = [[0] * 10 for _ in range(10)]
    for truth, guess in zip(labels.tolist(), nearest(images).argmax(1).tolist(), strict=True):
        counts[truth][guess] += 1
    return counts


def captured(function: Any, *shapes: tuple[int, ...]) -> Any:
    """The graph of a function of tensors of these shapes, which want gradients."""
    arguments = [minigrad.rand(*shape, requires_grad=True) for shape in shapes]
    return minigrad.compile(function).explain(*arguments).graph


def with_gradients(x: Any, w: Any, g: Any) -> Any:
    """A convolution, a maximum, and the gradients of both arguments."""
    y = nn.functional.max_pool2d(nn.functional.conv2d(x, w, padding=1).relu(), 2)
    return y, *minigrad.autograd.grad(y, (x, w), g)


def second_order(x: Any, w: Any, u: Any, g: Any, v: Any) -> Any:
    """Two convolutions, the gradient by x, and how its product with v changes with both kernels."""
    y = nn.functional.conv2d(nn.functional.conv2d(x, w), u)
    (slope,) = minigrad.autograd.grad(y, x, g, create_graph=True)
    return y, slope, *minigrad.autograd.grad(slope, (w, u), v)


def lenet_step() -> Any:
    """The graph of a training step of LeNet on 8 digits."""
    model = build("lenet", (1, 28, 28), 10)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return minigrad.compile(step).explain(minigrad.rand(8, 1, 28, 28), minigrad.arange(8)).graph


class Residual(nn.Module):
    """Two ways from x to y, the long one of two dilated convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.long = nn.Sequential(nn.Conv1d(1, 1, 3, padding=1), nn.ReLU(), nn.Conv1d(1, 1, 3, padding=2, dilation=2))
        self.pool = nn.MaxPool1d(3, 2)

    def forward(self, x: Any) -> Any:
        """Both ways, then a pool."""
        return self.pool(x + self.long(x))


conv2d = nn.functional.conv2d
# `minigrad train digits`: the loss after each epoch
LOSS = {"train": [1.90, 0.506, 0.172, 0.0817, 0.0567, 0.0419, 0.0355, 0.0283, 0.0164, 0.0107],
        "test": [1.52, 0.229, 0.0954, 0.0775, 0.0649, 0.0756, 0.0550, 0.0308, 0.0267, 0.0270]}

GALLERY: dict[str, list[tuple[str, str, str]]] = {
    "A window that slides": [
        ("conv", "A convolution of a 5×5 input, every step with its sum", "conv_steps(5, 3, numbers=True).animation()"),
        ("conv_strided", "Stride 2 and padding 1, as stills", "conv_steps(5, 3, stride=2, padding=1).strip(9)"),
        ("conv_dilated", "Dilation 2: the kernel has holes", "conv_steps(7, 3, dilation=2).animation()"),
        ("conv_uneven", "Another size, kernel and padding on each axis",
         "conv_steps((4, 7), (3, 2), stride=(1, 2), padding=((2, 0), (0, 1))).strip(6)"),
        ("conv_axis", "One axis", "conv_steps((7,), 3, 2, 1, numbers=True).animation()"),
        ("conv_digit", "A digit's pixels and a kernel of one's own",
         "conv_steps(8, 3, numbers=True, x=(digit() * 16).round(), w=edges()[0]).strip(2)"),
        ("placements", "How often a window of 3 fits on 9 with stride 2 and padding 1", "placements(9, 3, 2, 1)"),
        ("channels", "Two input channels, three output channels: six kernels",
         "channels(*maps(2, 3, 5, 3))"),
        ("max_pool", "A maximum, and where it stood", 'pool_steps("max", 4, 2, numbers=True).animation()'),
        ("avg_pool", "Means of windows that overlap", 'pool_steps("avg", 6, 3, 2, numbers=True).strip(4)'),
    ],
    "The way back": [
        ("window_pair", "A convolution and its transpose: what is read, and what is added back",
         "window_pair(*guide(), at=(0, 1))"),
        ("transposed_stretched", "A transposed convolution: a convolution over the stretched input",
         "transpose_steps(3, 3, stride=2, padding=1, numbers=True).animation()"),
        ("transposed_scatter", "The same: every input lays its kernel down, and what overlaps is summed",
         'transpose_steps(3, 3, stride=2, padding=1, view="scatter", numbers=True).animation()'),
        ("transposed_matrix", "The same: the matrix of the convolution, transposed",
         'transpose_steps(3, 3, stride=2, padding=1, view="matrix", numbers=True).animation()'),
        ("transposed_axis", "One axis, with output padding",
         'transpose_steps((3,), 3, stride=2, padding=1, output_padding=1, view="scatter", numbers=True).strip(3)'),
        ("max_unpool", "Back to where the maxima stood", 'unpool_steps("max", 4, 2, numbers=True).animation()'),
        ("avg_unpool", "A mean goes back in equal parts", 'unpool_steps("avg", 4, 2, numbers=True).strip(4)'),
        ("nearest_unpool", "Or to every cell of its window", 'unpool_steps("nearest", 4, 2, numbers=True).strip(4)'),
        ("nails_unpool", "Or to the first", 'unpool_steps("nails", 4, 2, numbers=True).strip(4)'),
        ("upsample", "Upsampling: nearest", "upsample_steps(3, 2, numbers=True).animation()"),
        ("upsample_linear", "Upsampling: bilinear", 'upsample_steps(3, 2, "linear", numbers=True).strip(6)'),
        ("overlap", "How many products each output sums: checkerboards, and two ways without them",
         "overlap([(3, 2), (4, 2)], size=4, resize=(3, 2))"),
    ],
    "A convolution is a matrix": [
        ("matrix", "The 4×16 matrix of a 3×3 kernel on a 4×4 input",
         'matrix(matrix_of(lambda x: conv2d(x, ones(1, 1, 3, 3)), (1, 1, 4, 4)), "conv2d, k = 3, i = 4")'),
        ("matrix_transposed", "Transposed: the way back of the same",
         'matrix(matrix_of(lambda x: conv2d(x, ones(1, 1, 3, 3)), (1, 1, 4, 4)).T, "its transpose", ("g", "x"))'),
        ("matrix_large", "Padding cuts the bands: 16×16 with a border, one kernel row in each colour",
         "matrix(matrix_of(lambda x: conv2d(x, ones(1, 1, 5, 5), padding=2), (1, 1, 16, 16)), "
         '"conv2d, k = 5, p = 2, i = 16")'),
    ],
    "What a unit sees": [
        ("field", "Dilations 1, 2 and 4 see 3, 7 and 15", "field([(3, 1, 1), (3, 1, 2), (3, 1, 4)])"),
        ("field_strided", "Strides: units stand further and further apart", "field([(3, 2), (3, 2), (3, 1)])"),
        ("field_border", "At the border padding is read", "field([(3, 2, 1, 1), (3, 1, 1, 1)], size=9, at=0)"),
        ("field_causal", "Causal padding: nothing of the future is seen",
         'field([(2, 1, 1, "causal"), (2, 1, 2, "causal"), (2, 1, 4, "causal")], size=10, at=9)'),
        ("pyramid", "The layers of LeNet on 28 positions", 'pyramid(build("lenet", (1, 28, 28), 10), (1, 28, 28))'),
        ("pyramid_branches", "Branches: where they meet, all is read that one of them reads",
         "pyramid(Residual(), (1, 20))"),
        ("effective", "How much of that counts: eight layers with random weights, as a map",
         "effective(nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(8)]), (1, 24, 24))"),
    ],
    "Computations": [
        ("tape", "Numbers, slopes and gradients, and in which order they come",
         'tape(lambda a, b: {"p": (p := a * b), "q": (q := a * a), "y": p + q}, "y = a b + a²", a=3.0, b=4.0)'),
        ("graph", "Forward, and beside it what transposes it",
         "graph(captured(with_gradients, (1, 3, 8, 8), (4, 3, 3, 3), (1, 4, 4, 4)), "
         '"A convolution and its gradients")'),
        ("graph_second", "The backward pass has a backward pass, of the same operations",
         "graph(captured(second_order, (1, 3, 8, 8), (4, 3, 3, 3), (2, 4, 3, 3), (1, 2, 4, 4), (1, 3, 8, 8)), "
         '"The second order of two convolutions")'),
        ("graph_step", "A step of training", 'graph(lenet_step(), "A training step of LeNet")'),
    ],
    "What a network has learned": [
        ("curves", "The loss of `minigrad train digits`", 'curves(LOSS, title="digits, cnn", y_label="loss")'),
        ("curves_log", "The same on a logarithmic axis",
         'curves(LOSS, title="digits, cnn", y_label="loss", log=True)'),
        ("filters", "Eight filters that look for edges", 'filters(edges(), "Edges in eight directions")'),
        ("filters_channels", "Weights before training: filters of three channels",
         'filters(nn.Conv2d(3, 6, 5).weight, "nn.Conv2d(3, 6, 5)")'),
        ("feature_maps", "What these edges make of a digit",
         'feature_maps(conv2d(digit()[None], edges(), padding=1), "A digit, seen by eight edge filters")'),
        ("confusion", "What digits were taken for by the nearest of ten mean images",
         'confusion(taken_for(), title="Digits, by the nearest mean")'),
        ("saliency", "The pixels that a score depends on: those by which the digit differs from the mean of its class",
         'saliency(digit(), saliency_of(nearest, digit()), "How near it is to the mean of its class")'),
    ],
    "Memory and loops": [
        ("memory", "A view reads the same numbers in another order",
         "(lambda x: memory(x.T, of=x))(arange(12.0).reshape(3, 4))"),
        ("walk", "Against the strides: every visit fetches another line", "walk(arange(64.0).reshape(8, 8).T)"),
        ("pipeline", "One sum waits for itself", "pipeline(1)"),
        ("pipeline_full", "Eight sums keep both units busy", "pipeline(8)"),
        ("registers", "The block of sums of a micro-kernel", "registers(8, 2)"),
        ("bars", "Ratios", 'bars([("twice", 2.0), ("tenfold", 10.0), ("a thousand", 1000.0)], "Ratios", "times")'),
        ("lines", "How something grows with several sizes",
         'lines({"side of the image": {"multiply-adds": [(n, n**2 * 9.0) for n in (8, 16, 32, 64)]}, '
         '"channels, in and out": {"multiply-adds": [(n, n**2 * 576.0) for n in (1, 4, 16)]}}, '
         '"The work of a 3×3 convolution", "", {"multiply-adds": ("accent", False)})'),
    ],
}
# Those that other pages show have their place there.
PLACES = {"window_pair": "transpose.svg", "graph_step": "lenet.svg"}
