"""Pools: the largest or the mean of each window.

    max_pool_index  out[n,c,o] = the flat position i of the first largest x[n,c,i] in window o
    avg_pool        out[n,c,o] = sum_t x[n,c,i] / count(o)
    avg_unpool      out[n,c,i] = sum over the windows o that hold i of  g[n,c,o] / count(o)

with i = o*stride + t*dilation - low.  Max pooling itself is a gather at these indices, its gradient a scatter_add.

Rows of outputs are the innermost loop, taps the one around it: so the lanes of a vector are neighbouring windows, each
tap is one strided line of input, and the windows that meet the padding are cut off at both ends of the line, once per
tap and not once per element.  A unit of work is one plane (n, c).
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.window cimport (
    Operand, Window, clip, floor_divide, operand_of, operand_size, volume, window_of,
)
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport FLOAT32, FLOAT64, NO_MEMORY, OK, Params, Step, real

cdef enum:
    BLOCK = 256                     # outputs of a row that are kept in the first-level cache between taps

cdef extern from "<math.h>" nogil:
    float INFINITY

ctypedef fused index_t:             # as wide as the numbers compared, where the plane allows, so that lanes match
    int32_t
    int64_t


cdef struct Task:
    Window window
    Operand image                   # x: the side the windows lie on
    Operand pooled                  # one element per window
    int64_t taps[3]
    int64_t divisor                 # 0: count the taps
    # Per axis: the windows first[t] <= o < last[t] whose tap t meets the input; and how many taps window o counts.
    int64_t* first[3]
    int64_t* last[3]
    int64_t* count[3]


cdef int prepare(Task* task, const Operand* image, const Operand* pooled, const Params* params) noexcept nogil:
    cdef int64_t t, o, size, high, end, at
    cdef int axis
    memset(task, 0, sizeof(Task))
    task.window = window_of(params)
    task.image, task.pooled = image[0], pooled[0]
    task.divisor = params.i[17]
    for axis in range(3):
        task.taps[axis], high, size = params.i[10 + axis], params.i[13 + axis], image.size[axis]
        task.first[axis] = <int64_t*>malloc(task.taps[axis] * sizeof(int64_t))
        task.last[axis] = <int64_t*>malloc(task.taps[axis] * sizeof(int64_t))
        task.count[axis] = <int64_t*>malloc(max(pooled.size[axis], 1) * sizeof(int64_t))
        if task.first[axis] == NULL or task.last[axis] == NULL or task.count[axis] == NULL:
            return NO_MEMORY
        for t in range(task.taps[axis]):
            at = task.window.low[axis] - t * task.window.dilation[axis]     # o*stride >= at is not before the input
            task.first[axis][t] = clip(-floor_divide(-at, task.window.stride[axis]), 0, pooled.size[axis])
            end = -floor_divide(-(at + size), task.window.stride[axis])
            task.last[axis][t] = clip(end, task.first[axis][t], pooled.size[axis])
        for o in range(pooled.size[axis]):
            task.count[axis][o] = 0
            if params.i[16]:        # also the padding's taps, but not those behind it, where ceil_mode reaches
                at = size + high + task.window.low[axis] - o * task.window.stride[axis]
                task.count[axis][o] = clip(-floor_divide(-at, task.window.dilation[axis]), 0, task.taps[axis])
        if not params.i[16]:
            for t in range(task.taps[axis]):
                for o in range(task.first[axis][t], task.last[axis][t]):
                    task.count[axis][o] += 1
    return OK


cdef void release(Task* task) noexcept nogil:
    cdef int axis
    for axis in range(3):
        free(task.first[axis])
        free(task.last[axis])
        free(task.count[axis])


cdef inline bint meets(const Task* task, int axis, int64_t t, int64_t o) noexcept nogil:
    return task.first[axis][t] <= o < task.last[axis][t]


cdef inline int64_t position(const Task* task, int axis, int64_t t, int64_t o) noexcept nogil:
    return o * task.window.stride[axis] + t * task.window.dilation[axis] - task.window.low[axis]


cdef inline bint four_inside(const Task* task, int64_t o0, int64_t o1) noexcept nogil:
    """Whether this row is of 2x2 windows that stand 2 apart and lie inside: the common pool, done in one pass."""
    cdef int64_t n = task.pooled.size[2]
    return (task.taps[0] == 1 and task.taps[1] == 2 and task.taps[2] == 2 and meets(task, 0, 0, o0)
            and meets(task, 1, 0, o1) and meets(task, 1, 1, o1)
            and task.first[2][0] == 0 and task.last[2][0] == n and task.first[2][1] == 0 and task.last[2][1] == n
            and task.window.stride[2] == 2 and task.window.dilation[2] == 1 and task.image.stride[2] == 1)


# ---- max

cdef inline void best_of_four(const real* top, const real* bottom, index_t at, index_t below, int64_t* out,
                              int64_t n) noexcept nogil:
    """out[j] = the index of the first largest of top[2j], top[2j+1], bottom[2j], bottom[2j+1]."""
    cdef int64_t j
    cdef real best, value
    cdef index_t index, here = at
    for j in range(n):
        best, index = top[2 * j], here
        value = top[2 * j + 1]
        if not (value <= best) and best == best:
            best, index = value, here + 1
        value = bottom[2 * j]
        if not (value <= best) and best == best:
            best, index = value, here + below
        value = bottom[2 * j + 1]
        if not (value <= best) and best == best:
            best, index = value, here + below + 1
        out[j] = index
        here += 2


cdef inline void best_of_line(const real* line, int64_t stride, index_t at, index_t step, real* best, index_t* index,
                              int64_t n) noexcept nogil:
    """Takes line[j], whose index is at + j*step, for best[j] where it is larger, or the first NaN."""
    cdef int64_t j
    cdef real value, old
    cdef index_t here = at
    for j in range(n):
        value = line[j * stride]
        old = best[j]
        if not (value <= old) and old == old:
            best[j] = value
            index[j] = here
        here += step


cdef void max_row(const Task* task, const real* image, int64_t* out, int64_t o0, int64_t o1,
                  const index_t* kind) noexcept nogil:
    """The windows of one row of outputs, a block at a time."""
    cdef real best[BLOCK]
    cdef index_t index[BLOCK]
    cdef int64_t begin, n, t0, t1, t2, low, high, j, row
    cdef index_t row_index
    cdef int64_t step = task.window.stride[2] * task.image.stride[2]
    cdef int64_t width = task.image.size[2], o2 = task.pooled.stride[2]
    cdef const real* line
    cdef const real* start
    if o2 == 1 and four_inside(task, o0, o1):
        start = image + position(task, 0, 0, o0) * task.image.stride[0] \
            + position(task, 1, 0, o1) * task.image.stride[1] + position(task, 2, 0, 0)
        row = (position(task, 0, 0, o0) * task.image.size[1] + position(task, 1, 0, o1)) * width \
            + position(task, 2, 0, 0)
        best_of_four(start, start + task.window.dilation[1] * task.image.stride[1], <index_t>row,
                     <index_t>(task.window.dilation[1] * width), out, task.pooled.size[2])
        return
    for begin from 0 <= begin < task.pooled.size[2] by BLOCK:
        n = min(<int64_t>BLOCK, task.pooled.size[2] - begin)
        for j in range(n):
            best[j] = -INFINITY
            index[j] = -1
        for t0 in range(task.taps[0]):
            if not meets(task, 0, t0, o0):
                continue
            for t1 in range(task.taps[1]):
                if not meets(task, 1, t1, o1):
                    continue
                row = (position(task, 0, t0, o0) * task.image.size[1] + position(task, 1, t1, o1)) * width
                start = image + position(task, 0, t0, o0) * task.image.stride[0] \
                    + position(task, 1, t1, o1) * task.image.stride[1]
                for t2 in range(task.taps[2]):
                    low = max(task.first[2][t2], begin)
                    high = min(task.last[2][t2], begin + n)
                    if low >= high:
                        continue
                    line = start + position(task, 2, t2, low) * task.image.stride[2]
                    row_index = <index_t>(row + position(task, 2, t2, low))
                    if step == 1:
                        best_of_line(line, 1, row_index, <index_t>task.window.stride[2], best + low - begin,
                                     index + low - begin, high - low)
                    elif step == 2:
                        best_of_line(line, 2, row_index, <index_t>task.window.stride[2], best + low - begin,
                                     index + low - begin, high - low)
                    else:
                        best_of_line(line, step, row_index, <index_t>task.window.stride[2], best + low - begin,
                                     index + low - begin, high - low)
        for j in range(n):
            out[(begin + j) * o2] = index[j]
        for j in range(n):
            if index[j] < 0:        # nothing above -inf: the first tap inside, if there is one
                out[(begin + j) * o2] = first_inside(task, o0, o1, begin + j)


cdef int64_t first_inside(const Task* task, int64_t o0, int64_t o1, int64_t o2) noexcept nogil:
    """The flat position of the first element of a window, -1 where it meets none."""
    cdef int64_t o[3]
    cdef int64_t t, at = 0
    cdef int axis
    o[0], o[1], o[2] = o0, o1, o2
    for axis in range(3):
        t = 0
        while t < task.taps[axis] and not meets(task, axis, t, o[axis]):
            t += 1
        if t == task.taps[axis]:
            return -1
        at = at * task.image.size[axis] + position(task, axis, t, o[axis])
    return at


cdef void max_plane(const Task* task, int64_t plane, const real* kind) noexcept nogil:
    cdef int64_t n = plane // task.image.columns, c = plane % task.image.columns, o0, o1
    cdef const real* image = <const real*>task.image.data + n * task.image.row_stride + c * task.image.column_stride
    cdef int64_t* out = <int64_t*>task.pooled.data + n * task.pooled.row_stride + c * task.pooled.column_stride
    cdef int64_t* row
    for o0 in range(task.pooled.size[0]):
        for o1 in range(task.pooled.size[1]):
            row = out + o0 * task.pooled.stride[0] + o1 * task.pooled.stride[1]
            if sizeof(real) == 4 and volume(task.image.size) < 1 << 30:
                max_row(task, image, row, o0, o1, <const int32_t*>NULL)
            else:
                max_row(task, image, row, o0, o1, <const int64_t*>NULL)


# ---- mean

cdef inline void add_line(const real* line, int64_t stride, real* sums, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        sums[j] += line[j * stride]



cdef inline void add_four(const real* top, const real* bottom, real* sums, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        sums[j] = top[2 * j] + top[2 * j + 1] + bottom[2 * j] + bottom[2 * j + 1]


cdef inline void divide_row(const Task* task, real* row, int64_t o0, int64_t o1, int64_t begin,
                            int64_t n) noexcept nogil:
    """Divides sums by the taps their windows count; a window that counts none holds zero."""
    cdef real divisor
    cdef int64_t j
    if task.divisor:
        divisor = <real>task.divisor
        for j in range(n):
            row[j] = row[j] / divisor
        return
    for j in range(n):
        divisor = <real>(task.count[0][o0] * task.count[1][o1] * task.count[2][begin + j])
        row[j] = row[j] / divisor if divisor != 0 else <real>0


cdef void avg_plane(const Task* task, int64_t plane, const real* kind) noexcept nogil:
    cdef real sums[BLOCK]
    cdef int64_t n = plane // task.image.columns, c = plane % task.image.columns
    cdef int64_t o0, o1, t0, t1, t2, begin, low, high, j, width, step = task.window.stride[2] * task.image.stride[2]
    cdef const real* image = <const real*>task.image.data + n * task.image.row_stride + c * task.image.column_stride
    cdef real* out = <real*>task.pooled.data + n * task.pooled.row_stride + c * task.pooled.column_stride
    cdef const real* start
    cdef const real* line
    cdef real* row
    cdef bint four
    for o0 in range(task.pooled.size[0]):
        for o1 in range(task.pooled.size[1]):
            row = out + o0 * task.pooled.stride[0] + o1 * task.pooled.stride[1]
            for begin from 0 <= begin < task.pooled.size[2] by BLOCK:
                width = min(<int64_t>BLOCK, task.pooled.size[2] - begin)
                four = four_inside(task, o0, o1)
                if four:
                    line = image + position(task, 0, 0, o0) * task.image.stride[0] \
                        + position(task, 1, 0, o1) * task.image.stride[1] + position(task, 2, 0, begin)
                    add_four(line, line + task.window.dilation[1] * task.image.stride[1], sums, width)
                else:
                    for j in range(width):
                        sums[j] = 0
                for t0 in range(0 if four else task.taps[0]):
                    if not meets(task, 0, t0, o0):
                        continue
                    for t1 in range(task.taps[1]):
                        if not meets(task, 1, t1, o1):
                            continue
                        start = image + position(task, 0, t0, o0) * task.image.stride[0] \
                            + position(task, 1, t1, o1) * task.image.stride[1]
                        for t2 in range(task.taps[2]):
                            low = max(task.first[2][t2], begin)
                            high = min(task.last[2][t2], begin + width)
                            if low >= high:
                                continue
                            line = start + position(task, 2, t2, low) * task.image.stride[2]
                            if step == 1:
                                add_line(line, 1, sums + low - begin, high - low)
                            elif step == 2:
                                add_line(line, 2, sums + low - begin, high - low)
                            else:
                                add_line(line, step, sums + low - begin, high - low)
                divide_row(task, sums, o0, o1, begin, width)
                for j in range(width):
                    row[(begin + j) * task.pooled.stride[2]] = sums[j]


cdef inline void spread_line(real* line, int64_t stride, const real* shares, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        line[j * stride] += shares[j]


cdef inline void spread_four(real* top, real* bottom, const real* shares, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        top[2 * j] += shares[j]
        top[2 * j + 1] += shares[j]
    for j in range(n):
        bottom[2 * j] += shares[j]
        bottom[2 * j + 1] += shares[j]


cdef void clear_plane(const Task* task, real* image) noexcept nogil:
    cdef int64_t i0, i1, i2
    cdef real* line
    cdef real zero = 0
    for i0 in range(task.image.size[0]):
        for i1 in range(task.image.size[1]):
            line = image + i0 * task.image.stride[0] + i1 * task.image.stride[1]
            for i2 in range(task.image.size[2]):
                line[i2 * task.image.stride[2]] = zero


cdef void unpool_plane(const Task* task, int64_t plane, const real* kind) noexcept nogil:
    cdef real shares[BLOCK]
    cdef int64_t n = plane // task.image.columns, c = plane % task.image.columns
    cdef int64_t o0, o1, t0, t1, t2, begin, low, high, j, width, step = task.window.stride[2] * task.image.stride[2]
    cdef real* image = <real*>task.image.data + n * task.image.row_stride + c * task.image.column_stride
    cdef const real* g = <const real*>task.pooled.data + n * task.pooled.row_stride + c * task.pooled.column_stride
    cdef const real* row
    cdef real* start
    cdef real* line
    clear_plane(task, image)
    for o0 in range(task.pooled.size[0]):
        for o1 in range(task.pooled.size[1]):
            row = g + o0 * task.pooled.stride[0] + o1 * task.pooled.stride[1]
            for begin from 0 <= begin < task.pooled.size[2] by BLOCK:
                width = min(<int64_t>BLOCK, task.pooled.size[2] - begin)
                for j in range(width):
                    shares[j] = row[(begin + j) * task.pooled.stride[2]]
                divide_row(task, shares, o0, o1, begin, width)
                if four_inside(task, o0, o1):
                    line = image + position(task, 0, 0, o0) * task.image.stride[0] \
                        + position(task, 1, 0, o1) * task.image.stride[1] + position(task, 2, 0, begin)
                    spread_four(line, line + task.window.dilation[1] * task.image.stride[1], shares, width)
                    continue
                for t0 in range(task.taps[0]):
                    if not meets(task, 0, t0, o0):
                        continue
                    for t1 in range(task.taps[1]):
                        if not meets(task, 1, t1, o1):
                            continue
                        start = image + position(task, 0, t0, o0) * task.image.stride[0] \
                            + position(task, 1, t1, o1) * task.image.stride[1]
                        for t2 in range(task.taps[2]):
                            low = max(task.first[2][t2], begin)
                            high = min(task.last[2][t2], begin + width)
                            if low >= high:
                                continue
                            line = start + position(task, 2, t2, low) * task.image.stride[2]
                            if step == 1:
                                spread_line(line, 1, shares + low - begin, high - low)
                            elif step == 2:
                                spread_line(line, 2, shares + low - begin, high - low)
                            else:
                                spread_line(line, step, shares + low - begin, high - low)


# ---- the kernels

cdef int max_pool_index(Step* step) noexcept nogil:
    """out int64 (N,C,*O) from x (N,C,*I); -1 where a window meets no element."""
    cdef Task task
    cdef Operand out = operand_of(&step.args[0]), x = operand_of(&step.args[1])
    cdef int64_t plane, planes = out.rows * out.columns
    cdef int threads = threads_for(<double>planes * volume(out.size) * volume(&step.params.i[10]) / 2)
    cdef int status
    if operand_size(&out) == 0:
        return OK
    status = prepare(&task, &x, &out, &step.params)
    if status == OK:
        if step.args[1].dtype == FLOAT32:
            for plane in prange(planes, num_threads=threads, schedule="static"):
                max_plane(&task, plane, <const float*>NULL)
        else:
            for plane in prange(planes, num_threads=threads, schedule="static"):
                max_plane(&task, plane, <const double*>NULL)
    release(&task)
    return status


cdef int avg_pool(Step* step) noexcept nogil:
    """out (N,C,*O) from x (N,C,*I)."""
    cdef Task task
    cdef Operand out = operand_of(&step.args[0]), x = operand_of(&step.args[1])
    cdef int64_t plane, planes = out.rows * out.columns
    cdef int threads = threads_for(<double>planes * volume(out.size) * volume(&step.params.i[10]) / 4)
    cdef int status
    if operand_size(&out) == 0:
        return OK
    status = prepare(&task, &x, &out, &step.params)
    if status == OK:
        if step.args[0].dtype == FLOAT32:
            for plane in prange(planes, num_threads=threads, schedule="static"):
                avg_plane(&task, plane, <const float*>NULL)
        else:
            for plane in prange(planes, num_threads=threads, schedule="static"):
                avg_plane(&task, plane, <const double*>NULL)
    release(&task)
    return status


cdef int avg_unpool(Step* step) noexcept nogil:
    """out (N,C,*I) from g (N,C,*O): the transpose of avg_pool."""
    cdef Task task
    cdef Operand out = operand_of(&step.args[0]), g = operand_of(&step.args[1])
    cdef int64_t plane, planes = out.rows * out.columns
    cdef int threads = threads_for(<double>planes * volume(g.size) * volume(&step.params.i[10]) / 4)
    cdef int status
    if operand_size(&out) == 0:
        return OK
    status = prepare(&task, &out, &g, &step.params)
    if status == OK:
        if step.args[0].dtype == FLOAT32:
            for plane in prange(planes, num_threads=threads, schedule="static"):
                unpool_plane(&task, plane, <const float*>NULL)
        else:
            for plane in prange(planes, num_threads=threads, schedule="static"):
                unpool_plane(&task, plane, <const double*>NULL)
    release(&task)
    return status


KERNELS = {
    "max_pool_index": new_kernel("max_pool_index", max_pool_index, (FLOAT32, FLOAT64), 1),
    "avg_pool": new_kernel("avg_pool", avg_pool, (FLOAT32, FLOAT64)),
    "avg_unpool": new_kernel("avg_unpool", avg_unpool, (FLOAT32, FLOAT64)),
}
