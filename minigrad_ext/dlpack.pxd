"""DLPack: the exchange of arrays between libraries by a capsule around a C struct."""

from minigrad_ext.types cimport View

# A capsule around `view`; `owner` must keep the memory alive.
cdef object export_capsule(View* view, object owner, bint copied, bint versioned)
# Describes the memory of an array with __dlpack__(), or of a capsule; returns what keeps it alive, and whether it is
# read-only.
cdef tuple import_array(object source, View* view)
