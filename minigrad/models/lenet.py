"""LeNet-5: two convolutions with pooling, three dense layers.

As in Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition" (1998), with
max pooling and ReLU in place of the trainable averages and tanh.
"""

from __future__ import annotations

from minigrad import nn
from minigrad.tensor import Tensor


class LeNet(nn.Module):
    """On 28x28 pixels: 6 maps of 28x28, pooled to 14x14; 16 of 10x10, pooled to 5x5; 120, 84, classes."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        if min(height, width) < 12:
            raise ValueError(f"lenet: images: got {height}x{width} pixels, expected at least 12x12 (try cnn or mlp)")
        self.features = nn.Sequential(
            nn.Conv2d(channels, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2), 120), nn.ReLU(),
            nn.Linear(120, 84), nn.ReLU(),
            nn.Linear(84, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))
