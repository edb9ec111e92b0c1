"""Draws the pictures of the documentation: `python docs/pictures.py`."""

from pathlib import Path

import minigrad
from minigrad import nn, optim
from minigrad.draw import graph, window_pair
from minigrad.geometry import Geometry
from minigrad.models.lenet import LeNet

HERE = Path(__file__).resolve().parent


def transpose() -> None:
    """A 3x3 convolution with stride 2 and padding 1 (the kernel of Dumoulin and Visin's guide), and its transpose."""
    x = (minigrad.arange(25.0) % 4).reshape(1, 1, 5, 5)
    w = minigrad.tensor([[[[0.0, 1.0, 2.0], [2.0, 2.0, 0.0], [0.0, 1.0, 2.0]]]])
    g = minigrad.tensor([[[[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]])
    geometry = Geometry.of_conv("conv2d", (5, 5), (3, 3), stride=2, padding=1)
    window_pair(x, w, g, geometry, at=(0, 1)).save(HERE / "transpose.svg")


def lenet() -> None:
    """A training step of LeNet on 8 digits, captured."""
    model = LeNet((1, 28, 28), 10)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: minigrad.Tensor, y: minigrad.Tensor) -> minigrad.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    captured = minigrad.compile(step).explain(minigrad.rand(8, 1, 28, 28), minigrad.arange(8))
    graph(captured.graph, "A training step of LeNet").save(HERE / "lenet.svg")


if __name__ == "__main__":
    transpose()
    lenet()
