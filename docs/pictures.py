"""Draws the pictures of the documentation: `python docs/pictures.py`."""

from pathlib import Path

import minigrad
from minigrad.draw import window_pair
from minigrad.geometry import Geometry

HERE = Path(__file__).resolve().parent


def transpose() -> None:
    """A 3x3 convolution with stride 2 and padding 1 (the kernel of Dumoulin and Visin's guide), and its transpose."""
    x = (minigrad.arange(25.0) % 4).reshape(1, 1, 5, 5)
    w = minigrad.tensor([[[[0.0, 1.0, 2.0], [2.0, 2.0, 0.0], [0.0, 1.0, 2.0]]]])
    g = minigrad.tensor([[[[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]])
    geometry = Geometry.of_conv("conv2d", (5, 5), (3, 3), stride=2, padding=1)
    window_pair(x, w, g, geometry, at=(0, 1)).save(HERE / "transpose.svg")


if __name__ == "__main__":
    transpose()
