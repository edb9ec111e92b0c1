"""What a page is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from minigrad.nn.module import Module


class Facts(NamedTuple):
    """A model, its data, and how it was trained.

    `history` has a row for each epoch that is done: numbers by the names epoch, lr, train_loss, train_accuracy,
    test_loss, test_accuracy (0 to 1) and seconds.  `settings` are shown as they are, `command` is what repeats the
    training.  `note` says in a sentence why it is not finished, if so.  The data sets are those of `minigrad.data`:
    images (C, H, W) with labels, `shape` and `classes`.  `trained` is False where there are no weights to judge, but
    only a model; `step(model, optimizer, x, y)` is a step of its training, which is timed, and `optimizer(model)` makes
    what it steps.
    """

    title: str
    model: Module
    trained: bool
    train: Any
    test: Any
    history: Sequence[Mapping[str, float]]
    settings: Mapping[str, Any]
    command: str
    note: str
    step: Callable[..., Any]
    optimizer: Callable[[Module], Any]
    batch_size: int
