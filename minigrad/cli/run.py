"""The folder of a run.

    config.json        what decides the result; there from the folder's first moment
    metrics.csv        one row per finished epoch
    checkpoint.json    which checkpoint is the newest, and the SHA-256 of its file
    checkpoints/       that file: weights, optimiser and counters in one safetensors file
    model.safetensors  the weights alone, once the run is finished

Killing the process between any two instructions leaves a folder that can be resumed.  The folder appears with its
configuration already inside; every file is replaced whole; and the pointer `checkpoint.json` moves only after the file
it points to is on the disk, so the two never disagree.  A row of metrics is written before the checkpoint of its epoch:
rows beyond the newest checkpoint belong to work that will be done again, and are dropped when the run is resumed.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import minigrad
from minigrad import models, nn
from minigrad.cli.config import Config, make_optimizer
from minigrad.cli.training import Trainer, derive_seed
from minigrad.data import ImageDataset
from minigrad.io import FileError, atomic_write, load, save
from minigrad.io.files import TEMPORARY, sync_folder

FORMATS = {"epoch": "d", "lr": ".6g", "train_loss": ".6f", "train_accuracy": ".6f", "test_loss": ".6f",
           "test_accuracy": ".6f", "seconds": ".3f", "images_per_second": ".0f"}
COLUMNS = tuple(FORMATS)


class RunFolder:
    """A run's files.  Get one from `create` or `open`."""

    def __init__(self, path: Path, config: Config) -> None:
        self.path = path
        self.config = config

    @classmethod
    def create(cls, path: Path | None, config: Config, parent: Path = Path("runs")) -> RunFolder:
        """A new folder at `path`, which may exist if empty; without one, the first free name in `parent`."""
        wanted = path or cls._next_name(parent, config)
        if wanted.exists() and (not wanted.is_dir() or any(wanted.iterdir())):
            if (wanted / "config.json").exists():
                raise FileError(f"{wanted}: holds a run already; choose another folder, or continue it with --resume")
            raise FileError(f"{wanted}: exists and is not an empty folder")
        wanted.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new-run-", dir=wanted.parent))
        try:
            new.chmod(0o777 & ~_umask())
            (new / "checkpoints").mkdir()
            atomic_write(new / "config.json", config.to_json().encode())
            sync_folder(new)
            while True:
                try:
                    os.rename(new, wanted)
                    break
                except OSError:
                    if path is not None or not wanted.exists():
                        raise
                    wanted = cls._next_name(parent, config)  # another process was faster
            sync_folder(wanted.parent)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        return cls(wanted, config)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run in an existing folder."""
        if not path.is_dir():
            raise FileError(f"{path}: no such folder")
        file = path / "config.json"
        if not file.exists():
            raise FileError(f"{path}: not the folder of a run (it has no config.json)")
        try:
            return cls(path, Config.from_json(file.read_text(encoding="utf-8")))
        except (ValueError, RecursionError) as error:
            raise FileError(f"{file}: damaged ({error})") from None

    @staticmethod
    def _next_name(parent: Path, config: Config) -> Path:
        number = 1
        while (parent / f"{config.dataset}-{config.model}-{number}").exists():
            number += 1
        return parent / f"{config.dataset}-{config.model}-{number}"

    # Checkpoints

    @property
    def pointer(self) -> Path:
        return self.path / "checkpoint.json"

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Writes a checkpoint, makes it the newest, then removes those before it."""
        folder = self.path / "checkpoints"
        folder.mkdir(exist_ok=True)
        file = folder / f"epoch-{state['epoch']:04d}-step-{state['step']:06d}.safetensors"
        save(state, file)
        plain = {key: value for key, value in state.items() if isinstance(value, str | int | float)}
        described = {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), **plain}
        atomic_write(self.pointer, (json.dumps(described, indent=2) + "\n").encode())
        self.remove_old_checkpoints(file.name)

    def remove_old_checkpoints(self, newest: str) -> None:
        """Removes all checkpoints but one, and what a killed process had not finished writing."""
        for old in [*(self.path / "checkpoints").iterdir(), *self.path.glob(f".*{TEMPORARY}")]:
            if old.name != newest:
                with contextlib.suppress(OSError):
                    old.unlink()

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The newest checkpoint's state; None when the run was stopped before its first."""
        if not self.pointer.exists():
            return None
        try:
            described = json.loads(self.pointer.read_text(encoding="utf-8"))
            name, digest = described["file"], described["sha256"]
            file = self.path / "checkpoints" / Path(name).name
        except (ValueError, KeyError, TypeError, RecursionError):
            raise FileError(f"{self.pointer}: damaged") from None
        if not file.is_file():
            raise FileError(f"{file}: missing, although {self.pointer.name} names it")
        if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise FileError(f"{file}: damaged checkpoint (its SHA-256 is not the one in {self.pointer.name})")
        return load(file)

    def finish(self, weights: dict[str, Any]) -> None:
        """Writes the weights alone; leaves nothing but the newest checkpoint."""
        save(weights, self.path / "model.safetensors")
        self.remove_old_checkpoints(json.loads(self.pointer.read_text(encoding="utf-8"))["file"])

    # Metrics

    def read_metrics(self) -> list[dict[str, str]]:
        file = self.path / "metrics.csv"
        if not file.exists():
            return []
        try:
            with open(file, newline="", encoding="utf-8") as lines:
                reader = csv.DictReader(lines, strict=True)
                columns, rows = tuple(reader.fieldnames or ()), list(reader)
        except (ValueError, csv.Error) as error:
            raise FileError(f"{file}: damaged ({error})") from None
        if columns != COLUMNS or any(None in row or None in row.values() for row in rows):
            raise FileError(f"{file}: damaged (its columns are not {','.join(COLUMNS)})")
        return rows

    def write_metrics(self, rows: list[dict[str, str]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        atomic_write(self.path / "metrics.csv", text.getvalue().encode())

    def keep_metrics(self, epochs: int) -> None:
        """Drops the rows of epochs that the newest checkpoint knows nothing of."""
        rows = self.read_metrics()
        if len(rows) > epochs:
            self.write_metrics(rows[:epochs])

    def add_metrics(self, row: dict[str, float]) -> None:
        self.write_metrics([*self.read_metrics(), {name: format(row[name], FORMATS[name]) for name in COLUMNS}])

    # The training

    def trainer(self, train: ImageDataset, test: ImageDataset) -> Trainer:
        """What trains this run to its end, from its newest checkpoint if it has one."""
        minigrad.manual_seed(derive_seed(self.config.seed, "weights"))
        model = models.build(self.config.model, train.shape, len(train.classes))
        trainer = Trainer(model, make_optimizer(self.config, model), train, test, epochs=self.config.epochs,
                          batch_size=self.config.batch_size, lr=self.config.lr, seed=self.config.seed,
                          eager=self.config.eager)
        state = self.load_checkpoint()
        if state is not None:
            with self._must_fit():
                trainer.load_state_dict(state)
        return trainer

    def model(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        """The model with the newest weights, ready to predict."""
        state = self.load_checkpoint()
        if state is None:
            raise FileError(f"{self.path}: has no checkpoint yet; continue it with minigrad train --resume {self.path}")
        model = models.build(self.config.model, shape, classes)
        with self._must_fit():
            model.load_state_dict(state["model"])
        return model.eval()

    @contextlib.contextmanager
    def _must_fit(self) -> Iterator[None]:
        """Says in one line that the checkpoint is that of another configuration."""
        try:
            yield
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            reason = " ".join(str(error).split()[:30]) or type(error).__name__
            raise FileError(f"{self.path}: the checkpoint does not fit {self.path / 'config.json'} "
                            f"({reason})") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
