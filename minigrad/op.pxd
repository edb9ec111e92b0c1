"""What op.py's classes are in the compiled module: C structures, whose fields are reached without a dictionary."""

cimport cython
from minigrad.node cimport Meta, Node, Value, made
from minigrad_ext.buffer cimport Buffer, empty
from minigrad_ext.kernel cimport Kernel
from minigrad_ext.recorder cimport current


cdef class Op:
    cdef readonly str name, promotes, doc
    cdef readonly object view, shape
    cdef public object compute
    cdef readonly tuple example
    cdef readonly bint elementwise, part
    cdef readonly int arity
    cdef readonly object gives

    cpdef apply(self, tuple operands, dict attrs)
    @cython.locals(x=Value, buffers=list, buffer=Buffer, kernel=Kernel)
    cpdef perform(self, tuple operands, dict attrs)
    @cython.locals(x=Value, first=Value, shape=tuple)
    cpdef tuple broadcast(self, tuple operands)
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
