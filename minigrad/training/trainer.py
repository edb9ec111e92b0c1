"""The loop: batches, loss, gradients, a step of the optimiser.

All randomness of a step (its dropout) and of an epoch (its order) is drawn from generators seeded by the run's seed and
the step's or epoch's number, and the learning rate is a function of the step's number.  So nothing is carried from one
step to the next but weights, running statistics and the optimiser's state, and a checkpoint of these, taken between any
two steps, continues exactly as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import minigrad
from minigrad import models, nn, optim
from minigrad.data import BatchSampler, DataLoader, ImageDataset, RandomSampler
from minigrad.io import FileError
from minigrad.training.config import Config
from minigrad.training.run import RunFolder

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

WARM_UP = 0.2  # part of all steps in which the learning rate rises
WEIGHT_DECAY = 0.01
SAVE_EVERY = 60.0  # seconds of an unfinished epoch that a killed process may lose


class Interrupted(Exception):
    """Training was asked to stop, and its state is saved.  The text is the epoch it was in."""


class Diverged(Exception):
    """The loss is no longer a number."""


class Reporter(Protocol):
    """Who is told of the progress."""

    def step(self, epoch: int, steps_done: int, loss: float, accuracy: float, images: int) -> None:
        """After each step: means over the epoch so far, and the images of this step."""

    def epoch(self, row: dict[str, str]) -> None:
        """After each epoch: its row of metrics.csv."""


class Trainer:
    """Trains a run to its end, from its newest checkpoint if it has one."""

    def __init__(self, run: RunFolder, train: ImageDataset, test: ImageDataset) -> None:
        self.run = run
        self.config = run.config
        self.train_data = train
        self.test_data = test
        self.steps_per_epoch = math.ceil(len(train) / self.config.batch_size)
        self.total_steps = self.steps_per_epoch * self.config.epochs
        minigrad.manual_seed(derive_seed(self.config.seed, "weights"))
        self.model = models.build(self.config.model, train.shape, len(train.classes))
        self.optimizer = make_optimizer(self.config, self.model)
        self.epoch = 0
        self.step = 0  # of this epoch
        self.loss_sum = 0.0  # over the images of this epoch's steps
        self.correct = 0
        self.test_accuracy = math.nan
        self._restore()

    @property
    def steps_done(self) -> int:
        return self.epoch * self.steps_per_epoch + self.step

    def train(self, report: Reporter, stop: Callable[[], bool] = lambda: False) -> float:
        """Runs to the end and returns the test accuracy; raises Interrupted, its state saved, when `stop` says so."""
        while self.epoch < self.config.epochs:
            started, images = time.perf_counter(), 0
            saved = started
            for x, y in self._batches():
                if stop():
                    self.save()
                    raise Interrupted(f"epoch {self.epoch + 1}")
                loss, correct = self._step(x, y)
                self.loss_sum += loss * len(y)
                self.correct += correct
                self.step += 1
                images += len(y)
                seen = min(self.step * self.config.batch_size, len(self.train_data))
                report.step(self.epoch, self.steps_done, self.loss_sum / seen, self.correct / seen, len(y))
                if time.perf_counter() - saved > SAVE_EVERY and self.step < self.steps_per_epoch:
                    self.save()
                    saved = time.perf_counter()
            report.epoch(self._finish_epoch(time.perf_counter() - started, images))
        self.run.finish(self.model.state_dict())
        return self.test_accuracy

    def _batches(self) -> DataLoader:
        """What is left of this epoch."""
        generator = minigrad.Generator().manual_seed(derive_seed(self.config.seed, "order", self.epoch))
        order = RandomSampler(self.train_data, generator=generator)
        batches = list(BatchSampler(order, self.config.batch_size, drop_last=False))
        return DataLoader(self.train_data, batch_sampler=batches[self.step :])

    def _step(self, x: Tensor, y: Tensor) -> tuple[float, int]:
        """One step; returns the batch's mean loss and how many of it were classified rightly."""
        self.model.train()
        minigrad.manual_seed(derive_seed(self.config.seed, "step", self.steps_done))
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * schedule(self.steps_done, self.total_steps)
        logits = self.model(x)
        loss = nn.functional.cross_entropy(logits, y)
        value = loss.item()
        if not math.isfinite(value):
            raise Diverged(f"epoch {self.epoch + 1}: the loss is {value}; a smaller learning rate may help")
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return value, count_correct(logits, y)

    def _finish_epoch(self, seconds: float, images: int) -> dict[str, str]:
        test_loss, self.test_accuracy = evaluate(self.model, self.test_data)
        row = {
            "epoch": str(self.epoch + 1),
            "lr": f"{self.config.lr * schedule(self.steps_done - 1, self.total_steps):.6g}",
            "train_loss": f"{self.loss_sum / len(self.train_data):.6f}",
            "train_accuracy": f"{self.correct / len(self.train_data):.6f}",
            "test_loss": f"{test_loss:.6f}",
            "test_accuracy": f"{self.test_accuracy:.6f}",
            "seconds": f"{seconds:.3f}",
            "images_per_second": f"{images / seconds:.0f}",
        }
        self.epoch, self.step, self.loss_sum, self.correct = self.epoch + 1, 0, 0.0, 0
        self.run.add_metrics(row)
        self.save()
        return row

    def save(self) -> None:
        self.run.save_checkpoint({
            "epoch": self.epoch,
            "step": self.step,
            "loss_sum": self.loss_sum,
            "correct": self.correct,
            "test_accuracy": self.test_accuracy if self.epoch else None,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        })

    def _restore(self) -> None:
        state = self.run.load_checkpoint()
        if state is None:
            return
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.epoch, self.step = state["epoch"], state["step"]
            self.loss_sum, self.correct = state["loss_sum"], state["correct"]
            self.test_accuracy = state["test_accuracy"] if self.epoch else math.nan
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise FileError(f"{self.run.path}: the checkpoint does not fit {self.run.path / 'config.json'} "
                            f"({first_line(error)})") from None


