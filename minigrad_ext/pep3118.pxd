"""The buffer protocol (PEP 3118): a view as others see it, and others' memory as a view."""

from cpython.buffer cimport Py_buffer
from minigrad_ext.types cimport View

cdef int export_view(Py_buffer* target, const View* view, bint readonly, object owner, int flags) except -1

# Describes foreign memory; False where its elements do not lie at multiples of their size, so that it must be copied.
cdef bint describe(View* view, object memory) except -1
