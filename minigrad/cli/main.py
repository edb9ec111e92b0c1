"""Arguments and errors.  Each subcommand's work is in a module of its own, imported when it is asked for."""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from minigrad.cli.config import DATASETS, OPTIMIZERS
from minigrad.geometry import MODES
from minigrad.io import FileError
from minigrad.models import MODELS

INTERRUPTED = 130  # what a shell reports of a program ended by Ctrl-C


class UsageError(Exception):
    """Something asked for that cannot be done.  The message is the one line the user sees."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0, 2 for errors of use, 130 when interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may be in no encoding at all
    try:
        options = parser().parse_args(arguments)
        command = import_module(f"minigrad.cli.{options.module}")
        code = command.run(options)
        sys.stdout.flush()
        return code
    except (UsageError, FileError) as error:
        return _complain(str(error))
    except BrokenPipeError:  # whoever read our output has gone, as in `minigrad info | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        named = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{named}{error.strerror or error}")
    except MemoryError as error:
        return _complain(f"out of memory {error}".rstrip())
    except KeyboardInterrupt:
        print("minigrad: interrupted", file=sys.stderr)
        return INTERRUPTED


def _complain(message: str) -> int:
    print(f"minigrad: error: {' '.join(message.split())}", file=sys.stderr)
    return 2


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    style: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    top = Parser(prog="minigrad", **style,
                 description="Trains small convolutional networks on a CPU, and shows how they work.",
                 epilog="example:\n  minigrad train digits")
    top.add_argument("--version", action=_Version)
    commands = top.add_subparsers(metavar="command", required=True)

    train = commands.add_parser(
        "train", help="train a model on a dataset", **style,
        description="Trains a model and keeps everything about it in a run folder.  Ctrl-C saves and stops; a run\n"
                    "that was stopped or killed is continued with --resume and ends with the same weights, to the bit.",
        epilog="examples:\n"
               "  minigrad train digits\n"
               "  minigrad train mnist --data-dir ~/mnist --epochs 5 --model lenet --optimizer sgd\n"
               "  minigrad train --resume runs/digits-cnn-1")
    train.set_defaults(module="train")
    train.add_argument("dataset", nargs="?", choices=list(DATASETS), help="(not needed with --resume)")
    train.add_argument("--model", choices=list(MODELS), help="default: cnn")
    train.add_argument("--epochs", type=_positive_int, metavar="N",
                       help="default: 15 for digits, 3 for mnist, 10 for fashion_mnist")
    train.add_argument("--batch-size", type=_positive_int, metavar="N", help="default: 64")
    train.add_argument("--lr", type=_positive_float, metavar="RATE",
                       help="highest learning rate; default: 0.005, for sgd 0.05")
    train.add_argument("--optimizer", "--optimiser", choices=OPTIMIZERS, help="default: adamw")
    train.add_argument("--seed", type=_natural_int, metavar="N", help="default: 0")
    train.add_argument("--eager", action="store_const", const=True,
                       help="run each operation by Python, not a captured step; ends with the same weights")
    train.add_argument("--no-report", action="store_true", help="write no report.html in the end")
    train.add_argument("--out", type=Path, metavar="FOLDER", help="run folder; default: runs/DATASET-MODEL-NUMBER")
    train.add_argument("--resume", type=Path, metavar="RUN", help="continue the run in this folder")
    _add_common(train)

    evaluate = commands.add_parser(
        "eval", help="measure a trained model on the test part", **style,
        description="Prints how the newest weights of a run do on the test part of its dataset.",
        epilog="example:\n  minigrad eval runs/digits-cnn-1")
    evaluate.set_defaults(module="evaluate")
    evaluate.add_argument("run", type=Path, metavar="RUN", help="run folder")
    _add_common(evaluate)

    predict = commands.add_parser(
        "predict", help="show what a trained model sees in an image", **style,
        description="Draws an image and the probability of each class.  The image is a number, the place of an image\n"
                    "in the test part, or a file: PGM, or what Pillow reads where that is installed.  A file of\n"
                    "another size is scaled; dark ink on light paper is inverted.",
        epilog="examples:\n  minigrad predict runs/digits-cnn-1 7\n  minigrad predict runs/mnist-cnn-1 digit.pgm")
    predict.set_defaults(module="predict")
    predict.add_argument("run", type=Path, metavar="RUN", help="run folder")
    predict.add_argument("image", metavar="IMAGE", help="index into the test part, or an image file")
    _add_common(predict)

    report = commands.add_parser(
        "report", help="write a run's report again", **style,
        description="Writes what a run has come to as one page: results, curves, mistakes, filters and feature maps,\n"
                    "layers with what they cost and see, the configuration.  It holds everything, needs no script and\n"
                    "fetches nothing.  (minigrad train writes it too, as report.html in the run folder.)",
        epilog="examples:\n  minigrad report runs/digits-cnn-1\n  minigrad report runs/digits-cnn-1 --out digits.html")
    report.set_defaults(module="report")
    report.add_argument("run", type=Path, metavar="RUN", help="run folder")
    report.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in the run folder")
    _add_common(report)

    _add_draw(commands, style)

    info = commands.add_parser("info", help="show version, instruction set, threads and kernels", **style,
                               description="Shows what this installation computes with.",
                               epilog="example:\n  minigrad info --json")
    info.set_defaults(module="info")
    info.add_argument("--json", action="store_true", help="as one JSON object")
    _add_arithmetic(commands, style)
    _add_receptive_field(commands, style)
    _add_summary(commands, style)
    _add_graph(commands, style)
    _add_matrix(commands, style)
    _add_explore(commands, style)
    return top


def _add_arithmetic(commands: Any, style: dict[str, Any]) -> None:
    command = commands.add_parser(
        "arithmetic", help="derive the output size of a window operation", **style,
        description="Derives the output size of a convolution, pool or transposed convolution along one axis, and\n"
                    "says which relationship of convolution arithmetic applies.",
        epilog="examples:\n"
               "  minigrad arithmetic --i 5 --k 3 --s 2 --p 1\n"
               "  minigrad arithmetic --i 3 --k 3 --s 2 --p 1 --a 1 --transposed\n"
               "  minigrad arithmetic --i 7 --k 3 --d 2 --p same --svg same.svg")
    command.set_defaults(module="arithmetic")
    _add_window(command)
    command.add_argument("--svg", type=Path, metavar="FILE", help="also draw it, as an animation on two axes")


def _add_matrix(commands: Any, style: dict[str, Any]) -> None:
    command = commands.add_parser(
        "matrix", help="show a window operation as a sparse matrix", **style,
        description="Prints the matrix of a convolution, average pool or transposed convolution: a row for each\n"
                    "element of the result, entries named by the weight that they hold; then its structure.",
        epilog="examples:\n"
               "  minigrad matrix --i 4 --k 3\n"
               "  minigrad matrix --i 4 --k 3 --svg matrix.svg\n"
               "  minigrad matrix --i 7 --k 3 --s 2 --p 1 --axes 1\n"
               "  minigrad matrix --i 2 --k 3 --transposed --numbers")
    command.set_defaults(module="matrix")
    _add_window(command)
    command.add_argument("--axes", type=int, choices=(1, 2, 3), default=2, help="axes of the image; default: 2")
    command.add_argument("--numbers", action="store_true", help="numbers in place of names; the kernel is 1, 2, 3, ...")
    command.add_argument("--limit", type=_positive_int, default=64, metavar="N",
                         help="rows and columns that are printed; default: 64")
    command.add_argument("--svg", type=Path, metavar="FILE", help="also draw it, with its bands")


def _add_explore(commands: Any, style: dict[str, Any]) -> None:
    command = commands.add_parser(
        "explore", help="move the sizes of an operation and see what it does, in the browser", **style,
        description="Opens a page on which the sizes of an operation are moved and all that follows is seen at once:\n"
                    "the animation, the derivation of its sizes, its matrix, its naive loop line by line, and the\n"
                    "receptive field of a few layers.  The page is served to this machine only; Ctrl-C ends it.",
        epilog="examples:\n"
               "  minigrad explore\n"
               "  minigrad explore 'op=transposed&i=3&k=3&s=2&p=1&a=1'\n"
               "  minigrad explore --port 0 --no-browser")
    command.set_defaults(module="explore")
    command.add_argument("state", nargs="?", default="", metavar="STATE", help="what to begin with: the part of a "
                         "page's address after the ?")
    command.add_argument("--port", type=_port, default=8765, metavar="N",
                         help="default: 8765; 0 takes one that is free")
    command.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")


def _add_window(command: argparse.ArgumentParser) -> None:
    command.add_argument("--i", type=_positive_int, required=True, metavar="N", help="size of the operation's input")
    command.add_argument("--k", type=_positive_int, required=True, metavar="N", help="kernel size")
    command.add_argument("--s", type=_positive_int, metavar="N", help="stride; default: 1, of a pool its kernel size")
    command.add_argument("--p", type=_padding, default=0, metavar="P",
                         help="padding of both sides, LOW,HIGH, or valid, same, causal or full; default: 0")
    command.add_argument("--d", type=_positive_int, default=1, metavar="N", help="dilation; default: 1")
    command.add_argument("--a", type=_natural_int, default=0, metavar="N",
                         help="output padding of a transposed convolution; default: 0")
    kind = command.add_mutually_exclusive_group()
    kind.add_argument("--transposed", action="store_true", help="a transposed convolution")
    kind.add_argument("--pool", action="store_true", help="a pool")


def _add_draw(commands: Any, style: dict[str, Any]) -> None:
    draw = commands.add_parser(
        "draw", help="draw an operation, a receptive field, or what a run has learned", **style,
        description="Draws as SVG: one of\n"
                    "  conv  transposed  max-pool  avg-pool  upsample      step by step\n"
                    "  max-unpool  avg-unpool  nearest-unpool  nails-unpool    likewise; --i is the pool's input\n"
                    "  placements   how often a window fits along an axis\n"
                    "  field        the receptive field of layers\n"
                    "  overlap      where the kernels of a transposed convolution overlap\n"
                    "or of a RUN, the folder of one:\n"
                    "  curves       its losses, or with --accuracy its accuracies, over the epochs\n"
                    "  confusion    what the test images of each class were taken for\n"
                    "  filters      the weights of a convolution\n"
                    "  feature-maps what a convolution makes of a test image\n"
                    "  saliency     the pixels of a test image that decide\n"
                    "Steps are an animation, or with --stills so many of them beside each other.",
        epilog="examples:\n"
               "  minigrad draw conv --i 5 --k 3 --s 2 --p 1 --numbers\n"
               "  minigrad draw transposed --i 3 --k 3 --s 2 --p 1 --a 1 --view scatter --out scatter.svg\n"
               "  minigrad draw max-pool --i 7 --k 3 --s 2 --dims 1 --stills 3\n"
               "  minigrad draw field --layers 3 3,1,2 3,1,4\n"
               "  minigrad draw field --layers 3,2,1,1 3,1,1,1 --i 9\n"
               "  minigrad draw curves runs/digits-cnn-1 --log\n"
               "  minigrad draw feature-maps runs/digits-cnn-1 --image 7 --layer features.4")
    draw.set_defaults(module="draw")
    draw.add_argument("picture", choices=["conv", "transposed", "max-pool", "avg-pool", "upsample", "max-unpool",
                                          "avg-unpool", "nearest-unpool", "nails-unpool", "placements", "field",
                                          "overlap", "curves", "confusion", "filters", "feature-maps", "saliency"],
                      metavar="PICTURE", help="one of these")
    draw.add_argument("run", nargs="?", type=Path, metavar="RUN", help="run folder, of those that show a run")
    draw.add_argument("--i", metavar="N", help="input size, or HxW; default: 5, of overlap 4, of field none")
    draw.add_argument("--k", metavar="N", help="kernel size, or HxW; default: 3, of an unpool 2")
    draw.add_argument("--s", type=_positive_int, metavar="N",
                      help="stride, of upsample its factor; default: 1, of a pool k, of upsample and overlap 2")
    draw.add_argument("--p", type=_padding, metavar="P",
                      help="padding of both sides, LOW,HIGH, or valid, same, causal or full; default: 0")
    draw.add_argument("--d", type=_positive_int, metavar="N", help="dilation; default: 1")
    draw.add_argument("--a", type=_natural_int, metavar="N", help="output padding of transposed; default: 0")
    draw.add_argument("--dims", type=int, choices=[1, 2], help="axes of a step picture; default: 2")
    draw.add_argument("--view", choices=["matrix", "scatter", "stretched"], help="of transposed; default: stretched")
    draw.add_argument("--mode", choices=["nearest", "linear"], help="of upsample; default: nearest")
    draw.add_argument("--numbers", action="store_const", const=True, help="write numbers into the cells")
    draw.add_argument("--stills", type=_positive_int, metavar="N", help="up to N steps as stills")
    draw.add_argument("--layers", nargs="+", metavar="K,S,D,P",
                      help="of field, the first one next to the input; padding P counts where --i is given")
    draw.add_argument("--layer", metavar="NAME", help="of filters and feature-maps; default: the first convolution")
    draw.add_argument("--image", type=_natural_int, metavar="N",
                      help="of feature-maps and saliency, an index into the test part; default: 0")
    draw.add_argument("--accuracy", action="store_const", const=True, help="of curves")
    draw.add_argument("--log", action="store_const", const=True, help="of curves, a logarithmic axis")
    draw.add_argument("--data-dir", metavar="FOLDER", help="of a run's pictures: the dataset's IDX files")
    draw.add_argument("--out", type=Path, metavar="FILE", help="default: PICTURE.svg; - is standard output")


def _add_receptive_field(commands: Any, style: dict[str, Any]) -> None:
    command = commands.add_parser(
        "receptive-field", help="show what one output of each layer of a model reads", **style,
        description="Shows the receptive field of each layer, those in branches too: its size, stride and offset on\n"
                    f"each axis of the input.\n\n{MODEL}",
        epilog="examples:\n  minigrad receptive-field lenet\n  minigrad receptive-field cnn --shape 3x32x32\n"
               "  minigrad receptive-field runs/digits-cnn-1\n"
               "  minigrad receptive-field net.py:Net --shape 2x100\n"
               "  minigrad receptive-field lenet --svg lenet.svg")
    command.set_defaults(module="receptive_field")
    _add_model(command)
    command.add_argument("--svg", type=Path, metavar="FILE", help="also draw what the middle outputs read")
    command.add_argument("--axis", type=_natural_int, default=0, metavar="N",
                         help="the axis of the picture, of the sizes after the channels; default: 0")


def _add_summary(commands: Any, style: dict[str, Any]) -> None:
    command = commands.add_parser(
        "summary", help="show the layers of a model, what they cost and what they see", **style,
        description="Shows each layer of a model in reading order, with the layers in it: the shape of its output,\n"
                    "its parameters, its multiply-adds, the bytes of its output, and what one output reads.\n"
                    f"Nothing is computed.\n\n{MODEL}",
        epilog="examples:\n  minigrad summary lenet\n  minigrad summary cnn --shape 3x32x32 --batch 64 --json\n"
               "  minigrad summary runs/digits-cnn-1\n  minigrad summary net.py:Net --shape 2x100")
    command.set_defaults(module="summary")
    _add_model(command)
    command.add_argument("--batch", type=_positive_int, default=1, metavar="N", help="items at once; default: 1")
    command.add_argument("--json", action="store_true", help="as one JSON object")


def _add_graph(commands: Any, style: dict[str, Any]) -> None:
    command = commands.add_parser(
        "graph", help="draw the graph of a model, of its gradients or of a step of training", **style,
        description="Captures a call of a model, computing nothing, and draws the graph as SVG.\n\n" + MODEL,
        epilog="examples:\n  minigrad graph lenet\n  minigrad graph lenet --backward --out lenet.svg\n"
               "  minigrad graph cnn --shape 1x8x8 --step --text\n  minigrad graph net.py:Net --shape 2x100 --second")
    command.set_defaults(module="graph")
    _add_model(command)
    kind = command.add_mutually_exclusive_group()
    kind.add_argument("--backward", action="store_true", help="with the gradients of its parameters")
    kind.add_argument("--second", action="store_true",
                      help="with the gradient by the input, and how that changes with the parameters")
    kind.add_argument("--step", action="store_true", help="a step of training by SGD")
    command.add_argument("--batch", type=_positive_int, default=8, metavar="N", help="items at once; default: 8")
    command.add_argument("--text", action="store_true", help="as text: a line for each operation")
    command.add_argument("--out", type=Path, metavar="FILE", help="default: graph.svg; - is standard output")


MODEL = (f"MODEL is one of {', '.join(MODELS)}; a run folder; or a module of one's own, as FILE.py:NAME or\n"
         "PACKAGE.MODULE:NAME, where NAME is the module, its class, or a function that makes one without\n"
         "arguments or from (shape, classes).")


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help="as said above")
    command.add_argument("--shape", type=_shape, metavar="CxHxW",
                         help="one input, of any number of axes; default: 1x28x28, of a run its images")
    command.add_argument("--classes", type=_positive_int, metavar="N", help="default: 10")


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data-dir", metavar="FOLDER", help="folder of the dataset's IDX files, gzipped or not")
    command.add_argument("--threads", type=_thread_count, metavar="N", help="default: one per core; changes no result")


class _Version(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest=argparse.SUPPRESS, nargs=0, help="show the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import minigrad

        print(f"minigrad {minigrad.__version__}")
        parser.exit()


def _number(kind: Callable[[str], float], holds: Callable[[float], bool], wanted: str) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not holds(value):
            raise argparse.ArgumentTypeError(f"got {text!r}, expected {wanted}")
        return value

    return convert


def _padding(text: str) -> int | str | tuple[int, ...]:
    if text in MODES:
        return text
    parts = text.split(",")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number, LOW,HIGH or one of "
                                         f"{', '.join(MODES)}")
    return int(text) if len(parts) == 1 else (int(parts[0]), int(parts[1]))


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split("x")
    if len(parts) > 7 or not all(part.isdecimal() and 0 < int(part) <= 4096 for part in parts):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected sizes from 1 to 4096 as in 1x28x28")
    return tuple(map(int, parts))


_positive_int = _number(int, lambda n: 0 < n < 2**31, "a whole number from 1 on")
_thread_count = _number(int, lambda n: 0 < n <= 1024, "a whole number from 1 to 1024")
_port = _number(int, lambda n: 0 <= n < 2**16, "a whole number from 0 to 65535")
_natural_int = _number(int, lambda n: 0 <= n < 2**63, "a whole number from 0 on")
_positive_float = _number(float, lambda x: 0 < x < math.inf, "a number above 0")
