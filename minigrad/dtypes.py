"""The six dtypes, and the one rule for what mixing them gives.

Their order is the promotion order (bool < uint8 < int32 < int64 < float32 < float64), so two dtypes promote to the
larger.  Python scalars and 0-d tensors are weaker than tensors with axes: they change the result only when they are
of a higher *category* (bool, integer, float), as in PyTorch.
"""

from __future__ import annotations

import builtins
from typing import Any

__all__ = ["DTYPES", "DType", "bool", "double", "float", "float32", "float64", "get_default_dtype", "int", "int32",
           "int64", "long", "promote_types", "result_type", "set_default_dtype", "uint8"]


class DType:
    """The type of a tensor's elements: `name`, `code` (as the kernels know it), `itemsize` in bytes.

    >>> import minigrad
    >>> minigrad.float32, minigrad.float32.itemsize
    (minigrad.float32, 4)
    """

    __slots__ = ("category", "code", "is_floating_point", "itemsize", "max", "min", "name")

    def __init__(self, code: builtins.int, name: str, itemsize: builtins.int, category: builtins.int) -> None:
        self.code, self.name, self.itemsize, self.category = code, name, itemsize, category
        self.is_floating_point = category == 2
        # The range of an integer dtype; for floats the largest finite value.
        bits = 8 * itemsize
        if category == 2:
            self.max = 3.4028234663852886e38 if itemsize == 4 else 1.7976931348623157e308
            self.min = -self.max
        elif name in ("uint8", "bool"):
            self.min, self.max = 0, 1 if name == "bool" else 255
        else:
            self.min, self.max = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"

    def __reduce__(self) -> tuple:
        return _by_name, (self.name,)


def _by_name(name: str) -> DType:
    return next(dtype for dtype in DTYPES if dtype.name == name)


bool = DType(0, "bool", 1, 0)
uint8 = DType(1, "uint8", 1, 1)
int32 = int = DType(2, "int32", 4, 1)
int64 = long = DType(3, "int64", 8, 1)
float32 = float = DType(4, "float32", 4, 2)
float64 = double = DType(5, "float64", 8, 2)
DTYPES = (bool, uint8, int32, int64, float32, float64)

_PYTHON = {builtins.bool: bool, builtins.int: int64, builtins.float: float32}
_default = float32


def get_default_dtype() -> DType:
    """The float dtype of new tensors when nothing else says it (float32 at first)."""
    return _default


def set_default_dtype(dtype: DType) -> None:
    """Makes `dtype` (float32 or float64) the default of new float tensors."""
    global _default
    if dtype not in (float32, float64):
        raise TypeError(f"set_default_dtype: dtype: got {dtype!r}, expected minigrad.float32 or minigrad.float64")
    _default = dtype
    _PYTHON[builtins.float] = dtype


def as_dtype(dtype: Any, op: str) -> DType:
    """`dtype` as a DType: itself, or what Python's bool, int and float stand for.  TypeError for anything else."""
    if type(dtype) is DType:
        return dtype
    try:
        return _PYTHON[dtype]
    except (KeyError, TypeError):
        names = ", ".join(known.name for known in DTYPES)
        raise TypeError(f"{op}: dtype: got {dtype!r}, expected one of minigrad's {names}") from None


def scalar_dtype(value: Any) -> DType:
    """The dtype of a Python scalar (or of one of a class derived from them): bool, int64 or the default float."""
    known = _PYTHON.get(type(value))
    if known is not None:
        return known
    for kind in (builtins.bool, builtins.int, builtins.float):
        if isinstance(value, kind):
            return _PYTHON[kind]
    raise TypeError(f"got {type(value).__name__}, expected a tensor or a number")


def promote_types(a: DType, b: DType) -> DType:
    """The dtype that holds both: the larger in promotion order.

    >>> promote_types(int64, float32)
    minigrad.float32
    """
    return a if a.code >= b.code else b


def result_type(*operands: Any) -> DType:
    """What an operation on these tensors and Python scalars computes in.

    Tensors with axes decide; 0-d tensors count only when of a higher category; Python scalars likewise, after them.

    >>> import minigrad
    >>> minigrad.result_type(minigrad.ones(2, dtype=minigrad.int32), 2.5)
    minigrad.float32
    """
    ranked: list[DType | None] = [None, None, None]       # with axes, 0-d, Python scalars
    for operand in operands:
        if hasattr(operand, "buffer"):
            rank, dtype = (0 if operand.buffer.ndim else 1), operand.dtype
        else:
            rank, dtype = 2, scalar_dtype(operand)
        known = ranked[rank]
        if known is None or dtype.code > known.code:
            ranked[rank] = dtype
    result = None
    for dtype in ranked:
        if dtype is not None and (result is None or dtype.category > result.category):
            result = dtype
    if result is None:
        raise TypeError("result_type: expected at least one tensor or number")
    return result
