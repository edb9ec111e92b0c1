"""Owned memory as a strided buffer.

A Storage is a block of memory with one owner; a Buffer is a view of it.  A Buffer never changes as a view, its shape,
strides and storage are fixed, only the numbers it reaches do: so whoever borrows its memory need only keep it alive.
Here the parts meet: layout (strides), nested (Python lists), pep3118 and dlpack (other libraries), allocator (memory).
"""

cimport cython
from cpython.buffer cimport Py_buffer, PyBuffer_ToContiguous
from cpython.ref cimport PyObject
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.stdint cimport int64_t
from libc.stdlib cimport free
from minigrad_ext cimport dlpack, layout, nested, pep3118
from minigrad_ext.allocator cimport give, take
from minigrad_ext.recorder cimport current
from minigrad_ext.types cimport BOOL, FLOAT32, MAX_AXES, N_DTYPES, UINT8, View, contiguous, itemsize_of, view_size

from minigrad_ext.layout import DTYPE_NAMES

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject* o)       # (of a pointer: an object would be counted once more on the way)


# no_gc_clear: the collector must not take memory away from views that other objects of a dying cycle still hold.
@cython.final
@cython.freelist(64)
@cython.no_gc_clear
cdef class Storage:
    """A block of memory: `version` counts the writes into it."""

    def __dealloc__(self):
        if self.owner is None and self.data != NULL:
            give(self.data, self.nbytes)


class NumbersUnknown(RuntimeError):
    """Numbers were asked for that do not exist: their tensor was made while a function was captured."""


cdef Storage NOTHING = Storage()
# What owns the memory of tensors that have none, whose addresses (which only tell them apart) lie where no memory is.
cdef str NOBODY = "nobody"
cdef size_t next_address = <size_t>1 << 50
cdef tuple CPU = (1, 0)         # the kind and number of the device, for DLPack


cdef Buffer new_buffer(Storage storage, const View* view):
    buffer = <Buffer>Buffer.__new__(Buffer)
    buffer.view, buffer.storage = view[0], storage
    return buffer


cdef Buffer allocate(View* view):
    """A new Buffer with a storage of its own; `view` has shape, contiguous strides and dtype."""
    if not 0 <= view.dtype < N_DTYPES:
        raise TypeError(f"Buffer: dtype: got code {view.dtype}, expected 0 to {N_DTYPES - 1}")
    storage = <Storage>Storage.__new__(Storage)
    nbytes = view_size(view) * itemsize_of(view.dtype)
    view.data = take(nbytes)
    storage.data, storage.nbytes = view.data, nbytes
    recorder = current()
    if recorder is not None:
        recorder.born(storage)
    return new_buffer(storage, view)


cdef Buffer reserve(View* view):
    """As `allocate`, without memory."""
    global next_address
    storage = <Storage>Storage.__new__(Storage)
    view.data, storage.nbytes, storage.owner = <char*>next_address, view_size(view) * itemsize_of(view.dtype), NOBODY
    storage.data = view.data
    next_address += (storage.nbytes + 127) & ~<size_t>63
    return new_buffer(storage, view)


cpdef Buffer empty(shape, int dtype):
    """Buffer.empty, for compiled callers."""
    cdef View view
    layout.set_shape(&view, shape, "empty")
    view.dtype = dtype
    return allocate(&view) if current() is None else reserve(&view)


cpdef Buffer whole(Storage storage, bint own=False):
    """All bytes of a storage; or fresh memory of as many."""
    cdef View view
    view.ndim, view.shape[0], view.strides[0], view.dtype = 1, storage.nbytes, 1, UINT8
    view.data = storage.data
    return allocate(&view) if own else new_buffer(storage, &view)


cpdef Buffer unknown(Buffer like):
    """A buffer of the same shape, strides and dtype without numbers, that shows all of them in a storage as large."""
    cdef View view = whole(like.storage).view
    twin = reserve(&view)
    return rebased(like, whole(like.storage), twin)


cpdef Buffer rebased(Buffer buffer, Buffer source, Buffer target):
    """`buffer`, which lies somewhere in the storage of `source`, as far from the first element of `target`."""
    cdef View view = buffer.view
    view.data = target.view.data + (view.data - source.view.data)
    return new_buffer(target.storage, &view)


