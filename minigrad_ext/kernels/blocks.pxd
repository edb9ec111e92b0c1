"""Elementwise work on strided views, as loops over contiguous blocks.

A Walk is the iteration space of one call: the operands broadcast against the output, axes of size 1 dropped, axes
ordered by the output's strides, and neighbours merged wherever every operand allows.  It is cut into blocks.  An
operand whose block is contiguous in memory is used where it lies; any other is packed into a scratch block that stays
in the L1 cache (an output is unpacked from there afterwards).  So an inner loop sees contiguous blocks only, whatever
the strides, and a chain of such loops may run over the same blocks.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy
from minigrad_ext.kernel cimport new_family
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport FLOAT64, INT64, MAX_AXES, N_DTYPES, OK, Step, UINT8, View, kernel_t

cdef enum:
    OPERANDS = 5            # at most, in one walk
    SCRATCH = 4096          # bytes of one operand's scratch block
    WHOLE_BLOCK = 4096      # elements of a block when nothing is packed
    SHORTEST_ROW = 64       # a shorter innermost axis is not worth a block of its own
    TASK = 8000             # nanoseconds of work that a thread takes at a time

# One block: out[j] = f(a[j], b[j], c[j]).  Families of fewer operands leave the rest alone.  The table entries take
# typed pointers, out among them `restrict`: the driver never passes an out that is also an input.
ctypedef void (*loop_t)(char* out, char* a, char* b, char* c, int64_t n) noexcept nogil

cdef struct Walk:
    int n_args
    int ndim                # at least 1
    int64_t shape[MAX_AXES]
    int64_t strides[OPERANDS][MAX_AXES]     # in bytes
    char* data[OPERANDS]
    int itemsize[OPERANDS]
    bint direct[OPERANDS]   # every block of it is contiguous in memory
    bint constant[OPERANDS] # every block of it repeats one element
    bint reads[OPERANDS]
    bint writes[OPERANDS]
    bint by_rows            # no block crosses the end of a row; else blocks are cut from the flattened space
    int64_t total
    int64_t block           # elements of a full block
    int64_t row_blocks
    int64_t n_blocks

# Where a thread holds its packed blocks.
cdef struct Scratch:
    char* at[OPERANDS]      # what the loop is to use for the current block
    char* held[OPERANDS]    # the element that a constant operand's scratch repeats, and how often
    int64_t held_n[OPERANDS]
    char memory[OPERANDS * SCRATCH + 64]


cdef inline int itemsize_of(int dtype) noexcept nogil:
    if dtype <= UINT8:
        return 1
    return 8 if dtype == INT64 or dtype == FLOAT64 else 4


cdef inline int64_t positive(int64_t x) noexcept nogil:
    return -x if x < 0 else x


cdef inline bint contiguous(const View* v) noexcept nogil:
    cdef int64_t expected = 1
    cdef int axis
    for axis in range(v.ndim - 1, -1, -1):
        if v.shape[axis] != 1 and v.strides[axis] != expected:
            return False
        expected *= v.shape[axis]
    return True


cdef inline void add_axis(Walk* walk, int64_t size, int64_t* strides) noexcept nogil:
    """Insert an axis, outermost first by the output's stride; a negative one is walked from its other end."""
    cdef int place, k
    if strides[0] < 0:
        for k in range(walk.n_args):
            walk.data[k] += (size - 1) * strides[k]
            strides[k] = -strides[k]
    place = walk.ndim
    while place > 0 and walk.strides[0][place - 1] < strides[0]:
        walk.shape[place] = walk.shape[place - 1]
        for k in range(walk.n_args):
            walk.strides[k][place] = walk.strides[k][place - 1]
        place -= 1
    walk.shape[place] = size
    for k in range(walk.n_args):
        walk.strides[k][place] = strides[k]
    walk.ndim += 1


cdef inline void merge_axes(Walk* walk) noexcept nogil:
    """Join an axis with the next where a step over it is a run through the next, for every operand."""
    cdef int axis, k, last = 0
    cdef bint joined
    for axis in range(1, walk.ndim):
        joined = True
        for k in range(walk.n_args):
            if walk.strides[k][last] != walk.strides[k][axis] * walk.shape[axis]:
                joined = False
        if joined:
            walk.shape[last] *= walk.shape[axis]
        else:
            last += 1
            walk.shape[last] = walk.shape[axis]
        for k in range(walk.n_args):
            walk.strides[k][last] = walk.strides[k][axis]
    walk.ndim = last + 1


