"""Python's nested lists, read into and made from a strided view."""

from minigrad_ext.types cimport View

# Sets shape, contiguous strides and, where code is None, dtype; view.data is left alone.
cdef int measure(View* view, object data, object code) except -1
cdef int read(const View* view, object data) except -1
cdef int read_scalar(char* target, int dtype, object value) except -1
cdef object to_scalar(const char* source, int dtype)
cdef object to_list(const View* view)
