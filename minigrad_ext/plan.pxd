"""A captured plan: an array of steps."""

from libc.stdint cimport int64_t
from minigrad_ext.buffer cimport Buffer
from minigrad_ext.types cimport Step

# An argument that points `offset` bytes behind the first element of what a slot is bound to.
cdef struct Patch:
    int step, arg
    int64_t offset


cdef class Plan:
    cdef Step* steps
    cdef int n
    cdef Patch* patches             # those of slot s are number first[s] to first[s + 1] - 1
    cdef int* first
    cdef char** bound
    cdef Buffer arena
    cdef readonly tuple launches    # (kernel, arguments), which also keep alive what the steps point to
    cdef readonly tuple live        # (number of a step, its Params), which change from run to run
    cdef int n_slots

    cpdef bind(self, int slot, Buffer buffer)
    cpdef run(self)
