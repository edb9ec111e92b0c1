"""Shapes and strides of a view: read from Python, checked, and what can be told from them."""

from libc.stdint cimport int64_t
from minigrad_ext.types cimport View

# Reads exactly `count` integers, or up to MAX_AXES when `count` is -1, and returns how many.
cdef int read_ints(int64_t* out, object values, int count, str op, str what) except -1
cdef int set_contiguous(View* view, str op) except -1       # the strides, from the shape, which it checks
cdef int set_shape(View* view, object shape, str op) except -1          # and contiguous strides
cdef (double, double) extent(const View* view) noexcept nogil
