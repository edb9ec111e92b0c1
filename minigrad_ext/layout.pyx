"""Shapes and strides of a view.

The element at index (i0, i1, ...) lies at data + (i0 * stride0 + i1 * stride1 + ...).  Transposing, slicing, repeating
and windowing an array therefore only rewrite shape, strides and data, and no number moves.  The strides of axes that
hold at most one element are never used, and neither is any stride of a view without elements.

Where sizes and strides may be anything, they are multiplied as doubles: these cannot overflow, and are exact as far as
any memory reaches.
"""

from cpython.number cimport PyNumber_Index
from minigrad_ext.types cimport MAX_AXES, itemsize_of, view_size

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object value, int* overflow) except? -1

DTYPE_NAMES = ("bool", "uint8", "int32", "int64", "float32", "float64")     # by code

# So many elements of 8 bytes still have byte offsets that fit in 63 bits.
cdef double MAX_ELEMENTS = <double>(<int64_t>1 << 59)


cdef int read_ints(int64_t* out, object values, int count, str op, str what) except -1:
    cdef int overflow = 0
    items = <tuple>values if type(values) is tuple else tuple(values)
    n = len(items)
    if n != count and (count >= 0 or n > MAX_AXES):
        expected = count if count >= 0 else f"at most {MAX_AXES}"
        raise ValueError(f"{op}: {what}: got {n} entries, expected {expected}")
    for axis in range(n):
        out[axis] = PyLong_AsLongLongAndOverflow(PyNumber_Index(items[axis]), &overflow)
        if overflow:
            raise ValueError(f"{op}: {what}: got {items}, expected integers of 64 bits")
    return <int>n


cdef int set_contiguous(View* view, str op) except -1:
    cdef double count = 1
    cdef size_t stride = 1                  # may wrap around where `count` is refused
    for axis in range(view.ndim - 1, -1, -1):
        size = view.shape[axis]
        view.strides[axis] = stride
        stride *= max(size, <int64_t>1)
        count *= <double>max(size, <int64_t>1)
        if size < 0 or count > MAX_ELEMENTS:
            raise ValueError(f"{op}: shape: got {tuple([view.shape[j] for j in range(view.ndim)])}, expected sizes of "
                             "at least 0, and at most 2**59 elements")
    return 0


cdef int set_shape(View* view, object shape, str op) except -1:
    view.ndim = read_ints(view.shape, shape, -1, op, "shape")
    return set_contiguous(view, op)


cdef (double, double) extent(const View* view) noexcept nogil:
    """Where the lowest element of a view begins and the highest ends, in bytes from view.data; both 0 without any."""
    cdef double low = 0, high = 1, reach
    for axis in range(view.ndim):
        reach = (<double>view.shape[axis] - 1) * <double>view.strides[axis]
        low += min(reach, 0.0)
        high += max(reach, 0.0)
    itemsize = itemsize_of(view.dtype) if view_size(view) > 0 else 0
    return low * itemsize, high * itemsize
