"""DLPack: the exchange of arrays between libraries by a capsule around a C struct."""

from minigrad_ext.types cimport View

# A capsule around `view`; `owner` must keep the memory alive.
cdef object export_capsule(const View* view, object owner, bint copied, bint versioned)
# Takes over a capsule: describes its memory and returns what keeps that alive.
cdef object import_capsule(object capsule, View* view, bint* readonly)