def load_model(run: RunFolder, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The model with the newest weights of a run, ready to predict."""
    state = run.load_checkpoint()
    if state is None:
        raise FileError(f"{run.path}: has no checkpoint yet; continue it with minigrad train --resume {run.path}")
    model = models.build(run.config.model, shape, classes)
    try:
        model.load_state_dict(state["model"])
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise FileError(f"{run.path}: the checkpoint does not fit {run.path / 'config.json'} "
                        f"({first_line(error)})") from None
    return model.eval()


def evaluate(model: nn.Module, data: ImageDataset, batch_size: int = 256) -> tuple[float, float]:
    """Mean loss and accuracy (0 to 1) over a dataset."""
    model.eval()
    loss_sum, correct = 0.0, 0
    with minigrad.no_grad():
        for x, y in DataLoader(data, batch_size=batch_size):
            logits = model(x)
            loss_sum += nn.functional.cross_entropy(logits, y, reduction="sum").item()
            correct += count_correct(logits, y)
    return loss_sum / len(data), correct / len(data)


def count_correct(logits: Tensor, labels: Tensor) -> int:
    return int((logits.detach().argmax(1) == labels).sum().item())


def make_optimizer(config: Config, model: nn.Module) -> Any:
    parameters = list(model.parameters())
    if config.optimizer == "sgd":
        return optim.SGD(parameters, lr=config.lr, momentum=0.9, nesterov=True)
    if config.optimizer == "adam":
        return optim.Adam(parameters, lr=config.lr)
    return optim.AdamW(parameters, lr=config.lr, weight_decay=WEIGHT_DECAY)


def schedule(step: int, total: int) -> float:
    """The learning rate of a step, as a part of the highest: a straight rise, then half a cosine down to 1 %.

    (One cycle, after L. N. Smith and N. Topin, "Super-convergence", 2018.)
    """
    rising = WARM_UP * total
    if step + 1 < rising:
        return (step + 1) / rising
    return max(0.5 * (1 + math.cos(math.pi * (step + 1 - rising) / (total - rising))), 0.01)


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A seed for one purpose: unrelated to those of other purposes, the same on every machine."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
