"""The buffer protocol (PEP 3118): a view as others see it, and others' memory as a view.

A consumer says by flags what it can cope with (strides? read-only memory? a format?), and what it cannot cope with is
refused here, never copied behind its back: writing into a copy would be lost.
"""

import sys

from cpython.buffer cimport (
    PyBUF_ANY_CONTIGUOUS, PyBUF_C_CONTIGUOUS, PyBUF_F_CONTIGUOUS, PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE,
)
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from minigrad_ext.layout cimport check_sizes, is_contiguous, itemsize_of, set_contiguous
from minigrad_ext.types cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_AXES, N_DTYPES, UINT8, view_size

# int64 is spelled with C's `long` where that has 8 bytes, because NumPy's int64 is that type there.
cdef const char* FORMATS[N_DTYPES]
FORMATS[:] = ["?", "B", "i", "l" if sizeof(long) == 8 else "q", "f", "d"]

cdef str FOREIGN_ORDER = ">!" if sys.byteorder == "little" else "<"


cdef inline bint asks(int flags, int wanted) noexcept:
    return flags & wanted == wanted


cdef bint is_fortran(const View* view) noexcept:
    """Whether the elements lie in one line with the first axis fastest."""
    cdef int64_t stride = 1
    cdef int axis
    if view_size(view) == 0:
        return True
    for axis in range(view.ndim):
        if view.shape[axis] != 1:
            if view.strides[axis] != stride:
                return False
            stride *= view.shape[axis]
    return True


cdef int export_view(Py_buffer* target, const View* view, bint readonly, object owner, int flags) except -1:
    """Fills `target` for a consumer; `owner` must keep the memory alive, and is told by release_view."""
    cdef int64_t itemsize = itemsize_of(view.dtype)
    cdef bint rows = is_contiguous(view)
    cdef Py_ssize_t* sizes
    cdef int axis
    if flags & PyBUF_WRITABLE and readonly:
        raise BufferError("the memory is read-only (or belongs to a tensor that requires grad)")
    if asks(flags, PyBUF_C_CONTIGUOUS) and not rows:
        raise BufferError("the buffer is not C-contiguous, as was asked for")
    if asks(flags, PyBUF_F_CONTIGUOUS) and not is_fortran(view):
        raise BufferError("the buffer is not Fortran-contiguous, as was asked for")
    if asks(flags, PyBUF_ANY_CONTIGUOUS) and not rows and not is_fortran(view):
        raise BufferError("the buffer is not contiguous, as was asked for")
    if not asks(flags, PyBUF_STRIDES) and not rows:
        raise BufferError("the buffer is strided, and strides were not asked for")
    sizes = <Py_ssize_t*>malloc(2 * MAX_AXES * sizeof(Py_ssize_t))
    if sizes == NULL:
        raise MemoryError
    for axis in range(view.ndim):
        sizes[axis] = view.shape[axis]
        sizes[MAX_AXES + axis] = view.strides[axis] * itemsize
    target.buf = view.data
    target.len = view_size(view) * itemsize
    target.itemsize = itemsize
    target.readonly = readonly
    target.format = <char*>FORMATS[view.dtype] if flags & PyBUF_FORMAT else NULL
    # Without shapes the memory is one line of bytes; with no axes there is no shape to point to.
    target.ndim = view.ndim if flags & PyBUF_ND else 1
    target.shape = sizes if flags & PyBUF_ND and view.ndim else NULL
    target.strides = sizes + MAX_AXES if asks(flags, PyBUF_STRIDES) and view.ndim else NULL
    target.suboffsets = NULL
    target.internal = sizes
    target.obj = owner
    return 0


cdef void release_view(Py_buffer* target) noexcept:
    free(target.internal)
    target.internal = NULL


cdef int dtype_of(const Py_buffer* source) except -1:
    """The dtype of a format: its letter gives the kind, the item size the width (C's `long` varies)."""
    cdef str text = (<bytes>source.format).decode("latin-1") if source.format != NULL else "B"
    cdef str kind = text[1:] if text[:1] in ("@", "=", "<", ">", "!") else text
    cdef Py_ssize_t itemsize = source.itemsize
    if text[:1] and text[0] in FOREIGN_ORDER and itemsize > 1:
        raise TypeError(f"from_exporter: format {text!r}: the byte order is not this machine's")
    if kind == "?" and itemsize == 1:
        return BOOL
    if kind == "B" and itemsize == 1:
        return UINT8
    if kind in ("i", "l", "q", "n") and itemsize in (4, 8):
        return INT32 if itemsize == 4 else INT64
    if kind == "f" and itemsize == 4:
        return FLOAT32
    if kind == "d" and itemsize == 8:
        return FLOAT64
    raise TypeError(f"from_exporter: format {text!r} of {itemsize} bytes has no dtype; expected one of "
                    "? (bool), B (uint8), i or l (int32), l or q (int64), f (float32), d (float64)")


cdef bint describe(View* view, const Py_buffer* source) except -1:
    cdef int64_t itemsize
    cdef bint regular = source.suboffsets == NULL
    cdef int axis
    view.dtype = dtype_of(source)
    itemsize = itemsize_of(view.dtype)
    if source.ndim > MAX_AXES:
        raise ValueError(f"from_exporter: got {source.ndim} axes, expected at most {MAX_AXES}")
    view.ndim = source.ndim
    view.data = <char*>source.buf
    for axis in range(view.ndim):
        view.shape[axis] = source.shape[axis]
    check_sizes(view, "from_exporter")
    set_contiguous(view)
    if view_size(view) == 0:
        return regular
    for axis in range(view.ndim):
        if view.shape[axis] > 1:
            view.strides[axis] = source.strides[axis] // itemsize
            regular = regular and source.strides[axis] % itemsize == 0
    return regular and <size_t>view.data % <size_t>itemsize == 0
