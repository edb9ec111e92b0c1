from minigrad_ext.types cimport N_DTYPES, Params as RawParams, Step, kernel_t


cdef class Params:
    """The integers and floats of one kernel call, converted once and reused."""
    cdef RawParams raw
    cdef readonly tuple ints
    cdef readonly tuple floats


cdef class Kernel:
    """One compiled kernel, callable with Buffers: kernel(out, *inputs[, params])."""
    cdef readonly str name
    cdef kernel_t run
    cdef void* inner[N_DTYPES]      # by the dtype of the argument number `by`; NULL where there is no loop for it
    cdef int by
    cdef readonly int writes        # bit k is set if argument k is written,
    cdef readonly bint updates      # and if that has old numbers which count
    cdef readonly bint elementwise  # whether a result may lie in the memory of an operand with the same strides

    cpdef launch(self, tuple args)
    cdef int fill(self, Step* step, tuple args) except -1


cdef int fail(str name, int status, long long detail) except -1


# A kernel that shares the driver `run` with its family: inner[code] is its loop for a dtype, NULL if none.
cdef Kernel new_family(str name, kernel_t run, void** inner, int by=*)
