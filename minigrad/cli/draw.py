"""`minigrad draw`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigrad.cli import draw_run
from minigrad.cli.main import UsageError
from minigrad.draw import (
    Steps,
    conv_steps,
    field,
    overlap,
    placements,
    pool_steps,
    transpose_steps,
    unpool_steps,
    upsample_steps,
)

WINDOW = {"i": "size", "k": "kernel_size", "s": "stride", "p": "padding", "d": "dilation"}
SHOWN = {"numbers": "numbers"}
RUN = {"run": "run", "data_dir": "data_dir"}

# picture: (the function, what it takes by the name of the option, its defaults)
PICTURES: dict[str, tuple[Callable[..., Any], dict[str, str], dict[str, Any]]] = {
    "conv": (conv_steps, WINDOW | SHOWN, {"size": 5, "kernel_size": 3}),
    "transposed": (transpose_steps, WINDOW | SHOWN | {"a": "output_padding", "view": "view"},
                   {"size": 5, "kernel_size": 3}),
    **{f"{kind}-pool": (pool_steps, WINDOW | SHOWN, {"kind": kind, "size": 5, "kernel_size": 3})
       for kind in ("max", "avg")},
    **{f"{kind}-unpool": (unpool_steps, WINDOW | SHOWN, {"kind": kind, "size": 5, "kernel_size": 2})
       for kind in ("max", "avg")},
    # These two take windows side by side, and nothing but their size.
    **{f"{kind}-unpool": (unpool_steps, SHOWN | {"i": "size", "k": "kernel_size"},
                          {"kind": kind, "size": 6, "kernel_size": 2}) for kind in ("nearest", "nails")},
    "upsample": (upsample_steps, SHOWN | {"i": "size", "s": "factor", "mode": "mode"}, {"size": 5}),
    "placements": (placements, WINDOW, {"size": 5, "kernel_size": 3}),
    "field": (field, {"layers": "layers", "i": "size"}, {}),
    "overlap": (overlap, {"i": "size", "k": "kernel_size", "s": "stride"}, {}),
    "curves": (draw_run.curves, {"run": "run", "accuracy": "accuracy", "log": "log"}, {}),
    "filters": (draw_run.filters, RUN | {"layer": "layer"}, {}),
    "feature-maps": (draw_run.feature_maps, RUN | {"layer": "layer", "image": "image"}, {}),
    "confusion": (draw_run.confusion, RUN, {}),
    "saliency": (draw_run.saliency, RUN | {"image": "image"}, {}),
}
OPTIONS = ("run", "i", "k", "s", "p", "d", "a", "view", "mode", "numbers", "layers", "layer", "image", "accuracy",
           "log", "data_dir")


def run(options: argparse.Namespace) -> int:
    picture = options.picture
    function, takes, arguments = PICTURES[picture]
    arguments = dict(arguments)
    for name in OPTIONS:
        value = getattr(options, name)
        if value is None:
            continue
        if name not in takes:
            raise UsageError(f"draw {picture}: {_shown(name)}: not an option of this picture; it has "
                             f"{', '.join(map(_shown, takes))}")
        arguments[takes[name]] = READ[name](f"--{name}", value) if name in READ else value
    if "run" in takes and "run" not in arguments:
        raise UsageError(f"draw {picture}: RUN: got none, expected the folder of a run")
    stepwise = "numbers" in takes
    for name in ("dims", "stills"):
        if getattr(options, name) is not None and not stepwise:
            raise UsageError(f"draw {picture}: --{name}: this picture has no steps")
    if options.dims == 1:
        _to_one_axis(picture, arguments)
    if picture == "placements" and not isinstance(arguments["size"], int):
        raise UsageError("draw placements: --i: got two sizes, expected one")
    if picture == "field" and not isinstance(arguments.get("size", 1), int):
        raise UsageError("draw field: --i: got two sizes, expected one")
    if picture == "field" and "layers" not in arguments:
        raise UsageError("draw field: --layers: got none, expected at least one, as in --layers 3 3,1,2")
    if picture == "overlap" and arguments:
        pair = arguments.pop("kernel_size", 3), arguments.pop("stride", 2)
        if not all(isinstance(value, int) for value in (*pair, arguments.get("size", 4))):
            raise UsageError("draw overlap: got two sizes, expected one")
        divided = -(-(pair[0] + (pair[0] % pair[1] == 0)) // pair[1]) * pair[1]     # one that the stride divides
        arguments |= {"kernels": [pair, (divided, pair[1])], "resize": (3, pair[1])}
    try:
        drawing = function(**arguments)
        if isinstance(drawing, Steps):
            drawing = drawing.animation() if options.stills is None else drawing.strip(options.stills)
    except ValueError as error:
        raise UsageError(f"draw {picture}: {error}") from error
    target = options.out or Path(f"{picture}.svg")
    if str(target) == "-":
        sys.stdout.write(drawing.svg())
    else:
        print(drawing.save(target))
    return 0


def _shown(option: str) -> str:
    """An option as it is typed."""
    return "RUN" if option == "run" else f"--{option.replace('_', '-')}"


def _to_one_axis(picture: str, arguments: dict[str, Any]) -> None:
    if not isinstance(arguments["size"], int):
        raise UsageError(f"draw {picture}: --i: got two sizes, expected one with --dims 1")
    arguments["size"] = (arguments["size"],)
    if isinstance(arguments.get("padding"), tuple):
        arguments["padding"] = arguments["padding"][:1]


def _numbers(option: str, text: str, sign: str, expected: str, counts: tuple[int, ...]) -> tuple[int, ...]:
    try:
        values = tuple(int(part) for part in text.split(sign))
    except ValueError:
        values = ()
    if len(values) not in counts or any(not 0 <= value < 2**31 for value in values):
        raise UsageError(f"{option}: got {text!r}, expected {expected}")
    return values


def _size(option: str, text: str) -> int | tuple[int, ...]:
    values = _numbers(option, text, "x", "a size, or two as 5x7", (1, 2))
    return values[0] if len(values) == 1 else values


def _padding(_: str, value: Any) -> Any:
    return (value, value) if isinstance(value, tuple) else value        # one (low, high) for each axis


def _layers(option: str, texts: list[str]) -> list[tuple[int, ...]]:
    return [_numbers(option, text, ",", "layers as K,S,D,P, of which all but K may be left out",
                     (1, 2, 3, 4)) for text in texts]


READ: dict[str, Callable[[str, Any], Any]] = {"i": _size, "k": _size, "p": _padding, "layers": _layers}