cpdef bint alike(Buffer a, Buffer b):
    """Whether shapes, strides and dtypes are the same."""
    if a.view.ndim != b.view.ndim or a.view.dtype != b.view.dtype:
        return False
    for axis in range(a.view.ndim):
        if a.view.shape[axis] != b.view.shape[axis] or a.view.strides[axis] != b.view.strides[axis]:
            return False
    return True


cpdef int known(Buffer buffer) except -1:
    """Raises NumbersUnknown for a buffer that has none."""
    if buffer.storage.owner is NOBODY:
        raise NumbersUnknown(f"a tensor of shape {buffer.shape} has no numbers: it was made while a function was "
                             "captured, and its numbers exist only while the plan runs")
    recorder = current()
    if recorder is not None:
        recorder.look(buffer)
    return 0


cpdef bint unshared(Exporter value, int references=1):
    """Whether the caller holds all there is of this value (so many references), its buffer and its storage."""
    return (contiguous(&value.buffer.view) and Py_REFCNT(<PyObject*>value) == references
            and Py_REFCNT(<PyObject*>value.buffer) == 1 and Py_REFCNT(<PyObject*>value.buffer.storage) == 1)


cdef Buffer borrowed(View* view, object owner):
    """A Buffer over memory that `owner` keeps alive; its storage goes from the lowest to the highest element."""
    low, high = layout.extent(view)
    if low == high:
        return allocate(view)           # the owner's memory may be nowhere
    storage = <Storage>Storage.__new__(Storage)
    storage.data, storage.nbytes, storage.owner = view.data + <int64_t>low, <size_t>(high - low), owner
    storage.lent = 1
    return new_buffer(storage, view)


cdef bint usable(Buffer buffer):
    """Whether loops may work on borrowed memory: its elements lie at multiples of their size, its bools are 0 or 1."""
    return (<size_t>buffer.view.data % <size_t>itemsize_of(buffer.view.dtype) == 0
            and (buffer.view.dtype != BOOL or not buffer.tobytes().strip(b"\0\1")))


