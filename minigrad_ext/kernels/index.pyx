"""Picking and placing by position.

    gather          out[.., j, ..] = x[.., index[.., j, ..], ..]
    scatter         out[.., index[.., j, ..], ..] = src[.., j, ..]
    scatter_add     out[.., index[.., j, ..], ..] += src[.., j, ..]         the transpose of gather
    add_into        out[i] += src[i]                                        the transpose of every view
    nonzero         the positions of the set elements in row-major order, one row of out each

The first four are one walk over places: each has an element of out, one of src and an index, which moves one of the
two along the axis.  An output of add_into is a view of a gradient, and where it shows an element of it more than once
(a sliding window, an expanded axis), the sums meet there.

Indices come from outside, so each kernel looks at all of them before it writes anything: a failing call leaves its
output as it was.  Where several sources meet in one element they are added in row-major order, whatever the number of
threads: work is shared out only along axes on which the targets are distinct.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from minigrad_ext.kernels.axes cimport (
    WALKED, Axes, Spot, absolute, advance, append_axis, byte_stride, clear_axes, each_t, family, insert_axis,
    insert_strides, locate, merge_neighbours, share_out, take_innermost,
)
from minigrad_ext.kernels.lines cimport Lines, cut_columns, width_of
from minigrad_ext.types cimport BAD_INDEX, OK, Step, View, kernel_t, wrapping

cdef enum:
    TASK = 16384            # elements per parallel task, about
    BLOCK = 4096            # elements of a row that one task takes
    OUT = 0, SRC = 1, INDEX = 2         # the operands of the walk

cdef struct Walk:
    Lines lines                     # its others are axes on which the targets are distinct, its columns make a row
    Axes within                     # axes walked in order
    int64_t along[2]                # bytes that an index of 1 moves out and src by


cdef void row_major(const View* x, Axes* axes) noexcept nogil:
    clear_axes(axes)
    for axis in range(x.ndim):
        append_axis(axes, x.shape[axis], byte_stride(x, axis), 0, 0)


cdef inline bint any_outside(const char* at, int64_t n, int64_t step, uint64_t size) noexcept nogil:
    cdef bint outside = False
    for j in range(n):
        outside |= (<const uint64_t*>(at + j * step))[0] >= size
    return outside


cdef int check_indices(Step* step, const View* index, int64_t size) noexcept nogil:
    """BAD_INDEX, and the first index in row-major order that is not in 0 .. size - 1, if there is one."""
    cdef Axes axes
    cdef int64_t n
    cdef each_t by
    cdef Spot spot
    row_major(index, &axes)
    if axes.total == 0:
        return OK
    merge_neighbours(&axes)
    take_innermost(&axes, &n, by)
    locate(&axes, 0, &spot)
    for row in range(axes.total):
        at = index.data + spot.offsets[0]
        if any_outside(at, n, 8, size) if by[0] == 8 else any_outside(at, n if by[0] else 1, by[0], size):
            while 0 <= (<const int64_t*>at)[0] < size:
                at += by[0]
            step.detail = (<const int64_t*>at)[0]
            return BAD_INDEX
        advance(&axes, &spot)
    return OK


cdef inline void put(char* out, const char* src, bint add, wrapping* _) noexcept nogil:
    value = (<const wrapping*>src)[0]
    (<wrapping*>out)[0] = (<wrapping*>out)[0] + value if add else value


cdef inline void put_run(char* out, int64_t to, int64_t to_along, const char* src, int64_t by, int64_t by_along,
                         const char* index, int64_t next_index, int64_t n, bint add, wrapping* kind) noexcept nogil:
    for j in range(n):
        i = (<const int64_t*>(index + j * next_index))[0]
        put(out + j * to + i * to_along, src + j * by + i * by_along, add, kind)


cdef inline void put_row(const Walk* walk, char* out, const char* src, const char* index, int64_t n, bint add,
                         wrapping* kind) noexcept nogil:
    """The same loop for all, with strides that are constants in the frequent cases."""
    cdef int64_t one = sizeof(wrapping), nowhere = 0
    to, by, next_index = walk.lines.side[OUT], walk.lines.side[SRC], walk.lines.side[INDEX]
    to_along, by_along = walk.along[OUT], walk.along[SRC]
    if next_index == 0:                                                             # the row moves as a whole
        out += (<const int64_t*>index)[0] * to_along
        src += (<const int64_t*>index)[0] * by_along
        if to == one and by == one and not add:
            memcpy(out, src, n * one)
        elif to == one and by == one:
            put_run(out, one, 0, src, one, 0, <char*>&nowhere, 0, n, add, kind)
        else:
            put_run(out, to, 0, src, by, 0, <char*>&nowhere, 0, n, add, kind)
    elif to_along == 0 and to == one and by == 0 and next_index == 8:               # one line picks from another
        put_run(out, one, 0, src, 0, by_along, index, 8, n, add, kind)
    elif to_along == 0:
        put_run(out, to, 0, src, by, by_along, index, next_index, n, add, kind)
    elif to == 0 and by == one and next_index == 8:
        put_run(out, 0, to_along, src, one, 0, index, 8, n, add, kind)
    else:
        put_run(out, to, to_along, src, by, 0, index, next_index, n, add, kind)


cdef inline int put_rows(const Walk* walk, int64_t first, int64_t end, bint add, wrapping* kind) noexcept nogil:
    cdef Spot spot, inner
    lines = &walk.lines
    locate(&lines.others, first, &spot)
    locate(&walk.within, 0, &inner)
    for task in range(first, end):
        n = width_of(lines, task)
        for row in range(walk.within.total):            # which ends where it began
            put_row(walk, lines.at[OUT] + spot.offsets[OUT] + inner.offsets[OUT],
                    lines.at[SRC] + spot.offsets[SRC] + inner.offsets[SRC],
                    lines.at[INDEX] + spot.offsets[INDEX] + inner.offsets[INDEX], n, add, kind)
            advance(&walk.within, &inner)
        advance(&lines.others, &spot)
    return OK


cdef int move_rows(const Walk* walk, int64_t first, int64_t end, wrapping* kind) noexcept nogil:
    return put_rows(walk, first, end, False, kind)


cdef int add_rows(const Walk* walk, int64_t first, int64_t end, wrapping* kind) noexcept nogil:
    return put_rows(walk, first, end, True, kind)


cdef void start_walk(Walk* walk, char* out, char* src, char* index) noexcept nogil:
    clear_axes(&walk.lines.others)
    clear_axes(&walk.within)
    walk.lines.at[OUT], walk.lines.at[SRC], walk.lines.at[INDEX] = out, src, index
    walk.along[OUT], walk.along[SRC] = 0, 0


cdef int run_walk(Step* step, Walk* walk, double cost) noexcept nogil:
    """Rows lie on a shared axis, or where the targets along the ordered one are closer, on that."""
    lines, apart = &walk.lines, &walk.lines.others
    if apart.total == 0 or walk.within.total == 0:
        return OK
    merge_neighbours(apart)
    last = apart.ndim - 1
    cdef bint shared = last >= 0 and absolute(apart.strides[OUT][last]) <= absolute(walk.along[OUT])
    shared = shared or walk.within.ndim == 0
    cut_columns(lines, shared, BLOCK)
    if not shared:
        take_innermost(&walk.within, &lines.columns, lines.side)
        lines.width = lines.columns
    each = walk.within.total * lines.width
    return share_out(step.inner, walk, apart.total, max(<int64_t>1, TASK // each), cost * apart.total * each)


cdef int pick(Step* step, int moved, double cost) noexcept nogil:
    """`moved`: what an index moves along the axis.  Where that is out, the places along the axis may meet."""
    cdef Walk walk
    cdef each_t strides
    index, along = &step.args[INDEX], <int>step.params.i[0]
    if check_indices(step, index, step.args[moved].shape[along] if index.ndim else 1) != OK:
        return BAD_INDEX
    start_walk(&walk, step.args[OUT].data, step.args[SRC].data, index.data)
    walk.along[moved] = byte_stride(&step.args[moved], along)
    for axis in range(index.ndim):
        for k in range(WALKED):
            strides[k] = 0 if k == moved and axis == along else byte_stride(&step.args[k], axis)
        insert_strides(&walk.within if moved == OUT and axis == along else &walk.lines.others, index.shape[axis],
                       strides)
    return run_walk(step, &walk, cost)


cdef int gather(Step* step) noexcept nogil:
    return pick(step, SRC, 1)


cdef int scatter(Step* step) noexcept nogil:
    return pick(step, OUT, 1.5)


cdef int64_t longest_shared(const View* out) noexcept nogil:
    """The longest step that shorter ones together can make; elements that differ along a longer one are distinct."""
    cdef int64_t longest = -1, reach
    for axis in range(out.ndim):
        reach, step = 0, absolute(out.strides[axis])
        for other in range(out.ndim):
            if other != axis and absolute(out.strides[other]) <= step:
                reach += absolute(out.strides[other]) * (out.shape[other] - 1)
        if out.shape[axis] > 1 and step <= reach:
            longest = max(longest, step)
    return longest


cdef int add_into(Step* step) noexcept nogil:
    cdef Walk walk
    cdef int64_t nowhere = 0
    out, src = &step.args[OUT], &step.args[SRC]
    start_walk(&walk, out.data, src.data, <char*>&nowhere)
    longest = longest_shared(out)
    for axis in range(out.ndim):
        if absolute(out.strides[axis]) > longest:
            insert_axis(&walk.lines.others, out.shape[axis], byte_stride(out, axis), byte_stride(src, axis), 0)
        else:
            append_axis(&walk.within, out.shape[axis], byte_stride(out, axis), byte_stride(src, axis), 0)
    return run_walk(step, &walk, 0.3)


cdef int nonzero(Step* step) noexcept nogil:
    cdef Axes axes
    cdef Spot spot
    cdef int64_t found = 0, moving
    out, x = &step.args[0], &step.args[1]
    row_major(x, &axes)
    if axes.total:
        locate(&axes, 0, &spot)
    for position in range(axes.total):
        if found < out.shape[0] and x.data[spot.offsets[0]]:
            moving = 0
            for axis in range(x.ndim):      # those of size 1 are not among the axes
                (<int64_t*>out.data)[found * out.strides[0] + axis * out.strides[1]] = \
                    spot.index[moving] if x.shape[axis] > 1 else 0
                moving += x.shape[axis] > 1
            found += 1
        advance(&axes, &spot)
    return OK


# ---------------------------------------------------------------------------------------------------------------------

cdef object moving(str name, kernel_t run):
    return family(name, run, 0, <void*>move_rows[uint32_t], <void*>move_rows[uint64_t], <void*>move_rows[uint64_t],
                  <void*>move_rows[uint32_t], <void*>move_rows[uint8_t], <void*>move_rows[uint8_t])


cdef object adding(str name, kernel_t run):
    return family(name, run, 0, <void*>add_rows[float], <void*>add_rows[double], <void*>add_rows[uint64_t],
                  <void*>add_rows[uint32_t], <void*>add_rows[uint8_t])


KERNELS = {kernel.name: kernel for kernel in (
    moving("gather", gather), moving("scatter", scatter).declare(updates=True),
    adding("scatter_add", scatter).declare(updates=True), adding("add_into", add_into).declare(updates=True),
    family("nonzero", nonzero, 1, NULL, NULL, NULL, NULL, NULL, <void*>nonzero))}
