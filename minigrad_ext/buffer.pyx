"""Owned memory as a strided buffer.

A Storage is a block of memory with one owner; a Buffer is a view of it, immutable as a view: its shape, strides and
storage never change, only the numbers it reaches.
"""

cimport cython
from minigrad_ext cimport layout, nested
from minigrad_ext.allocator cimport give, take
from minigrad_ext.layout cimport itemsize_of, set_dtype, set_shape
from minigrad_ext.types cimport FLOAT32, MAX_AXES, view_size

from minigrad_ext.allocator import empty_cache, get_cache_limit, memory_stats, reset_peak, set_cache_limit


# no_gc_clear: the collector must not take memory away from views that other objects of a dying cycle still hold.
@cython.final
@cython.freelist(64)
@cython.no_gc_clear
cdef class Storage:
    def __dealloc__(self):
        if self.ours:
            give(self.data, self.nbytes)


cdef Storage new_storage(int64_t nbytes):
    cdef Storage storage = Storage.__new__(Storage)
    storage.data = take(nbytes)
    storage.nbytes = nbytes
    storage.ours = True
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


@cython.final
@cython.freelist(64)
@cython.no_gc_clear
cdef class Buffer:
    def __cinit__(self):
        # What Buffer() gives, the empty vector: no buffer is ever without a storage.
        self.storage = NOTHING
        self.view.data = NOTHING.data
        self.view.ndim = 1
        self.view.dtype = FLOAT32
        self.view.shape[0] = 0
        self.view.strides[0] = 1

    @staticmethod
    def empty(shape, dtype):
        cdef View view
        cdef Buffer buffer
        set_shape(&view, shape, "empty")
        set_dtype(&view, dtype, "empty")
        return allocate(&view)

    @staticmethod
    def scalar(value, dtype):
        cdef View view
        cdef Buffer buffer
        view.ndim = 0
        set_dtype(&view, dtype, "scalar")
        buffer = allocate(&view)
        nested.read_scalar(buffer.view.data, view.dtype, value)
        return buffer

    @staticmethod
    def from_nested(data, dtype=None):
        cdef View view
        cdef Buffer buffer
        nested.measure(&view, data, dtype)
        buffer = allocate(&view)
        nested.read(&buffer.view, data)
        return buffer

    @property
    def shape(self):
        if self.sizes is None:
            self.sizes = layout.shape_tuple(&self.view)
        return self.sizes

    @property
    def strides(self):
        return layout.strides_tuple(&self.view)

    @property
    def ndim(self):
        return self.view.ndim

    @property
    def dtype(self):
        return self.view.dtype

    @property
    def size(self):
        return view_size(&self.view)

    @property
    def itemsize(self):
        return itemsize_of(self.view.dtype)

    @property
    def nbytes(self):
        return view_size(&self.view) * itemsize_of(self.view.dtype)

    @property
    def data_ptr(self):
        return <size_t>self.view.data

    @property
    def offset(self):
        return (self.view.data - self.storage.data) // itemsize_of(self.view.dtype)

    def is_contiguous(self):
        return layout.is_contiguous(&self.view)

    def permute(self, axes):
        cdef View view
        layout.permute(&view, &self.view, axes)
        return new_buffer(self.storage, &view)

    def slice(self, starts, steps, shape):
        cdef View view
        layout.slice_view(&view, &self.view, starts, steps, shape)
        return new_buffer(self.storage, &view)

    def expand(self, shape):
        cdef View view
        layout.expand(&view, &self.view, shape)
        return new_buffer(self.storage, &view)

    def reshape(self, shape):
        cdef View view
        return new_buffer(self.storage, &view) if layout.reshape(&view, &self.view, shape) else None

    def as_strided(self, shape, strides, offset):
        cdef View view
        layout.as_strided(&view, &self.view, shape, strides, offset,
                          self.storage.data, self.storage.nbytes // itemsize_of(self.view.dtype))
        return new_buffer(self.storage, &view)

    def diagonal(self, offset=0, axis1=0, axis2=1):
        cdef View view
        layout.diagonal(&view, &self.view, offset, axis1, axis2)
        return new_buffer(self.storage, &view)

    def windows(self, axis, size, step):
        cdef View view
        layout.windows(&view, &self.view, axis, size, step)
        return new_buffer(self.storage, &view)

    def item(self):
        if view_size(&self.view) != 1:
            raise ValueError(f"item: got a buffer of shape {self.shape}, expected one with a single element")
        return nested.to_scalar(self.view.data, self.view.dtype)

    def set_item(self, value):
        if view_size(&self.view) != 1:
            raise ValueError(f"set_item: got a buffer of shape {self.shape}, expected one with a single element")
        if self.storage.readonly:
            raise ValueError("set_item: the memory is read-only")
        nested.read_scalar(self.view.data, self.view.dtype, value)
        self.storage.version += 1

    def tolist(self):
        return nested.to_list(&self.view)

    def bump(self):
        self.storage.version += 1

    def overlaps(self, Buffer other not None):
        cdef int64_t low, high, other_low, other_high
        cdef int64_t size = itemsize_of(self.view.dtype)
        cdef int64_t other_size = itemsize_of(other.view.dtype)
        layout.extent(&self.view, &low, &high)
        layout.extent(&other.view, &other_low, &other_high)
        return (low < high and other_low < other_high
                and self.view.data + low * size < other.view.data + other_high * other_size
                and other.view.data + other_low * other_size < self.view.data + high * size)

    def same_view(self, Buffer other not None):
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


cdef class Exporter:
    pass
