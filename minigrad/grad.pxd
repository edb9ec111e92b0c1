"""C types for grad.py."""

cimport cython
from minigrad.node cimport Node, Value
from minigrad.op cimport Op
from minigrad_ext.buffer cimport unshared
from minigrad_ext.recorder cimport current

@cython.locals(known=Value, g=Value)
cdef added(known, g)
@cython.locals(known=Value, node=Node, op=Op, pending=dict, found=dict, wanted=set, values=tuple)
cpdef dict pull_back(outputs, cotangents, targets=*, bint create_graph=*, bint retain_graph=*, bint through=*)
@cython.locals(leaf=Value, known=Value, g=Value)
cpdef accumulate(dict found, dict holders, bint create_graph)
