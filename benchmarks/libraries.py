"""What is compared: minigrad, PyTorch and NumPy where they are installed, and loops over nested lists.

A row's call is evaluated in a library's scope: `m` is the library, `F` its layers.  NumPy and the loops have no
gradients, one thread (their time stands with the first thread count), and not every row.
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from operator import mul
from pathlib import Path
from typing import Any

import minigrad
from benchmarks import naive
from benchmarks.table import Row
from benchmarks.timing import Call
from minigrad.kernels import ISA
from minigrad_ext.parallel import usable_cores

MINIGRAD, PYTORCH, NUMPY, NAIVE = "minigrad", "PyTorch", "NumPy", "naive loops"
CAPTURED, COMPILED = "captured", "torch.compile"        # the same two, not eager
NAMES = (MINIGRAD, PYTORCH, NUMPY, NAIVE, CAPTURED, COMPILED)
LARGEST_NAIVE = 1e7         # operations, which the loops need a good part of a second for


@dataclass(frozen=True, eq=False)
class Library:
    name: str
    m: Any
    F: Any
    tensor: Callable[[Any], Any]    # of one of minigrad, in memory of its own
    trains: bool = False            # has gradients and threads

    def forget(self) -> None:
        """Drops what was compiled: PyTorch compiles a function no more than eight times."""
        if self.name == COMPILED:
            self.m.compiler.reset()

    def call(self, row: Row, backward: bool) -> Call | None:
        """The row's call, with its gradients in all operands if wanted; None where the library has no such thing."""
        text = row.spelled.get(self.name, row.call)
        layers = re.findall(r"\bF\.(\w+)", text)
        loops = self.name == NAIVE and (row.flops > LARGEST_NAIVE or not (layers or NAIVE in row.spelled))
        if loops or (backward and not self.trains) or any(not hasattr(self.F, layer) for layer in layers):
            return None
        scope = {"m": self.m, "F": self.F, "math": math, "mul": mul}
        operands = {name: self.tensor(numbers(shape, seed)) for seed, (name, shape) in enumerate(row.operands.items())}
        scope |= operands | {name: self.tensor(eval(given, {"m": minigrad})) for name, given in row.given.items()}
        call = eval(f"lambda: {text}", scope)
        return graded(self.m, call, list(operands.values()), backward) if self.trains else call


def numbers(shape: tuple[int, ...], seed: int) -> Any:
    return minigrad.randn(*shape, generator=minigrad.Generator().manual_seed(seed)) * 0.5


def graded(m: Any, call: Call, leaves: list[Any], backward: bool) -> Call:
    """The call without recording, or with the gradients in all leaves of a cotangent of ones."""
    if not backward:
        def alone() -> Any:
            with m.no_grad():
                return call()
        return alone
    for x in leaves:
        x.requires_grad_()
    g = m.ones_like(call())

    def both() -> Any:
        return m.autograd.grad(call(), leaves, g)
    return both


def installed(without: list[str]) -> list[Library]:
    """Those of the libraries that are there and not left out, minigrad first."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"        # read when NumPy is loaded
    found = [Library(MINIGRAD, minigrad, minigrad.nn.functional, minigrad.clone, True)]
    if m := _module(PYTORCH, "torch", without):
        found.append(Library(PYTORCH, m, m.nn.functional, lambda x, torch=m: torch.from_dlpack(x).clone(), True))
    if m := _module(NUMPY, "numpy", without):
        found.append(Library(NUMPY, m, import_module("benchmarks.with_numpy"), m.array))
    if NAIVE not in without:
        found.append(Library(NAIVE, naive, naive, lambda x: x.tolist()))
    return found


def compiling(found: list[Library], without: list[str]) -> list[Library]:
    """The libraries that make a whole training step faster, if they can here (torch.compile needs a C++ compiler)."""
    faster = []
    for library in found:
        name = {MINIGRAD: CAPTURED, PYTORCH: COMPILED}.get(library.name)
        if name is None or name in without:
            continue
        try:
            library.m.compile(lambda x: x * 2 + 1)(library.m.ones(64))
            faster.append(replace(library, name=name))
        except Exception as error:
            print(f"{name} does not run here: {str(error).strip().splitlines()[0]}")
    return faster


def machine(found: list[Library]) -> str:
    """What was measured on: processor, cores, kernels, versions."""
    try:
        processor = Path("/proc/cpuinfo").read_text().split("model name\t: ")[1].split("\n")[0]
    except (OSError, IndexError):
        processor = platform.processor()
    versions = [f"{library.name} {library.m.__version__}" for library in found if hasattr(library.m, "__version__")]
    python = f"Python {platform.python_version()}"
    return f"{processor}, {usable_cores()} cores, {ISA} kernels; {', '.join([python, *versions])}"


def _module(library: str, name: str, without: list[str]) -> Any:
    try:
        return None if library in without else import_module(name)
    except ImportError:
        return None


def check_same(name: str, results: dict[str, Any]) -> None:
    """Whether all libraries computed the same as minigrad, to float32's rounding of long sums."""
    (_, expected), *others = results.items()
    for library, result in others:
        pairs = zip(expected, result, strict=True) if isinstance(expected, tuple) else [(expected, result)]
        for mine, theirs in pairs:
            other = minigrad.tensor(theirs.tolist() if getattr(theirs, "shape", 0) == () else theirs)
            far = (mine - other).abs().amax() > 1e-3 * mine.abs().amax().clamp(min=1.0)
            if other.shape != mine.shape or far.item():
                raise AssertionError(f"{name}: {library} computes something else than minigrad")


def trim_never() -> None:
    """Has the C library keep what is freed: PyTorch's large outputs are then no fresh pages each time."""
    mallopt = ctypes.CDLL(None).mallopt
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    for parameter, value in ((trim_threshold, 2**31 - 1), (top_pad, 1 << 26), (mmap_max, 0)):
        if mallopt(parameter, value) != 1:
            raise OSError(f"--untrimmed: mallopt({parameter}, {value}) was refused")
