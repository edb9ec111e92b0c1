"""How far float32 results of the elementary functions are from the true ones: `python -m benchmarks.accuracy`.

Every float32 there is goes through the float32 kernel and through the float64 kernel of the C library, and the worst
difference is told in units in the last place of the float32 nearest to the true result.  NaN must meet NaN, and the
signs of zeros must agree.  Two operands (`pow`) are paired by scrambling the bits of one into the other.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from typing import Any

import minigrad
from minigrad import Tensor, float32, float64, int32, int64
from minigrad.kernels import ISA
from minigrad.nn import functional as F

CHUNK = 1 << 18
LARGEST, EDGE = 2.0 ** 128 - 2.0 ** 104, 2.0 ** 128     # float32 ends here: what lies beyond counts as if it lay there
FUNCTIONS: dict[str, Callable[..., Tensor]] = {name: getattr(minigrad, name) for name in (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
    "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "sigmoid", "pow")}
ACTIVATIONS: dict[str, Callable[..., Tensor]] = {"softplus": F.softplus, "silu": F.silu, "mish": F.mish, "elu": F.elu,
                                                 "gelu": F.gelu}


def reinterpreted(x: Tensor, code: str) -> Tensor:
    """The same bits as numbers of another type, "i" or "f"."""
    return minigrad.as_tensor(memoryview(x).cast("B").cast(code))


def arguments(every: int) -> Iterator[Tensor]:
    """All float32 numbers whose bit pattern is a multiple of `every`, in pieces."""
    for start in range(-1 << 31, 1 << 31, CHUNK * every):
        stop = min(start + CHUNK * every, 1 << 31)
        yield reinterpreted(minigrad.arange(start, stop, every).to(int32), "f")


def scrambled(x: Tensor) -> Tensor:
    """Other float32 numbers, within 2^±8 or so, each as good as random."""
    bits = reinterpreted(x, "i").to(int64) * 2654435761 % (1 << 28)
    return reinterpreted((bits + ((127 - 8) << 23)).to(int32), "f") * (1 - 2 * (bits % 2)).to(float32)


def errors(got: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """The differences in units in the last place, and where NaN or the sign of a zero is wrong."""
    nearest = true.to(float32)
    near = nearest.clamp(-LARGEST, LARGEST)
    unit = (reinterpreted(reinterpreted(near, "i") + 1, "f").to(float64) - near.to(float64)).abs()
    unit = minigrad.where(near.abs() == LARGEST, 2.0 ** 104, unit)
    difference = (got.to(float64).clamp(-EDGE, EDGE) - true.clamp(-EDGE, EDGE)).abs() / unit
    zero = (got == 0) & (nearest == 0) & (reinterpreted(got, "i") != reinterpreted(nearest, "i"))
    return minigrad.where(nearest.isnan(), 0.0, difference), zero | (got.isnan() != nearest.isnan())


def worst(function: Callable[..., Tensor], every: int, binary: bool = False) -> tuple[float, float, int]:
    """The largest error of a function, an argument that has it, and how many NaNs and zeros are wrong."""
    largest, at, wrong = 0.0, math.nan, 0
    for x in arguments(every):
        operands = [x, scrambled(x)] if binary else [x]
        found, bad = errors(function(*operands), function(*[each.to(float64) for each in operands]))
        wrong += int(bad.sum().item())
        found = minigrad.where(bad, 0.0, found)
        top = found.argmax().item()
        if found[top].item() > largest:
            largest, at = found[top].item(), x[top].item()
    return largest, at, wrong


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="only these functions")
    parser.add_argument("--every", type=int, default=1, help="only each so manyeth float32 (default: 1, all of them)")
    given: Any = parser.parse_args(arguments)
    print(f"{ISA} kernels\n\n| function | worst error (ulp) | at | wrong NaNs, zeros |\n|---|---|---|---|")
    for name, function in {**FUNCTIONS, **ACTIVATIONS}.items():
        if not given.names or name in given.names:
            error, at, wrong = worst(function, given.every, name == "pow")
            print(f"| {name} | {error:.3f} | {at:.9g} | {wrong} |", flush=True)


if __name__ == "__main__":
    main()
