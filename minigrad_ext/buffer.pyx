"""Owned memory as a strided buffer.

A Storage is a block of memory with one owner; a Buffer is a view of it.  A Buffer never changes as a view, its shape,
strides and storage are fixed, only the numbers it reaches do: so whoever borrows its memory need only keep it alive.
Here the parts meet: layout (strides), nested (Python lists), pep3118 and dlpack (other libraries), allocator (memory).
"""

cimport cython
from cpython.buffer cimport Py_buffer, PyBuffer_ToContiguous
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.string cimport memcpy
from minigrad_ext cimport dlpack, layout, nested, pep3118
from minigrad_ext.allocator cimport give, take
from minigrad_ext.layout cimport itemsize_of, set_contiguous, set_dtype, set_shape
from minigrad_ext.types cimport BOOL, FLOAT32, view_size

from minigrad_ext.allocator import empty_cache, get_cache_limit, memory_stats, reset_peak, set_cache_limit
from minigrad_ext.layout import DTYPE_NAMES


# no_gc_clear: the collector must not take memory away from views that other objects of a dying cycle still hold.
@cython.final
@cython.freelist(64)
@cython.no_gc_clear
cdef class Storage:
    """A block of memory: `version` counts the writes into it."""

    def __dealloc__(self):
        if self.ours:
            give(self.data, self.nbytes)


cdef Storage new_storage(int64_t nbytes):
    cdef Storage storage = Storage.__new__(Storage)
    storage.data = take(nbytes)
    storage.nbytes = nbytes
    storage.ours = True
    return storage


cdef Storage foreign_storage(const View* view, object owner):
    """The memory that a foreign view reaches, from its lowest to its highest element."""
    cdef Storage storage = Storage.__new__(Storage)
    cdef int64_t low, high
    layout.extent(view, &low, &high)
    storage.data = view.data + low * itemsize_of(view.dtype)
    storage.nbytes = (high - low) * itemsize_of(view.dtype)
    storage.owner = owner
    return storage


cdef Storage NOTHING = new_storage(0)


cdef Buffer new_buffer(Storage storage, const View* view):
    cdef Buffer buffer = Buffer.__new__(Buffer)
    buffer.view = view[0]
    buffer.storage = storage
    return buffer


cdef Buffer allocate(View* view):
    """A new Buffer with a storage of its own; `view` has shape, contiguous strides and dtype."""
    cdef Storage storage = new_storage(view_size(view) * itemsize_of(view.dtype))
    view.data = storage.data
    return new_buffer(storage, view)


cdef Buffer copied(const View* view):
    cdef View target = view[0]
    cdef Buffer buffer
    set_contiguous(&target)
    buffer = allocate(&target)
    layout.copy_out(view, target.data)
    return buffer


cdef bint shareable(const View* view, bint readonly) noexcept:
    """Whether loops may read and write foreign memory in place."""
    return (not readonly and <size_t>view.data % <size_t>itemsize_of(view.dtype) == 0
            and (view.dtype != BOOL or layout.holds_bools(view)))


