"""What node.py's classes are in the compiled module: C structures, whose fields are reached without a dictionary."""

cimport cython
from minigrad_ext.buffer cimport Buffer, Exporter


cdef class Meta:
    cdef readonly tuple shape
    cdef readonly object dtype


cdef class Value(Exporter):
    cdef object __weakref__
    cdef public bint differentiable
    cdef public object node, grad_slot, hooks


cdef class Node:
    cdef object __weakref__
    cdef readonly object op
    cdef readonly dict attrs
    cdef readonly tuple parents, operands
    cdef readonly Buffer output
    cdef readonly Meta meta
    cdef readonly list saved, versions
    cdef public object hooks

    @cython.locals(kept=list)
    cdef list _kept(self)
    @cython.locals(buffer=Buffer)
    cpdef tuple values(self)


cpdef made(Buffer buffer)
