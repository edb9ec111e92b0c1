"""Pools: the largest or the mean of each window.

    max_pool_index  out[n,c,o] = the flat position i of the first largest x[n,c,i] in window o
    avg_pool        out[n,c,o] = sum_t x[n,c,i] / count(o)
    avg_unpool      out[n,c,i] = sum over the windows o that hold i of  g[n,c,o] / count(o)

with i = o*stride + t*dilation - low.  Max pooling itself is a gather at these indices, its gradient a scatter_add.

Rows of outputs are the innermost loop, taps the one around it: so the lanes of a vector are neighbouring windows, each
tap is one strided line of input, and the windows that meet the padding are cut off at both ends of the line, once per
tap and not once per element.  A unit of work is one plane (n, c).  The three kernels are one walk in three modes, which
are constants where it is called.
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

ctypedef fused jump_t:              # as wide as the numbers compared, where the windows allow, so that lanes match
    int32_t
    int64_t

cdef enum Mode:
    MAX                             # values: the largest so far
    AVERAGE                         # sums
    UNPOOL                          # shares of g


cdef struct Task:
    Window window
    Operand image                   # x: the side the windows lie on
    Operand pooled                  # one element per window
    int64_t taps[3]
    int64_t divisor                 # 0: count the taps
    int64_t jump[3]                 # from one tap to the next, in flat positions
    int64_t reach                   # from the first tap to the last
    # Per axis: the windows first[t] <= o < last[t] whose tap t meets the input; how many taps window o counts.
    int64_t* first[3]
    int64_t* last[3]
    int64_t* count[3]
    int64_t* entry[3]               # from tap 0 of window o to its first one that meets the input; -1: none


cdef int prepare(Task* task, const Operand* image, const Operand* pooled, const Params* params) noexcept nogil:
    cdef int64_t t, o, size, high, end, at
    cdef int axis
    memset(task, 0, sizeof(Task))
    task.window = window_of(params)
    task.image, task.pooled = image[0], pooled[0]
    task.divisor = params.i[17]
    task.jump[2] = task.window.dilation[2]
    task.jump[1] = task.window.dilation[1] * image.size[2]
    task.jump[0] = task.window.dilation[0] * image.size[2] * image.size[1]
    for axis in range(3):
        task.taps[axis], high, size = params.i[10 + axis], params.i[13 + axis], image.size[axis]
        task.first[axis] = <int64_t*>malloc(task.taps[axis] * sizeof(int64_t))
        task.last[axis] = <int64_t*>malloc(task.taps[axis] * sizeof(int64_t))
        task.count[axis] = <int64_t*>malloc(max(pooled.size[axis], 1) * sizeof(int64_t))
        task.entry[axis] = <int64_t*>malloc(max(pooled.size[axis], 1) * sizeof(int64_t))
        if task.first[axis] == NULL or task.last[axis] == NULL or task.count[axis] == NULL or task.entry[axis] == NULL:
            return NO_MEMORY
        for t in range(task.taps[axis]):
            at = task.window.low[axis] - t * task.window.dilation[axis]     # o*stride >= at is not before the input
            task.first[axis][t] = clip(-floor_divide(-at, task.window.stride[axis]), 0, pooled.size[axis])
            end = -floor_divide(-(at + size), task.window.stride[axis])
            task.last[axis][t] = clip(end, task.first[axis][t], pooled.size[axis])
        for o in range(pooled.size[axis]):
            task.count[axis][o], task.entry[axis][o] = 0, -1
            if params.i[16]:        # also the padding's taps, but not those behind it, where ceil_mode reaches
                at = size + high + task.window.low[axis] - o * task.window.stride[axis]
                task.count[axis][o] = clip(-floor_divide(-at, task.window.dilation[axis]), 0, task.taps[axis])
        for t in range(task.taps[axis]):
            for o in range(task.first[axis][t], task.last[axis][t]):
                if not params.i[16]:
                    task.count[axis][o] += 1
                if task.entry[axis][o] < 0:
                    task.entry[axis][o] = t * task.jump[axis]
        task.reach += (task.taps[axis] - 1) * task.jump[axis]
    return OK


cdef void release(Task* task) noexcept nogil:
    cdef int axis
    for axis in range(3):
        free(task.first[axis])
        free(task.last[axis])
        free(task.count[axis])
        free(task.entry[axis])


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
            and task.window.stride[2] == 2 and task.window.dilation[2] == 1 and task.image.stride[2] == 1
            and task.pooled.stride[2] == 1)


cdef inline void visit(Mode mode, real* line, int64_t step, jump_t jump, real* values, jump_t* jumps,
                       int64_t n) noexcept nogil:
    """One tap of n windows.  The larger number, or the first NaN, is taken."""
    cdef int64_t j
    cdef real value, old
    for j in range(n):
        if mode == MAX:
            value, old = line[j * step], values[j]
            if not (value <= old) and old == old:
                values[j] = value
                jumps[j] = jump
        elif mode == AVERAGE:
            values[j] += line[j * step]
        else:
            line[j * step] += values[j]


cdef inline void visit_four(Mode mode, real* top, real* bottom, int64_t at, jump_t below, real divisor, char* pooled,
                            int64_t n) noexcept nogil:
    """All taps of n 2x2 windows in one pass, the first at flat position `at`: 2 to 4 times as fast."""
    cdef int64_t* index = <int64_t*>pooled
    cdef real* mean = <real*>pooled
    cdef int64_t j
    cdef jump_t jump
    cdef real best, value
    for j in range(n if mode == MAX else 0):
        best, jump = top[2 * j], 0
        value = top[2 * j + 1]
        if not (value <= best) and best == best:
            best, jump = value, 1
        value = bottom[2 * j]
        if not (value <= best) and best == best:
            best, jump = value, below
        value = bottom[2 * j + 1]
        if not (value <= best) and best == best:
            jump = below + 1
        index[j] = at + 2 * j + jump
    for j in range(n if mode == AVERAGE else 0):
        mean[j] = (top[2 * j] + top[2 * j + 1] + bottom[2 * j] + bottom[2 * j + 1]) / divisor
    for j in range(n if mode == UNPOOL else 0):
        value = mean[j] / divisor
        top[2 * j] += value
        top[2 * j + 1] += value
    for j in range(n if mode == UNPOOL else 0):
        value = mean[j] / divisor
        bottom[2 * j] += value
        bottom[2 * j + 1] += value


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


cdef void clear_plane(const Task* task, real* image) noexcept nogil:
    cdef int64_t i0, i1, i2
    cdef real* line
    cdef real zero = 0
    for i0 in range(task.image.size[0]):
        for i1 in range(task.image.size[1]):
            line = image + i0 * task.image.stride[0] + i1 * task.image.stride[1]
            for i2 in range(task.image.size[2]):
                line[i2 * task.image.stride[2]] = zero


cdef inline void visit_taps(Mode mode, const Task* task, real* image, int64_t o0, int64_t o1, int64_t begin,
                            int64_t width, real* values, jump_t* jumps) noexcept nogil:
    """The windows begin <= o2 < begin + width of one row of outputs."""
    cdef int64_t t0, t1, t2, low, high, step = task.window.stride[2] * task.image.stride[2]
    cdef jump_t jump
    cdef real* start
    cdef real* line
    for t0 in range(task.taps[0]):
        for t1 in range(task.taps[1]):
            if not meets(task, 0, t0, o0) or not meets(task, 1, t1, o1):
                continue
            start = image + position(task, 0, t0, o0) * task.image.stride[0] \
                + position(task, 1, t1, o1) * task.image.stride[1]
            for t2 in range(task.taps[2]):
                low, high = max(task.first[2][t2], begin), min(task.last[2][t2], begin + width)
                line = start + position(task, 2, t2, low) * task.image.stride[2]
                jump = <jump_t>(t0 * task.jump[0] + t1 * task.jump[1] + t2 * task.jump[2])
                if step == 1:
                    visit(mode, line, 1, jump, values + low - begin, jumps + low - begin, high - low)
                elif step == 2:
                    visit(mode, line, 2, jump, values + low - begin, jumps + low - begin, high - low)
                else:
                    visit(mode, line, step, jump, values + low - begin, jumps + low - begin, high - low)


cdef inline void pool_row(Mode mode, const Task* task, real* image, char* pooled, int64_t o0, int64_t o1,
                          const real* kind, const jump_t* wide) noexcept nogil:
    """One row of outputs, a block at a time."""
    cdef real values[BLOCK]
    cdef jump_t jumps[BLOCK]
    cdef int64_t begin, width, j, outer, step = task.pooled.stride[2], row = position(task, 2, 0, 0) \
        + (position(task, 0, 0, o0) * task.image.size[1] + position(task, 1, 0, o1)) * task.image.size[2]
    cdef real* line = image + position(task, 0, 0, o0) * task.image.stride[0] \
        + position(task, 1, 0, o1) * task.image.stride[1] + position(task, 2, 0, 0) * task.image.stride[2]
    if four_inside(task, o0, o1):
        visit_four(mode, line, line + task.window.dilation[1] * task.image.stride[1], row, <jump_t>task.jump[1],
                   <real>(task.divisor if task.divisor else 4), pooled, task.pooled.size[2])
        return
    for begin from 0 <= begin < task.pooled.size[2] by BLOCK:
        width = min(<int64_t>BLOCK, task.pooled.size[2] - begin)
        if mode == MAX:
            outer = task.entry[0][o0] + task.entry[1][o1]
            for j in range(width):
                values[j] = -INFINITY
                jumps[j] = <jump_t>(outer + task.entry[2][begin + j]) if task.entry[0][o0] >= 0 \
                    and task.entry[1][o1] >= 0 and task.entry[2][begin + j] >= 0 else -1
        elif mode == UNPOOL:
            for j in range(width):
                values[j] = (<real*>pooled)[(begin + j) * step]
            divide_row(task, values, o0, o1, begin, width)
        else:
            for j in range(width):
                values[j] = 0
        visit_taps(mode, task, image, o0, o1, begin, width, values, jumps)
        if mode == AVERAGE:
            divide_row(task, values, o0, o1, begin, width)
            for j in range(width):
                (<real*>pooled)[(begin + j) * step] = values[j]
        elif mode == MAX:
            for j in range(width):
                (<int64_t*>pooled)[(begin + j) * step] = \
                    row + (begin + j) * task.window.stride[2] + jumps[j] if jumps[j] >= 0 else -1


cdef inline void pool_plane(Mode mode, const Task* task, int64_t plane, const real* kind) noexcept nogil:
    cdef int64_t n = plane // task.image.columns, c = plane % task.image.columns, o0, o1
    cdef int64_t itemsize = sizeof(int64_t) if mode == MAX else sizeof(real)
    cdef real* image = <real*>task.image.data + n * task.image.row_stride + c * task.image.column_stride
    cdef char* row
    if mode == UNPOOL:
        clear_plane(task, image)
    for o0 in range(task.pooled.size[0]):
        for o1 in range(task.pooled.size[1]):
            row = task.pooled.data + (n * task.pooled.row_stride + c * task.pooled.column_stride
                                      + o0 * task.pooled.stride[0] + o1 * task.pooled.stride[1]) * itemsize
            if sizeof(real) == 4 and task.reach < 1 << 30:
                pool_row(mode, task, image, row, o0, o1, kind, <const int32_t*>NULL)
            else:
                pool_row(mode, task, image, row, o0, o1, kind, <const int64_t*>NULL)


# ---- the kernels

cdef void pool_planes(Mode mode, const Task* task, const real* kind) noexcept nogil:
    cdef int64_t plane, planes = task.image.rows * task.image.columns
    cdef int threads = threads_for(<double>planes * volume(task.pooled.size) * volume(task.taps) / 3)
    for plane in prange(planes, num_threads=threads, schedule="static"):
        if mode == MAX:
            pool_plane(MAX, task, plane, kind)
        elif mode == AVERAGE:
            pool_plane(AVERAGE, task, plane, kind)
        else:
            pool_plane(UNPOOL, task, plane, kind)


cdef int run(Step* step, Mode mode, int image, int pooled) noexcept nogil:
    """args[image] holds the windows, args[pooled] one element for each."""
    cdef Task task
    cdef Operand out = operand_of(&step.args[0])
    cdef Operand x = operand_of(&step.args[image]), y = operand_of(&step.args[pooled])
    cdef int status
    if operand_size(&out) == 0:
        return OK
    status = prepare(&task, &x, &y, &step.params)
    if status == OK and step.args[1].dtype == FLOAT32:
        pool_planes(mode, &task, <const float*>NULL)
    elif status == OK:
        pool_planes(mode, &task, <const double*>NULL)
    release(&task)
    return status


cdef int max_pool_index(Step* step) noexcept nogil:
    """out int64 (N,C,*O) from x (N,C,*I); -1 where a window meets no element."""
    return run(step, MAX, 1, 0)


cdef int avg_pool(Step* step) noexcept nogil:
    """out (N,C,*O) from x (N,C,*I)."""
    return run(step, AVERAGE, 1, 0)


cdef int avg_unpool(Step* step) noexcept nogil:
    """out (N,C,*I) from g (N,C,*O): the transpose of avg_pool."""
    return run(step, UNPOOL, 0, 1)


KERNELS = {
    "max_pool_index": new_kernel("max_pool_index", max_pool_index, (FLOAT32, FLOAT64), 1),
    "avg_pool": new_kernel("avg_pool", avg_pool, (FLOAT32, FLOAT64)),
    "avg_unpool": new_kernel("avg_unpool", avg_unpool, (FLOAT32, FLOAT64)),
}
