"""An axis mapped by a sparse matrix given by rows.

    out[.., o, ..] = sum over the entries j of row o of weight[j] * x[.., index[j], ..]

The axis's own elements next to each other in memory: line after line, each sum gathered; else the elements of another
axis lie closer, and whole rows of them are added up, a block at a time so that what is added to stays in the L1 cache.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.lines cimport Lines, find_line, find_lines
from minigrad_ext.types cimport FLOAT32, FLOAT64, OK, Step, real

cdef struct Rows:
    const int32_t* starts
    const int32_t* index
    const char* weight
    bint single                     # one entry in each row: all that pick and none that add


cdef void gather_line(const Lines* lines, const Rows* rows, char* out, const char* x, real* _) noexcept nogil:
    """Element after element; two entries are frequent and need no loop."""
    cdef const real* weight = <const real*>rows.weight
    cdef const real* source = <const real*>x
    cdef real* target = <real*>out
    cdef const int32_t* index = rows.index
    cdef int64_t by = lines.x_step // <int64_t>sizeof(real), to = lines.out_step // <int64_t>sizeof(real)
    cdef int64_t o, j, last, first = 0
    cdef real acc
    if rows.single and by == 1 and to == 1:
        for o in range(lines.n):
            target[o] = weight[o] * source[index[o]]
        return
    for o in range(lines.n):
        last = rows.starts[o + 1]
        if last == first + 2:
            acc = weight[first] * source[index[first] * by] + weight[first + 1] * source[index[first + 1] * by]
        else:
            acc = 0
            for j in range(first, last):
                acc += weight[j] * source[index[j] * by]
        target[o * to] = acc
        first = last


cdef inline void add_row(const Rows* rows, int64_t o, real* out, const char* x, int64_t x_step, int64_t width,
                         int64_t to, int64_t by) noexcept nogil:
    """Columns side by side: the first old row begins the sum, or the first two, and the others are added."""
    cdef const real* weight = <const real*>rows.weight
    cdef const real* a
    cdef const real* b
    cdef real v, w
    cdef int64_t c, j, first = rows.starts[o], last = rows.starts[o + 1]
    if first == last:
        for c in range(width):
            out[c * to] = 0
        return
    a, v = <const real*>(x + rows.index[first] * x_step), weight[first]
    if last == first + 1:
        for c in range(width):
            out[c * to] = v * a[c * by]
        return
    b, w = <const real*>(x + rows.index[first + 1] * x_step), weight[first + 1]
    for c in range(width):
        out[c * to] = v * a[c * by] + w * b[c * by]
    for j in range(first + 2, last):
        a, v = <const real*>(x + rows.index[j] * x_step), weight[j]
        for c in range(width):
            out[c * to] += v * a[c * by]


cdef void run_task(const Lines* lines, const Rows* rows, int64_t task, real* kind) noexcept nogil:
    cdef const char* x
    cdef char* out
    cdef int64_t o, n, to = lines.column_out // <int64_t>sizeof(real), by = lines.column_x // <int64_t>sizeof(real)
    find_line(lines, task, &x, &out, &n)
    if lines.columns == 1:
        gather_line(lines, rows, out, x, kind)
        return
    for o in range(lines.n):
        if to == 1 and by == 1:
            add_row(rows, o, <real*>(out + o * lines.out_step), x, lines.x_step, n, 1, 1)
        else:
            add_row(rows, o, <real*>(out + o * lines.out_step), x, lines.x_step, n, to, by)


cdef void run_all(const Lines* lines, const Rows* rows, real* kind) noexcept nogil:
    cdef int64_t task
    if lines.threads == 1:
        for task in range(lines.tasks):
            run_task(lines, rows, task, kind)
    else:
        for task in prange(lines.tasks, num_threads=lines.threads, schedule="static"):
            run_task(lines, rows, task, kind)


cdef int resample(Step* step) noexcept nogil:
    cdef Lines lines
    cdef Rows rows
    cdef int axis = <int>step.params.i[0]
    rows.starts, rows.index = <const int32_t*>step.args[2].data, <const int32_t*>step.args[3].data
    rows.weight, rows.single = step.args[4].data, step.params.i[1] != 0
    find_lines(step, axis, True, 0.3 + 0.3 * step.args[3].shape[0] / max(<int64_t>1, step.args[0].shape[axis]), &lines)
    if lines.tasks == 0:
        return OK
    if step.args[0].dtype == FLOAT32:
        run_all(&lines, &rows, <float*>NULL)
    else:
        run_all(&lines, &rows, <double*>NULL)
    return OK


KERNELS = {"resample": new_kernel("resample", resample, (FLOAT32, FLOAT64))}
