from minigrad_ext.types cimport N_DTYPES, Params as RawParams, kernel_t


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

    cpdef launch(self, tuple args)


# A kernel that shares the driver `run` with its family: inner[code] is its loop for a dtype, NULL if none.
cdef Kernel new_family(str name, kernel_t run, void** inner, int by=*)
