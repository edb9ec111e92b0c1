"""What is shown while training: a live bar on a terminal, one line per epoch anywhere else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minigrad.cli.training import Trainer


@contextmanager
def make_reporter(trainer: Trainer) -> Iterator[Any]:
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        try:
            import rich.progress  # noqa: F401
        except ImportError:
            pass
        else:
            with Bar(trainer) as bar:
                yield bar
            return
    yield Lines(trainer)


def epoch_line(row: dict[str, float], epochs: int) -> str:
    return (f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}  loss {row['train_loss']:.4f}  "
            f"accuracy {100 * row['train_accuracy']:6.2f} %  test loss {row['test_loss']:.4f}  "
            f"test accuracy {100 * row['test_accuracy']:6.2f} %  {row['seconds']:.1f} s  "
            f"{row['images_per_second']:,.0f} images/s")


class Lines:
    """Plain text: nothing but whole lines, for files and pipes."""

    def __init__(self, trainer: Trainer) -> None:
        self.epochs = trainer.epochs

    def step(self, epoch: int, steps_done: int, loss: float, accuracy: float, images: int) -> None:
        pass

    def epoch(self, row: dict[str, float]) -> None:
        print(epoch_line(row, self.epochs), flush=True)


class Bar:
    """A rich progress bar over the whole run, with the finished epochs above it."""

    def __init__(self, trainer: Trainer) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.epochs = trainer.epochs
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"), BarColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"), TextColumn("accuracy {task.fields[accuracy]:.2f} %"),
            TextColumn("{task.fields[speed]:,.0f} images/s"), TimeRemainingColumn(), TextColumn("left"),
            refresh_per_second=8, transient=True)
        self.task: Any = self.progress.add_task(
            "train", total=trainer.total_steps, completed=trainer.steps_done, epochs=self.epochs,
            epoch=min(trainer.epoch + 1, self.epochs), loss=0.0, accuracy=0.0, speed=0.0)
        self.images = 0
        self.since = time.perf_counter()

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def step(self, epoch: int, steps_done: int, loss: float, accuracy: float, images: int) -> None:
        self.images += images
        now = time.perf_counter()
        if now - self.since >= 0.1:
            self.progress.update(self.task, completed=steps_done, epoch=epoch + 1, loss=loss, accuracy=100 * accuracy,
                                 speed=self.images / (now - self.since))
            self.images, self.since = 0, now

    def epoch(self, row: dict[str, float]) -> None:
        self.progress.console.print(epoch_line(row, self.epochs), highlight=False, soft_wrap=True)
        self.images, self.since = 0, time.perf_counter()
