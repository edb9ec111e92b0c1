from minigrad_ext.types cimport View

cdef class Storage:
    """A block of memory: from the allocator, or kept alive by a foreign owner."""
    cdef char* data
    cdef readonly size_t nbytes
    cdef object owner               # None for a block of ours; else what keeps the memory alive, or NOBODY
    cdef public long long version   # counts in-place writes, so that backward can refuse changed values
    cdef readonly long long lent    # how often its memory is lent to those who may write it and count nothing


cdef class Buffer:
    """A strided view of a Storage."""
    cdef View view
    cdef readonly Storage storage
    cdef tuple sizes                # the shape as Python sees it, made when first asked for

    cpdef bump(self)


cdef class Exporter:
    """Base of Tensor: holds a Buffer and exports it (PEP 3118 works for Python classes only through a C base)."""
    cdef public Buffer buffer


cpdef Buffer empty(shape, int dtype)
cpdef bint unshared(Exporter value, int references=*)
cpdef Buffer unknown(Buffer like)
cpdef Buffer whole(Storage storage, bint own=*)
cpdef Buffer rebased(Buffer buffer, Buffer source, Buffer target)
cpdef bint alike(Buffer a, Buffer b)
cpdef int known(Buffer buffer) except -1
cdef Buffer new_buffer(Storage storage, const View* view)
