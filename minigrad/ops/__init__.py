"""The rows of the op table, one file per family."""

from minigrad.ops import conv, index, linalg, math, pool, reduce, resample, view

__all__ = ["conv", "index", "linalg", "math", "pool", "reduce", "resample", "view"]
