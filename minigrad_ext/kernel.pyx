"""How Python reaches a compiled loop: fill a Step, run it without the GIL, turn its status into an exception.

While a function is captured (recorder.pyx), a kernel is noted instead of run.
"""

from libc.string cimport memset
from minigrad_ext.allocator cimport intact
from minigrad_ext.buffer cimport Buffer, known
from minigrad_ext.recorder cimport current
from minigrad_ext cimport types
from minigrad_ext.types cimport MAX_ARGS, MAX_FLOATS, MAX_INTS, N_DTYPES, Step

from minigrad_ext.layout import DTYPE_NAMES

cdef extern from *:             # set by setup.py
    const bint MINIGRAD_CHECKS, MINIGRAD_GUARDS

# Whether this is a debug build, and whether it guards its blocks.
CHECKED, GUARDED = bool(MINIGRAD_CHECKS), bool(MINIGRAD_GUARDS)

cdef dict FAILURES = {
    types.NO_MEMORY: (MemoryError, "no memory for the kernel's scratch"),
    types.BAD_INDEX: (IndexError, "index {} is out of range"),
    types.ZERO_DIVISION: (ZeroDivisionError, "integer division by zero"),
    types.NEGATIVE_POWER: (ValueError, "integers to negative integer powers are not allowed"),
}


cdef class Params:
    def __cinit__(self, ints=(), floats=()):
        if len(ints) > MAX_INTS or len(floats) > MAX_FLOATS:
            raise ValueError(f"Params: at most {MAX_INTS} ints and {MAX_FLOATS} floats, "
                             f"got {len(ints)} and {len(floats)}")
        self.ints, self.floats = tuple(ints), tuple(floats)
        memset(&self.raw, 0, sizeof(self.raw))
        for j, integer in enumerate(self.ints):
            self.raw.i[j] = integer
        for j, number in enumerate(self.floats):
            self.raw.f[j] = number

    def become(self, Params other not None):
        """Takes over the numbers of another: how those that change from replay to replay reach a captured plan."""
        self.ints, self.floats, self.raw = other.ints, other.floats, other.raw

    def __repr__(self):
        return f"Params(ints={self.ints}, floats={self.floats})"


cdef int check_guards(str name, tuple args) except -1:
    """AssertionError where the bytes around an argument's memory have been written."""
    for j, arg in enumerate(args):
        if type(arg) is Buffer:
            storage = (<Buffer>arg).storage
            if storage.owner is None and not intact(storage.data, storage.nbytes):
                raise AssertionError(f"{name}: something was written beyond the memory of argument {j}")
    return 0


cdef int fail(str name, int status, long long detail) except -1:
    """Raises what a status means."""
    error, text = FAILURES[status]
    raise error(f"{name}: {text.format(detail)}")


cdef class Kernel:
    """One compiled kernel.

    `kernel(out, *inputs)` or `kernel(out, *inputs, params)`: `out` and the inputs are Buffers whose shapes and
    dtypes the caller has already checked (the op's shape rule does); `params` is a Params.
    Raises TypeError for a dtype without a loop, IndexError where an index operand is out of range, MemoryError,
    ZeroDivisionError and ValueError for integers divided by zero and raised to a negative power.
    """

    def __cinit__(self):
        self.writes = 1

    def declare(self, int writes=1, bint updates=False, bint elementwise=False):
        """Itself, after noting what is not as usual: bit k of `writes` is set if argument k is written (usually the
        first alone), `updates` if old numbers of those count (usually not), `elementwise` if any result may lie in the
        memory of an operand with the same strides."""
        self.writes, self.updates, self.elementwise = writes, updates, elementwise
        return self

    def __call__(self, *args):
        self.launch(args)

    cpdef launch(self, tuple args):
        """kernel(*args), of arguments that are a tuple already."""
        cdef Step step
        cdef int status
        self.fill(&step, args)
        recorder = current()
        if recorder is not None:
            recorder.launch(self, args)
            return
        for j in range(step.n_args):
            known(<Buffer>args[j])
        with nogil:
            status = self.run(&step)
        if MINIGRAD_GUARDS:
            check_guards(self.name, args)
        if status != types.OK:
            fail(self.name, status, step.detail)

    cdef int fill(self, Step* step, tuple args) except -1:
        """The Step of a call."""
        cdef int n = 0
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
        dtype = step.args[self.by].dtype
        step.n_args, step.run, step.inner = n, self.run, self.inner[dtype]
        if step.inner == NULL:
            raise TypeError(f"{self.name}: no loop for dtype {DTYPE_NAMES[dtype]}; it has {', '.join(self.dtypes)}")
        return 0

    @property
    def dtypes(self):
        """The names of the dtypes it has loops for."""
        return tuple([name for code, name in enumerate(DTYPE_NAMES) if self.inner[<int>code] != NULL])

    def __repr__(self):
        return f"<Kernel {self.name}: {', '.join(self.dtypes)}>"


cdef Kernel new_family(str name, kernel_t run, void** inner, int by=0):
    kernel = <Kernel>Kernel.__new__(Kernel)
    kernel.name, kernel.run, kernel.by = name, run, by
    for code in range(N_DTYPES):
        kernel.inner[code] = inner[code]
    return kernel
