"""How a wrong argument is refused: every message names the op, the argument, what it got and what it wanted."""

from collections.abc import Collection
from typing import Any, NoReturn


def refuse(op: str, argument: str, got: Any, expected: str, error: type[Exception] = ValueError) -> NoReturn:
    """Raises `error`.  Where a check is hot, `if ...: refuse(...)` makes no text as long as all is well."""
    raise error(f"{op}: {argument}: got {got}, expected {expected}")


def require(valid: Any, op: str, argument: str, got: Any, expected: str, error: type[Exception] = ValueError) -> None:
    """Raises `error` unless `valid`.

    >>> require(0.5 < 1, "dropout", "p", 0.5, "a number from 0 to 1")
    >>> require(1.5 < 1, "dropout", "p", 1.5, "a number from 0 to 1")
    Traceback (most recent call last):
        ...
    ValueError: dropout: p: got 1.5, expected a number from 0 to 1
    """
    if not valid:
        refuse(op, argument, got, expected, error)


def one_of(op: str, argument: str, got: Any, options: Collection[Any]) -> None:
    """ValueError unless `got` is one of the options.

    >>> one_of("pad", "mode", "mirror", ("constant", "reflect"))
    Traceback (most recent call last):
        ...
    ValueError: pad: mode: got 'mirror', expected one of 'constant', 'reflect'
    """
    if got not in options:
        refuse(op, argument, repr(got), f"one of {', '.join(map(repr, options))}")
