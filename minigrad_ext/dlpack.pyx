"""DLPack: the exchange of arrays between libraries by a capsule around a C struct.

A producer wraps the struct in a capsule named "dltensor".  A consumer that takes it over renames it to "used_dltensor"
and calls the struct's deleter when it is done; a capsule that nobody took over calls it when it is collected itself.
The versioned form ("dltensor_versioned", since DLPack 1.0) adds flags, of which one says that the memory is read-only.
"""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New, PyCapsule_SetName
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from minigrad_ext.layout cimport check_sizes, itemsize_of, set_contiguous
from minigrad_ext.types cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_AXES, N_DTYPES, UINT8, view_size

cdef extern from "Python.h":
    bint Py_IsInitialized() nogil

cdef extern from "dlpack.h":
    ctypedef struct DLPackVersion:
        uint32_t major
        uint32_t minor

    ctypedef struct DLDevice:
        int32_t device_type
        int32_t device_id

    ctypedef struct DLDataType:
        uint8_t code
        uint8_t bits
        uint16_t lanes

    ctypedef struct DLTensor:
        void* data
        DLDevice device
        int32_t ndim
        DLDataType dtype
        int64_t* shape
        int64_t* strides
        uint64_t byte_offset

    ctypedef struct DLManagedTensor:
        DLTensor dl_tensor
        void* manager_ctx
        void (*deleter)(DLManagedTensor* self) noexcept

    ctypedef struct DLManagedTensorVersioned:
        DLPackVersion version
        void* manager_ctx
        void (*deleter)(DLManagedTensorVersioned* self) noexcept
        uint64_t flags
        DLTensor dl_tensor

cdef enum:
    CPU = 1
    READ_ONLY = 1 << 0
    IS_COPIED = 1 << 1
    CODE_INT = 0
    CODE_UINT = 1
    CODE_FLOAT = 2
    CODE_BOOL = 6

cdef uint8_t CODES[N_DTYPES]
CODES[:] = [CODE_BOOL, CODE_UINT, CODE_INT, CODE_INT, CODE_FLOAT, CODE_FLOAT]


# All that one capsule needs, in one block: whichever of the two structs is given away, and what it points to.
cdef struct Export:
    DLManagedTensor plain
    DLManagedTensorVersioned versioned
    int64_t shape[MAX_AXES]
    int64_t strides[MAX_AXES]
    PyObject* owner


cdef void drop(Export* export) noexcept nogil:
    """Ends an export. Consumers may call this from any thread, and even after the interpreter is gone."""
    if Py_IsInitialized():
        with gil:
            Py_DECREF(<object>export.owner)
        PyMem_RawFree(export)


cdef void drop_plain(DLManagedTensor* self) noexcept nogil:
    drop(<Export*>self.manager_ctx)


cdef void drop_versioned(DLManagedTensorVersioned* self) noexcept nogil:
    drop(<Export*>self.manager_ctx)


cdef void collect(object capsule) noexcept:
    """The destructor of a capsule: releases what no consumer has taken over."""
    cdef DLManagedTensor* plain
    cdef DLManagedTensorVersioned* versioned
    if PyCapsule_IsValid(capsule, "dltensor"):
        plain = <DLManagedTensor*>PyCapsule_GetPointer(capsule, "dltensor")
        plain.deleter(plain)
    elif PyCapsule_IsValid(capsule, "dltensor_versioned"):
        versioned = <DLManagedTensorVersioned*>PyCapsule_GetPointer(capsule, "dltensor_versioned")
        versioned.deleter(versioned)


