"""What op.py's classes are in the compiled module: C structures, whose fields are reached without a dictionary."""

cimport cython
from minigrad.node cimport Meta, Node, Value


cdef class Op:
    cdef readonly str name, promotes, doc
    cdef readonly object view, shape
    cdef public object compute
    cdef readonly tuple example
    cdef readonly bint elementwise
    cdef readonly int arity
    cdef readonly object gives

    cpdef record(self, Value out, tuple operands, dict attrs)
    cpdef vjp(self, int slot, g, tuple operands, out, dict attrs)
    cpdef pull(self, int slot, g, tuple operands, out, dict attrs)


cdef class Differentiable(Op):
    cdef readonly tuple derivatives
    cdef public dict reading


cdef class Linear(Differentiable):
    cdef readonly object transpose, constants
    cdef bint takes_slot


cdef class Multilinear(Differentiable):
    pass


cdef class Pointwise(Differentiable):
    pass


@cython.locals(code=int, other=int)
cpdef tuple promote(name, tuple operands, domain)
