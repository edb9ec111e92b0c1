"""What a page is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from minigrad.nn.module import Module


class Facts(NamedTuple):
    """A model that tells classes of images apart, its data, and what is known of its training.

    `train` and `test` are data sets as those of `minigrad.data`: item j is an image (C, H, W) and its label, `shape`
    that of an image, `classes` their names.  All else may be left out, and then nothing is said of it:
    `history` has a row for each epoch that is done, with numbers by the names epoch, lr, train_loss, train_accuracy,
    test_loss, test_accuracy (0 to 1) and seconds; `settings` are shown as they are; `command` repeats the training;
    `note` says in a sentence why it is not finished.  `step(model, optimizer, x, y)` is a step of the training on
    `batch_size` images, which is timed, and `optimizer(model)` makes what it steps.  `trained` is False where there are
    no weights to judge, but only a model.
    """

    title: str
    model: Module
    train: Any
    test: Any
    history: Sequence[Mapping[str, float]] = ()
    settings: Mapping[str, Any] = {}
    command: str = ""
    note: str = ""
    step: Callable[..., Any] | None = None
    optimizer: Callable[[Module], Any] | None = None
    batch_size: int = 64
    trained: bool = True