cdef Buffer copied(View view, object memory):
    """A contiguous copy of a memoryview that has the shape and dtype of `view`."""
    source = PyMemoryView_GET_BUFFER(memory)
    layout.set_contiguous(&view, "copy")
    buffer = allocate(&view)
    PyBuffer_ToContiguous(view.data, source, source.len, b"C")
    if view.dtype == BOOL:
        for j in range(source.len):
            view.data[j] = view.data[j] != 0
    return buffer


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
        self.view.ndim, self.view.dtype = 1, FLOAT32

    # ---------------------------------------------------------------------------- making buffers

    @staticmethod
    def empty(shape, int dtype):
        """A contiguous buffer holding whatever was in memory.

        Raises ValueError for a negative size, more than 8 axes or 2**59 elements, TypeError for an unknown dtype code,
        MemoryError.

        >>> Buffer.empty((2, 3), 4).strides
        (3, 1)
        """
        return empty(shape, dtype)

    @staticmethod
    def scalar(value, int dtype):
        """A buffer without axes, of one number.  Raises ValueError for an integer that the dtype cannot hold.

        >>> Buffer.scalar(1.5, 4).item()
        1.5
        """
        cdef View view
        view.ndim, view.dtype = 0, dtype
        buffer = allocate(&view)
        nested.write_scalar(view.data, dtype, value)
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
        numbers = nested.flatten(&view, data, dtype)
        buffer = allocate(&view)
        nested.write(&view, numbers)
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
        memory = memoryview(source)
        if pep3118.describe(&view, memory) and not copy and not memory.readonly:
            buffer = borrowed(&view, memory)
            if usable(buffer):
                return buffer
        return copied(view, memory)

    @staticmethod
    def from_dlpack(source, bint copy=False):
        """A buffer over the memory of another library's array: of its __dlpack__(), or of a DLPack capsule.

        Shared or copied as by from_exporter.  Raises BufferError for memory that is not the CPU's, TypeError for a type
        that has no dtype, ValueError for more than 8 axes or a capsule that has been used.
        """
        cdef View view
        owner, readonly = dlpack.import_array(source, &view)
        buffer = borrowed(&view, owner)
        return copied(view, memoryview(buffer)) if copy or readonly or not usable(buffer) else buffer

    # ---------------------------------------------------------------------------- what it is

    @property
    def shape(self):
        if self.sizes is None:
            self.sizes = tuple([self.view.shape[axis] for axis in range(self.view.ndim)])
        return self.sizes

    @property
    def strides(self):
        """In elements, of either sign; 0 where an axis repeats one element."""
        return tuple([self.view.strides[axis] for axis in range(self.view.ndim)])

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
    def data_ptr(self):
        """The address of the element at index (0, 0, ...)."""
        return <size_t>self.view.data

    @property
    def offset(self):
        """Where the element at index (0, 0, ...) stands in the storage, in elements."""
        return (self.view.data - self.storage.data) // itemsize_of(self.view.dtype)

    @property
    def known(self):
        """Whether there are numbers: not where the buffer was made while a function was captured."""
        return self.storage.owner is not NOBODY

    def is_contiguous(self):
        """Whether the elements lie in one line in the order of their indices, the last axis fastest."""
        return view_size(&self.view) == 0 or contiguous(&self.view)

    def overlaps(self, Buffer other not None):
        """Whether the ranges of memory, from lowest to highest element, intersect."""
        low, high = layout.extent(&self.view)
        other_low, other_high = layout.extent(&other.view)
        return (low < high and other_low < other_high
                and self.view.data + <int64_t>low < other.view.data + <int64_t>other_high
                and other.view.data + <int64_t>other_low < self.view.data + <int64_t>high)

    def same_view(self, Buffer other not None):
        """Whether both reach the same elements by the same indices, as the same dtype."""
        return self is other or (
            self.view.data == other.view.data and self.view.dtype == other.view.dtype and self.shape == other.shape
            and all([n < 2 or s == t for n, s, t in zip(self.shape, self.strides, other.strides)]))

    def __repr__(self):
        return f"<Buffer {DTYPE_NAMES[self.view.dtype]} {self.shape} strides {self.strides}>"

    # ---------------------------------------------------------------------------- views

    def permute(self, axes):
        """Axis j of the view is axis axes[j] of this buffer; negative axes count from the end.

        Raises ValueError unless each axis is named once.
        """
        cdef int64_t order[MAX_AXES]
        cdef int64_t source
        cdef int ndim = self.view.ndim, seen = 0
        out = new_buffer(self.storage, &self.view)
        layout.read_ints(order, axes, ndim, "permute", "axes")
        for axis in range(ndim):
            source = order[axis] + ndim if order[axis] < 0 else order[axis]
            if not 0 <= source < ndim or seen & (1 << source):
                raise ValueError(f"permute: axes: got {axes}, expected each axis of shape {self.shape} once")
            seen |= 1 << source
            out.view.shape[axis], out.view.strides[axis] = self.view.shape[source], self.view.strides[source]
        return out

    def slice(self, starts, steps, shape):
        """Element i along an axis is element start + i * step; one entry per axis, steps of either sign.

        Raises ValueError where an element would be outside.

        >>> Buffer.from_nested(range(6)).slice((5,), (-2,), (3,)).tolist()
        [5, 3, 1]
        """
        cdef int64_t start[MAX_AXES]
        cdef int64_t step[MAX_AXES]
        cdef double last, size
        cdef int ndim = self.view.ndim
        out = new_buffer(self.storage, &self.view)
        layout.read_ints(start, starts, ndim, "slice", "starts")
        layout.read_ints(step, steps, ndim, "slice", "steps")
        layout.read_ints(out.view.shape, shape, ndim, "slice", "shape")
        layout.set_contiguous(&out.view, "slice")
        if view_size(&out.view) == 0:
            return out
        for axis in range(ndim):
            size, last = self.view.shape[axis], start[axis] + (out.view.shape[axis] - 1.0) * step[axis]
            several = out.view.shape[axis] > 1
            if not (0 <= start[axis] < size and 0 <= last < size) or several and step[axis] == 0:
                raise ValueError(f"slice: starts {starts}, steps {steps}, shape {shape}: leaves axis {axis} of shape "
                                 f"{self.shape}, or repeats an element")
            if several:
                out.view.strides[axis] = self.view.strides[axis] * step[axis]
            out.view.data += start[axis] * self.view.strides[axis] * itemsize_of(self.view.dtype)
        return out

    def expand(self, shape):
        """Repeats axes of size 1, and the whole along new leading axes.  Raises ValueError where a size differs."""
        out = new_buffer(self.storage, &self.view)
        layout.set_shape(&out.view, shape, "expand")
        lead = out.view.ndim - self.view.ndim
        fits = lead >= 0
        for axis in range(out.view.ndim):
            size = self.view.shape[axis - lead] if axis >= lead else 1
            kept = axis >= lead and size == out.view.shape[axis]
            out.view.strides[axis] = self.view.strides[axis - lead] if kept else 0
            fits = fits and (kept or size == 1)
        if not fits:
            raise ValueError(f"expand: shape: got {shape}, expected one to which {self.shape} broadcasts")
        return out

    def reshape(self, shape):
        """The same elements in the same order under another shape, or None where strides cannot express that.

        Raises ValueError when the number of elements differs.
        """
        # `left` elements, `stride` apart, are what new axes have not yet taken of the old axes that were merged into one.
        cdef int64_t left = 1, stride = 1
        cdef int old = self.view.ndim
        out = new_buffer(self.storage, &self.view)
        layout.set_shape(&out.view, shape, "reshape")
        size = view_size(&out.view)
        if size != view_size(&self.view):
            raise ValueError(f"reshape: shape: got {shape}, expected the {self.size} elements of {self.shape}")
        for axis in range(out.view.ndim - 1 if size > 0 else -1, -1, -1):
            while left % out.view.shape[axis] != 0:
                old -= 1                        # the run goes on through this axis, if it has the right stride
                if self.view.shape[old] > 1:
                    if left == 1:
                        stride = self.view.strides[old]
                    elif self.view.strides[old] != left * stride:
                        return None
                    left *= self.view.shape[old]
            out.view.strides[axis] = stride
            stride *= out.view.shape[axis]
            left //= out.view.shape[axis]
        return out

    def as_strided(self, shape, strides, offset):
        """Any shape and strides over the storage.  Raises ValueError where an index would leave it."""
        cdef int64_t first
        itemsize = itemsize_of(self.view.dtype)
        out = new_buffer(self.storage, &self.view)
        layout.set_shape(&out.view, shape, "as_strided")
        if view_size(&out.view) == 0:
            return out
        layout.read_ints(&first, (offset,), 1, "as_strided", "offset")
        layout.read_ints(out.view.strides, strides, out.view.ndim, "as_strided", "strides")
        low, high = layout.extent(&out.view)
        if <double>first * itemsize + low < 0 or <double>first * itemsize + high > self.storage.nbytes:
            raise ValueError(f"as_strided: shape {shape}, strides {strides}, offset {offset}: leaves the storage of "
                             f"{<int64_t>self.storage.nbytes // itemsize} elements")
        for axis in range(out.view.ndim):
            if out.view.shape[axis] == 1:
                out.view.strides[axis] = 1      # never used, and may be anything
        out.view.data = self.storage.data + first * itemsize
        return out

    def diagonal(self, offset=0, axis1=0, axis2=1):
        """The elements whose index along axis2 is `offset` more than along axis1, as a new last axis instead of both.

        Raises IndexError for an axis that does not exist, ValueError when both are the same.
        """
        shape, strides, place = self.shape, self.strides, self.offset
        rows, columns = shape[axis1], shape[axis2]
        down, right = max(-offset, 0), max(offset, 0)
        size = max(min(rows - down, columns - right), 0)
        if size > 0:
            place += down * strides[axis1] + right * strides[axis2]
        both = {axis1 % len(shape), axis2 % len(shape)}
        if len(both) < 2:
            raise ValueError(f"diagonal: axis1, axis2: got {axis1} and {axis2}, expected two different axes")
        kept = [axis for axis in range(len(shape)) if axis not in both]
        return self.as_strided((*[shape[axis] for axis in kept], size),
                               (*[strides[axis] for axis in kept], strides[axis1] + strides[axis2]), place)

    def windows(self, axis, size, step):
        """All windows of `size` elements along an axis, `step` apart; the axis counts them, a new last one is inside.

        Raises ValueError for a size larger than the axis or a step below 1, IndexError for an axis that does not exist.

        >>> Buffer.from_nested([1, 2, 3, 4]).windows(0, 2, 1).tolist()
        [[1, 2], [2, 3], [3, 4]]
        """
        n, stride = self.shape[axis], self.strides[axis]
        if not 0 <= size <= n or step < 1:
            raise ValueError(f"windows: size, step: got {size} and {step}, expected a size of 0 to {n}, that of axis "
                             f"{axis}, and a step of at least 1")
        shape, strides = [*self.shape, size], [*self.strides, stride]
        axis %= self.view.ndim
        shape[axis] = (n - size) // step + 1
        strides[axis] = stride * step if shape[axis] > 1 else stride
        return self.as_strided(shape, strides, self.offset)

    # ---------------------------------------------------------------------------- numbers

    def item(self):
        """The one element as a Python bool, int or float.  Raises ValueError unless there is exactly one."""
        if view_size(&self.view) != 1:
            raise ValueError(f"item: got a buffer of shape {self.shape}, expected one with a single element")
        known(self)
        return nested.read_scalar(self.view.data, self.view.dtype)

    def set_item(self, value):
        """Writes the one element, and counts that as a write.  Raises ValueError unless there is exactly one."""
        if view_size(&self.view) != 1:
            raise ValueError(f"set_item: got a buffer of shape {self.shape}, expected one with a single element")
        known(self)
        nested.write_scalar(self.view.data, self.view.dtype, value)
        self.storage.version += 1

    def tolist(self):
        """Nested lists of Python numbers; without axes, the number."""
        return (<object>memoryview(self)).tolist()      # not always a list, as Cython would have it

    def tobytes(self):
        """The elements as bytes, in the order of their indices."""
        return memoryview(self).tobytes()

    cpdef bump(self):
        """Counts a write into the storage: whoever remembers the version sees that the numbers have changed."""
        self.storage.version += 1

    def __reduce__(self):
        """Pickles and deep-copies the numbers; that two buffers shared a storage is not kept."""
        return _from_bytes, (self.tobytes(), self.shape, self.view.dtype)

    # ---------------------------------------------------------------------------- interchange

    def __getbuffer__(self, Py_buffer* target, int flags):
        known(self)
        pep3118.export_view(target, &self.view, False, self, flags)
        self.storage.lent += 1

    def __releasebuffer__(self, Py_buffer* target):
        self.storage.lent -= not target.readonly
        free(target.internal)

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """A DLPack capsule over this memory (of a copy, with copy=True).

        Raises BufferError for a stream, for a device other than (1, 0), the CPU, and for negative strides: DLPack has
        them, but PyTorch ends the process when it meets one.
        """
        if stream is not None or tuple(dl_device or CPU) != CPU:
            raise BufferError(f"__dlpack__: stream, dl_device: got {stream} and {dl_device}, expected None and {CPU}")
        known(self)
        buffer = copied(self.view, memoryview(self)) if copy else self
        buffer.storage.lent += 1            # for ever: nobody tells when that ends
        return dlpack.export_capsule(&buffer.view, buffer, copy, max_version is not None and max_version[0] >= 1)

    def __dlpack_device__(self):
        return CPU


