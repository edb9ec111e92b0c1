"""Reductions: many numbers into one, along any axes of a strided view.

A reduction is a fold (folds.pxd); the driver here does the walking for all of them.  It folds along a run where the
innermost axis is reduced, over columns where it is kept, whichever reads memory in order.

Long reductions are cut into chunks, by the shape alone; their accumulators are merged in order.  So the result is
bitwise the same for every number of threads.  Sums of float32 are accumulated in float64: the result is the exact sum
rounded once, for all practical lengths.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from minigrad_ext.kernel cimport new_family
from minigrad_ext.kernels.axes cimport (
    Axes, absolute, advance, byte_stride, clear_axes, insert_axis, locate, merge_neighbours, share_out, take_innermost,
)
from minigrad_ext.kernels.blocks cimport repeat
from minigrad_ext.kernels.folds cimport (
    COLUMNS, Exponentials, Largest, Smallest, accumulator, exponentials_columns, exponentials_run, extreme_columns,
    extreme_run, merge_exponentials, store, store_exponentials, sum_columns, sum_run, weakest,
)
from minigrad_ext.types cimport (
    BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_AXES, N_DTYPES, NO_MEMORY, OK, UINT8, Step, View, kernel_t, number, real,
)

cdef enum:
    UNIT = 8192             # elements folded by one call, at most
    CHUNK = 65536           # elements that share an accumulator, about
    SHORT_RUN = 16          # a shorter run is not worth folding along
    TASK = 16384            # elements per parallel task, at least
    MAX_ACC = 16            # bytes of an accumulator

# acc[0] <- acc[0] + the n elements of a run
ctypedef void (*run_t)(char* acc, const char* x, int64_t n, int64_t stride) noexcept nogil
# acc[j] <- acc[j] + the elements of column j, over `rows` rows
ctypedef void (*columns_t)(char* acc, const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride
                           ) noexcept nogil
ctypedef void (*store_t)(char* out, int64_t stride, const char* acc, int64_t n) noexcept nogil

# What a reduction is made of, for one dtype.  `acc` is an array of accumulators, one per output.
cdef struct Fold:
    int acc_size
    char first[MAX_ACC]         # the accumulator of no elements
    run_t run
    columns_t columns
    columns_t merge             # the same, of accumulators
    store_t store


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
    char* partial                   # an accumulator for each chunk of each column


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


cdef inline void start(char* acc, const Fold* fold, int64_t n) noexcept nogil:
    cdef int64_t j
    if fold.acc_size < MAX_ACC:
        repeat(acc, fold.first, n, fold.acc_size)
    else:
        for j in range(n):
            memcpy(acc + j * MAX_ACC, fold.first, MAX_ACC)


cdef void fold_chunk(const Plan* plan, const char* x, int64_t n, int64_t chunk, char* acc) noexcept nogil:
    """Fold one chunk of what is reduced into n columns, x being the first column's first element."""
    cdef int64_t index[MAX_AXES]
    cdef int64_t offsets[3]
    cdef int64_t unit = chunk * plan.group
    cdef int64_t end = min(plan.units, unit + plan.group)
    cdef int64_t piece = unit % plan.pieces
    cdef int64_t size
    cdef const char* at
    start(acc, plan.fold, n)
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
    cdef int64_t index[MAX_AXES]
    cdef int64_t offsets[3]
    cdef int64_t first = block % plan.blocks * plan.width
    locate(&plan.kept, block // plan.blocks, index, offsets)
    x[0] = plan.x + offsets[0] + first * plan.column_x
    out[0] = plan.out + offsets[1] + first * plan.column_out
    n[0] = min(plan.width, plan.columns - first)


cdef int reduce_blocks(const Plan* plan, int64_t first, int64_t end, void* _) noexcept nogil:
    """Blocks that are one chunk each: fold and store."""
    cdef char acc[COLUMNS * MAX_ACC]
    cdef const char* x
    cdef char* out
    cdef int64_t block, n
    for block in range(first, end):
        find_block(plan, block, &x, &out, &n)
        fold_chunk(plan, x, n, 0, acc)
        plan.fold.store(out, plan.column_out, acc, n)
    return OK


cdef int fold_parts(const Plan* plan, int64_t first, int64_t end, void* _) noexcept nogil:
    """Chunks of blocks, into their places among the partial results."""
    cdef const char* x
    cdef char* out
    cdef int64_t part, n
    for part in range(first, end):
        find_block(plan, part // plan.chunks, &x, &out, &n)
        fold_chunk(plan, x, n, part % plan.chunks, plan.partial + part * plan.width * plan.fold.acc_size)
    return OK


cdef void merge_parts(const Plan* plan, int64_t block) noexcept nogil:
    cdef const char* x
    cdef char* out
    cdef int64_t n, size = plan.width * plan.fold.acc_size
    cdef char* acc = plan.partial + block * plan.chunks * size
    find_block(plan, block, &x, &out, &n)
    plan.fold.merge(acc, acc + size, plan.chunks - 1, size, n, plan.fold.acc_size)
    plan.fold.store(out, plan.column_out, acc, n)


cdef int reduce_with(Step* step, double cost) noexcept nogil:
    """`cost` is the time per element in nanoseconds, for the choice of threads."""
    cdef Plan plan
    cdef int64_t block, blocks
    cdef double work
    plan.fold = <const Fold*>step.inner
    plan.out, plan.x = step.args[0].data, step.args[1].data
    split_axes(&step.args[0], &step.args[1], &plan.kept, &plan.reduced)
    if plan.kept.total == 0:
        return OK
    work = cost * <double>plan.kept.total * <double>plan.reduced.total
    if plan.reduced.total == 0:
        plan.reduced.ndim = 0           # nothing to fold: lay_out gives one unit of a run of length 0
    lay_out(&plan)
    if plan.reduced.total == 0:
        plan.run, plan.units, plan.chunks = 0, 0, 1
    blocks = plan.kept.total * plan.blocks
    if plan.chunks == 1:
        return share_out(<void*>reduce_blocks, &plan, blocks,
                         max(<int64_t>1, TASK // max(<int64_t>1, plan.units * plan.piece * plan.width)), work)
    plan.partial = <char*>malloc(blocks * plan.chunks * plan.width * plan.fold.acc_size)
    if plan.partial == NULL:
        return NO_MEMORY
    share_out(<void*>fold_parts, &plan, blocks * plan.chunks, 1, work)
    for block in range(blocks):
        merge_parts(&plan, block)
    free(plan.partial)
    return OK


cdef int reduce_cheap(Step* step) noexcept nogil:
    return reduce_with(step, 0.1)


cdef int reduce_exponentials(Step* step) noexcept nogil:
    return reduce_with(step, 3)


# ---------------------------------------------------------------------------------------------------------------------

cdef Fold SUM[N_DTYPES]
cdef Fold AMAX[N_DTYPES]
cdef Fold AMIN[N_DTYPES]
cdef Fold LOGSUMEXP[N_DTYPES]


cdef Fold fold(const void* first, int acc_size, void* run, void* columns, void* merge, void* store):
    cdef Fold made
    made.acc_size = acc_size
    memcpy(made.first, first, acc_size)
    made.run, made.columns, made.merge, made.store = <run_t>run, <columns_t>columns, <columns_t>merge, <store_t>store
    return made


cdef void fill_sum(int code, number* _, accumulator zero):
    cdef void* merge = <void*>sum_columns[uint64_t, int64_t]
    if accumulator is double:
        merge = <void*>sum_columns[double, double]
    SUM[code] = fold(&zero, sizeof(zero), <void*>sum_run[accumulator, number], <void*>sum_columns[accumulator, number],
                     merge, <void*>store[number, accumulator])


cdef void fill_logsumexp(int code, real* _):
    cdef Exponentials nothing = Exponentials(-INFINITY, 0)
    LOGSUMEXP[code] = fold(&nothing, sizeof(nothing), <void*>exponentials_run[real],
                           <void*>exponentials_columns[real], <void*>merge_exponentials,
                           <void*>store_exponentials[real])


cdef void fill_extremes(int code, number* kind):
    cdef number low = weakest(kind, <Largest*>NULL)
    cdef number high = <number>1 if code == BOOL else weakest(kind, <Smallest*>NULL)
    cdef void* columns = <void*>extreme_columns[Largest, number]
    AMAX[code] = fold(&low, sizeof(number), <void*>extreme_run[Largest, number], columns, columns,
                      <void*>store[number, number])
    columns = <void*>extreme_columns[Smallest, number]
    AMIN[code] = fold(&high, sizeof(number), <void*>extreme_run[Smallest, number], columns, columns,
                      <void*>store[number, number])


cdef family(str name, kernel_t run, Fold* folds, codes):
    cdef void* inner[N_DTYPES]
    cdef int code
    for code in range(N_DTYPES):
        inner[code] = &folds[code] if code in codes else NULL
    KERNELS[name] = new_family(name, run, inner, by=1)


fill_sum(FLOAT32, <float*>NULL, <double>0)
fill_sum(FLOAT64, <double*>NULL, <double>0)
fill_sum(INT32, <int32_t*>NULL, <uint64_t>0)
fill_sum(INT64, <int64_t*>NULL, <uint64_t>0)
fill_logsumexp(FLOAT32, <float*>NULL)
fill_logsumexp(FLOAT64, <double*>NULL)
fill_extremes(BOOL, <uint8_t*>NULL)
fill_extremes(UINT8, <uint8_t*>NULL)
fill_extremes(INT32, <int32_t*>NULL)
fill_extremes(INT64, <int64_t*>NULL)
fill_extremes(FLOAT32, <float*>NULL)
fill_extremes(FLOAT64, <double*>NULL)

KERNELS = {}
EVERY = (BOOL, UINT8, INT32, INT64, FLOAT32, FLOAT64)
family("sum", reduce_cheap, SUM, (INT32, INT64, FLOAT32, FLOAT64))
family("amax", reduce_cheap, AMAX, EVERY)
family("amin", reduce_cheap, AMIN, EVERY)
family("any", reduce_cheap, AMAX, (BOOL,))
family("all", reduce_cheap, AMIN, (BOOL,))
family("logsumexp", reduce_exponentials, LOGSUMEXP, (FLOAT32, FLOAT64))