cdef inline void classify(Walk* walk, int k) noexcept nogil:
    """Whether every block of operand k is contiguous, or one element repeated."""
    cdef int axis, first = walk.ndim - 1 if walk.by_rows else 0
    cdef int64_t expected = walk.itemsize[k]
    walk.direct[k], walk.constant[k] = True, True
    for axis in range(walk.ndim - 1, first - 1, -1):
        walk.direct[k] = walk.direct[k] and walk.strides[k][axis] == expected
        walk.constant[k] = walk.constant[k] and walk.strides[k][axis] == 0
        expected *= walk.shape[axis]


cdef inline void start_walk(Walk* walk, Step* step, int n_args) noexcept nogil:
    """Lay out the walk of args[0] with the next n_args - 1 operands.  All are read except args[0], the only one
    written, unless the caller says otherwise before cut_blocks()."""
    cdef View* out = &step.args[0]
    cdef View* v
    cdef int axis, own, k
    cdef int64_t strides[OPERANDS]
    walk.n_args, walk.ndim, walk.total = n_args, 0, 1
    for k in range(n_args):
        walk.data[k] = step.args[k].data
        walk.itemsize[k] = itemsize_of(step.args[k].dtype)
        walk.reads[k], walk.writes[k] = k > 0, k == 0
    for axis in range(out.ndim):
        walk.total *= out.shape[axis]
        if out.shape[axis] == 1:
            continue
        for k in range(n_args):
            v = &step.args[k]
            own = axis - out.ndim + v.ndim
            strides[k] = 0
            if own >= 0 and v.shape[own] != 1:
                strides[k] = v.strides[own] * walk.itemsize[k]
        add_axis(walk, out.shape[axis], strides)
    if walk.ndim == 0:
        for k in range(n_args):
            strides[k] = walk.itemsize[k]
        add_axis(walk, 1, strides)


cdef inline void cut_blocks(Walk* walk) noexcept nogil:
    cdef int k, widest = 1
    cdef bint packing = False
    cdef int64_t row
    merge_axes(walk)
    row = walk.shape[walk.ndim - 1]
    walk.by_rows = walk.ndim == 1 or row >= SHORTEST_ROW
    for k in range(walk.n_args):
        classify(walk, k)
        if walk.data[k] == walk.data[0] and k > 0:      # in place: the loop's out must not be its input
            walk.direct[0] = False
        widest = max(widest, walk.itemsize[k])
    for k in range(walk.n_args):
        packing = packing or not walk.direct[k]
    walk.block = SCRATCH // widest if packing else WHOLE_BLOCK
    if walk.by_rows:
        walk.row_blocks = (row + walk.block - 1) // walk.block
        walk.n_blocks = walk.total // row * walk.row_blocks if row else 0
    else:
        walk.row_blocks = 1
        walk.n_blocks = (walk.total + walk.block - 1) // walk.block


cdef inline void open_scratch(Scratch* scratch) noexcept nogil:
    cdef int k
    cdef uintptr_t start = (<uintptr_t>scratch.memory + 63) & ~<uintptr_t>63
    for k in range(OPERANDS):
        scratch.held[k] = NULL
        scratch.at[k] = <char*>start + k * SCRATCH


cdef inline void repeat(char* target, const char* source, int64_t n, int itemsize) noexcept nogil:
    cdef int64_t j
    cdef uint64_t wide
    cdef uint32_t word
    cdef char byte = source[0]
    if itemsize == 8:
        memcpy(&wide, source, 8)
        for j in range(n):
            memcpy(target + 8 * j, &wide, 8)
    elif itemsize == 4:
        memcpy(&word, source, 4)
        for j in range(n):
            memcpy(target + 4 * j, &word, 4)
    else:
        for j in range(n):
            target[j] = byte


cdef inline void move_run(char* target, int64_t target_stride, const char* source, int64_t source_stride, int64_t n,
                          int itemsize) noexcept nogil:
    """Copy n elements from one stride in bytes to another."""
    cdef int64_t j
    if target_stride == itemsize and source_stride == itemsize:
        memcpy(target, source, n * itemsize)
    elif target_stride == itemsize and source_stride == 0:
        repeat(target, source, n, itemsize)
    elif itemsize == 8:
        for j in range(n):
            memcpy(target + j * target_stride, source + j * source_stride, 8)
    elif itemsize == 4:
        for j in range(n):
            memcpy(target + j * target_stride, source + j * source_stride, 4)
    else:
        for j in range(n):
            target[j * target_stride] = source[j * source_stride]


