"""The rows of the op table, one file per family."""

from minigrad.ops import conv, index, linalg, loss, math, norm, pool, reduce, resample, softmax, view

__all__ = ["conv", "index", "linalg", "loss", "math", "norm", "pool", "reduce", "resample", "softmax", "view"]
