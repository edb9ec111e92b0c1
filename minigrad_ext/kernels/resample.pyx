"""An axis mapped by a sparse matrix given by rows.

    out[.., o, ..] = sum over the entries j of row o of weight[j] * x[.., index[j], ..]

The axis's own elements next to each other in memory: line after line, each sum gathered; else the elements of another
axis lie closer, and whole rows of them are added up, a block at a time so that what is added to stays in the L1 cache.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.axes cimport (
    Axes, absolute, byte_stride, clear_axes, insert_axis, locate, merge_neighbours, size_of, take_innermost,
)
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport FLOAT32, FLOAT64, MAX_AXES, OK, Step, View, real

cdef enum:
    BLOCK = 512             # elements of a row added up at a time

cdef struct Job:
    Axes others                     # operands: out, x; without the axis itself and the columns
    char* out
    const char* x
    const int32_t* starts
    const int32_t* index
    const char* weight
    int64_t n, out_step, x_step     # the axis, in elements
    int64_t columns, column_out, column_x, blocks, tasks
    bint single                     # one entry in each row: all that pick and none that add


cdef void line(const Job* job, real* out, const real* x, real* _) noexcept nogil:
    """Element after element: two entries are frequent and need no loop."""
    cdef const real* weight = <const real*>job.weight
    cdef const int32_t* index = job.index
    cdef int64_t o, j, last, by = job.x_step, first = 0
    cdef real acc
    if job.single and job.out_step == 1 and by == 1:
        for o in range(job.n):
            out[o] = weight[o] * x[index[o]]
        return
    for o in range(job.n):
        last = job.starts[o + 1]
        if last == first + 2:
            acc = weight[first] * x[index[first] * by] + weight[first + 1] * x[index[first + 1] * by]
        else:
            acc = 0
            for j in range(first, last):
                acc += weight[j] * x[index[j] * by]
        out[o * job.out_step] = acc
        first = last


cdef inline void add_row(const Job* job, real* out, const real* x, const real* weight, int64_t width, int64_t first,
                         int64_t last, int64_t to, int64_t by) noexcept nogil:
    cdef const real* a
    cdef const real* b
    cdef real v, w
    cdef int64_t c, j
    if first == last:
        for c in range(width):
            out[c * to] = 0
        return
    a, v = x + job.index[first] * job.x_step, weight[first]
    if last == first + 1:
        for c in range(width):
            out[c * to] = v * a[c * by]
        return
    b, w = x + job.index[first + 1] * job.x_step, weight[first + 1]
    for c in range(width):
        out[c * to] = v * a[c * by] + w * b[c * by]
    for j in range(first + 2, last):
        a, v = x + job.index[j] * job.x_step, weight[j]
        for c in range(width):
            out[c * to] += v * a[c * by]


cdef void rows(const Job* job, real* out, const real* x, int64_t width, real* _) noexcept nogil:
    """Columns side by side: the first old row begins the sum, or the first two, and the others are added."""
    cdef const real* weight = <const real*>job.weight
    cdef int64_t to = job.column_out, by = job.column_x
    cdef int64_t o
    for o in range(job.n):
        if to == 1 and by == 1:
            add_row(job, out + o * job.out_step, x, weight, width, job.starts[o], job.starts[o + 1], 1, 1)
        else:
            add_row(job, out + o * job.out_step, x, weight, width, job.starts[o], job.starts[o + 1], to, by)


cdef void run_task(const Job* job, int64_t task, real* kind) noexcept nogil:
    cdef int64_t index[MAX_AXES]
    cdef int64_t offsets[3]
    cdef int64_t first = task % job.blocks * BLOCK
    cdef real* out
    cdef const real* x
    locate(&job.others, task // job.blocks, index, offsets)
    out, x = <real*>(job.out + offsets[0]), <const real*>(job.x + offsets[1])
    if job.columns == 1:
        line(job, out, x, kind)
    else:
        rows(job, out + first * job.column_out, x + first * job.column_x, min(<int64_t>BLOCK, job.columns - first),
             kind)


cdef void run_all(const Job* job, int threads, real* kind) noexcept nogil:
    cdef int64_t task
    if threads == 1:
        for task in range(job.tasks):
            run_task(job, task, kind)
    else:
        for task in prange(job.tasks, num_threads=threads, schedule="static"):
            run_task(job, task, kind)


cdef int resample(Step* step) noexcept nogil:
    cdef View* out = &step.args[0]
    cdef View* x = &step.args[1]
    cdef Job job
    cdef int other, threads, axis = <int>step.params.i[0]
    cdef int64_t strides[3]
    job.out, job.x = out.data, x.data
    job.starts, job.index = <const int32_t*>step.args[2].data, <const int32_t*>step.args[3].data
    job.weight = step.args[4].data
    job.single = step.params.i[1] != 0
    job.n, job.out_step, job.x_step = out.shape[axis], out.strides[axis], x.strides[axis]
    clear_axes(&job.others)
    for other in range(out.ndim):
        if other != axis:
            insert_axis(&job.others, out.shape[other], byte_stride(out, other), byte_stride(x, other), 0)
    if job.others.total == 0 or job.n == 0:
        return OK
    threads = threads_for(0.3 * <double>job.others.total * <double>(job.n + step.args[3].shape[0]))
    merge_neighbours(&job.others)
    job.columns, job.column_out, job.column_x = 1, 0, 0
    if job.others.ndim and absolute(job.others.strides[0][job.others.ndim - 1]) < absolute(byte_stride(out, axis)):
        take_innermost(&job.others, &job.columns, strides)
        job.column_out, job.column_x = strides[0] // size_of(out.dtype), strides[1] // size_of(out.dtype)
    job.blocks = (job.columns + BLOCK - 1) // BLOCK
    job.tasks = job.others.total * job.blocks
    if out.dtype == FLOAT32:
        run_all(&job, threads, <float*>NULL)
    else:
        run_all(&job, threads, <double*>NULL)
    return OK


KERNELS = {"resample": new_kernel("resample", resample, (FLOAT32, FLOAT64))}
