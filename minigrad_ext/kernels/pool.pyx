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

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.window cimport Operand, Window, clip, floor_divide, operand_of, triple_t, volume
from minigrad_ext.types cimport NO_MEMORY, OK, Params, Step, real, view_size

cdef enum:
    BLOCK = 256                     # outputs of a row that are kept in the first-level cache between taps

ctypedef fused jump_t:              # as wide as the numbers compared, where the windows allow, so that lanes match
    int32_t
    int64_t

cdef enum Mode:
    MAX                             # values: the largest so far
    AVERAGE                         # sums
    UNPOOL                          # shares of g


cdef struct Given:                  # Params.i
    Window window
    triple_t taps, high
    int64_t padding, divisor        # whether taps on the padding count; 0: as many as count


cdef struct Task:
    Mode mode
    Given given
    Operand image, pooled           # the side the windows lie on; one element per window
    triple_t jump                   # from one tap to the next, in flat positions
    int64_t reach                   # from the first tap to the last
    bint four                       # windows are 2x2, stand 2 apart on the innermost axis and lie inside there
    # On the innermost axis: the windows first[t] <= o < last[t] whose tap t meets the input; how many taps o counts.
    int64_t* first
    int64_t* last
    double* count


cdef inline int64_t position(const Task* task, int axis, int64_t t, int64_t o) noexcept nogil:
    return o * task.given.window.stride[axis] + t * task.given.window.dilation[axis] - task.given.window.low[axis]


cdef inline bint meets(const Task* task, int axis, int64_t t, int64_t o) noexcept nogil:
    return 0 <= position(task, axis, t, o) < task.image.size[axis]


cdef inline int64_t first_from(const Task* task, int64_t t, int64_t place) noexcept nogil:
    """The first window on the innermost axis whose tap t lies at a place or behind it."""
    return clip(-floor_divide(position(task, 2, t, 0) - place, task.given.window.stride[2]), 0, task.pooled.size[2])


cdef int64_t counted(const Task* task, int axis, int64_t o) noexcept nogil:
    """How many taps of window o count: all that meet the input, or else the padding too, but none behind it, where
    ceil_mode reaches."""
    cdef int64_t n = 0
    if task.given.padding:
        behind = task.image.size[axis] + task.given.high[axis] - position(task, axis, 0, o)
        return clip(-floor_divide(-behind, task.given.window.dilation[axis]), 0, task.given.taps[axis])
    for t in range(task.given.taps[axis]):
        n += meets(task, axis, t, o)
    return n


cdef int prepare(Task* task, const Params* params) noexcept nogil:
    cdef int64_t jump = 1
    task.given, task.reach = (<const Given*>params.i)[0], 0
    for axis in range(2, -1, -1):
        task.jump[axis] = task.given.window.dilation[axis] * jump
        task.reach += (task.given.taps[axis] - 1) * task.jump[axis]
        jump *= task.image.size[axis]
    n, taps = task.pooled.size[2], task.given.taps[2]
    task.first = <int64_t*>malloc((2 * taps + n) * sizeof(int64_t))
    if task.first == NULL:
        return NO_MEMORY
    task.last, task.count = task.first + taps, <double*>(task.first + 2 * taps)
    task.four = task.given.taps[0] == 1 and task.given.taps[1] == 2 and taps == 2 and task.given.window.stride[2] == 2 \
        and task.given.window.dilation[2] == 1 and task.image.stride[2] == 1 and task.pooled.stride[2] == 1
    for t in range(taps):
        task.first[t], task.last[t] = first_from(task, t, 0), first_from(task, t, task.image.size[2])
        task.four = task.four and task.first[t] == 0 and task.last[t] == n
    for o in range(n):
        task.count[o] = task.given.divisor if task.given.divisor else counted(task, 2, o)
    return OK


cdef inline void keep_larger(real value, jump_t jump, real* best, jump_t* place) noexcept nogil:
    """The larger number, or a NaN, is taken; of equals the later one: taps come last first."""
    if (value >= best[0]) | (value != value):
        best[0], place[0] = value, jump


