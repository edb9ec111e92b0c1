"""`minigrad report`: what a run has come to, as a page in its folder."""

from __future__ import annotations

import argparse
import dataclasses
import platform
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import minigrad
from minigrad import kernels, models
from minigrad.cli.config import make_optimizer
from minigrad.cli.run import RunFolder
from minigrad.cli.train import run_data
from minigrad.cli.training import train_batch
from minigrad.data import ImageDataset
from minigrad.io import atomic_write

NAME = "report.html"


def run(options: argparse.Namespace) -> int:
    """Makes the report of a run again."""
    if options.threads is not None:
        minigrad.set_num_threads(options.threads)
    folder = RunFolder.open(options.run)
    print(write(folder, *run_data(folder, options.data_dir), out=options.out))
    return 0


def write(folder: RunFolder, train: ImageDataset, test: ImageDataset, note: str = "", out: Path | None = None) -> Path:
    """Writes the page, whole or not at all; returns where."""
    from minigrad.report import page_of

    target = out or folder.path / NAME
    atomic_write(target, page_of(facts_of(folder, train, test, note)).encode())
    return target


def attempt(folder: RunFolder, train: ImageDataset, test: ImageDataset, note: str = "") -> None:
    """Writes it at the end of a training, which is complete without it: whatever goes wrong is told and left."""
    again = shlex.join(["minigrad", "report", str(folder.path)])
    try:
        print(f"report {write(folder, train, test, note)}", flush=True)
    except KeyboardInterrupt:
        print(f"no report was written; {again} makes it", flush=True)
    except Exception as error:
        print(f"minigrad: warning: no report was written ({type(error).__name__}: {' '.join(str(error).split())}); "
              f"{again} tries again", file=sys.stderr)


def facts_of(folder: RunFolder, train: ImageDataset, test: ImageDataset, note: str = "") -> Any:
    """What the page is made from: the newest weights, the rows of finished epochs, the configuration."""
    from minigrad.report import Facts

    config = folder.config
    trained = folder.pointer.exists()
    model = folder.model(test.shape, len(test.classes)) if trained else \
        models.build(config.model, test.shape, len(test.classes))
    history: list[dict[str, float]] = [{name: float(value) for name, value in row.items()}
                                       for row in folder.read_metrics()]
    done = len(history)
    if not note and done < config.epochs:
        note = f"This run is not finished: {done} of its {config.epochs} epochs are done."
    threads = minigrad.get_num_threads()
    machine = f"{platform.machine()}, instruction set {kernels.ISA}, {threads} thread{'s' * (threads > 1)}"
    settings = {**dataclasses.asdict(config), "training images": f"{len(train):,}", "test images": f"{len(test):,}",
                "run folder": folder.path, "minigrad": minigrad.__version__, "Python": platform.python_version(),
                "machine": machine, "written": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())}
    return Facts(f"{type(model).__name__} on {config.dataset}", model, train, test, history, settings, command(folder),
                 note, train_batch, lambda model: make_optimizer(config, model), config.batch_size, trained)


def command(folder: RunFolder) -> str:
    """What repeats a run, whatever its defaults were."""
    config = folder.config
    words = ["minigrad", "train", config.dataset]
    for name in ("model", "epochs", "batch_size", "lr", "optimizer", "seed", "data_dir"):
        value = getattr(config, name)
        words += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join([*words, *["--eager"] * config.eager])
