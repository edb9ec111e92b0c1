"""Training that can be stopped at any moment and ends where it would have ended.

The loop: batches, loss, gradients, a step of the optimiser.  All randomness of a step (its dropout) and of an epoch
(its order) is drawn from generators seeded by the run's seed and the step's or epoch's number, and the learning rate is
a function of the step's number.  So nothing is carried from one step to the next but weights, running statistics and
the optimiser's state, and a checkpoint of these, taken between any two steps, continues exactly as if nothing had
happened.

The kernels of a step are those of a captured function (unless asked otherwise): the same weights, without Python in
between.  What differs from step to step, the learning rate and the seed, is set outside it.
"""

import hashlib
import math
import time
from collections.abc import Callable
from typing import Any

import minigrad
from minigrad import nn, optim
from minigrad.data import BatchSampler, DataLoader, ImageDataset, RandomSampler

WARM_UP = 0.2  # part of all steps in which the learning rate rises
SAVE_EVERY = 60.0  # seconds of an unfinished epoch that a killed process may lose
COUNTERS = ("epoch", "step", "loss_sum", "correct", "test_accuracy")


class Interrupted(Exception):
    """Training was asked to stop, and its state is saved.  The text is the epoch it was in."""


class Diverged(Exception):
    """The loss is no longer a number."""


class Trainer:
    """Trains a model to the end of its last epoch, from its start or from the state it is given.

    `train(keep, report)` tells `report.step(epoch, steps_done, loss, accuracy, images)` of each step: means over the
    epoch so far, and the images of this step; and `report.epoch(row)` of each epoch: its number, learning rate, losses,
    accuracies and speed.  What lasts it gives to `keep.add_metrics(row)`, then `keep.save_checkpoint(state)` after each
    epoch (the latter also after a minute without one, and when it is stopped), and `keep.finish(weights)` in the end.
    Two trainers with equal arguments and equal weights end with bitwise equal weights, wherever either was stopped,
    and whether or not it is `eager`: runs no captured functions.
    """

    def __init__(self, model: nn.Module, optimizer: optim.Optimizer, train: ImageDataset, test: ImageDataset, *,
                 epochs: int, batch_size: int, lr: float, seed: int, eager: bool = False) -> None:
        self.model, self.optimizer, self.train_data, self.test_data = model, optimizer, train, test
        self.epochs, self.batch_size, self.lr, self.seed = epochs, batch_size, lr, seed
        self.steps_per_epoch = math.ceil(len(train) / batch_size)
        self.total_steps = self.steps_per_epoch * epochs
        self.epoch = self.step = self.correct = 0   # step and correct images of this epoch, as is
        self.loss_sum = 0.0                         # the sum of the losses of its images so far
        self.test_accuracy: Any = None              # after the last whole epoch
        captured: Callable = (lambda function: function) if eager else minigrad.compile
        self.train_batch, self.measure_batch = captured(train_batch), captured(measure_batch)

    @property
    def steps_done(self) -> int:
        return self.epoch * self.steps_per_epoch + self.step

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the training depends on."""
        return {**{name: getattr(self, name) for name in COUNTERS}, "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes to where another trainer of the same run was."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.__dict__.update({name: state[name] for name in COUNTERS})

    def train(self, keep: Any, report: Any, stop: Callable[[], bool] = lambda: False) -> float:
        """Runs to the end and returns the test accuracy; raises Interrupted, its state saved, when `stop` says so."""
        while self.epoch < self.epochs:
            started = saved = time.perf_counter()
            images = 0
            self.model.train()
            for x, y in self._batches():
                if stop():
                    keep.save_checkpoint(self.state_dict())
                    raise Interrupted(f"epoch {self.epoch + 1}")
                self._step(x, y)
                images += len(y)
                seen = min(self.step * self.batch_size, len(self.train_data))
                report.step(self.epoch, self.steps_done, self.loss_sum / seen, self.correct / seen, len(y))
                if time.perf_counter() - saved > SAVE_EVERY and self.step < self.steps_per_epoch:
                    keep.save_checkpoint(self.state_dict())
                    saved = time.perf_counter()
            row = self._finish_epoch(time.perf_counter() - started, images)
            keep.add_metrics(row)
            keep.save_checkpoint(self.state_dict())
            report.epoch(row)
        keep.finish(self.model.state_dict())
        return self.test_accuracy

    def _batches(self) -> DataLoader:
        """What is left of this epoch."""
        generator = minigrad.Generator().manual_seed(derive_seed(self.seed, "order", self.epoch))
        batches = list(BatchSampler(RandomSampler(self.train_data, generator=generator), self.batch_size, False))
        return DataLoader(self.train_data, batch_sampler=batches[self.step :])

    def _step(self, x: minigrad.Tensor, y: minigrad.Tensor) -> None:
        minigrad.manual_seed(derive_seed(self.seed, "step", self.steps_done))
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * schedule(self.steps_done, self.total_steps)
        loss, correct = self.train_batch(self.model, self.optimizer, x, y)
        value = loss.item()
        if not math.isfinite(value):
            raise Diverged(f"epoch {self.epoch + 1}: the loss is {value}; a smaller learning rate may help")
        self.step, self.loss_sum = self.step + 1, self.loss_sum + value * len(y)
        self.correct += correct.item()

    def _finish_epoch(self, seconds: float, images: int) -> dict[str, float]:
        test_loss, self.test_accuracy = evaluate(self.model, self.test_data, self.measure_batch)
        n = len(self.train_data)
        row = {"epoch": self.epoch + 1, "lr": self.lr * schedule(self.steps_done - 1, self.total_steps),
               "train_loss": self.loss_sum / n, "train_accuracy": self.correct / n, "test_loss": test_loss,
               "test_accuracy": self.test_accuracy, "seconds": seconds, "images_per_second": images / seconds}
        self.epoch, self.step, self.loss_sum, self.correct = self.epoch + 1, 0, 0.0, 0
        return row


Counts = tuple[minigrad.Tensor, minigrad.Tensor]


def train_batch(model: nn.Module, optimizer: optim.Optimizer, x: minigrad.Tensor, y: minigrad.Tensor) -> Counts:
    """A step.  The mean loss before it, and how many of the images were right."""
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach(), (logits.detach().argmax(1) == y).sum()


def measure_batch(model: nn.Module, x: minigrad.Tensor, y: minigrad.Tensor) -> Counts:
    """The sum of the losses, and how many of the images are right."""
    logits = model(x)
    return nn.functional.cross_entropy(logits, y, reduction="sum"), (logits.argmax(1) == y).sum()


def evaluate(model: nn.Module, data: ImageDataset, measure_batch: Callable[..., Counts] = measure_batch,
             batch_size: int = 256) -> tuple[float, float]:
    """Mean loss and accuracy (0 to 1) over a dataset."""
    model.eval()
    loss_sum, correct = 0.0, 0
    with minigrad.no_grad():
        for x, y in DataLoader(data, batch_size=batch_size):
            loss, right = measure_batch(model, x, y)
            loss_sum, correct = loss_sum + loss.item(), correct + right.item()
    return loss_sum / len(data), correct / len(data)


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
