"""Arrays for kernel tests: Buffers from nested lists, in every memory layout, and how to compare them.

A test writes `from arrays import buf, empty, layouts, check_close, ...` (pytest puts this folder on the path).
"""

import math
import struct
from itertools import product

from minigrad.reference import nested
from minigrad_ext.buffer import Buffer

BOOL, UINT8, INT32, INT64, FLOAT32, FLOAT64 = range(6)
CODES = {"bool": BOOL, "uint8": UINT8, "int32": INT32, "int64": INT64, "float32": FLOAT32, "float64": FLOAT64}
NAMES = list(CODES)
REALS = ["float32", "float64"]
INTS = ["uint8", "int32", "int64"]
NUMBERS = INTS + REALS


def code(dtype):
    return CODES[dtype] if isinstance(dtype, str) else dtype


def buf(numbers, dtype="float32", shape=None):
    """A contiguous Buffer; `shape` is needed only for empty arrays, whose nested lists do not tell all of it."""
    if shape is not None and math.prod(shape) == 0:
        return empty(shape, dtype)
    return Buffer.from_nested(numbers, code(dtype))


def empty(shape, dtype="float32"):
    return Buffer.empty(tuple(shape), code(dtype))


def _views(shape, dtype):
    """(name, view of that shape) for each memory layout; every view has memory of its own."""
    ndim = len(shape)
    yield "contiguous", empty(shape, dtype)
    if ndim >= 2:
        yield "transposed", empty(shape[::-1], dtype).permute(tuple(range(ndim))[::-1])
        order = (*range(1, ndim), 0)
        back = tuple(order.index(axis) for axis in range(ndim))
        yield "rotated", empty([shape[axis] for axis in order], dtype).permute(back)
    if ndim >= 1:
        yield "stepped", empty([2 * n + 1 for n in shape], dtype).slice((1,) * ndim, (2,) * ndim, tuple(shape))
        if math.prod(shape):
            yield "reversed", empty(shape, dtype).slice(tuple(n - 1 for n in shape), (-1,) * ndim, tuple(shape))


def layouts(numbers, dtype="float32", shape=None):
    """(name, Buffer) of the same array in each memory layout."""
    shape = nested.shape(numbers) if shape is None else tuple(shape)
    for name, view in _views(shape, dtype):
        write(view, numbers)
        yield name, view


def out_layouts(shape, dtype="float32"):
    """(name, uninitialised Buffer) in each memory layout, to write into."""
    return _views(tuple(shape), dtype)


def write(view, numbers):
    """Store a nested list into a Buffer of any strides."""
    for index in product(*map(range, view.shape)):
        view.slice(index, (1,) * view.ndim, (1,) * view.ndim).reshape(()).set_item(nested.get(numbers, index))


def float32(x):
    """The nearest float32, as a Python float."""
    try:
        return struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def rounded(numbers, dtype):
    """What a dtype makes of the exact numbers of a definition."""
    return nested.pointwise(float32, numbers) if dtype == "float32" else numbers


def equal(a, b):
    return a == b or (a != a and b != b)


def check_equal(buffer, wanted, context=""):
    """Every number is the wanted one; NaN equals NaN."""
    got = buffer.tolist()
    for index, (a, b) in enumerate(zip(nested.flat(got), nested.flat(wanted), strict=True)):
        assert equal(a, b), f"{context}: number {index} is {a}, expected {b}\ngot    {got}\nwanted {wanted}"


def check_close(buffer, wanted, relative=1e-6, absolute=0.0, context=""):
    """Every number is within relative * |wanted| + absolute of the wanted one."""
    got = buffer.tolist()
    for index, (a, b) in enumerate(zip(nested.flat(got), nested.flat(wanted), strict=True)):
        near = equal(a, b) or abs(a - b) <= relative * abs(b) + absolute
        assert near, f"{context}: number {index} is {a}, expected {b}\ngot    {got}\nwanted {wanted}"
