"""Picking and placing by position: gather and its transpose scatter_add, add_into, nonzero.

Indices come from outside, so each kernel looks at all of them before it writes anything: a failing call leaves its
output as it was.  Where several sources meet in one element they are added in row-major order, whatever the number of
threads: work is shared out only along axes on which the targets are distinct.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.axes cimport (
    Axes, absolute, advance, append_axis, byte_stride, clear_axes, family, insert_axis, locate, merge_neighbours,
    share_out, take_innermost,
)
from minigrad_ext.types cimport BAD_INDEX, BOOL, MAX_AXES, OK, Step, View, view_size

cdef enum:
    TASK = 16384            # elements per parallel task, about
    COLUMNS = 1024          # elements that one task takes side by side

ctypedef fused word:        # an element that is only moved
    uint8_t
    uint32_t
    uint64_t

ctypedef fused summand:     # an element that is added; integers wrap
    uint8_t
    uint32_t
    uint64_t
    float
    double


# ---------------------------------------------------------------------------------------------------------------------
# Checking indices

cdef int check_indices(Step* step, const View* index, int64_t size) noexcept nogil:
    """BAD_INDEX, and the first index in row-major order that is not in 0 .. size - 1, if there is one."""
    cdef Axes axes
    cdef int axis
    cdef int64_t n, j, i, row, bad
    cdef int64_t place[MAX_AXES]
    cdef int64_t strides[3]
    cdef int64_t offsets[3]
    cdef const char* at
    clear_axes(&axes)
    for axis in range(index.ndim):
        append_axis(&axes, index.shape[axis], byte_stride(index, axis), 0, 0)
    if axes.total == 0:
        return OK
    merge_neighbours(&axes)
    take_innermost(&axes, &n, strides)
    if strides[0] == 0:
        n = 1
    locate(&axes, 0, place, offsets)
    for row in range(axes.total):
        at = index.data + offsets[0]
        bad = 0
        if strides[0] == 8:
            for j in range(n):
                bad |= <uint64_t>(<const int64_t*>at)[j] >= <uint64_t>size
        else:
            for j in range(n):
                bad |= <uint64_t>(<const int64_t*>(at + j * strides[0]))[0] >= <uint64_t>size
        if bad:
            for j in range(n):
                i = (<const int64_t*>(at + j * strides[0]))[0]
                if i < 0 or i >= size:
                    step.detail = i
                    return BAD_INDEX
        advance(&axes, place, offsets)
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# gather: out[.., j, ..] = x[.., index[.., j, ..], ..]

# The walk goes over the output and the index; x does not move along the axis, the index moves it.
cdef struct Gather:
    Axes axes                   # operands: out, index, x (which stands still on the axis)
    char* out
    const char* index
    const char* x
    int64_t n, out_step, index_step, x_step     # the innermost axis
    int64_t along                               # bytes between two elements of x on the axis


cdef void gather_row(const Gather* job, word* out, const char* index, const char* x, int64_t first, int64_t n) \
        noexcept nogil:
    cdef char* target = <char*>out + first * job.out_step
    cdef int64_t j
    index += first * job.index_step
    x += first * job.x_step
    if job.index_step == 0:                     # whole rows are picked
        x += (<const int64_t*>index)[0] * job.along
        if job.x_step == <int64_t>sizeof(word) and job.out_step == <int64_t>sizeof(word):
            memcpy(target, x, n * sizeof(word))
            return
        for j in range(n):
            (<word*>(target + j * job.out_step))[0] = (<const word*>(x + j * job.x_step))[0]
    elif job.out_step == <int64_t>sizeof(word) and job.index_step == 8 and job.x_step == 0:
        for j in range(n):
            (<word*>target)[j] = (<const word*>(x + (<const int64_t*>index)[j] * job.along))[0]
    else:
        for j in range(n):
            (<word*>(target + j * job.out_step))[0] = (<const word*>(
                x + j * job.x_step + (<const int64_t*>(index + j * job.index_step))[0] * job.along))[0]


cdef int gather_rows(const Gather* job, int64_t first, int64_t end, word* _) noexcept nogil:
    """Rows of the walk, or where there is only one, elements of it."""
    cdef int64_t place[MAX_AXES]
    cdef int64_t offsets[3]
    cdef int64_t row
    if job.axes.total == 1:
        gather_row(job, <word*>job.out, job.index, job.x, first, end - first)
        return OK
    locate(&job.axes, first, place, offsets)
    for row in range(first, end):
        gather_row(job, <word*>(job.out + offsets[0]), job.index + offsets[1], job.x + offsets[2], 0, job.n)
        advance(&job.axes, place, offsets)
    return OK


cdef int gather(Step* step) noexcept nogil:
    cdef View* out = &step.args[0]
    cdef View* x = &step.args[1]
    cdef View* index = &step.args[2]
    cdef int along = <int>step.params.i[0]
    cdef int axis, status
    cdef int64_t strides[3]
    cdef Gather job
    status = check_indices(step, index, x.shape[along] if x.ndim else 1)
    if status != OK:
        return status
    clear_axes(&job.axes)
    for axis in range(out.ndim):
        insert_axis(&job.axes, out.shape[axis], byte_stride(out, axis), byte_stride(index, axis),
                    0 if axis == along else byte_stride(x, axis))
    if job.axes.total == 0:
        return OK
    merge_neighbours(&job.axes)
    take_innermost(&job.axes, &job.n, strides)
    job.out_step, job.index_step, job.x_step = strides[0], strides[1], strides[2]
    job.out, job.index, job.x = out.data, index.data, x.data
    job.along = byte_stride(x, along) if x.ndim else 0
    if job.axes.total == 1:
        return share_out(step.inner, &job, job.n, TASK, <double>job.n)
    return share_out(step.inner, &job, job.axes.total, max(<int64_t>1, TASK // job.n),
                     <double>job.axes.total * <double>job.n)


# ---------------------------------------------------------------------------------------------------------------------
# scatter_add: out[.., index[.., j, ..], ..] += src[.., j, ..];  scatter: = instead of +=.
# Targets meet only along the axis, so the other axes are shared out, and the axis is walked in order.

cdef struct Scatter:
    Axes others                 # operands: out, index, src; without the axis and without the columns
    char* out
    const char* index
    const char* src
    int64_t n, out_along, index_along, src_along                # the axis; out_along is multiplied by the index
    int64_t columns, out_step, index_step, src_step, blocks     # the innermost other axis
    bint along_first            # the axis is the inner loop


cdef inline void put(summand* out, const char* index, int64_t along, const char* src, bint add) noexcept nogil:
    out = <summand*>(<char*>out + (<const int64_t*>index)[0] * along)
    if add:
        out[0] += (<const summand*>src)[0]
    else:
        out[0] = (<const summand*>src)[0]


cdef inline void put_all(const Scatter* job, int64_t task, bint add, summand* _) noexcept nogil:
    """A block of columns."""
    cdef int64_t place[MAX_AXES]
    cdef int64_t offsets[3]
    cdef int64_t first = task % job.blocks * COLUMNS
    cdef int64_t end = min(job.columns, first + COLUMNS)
    cdef int64_t j, c
    cdef char* out
    cdef const char* index
    cdef const char* src
    locate(&job.others, task // job.blocks, place, offsets)
    out, index, src = job.out + offsets[0], job.index + offsets[1], job.src + offsets[2]
    if job.along_first:     # then there is one column
        for j in range(job.n):
            put(<summand*>out, index + j * job.index_along, job.out_along, src + j * job.src_along, add)
        return
    for j in range(job.n):
        for c in range(first, end):
            put(<summand*>(out + c * job.out_step), index + c * job.index_step + j * job.index_along, job.out_along,
                src + c * job.src_step + j * job.src_along, add)


cdef int scatter_tasks(const Scatter* job, int64_t first, int64_t end, word* kind) noexcept nogil:
    cdef int64_t task
    for task in range(first, end):
        put_all(job, task, False, kind)
    return OK


cdef int scatter_add_tasks(const Scatter* job, int64_t first, int64_t end, summand* kind) noexcept nogil:
    cdef int64_t task
    for task in range(first, end):
        put_all(job, task, True, kind)
    return OK


cdef int scatter(Step* step) noexcept nogil:
    cdef View* out = &step.args[0]
    cdef View* src = &step.args[1]
    cdef View* index = &step.args[2]
    cdef int along = <int>step.params.i[0]
    cdef int axis, status
    cdef int64_t strides[3]
    cdef Scatter job
    status = check_indices(step, index, out.shape[along] if out.ndim else 1)
    if status != OK:
        return status
    clear_axes(&job.others)
    for axis in range(index.ndim):
        if axis != along:
            insert_axis(&job.others, index.shape[axis], byte_stride(out, axis), byte_stride(index, axis),
                        byte_stride(src, axis))
    job.n, job.out_along, job.index_along, job.src_along = 1, 0, 0, 0
    if index.ndim:
        job.n, job.out_along = index.shape[along], byte_stride(out, along)
        job.index_along, job.src_along = byte_stride(index, along), byte_stride(src, along)
    if job.others.total == 0 or job.n == 0:
        return OK
    merge_neighbours(&job.others)
    take_innermost(&job.others, &job.columns, strides)
    job.out_step, job.index_step, job.src_step = strides[0], strides[1], strides[2]
    job.along_first = job.columns == 1 or absolute(job.out_along) < absolute(job.out_step)
    if job.along_first and job.columns > 1:     # each line is a task of its own
        append_axis(&job.others, job.columns, job.out_step, job.index_step, job.src_step)
        job.columns = 1
    job.blocks = (job.columns + COLUMNS - 1) // COLUMNS
    job.out, job.index, job.src = out.data, index.data, src.data
    return share_out(step.inner, &job, job.others.total * job.blocks, 1,
                     1.5 * <double>job.others.total * <double>job.columns * <double>job.n)


# ---------------------------------------------------------------------------------------------------------------------
# add_into: out[i] += src[i] for each i in row-major order.  The transpose of every view: out is a view of the gradient,
# and where it shows an element of it more than once (a sliding window, an expanded axis), the sums meet there.
# Axes on which the targets are distinct are shared out; the rest stays in order.

cdef struct AddInto:
    Axes apart                  # operands: out, src; tasks
    Axes within                 # operands: out, src; walked in order inside a task
    char* out
    const char* src
    int64_t n, out_step, src_step
    bint one_row                # whose elements are distinct


cdef void find_apart(const View* out, bint* apart) noexcept nogil:
    """Mark axes from the longest step down, while one step is longer than all shorter ones can reach together: then
    elements that differ in a marked axis are distinct, whatever the other axes do."""
    cdef int axis, longest
    cdef int64_t reach
    for axis in range(out.ndim):
        apart[axis] = out.shape[axis] == 1
    while True:
        longest, reach = -1, 0
        for axis in range(out.ndim):
            if not apart[axis]:
                reach += absolute(out.strides[axis]) * (out.shape[axis] - 1)
                if longest < 0 or absolute(out.strides[axis]) > absolute(out.strides[longest]):
                    longest = axis
        if longest < 0:
            return
        reach -= absolute(out.strides[longest]) * (out.shape[longest] - 1)
        if absolute(out.strides[longest]) <= reach:
            return
        apart[longest] = True


cdef void add_row(summand* out, int64_t out_step, const summand* src, int64_t src_step, int64_t n) noexcept nogil:
    cdef char* target = <char*>out
    cdef const char* source = <const char*>src
    cdef int64_t j
    if out_step == <int64_t>sizeof(summand) and src_step == <int64_t>sizeof(summand):
        for j in range(n):
            out[j] += src[j]
    else:
        for j in range(n):
            (<summand*>(target + j * out_step))[0] += (<const summand*>(source + j * src_step))[0]


cdef int add_tasks(const AddInto* job, int64_t first, int64_t end, summand* _) noexcept nogil:
    """Some places of the axes shared out, or where there is only one row, elements of it."""
    cdef int64_t place[MAX_AXES]
    cdef int64_t inner_place[MAX_AXES]
    cdef int64_t offsets[3]
    cdef int64_t inner[3]
    cdef int64_t task, row
    if job.one_row:
        add_row(<summand*>(job.out + first * job.out_step), job.out_step,
                <const summand*>(job.src + first * job.src_step), job.src_step, end - first)
        return OK
    locate(&job.apart, first, place, offsets)
    for task in range(first, end):
        locate(&job.within, 0, inner_place, inner)
        for row in range(job.within.total):
            add_row(<summand*>(job.out + offsets[0] + inner[0]), job.out_step,
                    <const summand*>(job.src + offsets[1] + inner[1]), job.src_step, job.n)
            advance(&job.within, inner_place, inner)
        advance(&job.apart, place, offsets)
    return OK


cdef int add_into(Step* step) noexcept nogil:
    cdef View* out = &step.args[0]
    cdef View* src = &step.args[1]
    cdef int axis
    cdef int64_t each
    cdef bint distinct = True
    cdef bint apart[MAX_AXES]
    cdef int64_t strides[3]
    cdef AddInto job
    if view_size(out) == 0:
        return OK
    find_apart(out, apart)
    clear_axes(&job.apart)
    clear_axes(&job.within)
    for axis in range(out.ndim):
        if apart[axis]:
            insert_axis(&job.apart, out.shape[axis], byte_stride(out, axis), byte_stride(src, axis), 0)
        else:
            append_axis(&job.within, out.shape[axis], byte_stride(out, axis), byte_stride(src, axis), 0)
            distinct = False
    merge_neighbours(&job.apart)
    take_innermost(&job.apart if distinct else &job.within, &job.n, strides)
    job.out_step, job.src_step = strides[0], strides[1]
    job.out, job.src = out.data, src.data
    job.one_row = distinct and job.apart.total == 1
    each = job.within.total * job.n
    if job.one_row:
        return share_out(step.inner, &job, job.n, TASK, 0.3 * <double>each)
    return share_out(step.inner, &job, job.apart.total, max(<int64_t>1, TASK // each),
                     0.3 * <double>job.apart.total * <double>each)


# ---------------------------------------------------------------------------------------------------------------------
# nonzero: the positions of the set elements in row-major order, one row of out each.  count_nonzero: how many.

cdef void row_major(const View* x, Axes* axes) noexcept nogil:
    cdef int axis
    clear_axes(axes)
    for axis in range(x.ndim):
        append_axis(axes, x.shape[axis], byte_stride(x, axis), 0, 0)


cdef int count_nonzero(Step* step) noexcept nogil:
    cdef View* x = &step.args[1]
    cdef Axes axes
    cdef int64_t place[MAX_AXES]
    cdef int64_t strides[3]
    cdef int64_t offsets[3]
    cdef int64_t n, row, j, count = 0
    cdef const uint8_t* at
    row_major(x, &axes)
    if axes.total:
        merge_neighbours(&axes)
        take_innermost(&axes, &n, strides)
        locate(&axes, 0, place, offsets)
        for row in range(axes.total):
            at = <const uint8_t*>x.data + offsets[0]
            if strides[0] == 1:
                for j in range(n):
                    count += at[j]
            else:
                for j in range(n):
                    count += at[j * strides[0]]
            advance(&axes, place, offsets)
    (<int64_t*>step.args[0].data)[0] = count
    return OK


cdef int nonzero(Step* step) noexcept nogil:
    cdef View* out = &step.args[0]
    cdef View* x = &step.args[1]
    cdef int64_t place[MAX_AXES]
    cdef int64_t position, offset = 0, found = 0, total = 1
    cdef int64_t* target = <int64_t*>out.data
    cdef int axis
    for axis in range(x.ndim):
        place[axis] = 0
        total *= x.shape[axis]
    for position in range(total):
        if found == out.shape[0]:
            break
        if x.data[offset]:
            for axis in range(x.ndim):
                target[found * out.strides[0] + axis * out.strides[1]] = place[axis]
            found += 1
        for axis in range(x.ndim - 1, -1, -1):
            place[axis] += 1
            offset += x.strides[axis]
            if place[axis] < x.shape[axis]:
                break
            offset -= place[axis] * x.strides[axis]
            place[axis] = 0
    return OK


# ---------------------------------------------------------------------------------------------------------------------

KERNELS = {
    "gather": family("gather", gather, 0, <void*>gather_rows[uint8_t], <void*>gather_rows[uint8_t],
                     <void*>gather_rows[uint32_t], <void*>gather_rows[uint64_t], <void*>gather_rows[uint32_t],
                     <void*>gather_rows[uint64_t]),
    "scatter": family("scatter", scatter, 0, <void*>scatter_tasks[uint8_t], <void*>scatter_tasks[uint8_t],
                      <void*>scatter_tasks[uint32_t], <void*>scatter_tasks[uint64_t], <void*>scatter_tasks[uint32_t],
                      <void*>scatter_tasks[uint64_t]),
    "scatter_add": family("scatter_add", scatter, 0, NULL, <void*>scatter_add_tasks[uint8_t],
                          <void*>scatter_add_tasks[uint32_t], <void*>scatter_add_tasks[uint64_t],
                          <void*>scatter_add_tasks[float], <void*>scatter_add_tasks[double]),
    "add_into": family("add_into", add_into, 0, NULL, <void*>add_tasks[uint8_t], <void*>add_tasks[uint32_t],
                       <void*>add_tasks[uint64_t], <void*>add_tasks[float], <void*>add_tasks[double]),
    "count_nonzero": new_kernel("count_nonzero", count_nonzero, (BOOL,), by=1),
    "nonzero": new_kernel("nonzero", nonzero, (BOOL,), by=1),
}
