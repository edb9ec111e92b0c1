"""What the functions share: checks, whose errors name function and argument; one definition for three dimensions."""

import inspect
import re
from types import FunctionType
from typing import Any

from minigrad.errors import one_of, require
from minigrad.ops.view import reshape
from minigrad.tensor import Tensor

# What documentation says of axes: input, output and kernel sizes.
LETTERS = {"*I": ("L", "H, W", "D, H, W"), "*O": ("L'", "H', W'", "D', H', W'"), "*T": ("T", "T, U", "S, T, U")}


def check_tensor(op: str, argument: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{op}: {argument}: got {type(value).__name__}, expected a tensor")


def check_shape(valid: bool, op: str, argument: str, value: Any, expected: Any) -> None:
    if not valid:
        raise ValueError(f"{op}: {argument}: got shape {value.shape}, expected {expected}")


def check_probability(op: str, argument: str, p: float) -> None:
    require(isinstance(p, int | float) and 0.0 <= p <= 1.0, op, argument, repr(p), "a probability from 0 to 1")


def check_reduction(op: str, reduction: str, *more: str) -> None:
    one_of(op, "reduction", reduction, ("mean", "sum", "none", *more))


def per_channel(values: Tensor, ndim: int) -> Tensor:
    """(c,) as (c, 1, ...), which broadcasts against (n, c, ...) of `ndim` axes."""
    return values.reshape(-1, *(1,) * max(ndim - 2, 0))


def sized(op: str, shape: tuple[int, ...], **given: Any) -> None:
    """Each of the arguments given that is not None is a Tensor of that shape."""
    for name, value in given.items():
        if value is not None:
            check_tensor(op, name, value)
            check_shape(value.shape == shape, op, name, value, shape)


def per_dimension(name: str, function: Any) -> list[Any]:
    """`name`1d, 2d and 3d: the function with its last two arguments, `ndim` and `op` (the name), filled in.

    Each is a copy of the function (not a call of it, which would cost time) with other defaults for these two.
    """
    signature = inspect.signature(function)
    shown = signature.replace(parameters=list(signature.parameters.values())[:-2])
    made = []
    for ndim in (1, 2, 3):
        op = f"{name}{ndim}d"
        one: Any = FunctionType(function.__code__, function.__globals__, op, function.__defaults__)
        one.__kwdefaults__ = {**function.__kwdefaults__, "ndim": ndim, "op": op}
        one.__qualname__, one.__annotations__, one.__signature__ = op, function.__annotations__, shown
        one.__doc__ = _documentation(inspect.getdoc(function) or "", name, ndim)
        made.append(one)
    return made


def _documentation(text: str, name: str, ndim: int) -> str:
    """`*I`, `*O`, `*T` as the axes' letters, `Nd` as the dimension, and no paragraph that calls another dimension."""
    for symbol, letters in LETTERS.items():
        text = re.sub(rf"\{symbol}\b", letters[ndim - 1], text)
    paragraphs = text.replace("Nd", f"{ndim}d").split("\n\n")
    return "\n\n".join([part for part in paragraphs if not re.search(rf"\b{name}[^{ndim}]d\(", part)])


def batched(op: str, ndim: int, input: Any) -> tuple[Any, bool]:
    """The input as (N, C, *I), and whether it was (C, *I)."""
    if input.ndim == ndim + 2:
        return input, False
    check_shape(input.ndim == ndim + 1, op, "input", input, f"(N, C, ...) or (C, ...) with {ndim} spatial axes")
    return reshape(input, shape=(1, *input.shape)), True


def unbatched(output: Any, alone: bool) -> Any:
    """The output without the batch axis if the input had none."""
    return reshape(output, shape=output.shape[1:]) if alone else output
