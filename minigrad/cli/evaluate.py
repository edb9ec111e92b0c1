"""`minigrad eval`."""

from __future__ import annotations

import argparse

import minigrad
from minigrad.cli.run import RunFolder
from minigrad.cli.train import run_data
from minigrad.cli.training import evaluate, measure_batch


def run(options: argparse.Namespace) -> int:
    if options.threads is not None:
        minigrad.set_num_threads(options.threads)
    folder = RunFolder.open(options.run)
    _, test = run_data(folder, options.data_dir)
    model = folder.model(test.shape, len(test.classes))
    loss, accuracy = evaluate(model, test, measure_batch if folder.config.eager else minigrad.compile(measure_batch))
    print(f"{folder.config.dataset}: {len(test)} images to test; {folder.config.model} of {folder.path}")
    print(f"test loss {loss:.4f}")
    print(f"test accuracy {100 * accuracy:.2f} %")
    return 0
