"""`minigrad train`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import minigrad
from minigrad.cli.config import DATASETS, Config, default_config
from minigrad.cli.main import INTERRUPTED, UsageError
from minigrad.cli.progress import make_reporter
from minigrad.cli.run import RunFolder
from minigrad.cli.training import Diverged, Interrupted
from minigrad.data import ImageDataset
from minigrad.errors import one_of
from minigrad.io import FileError

# Settings of a run that --resume takes from its configuration, by their flags.
FIXED = {"dataset": "dataset", "model": "--model", "epochs": "--epochs", "batch_size": "--batch-size", "lr": "--lr",
         "optimizer": "--optimizer", "seed": "--seed", "eager": "--eager"}


def run(options: argparse.Namespace) -> int:
    if options.threads is not None:
        minigrad.set_num_threads(options.threads)
    from minigrad.cli.report import attempt

    begin = _resume if options.resume else _begin
    folder, config, train, test = begin(options)
    with stop_on_signal() as stopped:  # from before there is a folder, so that none is left without a word
        folder = folder or RunFolder.create(options.out, config)
        again = shlex.join(["minigrad", "train", "--resume", str(folder.path)])

        def report(note: str = "") -> None:
            if not options.no_report:
                attempt(folder, train, test, note)

        try:
            accuracy = _train(folder, train, test, stopped)
            report()
        except Diverged as error:
            report(f"This run was given up in {error}.")
            raise UsageError(f"{folder.path}: {error}") from None
        except Interrupted as stop:
            report(f"This run was stopped in {stop} of {config.epochs}: what stands here is how far it had come.")
            print(f"stopped in {stop} of {config.epochs}; everything is saved.  Go on with:\n  {again}")
            return INTERRUPTED
        except KeyboardInterrupt:
            print(f"stopped at once; the newest checkpoint stands.  Go on with:\n  {again}")
            return INTERRUPTED
    print(f"test accuracy {100 * accuracy:.2f} %")
    return 0


def _train(folder: RunFolder, train: ImageDataset, test: ImageDataset, stopped: list[int]) -> float:
    trainer = folder.trainer(train, test)
    folder.keep_metrics(trainer.epoch)
    config = folder.config
    parameters = sum(p.numel() for p in trainer.model.parameters())
    print(f"{config.dataset}: {len(train)} images to train, {len(test)} to test; {config.model} with {parameters:,} "
          f"parameters; run folder {folder.path}", flush=True)
    if trainer.steps_done:
        print(f"resuming at epoch {min(trainer.epoch + 1, config.epochs)} of {config.epochs}, "
              f"{100 * trainer.steps_done / trainer.total_steps:.0f} % done", flush=True)
    with make_reporter(trainer) as report:
        return trainer.train(folder, report, stop=lambda: bool(stopped))


Begun = tuple[RunFolder | None, Config, ImageDataset, ImageDataset]


def _begin(options: argparse.Namespace) -> Begun:
    if options.dataset is None:
        raise UsageError("train: which dataset? (see minigrad train --help)")
    train, test = load_data(options.dataset, options.data_dir)
    config = default_config(
        options.dataset, model=options.model, epochs=options.epochs, batch_size=options.batch_size, lr=options.lr,
        optimizer=options.optimizer, seed=options.seed, data_checksum=checksum(train, test), eager=bool(options.eager),
        data_dir=os.path.abspath(os.path.expanduser(options.data_dir)) if options.data_dir is not None else None)
    check_model(config, train)
    return None, config, train, test


def _resume(options: argparse.Namespace) -> Begun:
    folder = RunFolder.open(options.resume)
    if options.out is not None:
        raise UsageError("--out: a resumed run stays in its folder")
    for name, flag in FIXED.items():
        asked, has = getattr(options, name), getattr(folder.config, name)
        if asked is not None and asked != has:
            raise UsageError(f"{flag}: the run in {folder.path} has {has}, not {asked}, and keeps its settings")
    return folder, folder.config, *run_data(folder, options.data_dir)


def load_images(name: str, data_dir: str | os.PathLike[str] | None = None) -> tuple[ImageDataset, ImageDataset]:
    """The training and the test part of a dataset by name; the folder is for those that are read from one."""
    one_of("load_images", "name", name, DATASETS)
    root = () if name == "digits" else (data_dir,)
    train, test = (DATASETS[name](*root, train=part) for part in (True, False))
    if train.shape != test.shape:
        raise FileError(f"{data_dir}: training images of shape {train.shape}, test images of shape {test.shape}")
    if len(train) == 0 or len(test) == 0:
        raise FileError(f"{data_dir}: too few images to cut into a training and a test part")
    return train, test


def load_data(dataset: str, data_dir: str | None) -> tuple[ImageDataset, ImageDataset]:
    if dataset == "digits" and data_dir is not None:
        raise UsageError("--data-dir: digits comes with minigrad and is read from no folder")
    return load_images(dataset, Path(data_dir).expanduser() if data_dir is not None else None)


def run_data(folder: RunFolder, data_dir: str | None) -> tuple[ImageDataset, ImageDataset]:
    """The data a run was made with; another folder may hold it by now, but it must be the same data."""
    config = folder.config
    try:
        train, test = load_data(config.dataset, data_dir if data_dir is not None else config.data_dir)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if config.data_checksum is not None and checksum(train, test) != config.data_checksum:
        raise UsageError(f"{folder.path}: its images of {config.dataset} were others than those found now")
    check_model(config, train)
    return train, test


def checksum(train: ImageDataset, test: ImageDataset) -> int:
    """CRC-32 of pixels and labels: data that differs in anything differs in it, almost surely."""
    parts = [zlib.crc32(memoryview(data.targets).tobytes(), zlib.crc32(memoryview(data.pixels).tobytes()))
             for data in (train, test)]
    return zlib.crc32("/".join(map(str, parts)).encode())


def check_model(config: Config, train: ImageDataset) -> None:
    """Says that a model does not suit the images before a folder is made for it."""
    from minigrad.models import build

    try:
        build(config.model, train.shape, len(train.classes))
    except ValueError as error:
        raise UsageError(str(error)) from None


@contextmanager
def stop_on_signal() -> Iterator[list[int]]:
    """A list that is no longer empty once Ctrl-C or SIGTERM has come; a second Ctrl-C raises KeyboardInterrupt.

    The loop looks at it between steps, so that no signal ever falls into the middle of one.
    """
    stopped: list[int] = []

    def note(number: int, _: object) -> None:
        if stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        stopped.append(number)

    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in signals}
    try:
        yield stopped
    finally:
        for number in signals:
            signal.signal(number, before[number])
