"""Reductions: many numbers into one, along any axes of a strided view.

A reduction is a fold: start an accumulator, fold elements into it, merge accumulators, store the result.  One driver
does the walking for all of them.  It folds either along a *run* (the innermost axis is reduced: the lanes of a vector
hold partial results of one output) or over *columns* (the innermost axis is kept: the lanes hold different outputs),
whichever reads memory in order.

Long reductions are cut into chunks, by the shape alone; their accumulators are merged in order.  So the result is
bitwise the same for every number of threads.  Sums of float32 are accumulated in float64: the result is the exact sum
rounded once, for all practical lengths.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY, exp, expf, log
from libc.stdint cimport INT32_MIN, INT32_MAX, INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from minigrad_ext.kernel cimport new_family, new_kernel
from minigrad_ext.kernels.axes cimport (
    Axes, absolute, advance, byte_stride, clear_axes, insert_axis, locate, merge_neighbours,
    take_innermost,
)
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport (
    BOOL, FLOAT32, FLOAT64, INT32, INT64, N_DTYPES, NO_MEMORY, OK, UINT8, Step, View, kernel_t, number, real,
)

cdef extern from "isa.h":
    enum:
        MG_VECTOR

cdef extern from *:
    """
    #define MG_SUM_LANES (MG_VECTOR / 2)      /* four vectors of float64 */
    #define MG_PEAK_BYTES (2 * MG_VECTOR)     /* two vectors of anything */
    """
    enum:
        SUM_LANES "MG_SUM_LANES"
        PEAK_BYTES "MG_PEAK_BYTES"

cdef enum:
    COLUMNS = 256           # outputs folded side by side
    UNIT = 8192             # elements folded by one call, at most
    CHUNK = 65536           # elements that share an accumulator, about
    SHORT_RUN = 16          # a shorter run is not worth folding along
    TASK = 16384            # elements per parallel task, at least
    MAX_ACC = 16            # bytes of an accumulator

ctypedef fused integer:
    int32_t
    int64_t

# What a reduction is made of, for one dtype.  `acc` is an array of accumulators, one per output.
cdef struct Fold:
    int64_t acc_size
    void (*start)(char* acc, int64_t n) noexcept nogil
    # acc[0] <- acc[0] + the n elements of a run
    void (*run)(char* acc, const char* x, int64_t n, int64_t stride) noexcept nogil
    # acc[j] <- acc[j] + the elements of column j, over `rows` rows
    void (*columns)(char* acc, const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride) noexcept nogil
    void (*merge)(char* acc, const char* other, int64_t n) noexcept nogil
    void (*store)(char* out, int64_t stride, const char* acc, int64_t n) noexcept nogil

ctypedef void (*start_t)(char*, int64_t) noexcept nogil
ctypedef void (*run_t)(char*, const char*, int64_t, int64_t) noexcept nogil
ctypedef void (*columns_t)(char*, const char*, int64_t, int64_t, int64_t, int64_t) noexcept nogil
ctypedef void (*merge_t)(char*, const char*, int64_t) noexcept nogil
ctypedef void (*store_t)(char*, int64_t, const char*, int64_t) noexcept nogil


# ---------------------------------------------------------------------------------------------------------------------
# sum: out = sum of x.  Reals in float64; integers modulo 2^64, which truncates to the result modulo 2^32.

cdef void start_zero(char* acc, int64_t n) noexcept nogil:
    memset(acc, 0, 8 * n)           # 0 of float64 and of uint64


cdef void merge_float(char* acc, const char* other, int64_t n) noexcept nogil:
    cdef double* a = <double*>acc
    cdef const double* b = <const double*>other
    cdef int64_t j
    for j in range(n):
        a[j] += b[j]


cdef void merge_integer(char* acc, const char* other, int64_t n) noexcept nogil:
    cdef uint64_t* a = <uint64_t*>acc
    cdef const uint64_t* b = <const uint64_t*>other
    cdef int64_t j
    for j in range(n):
        a[j] += b[j]


cdef void store_float(real* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef const double* a = <const double*>acc
    cdef int64_t j
    for j in range(n):
        (<real*>(<char*>out + j * stride))[0] = <real>a[j]


cdef void store_integer(integer* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef const uint64_t* a = <const uint64_t*>acc
    cdef int64_t j
    for j in range(n):
        (<integer*>(<char*>out + j * stride))[0] = <integer>a[j]


# SUM_LANES partial sums, lane l of the elements l, l + SUM_LANES, ...; then they are added by halves.
cdef double sum_lanes(const real* x, int64_t n) noexcept nogil:
    cdef double lane[SUM_LANES]
    cdef double rest = 0
    cdef int64_t j = 0
    cdef int l, half
    for l in range(SUM_LANES):
        lane[l] = 0
    while j + SUM_LANES <= n:
        for l in range(SUM_LANES):
            lane[l] += <double>x[j + l]
        j += SUM_LANES
    while j < n:
        rest += <double>x[j]
        j += 1
    half = SUM_LANES // 2
    while half > 0:
        for l in range(half):
            lane[l] += lane[l + half]
        half //= 2
    return lane[0] + rest


cdef void sum_run(char* acc, const real* x, int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef double total = 0
    cdef int64_t j
    if stride == <int64_t>sizeof(real) and n >= 2 * SUM_LANES:
        total = sum_lanes(x, n)
    else:
        for j in range(n):
            total += <double>(<const real*>(at + j * stride))[0]
    (<double*>acc)[0] += total


cdef void sum_columns(char* acc, const real* x, int64_t rows, int64_t row_stride,
                      int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef double* a = <double*>acc
    cdef const real* row
    cdef int64_t r, j
    for r in range(rows):
        if stride == <int64_t>sizeof(real):
            row = <const real*>at
            for j in range(n):
                a[j] += <double>row[j]
        else:
            for j in range(n):
                a[j] += <double>(<const real*>(at + j * stride))[0]
        at += row_stride


cdef void count_run(char* acc, const integer* x, int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef uint64_t total = 0
    cdef const integer* row = x
    cdef int64_t j
    if stride == <int64_t>sizeof(integer):
        for j in range(n):
            total += <uint64_t>row[j]
    else:
        for j in range(n):
            total += <uint64_t>(<const integer*>(at + j * stride))[0]
    (<uint64_t*>acc)[0] += total


cdef void count_columns(char* acc, const integer* x, int64_t rows, int64_t row_stride,
                        int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef uint64_t* a = <uint64_t*>acc
    cdef const integer* row
    cdef int64_t r, j
    for r in range(rows):
        if stride == <int64_t>sizeof(integer):
            row = <const integer*>at
            for j in range(n):
                a[j] += <uint64_t>row[j]
        else:
            for j in range(n):
                a[j] += <uint64_t>(<const integer*>(at + j * stride))[0]
        at += row_stride


# ---------------------------------------------------------------------------------------------------------------------
# amax, amin: out = the extreme of x.  A NaN, once met, stays.  any and all are amax and amin of 0 and 1.

cdef inline number lowest(number* _) noexcept nogil:
    if number is float or number is double:
        return -INFINITY
    elif number is int32_t:
        return INT32_MIN
    elif number is int64_t:
        return INT64_MIN
    else:
        return 0


cdef inline number highest(number* _) noexcept nogil:
    if number is float or number is double:
        return INFINITY
    elif number is int32_t:
        return INT32_MAX
    elif number is int64_t:
        return INT64_MAX
    else:
        return 255


cdef inline bint is_nan(number x) noexcept nogil:
    if number is float or number is double:
        return x != x
    else:
        return False


cdef inline number larger(number a, number b) noexcept nogil:
    return b if (b > a) | is_nan(b) else a


cdef inline number smaller(number a, number b) noexcept nogil:
    return b if (b < a) | is_nan(b) else a


cdef void start_lowest(number* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        acc[j] = lowest(acc)


cdef void start_highest(number* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        acc[j] = highest(acc)


cdef number largest_of(const number* x, int64_t n) noexcept nogil:
    cdef number lane[PEAK_BYTES]
    cdef int lanes = PEAK_BYTES // <int>sizeof(number)
    cdef number best
    cdef int64_t j = 0
    cdef int l
    if n >= 2 * lanes:
        for l in range(lanes):
            lane[l] = x[l]
        j = lanes
        while j + lanes <= n:
            for l in range(lanes):
                lane[l] = larger(lane[l], x[j + l])
            j += lanes
        best = lane[0]
        for l in range(1, lanes):
            best = larger(best, lane[l])
    else:
        best = lowest(<number*>NULL)
    while j < n:
        best = larger(best, x[j])
        j += 1
    return best


cdef number smallest_of(const number* x, int64_t n) noexcept nogil:
    cdef number lane[PEAK_BYTES]
    cdef int lanes = PEAK_BYTES // <int>sizeof(number)
    cdef number best
    cdef int64_t j = 0
    cdef int l
    if n >= 2 * lanes:
        for l in range(lanes):
            lane[l] = x[l]
        j = lanes
        while j + lanes <= n:
            for l in range(lanes):
                lane[l] = smaller(lane[l], x[j + l])
            j += lanes
        best = lane[0]
        for l in range(1, lanes):
            best = smaller(best, lane[l])
    else:
        best = highest(<number*>NULL)
    while j < n:
        best = smaller(best, x[j])
        j += 1
    return best


cdef void amax_run(char* acc, const number* x, int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef number best = (<number*>acc)[0]
    cdef int64_t j
    if stride == <int64_t>sizeof(number):
        best = larger(best, largest_of(x, n))
    else:
        for j in range(n):
            best = larger(best, (<const number*>(at + j * stride))[0])
    (<number*>acc)[0] = best


cdef void amin_run(char* acc, const number* x, int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef number best = (<number*>acc)[0]
    cdef int64_t j
    if stride == <int64_t>sizeof(number):
        best = smaller(best, smallest_of(x, n))
    else:
        for j in range(n):
            best = smaller(best, (<const number*>(at + j * stride))[0])
    (<number*>acc)[0] = best


cdef void amax_columns(char* acc, const number* x, int64_t rows, int64_t row_stride,
                       int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef number* a = <number*>acc
    cdef const number* row
    cdef int64_t r, j
    for r in range(rows):
        if stride == <int64_t>sizeof(number):
            row = <const number*>at
            for j in range(n):
                a[j] = larger(a[j], row[j])
        else:
            for j in range(n):
                a[j] = larger(a[j], (<const number*>(at + j * stride))[0])
        at += row_stride


cdef void amin_columns(char* acc, const number* x, int64_t rows, int64_t row_stride,
                       int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef number* a = <number*>acc
    cdef const number* row
    cdef int64_t r, j
    for r in range(rows):
        if stride == <int64_t>sizeof(number):
            row = <const number*>at
            for j in range(n):
                a[j] = smaller(a[j], row[j])
        else:
            for j in range(n):
                a[j] = smaller(a[j], (<const number*>(at + j * stride))[0])
        at += row_stride


cdef void merge_larger(number* acc, const number* other, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        acc[j] = larger(acc[j], other[j])


cdef void merge_smaller(number* acc, const number* other, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        acc[j] = smaller(acc[j], other[j])


cdef void store_same(number* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        (<number*>(<char*>out + j * stride))[0] = (<const number*>acc)[j]


cdef void store_bool(char* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j * stride] = acc[j] != 0       # the start of `all`, 255, is true too


# ---------------------------------------------------------------------------------------------------------------------
# logsumexp: out = peak + ln(sum of e^(x - peak)), where peak is the largest x: nothing overflows.

cdef struct Exponentials:
    double peak
    double sum


cdef inline double exp_of(real x) noexcept nogil:
    if real is float:
        return expf(x)
    else:
        return exp(x)


cdef inline void add_exponentials(Exponentials* acc, real peak, double sum) noexcept nogil:
    """Equal peaks need no factor, which also spares inf - inf."""
    if peak == acc.peak:
        acc.sum += sum
    elif peak > acc.peak:
        acc.sum = acc.sum * exp_of(<real>(acc.peak - peak)) + sum
        acc.peak = peak
    else:
        acc.sum += sum * exp_of(<real>(peak - acc.peak))


cdef void start_exponentials(char* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        (<Exponentials*>acc)[j].peak = -INFINITY
        (<Exponentials*>acc)[j].sum = 0


cdef void exponentials_run(char* acc, const real* x, int64_t n, int64_t stride) noexcept nogil:
    """Two passes, the run being in the cache: its peak, then the sum."""
    cdef const char* at = <const char*>x
    cdef real peak = -INFINITY
    cdef real value
    cdef double sum = 0
    cdef int64_t j
    if stride == <int64_t>sizeof(real):
        peak = largest_of(x, n)
    else:
        for j in range(n):
            peak = larger(peak, (<const real*>(at + j * stride))[0])
    for j in range(n):
        value = (<const real*>(at + j * stride))[0]
        sum += 1 if value == peak else exp_of(value - peak)
    add_exponentials(<Exponentials*>acc, peak, sum)


cdef void exponentials_columns(char* acc, const real* x, int64_t rows, int64_t row_stride,
                               int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef int64_t r, j
    for r in range(rows):
        for j in range(n):
            add_exponentials(&(<Exponentials*>acc)[j], (<const real*>(at + j * stride))[0], 1)
        at += row_stride


cdef void merge_exponentials(char* acc, const char* other, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        add_exponentials(&(<Exponentials*>acc)[j], (<const Exponentials*>other)[j].peak,
                         (<const Exponentials*>other)[j].sum)


cdef void store_exponentials(real* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        (<real*>(<char*>out + j * stride))[0] = <real>((<const Exponentials*>acc)[j].peak
                                                + log((<const Exponentials*>acc)[j].sum))


# ---------------------------------------------------------------------------------------------------------------------
# The driver.  Outputs are taken in blocks of `width` columns (1 where it folds along runs); what is reduced into a
# block in units of one piece of the run axis; `group` units share an accumulator, which makes a chunk.

cdef struct Plan:
    const Fold* fold
    const char* x
    char* out
    Axes kept                       # operands: x, out; without the column axis
    Axes reduced                    # operand: x; without the run axis
    int64_t columns, column_x, column_out, width, blocks
    int64_t run, run_x, piece, pieces
    int64_t units, group, chunks


cdef void split_axes(const View* out, const View* x, Axes* kept, Axes* reduced) noexcept nogil:
    cdef int axis
    clear_axes(kept)
    clear_axes(reduced)
    for axis in range(x.ndim):
        if out.shape[axis] == x.shape[axis]:
            insert_axis(kept, x.shape[axis], byte_stride(x, axis), byte_stride(out, axis), 0)
        else:
            insert_axis(reduced, x.shape[axis], byte_stride(x, axis), 0, 0)
    merge_neighbours(kept)
    merge_neighbours(reduced)


cdef bint prefers_columns(const Axes* kept, const Axes* reduced) noexcept nogil:
    cdef int k = kept.ndim - 1
    cdef int r = reduced.ndim - 1
    if k < 0 or r < 0:
        return r < 0
    if absolute(kept.strides[0][k]) < absolute(reduced.strides[0][r]):
        return True
    return reduced.shape[r] < SHORT_RUN <= kept.shape[k]


cdef void lay_out(Plan* plan) noexcept nogil:
    cdef int64_t strides[3]
    plan.columns, plan.column_x, plan.column_out = 1, 0, 0
    if prefers_columns(&plan.kept, &plan.reduced):
        take_innermost(&plan.kept, &plan.columns, strides)
        plan.column_x, plan.column_out = strides[0], strides[1]
    plan.width = min(plan.columns, <int64_t>COLUMNS)
    plan.blocks = (plan.columns + plan.width - 1) // plan.width
    take_innermost(&plan.reduced, &plan.run, strides)
    plan.run_x = strides[0]
    plan.piece = min(plan.run, max(<int64_t>1, UNIT // plan.width))
    plan.pieces = (plan.run + plan.piece - 1) // plan.piece
    plan.units = plan.reduced.total * plan.pieces
    plan.group = max(<int64_t>1, CHUNK // (plan.piece * plan.width))
    plan.chunks = (plan.units + plan.group - 1) // plan.group


cdef void fold_chunk(const Plan* plan, const char* x, int64_t n, int64_t chunk, char* acc) noexcept nogil:
    """Fold one chunk of what is reduced into n columns, x being the first column's first element."""
    cdef int64_t index[8]
    cdef int64_t offsets[3]
    cdef int64_t unit = chunk * plan.group
    cdef int64_t end = min(plan.units, unit + plan.group)
    cdef int64_t piece = unit % plan.pieces
    cdef int64_t size
    cdef const char* at
    plan.fold.start(acc, n)
    locate(&plan.reduced, unit // plan.pieces, index, offsets)
    while unit < end:
        at = x + offsets[0] + piece * plan.piece * plan.run_x
        size = min(plan.piece, plan.run - piece * plan.piece)
        if plan.columns == 1:
            plan.fold.run(acc, at, size, plan.run_x)
        else:
            plan.fold.columns(acc, at, size, plan.run_x, n, plan.column_x)
        unit += 1
        piece += 1
        if piece == plan.pieces:
            piece = 0
            advance(&plan.reduced, index, offsets)


cdef inline void find_block(const Plan* plan, int64_t block, const char** x, char** out, int64_t* n) noexcept nogil:
    cdef int64_t index[8]
    cdef int64_t offsets[3]
    cdef int64_t first = block % plan.blocks * plan.width
    locate(&plan.kept, block // plan.blocks, index, offsets)
    x[0] = plan.x + offsets[0] + first * plan.column_x
    out[0] = plan.out + offsets[1] + first * plan.column_out
    n[0] = min(plan.width, plan.columns - first)


cdef void reduce_blocks(const Plan* plan, int64_t first, int64_t end) noexcept nogil:
    """Blocks that are one chunk each: fold and store."""
    cdef char acc[COLUMNS * MAX_ACC]
    cdef const char* x
    cdef char* out
    cdef int64_t block, n
    for block in range(first, end):
        find_block(plan, block, &x, &out, &n)
        fold_chunk(plan, x, n, 0, acc)
        plan.fold.store(out, plan.column_out, acc, n)


cdef void fold_part(const Plan* plan, int64_t part, char* partial) noexcept nogil:
    """One chunk of one block, into its place among the partial results."""
    cdef const char* x
    cdef char* out
    cdef int64_t n
    find_block(plan, part // plan.chunks, &x, &out, &n)
    fold_chunk(plan, x, n, part % plan.chunks, partial + part * plan.width * plan.fold.acc_size)


cdef void merge_parts(const Plan* plan, int64_t block, char* partial) noexcept nogil:
    cdef const char* x
    cdef char* out
    cdef int64_t n, chunk, size = plan.width * plan.fold.acc_size
    cdef char* acc = partial + block * plan.chunks * size
    find_block(plan, block, &x, &out, &n)
    for chunk in range(1, plan.chunks):
        plan.fold.merge(acc, acc + chunk * size, n)
    plan.fold.store(out, plan.column_out, acc, n)


cdef int reduce_with(Step* step, double cost) noexcept nogil:
    """`cost` is the time per element in nanoseconds, for the choice of threads."""
    cdef Plan plan
    cdef int64_t part, task, tasks, blocks, per_task
    cdef char* partial
    cdef int threads
    plan.fold = <const Fold*>step.inner
    plan.out, plan.x = step.args[0].data, step.args[1].data
    split_axes(&step.args[0], &step.args[1], &plan.kept, &plan.reduced)
    if plan.kept.total == 0:
        return OK
    threads = threads_for(cost * <double>plan.kept.total * <double>plan.reduced.total)
    if plan.reduced.total == 0:
        plan.reduced.ndim = 0           # nothing to fold: lay_out gives one unit of a run of length 0
    lay_out(&plan)
    if plan.reduced.total == 0:
        plan.run, plan.units, plan.chunks = 0, 0, 1
    blocks = plan.kept.total * plan.blocks
    if plan.chunks == 1:
        per_task = max(<int64_t>1, TASK // max(<int64_t>1, plan.units * plan.piece * plan.width))
        tasks = (blocks + per_task - 1) // per_task
        if threads == 1:
            reduce_blocks(&plan, 0, blocks)
        else:
            for task in prange(tasks, num_threads=threads, schedule="static"):
                reduce_blocks(&plan, task * per_task, min(blocks, (task + 1) * per_task))
        return OK
    partial = <char*>malloc(blocks * plan.chunks * plan.width * plan.fold.acc_size)
    if partial == NULL:
        return NO_MEMORY
    for part in prange(blocks * plan.chunks, num_threads=threads, schedule="static"):
        fold_part(&plan, part, partial)
    for task in range(blocks):
        merge_parts(&plan, task, partial)
    free(partial)
    return OK


cdef int reduce_cheap(Step* step) noexcept nogil:
    return reduce_with(step, 0.1)


cdef int reduce_exponentials(Step* step) noexcept nogil:
    return reduce_with(step, 3)


# ---------------------------------------------------------------------------------------------------------------------
# Along one axis: argmax, argmin, cumsum.  The other axes are lines to go through, or columns to take side by side.

cdef struct Lines:
    const char* x
    char* out
    Axes others                     # operands: x, out; without the column axis
    int64_t n, x_step, out_step     # the axis
    int64_t columns, column_x, column_out, width, blocks
    int64_t tasks
    int threads


cdef void find_lines(Step* step, int axis, bint along, double cost, Lines* lines) noexcept nogil:
    """`along`: the output has the axis too."""
    cdef View* out = &step.args[0]
    cdef View* x = &step.args[1]
    cdef int other
    cdef int64_t strides[3]
    lines.x, lines.out = x.data, out.data
    lines.n, lines.x_step, lines.out_step = 1, 0, 0
    clear_axes(&lines.others)
    for other in range(x.ndim):
        if other != axis:
            insert_axis(&lines.others, x.shape[other], byte_stride(x, other), byte_stride(out, other), 0)
    if x.ndim:
        lines.n, lines.x_step = x.shape[axis], byte_stride(x, axis)
        lines.out_step = byte_stride(out, axis) if along else 0
    lines.tasks = 0
    if lines.others.total == 0 or lines.n == 0:
        return
    lines.threads = threads_for(cost * <double>lines.others.total * <double>lines.n)
    merge_neighbours(&lines.others)
    lines.columns, lines.column_x, lines.column_out = 1, 0, 0
    if lines.others.ndim and absolute(lines.others.strides[0][lines.others.ndim - 1]) < absolute(lines.x_step):
        take_innermost(&lines.others, &lines.columns, strides)
        lines.column_x, lines.column_out = strides[0], strides[1]
    lines.width = min(lines.columns, <int64_t>COLUMNS)
    lines.blocks = (lines.columns + lines.width - 1) // lines.width
    lines.tasks = lines.others.total * lines.blocks


cdef inline void find_line(const Lines* lines, int64_t task, const char** x, char** out, int64_t* n) noexcept nogil:
    cdef int64_t index[8]
    cdef int64_t offsets[3]
    cdef int64_t first = task % lines.blocks * lines.width
    locate(&lines.others, task // lines.blocks, index, offsets)
    x[0] = lines.x + offsets[0] + first * lines.column_x
    out[0] = lines.out + offsets[1] + first * lines.column_out
    n[0] = min(lines.width, lines.columns - first)


cdef inline bint beats(number x, number best, bint largest) noexcept nogil:
    """Strictly, so that the first of equals stays; a NaN beats everything but a NaN."""
    if largest:
        return (x > best) | (is_nan(x) & (not is_nan(best)))
    return (x < best) | (is_nan(x) & (not is_nan(best)))


cdef void position_line(const char* x, int64_t n, int64_t step, char* out, bint largest, number* _) noexcept nogil:
    """out = the first j at which x[j] is the extreme.  Contiguous: find the extreme with vectors, then where it is."""
    cdef number best = (<const number*>x)[0]
    cdef number value
    cdef int64_t j, found = 0
    if step == <int64_t>sizeof(number):
        best = largest_of(<const number*>x, n) if largest else smallest_of(<const number*>x, n)
        while (<const number*>x)[found] != best and not (is_nan(best) and is_nan((<const number*>x)[found])):
            found += 1
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


cdef void cumsum_task(const Lines* lines, int64_t task, cumulative* _, accumulator* __) noexcept nogil:
    cdef accumulator acc[COLUMNS]
    cdef const char* x
    cdef char* out
    cdef int64_t n, j, c
    find_line(lines, task, &x, &out, &n)
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


# ---------------------------------------------------------------------------------------------------------------------

cdef Fold SUM[N_DTYPES]
cdef Fold AMAX[N_DTYPES]
cdef Fold AMIN[N_DTYPES]
cdef Fold LOGSUMEXP[N_DTYPES]


cdef Fold fold(int64_t acc_size, void* start, void* run, void* columns, void* merge, void* store):
    cdef Fold made
    made.acc_size = acc_size
    made.start, made.run, made.columns = <start_t>start, <run_t>run, <columns_t>columns
    made.merge, made.store = <merge_t>merge, <store_t>store
    return made


cdef void fill_sum(int code, real* _):
    SUM[code] = fold(sizeof(double), <void*>start_zero, <void*>sum_run[real], <void*>sum_columns[real],
                     <void*>merge_float, <void*>store_float[real])
    LOGSUMEXP[code] = fold(sizeof(Exponentials), <void*>start_exponentials, <void*>exponentials_run[real],
                           <void*>exponentials_columns[real], <void*>merge_exponentials,
                           <void*>store_exponentials[real])


cdef void fill_count(int code, integer* _):
    SUM[code] = fold(sizeof(uint64_t), <void*>start_zero, <void*>count_run[integer], <void*>count_columns[integer],
                     <void*>merge_integer, <void*>store_integer[integer])


cdef void fill_extremes(int code, number* _):
    cdef void* store = <void*>store_bool if code == BOOL else <void*>store_same[number]
    AMAX[code] = fold(sizeof(number), <void*>start_lowest[number], <void*>amax_run[number],
                      <void*>amax_columns[number], <void*>merge_larger[number], store)
    AMIN[code] = fold(sizeof(number), <void*>start_highest[number], <void*>amin_run[number],
                      <void*>amin_columns[number], <void*>merge_smaller[number], store)


cdef family(str name, kernel_t run, Fold* folds, codes):
    cdef void* inner[N_DTYPES]
    cdef int code
    for code in range(N_DTYPES):
        inner[code] = &folds[code] if code in codes else NULL
    KERNELS[name] = new_family(name, run, inner, by=1)


fill_sum(FLOAT32, <float*>NULL)
fill_sum(FLOAT64, <double*>NULL)
fill_count(INT32, <int32_t*>NULL)
fill_count(INT64, <int64_t*>NULL)
fill_extremes(BOOL, <uint8_t*>NULL)
fill_extremes(UINT8, <uint8_t*>NULL)
fill_extremes(INT32, <int32_t*>NULL)
fill_extremes(INT64, <int64_t*>NULL)
fill_extremes(FLOAT32, <float*>NULL)
fill_extremes(FLOAT64, <double*>NULL)

KERNELS = {}
EVERY = (BOOL, UINT8, INT32, INT64, FLOAT32, FLOAT64)
NUMBERS = (UINT8, INT32, INT64, FLOAT32, FLOAT64)
family("sum", reduce_cheap, SUM, (INT32, INT64, FLOAT32, FLOAT64))
family("amax", reduce_cheap, AMAX, EVERY)
family("amin", reduce_cheap, AMIN, EVERY)
family("any", reduce_cheap, AMAX, (BOOL,))
family("all", reduce_cheap, AMIN, (BOOL,))
family("logsumexp", reduce_exponentials, LOGSUMEXP, (FLOAT32, FLOAT64))
KERNELS["argmax"] = new_kernel("argmax", argmax, EVERY, by=1)
KERNELS["argmin"] = new_kernel("argmin", argmin, EVERY, by=1)
KERNELS["cumsum"] = new_kernel("cumsum", cumsum, NUMBERS, by=1)
