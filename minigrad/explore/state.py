"""What is looked at, as the query string of an address: validated here, and nowhere else.

    ?op=conv&i=5&k=3&s=2&p=1        an operation; what is left out has the operation's own default
    &step=4&line=12                 where the animation and the loop stand
    &hold=0,7                       a cell that is held: cell 7 of board 0 (input, kernel, output); 3,4,2 is row 4 and
                                    column 2 of the matrix
    &n=19&layers=3,1,1,0_3,1,2,0    a stack of layers k,s,d,p over n positions; unit=3,2 is unit 2 after layer 3

Everything that comes from outside is refused here with the name of the parameter, what it got and what it wanted;
whether the numbers make an operation is then the engine's to say.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from minigrad.geometry import MODES

# operation: its parameters with their defaults, in the order in which they are shown.
WINDOW: dict[str, Any] = {"axes": 2, "i": 5, "k": 3, "s": 1, "p": 0, "d": 1}
POOL = WINDOW | {"i": 6, "k": 2, "s": 2}
CHANNELS = {"c": 1, "f": 1, "g": 1}
OPERATIONS: dict[str, dict[str, Any]] = {
    "conv": WINDOW | CHANNELS,
    "transposed": WINDOW | {"i": 3, "s": 2, "p": 1, "a": 0} | CHANNELS | {"view": "stretched"},
    "weight-gradient": WINDOW,
    "max-pool": POOL,
    "avg-pool": POOL,
    "max-unpool": POOL,
    "avg-unpool": POOL,
    "upsample": {"axes": 2, "i": 3, "s": 2, "mode": "nearest"},
}
WORDS = {"view": ("stretched", "scatter", "matrix"), "mode": ("nearest", "linear"), "entries": ("names", "numbers")}
# The whole numbers: from, to; a pair of ends is for one axis and for two.
NUMBERS: dict[str, tuple[int, Any]] = {
    "axes": (1, 2), "i": (1, (32, 16)), "k": (1, (16, 8)), "s": (1, 8), "p": (0, 16), "d": (1, 8), "a": (0, 7),
    "c": (1, 4), "f": (1, 4), "g": (1, 4), "n": (1, 64), "step": (0, 4095), "line": (0, 4095),
}
LAYER = {"k": (1, 16), "s": (1, 8), "d": (1, 8), "p": (0, 16)}
LAYERS = 6
# Places: how many numbers by the first of them, and what they are.
PLACES = {"hold": ({0: 2, 1: 2, 2: 2, 3: 3}, "a cell as 0,7 or an entry as 3,4,2: board 0 to 2 and cell, or 3, row and "
                   "column"),
          "unit": (dict.fromkeys(range(LAYERS + 1), 2), f"a unit as 3,2: layer 0 to {LAYERS} and unit")}
PARAMETERS = 24             # in one query


class BadState(ValueError):
    """A query that is none; `parameter` is the one to blame."""

    def __init__(self, parameter: str, got: Any, expected: str) -> None:
        shown = repr(got) if len(repr(got)) <= 42 else f"{repr(got)[:40]}…"
        super().__init__(f"{parameter}: got {shown}, expected {expected}")
        self.parameter = parameter


@dataclass(frozen=True)
class Window:
    """An operation and its sizes; None is what it does not have."""

    op: str = "conv"
    axes: int = 2
    i: int = 5
    k: int | None = None
    s: int = 1
    p: int | str | tuple[int, int] | None = None
    d: int | None = None
    a: int | None = None
    c: int | None = None
    f: int | None = None
    g: int | None = None
    view: str | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Stack:
    """Layers (k, s, d, p) along one axis of n positions, the first one next to them."""

    n: int = 19
    layers: tuple[tuple[int, int, int, int], ...] = ((3, 1, 1, 0), (3, 1, 2, 0), (3, 1, 4, 0))


@dataclass(frozen=True)
class State:
    """All that an address says.  `step` and `line` are None where the animation is not halted, `hold` and `unit` where
    no cell and no unit is held."""

    window: Window
    stack: Stack
    entries: str = "names"
    step: int | None = None
    line: int | None = None
    hold: tuple[int, ...] | None = None
    unit: tuple[int, ...] | None = None


def parse(query: str) -> State:
    """The state of a query string; BadState for one that has none.

    >>> parse("op=transposed&i=4&p=0,1").window
    Window(op='transposed', axes=2, i=4, k=3, s=2, p=(0, 1), d=1, a=0, c=1, f=1, g=1, view='stretched', mode=None)
    >>> parse("k=0")
    Traceback (most recent call last):
        ...
    minigrad.explore.state.BadState: k: got '0', expected a whole number from 1 to 8
    """
    given = _given(query)
    op = given.pop("op", "conv")
    if op not in OPERATIONS:
        _refuse("op", op, f"one of {', '.join(OPERATIONS)}")
    takes = OPERATIONS[op]
    axes = _number("axes", given.pop("axes")) if "axes" in given else takes["axes"]
    found: dict[str, Any] = takes | {"axes": axes}
    rest: dict[str, Any] = {}
    stack: dict[str, Any] = {}
    for name, text in given.items():
        if name in takes:
            found[name] = _padding(text) if name == "p" else _value(name, text, axes)
        elif name in ("n", "layers"):
            stack[name] = _layers(text) if name == "layers" else _number(name, text)
        elif name in PLACES:
            rest[name] = _place(name, text)
        elif name in ("entries", "step", "line"):
            rest[name] = _value(name, text, axes)
        else:
            known = name in WORDS or name in NUMBERS
            _refuse(name, text, f"none: {op} has {', '.join(takes)}" if known else "no such parameter")
    return State(Window(op=op, **found), Stack(**stack), **rest)


def query(state: State) -> str:
    """The shortest query string of a state: what is not the default.

    >>> query(parse("op=conv&i=5&k=3&s=2&p=same&layers=3,1,1,0_2,2,1,0"))
    's=2&p=same&layers=3,1,1,0_2,2,1,0'
    """
    window, stack, plain = asdict(state.window), asdict(state.stack), asdict(Stack())
    parts = [f"op={window['op']}"] * (window["op"] != "conv")
    parts += [f"{name}={text(window[name])}" for name, default in OPERATIONS[window["op"]].items()
              if window[name] != default]
    parts += [f"{name}={text(stack[name])}" for name in stack if stack[name] != plain[name]]
    parts += [f"entries={state.entries}"] * (state.entries != "names")
    held = [(name, getattr(state, name)) for name in ("step", "line", *PLACES)]
    parts += [f"{name}={text(value)}" for name, value in held if value is not None]
    return "&".join(parts)


def most(name: str, axes: int) -> int:
    """The largest value of a whole number."""
    end = NUMBERS[name][1]
    return end[axes - 1] if isinstance(end, tuple) else end


# ---- parts

def _refuse(parameter: str, got: Any, expected: str) -> NoReturn:
    raise BadState(parameter, got, expected)


def _given(query: str) -> dict[str, str]:
    """The parameters by name, each of which may stand once."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict",
                          max_num_fields=PARAMETERS)
    except ValueError:          # also what is no UTF-8
        _refuse("query", query, f"at most {PARAMETERS} parameters as name=value, joined by &")
    found: dict[str, str] = {}
    for name, text in pairs:
        if name in found:
            _refuse(name, text, "to be given once")
        found[name] = text
    return found


