"""The default: convolution, normalisation, ReLU, pooling, until three pixels or fewer are left; then one dense layer.

Each block halves the picture and the later ones have more channels, so detail is traded for meaning at about constant
work.  Batch normalisation (S. Ioffe, C. Szegedy, 2015) lets it learn at high rates from the first step.
"""

from __future__ import annotations

from minigrad import nn
from minigrad.tensor import Tensor

WIDTHS = (16, 32, 64)  # channels of the blocks, counted from the last


class CNN(nn.Module):
    """On 8x8 pixels two blocks, 8 -> 4 -> 2, of 32 and 64 channels; on 28x28 three, 28 -> 14 -> 7 -> 3."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        blocks = 0
        while min(height, width) >> blocks > 3:
            blocks += 1
        layers: list[nn.Module] = []
        for block in range(blocks):
            wide = WIDTHS[max(len(WIDTHS) - blocks + block, 0)]
            layers += [
                nn.Conv2d(channels, wide, 3, padding=1, bias=False),
                nn.BatchNorm2d(wide),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            channels = wide
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(channels * (height >> blocks) * (width >> blocks), classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))