cdef inline void move_block(Walk* walk, int k, char* scratch, bint store, int64_t* index, int64_t n) noexcept nogil:
    """Load n elements of operand k from `index` on into its contiguous scratch, or store them from there."""
    cdef int last = walk.ndim - 1
    cdef int axis
    cdef int itemsize = walk.itemsize[k]
    cdef int64_t stride = walk.strides[k][last]
    cdef int64_t at[MAX_AXES]
    cdef int64_t run
    cdef char* data = walk.data[k]
    for axis in range(walk.ndim):
        at[axis] = index[axis]
        data += at[axis] * walk.strides[k][axis]
    while n > 0:
        run = min(n, walk.shape[last] - at[last])
        if store:
            move_run(data, stride, scratch, itemsize, run, itemsize)
        else:
            move_run(scratch, itemsize, data, stride, run, itemsize)
        scratch += run * itemsize
        n -= run
        data -= at[last] * stride
        at[last] = 0
        for axis in range(last - 1, -1, -1):
            at[axis] += 1
            data += walk.strides[k][axis]
            if at[axis] < walk.shape[axis]:
                break
            data -= at[axis] * walk.strides[k][axis]
            at[axis] = 0


cdef inline int64_t locate(Walk* walk, int64_t block, int64_t* index) noexcept nogil:
    """The index at which a block starts, and its number of elements."""
    cdef int64_t outer, start, n, size
    cdef int axis
    if walk.by_rows:
        axis = walk.ndim - 2
        outer = block // walk.row_blocks
        start = (block - outer * walk.row_blocks) * walk.block
        n = min(walk.block, walk.shape[walk.ndim - 1] - start)
        index[walk.ndim - 1] = start
    else:
        axis = walk.ndim - 1
        outer = block * walk.block
        n = min(walk.block, walk.total - outer)
    while axis >= 0:
        size = walk.shape[axis]
        index[axis] = outer % size
        outer //= size
        axis -= 1
    return n


cdef inline void load_block(Walk* walk, Scratch* scratch, int64_t* index, int64_t n) noexcept nogil:
    """Set scratch.at[k] to n contiguous elements for every operand."""
    cdef int k, axis
    cdef char* place
    for k in range(walk.n_args):
        if not walk.direct[k] and not walk.reads[k]:
            continue
        place = walk.data[k]
        for axis in range(walk.ndim):
            place += index[axis] * walk.strides[k][axis]
        if walk.direct[k]:
            scratch.at[k] = place
        elif walk.constant[k] and not walk.writes[k]:
            if scratch.held[k] != place or scratch.held_n[k] < n:
                repeat(scratch.at[k], place, n, walk.itemsize[k])
                scratch.held[k], scratch.held_n[k] = place, n
        else:
            move_block(walk, k, scratch.at[k], False, index, n)


cdef inline void store_block(Walk* walk, Scratch* scratch, int64_t* index, int64_t n) noexcept nogil:
    cdef int k
    for k in range(walk.n_args):
        if walk.writes[k] and not walk.direct[k]:
            move_block(walk, k, scratch.at[k], True, index, n)


cdef inline void run_blocks(Walk* walk, loop_t loop, int64_t first, int64_t end) noexcept nogil:
    cdef Scratch scratch
    cdef int64_t index[MAX_AXES]
    cdef int64_t block, n
    open_scratch(&scratch)
    for block in range(first, end):
        n = locate(walk, block, index)
        load_block(walk, &scratch, index, n)
        loop(scratch.at[0], scratch.at[1], scratch.at[2], scratch.at[3], n)
        store_block(walk, &scratch, index, n)


cdef inline int run_elementwise(Step* step, double cost) noexcept nogil:
    """Run step.inner over all blocks; `cost` is the time per element in nanoseconds, for the choice of threads."""
    cdef Walk walk
    cdef loop_t loop = <loop_t>step.inner
    cdef int64_t task, tasks, share
    start_walk(&walk, step, step.n_args)
    if walk.total == 0:
        return OK
    cut_blocks(&walk)
    share = 1 + <int64_t>(TASK / (cost * walk.block))
    tasks = (walk.n_blocks + share - 1) // share
    if tasks == 1:
        run_blocks(&walk, loop, 0, walk.n_blocks)
    else:
        for task in prange(tasks, num_threads=threads_for(walk.total * cost), schedule="static"):
            run_blocks(&walk, loop, task * share, min(walk.n_blocks, (task + 1) * share))
    return OK


cdef inline object family(str name, kernel_t run, int by, void* b, void* u8, void* i32, void* i64, void* f32,
                          void* f64):
    """A Kernel of `run` with these loops for the six dtypes, chosen by the dtype of argument `by`; NULL for none."""
    cdef void* loops[N_DTYPES]
    loops[0], loops[1], loops[2], loops[3], loops[4], loops[5] = b, u8, i32, i64, f32, f64
    return new_family(name, run, loops, by)


cdef inline int elementwise(Step* step) noexcept nogil:
    """Driver of cheap loops: arithmetic, comparisons, casts."""
    return run_elementwise(step, 0.25)


cdef inline int elementwise_costly(Step* step) noexcept nogil:
    """Driver of loops that call the mathematical library."""
    return run_elementwise(step, 5.0)
