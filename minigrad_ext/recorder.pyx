"""Who is told of this thread's kernels instead of running them, while a function is captured.

A recorder is any object with `launch(kernel, args)`, called for each kernel, and `born(storage)`, called for memory that
is filled with numbers meanwhile.  Everything else that is allocated gets no memory at all: shapes and strides alone.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_DECREF

cdef extern from *:
    """
    #ifdef _MSC_VER
        static __declspec(thread) PyObject* mg_recorder = NULL;
    #else
        static __thread PyObject* mg_recorder = NULL;
    #endif
    """
    PyObject* mg_recorder

cdef long long count = 0


cpdef current():
    """This thread's recorder, or None."""
    return <object>mg_recorder if mg_recorder != NULL else None


cpdef change():
    """Says that something has changed of which a captured function was told: a mode, a module's parts, a dtype."""
    global count
    count += 1


cpdef long long changes():
    """How often that was said: as long as this number stays, no captured function need look at anything."""
    return count


class recording:
    """Makes an object (or None) this thread's recorder within a block."""

    def __init__(self, recorder):
        self.recorder = recorder

    def __enter__(self):
        self.outer = current()
        self.put(self.recorder)

    def __exit__(self, *error):
        self.put(self.outer)

    def put(self, recorder):
        global mg_recorder
        old = mg_recorder
        if recorder is None:
            mg_recorder = NULL
        else:
            Py_INCREF(recorder)
            mg_recorder = <PyObject*>recorder
        if old != NULL:
            Py_DECREF(<object>old)
