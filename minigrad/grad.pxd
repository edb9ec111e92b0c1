"""C types for grad.py."""

cimport cython
from minigrad.node cimport Node

cdef arrive(dict pending, at, g)
@cython.locals(node=Node, pending=dict, found=dict, wanted=set, g=object)
cpdef dict pull_back(outputs, cotangents, targets=*, bint create_graph=*, bint retain_graph=*, bint through=*)
