"""C types for replay.py."""

cimport cython
from minigrad.node cimport Value
from minigrad_ext.buffer cimport Buffer, alike, rebased, unshared, whole
from minigrad_ext.plan cimport Plan
from minigrad_ext.recorder cimport changes


cdef class Argument:
    cdef readonly Value twin
    cdef readonly Buffer buffer
    cdef readonly bint wanting, fixed
    cdef readonly int same


cdef class Result:
    cdef readonly Value value
    cdef readonly int argument, slot
    cdef readonly Buffer buffer, source


cdef class Gradient:
    cdef readonly Value leaf
    cdef readonly int argument, bound, result
    cdef readonly bint read, alone
    cdef readonly Buffer before

    cpdef holder(self, list tensors)


cdef class State:
    cdef readonly object around
    cdef readonly list names, guards, outside, modules
    cdef readonly set known
    cdef long long changes

    cpdef bint holds(self) except -1


cdef class Replay:
    cdef readonly Plan plan
    cdef readonly list arguments, results, gradients, fresh, changed, effects
    cdef readonly int returned
    cdef readonly dict written
    cdef readonly State state
    cdef public int saved
    cdef public object history
    cdef public dict words
    cdef object lock

    @cython.locals(at=int, other=int, x=Value, y=Value, argument=Argument, gradient=Gradient, held=Value)
    cpdef bint fits(self, list tensors) except -1
    cpdef bint same_place(self, list tensors, int at) except -1
    @cython.locals(at=int, buffer=Buffer, gradient=Gradient, bound=list)
    cpdef list run(self, list tensors)
    @cython.locals(at=int, n=int, x=Value, buffer=Buffer, argument=Argument, gradient=Gradient, result=Result,
                   held=Value, bound=list)
    cpdef list bind(self, list tensors)
    @cython.locals(held=Value)
    cpdef leave(self, holder, Result result, list tensors, list bound)
    @cython.locals(held=Value)
    cpdef own(self, holder, Buffer like)
    cpdef handed_out(self, Result result, list tensors, list bound)
