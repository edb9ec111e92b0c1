"""The rows of the op table, one file per family."""

from minigrad.ops import activation, conv, index, linalg, loss, math, norm, pool, reduce, resample, softmax, view

__all__ = ["activation", "conv", "index", "linalg", "loss", "math", "norm", "pool", "reduce", "resample", "softmax",
           "view"]