cdef object export_capsule(const View* view, object owner, bint copied, bint versioned):
    cdef Export* export = <Export*>PyMem_RawMalloc(sizeof(Export))
    cdef DLTensor* tensor
    cdef int axis
    if export == NULL:
        raise MemoryError
    for axis in range(view.ndim):
        export.shape[axis] = view.shape[axis]
        export.strides[axis] = view.strides[axis] if view.shape[axis] > 1 else 1    # an unused one may be negative
    tensor = &export.versioned.dl_tensor if versioned else &export.plain.dl_tensor
    tensor.data = view.data
    tensor.device.device_type = CPU
    tensor.device.device_id = 0
    tensor.ndim = view.ndim
    tensor.dtype.code = CODES[view.dtype]
    tensor.dtype.bits = <uint8_t>(8 * itemsize_of(view.dtype))
    tensor.dtype.lanes = 1
    tensor.shape = export.shape
    tensor.strides = export.strides
    tensor.byte_offset = 0
    try:
        if versioned:
            export.versioned.version.major = 1
            export.versioned.version.minor = 0
            export.versioned.flags = IS_COPIED if copied else 0
            export.versioned.manager_ctx = export
            export.versioned.deleter = drop_versioned
            capsule = PyCapsule_New(&export.versioned, "dltensor_versioned", collect)
        else:
            export.plain.manager_ctx = export
            export.plain.deleter = drop_plain
            capsule = PyCapsule_New(&export.plain, "dltensor", collect)
    except BaseException:
        PyMem_RawFree(export)
        raise
    Py_INCREF(owner)
    export.owner = <PyObject*>owner
    return capsule


cdef class Loan:
    """Keeps memory alive that another library has lent: calls its deleter at the end."""
    cdef DLManagedTensor* plain
    cdef DLManagedTensorVersioned* versioned

    def __dealloc__(self):
        if self.plain != NULL and self.plain.deleter != NULL:
            self.plain.deleter(self.plain)
        if self.versioned != NULL and self.versioned.deleter != NULL:
            self.versioned.deleter(self.versioned)


cdef int read_tensor(const DLTensor* tensor, View* view) except -1:
    cdef int code, axis
    if tensor.device.device_type != CPU:
        raise BufferError(f"from_dlpack: the memory is on device type {tensor.device.device_type}, expected 1, the CPU")
    if not 0 <= tensor.ndim <= MAX_AXES:
        raise ValueError(f"from_dlpack: got {tensor.ndim} axes, expected at most {MAX_AXES}")
    view.dtype = -1
    for code in range(N_DTYPES):
        if (CODES[code] == tensor.dtype.code and 8 * itemsize_of(code) == tensor.dtype.bits
                and tensor.dtype.lanes == 1):
            view.dtype = code
    if view.dtype < 0:
        raise TypeError(f"from_dlpack: type code {tensor.dtype.code} with {tensor.dtype.bits} bits and "
                        f"{tensor.dtype.lanes} lanes has no dtype; expected bool, uint8, int32, int64, float32 or "
                        "float64")
    view.ndim = tensor.ndim
    view.data = <char*>tensor.data + tensor.byte_offset
    for axis in range(view.ndim):
        view.shape[axis] = tensor.shape[axis]
    check_sizes(view, "from_dlpack")
    set_contiguous(view)
    if tensor.strides != NULL and view_size(view) > 0:
        for axis in range(view.ndim):
            if view.shape[axis] > 1:
                view.strides[axis] = tensor.strides[axis]
    return 0


cdef object import_capsule(object capsule, View* view, bint* readonly):
    """Reads everything first: a capsule that is refused stays with its producer, and is released with it."""
    cdef Loan loan = Loan.__new__(Loan)
    cdef DLManagedTensor* plain
    cdef DLManagedTensorVersioned* versioned
    readonly[0] = False
    if PyCapsule_IsValid(capsule, "dltensor"):
        plain = <DLManagedTensor*>PyCapsule_GetPointer(capsule, "dltensor")
        read_tensor(&plain.dl_tensor, view)
        PyCapsule_SetName(capsule, "used_dltensor")
        loan.plain = plain
    elif PyCapsule_IsValid(capsule, "dltensor_versioned"):
        versioned = <DLManagedTensorVersioned*>PyCapsule_GetPointer(capsule, "dltensor_versioned")
        if versioned.version.major != 1:
            raise BufferError(f"from_dlpack: got DLPack version {versioned.version.major}."
                              f"{versioned.version.minor}, expected 1")
        read_tensor(&versioned.dl_tensor, view)
        readonly[0] = versioned.flags & READ_ONLY != 0
        PyCapsule_SetName(capsule, "used_dltensor_versioned")
        loan.versioned = versioned
    else:
        raise ValueError("from_dlpack: the capsule is not a DLPack one, or has been used already")
    return loan
