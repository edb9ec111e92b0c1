"""Along one axis: argmax, argmin, cumsum."""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.folds cimport COLUMNS, Largest, Smallest, extreme_of, is_nan
from minigrad_ext.kernels.lines cimport Lines, find_line, find_lines
from minigrad_ext.types cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, OK, UINT8, Step, number

cdef enum:
    SCAN = 64               # elements compared at a time, when looking for the extreme's place

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


cdef void position_task(const Lines* lines, int64_t task, bint largest, number* kind) noexcept nogil:
    cdef const char* x
    cdef char* out
    cdef int64_t n
    find_line(lines, task, &x, &out, &n)
    if lines.columns == 1:
        position_line(x, lines.n, lines.x_step, out, largest, kind)
    else:
        position_columns(x, lines.n, lines.x_step, n, lines.column_x, out, lines.column_out, largest, kind)


cdef void position_all(const Lines* lines, bint largest, number* kind) noexcept nogil:
    cdef int64_t task
    if lines.threads == 1:
        for task in range(lines.tasks):
            position_task(lines, task, largest, kind)
    else:
        for task in prange(lines.tasks, num_threads=lines.threads, schedule="static"):
            position_task(lines, task, largest, kind)


cdef int position(Step* step, bint largest) noexcept nogil:
    cdef Lines lines
    cdef int dtype = step.args[1].dtype
    find_lines(step, <int>step.params.i[0], False, 0.3, &lines)
    if lines.tasks == 0:
        return OK
    if dtype == FLOAT32:
        position_all(&lines, largest, <float*>NULL)
    elif dtype == FLOAT64:
        position_all(&lines, largest, <double*>NULL)
    elif dtype == INT32:
        position_all(&lines, largest, <int32_t*>NULL)
    elif dtype == INT64:
        position_all(&lines, largest, <int64_t*>NULL)
    else:
        position_all(&lines, largest, <uint8_t*>NULL)
    return OK


cdef int argmax(Step* step) noexcept nogil:
    return position(step, True)


cdef int argmin(Step* step) noexcept nogil:
    return position(step, False)


# cumsum: out[j] = x[0] + ... + x[j], or from the other end.  Accumulated as sums are: in float64, or modulo 2^64.

ctypedef fused cumulative:
    uint8_t
    int32_t
    int64_t
    float
    double

ctypedef fused accumulator:
    double
    uint64_t


cdef void cumsum_line(const Lines* lines, const char* x, char* out, cumulative* _, accumulator* __) noexcept nogil:
    cdef accumulator acc = 0
    cdef int64_t j
    for j in range(lines.n):
        acc += <accumulator>(<const cumulative*>(x + j * lines.x_step))[0]
        (<cumulative*>(out + j * lines.out_step))[0] = <cumulative>acc


cdef void cumsum_task(const Lines* lines, int64_t task, cumulative* _, accumulator* __) noexcept nogil:
    cdef accumulator acc[COLUMNS]
    cdef const char* x
    cdef char* out
    cdef int64_t n, j, c
    find_line(lines, task, &x, &out, &n)
    if lines.columns == 1:
        cumsum_line(lines, x, out, <cumulative*>NULL, <accumulator*>NULL)
        return
    for c in range(n):
        acc[c] = 0
    for j in range(lines.n):
        for c in range(n):
            acc[c] += <accumulator>(<const cumulative*>(x + c * lines.column_x))[0]
            (<cumulative*>(out + c * lines.column_out))[0] = <cumulative>acc[c]
        x += lines.x_step
        out += lines.out_step


cdef void cumsum_all(const Lines* lines, cumulative* kind, accumulator* acc) noexcept nogil:
    cdef int64_t task
    if lines.threads == 1:
        for task in range(lines.tasks):
            cumsum_task(lines, task, kind, acc)
    else:
        for task in prange(lines.tasks, num_threads=lines.threads, schedule="static"):
            cumsum_task(lines, task, kind, acc)


cdef int cumsum(Step* step) noexcept nogil:
    cdef Lines lines
    cdef int dtype = step.args[1].dtype
    find_lines(step, <int>step.params.i[0], True, 1, &lines)
    if lines.tasks == 0:
        return OK
    if step.params.i[1]:
        lines.x += (lines.n - 1) * lines.x_step
        lines.out += (lines.n - 1) * lines.out_step
        lines.x_step, lines.out_step = -lines.x_step, -lines.out_step
    if dtype == FLOAT32:
        cumsum_all(&lines, <float*>NULL, <double*>NULL)
    elif dtype == FLOAT64:
        cumsum_all(&lines, <double*>NULL, <double*>NULL)
    elif dtype == INT32:
        cumsum_all(&lines, <int32_t*>NULL, <uint64_t*>NULL)
    elif dtype == INT64:
        cumsum_all(&lines, <int64_t*>NULL, <uint64_t*>NULL)
    else:
        cumsum_all(&lines, <uint8_t*>NULL, <uint64_t*>NULL)
    return OK


EVERY = (BOOL, UINT8, INT32, INT64, FLOAT32, FLOAT64)
NUMBERS = (UINT8, INT32, INT64, FLOAT32, FLOAT64)
KERNELS = {
    "argmax": new_kernel("argmax", argmax, EVERY, by=1),
    "argmin": new_kernel("argmin", argmin, EVERY, by=1),
    "cumsum": new_kernel("cumsum", cumsum, NUMBERS, by=1),
}
