"""What MODEL means on the command line: a name, a run folder, or a module of one's own.

    cnn                         one of those that come with minigrad
    runs/digits-cnn-1           a trained one, with its newest weights
    net.py:Net                  in a file: a module, a class of modules, or a function that makes one
    package.networks:small      in a package that Python finds from here
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

from minigrad import models, nn
from minigrad.cli.main import UsageError
from minigrad.cli.run import RunFolder
from minigrad.cli.train import run_data
from minigrad.data import Digits, ImageDataset
from minigrad.io import FileError

SHAPE = (1, 28, 28)         # of an image, unless given
CLASSES = 10
OURS = ("minigrad", "minigrad_ext", "importlib")


def find(options: argparse.Namespace) -> tuple[nn.Module, tuple[int, ...]]:
    """The module that was asked for, and the shape of one item of its input."""
    text, shape = options.model, options.shape
    if shape is not None and len(shape) != 3 and (text in models.MODELS or os.path.isdir(text)):
        raise UsageError(f"--shape: got {'x'.join(map(str, shape))}, expected CxHxW for {text}, which takes images")
    if text in models.MODELS:
        with telling(text):
            return models.build(text, shape or SHAPE, options.classes or CLASSES), shape or SHAPE
    if os.path.isdir(text):
        return of_run(RunFolder.open(Path(text)), options)
    source, colon, name = text.rpartition(":")
    if not (colon and source and name):
        raise UsageError(f"MODEL: got {text!r}, expected one of {', '.join(models.MODELS)}, a run folder, FILE.py:NAME "
                         "or PACKAGE.MODULE:NAME")
    with telling(text):
        found = made(text, named(text, source, name), shape or SHAPE, options.classes or CLASSES)
    return found, shape or SHAPE


def of_run(folder: RunFolder, options: argparse.Namespace) -> tuple[nn.Module, tuple[int, ...]]:
    """The newest weights of a run; with a shape that is given its data need not be there."""
    if options.shape is not None:
        return folder.model(options.shape, options.classes or CLASSES), options.shape
    if folder.config.dataset == "digits":       # which is always there, and quickly read
        data: ImageDataset = Digits(train=False)
    else:
        try:
            _, data = run_data(folder, None)
        except (FileError, UsageError) as error:
            raise UsageError(f"{error} (with --shape the data is not needed)") from None
    return folder.model(data.shape, len(data.classes)), data.shape


def named(text: str, source: str, name: str) -> Any:
    """What has that name in a file or an importable module."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(source)) if source.endswith(".py") else os.getcwd())
    if source.endswith(".py"):
        if not os.path.isfile(source):
            raise UsageError(f"MODEL: {source}: no such file")
        spec = importlib.util.spec_from_file_location(Path(source).stem, source)
        assert spec is not None and spec.loader is not None
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        try:
            module = importlib.import_module(source)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{source}.".startswith(f"{error.name}."):
                raise                           # something that it imports itself
            raise UsageError(f"MODEL: {source}: no such module (files are given as FILE.py:NAME)") from None
    try:
        return attrgetter(name)(module)
    except AttributeError:
        known = [key for key, value in vars(module).items()
                 if isinstance(value, nn.Module) or (inspect.isclass(value) and issubclass(value, nn.Module)
                                                     and value.__module__ == module.__name__)]
        has = f"; its modules are {', '.join(known)}" if known else ""
        raise UsageError(f"MODEL: {text}: {source} has no {name}{has}") from None


def made(text: str, found: Any, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The module that something is, or gives when it is called: without arguments, or as f(shape, classes)."""
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise UsageError(f"MODEL: {text}: got {type(found).__name__}, expected a module or what makes one")
    for arguments in ((), (shape, classes)):
        try:
            inspect.signature(found).bind(*arguments)
        except TypeError:
            continue
        made = found(*arguments)
        if not isinstance(made, nn.Module):
            raise UsageError(f"MODEL: {text}: gave {type(made).__name__}, expected a module")
        return made
    raise UsageError(f"MODEL: {text}: takes {inspect.signature(found)}, expected no arguments, or (shape, classes)")


@contextmanager
def telling(text: str) -> Iterator[None]:
    """What goes wrong in a model is the user's to mend: said in a line, with the place in a file that is not ours."""
    try:
        yield
    except (UsageError, FileError, MemoryError):
        raise
    except Exception as error:
        ours = text in models.MODELS or os.path.isdir(text)
        frames = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(error.__traceback__)
                  if frame.f_globals.get("__name__", "minigrad").partition(".")[0] not in OURS
                  and os.path.isfile(frame.f_code.co_filename)]
        where = f" ({os.path.relpath(frames[-1][0])}, line {frames[-1][1]})" if frames and not ours else ""
        kind = "" if isinstance(error, ValueError) and not isinstance(error, UnicodeError) else \
            f"{type(error).__name__}: "
        raise UsageError(f"{'' if ours else f'{text}: '}{kind}{error}{where}") from error
