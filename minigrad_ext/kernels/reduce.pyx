"""Reductions: many numbers into one, along any axes of a strided view.

A reduction is a fold (folds.pxd); the driver here does the walking for all of them.  It folds along a run where the
innermost axis is reduced, over columns where it is kept, whichever reads memory in order.

Long reductions are cut into chunks, by the shape alone; their accumulators are merged in order.  So the result is
bitwise the same for every number of threads.  Sums of float32 are accumulated in float64: the result is the exact sum
rounded once, for all practical lengths.
"""

from libc.math cimport INFINITY
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernel cimport new_family
from minigrad_ext.kernels cimport folds
from minigrad_ext.kernels.axes cimport (
    Axes, Spot, absolute, advance, byte_stride, clear_axes, insert_axis, locate, merge_neighbours, share_out,
    take_innermost,
)
from minigrad_ext.kernels.lines cimport COLUMNS, Lines, cut_columns, width_of
from minigrad_ext.types cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, N_DTYPES, NO_MEMORY, OK, UINT8, Step, number, real

cdef enum:
    UNIT = 8192             # elements folded by one call, at most
    CHUNK = 16384           # elements that share an accumulator, about
    TASK = 8192             # elements per parallel task, at least
    MAX_ACC = 16            # bytes of an accumulator

# acc[j] <- acc[j] with the elements of column j, over `rows` rows
ctypedef void (*fold_t)(char* acc, const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride
                        ) noexcept nogil
ctypedef void (*store_t)(char* out, int64_t stride, const char* acc, int64_t n) noexcept nogil

# What a reduction is made of, for one dtype.  `acc` is an array of accumulators, one per output.
cdef struct Fold:
    double cost                     # per element, in nanoseconds
    int acc_size
    fold_t fold
    fold_t merge                    # the same, of accumulators
    store_t store
    bint mean                       # sums, which are divided by how many there are
    char first[COLUMNS * MAX_ACC]   # accumulators of no elements


# ---------------------------------------------------------------------------------------------------------------------
# The driver.  Outputs are taken in blocks of `width` columns (where it folds along runs, as many as make a unit: a call
# for each would take half as long as 200 elements); what is reduced into a block in units of one piece of the run;
# `group` units share an accumulator, which makes a chunk.

cdef struct Plan:
    Lines lines                     # what is kept; its axis is the run, the innermost one that is reduced
    Axes reduced                    # operand: x; without the run
    const Fold* fold
    int64_t piece, pieces, units, group, chunks
    double count                    # of what is reduced
    char* partial                   # an accumulator for each chunk of each column, where there are several


cdef bint prefers_columns(const Axes* kept, const Axes* reduced) noexcept nogil:
    k, r = kept.ndim - 1, reduced.ndim - 1
    if k < 0 or r < 0:
        return r < 0
    if absolute(kept.strides[0][k]) < absolute(reduced.strides[0][r]):
        return True
    return reduced.shape[r] < folds.SHORT_RUN <= kept.shape[k]


