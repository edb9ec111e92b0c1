"""How a model does on a data set, image by image and class by class."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from minigrad.arithmetic.support import evaluating
from minigrad.autograd import no_grad
from minigrad.data import DataLoader
from minigrad.nn.module import Module


class Class(NamedTuple):
    """A class of the test part: its images, how many of them were found, and how many were called so."""

    name: str
    images: int
    found: int
    called: int

    @property
    def recall(self) -> float:
        """The share of its images that were found; nan where it has none."""
        return self.found / self.images if self.images else math.nan

    @property
    def precision(self) -> float:
        """The share of what was called so that is so; nan where nothing was."""
        return self.found / self.called if self.called else math.nan


class Measured:
    """Of each image, in order: its `labels` and `predicted` class, the `probability` of that, and its `losses`.

    `counts[t][p]` are the images of class t that were taken for class p.
    """

    def __init__(self, classes: tuple[str, ...], labels: list[int], predicted: list[int], probability: list[float],
                 losses: list[float]) -> None:
        self.classes, self.labels, self.predicted = classes, labels, predicted
        self.probability, self.losses = probability, losses
        self.counts = [[0] * len(classes) for _ in classes]
        for label, guess in zip(labels, predicted, strict=True):
            self.counts[label][guess] += 1
        self.right = sum(self.counts[j][j] for j in range(len(classes)))
        self.loss = sum(losses) / len(losses)

    @property
    def accuracy(self) -> float:
        return self.right / len(self.labels)

    @property
    def of_class(self) -> list[Class]:
        """One for each class."""
        return [Class(name, sum(self.counts[j]), self.counts[j][j], sum(row[j] for row in self.counts))
                for j, name in enumerate(self.classes)]

    @property
    def mistakes(self) -> list[int]:
        """The places of the images that were taken for something else, that of the highest loss first."""
        wrong = [j for j, (label, guess) in enumerate(zip(self.labels, self.predicted, strict=True)) if label != guess]
        return sorted(wrong, key=lambda j: -self.losses[j] if math.isfinite(self.losses[j]) else -math.inf)

    @property
    def confused(self) -> list[tuple[int, int, int]]:
        """(count, class, what it was taken for) of all kinds of mistakes, the most frequent first."""
        found = [(count, t, p) for t, row in enumerate(self.counts) for p, count in enumerate(row) if count and t != p]
        return sorted(found, key=lambda kind: (-kind[0], *kind[1:]))


def measured(model: Module, data: Any, batch_size: int = 256) -> Measured:
    """Runs a model, in evaluation mode, on a whole data set.

    >>> import minigrad
    >>> from minigrad.data.images import ImageDataset
    >>> data = ImageDataset(minigrad.zeros(3, 1, 2, dtype=minigrad.uint8), minigrad.tensor([0, 1, 1]))
    >>> class Constant(minigrad.nn.Module):
    ...     def forward(self, x):
    ...         return minigrad.tensor([[0., 1.] + 8 * [-9.]]).expand(len(x), 10)
    >>> found = measured(Constant(), data)
    >>> found.predicted, found.right, found.confused
    ([1, 1, 1], 2, [(1, 0, 1)])
    """
    labels: list[int] = []
    predicted: list[int] = []
    probability: list[float] = []
    losses: list[float] = []
    with evaluating(model), no_grad():
        for x, y in DataLoader(data, batch_size=batch_size):
            logs = model(x).log_softmax(1)
            labels += y.tolist()
            predicted += logs.argmax(1).tolist()
            probability += logs.amax(1).exp().tolist()
            losses += (-logs.gather(1, y.unsqueeze(1))).flatten().tolist()
    return Measured(tuple(data.classes), labels, predicted, probability, losses)


def interval(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The accuracies that so many right ones of `count` do not contradict, at 95 %.

    (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n).  Source: E. B. Wilson, "Probable inference, the law of
    succession, and statistical inference", 1927.

    >>> low, high = interval(354, 359)
    >>> round(low, 4), round(high, 4)
    (0.9678, 0.994)
    """
    p = right / count
    middle, spread = p + z * z / (2 * count), z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)