@cython.final
@cython.freelist(64)
@cython.no_gc_clear
cdef class Buffer:
    """A strided view of a Storage, up to 8 axes, of dtype code 0 bool, 1 uint8, 2 int32, 3 int64, 4 float32, 5 float64.

    Buffer() is the empty float32 vector; use the static methods.  Strides and offsets count elements.  The views
    (permute, slice, expand, reshape, as_strided, diagonal, windows) share the storage and never copy.

    >>> b = Buffer.from_nested([[1, 2, 3], [4, 5, 6]])
    >>> b.permute((1, 0)).tolist()
    [[1, 4], [2, 5], [3, 6]]
    """

    def __cinit__(self):
        # What Buffer() gives, the empty vector: no buffer is ever without a storage.
        self.storage = NOTHING
        self.view.data = NOTHING.data
        self.view.ndim = 1
        self.view.dtype = FLOAT32
        self.view.shape[0] = 0
        self.view.strides[0] = 1

    # ---------------------------------------------------------------------------- making buffers

    @staticmethod
    def empty(shape, dtype):
        """A contiguous buffer holding whatever was in memory.

        Raises ValueError for a negative size, more than 8 axes or 2**59 elements, TypeError for an unknown dtype code,
        MemoryError.

        >>> Buffer.empty((2, 3), 4).strides
        (3, 1)
        """
        cdef View view
        set_shape(&view, shape, "empty")
        set_dtype(&view, dtype, "empty")
        return allocate(&view)

    @staticmethod
    def scalar(value, dtype):
        """A buffer without axes, of one number.  Raises ValueError for an integer that the dtype cannot hold.

        >>> Buffer.scalar(1.5, 4).item()
        1.5
        """
        cdef View view
        cdef Buffer buffer
        view.ndim = 0
        set_dtype(&view, dtype, "scalar")
        buffer = allocate(&view)
        nested.read_scalar(buffer.view.data, view.dtype, value)
        return buffer

    @staticmethod
    def from_nested(data, dtype=None):
        """A buffer from a number or nested lists, tuples and ranges of numbers.

        Without a dtype code: bool if all are bool, else int64 if none is a float, else (or if empty) float32.  Anything
        with an item() method, such as a NumPy scalar or a tensor of one element, counts as a number.  Floats become
        integers by dropping their fraction.  Raises ValueError where the data is ragged or an integer is out of the
        dtype's range, and TypeError for what is no number, naming the place.

        >>> Buffer.from_nested([[1, 2], [3, 4.5]]).tolist()
        [[1.0, 2.0], [3.0, 4.5]]
        """
        cdef View view
        cdef Buffer buffer
        nested.measure(&view, data, dtype)
        buffer = allocate(&view)
        nested.read(&buffer.view, data)
        return buffer

    @staticmethod
    def from_exporter(source, bint copy=False):
        """A buffer over the memory of anything that exports it by PEP 3118: bytes, array.array, memoryview, NumPy.

        The memory is shared where it can be: it is writable, its elements lie at multiples of their size, and its bools
        are 0 or 1.  Else, and with copy=True, it is copied.  Raises TypeError for a format that has no dtype.

        >>> import array
        >>> numbers = array.array("d", [1, 2])
        >>> b = Buffer.from_exporter(numbers)
        >>> numbers[0] = 5
        >>> b.tolist()
        [5.0, 2.0]
        """
        cdef View view
        cdef Buffer buffer
        cdef const Py_buffer* memory
        owner = memoryview(source)
        memory = PyMemoryView_GET_BUFFER(owner)
        if pep3118.describe(&view, memory) and not copy and shareable(&view, memory.readonly):
            return new_buffer(foreign_storage(&view, owner), &view)
        set_contiguous(&view)
        buffer = allocate(&view)
        PyBuffer_ToContiguous(buffer.view.data, memory, memory.len, b"C")
        if view.dtype == BOOL:
            layout.make_bools(&buffer.view)
        return buffer

    @staticmethod
    def from_dlpack(source, bint copy=False):
        """A buffer over the memory of another library's array: of its __dlpack__(), or of a DLPack capsule.

        Shared or copied as by from_exporter.  Raises BufferError for memory that is not the CPU's, TypeError for a type
        that has no dtype, ValueError for more than 8 axes or a capsule that has been used.
        """
        cdef View view
        cdef Buffer buffer
        cdef bint readonly = False
        owner = dlpack.import_capsule(capsule_of(source), &view, &readonly)
        if view_size(&view) == 0:
            view.data = NOTHING.data        # the producer's may be NULL
        if not copy and shareable(&view, readonly):
            return new_buffer(foreign_storage(&view, owner), &view)
        buffer = copied(&view)
        if view.dtype == BOOL:
            layout.make_bools(&buffer.view)
        return buffer

    # ---------------------------------------------------------------------------- what it is

    @property
    def shape(self):
        if self.sizes is None:
            self.sizes = layout.shape_tuple(&self.view)
        return self.sizes

    @property
    def strides(self):
        """In elements, of either sign; 0 where an axis repeats one element."""
        return layout.strides_tuple(&self.view)

    @property
    def ndim(self):
        return self.view.ndim

    @property
    def dtype(self):
        """The dtype's code."""
        return self.view.dtype

    @property
    def size(self):
        """The number of elements, repeated ones counted."""
        return view_size(&self.view)

    @property
    def itemsize(self):
        return itemsize_of(self.view.dtype)

    @property
    def nbytes(self):
        """What the elements would take as a contiguous copy."""
        return view_size(&self.view) * itemsize_of(self.view.dtype)

    @property
    def data_ptr(self):
        """The address of the element at index (0, 0, ...)."""
        return <size_t>self.view.data

    @property
    def offset(self):
        """Where the element at index (0, 0, ...) stands in the storage, in elements."""
        return (self.view.data - self.storage.data) // itemsize_of(self.view.dtype)

    def is_contiguous(self):
        """Whether the elements lie in one line in the order of their indices, the last axis fastest."""
        return layout.is_contiguous(&self.view)

    def overlaps(self, Buffer other not None):
        """Whether the ranges of memory, from lowest to highest element, intersect."""
        cdef int64_t low, high, other_low, other_high
        cdef int64_t size = itemsize_of(self.view.dtype)
        cdef int64_t other_size = itemsize_of(other.view.dtype)
        layout.extent(&self.view, &low, &high)
        layout.extent(&other.view, &other_low, &other_high)
        return (low < high and other_low < other_high
                and self.view.data + low * size < other.view.data + other_high * other_size
                and other.view.data + other_low * other_size < self.view.data + high * size)

    def same_view(self, Buffer other not None):
        """Whether both reach the same elements by the same indices, as the same dtype."""
        cdef int axis
        if (self.view.data != other.view.data or self.view.ndim != other.view.ndim
                or self.view.dtype != other.view.dtype):
            return False
        for axis in range(self.view.ndim):
            if self.view.shape[axis] != other.view.shape[axis]:
                return False
            if self.view.shape[axis] > 1 and self.view.strides[axis] != other.view.strides[axis]:
                return False
        return True

    def __repr__(self):
        return f"<Buffer {DTYPE_NAMES[self.view.dtype]} {self.shape} strides {self.strides}>"

    # ---------------------------------------------------------------------------- views

    def permute(self, axes):
        """Axis j of the view is axis axes[j] of this buffer; negative axes count from the end.

        Raises ValueError unless each axis is named once, IndexError for one that does not exist.
        """
        cdef View view
        layout.permute(&view, &self.view, axes)
        return new_buffer(self.storage, &view)

    def slice(self, starts, steps, shape):
        """Element i along an axis is element start + i * step; one entry per axis, steps of either sign.

        Raises ValueError where an element would be outside.

        >>> Buffer.from_nested(range(6)).slice((5,), (-2,), (3,)).tolist()
        [5, 3, 1]
        """
        cdef View view
        layout.slice_view(&view, &self.view, starts, steps, shape)
        return new_buffer(self.storage, &view)

    def expand(self, shape):
        """Repeats axes of size 1, and the whole along new leading axes.  Raises ValueError where a size differs."""
        cdef View view
        layout.expand(&view, &self.view, shape)
        return new_buffer(self.storage, &view)

    def reshape(self, shape):
        """The same elements in the same order under another shape, or None where strides cannot express that.

        Raises ValueError when the number of elements differs.
        """
        cdef View view
        return new_buffer(self.storage, &view) if layout.reshape(&view, &self.view, shape) else None

    def as_strided(self, shape, strides, offset):
        """Any shape and strides over the storage.  Raises ValueError where an index would leave it."""
        cdef View view
        layout.as_strided(&view, &self.view, shape, strides, offset,
                          self.storage.data, self.storage.nbytes // itemsize_of(self.view.dtype))
        return new_buffer(self.storage, &view)

    def diagonal(self, offset=0, axis1=0, axis2=1):
        """The elements whose index along axis2 is `offset` more than along axis1, as a new last axis instead of both.

        Raises IndexError for an axis that does not exist, ValueError when both are the same.
        """
        cdef View view
        layout.diagonal(&view, &self.view, offset, axis1, axis2)
        return new_buffer(self.storage, &view)

    def windows(self, axis, size, step):
        """All windows of `size` elements along an axis, `step` apart: the axis counts windows, a new last one is inside.

        Raises ValueError for a size larger than the axis or a step below 1, IndexError for an axis that does not exist.

        >>> Buffer.from_nested([1, 2, 3, 4]).windows(0, 2, 1).tolist()
        [[1, 2], [2, 3], [3, 4]]
        """
        cdef View view
        layout.windows(&view, &self.view, axis, size, step)
        return new_buffer(self.storage, &view)

    # ---------------------------------------------------------------------------- numbers

    def item(self):
        """The one element as a Python bool, int or float.  Raises ValueError unless there is exactly one."""
        if view_size(&self.view) != 1:
            raise ValueError(f"item: got a buffer of shape {self.shape}, expected one with a single element")
        return nested.to_scalar(self.view.data, self.view.dtype)

    def set_item(self, value):
        """Writes the one element, and counts that as a write.  Raises ValueError unless there is exactly one."""
        if view_size(&self.view) != 1:
            raise ValueError(f"set_item: got a buffer of shape {self.shape}, expected one with a single element")
        nested.read_scalar(self.view.data, self.view.dtype, value)
        self.storage.version += 1

    def tolist(self):
        """Nested lists of Python numbers; without axes, the number."""
        return nested.to_list(&self.view)

    def tobytes(self):
        """The elements as bytes, in the order of their indices."""
        cdef bytes result = PyBytes_FromStringAndSize(NULL, self.nbytes)
        layout.copy_out(&self.view, PyBytes_AS_STRING(result))
        return result

    def bump(self):
        """Counts a write into the storage: whoever remembers the version sees that the numbers have changed."""
        self.storage.version += 1

    def __reduce__(self):
        """Pickles and deep-copies the numbers; that two buffers shared a storage is not kept."""
        return _from_bytes, (self.tobytes(), self.shape, self.view.dtype)

    # ---------------------------------------------------------------------------- interchange

    def __getbuffer__(self, Py_buffer* target, int flags):
        lend(self, target, flags, False)

    def __releasebuffer__(self, Py_buffer* target):
        pep3118.release_view(target)

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """A DLPack capsule over this memory (of a copy, with copy=True).

        Raises BufferError for a stream, for a device other than (1, 0), the CPU, and for negative strides: DLPack has
        them, but PyTorch ends the process when it meets one.
        """
        cdef bint versioned = max_version is not None and max_version[0] >= 1
        cdef Buffer buffer = copied(&self.view) if copy else self
        if stream is not None:
            raise BufferError(f"__dlpack__: stream: got {stream}, expected None: the CPU has none")
        if dl_device is not None and tuple(dl_device) != (1, 0):
            raise BufferError(f"__dlpack__: dl_device: got {tuple(dl_device)}, expected (1, 0), the CPU")
        if layout.runs_backwards(&buffer.view):
            raise BufferError(f"__dlpack__: strides {buffer.strides}: negative ones are not exported; use copy=True")
        return dlpack.export_capsule(&buffer.view, buffer, buffer is not self, versioned)

    def __dlpack_device__(self):
        return 1, 0


cdef object capsule_of(object source):
    """The DLPack capsule of an array, as new a form of it as its library knows; a capsule as it is."""
    if not hasattr(source, "__dlpack__"):
        if type(source).__name__ == "PyCapsule":
            return source
        raise TypeError(f"from_dlpack: got {type(source).__name__}, expected an object with __dlpack__()")
    device = source.__dlpack_device__()
    if device[0] != 1:
        raise BufferError(f"from_dlpack: the memory is on device type {int(device[0])}, expected 1, the CPU")
    try:
        return source.__dlpack__(max_version=(1, 0))
    except TypeError:       # a producer from before DLPack 1.0
        return source.__dlpack__()


def _from_bytes(bytes data, shape, dtype):
    """Undoes tobytes()."""
    cdef Buffer buffer = Buffer.empty(shape, dtype)
    if len(data) != buffer.nbytes:
        raise ValueError(f"Buffer: shape {shape} takes {buffer.nbytes} bytes, got {len(data)}")
    memcpy(buffer.view.data, PyBytes_AS_STRING(data), buffer.nbytes)
    if buffer.view.dtype == BOOL:
        layout.make_bools(&buffer.view)
    return buffer


cdef int lend(Buffer buffer, Py_buffer* target, int flags, bint readonly) except -1:
    """Exports a buffer, which lives and is told of the end by Buffer.__releasebuffer__, whoever was asked for it."""
    pep3118.export_view(target, &buffer.view, readonly, buffer, flags)
    return 0


cdef class Exporter:
    """Base of Tensor: exports the memory of its attribute `buffer` (Python classes can only through a compiled base).

    What borrows memory holds the Buffer, not this object, whose attribute may be replaced meanwhile.  Where its
    attribute `requires_grad` is true the memory is lent read-only by PEP 3118, and not at all by DLPack, most of whose
    consumers would write all the same: the values that the backward pass will read must not change behind it.
    """

    def __getbuffer__(self, Py_buffer* target, int flags):
        if self.buffer is None:
            raise BufferError("there is no buffer to export")
        lend(self.buffer, target, flags, getattr(self, "requires_grad", False))

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """As Buffer.__dlpack__; raises BufferError where this requires grad."""
        if self.buffer is None:
            raise BufferError("there is no buffer to export")
        if getattr(self, "requires_grad", False):
            raise BufferError("__dlpack__: cannot export a tensor that requires grad; use tensor.detach()")
        return self.buffer.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self):
        return 1, 0
