"""Along one axis: argmax, argmin, cumsum, sort."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from minigrad_ext.kernels.axes cimport Axes, append_axis, byte_stride, clear_axes, family, locate, share_out
from minigrad_ext.kernels.folds cimport (
    COLUMNS, Largest, Smallest, accumulator, element, extreme_of, is_nan, store,
)
from minigrad_ext.kernels.lines cimport Lines, find_line, find_lines
from minigrad_ext.types cimport MAX_AXES, NO_MEMORY, OK, Step, View, number

cdef enum:
    SCAN = 64               # elements compared at a time, when looking for the extreme's place
    INSERTION = 16          # a run this short is sorted by insertion


cdef inline bint beats(number x, number best, bint largest) noexcept nogil:
    """Strictly, so that the first of equals stays; a NaN beats everything but a NaN."""
    if largest:
        return (x > best) | (is_nan(x) & (not is_nan(best)))
    return (x < best) | (is_nan(x) & (not is_nan(best)))


cdef inline int64_t place_of(const number* x, int64_t n, number value) noexcept nogil:
    """The first place of a value that is there."""
    cdef int64_t j = 0
    cdef int l, hit
    if is_nan(value):
        while not is_nan(x[j]):
            j += 1
        return j
    while j + SCAN <= n:
        hit = 0
        for l in range(SCAN):
            hit |= x[j + l] == value
        if hit:
            break
        j += SCAN
    while x[j] != value:
        j += 1
    return j


cdef void position_line(const char* x, int64_t n, int64_t step, char* out, bint largest, number* _) noexcept nogil:
    """out = the first j at which x[j] is the extreme.  Contiguous: find the extreme with vectors, then where it is."""
    cdef number best = (<const number*>x)[0]
    cdef number value
    cdef int64_t j, found = 0
    if step == <int64_t>sizeof(number):
        if largest:
            best = extreme_of(<const number*>x, n, <Largest*>NULL)
        else:
            best = extreme_of(<const number*>x, n, <Smallest*>NULL)
        found = place_of(<const number*>x, n, best)
    else:
        for j in range(1, n):
            value = (<const number*>(x + j * step))[0]
            if beats(value, best, largest):
                best, found = value, j
    (<int64_t*>out)[0] = found


cdef void position_columns(const char* x, int64_t n, int64_t step, int64_t columns, int64_t column_x, char* out,
                           int64_t column_out, bint largest, number* _) noexcept nogil:
    cdef number best[COLUMNS]
    cdef int64_t found[COLUMNS]
    cdef int64_t j, c
    cdef number value
    for c in range(columns):
        best[c], found[c] = (<const number*>(x + c * column_x))[0], 0
    for j in range(1, n):
        x += step
        for c in range(columns):
            value = (<const number*>(x + c * column_x))[0]
            if beats(value, best[c], largest):
                best[c], found[c] = value, j
    for c in range(columns):
        (<int64_t*>(out + c * column_out))[0] = found[c]


cdef inline void position_task(const Lines* lines, int64_t task, bint largest, number* kind) noexcept nogil:
    cdef const char* x
    cdef char* out
    cdef int64_t n
    find_line(lines, task, &x, &out, &n)
    if lines.columns == 1:
        position_line(x, lines.n, lines.x_step, out, largest, kind)
    else:
        position_columns(x, lines.n, lines.x_step, n, lines.column_x, out, lines.column_out, largest, kind)


cdef int argmax_tasks(const Lines* lines, int64_t first, int64_t end, number* kind) noexcept nogil:
    cdef int64_t task
    for task in range(first, end):
        position_task(lines, task, True, kind)
    return OK


cdef int argmin_tasks(const Lines* lines, int64_t first, int64_t end, number* kind) noexcept nogil:
    cdef int64_t task
    for task in range(first, end):
        position_task(lines, task, False, kind)
    return OK


cdef int position(Step* step) noexcept nogil:
    cdef Lines lines
    find_lines(step, <int>step.params.i[0], False, 0.3, &lines)
    return share_out(step.inner, &lines, lines.tasks, 1, lines.work)


# cumsum: out[j] = x[0] + ... + x[j], or from the other end.  Accumulated as sums are: in float64, or modulo 2^64.

cdef void cumsum_task(const Lines* lines, int64_t task, number* _, accumulator* __) noexcept nogil:
    cdef accumulator acc[COLUMNS]
    cdef accumulator total = 0
    cdef const char* x
    cdef char* out
    cdef int64_t n, j, c
    find_line(lines, task, &x, &out, &n)
    if lines.columns == 1:
        for j in range(lines.n):
            total += <accumulator>element(<const number*>x, j, lines.x_step)
            (<number*>(out + j * lines.out_step))[0] = <number>total
        return
    for c in range(n):
        acc[c] = 0
    for j in range(lines.n):
        for c in range(n):
            acc[c] += <accumulator>element(<const number*>x, c, lines.column_x)
            (<number*>(out + c * lines.column_out))[0] = <number>acc[c]
        x += lines.x_step
        out += lines.out_step


cdef int cumsum_tasks(const Lines* lines, int64_t first, int64_t end, number* kind) noexcept nogil:
    cdef int64_t task
    for task in range(first, end):
        if number is float or number is double:
            cumsum_task(lines, task, kind, <double*>NULL)
        else:
            cumsum_task(lines, task, kind, <uint64_t*>NULL)
    return OK


cdef int cumsum(Step* step) noexcept nogil:
    cdef Lines lines
    find_lines(step, <int>step.params.i[0], True, 1, &lines)
    if step.params.i[1]:
        lines.x += (lines.n - 1) * lines.x_step
        lines.out += (lines.n - 1) * lines.out_step
        lines.x_step, lines.out_step = -lines.x_step, -lines.out_step
    return share_out(step.inner, &lines, lines.tasks, 1, lines.work)


# ---------------------------------------------------------------------------------------------------------------------
# sort: along one axis, stably; NaN counts as larger than every number.  A merge sort of (value, position) pairs:
# runs sorted by insertion are merged pairwise, from one half of the scratch into the other and back.

cdef inline bint precedes(number a, number b, bint descending) noexcept nogil:
    """Strictly: equals keep their order."""
    cdef bint a_nan = False, b_nan = False
    if number is float or number is double:
        a_nan, b_nan = a != a, b != b
    if descending:
        return (a > b and not b_nan) or (a_nan and not b_nan)
    return (a < b and not a_nan) or (b_nan and not a_nan)


cdef void insertion_sort(number* x, int64_t* at, int64_t n, bint descending) noexcept nogil:
    cdef int64_t j, place, position
    cdef number value
    for j in range(1, n):
        value, position, place = x[j], at[j], j
        while place > 0 and precedes(value, x[place - 1], descending):
            x[place], at[place] = x[place - 1], at[place - 1]
            place -= 1
        x[place], at[place] = value, position


cdef void merge_runs(const number* x, const int64_t* at, int64_t middle, int64_t n, number* y, int64_t* to,
                     bint descending) noexcept nogil:
    cdef int64_t a = 0, b = middle, j
    for j in range(n):
        if a < middle and (b >= n or not precedes(x[b], x[a], descending)):
            y[j], to[j] = x[a], at[a]
            a += 1
        else:
            y[j], to[j] = x[b], at[b]
            b += 1


cdef struct Sort:
    Axes lines                              # operands: values, indices, x; without the axis
    char* values
    char* indices
    const char* x
    int64_t n, values_step, indices_step, x_step
    bint descending


cdef int sort_lines(const Sort* job, int64_t first, int64_t end, number* _) noexcept nogil:
    cdef int64_t place[MAX_AXES]
    cdef int64_t offsets[3]
    cdef int64_t line, j, width, start, n = job.n
    cdef int64_t* memory = <int64_t*>malloc(n * 2 * (sizeof(number) + 8) + 16)
    cdef number* key
    cdef number* other_key
    cdef int64_t* at
    cdef int64_t* other_at
    if memory == NULL:
        return NO_MEMORY
    for line in range(first, end):
        locate(&job.lines, line, place, offsets)
        at, other_at, key = memory, memory + n, <number*>(memory + 2 * n)
        other_key = key + n
        for j in range(n):
            key[j], at[j] = element(<const number*>(job.x + offsets[2]), j, job.x_step), j
        for start from 0 <= start < n by INSERTION:
            insertion_sort(key + start, at + start, min(<int64_t>INSERTION, n - start), job.descending)
        width = INSERTION
        while width < n:
            for start from 0 <= start < n by 2 * width:
                merge_runs(key + start, at + start, min(width, n - start), min(2 * width, n - start),
                           other_key + start, other_at + start, job.descending)
            key, other_key = other_key, key
            at, other_at = other_at, at
            width *= 2
        store(<number*>(job.values + offsets[0]), job.values_step, key, n)
        store(<int64_t*>(job.indices + offsets[1]), job.indices_step, at, n)
    free(memory)
    return OK


cdef int sort(Step* step) noexcept nogil:
    cdef View* values = &step.args[0]
    cdef View* indices = &step.args[1]
    cdef View* x = &step.args[2]
    cdef int axis, along = <int>step.params.i[0]
    cdef Sort job
    clear_axes(&job.lines)
    job.n, job.values_step, job.indices_step, job.x_step = 1, 0, 0, 0
    for axis in range(x.ndim):
        if x.shape[axis] == 0:
            return OK
        if axis != along:
            append_axis(&job.lines, x.shape[axis], byte_stride(values, axis), byte_stride(indices, axis),
                        byte_stride(x, axis))
        else:
            job.n, job.x_step = x.shape[axis], byte_stride(x, axis)
            job.values_step, job.indices_step = byte_stride(values, axis), byte_stride(indices, axis)
    job.values, job.indices, job.x, job.descending = values.data, indices.data, x.data, step.params.i[1] != 0
    return share_out(step.inner, &job, job.lines.total, 1, 20.0 * <double>job.lines.total * <double>job.n)


# ---------------------------------------------------------------------------------------------------------------------

KERNELS = {
    "argmax": family("argmax", position, 1, <void*>argmax_tasks[uint8_t], <void*>argmax_tasks[uint8_t],
                     <void*>argmax_tasks[int32_t], <void*>argmax_tasks[int64_t], <void*>argmax_tasks[float],
                     <void*>argmax_tasks[double]),
    "argmin": family("argmin", position, 1, <void*>argmin_tasks[uint8_t], <void*>argmin_tasks[uint8_t],
                     <void*>argmin_tasks[int32_t], <void*>argmin_tasks[int64_t], <void*>argmin_tasks[float],
                     <void*>argmin_tasks[double]),
    "cumsum": family("cumsum", cumsum, 1, NULL, <void*>cumsum_tasks[uint8_t], <void*>cumsum_tasks[int32_t],
                     <void*>cumsum_tasks[int64_t], <void*>cumsum_tasks[float], <void*>cumsum_tasks[double]),
    "sort": family("sort", sort, 0, <void*>sort_lines[uint8_t], <void*>sort_lines[uint8_t],
                   <void*>sort_lines[int32_t], <void*>sort_lines[int64_t], <void*>sort_lines[float],
                   <void*>sort_lines[double]),
}