def _from_bytes(bytes data, shape, int dtype):
    """Undoes tobytes()."""
    buffer = Buffer.from_exporter(memoryview(data).cast(memoryview(Buffer.empty((), dtype)).format), True)
    return buffer.reshape(shape)


cdef class Exporter:
    """Base of Tensor: exports the memory of its attribute `buffer` (Python classes can only through a compiled base).

    What borrows memory holds the Buffer, not this object, whose attribute may be replaced meanwhile.  Where its
    attribute `requires_grad` is true the memory is lent read-only by PEP 3118, and not at all by DLPack, most of whose
    consumers would write all the same: the values that the backward pass will read must not change behind it.
    """

    def __getbuffer__(self, Py_buffer* target, int flags):
        if self.buffer is None:
            raise BufferError("there is no buffer to export")
        known(self.buffer)
        pep3118.export_view(target, &self.buffer.view, getattr(self, "requires_grad", False), self.buffer, flags)
        self.buffer.storage.lent += not target.readonly

    def __dlpack__(self, **options):
        """As Buffer.__dlpack__; raises BufferError where this requires grad."""
        if getattr(self, "requires_grad", False):
            raise BufferError("__dlpack__: cannot export a tensor that requires grad; use tensor.detach()")
        return self.buffer.__dlpack__(**options)

    def __dlpack_device__(self):
        return CPU