def _whole(parameter: str, text: str, least: int, largest: int) -> int:
    # [0-9], not \d: int() would take the digits of every script.
    if not re.fullmatch("[0-9]{1,5}", text) or not least <= int(text) <= largest:
        _refuse(parameter, text, f"a whole number from {least} to {largest}")
    return int(text)


def _number(name: str, text: str, axes: int = 2) -> int:
    return _whole(name, text, NUMBERS[name][0], most(name, axes))


def _value(name: str, text: str, axes: int) -> Any:
    if name not in WORDS:
        return _number(name, text, axes)
    if text not in WORDS[name]:
        _refuse(name, text, f"one of {', '.join(WORDS[name])}")
    return text


def _padding(text: str) -> Any:
    if text in MODES:
        return text
    parts = text.split(",")
    if len(parts) > 2 or not all(re.fullmatch("[0-9]{1,5}", part) and int(part) <= most("p", 2) for part in parts):
        _refuse("p", text, f"a whole number from 0 to {most('p', 2)}, two of them as low,high, or one of "
                f"{', '.join(MODES)}")
    numbers = [int(part) for part in parts]
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _place(name: str, text: str) -> tuple[int, ...]:
    counts, expected = PLACES[name]
    parts = text.split(",")
    if not all(re.fullmatch("[0-9]{1,4}", part) for part in parts) or counts.get(int(parts[0])) != len(parts):
        _refuse(name, text, expected)
    return tuple(map(int, parts))


def _layers(text: str) -> tuple[tuple[int, ...], ...]:
    layers = text.split("_")
    if len(layers) > LAYERS:
        _refuse("layers", text, f"at most {LAYERS} layers")
    found = []
    for layer in layers:
        numbers = layer.split(",")
        if len(numbers) > len(LAYER):
            _refuse("layers", layer, "a layer as k,s,d,p, of which all but k may be left out")
        numbers += ["1", "1", "1", "0"][len(numbers):]
        found.append(tuple([_whole(f"layers: {name}", number, *ends)
                            for number, (name, ends) in zip(numbers, LAYER.items(), strict=True)]))
    return tuple(found)


def text(value: Any) -> str:
    """A value as it stands in a query."""
    if isinstance(value, tuple):
        nested = bool(value) and isinstance(value[0], tuple)
        return ("_" if nested else ",").join(map(text, value))
    return str(value)
