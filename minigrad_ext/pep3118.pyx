"""The buffer protocol (PEP 3118): a view as others see it, and others' memory as a view.

A consumer says by flags what it can cope with (strides? read-only memory? a format?), and what it cannot cope with is
refused here, never copied behind its back: writing into a copy would be lost.
"""

import sys

from cpython cimport buffer as pybuffer
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.stdlib cimport free, malloc
from minigrad_ext.layout cimport set_shape
from minigrad_ext.types cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_AXES, N_DTYPES, UINT8, itemsize_of, view_size

# By dtype code. int64 is spelled with C's `long` where that has 8 bytes, because NumPy's int64 is that type there.
cdef const char* FORMATS[N_DTYPES]
FORMATS[:] = ["?", "B", "i", "l" if sizeof(long) == 8 else "q", "f", "d"]

# The dtype of a format, by its letter and the item's size (C's `long` varies); prefixes of the other byte order.
cdef dict DTYPES = {("?", 1): BOOL, ("B", 1): UINT8, ("f", 4): FLOAT32, ("d", 8): FLOAT64}
DTYPES |= {(kind, size): code for kind in "ilqn" for size, code in ((4, INT32), (8, INT64))}
cdef tuple FOREIGN = (">", "!") if sys.byteorder == "little" else ("<",)


cdef int export_view(pybuffer.Py_buffer* target, const View* view, bint readonly, object owner, int flags) except -1:
    """Fills `target` for a consumer; `owner` must keep the memory alive, and free `target.internal` at the end."""
    itemsize = itemsize_of(view.dtype)
    if flags & pybuffer.PyBUF_WRITABLE and readonly:
        raise BufferError("the memory is read-only (or belongs to a tensor that requires grad)")
    sizes = <Py_ssize_t*>malloc(2 * MAX_AXES * sizeof(Py_ssize_t))
    if sizes == NULL:
        raise MemoryError
    strides = sizes + MAX_AXES
    for axis in range(view.ndim):
        sizes[axis], strides[axis] = view.shape[axis], view.strides[axis] * itemsize
    target.buf, target.len, target.itemsize = view.data, view_size(view) * itemsize, itemsize
    target.ndim, target.shape, target.strides, target.suboffsets = view.ndim, sizes, strides, NULL
    target.readonly, target.internal = readonly, sizes
    strided = flags & pybuffer.PyBUF_STRIDES == pybuffer.PyBUF_STRIDES
    order = (c"C" if not strided or flags & pybuffer.PyBUF_C_CONTIGUOUS == pybuffer.PyBUF_C_CONTIGUOUS
             else c"F" if flags & pybuffer.PyBUF_F_CONTIGUOUS == pybuffer.PyBUF_F_CONTIGUOUS
             else c"A" if flags & pybuffer.PyBUF_ANY_CONTIGUOUS == pybuffer.PyBUF_ANY_CONTIGUOUS else 0)
    if order != 0 and not pybuffer.PyBuffer_IsContiguous(target, order):
        free(sizes)
        raise BufferError(f"the buffer is not contiguous in the order asked for ({chr(order)})")
    target.format = <char*>FORMATS[view.dtype] if flags & pybuffer.PyBUF_FORMAT else NULL
    # Without shapes the memory is one line of bytes; with no axes there is no shape to point to.
    if not flags & pybuffer.PyBUF_ND:
        target.ndim = 1
    if not flags & pybuffer.PyBUF_ND or view.ndim == 0:
        target.shape = NULL
    if not strided or view.ndim == 0:
        target.strides = NULL
    target.obj = owner
    return 0


cdef bint describe(View* view, object memory) except -1:
    cdef Py_ssize_t stride, itemsize = memory.itemsize
    cdef str text = memory.format
    regular = not memory.suboffsets
    code = DTYPES.get((text.lstrip("@=<>!"), itemsize))
    if code is None or (itemsize > 1 and text.startswith(FOREIGN)):
        raise TypeError(f"from_exporter: format {text!r} of {itemsize} bytes has no dtype; expected one of ? (bool), "
                        "B (uint8), i or l (int32), l or q (int64), f (float32), d (float64), in the machine's byte order")
    view.dtype, view.data = code, <char*>PyMemoryView_GET_BUFFER(memory).buf
    set_shape(view, memory.shape, "from_exporter")
    if view_size(view) > 0:
        for axis, stride in enumerate(memory.strides):
            if view.shape[axis] > 1:
                view.strides[axis] = stride // itemsize
                regular = regular and stride % itemsize == 0
    return regular
