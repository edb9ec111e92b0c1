"""A multilayer perceptron: what can be learned when nothing is known of neighbouring pixels."""

from __future__ import annotations

from minigrad import nn
from minigrad.tensor import Tensor


class MLP(nn.Module):
    """Two hidden layers of 128 units; the picture is one long row of numbers."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * height * width, 128), nn.ReLU(),
            nn.Linear(128, 128), nn.ReLU(),
            nn.Linear(128, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
