"""Some axes of a few strided operands, walked together: sizes, and how many bytes each operand moves per step.

Axes of size 1 are dropped, the rest ordered by the first operand's stride, and neighbours merged into one wherever
every operand allows it: a contiguous array of any shape becomes one long axis.  Callers deal with empty arrays
(total = 0) before they walk.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t
from minigrad_ext.kernel cimport new_family
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport MAX_AXES, View, itemsize_of, kernel_t

cdef enum:
    AXES_OPERANDS = 5       # at most
    WALKED = 3              # of them by the functions from take_innermost() on; a constant, as they run once per row

ctypedef int64_t[MAX_AXES] place_t      # an index on each axis
ctypedef int64_t[WALKED] each_t         # bytes for each operand

cdef struct Spot:
    place_t index
    each_t offsets                      # of the operands there

cdef struct Axes:
    int ndim
    int operands
    int64_t total                                   # the product of the sizes
    int64_t shape[MAX_AXES]
    int64_t strides[AXES_OPERANDS][MAX_AXES]        # in bytes


cdef inline int64_t absolute(int64_t x) noexcept nogil:
    return -x if x < 0 else x


cdef inline int64_t byte_stride(const View* v, int axis) noexcept nogil:
    return v.strides[axis] * itemsize_of(v.dtype)


cdef inline int64_t broadcast_stride(const View* v, const View* out, int axis) noexcept nogil:
    """From one element of v to the next along an axis of out: 0 where v lacks it or repeats along it."""
    own = axis - out.ndim + v.ndim
    return v.strides[own] if own >= 0 and v.shape[own] != 1 else 0


cdef inline void clear_axes(Axes* axes, int operands=WALKED) noexcept nogil:
    axes.ndim, axes.total, axes.operands = 0, 1, operands


cdef inline void insert_strides(Axes* axes, int64_t size, const int64_t* strides, bint ordered=True) noexcept nogil:
    """One more axis: placed by the size of its first stride, the largest outermost, or behind those that are there."""
    axes.total *= size
    if size == 1:
        return
    place = axes.ndim
    while ordered and place > 0 and absolute(axes.strides[0][place - 1]) < absolute(strides[0]):
        axes.shape[place] = axes.shape[place - 1]
        for k in range(axes.operands):
            axes.strides[k][place] = axes.strides[k][place - 1]
        place -= 1
    axes.shape[place] = size
    for k in range(axes.operands):
        axes.strides[k][place] = strides[k]
    axes.ndim += 1


cdef inline void insert_axis(Axes* axes, int64_t size, int64_t s0, int64_t s1, int64_t s2) noexcept nogil:
    cdef each_t strides = [s0, s1, s2]
    insert_strides(axes, size, strides)


cdef inline void append_axis(Axes* axes, int64_t size, int64_t s0, int64_t s1, int64_t s2) noexcept nogil:
    cdef each_t strides = [s0, s1, s2]
    insert_strides(axes, size, strides, ordered=False)


cdef inline void merge_neighbours(Axes* axes) noexcept nogil:
    """Join an axis with the next where one step over it equals a run through the next, for every operand."""
    cdef bint joined
    cdef int last = 0
    for axis in range(1, axes.ndim):
        joined = True
        for k in range(axes.operands):
            joined = joined and axes.strides[k][last] == axes.strides[k][axis] * axes.shape[axis]
        last += not joined
        axes.shape[last] = axes.shape[axis] * (axes.shape[last] if joined else 1)
        for k in range(axes.operands):
            axes.strides[k][last] = axes.strides[k][axis]
    axes.ndim = min(axes.ndim, last + 1)


cdef inline void take_innermost(Axes* axes, int64_t* size, int64_t* strides) noexcept nogil:
    """Remove the last axis and return it; an axis of size 1 where there is none."""
    cdef bint found = axes.ndim > 0
    axes.ndim -= found
    size[0] = axes.shape[axes.ndim] if found else 1
    axes.total //= size[0]
    for k in range(WALKED):
        strides[k] = axes.strides[k][axes.ndim] if found else 0


cdef inline void locate(const Axes* axes, int64_t position, Spot* spot) noexcept nogil:
    """The spot at a row-major position."""
    for k in range(WALKED):
        spot.offsets[k] = 0
    for axis in range(axes.ndim - 1, -1, -1):
        spot.index[axis] = position % axes.shape[axis]
        position //= axes.shape[axis]
        for k in range(WALKED):
            spot.offsets[k] += spot.index[axis] * axes.strides[k][axis]


cdef inline void advance(const Axes* axes, Spot* spot) noexcept nogil:
    """Go to the next position in row-major order."""
    for axis in range(axes.ndim - 1, -1, -1):
        spot.index[axis] += 1
        for k in range(WALKED):
            spot.offsets[k] += axes.strides[k][axis]
        if spot.index[axis] < axes.shape[axis]:
            return
        for k in range(WALKED):
            spot.offsets[k] -= spot.index[axis] * axes.strides[k][axis]
        spot.index[axis] = 0


# Units first .. end - 1 of a job, for the dtype of `kind`, which is NULL; OK or NO_MEMORY.
ctypedef int (*task_t)(const void* job, int64_t first, int64_t end, void* kind) noexcept nogil


cdef inline int share_out(void* run, const void* job, int64_t units, int64_t per_task, double work) noexcept nogil:
    """All units of a job, in tasks of `per_task`; `work` is the time of all in nanoseconds."""
    cdef int64_t number, tasks = (units + per_task - 1) // per_task
    cdef int failed = 0, threads = threads_for(work) if tasks > 1 else 1
    task = <task_t>run
    if threads == 1:
        return task(job, 0, units, NULL)
    for number in prange(tasks, num_threads=threads, schedule="static"):
        failed |= task(job, number * per_task, min(units, (number + 1) * per_task), NULL)
    return failed


cdef inline object family(str name, kernel_t run, int by, void* f32, void* f64, void* i64=NULL, void* i32=NULL,
                          void* u8=NULL, void* b=NULL):
    """A Kernel of `run` with these tasks for the six dtypes, chosen by the dtype of argument `by`; NULL for none."""
    cdef void** tasks = [b, u8, i32, i64, f32, f64]
    return new_family(name, run, tasks, by)