cdef void lay_out(Plan* plan) noexcept nogil:
    lines = &plan.lines
    beside = prefers_columns(&lines.others, &plan.reduced)
    take_innermost(&plan.reduced, &lines.n, lines.by)
    runs = max(<int64_t>1, UNIT // max(lines.n, <int64_t>1))
    # Of columns far apart, as runs are, cut_columns() takes a quarter.
    cut_columns(lines, True, COLUMNS if beside else min(<int64_t>COLUMNS, 4 * runs))
    plan.piece = min(lines.n, max(<int64_t>1, UNIT // lines.width))
    plan.pieces = (lines.n + plan.piece - 1) // plan.piece
    plan.units = plan.reduced.total * plan.pieces
    plan.group = max(<int64_t>1, CHUNK // (plan.piece * lines.width))
    plan.chunks = (plan.units + plan.group - 1) // plan.group


cdef void fold_chunk(const Plan* plan, const char* x, int64_t n, int64_t chunk, char* acc) noexcept nogil:
    """Fold one chunk of what is reduced into n columns, x being the first column's first element."""
    cdef Spot spot
    lines, fold, unit = &plan.lines, plan.fold, chunk * plan.group
    if n == 1 and plan.chunks == 1:
        memcpy(acc, fold.first, MAX_ACC)        # of a constant size: no call
    else:
        memcpy(acc, fold.first, n * fold.acc_size)
    if plan.units == 1:                 # of many short runs this is all there is to do
        fold.fold(acc, x, lines.n, lines.by[0], n, lines.side[0])
        return
    piece = unit % plan.pieces
    locate(&plan.reduced, unit // plan.pieces, &spot)
    for unit in range(unit, min(plan.units, unit + plan.group)):
        at = x + spot.offsets[0] + piece * plan.piece * lines.by[0]
        size = min(plan.piece, lines.n - piece * plan.piece)
        fold.fold(acc, at, size, lines.by[0], n, lines.side[0])
        piece += 1
        if piece == plan.pieces:
            piece = 0
            advance(&plan.reduced, &spot)


cdef inline void store(const Plan* plan, char* out, char* acc, int64_t n) noexcept nogil:
    for j in range(n if plan.fold.mean else 0):
        (<double*>acc)[j] /= plan.count
    plan.fold.store(out, plan.lines.side[1], acc, n)


cdef int fold_parts(const Plan* plan, int64_t first, int64_t end, void* _) noexcept nogil:
    """Chunks of blocks: into their places among the partial results, or where a block is one chunk, into its outputs."""
    cdef char local[COLUMNS * MAX_ACC]
    cdef Spot spot
    lines, fold, acc, chunk = &plan.lines, plan.fold, <char*>local, first % plan.chunks
    locate(&lines.others, first // plan.chunks, &spot)
    for part in range(first, end):
        n = width_of(lines, part // plan.chunks)
        if plan.chunks > 1:
            acc = plan.partial + part * lines.width * fold.acc_size
        fold_chunk(plan, lines.at[0] + spot.offsets[0], n, chunk, acc)
        if plan.chunks == 1:
            store(plan, lines.at[1] + spot.offsets[1], acc, n)
        chunk += 1
        if chunk == plan.chunks:
            chunk = 0
            advance(&lines.others, &spot)
    return OK


cdef void merge_parts(const Plan* plan) noexcept nogil:
    cdef Spot spot
    lines, fold, acc = &plan.lines, plan.fold, plan.partial
    size = lines.width * fold.acc_size
    for block in range(lines.others.total):
        n = width_of(lines, block)
        locate(&lines.others, block, &spot)
        fold.merge(acc, acc + size, plan.chunks - 1, size, n, fold.acc_size)
        store(plan, lines.at[1] + spot.offsets[1], acc, n)
        acc += plan.chunks * size


cdef int reduce(Step* step) noexcept nogil:
    cdef Plan plan
    out, x, lines, kept = &step.args[0], &step.args[1], &plan.lines, &plan.lines.others
    lines.at[0], lines.at[1], lines.at[2], plan.fold = x.data, out.data, out.data, <const Fold*>step.inner
    clear_axes(kept)
    clear_axes(&plan.reduced)
    for axis in range(x.ndim):
        own = axis - x.ndim + out.ndim      # the leading axes of x, which out lacks, are reduced
        if own >= 0 and out.shape[own] == x.shape[axis]:
            insert_axis(kept, x.shape[axis], byte_stride(x, axis), byte_stride(out, own), 0)
        else:
            insert_axis(&plan.reduced, x.shape[axis], byte_stride(x, axis), 0, 0)
    if kept.total == 0:
        return OK
    plan.count = <double>plan.reduced.total
    work = plan.fold.cost * <double>kept.total * <double>plan.reduced.total
    merge_neighbours(kept)
    merge_neighbours(&plan.reduced)
    if plan.reduced.total == 0:
        clear_axes(&plan.reduced)       # one unit: a run
    lay_out(&plan)
    if work == 0:
        lines.n = 0                     # of no elements
    if plan.chunks == 1:
        return share_out(<void*>fold_parts, &plan, kept.total,
                         max(<int64_t>1, TASK // (plan.units * plan.piece * lines.width)), work)
    plan.partial = <char*>scratch(kept.total * plan.chunks * lines.width * plan.fold.acc_size)
    if plan.partial == NULL:
        return NO_MEMORY
    share_out(<void*>fold_parts, &plan, kept.total * plan.chunks, 1, work)
    merge_parts(&plan)
    discard(plan.partial)
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# The folds as functions; see folds.pxd.

cdef void add(folds.wide* acc, const number* x, int64_t rows, int64_t step, int64_t n, int64_t stride) noexcept nogil:
    folds.fold(acc, x, rows, step, n, stride, folds.SUM, <number*>NULL)


cdef void rise(number* acc, const number* x, int64_t rows, int64_t step, int64_t n, int64_t stride) noexcept nogil:
    folds.fold(acc, x, rows, step, n, stride, folds.LARGEST, <number*>NULL)


cdef void fall(number* acc, const number* x, int64_t rows, int64_t step, int64_t n, int64_t stride) noexcept nogil:
    folds.fold(acc, x, rows, step, n, stride, folds.SMALLEST, <number*>NULL)


cdef Fold SUMS[N_DTYPES]
cdef Fold MEANS[N_DTYPES]
cdef Fold AMAX[N_DTYPES]
cdef Fold AMIN[N_DTYPES]
cdef Fold LOGSUMEXP[N_DTYPES]


cdef void fill(Fold* made, double cost, const void* first, int acc_size, void* fold, void* merge, void* store):
    made.cost, made.acc_size = cost, acc_size
    for j in range(COLUMNS):
        memcpy(made.first + j * acc_size, first, acc_size)
    made.fold, made.merge, made.store = <fold_t>fold, <fold_t>merge, <store_t>store


cdef void fill_sum(int code, number* _, folds.wide zero, void* merge):
    fill(&SUMS[code], 0.1, &zero, sizeof(zero), <void*>add[folds.wide, number], merge,
         <void*>folds.store[number, folds.wide])
    MEANS[code], MEANS[code].mean = SUMS[code], True


cdef void fill_extremes(int code, number low, number high):
    put = <void*>folds.store[number, number]
    fill(&AMAX[code], 0.1, &low, sizeof(low), <void*>rise[number], <void*>rise[number], put)
    fill(&AMIN[code], 0.1, &high, sizeof(high), <void*>fall[number], <void*>fall[number], put)


cdef void fill_logsumexp(int code, real* _):
    cdef folds.Exponentials nothing = folds.Exponentials(-INFINITY, 0)
    fill(&LOGSUMEXP[code], 3, &nothing, sizeof(nothing), <void*>folds.fold_exponentials[real],
         <void*>folds.merge_exponentials, <void*>folds.store_exponentials[real])


cdef family(str name, Fold* table, codes):
    cdef void* inner[N_DTYPES]
    for code in range(N_DTYPES):
        inner[code] = &table[code] if code in codes else NULL
    return new_family(name, reduce, inner, by=1)


fill_sum(INT32, <int32_t*>NULL, <uint64_t>0, <void*>add[uint64_t, int64_t])
fill_sum(INT64, <int64_t*>NULL, <uint64_t>0, <void*>add[uint64_t, int64_t])
fill_sum(FLOAT32, <float*>NULL, <double>0, <void*>add[double, double])
fill_sum(FLOAT64, <double*>NULL, <double>0, <void*>add[double, double])
fill_extremes(BOOL, <uint8_t>0, <uint8_t>1)
fill_extremes(UINT8, <uint8_t>0, <uint8_t>255)
fill_extremes(INT32, <int32_t>INT32_MIN, <int32_t>INT32_MAX)
fill_extremes(INT64, <int64_t>INT64_MIN, <int64_t>INT64_MAX)
fill_extremes(FLOAT32, <float>-INFINITY, <float>INFINITY)
fill_extremes(FLOAT64, <double>-INFINITY, <double>INFINITY)
fill_logsumexp(FLOAT32, <float*>NULL)
fill_logsumexp(FLOAT64, <double*>NULL)

EVERY = (BOOL, UINT8, INT32, INT64, FLOAT32, FLOAT64)
KERNELS = {
    "sum": family("sum", SUMS, (INT32, INT64, FLOAT32, FLOAT64)),
    "mean": family("mean", MEANS, (FLOAT32, FLOAT64)),
    "amax": family("amax", AMAX, EVERY),
    "amin": family("amin", AMIN, EVERY),
    "any": family("any", AMAX, (BOOL,)),
    "all": family("all", AMIN, (BOOL,)),
    "logsumexp": family("logsumexp", LOGSUMEXP, (FLOAT32, FLOAT64)),
}
