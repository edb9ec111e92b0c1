"""The six dtypes, and the one rule for what mixing them gives.

Their order is the promotion order (bool < uint8 < int32 < int64 < float32 < float64), so two dtypes promote to the
larger.  Python scalars and 0-d tensors are weaker than tensors with axes: they change the result only when they are
of a higher *category* (bool, integer, float), as in PyTorch.
"""

import builtins
from typing import Any

from minigrad.errors import require

__all__ = ["DTYPES", "DType", "bool", "double", "float", "float32", "float64", "get_default_dtype", "int", "int32",
           "int64", "long", "promote_types", "result_type", "set_default_dtype", "uint8"]


class DType:
    """The type of a tensor's elements: `name`, `code` (as the kernels know it), `itemsize` in bytes.

    >>> import minigrad
    >>> minigrad.float32, minigrad.float32.itemsize
    (minigrad.float32, 4)
    """

    __slots__ = ("category", "code", "is_floating_point", "itemsize", "max", "min", "name")

    def __init__(self, code: builtins.int, name: str, itemsize: builtins.int, category: builtins.int, min: Any,
                 max: Any) -> None:
        self.code, self.name, self.itemsize, self.category = code, name, itemsize, category
        self.min, self.max = min, max           # the range of an integer dtype; for floats the largest finite value
        self.is_floating_point = category == 2

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"

    def __reduce__(self) -> str:
        return self.name        # which names it in this module


bool = DType(0, "bool", 1, 0, 0, 1)
uint8 = DType(1, "uint8", 1, 1, 0, 255)
int32 = int = DType(2, "int32", 4, 1, -2**31, 2**31 - 1)
int64 = long = DType(3, "int64", 8, 1, -2**63, 2**63 - 1)
float32 = float = DType(4, "float32", 4, 2, -3.4028234663852886e38, 3.4028234663852886e38)
float64 = double = DType(5, "float64", 8, 2, -1.7976931348623157e308, 1.7976931348623157e308)
FLOATS = (float32, float64)
DTYPES = (bool, uint8, int32, int64, float32, float64)

PYTHON: dict[type, DType] = {builtins.bool: bool, builtins.int: int64, builtins.float: float32}
_default = float32


def get_default_dtype() -> DType:
    """The float dtype of new tensors when nothing else says it (float32 at first)."""
    return _default


def set_default_dtype(dtype: DType) -> None:
    """Makes `dtype` (float32 or float64) the default of new float tensors."""
    global _default
    require(dtype in FLOATS, "set_default_dtype", "dtype", dtype, "minigrad.float32 or minigrad.float64", TypeError)
    _default = dtype
    PYTHON[builtins.float] = dtype


def as_dtype(dtype: Any, op: str) -> DType:
    """`dtype` as a DType: itself, or what Python's bool, int and float stand for.  TypeError for anything else."""
    if type(dtype) is DType:
        return dtype
    if not isinstance(dtype, type) or dtype not in PYTHON:
        names = ", ".join(known.name for known in DTYPES)
        raise TypeError(f"{op}: dtype: got {dtype!r}, expected one of minigrad's {names}")
    return PYTHON[dtype]


def check_dtype(op: str, argument: str, got: DType, *expected: DType) -> None:
    """TypeError unless a tensor's dtype is one of those expected."""
    if got not in expected:
        names = " or ".join([dtype.name for dtype in expected])
        raise TypeError(f"{op}: {argument}: got dtype {got.name}, expected {names}")


def scalar(op: str, slot: Any, x: Any) -> Any:
    """`x` as a Python bool, int or float; TypeError if it is no number."""
    if type(x) in PYTHON:
        return x
    for convert in ("__index__", "__float__"):
        if hasattr(x, convert) and not hasattr(x, "__len__"):
            return getattr(x, convert)()
    raise TypeError(f"{op}: operand {slot}: got {type(x).__name__}, expected a tensor or a number")


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
    require(operands, "result_type", "operands", "none", "at least one tensor or number", TypeError)
    ranked = [-1, -1, -1]           # the largest dtype, as its code, of those with axes, 0-d ones, Python scalars
    for slot, x in enumerate(operands):
        rank, dtype = ((0 if x.buffer.ndim else 1, x.dtype) if hasattr(x, "buffer") else
                       (2, PYTHON[type(scalar("result_type", slot, x))]))
        ranked[rank] = max(ranked[rank], dtype.code)
    known = [DTYPES[code] for code in ranked if code >= 0]
    return max(known, key=lambda dtype: dtype.category)         # the first of equals
