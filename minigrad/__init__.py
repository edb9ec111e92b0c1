"""minigrad: a tiny tensor and autodiff engine to learn, measure and train tiny CNNs.

Every number is computed by Cython loops of this repository; NumPy is never imported.

>>> import minigrad
>>> x = minigrad.tensor([[1., 2.], [3., 4.]], requires_grad=True)
>>> (x @ x).sum().backward()
>>> x.grad
tensor([[ 7., 11.],
        [ 9., 13.]])
"""

from importlib import import_module as _import
from math import e, inf, nan, pi
from typing import TYPE_CHECKING as _CHECKING, Any as _Any

# The class first: its module is called `tensor` too, and that name must end up as the function.
from minigrad.tensor import Tensor  # isort: skip
from minigrad import autograd, check, dtypes, func, functions, memory, nn, optim, random
from minigrad.autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from minigrad.device import accelerator, backends, cuda, device
from minigrad.dtypes import (
    DType as dtype,
    double,
    float32,
    float64,
    get_default_dtype,
    int32,
    int64,
    long,
    promote_types,
    result_type,
    set_default_dtype,
    uint8,
)
from minigrad.functions import *  # noqa: F403
from minigrad.random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from minigrad_ext.parallel import get_num_threads, set_num_threads

if _CHECKING:
    from minigrad import arithmetic, capture, data, io, matrix, models, utils
    from minigrad.capture import CaptureError, compile
    from minigrad.io import load, save

__version__ = "0.1.0"

bool, int, float = dtypes.bool, dtypes.int, dtypes.float
Size, inference_mode = tuple, no_grad


def __getattr__(name: str) -> _Any:
    """What reads and writes files, and what captures, is imported when first asked for: it costs a third of the import.
    """
    if name in ("arithmetic", "capture", "data", "draw", "io", "matrix", "models", "report", "utils"):
        return _import(f"minigrad.{name}")
    if name in ("compile", "CaptureError"):
        return getattr(_import("minigrad.capture"), name)
    if name in ("load", "save"):
        return getattr(_import("minigrad.io"), name)
    raise AttributeError(f"module 'minigrad' has no attribute {name!r}")
