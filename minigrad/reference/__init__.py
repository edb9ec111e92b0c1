"""Every kernel as slow plain Python over nested lists: its definition.

A kernel is right when it gives what the function of the same name gives here:

>>> from minigrad import reference
>>> reference.add([[1, 2], [3, 4]], [10, 20])
[[11, 22], [13, 24]]

The tests compare, the benchmarks take these loops as their baseline, and readers find what a name means.
Arguments are nested lists, in the order of the kernel's inputs, then its parameters by keyword; the result is a new
nested list.  Numbers are Python's: exact integers, and doubles even where a kernel works in float32.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

FAMILIES = ("math", "view", "reduce", "linalg", "index", "conv", "pool", "resample", "softmax", "loss", "norm",
            "random", "optim")


def _collect() -> dict[str, Callable[..., Any]]:
    """The definitions of all families by name: each module lists its own in KERNELS."""
    found: dict[str, Callable[..., Any]] = {}
    for family in FAMILIES:
        kernels = importlib.import_module(f"{__name__}.{family}").KERNELS
        twice = found.keys() & kernels.keys()
        if twice:
            raise ImportError(f"minigrad.reference.{family}: {sorted(twice)} already defined by another family")
        found.update(kernels)
    return found


KERNELS = _collect()
globals().update(KERNELS)   # `reference.conv` is the kernel's definition, not the family's module of that name


def __getattr__(name: str) -> Callable[..., Any]:
    raise AttributeError(f"minigrad.reference has no definition of {name!r}")
