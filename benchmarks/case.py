"""A row of the kernels' table: a call of a kernel, and the naive loops that compute the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import minigrad
from minigrad.kernels import KERNELS
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params

DTYPES = {"bool": 0, "uint8": 1, "int32": 2, "int64": 3, "float32": 4, "float64": 5}


@dataclass
class Case:
    """One row: `run` calls the kernel on buffers made before, `naive` the loops on nested lists."""

    name: str
    kernel: str
    out: Buffer
    run: Callable[[], Any]
    naive: Callable[[], Any]
    family: str
    compare: bool = True            # whether the two results are comparable element by element
    flops: float = 0.0              # multiply-adds counted as two


def made(name: str, kernel: str, shape: tuple[int, ...], dtype: str, inputs: list[Any], params: Params | None,
         loops: Callable[..., Any], family: str, **more: Any) -> Case:
    """A case from the tensors a kernel reads; `loops` gets them as nested lists."""
    out = Buffer.empty(shape, DTYPES[dtype])
    arguments = [out, *[x.buffer for x in inputs]] + ([params] if params else [])
    call = KERNELS[kernel]
    lists: list[Any] = []

    def slow() -> Any:
        if not lists:
            lists.extend(x.tolist() for x in inputs)
        return loops(*lists)

    def fast() -> None:
        call(*arguments)

    return Case(name, kernel, out, fast, slow, family, **more)


def images(*shape: int, seed: int = 1) -> Any:
    """Small integers as floats, so that sums are exact in float32 and both ways must agree to the bit."""
    generator = minigrad.Generator().manual_seed(seed)
    return minigrad.randint(-3, 4, shape, generator=generator).float()


def positive(*shape: int) -> Any:
    """Numbers in [0.25, 0.75), where every elementwise function is defined (those over [1, inf) aside)."""
    return minigrad.rand(*shape, generator=minigrad.Generator().manual_seed(2)) * 0.5 + 0.25
