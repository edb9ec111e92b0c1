"""A captured plan: an array of steps."""

from libc.stdint cimport int64_t
from minigrad_ext.buffer cimport Buffer
from minigrad_ext.kernel cimport Kernel
from minigrad_ext.types cimport MAX_ARGS, Step

cdef enum:
    LINKS = 16                      # of a chain, at most

# Elementwise steps that run block by block; see plan.pyx.
cdef struct Chain:
    Step* parts
    int n, n_inner
    int64_t size                    # elements
    int moves[LINKS][MAX_ARGS]      # how each argument of each part gets from block to block

# An argument that points `offset` bytes behind the first element of what a slot is bound to.
cdef struct Patch:
    int step, arg
    int64_t offset


cdef class Plan:
    cdef Step* steps                # n of them; those of the chains' parts follow
    cdef Chain* chains
    cdef int n
    cdef Patch* patches             # those of slot s are number first[s] to first[s + 1] - 1
    cdef int* first
    cdef char** bound
    cdef Buffer arena
    cdef readonly tuple launches    # (kernel, arguments), which also keep alive what the steps point to
    cdef list packed, versions      # copies of weights, and which versions they are of
    cdef readonly tuple live        # (number of a step, its Params), which change from run to run
    cdef int n_slots, ready         # how many there are, and how many were bound since the last run
    cdef public list clocked        # while steps are timed: for each run, the nanoseconds of each

    cdef place(self, int number, Kernel kernel, tuple args, dict places, list slots, dict number_of, list by_slot)
    cdef link(self, int number, int first, tuple parts, inner)
    cdef list times(self)
    cdef pack(self)
    cdef fail(self, int at, int status)
    cpdef bind(self, int slot, Buffer buffer)
    cpdef run(self)
