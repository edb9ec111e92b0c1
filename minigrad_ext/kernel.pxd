from minigrad_ext.types cimport N_DTYPES, Params as RawParams, Step, kernel_t


cdef class Params:
    """The integers and floats of one kernel call, converted once and reused."""
    cdef RawParams raw
    cdef readonly tuple ints
    cdef readonly tuple floats


cdef class Kernel:
    """One compiled kernel, callable with Buffers: kernel(out, *inputs[, params])."""
    cdef readonly str name
    cdef readonly tuple dtypes          # names of the dtypes it has loops for, of the argument `by`
    cdef kernel_t run
    cdef void* inner[N_DTYPES]
    cdef bint has_inner
    cdef bint supported[N_DTYPES]
    cdef int by


cdef Kernel new_kernel(str name, kernel_t run, object dtypes, int by=*)
cdef Kernel new_family(str name, kernel_t run, void** inner, int by=*)
