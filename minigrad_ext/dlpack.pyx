"""DLPack: the exchange of arrays between libraries by a capsule around a C struct (https://dmlc.github.io/dlpack).

A producer wraps the struct in a capsule named "dltensor".  A consumer that takes it over renames it to "used_dltensor"
and calls the struct's deleter when it is done; a capsule that nobody took over calls it when it is collected itself.
The versioned form ("dltensor_versioned", since DLPack 1.0) adds flags, of which one says that the memory is read-only.
"""

from cpython cimport pycapsule
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from minigrad_ext.layout cimport set_shape
from minigrad_ext.types cimport MAX_AXES, N_DTYPES, View, itemsize_of, view_size

cdef extern from "Python.h":
    bint Py_IsInitialized() nogil

ctypedef void (*deleter_t)(void* managed) noexcept nogil

# The structs are a binary interface, so their layout must not change.
cdef struct DLTensor:
    char* data
    int32_t device_type, device_id, ndim
    uint8_t code, bits              # of the elements' type
    uint16_t lanes
    int64_t* shape
    int64_t* strides                # in elements; NULL: contiguous
    uint64_t byte_offset

cdef struct Plain:
    DLTensor tensor
    void* context
    deleter_t deleter

cdef struct Versioned:
    uint32_t major, minor
    void* context
    deleter_t deleter
    uint64_t flags
    DLTensor tensor

cdef union Managed:
    Plain plain
    Versioned versioned

cdef enum:
    CPU = 1, READ_ONLY = 1 << 0, IS_COPIED = 1 << 1

# By dtype code: 6 is a bool, 1 an unsigned integer, 0 a signed one, 2 a float; and back, with the bits.
cdef tuple CODES = (6, 1, 0, 0, 2, 2)
cdef dict DTYPES = {(CODES[dtype], 8 * itemsize_of(dtype)): dtype for dtype in range(N_DTYPES)}

cdef const char* PLAIN = "dltensor"
cdef const char* VERSIONED = "dltensor_versioned"


cdef class Export:
    """The struct that a capsule gives away, and the owner of the memory; the deleter gives up a reference to it."""
    cdef Managed managed
    cdef object owner


cdef void drop(void* export) noexcept nogil:
    """Ends an export. Consumers may call this from any thread, and even after the interpreter is gone."""
    if Py_IsInitialized():
        with gil:
            Py_DECREF(<object>export)


cdef void drop_plain(void* managed) noexcept nogil:
    drop((<Plain*>managed).context)


cdef void drop_versioned(void* managed) noexcept nogil:
    drop((<Versioned*>managed).context)


cdef void collect(object capsule) noexcept:
    """The destructor of a capsule: ends the export that no consumer has taken over."""
    if pycapsule.PyCapsule_IsValid(capsule, PLAIN) or pycapsule.PyCapsule_IsValid(capsule, VERSIONED):
        drop(pycapsule.PyCapsule_GetContext(capsule))


cdef object export_capsule(View* view, object owner, bint copied, bint versioned):
    for axis in range(view.ndim):
        if view.strides[axis] < 0:
            raise BufferError(f"__dlpack__: strides: got {owner.strides}, expected none below 0; use copy=True")
    export = <Export>Export.__new__(Export)
    export.owner = owner
    tensor = DLTensor(view.data, CPU, 0, view.ndim, CODES[view.dtype], <uint8_t>(8 * itemsize_of(view.dtype)), 1,
                      &view.shape[0], &view.strides[0], 0)
    if versioned:
        export.managed.versioned = Versioned(1, 0, <void*>export, drop_versioned, IS_COPIED if copied else 0, tensor)
    else:
        export.managed.plain = Plain(tensor, <void*>export, drop_plain)
    capsule = pycapsule.PyCapsule_New(&export.managed, VERSIONED if versioned else PLAIN, collect)
    pycapsule.PyCapsule_SetContext(capsule, <void*>export)
    Py_INCREF(export)
    return capsule


cdef class Loan:
    """Keeps memory alive that another library has lent: calls its deleter at the end."""
    cdef void* managed
    cdef deleter_t deleter

    def __dealloc__(self):
        if self.deleter != NULL:
            self.deleter(self.managed)


cdef int read_tensor(const DLTensor* tensor, View* view) except -1:
    if tensor.device_type != CPU:
        raise BufferError(f"from_dlpack: device: got type {tensor.device_type}, expected 1, the CPU")
    if not 0 <= tensor.ndim <= MAX_AXES:
        raise ValueError(f"from_dlpack: shape: got {tensor.ndim} axes, expected at most {MAX_AXES}")
    dtype = DTYPES.get((tensor.code, tensor.bits))
    if dtype is None or tensor.lanes != 1:
        raise TypeError(f"from_dlpack: type code {tensor.code} with {tensor.bits} bits and {tensor.lanes} lanes has no "
                        "dtype; expected bool, uint8, int32, int64, float32 or float64")
    view.dtype, view.data = dtype, tensor.data + tensor.byte_offset
    set_shape(view, [tensor.shape[axis] for axis in range(tensor.ndim)], "from_dlpack")
    for axis in range(view.ndim):
        if tensor.strides != NULL and view.shape[axis] > 1 and view_size(view) > 0:
            view.strides[axis] = tensor.strides[axis]
    return 0


cdef tuple import_array(object source, View* view):
    """Reads everything before taking over: a capsule that is refused stays with its producer."""
    loan = <Loan>Loan.__new__(Loan)
    capsule = source
    if hasattr(source, "__dlpack__"):
        device = int(source.__dlpack_device__()[0])
        if device != CPU:
            raise BufferError(f"from_dlpack: device: got type {device}, expected 1, the CPU")
        try:
            capsule = source.__dlpack__(max_version=(1, 0))
        except TypeError:       # a producer from before DLPack 1.0
            capsule = source.__dlpack__()
    versioned = pycapsule.PyCapsule_IsValid(capsule, VERSIONED)
    if not versioned and not pycapsule.PyCapsule_IsValid(capsule, PLAIN):
        if type(capsule).__name__ == "PyCapsule":
            raise ValueError("from_dlpack: the capsule is not a DLPack one, or has been used already")
        raise TypeError(f"from_dlpack: got {type(source).__name__}, expected an object with __dlpack__()")
    managed = <Managed*>pycapsule.PyCapsule_GetPointer(capsule, pycapsule.PyCapsule_GetName(capsule))
    if versioned and managed.versioned.major != 1:
        raise BufferError(f"from_dlpack: version: got {managed.versioned.major}.{managed.versioned.minor}, expected 1")
    read_tensor(&managed.versioned.tensor if versioned else &managed.plain.tensor, view)
    pycapsule.PyCapsule_SetName(capsule, "used_dltensor_versioned" if versioned else "used_dltensor")
    loan.managed, loan.deleter = managed, managed.versioned.deleter if versioned else managed.plain.deleter
    return loan, versioned and managed.versioned.flags & READ_ONLY != 0