cdef inline void visit(Mode mode, real* line, int64_t step, jump_t jump, real* values, jump_t* jumps,
                       int64_t n) noexcept nogil:
    """One tap of n windows."""
    for j in range(n):
        if mode == MAX:
            keep_larger(line[j * step], jump, values + j, jumps + j)
        elif mode == AVERAGE:
            values[j] += line[j * step]
        else:
            line[j * step] += values[j]


cdef inline void visit_four(Mode mode, real* line, int64_t below, int64_t at, jump_t jump, real divisor, char* pooled,
                            int64_t n) noexcept nogil:
    """All taps of n 2x2 windows in one pass, the first at flat position `at`: 2 to 4 times as fast."""
    index, mean, lower = <int64_t*>pooled, <real*>pooled, line + below
    for j in range(n if mode == MAX else 0):
        best, found = lower[2 * j + 1], <jump_t>(jump + 1)
        keep_larger(lower[2 * j], jump, &best, &found)
        keep_larger(line[2 * j + 1], 1, &best, &found)
        keep_larger(line[2 * j], 0, &best, &found)
        index[j] = at + 2 * j + found
    for j in range(n if mode == AVERAGE else 0):
        mean[j] = (lower[2 * j + 1] + lower[2 * j] + line[2 * j + 1] + line[2 * j]) / divisor
    for row in range(2 if mode == UNPOOL else 0):
        for j in range(n):
            value = mean[j] / divisor
            line[2 * j] += value
            line[2 * j + 1] += value
        line = lower


cdef inline void visit_taps(Mode mode, const Task* task, real* image, int64_t o0, int64_t o1, int64_t begin,
                            int64_t width, real* values, jump_t* jumps) noexcept nogil:
    """The windows begin <= o2 < begin + width of one row of outputs.  Taps come last first: see keep_larger()."""
    step = task.given.window.stride[2] * task.image.stride[2]
    for t0 in range(task.given.taps[0] - 1, -1, -1):
        for t1 in range(task.given.taps[1] - 1, -1, -1):
            if not meets(task, 0, t0, o0) or not meets(task, 1, t1, o1):
                continue
            start = image + position(task, 0, t0, o0) * task.image.stride[0] \
                + position(task, 1, t1, o1) * task.image.stride[1]
            for t2 in range(task.given.taps[2] - 1, -1, -1):
                low, high = max(task.first[t2], begin), min(task.last[t2], begin + width)
                line = start + position(task, 2, t2, low) * task.image.stride[2]
                jump = <jump_t>(t0 * task.jump[0] + t1 * task.jump[1] + t2 * task.jump[2])
                if step == 1:
                    visit(mode, line, 1, jump, values + low - begin, jumps + low - begin, high - low)
                elif step == 2:
                    visit(mode, line, 2, jump, values + low - begin, jumps + low - begin, high - low)
                else:
                    visit(mode, line, step, jump, values + low - begin, jumps + low - begin, high - low)


cdef inline real share(const Task* task, real sum, double outer, int64_t o) noexcept nogil:
    """A sum over window o, whose other axes count `outer` taps, divided; a window that counts none holds zero."""
    divisor = <real>(outer * task.count[o])
    return sum / divisor if divisor != 0 else <real>0


cdef inline void pool_row(Mode mode, const Task* task, real* image, char* pooled, int64_t o0, int64_t o1,
                          const jump_t* wide) noexcept nogil:
    """One row of outputs, a block at a time."""
    cdef real values[BLOCK]
    cdef jump_t jumps[BLOCK]
    cdef int64_t begin
    cdef double outer = 1
    i0, i1, i2 = position(task, 0, 0, o0), position(task, 1, 0, o1), position(task, 2, 0, 0)
    row = (i0 * task.image.size[1] + i1) * task.image.size[2] + i2
    n, step, stride = task.pooled.size[2], task.pooled.stride[2], task.given.window.stride[2]
    if task.four and meets(task, 0, 0, o0) and meets(task, 1, 0, o1) and meets(task, 1, 1, o1):
        visit_four(mode, image + i0 * task.image.stride[0] + i1 * task.image.stride[1] + i2,
                   task.given.window.dilation[1] * task.image.stride[1], row, <jump_t>task.jump[1],
                   <real>(task.given.divisor if task.given.divisor else 4), pooled, n)
        return
    if mode != MAX and task.given.divisor == 0:
        outer = <double>(counted(task, 0, o0) * counted(task, 1, o1))
    for begin from 0 <= begin < n by BLOCK:
        width = min(<int64_t>BLOCK, n - begin)
        for j in range(width):
            if mode == MAX:
                values[j], jumps[j] = <real>-INFINITY, -1
            else:
                values[j] = share(task, (<real*>pooled)[(begin + j) * step], outer, begin + j) if mode == UNPOOL else 0
        visit_taps(mode, task, image, o0, o1, begin, width, values, jumps)
        for j in range(width if mode == AVERAGE else 0):
            (<real*>pooled)[(begin + j) * step] = share(task, values[j], outer, begin + j)
        for j in range(width if mode == MAX else 0):
            (<int64_t*>pooled)[(begin + j) * step] = row + (begin + j) * stride + jumps[j] if jumps[j] >= 0 else -1


