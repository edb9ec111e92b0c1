"""Architectures, each readable on one screen.

Every model takes the shape of one image, (channels, height, width), and the number of classes, and maps a batch
(N, channels, height, width) to (N, classes) logits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from minigrad.models.cnn import CNN
from minigrad.models.lenet import LeNet
from minigrad.models.mlp import MLP

if TYPE_CHECKING:
    from minigrad.nn import Module

MODELS: dict[str, Callable[[tuple[int, ...], int], Module]] = {"cnn": CNN, "lenet": LeNet, "mlp": MLP}


def build(name: str, shape: tuple[int, ...], classes: int) -> Module:
    """The model of that name, with fresh weights, for images of that shape."""
    if name not in MODELS:
        raise ValueError(f"build: name: got {name!r}, expected one of {', '.join(MODELS)}")
    return MODELS[name](shape, classes)


__all__ = ["CNN", "MLP", "MODELS", "LeNet", "build"]
