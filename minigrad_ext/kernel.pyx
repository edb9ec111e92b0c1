"""How Python reaches a compiled loop: fill a Step, run it without the GIL, turn its status into an exception."""

from libc.stdint cimport int64_t
from libc.string cimport memset
from minigrad_ext.allocator cimport intact
from minigrad_ext.buffer cimport Buffer, Storage
from minigrad_ext.layout cimport extent, itemsize_of
from minigrad_ext.types cimport (
    BAD_INDEX, MAX_ARGS, MAX_FLOATS, MAX_INTS, N_DTYPES, NEGATIVE_POWER, NO_MEMORY, OK, Step, ZERO_DIVISION, kernel_t,
)

from minigrad_ext.layout import DTYPE_NAMES


cdef extern from *:
    """
    #ifdef MINIGRAD_CHECKS
        #define MG_CHECKED 1
    #else
        #define MG_CHECKED 0
    #endif
    #ifdef MINIGRAD_GUARDS
        #define MG_GUARDED 1
    #else
        #define MG_GUARDED 0
    #endif
    """
    const bint MG_CHECKED
    const bint MG_GUARDED

CHECKED, GUARDED = bool(MG_CHECKED), bool(MG_GUARDED)   # whether this is a debug build, and whether it guards its blocks


cdef class Params:
    def __cinit__(self, ints=(), floats=()):
        cdef int j
        if len(ints) > MAX_INTS or len(floats) > MAX_FLOATS:
            raise ValueError(f"Params: at most {MAX_INTS} ints and {MAX_FLOATS} floats, "
                             f"got {len(ints)} and {len(floats)}")
        self.ints, self.floats = tuple(ints), tuple(floats)
        memset(&self.raw, 0, sizeof(self.raw))
        for j in range(len(self.ints)):
            self.raw.i[j] = self.ints[j]
        for j in range(len(self.floats)):
            self.raw.f[j] = self.floats[j]

    def __repr__(self):
        return f"Params(ints={self.ints}, floats={self.floats})"


cdef int check_views(str name, tuple args, int n) except -1:
    """AssertionError where a view reaches outside its memory."""
    cdef Buffer buffer
    cdef int64_t low, high, size
    cdef int j
    for j in range(n):
        buffer = args[j]
        extent(&buffer.view, &low, &high)
        size = itemsize_of(buffer.view.dtype)
        if high > low and (buffer.view.data + low * size < buffer.storage.data or
                           buffer.view.data + high * size > buffer.storage.data + buffer.storage.nbytes):
            raise AssertionError(f"{name}: argument {j} of shape {buffer.shape} reaches outside its memory")
    return 0


cdef int check_guards(str name, tuple args, int n) except -1:
    """AssertionError where the bytes around an argument's memory have been written."""
    cdef Storage storage
    cdef int j
    for j in range(n):
        storage = (<Buffer>args[j]).storage
        if storage.ours and not intact(storage.data, storage.nbytes):
            raise AssertionError(f"{name}: something was written beyond the memory of argument {j}")
    return 0


cdef class Kernel:
    """One compiled kernel.

    `kernel(out, *inputs)` or `kernel(out, *inputs, params)`: `out` and the inputs are Buffers whose shapes and
    dtypes the caller has already checked (the op's shape rule does); `params` is a Params.
    Raises TypeError for a dtype without a loop, IndexError where an index operand is out of range, MemoryError,
    ZeroDivisionError and ValueError for integers divided by zero and raised to a negative power.
    """

    def __call__(self, *args):
        cdef Step step
        cdef int n = 0
        cdef int status
        cdef int dtype
        cdef object arg
        step.detail = 0
        for arg in args:
            if type(arg) is Params:
                step.params = (<Params>arg).raw
                break
            if n == MAX_ARGS:
                raise TypeError(f"{self.name}: a kernel takes at most {MAX_ARGS} buffers")
            step.args[n] = (<Buffer?>arg).view
            n += 1
        if n <= self.by:
            raise TypeError(f"{self.name}: expected at least {self.by + 1} buffers, got {n}")
        step.n_args = n
        dtype = step.args[self.by].dtype
        if not self.supported[dtype]:
            raise TypeError(f"{self.name}: no loop for dtype {DTYPE_NAMES[dtype]}; it has {', '.join(self.dtypes)}")
        step.run = self.run
        step.inner = self.inner[dtype]
        if MG_CHECKED:
            check_views(self.name, args, n)
        with nogil:
            status = self.run(&step)
        if MG_GUARDED:
            check_guards(self.name, args, n)
        if status != OK:
            if status == NO_MEMORY:
                raise MemoryError(f"{self.name}: no memory for the kernel's scratch")
            if status == BAD_INDEX:
                raise IndexError(f"{self.name}: index {step.detail} is out of range")
            if status == ZERO_DIVISION:
                raise ZeroDivisionError(f"{self.name}: integer division by zero")
            if status == NEGATIVE_POWER:
                raise ValueError(f"{self.name}: integers to negative integer powers are not allowed")
            raise RuntimeError(f"{self.name}: unknown status {status}")

    def __repr__(self):
        return f"<Kernel {self.name}: {', '.join(self.dtypes)}>"


cdef Kernel new_kernel(str name, kernel_t run, object dtypes, int by=0):
    """A kernel that branches on dtype itself; `dtypes` are codes of the argument number `by`."""
    cdef Kernel kernel = Kernel.__new__(Kernel)
    cdef int code
    kernel.name, kernel.run, kernel.by = name, run, by
    kernel.dtypes = tuple([DTYPE_NAMES[code] for code in dtypes])
    for code in range(N_DTYPES):
        kernel.inner[code] = NULL
        kernel.supported[code] = code in dtypes
    return kernel


cdef Kernel new_family(str name, kernel_t run, void** inner, int by=0):
    """A kernel that shares the driver `run` with its family: inner[code] is its loop for a dtype, NULL if none."""
    cdef Kernel kernel = new_kernel(name, run, [code for code in range(N_DTYPES) if inner[code] != NULL], by)
    cdef int code
    kernel.has_inner = True
    for code in range(N_DTYPES):
        kernel.inner[code] = inner[code]
    return kernel