cdef inline void pool_plane(Mode mode, const Task* task, int64_t plane, real* _, const jump_t* wide) noexcept nogil:
    image, pooled, n, c = &task.image, &task.pooled, plane // task.image.columns, plane % task.image.columns
    x = <real*>image.data + n * image.row_stride + c * image.column_stride
    for i0 in range(image.size[0] if mode == UNPOOL else 0):
        for i1 in range(image.size[1]):
            for i2 in range(image.size[2]):
                x[i0 * image.stride[0] + i1 * image.stride[1] + i2 * image.stride[2]] = 0
    for o0 in range(pooled.size[0]):
        for o1 in range(pooled.size[1]):
            at = n * pooled.row_stride + c * pooled.column_stride + o0 * pooled.stride[0] + o1 * pooled.stride[1]
            pool_row(mode, task, x, pooled.data + at * <int64_t>(8 if mode == MAX else sizeof(real)), o0, o1, wide)


cdef int pool_planes(const Task* task, int64_t first, int64_t end, real* kind) noexcept nogil:
    for plane in range(first, end):
        if task.mode == AVERAGE:
            pool_plane(AVERAGE, task, plane, kind, <int64_t*>NULL)
        elif task.mode == UNPOOL:
            pool_plane(UNPOOL, task, plane, kind, <int64_t*>NULL)
        elif sizeof(real) == 4 and task.reach < 1 << 30:
            pool_plane(MAX, task, plane, kind, <int32_t*>NULL)
        else:
            pool_plane(MAX, task, plane, kind, <int64_t*>NULL)
    return OK


cdef int pool(Step* step, Mode mode, int image, int pooled) noexcept nogil:
    """args[image] holds the windows, args[pooled] one element for each."""
    cdef Task task
    if view_size(&step.args[0]) == 0:
        return OK
    task.mode, task.image, task.pooled = mode, operand_of(&step.args[image]), operand_of(&step.args[pooled])
    if prepare(&task, &step.params) != OK:
        return NO_MEMORY
    planes = task.image.rows * task.image.columns
    share_out(step.inner, &task, planes, 1, <double>planes * volume(task.pooled.size) * volume(task.given.taps) / 3)
    free(task.first)
    return OK


cdef int max_pool_index(Step* step) noexcept nogil:
    """out int64 (N,C,*O) from x (N,C,*I); -1 where a window meets no element."""
    return pool(step, MAX, 1, 0)


cdef int avg_pool(Step* step) noexcept nogil:
    """out (N,C,*O) from x (N,C,*I)."""
    return pool(step, AVERAGE, 1, 0)


cdef int avg_unpool(Step* step) noexcept nogil:
    """out (N,C,*I) from g (N,C,*O): the transpose of avg_pool."""
    return pool(step, UNPOOL, 0, 1)


KERNELS = {kernel.name: kernel for kernel in (
    family("max_pool_index", max_pool_index, 1, <void*>pool_planes[float], <void*>pool_planes[double]),
    family("avg_pool", avg_pool, 0, <void*>pool_planes[float], <void*>pool_planes[double]),
    family("avg_unpool", avg_unpool, 0, <void*>pool_planes[float], <void*>pool_planes[double]),
)}
