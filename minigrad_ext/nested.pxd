"""Python's nested lists, read into a view; single numbers, both ways."""

from minigrad_ext.types cimport View

# The numbers of `data` in one list; sets shape, contiguous strides and, where `dtype` is None, dtype.
cdef list flatten(View* view, object data, object dtype)
cdef int write(const View* view, list numbers) except -1        # into a contiguous view
cdef int write_scalar(char* target, int dtype, object value) except -1
cdef object read_scalar(const char* source, int dtype)
