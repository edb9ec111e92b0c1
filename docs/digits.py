"""The network of chapter 10, for its figures: what `minigrad train digits` left, stored in docs/book/digits.

It is stored, not trained again for each figure: float32 ends in other last digits on a CPU with other instructions, and
training makes more of them.  Here the stored weights run in float64, whose last digits no picture shows, so a figure is
the same file everywhere.  `cp runs/digits-cnn-1/{metrics.csv,model.safetensors} docs/book/digits` stores another run.
"""

from __future__ import annotations

import csv
from pathlib import Path

import minigrad
from minigrad import models
from minigrad.data import Digits

FOLDER = Path(__file__).resolve().parent / "book" / "digits"
test = Digits(train=False)


def history() -> dict[str, list[float]]:
    """The columns of metrics.csv: a number for each epoch."""
    with open(FOLDER / "metrics.csv", newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def network() -> models.CNN:
    """The trained network in float64, ready to predict."""
    model = models.CNN(test.shape, len(test.classes))
    model.load_state_dict(minigrad.load(FOLDER / "model.safetensors"))
    return model.double().eval()


def image(number: int) -> minigrad.Tensor:
    """An image of the test part, (1, 8, 8)."""
    return test[number][0].double()


def counts() -> list[list[int]]:
    """How many test images of each class (row) were taken for each class (column)."""
    found = [[0] * len(test.classes) for _ in test.classes]
    with minigrad.no_grad():
        guesses = network()(test[minigrad.arange(len(test))][0].double()).argmax(1)
    for label, guess in zip(test.targets.tolist(), guesses.tolist(), strict=True):
        found[label][guess] += 1
    return found
