"""The compiled kernels by name, of the best instruction set that this machine can run.

Every module of `minigrad_ext.kernels` is built once per level (base, v3, v4: the x86-64 levels, v4 having AVX-512).
`MINIGRAD_ISA` forces a level.
"""

import importlib
import os
import pkgutil

from minigrad_ext import cpu, kernels
from minigrad_ext.kernel import (
    Kernel,
    Params as Params,  # what a kernel reads beside its operands
)


def built() -> list[str]:
    """The levels in this build, lowest first.  A level without modules was not built."""
    return [level for level in ("base", "v3", "v4")
            if any(pkgutil.iter_modules(importlib.import_module(f"{kernels.__name__}.{level}").__path__))]


def usable() -> list[str]:
    """The levels that are built and that this CPU and system can run, lowest first."""
    return [level for level in built() if level in cpu.levels()]


def load(level: str) -> dict[str, Kernel]:
    """All kernels of one level, by name."""
    package = importlib.import_module(f"{kernels.__name__}.{level}")
    modules = [importlib.import_module(f"{package.__name__}.{module.name}")
               for module in pkgutil.iter_modules(package.__path__)]
    return {name: kernel for module in modules for name, kernel in module.KERNELS.items()}


def _choose() -> str:
    forced = os.environ.get("MINIGRAD_ISA")
    if forced and forced not in usable():
        raise ImportError(f"MINIGRAD_ISA: got {forced!r}, expected one of {usable()}: "
                          f"this build has {built()}, this CPU runs {list(cpu.levels())}")
    return forced or usable()[-1]


ISA = _choose()
KERNELS = load(ISA)


# How many positions of a random stream a draw takes, by (kernel, number of elements, code of the dtype).
counters_used = importlib.import_module(f"{kernels.__name__}.{ISA}.random").counters_used
