"""Arithmetic of strided views: checked by construction, so that no view reaches outside its storage."""

from libc.stdint cimport int64_t
from minigrad_ext.types cimport BOOL, FLOAT64, INT64, UINT8, View


cdef inline int64_t itemsize_of(int dtype) noexcept nogil:
    if dtype == BOOL or dtype == UINT8:
        return 1
    return 8 if dtype == INT64 or dtype == FLOAT64 else 4


# Errors begin with `op`, the name the user called.
cdef int64_t as_int(object value, str op, str what) except? -1
cdef int set_dtype(View* view, object code, str op) except -1
cdef int set_shape(View* view, object shape, str op) except -1          # and the strides of a contiguous view
cdef int check_sizes(const View* view, str op) except -1                # none negative, not too many elements
cdef void set_contiguous(View* view) noexcept                           # the strides, from the shape
cdef int64_t read_ints(int64_t* out, object values, int count, str op, str what) except -1
cdef tuple shape_tuple(const View* view)
cdef tuple strides_tuple(const View* view)

cdef bint is_contiguous(const View* view) noexcept nogil
cdef bint runs_backwards(const View* view) noexcept nogil               # some stride is negative
# The elements a view reaches, relative to view.data: low <= 0 < high, or both 0 when it has none.
cdef void extent(const View* view, int64_t* low, int64_t* high) noexcept nogil
cdef void copy_out(const View* view, char* target) noexcept nogil       # into a contiguous block
cdef bint holds_bools(const View* view) noexcept nogil                  # every byte 0 or 1
cdef void make_bools(const View* view) noexcept nogil                   # of a contiguous view

cdef int permute(View* out, const View* view, object axes) except -1
cdef int slice_view(View* out, const View* view, object starts, object steps, object shape) except -1
cdef int expand(View* out, const View* view, object shape) except -1
cdef bint reshape(View* out, const View* view, object shape) except -1  # False when it needs a copy
cdef int as_strided(View* out, const View* view, object shape, object strides, object offset,
                    char* start, int64_t count) except -1
cdef int diagonal(View* out, const View* view, object offset, object axis1, object axis2) except -1
cdef int windows(View* out, const View* view, object axis, object size, object step) except -1
