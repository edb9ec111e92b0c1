"""Elementwise work on strided views, as loops over contiguous blocks.

A Walk is the iteration space of one call: the operands broadcast against the output, on axes ordered by the output's
strides and merged wherever every operand allows.  It is cut into blocks.  An
operand whose block is contiguous in memory is used where it lies; any other is packed into a scratch block that stays
in the L1 cache (an output is unpacked from there afterwards).  So an inner loop sees contiguous blocks only, whatever
the strides, and a chain of such loops may run over the same blocks.

Blocks are runs along the innermost axis, or of the flattened space where that axis is short.  Where an operand is
transposed, so that a run would touch a new cache line for each element, blocks are two-dimensional tiles instead.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy
from minigrad_ext.kernels.axes cimport (
    AXES_OPERANDS, Axes, absolute, clear_axes, insert_strides, merge_neighbours, size_of,
)
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport MAX_AXES, OK, Params, Step, View

cdef enum:
    OPERANDS = AXES_OPERANDS
    SCRATCH = 4096          # bytes of one operand's scratch block
    WHOLE_BLOCK = 4096      # elements of a block when nothing is packed
    SHORTEST_ROW = 64       # a shorter innermost axis is not worth a block of its own
    TILE = 32               # the sides of a tile, or less where the scratch is too small
    TASK = 8000             # nanoseconds of work that a thread takes at a time

# One block of n elements: at[k] is where those of operand k lie, contiguous.
ctypedef void (*loop_t)(char** at, int64_t n, const Params* params) noexcept nogil

cdef struct Walk:
    int n_args
    Axes axes               # at least one
    char* data[OPERANDS]
    int itemsize[OPERANDS]
    bint direct[OPERANDS]   # every block of it is contiguous in memory
    bint constant[OPERANDS] # every block of it repeats one element
    bint reads[OPERANDS]
    bint writes[OPERANDS]
    bint by_rows            # no block crosses the end of a row; else blocks are cut from the flattened space
    int tiled               # the axis that tiles span beside the innermost one; -1 when there are no tiles
    int64_t block           # elements of a full block
    int64_t row_blocks      # blocks side by side in a row
    int64_t n_blocks

cdef struct Block:
    int64_t start[MAX_AXES] # index of its first element
    int64_t n               # elements
    int64_t width           # elements of each row, in a tile

# Where a thread holds its packed blocks.
cdef struct Scratch:
    char* at[OPERANDS]      # what the loop is to use for the current block
    char* held[OPERANDS]    # the element that a constant operand's scratch repeats, and how often
    int64_t held_n[OPERANDS]
    char memory[OPERANDS * SCRATCH + 64]


cdef inline bint contiguous(const View* v) noexcept nogil:
    cdef int64_t expected = 1
    cdef int axis
    for axis in range(v.ndim - 1, -1, -1):
        if v.shape[axis] != 1 and v.strides[axis] != expected:
            return False
        expected *= v.shape[axis]
    return True


cdef inline void classify(Walk* walk, int k) noexcept nogil:
    """Whether every block of operand k is contiguous, or one element repeated."""
    cdef int axis, first = walk.axes.ndim - 1 if walk.by_rows else 0
    if walk.tiled >= 0:
        walk.direct[k] = False
        walk.constant[k] = walk.axes.strides[k][walk.axes.ndim - 1] == 0 and walk.axes.strides[k][walk.tiled] == 0
        return
    cdef int64_t expected = walk.itemsize[k]
    walk.direct[k], walk.constant[k] = True, True
    for axis in range(walk.axes.ndim - 1, first - 1, -1):
        walk.direct[k] = walk.direct[k] and walk.axes.strides[k][axis] == expected
        walk.constant[k] = walk.constant[k] and walk.axes.strides[k][axis] == 0
        expected *= walk.axes.shape[axis]


cdef inline void start_walk(Walk* walk, Step* step, int n_args) noexcept nogil:
    """Lay out the walk of args[0] with the next n_args - 1 operands.  All are read except args[0], the only one
    written, unless the caller says otherwise before cut_blocks()."""
    cdef View* out = &step.args[0]
    cdef View* v
    cdef int axis, own, k
    cdef int64_t strides[OPERANDS]
    walk.n_args = n_args
    clear_axes(&walk.axes, n_args)
    for k in range(n_args):
        walk.data[k] = step.args[k].data
        walk.itemsize[k] = <int>size_of(step.args[k].dtype)
        walk.reads[k], walk.writes[k] = k > 0, k == 0
    for axis in range(out.ndim):
        for k in range(n_args):
            v = &step.args[k]
            own = axis - out.ndim + v.ndim
            strides[k] = 0
            if own >= 0 and v.shape[own] != 1:
                strides[k] = v.strides[own] * walk.itemsize[k]
        if strides[0] < 0:      # walk it from its other end
            for k in range(n_args):
                walk.data[k] += (out.shape[axis] - 1) * strides[k]
                strides[k] = -strides[k]
        insert_strides(&walk.axes, out.shape[axis], strides)
    if walk.axes.ndim == 0:
        walk.axes.ndim, walk.axes.shape[0] = 1, 1
        for k in range(n_args):
            walk.axes.strides[k][0] = walk.itemsize[k]


cdef inline int64_t tile_rows(Walk* walk) noexcept nogil:
    """Tiles one below the other."""
    cdef int64_t height = walk.block // TILE
    return (walk.axes.shape[walk.tiled] + height - 1) // height


cdef inline int transposed_axis(Walk* walk) noexcept nogil:
    """The axis along which an operand is contiguous, when that is not the innermost one; -1 if there is none."""
    cdef int k, axis, last = walk.axes.ndim - 1
    if walk.axes.shape[last] < TILE:
        return -1
    for axis in range(last):
        for k in range(walk.n_args):
            if walk.axes.strides[k][axis] == walk.itemsize[k] and walk.axes.shape[axis] >= TILE and (
                    absolute(walk.axes.strides[k][last]) > walk.itemsize[k]):
                return axis
    return -1


cdef inline void cut_blocks(Walk* walk) noexcept nogil:
    cdef int k, widest = 1
    cdef bint packing = False
    cdef int64_t row
    merge_neighbours(&walk.axes)
    row = walk.axes.shape[walk.axes.ndim - 1]
    walk.by_rows = walk.axes.ndim == 1 or row >= SHORTEST_ROW
    walk.tiled = transposed_axis(walk)
    for k in range(walk.n_args):
        classify(walk, k)
        if walk.data[k] == walk.data[0] and k > 0:      # in place: the loop's out must not be its input
            walk.direct[0] = False
        widest = max(widest, walk.itemsize[k])
    for k in range(walk.n_args):
        packing = packing or not walk.direct[k]
    walk.block = SCRATCH // widest if packing else WHOLE_BLOCK
    if walk.tiled >= 0:
        walk.block = min(walk.block, TILE * TILE)
        walk.row_blocks = (row + TILE - 1) // TILE
        walk.n_blocks = walk.axes.total // (row * walk.axes.shape[walk.tiled]) * walk.row_blocks * tile_rows(walk)
    elif walk.by_rows:
        walk.row_blocks = (row + walk.block - 1) // walk.block
        walk.n_blocks = walk.axes.total // row * walk.row_blocks
    else:
        walk.row_blocks = 1
        walk.n_blocks = (walk.axes.total + walk.block - 1) // walk.block


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


cdef inline void move_rows(Walk* walk, int k, char* scratch, bint store, Block* block, char* data) noexcept nogil:
    """move_block() for runs: an odometer over the rows that the block meets."""
    cdef int last = walk.axes.ndim - 1
    cdef int axis
    cdef int itemsize = walk.itemsize[k]
    cdef int64_t stride = walk.axes.strides[k][last]
    cdef int64_t at[MAX_AXES]
    cdef int64_t run, n = block.n
    for axis in range(walk.axes.ndim):
        at[axis] = block.start[axis]
    while True:
        run = min(n, walk.axes.shape[last] - at[last])
        if store:
            move_run(data, stride, scratch, itemsize, run, itemsize)
        else:
            move_run(scratch, itemsize, data, stride, run, itemsize)
        n -= run
        if n == 0:
            return
        scratch += run * itemsize
        data -= at[last] * stride
        at[last] = 0
        for axis in range(last - 1, -1, -1):
            at[axis] += 1
            data += walk.axes.strides[k][axis]
            if at[axis] < walk.axes.shape[axis]:
                break
            data -= at[axis] * walk.axes.strides[k][axis]
            at[axis] = 0


cdef inline void move_tile(Walk* walk, int k, char* scratch, bint store, Block* block, char* data) noexcept nogil:
    """move_block() for tiles: along whichever of its two axes the operand is contiguous."""
    cdef int itemsize = walk.itemsize[k]
    cdef int64_t along = walk.axes.strides[k][walk.axes.ndim - 1], down = walk.axes.strides[k][walk.tiled]
    cdef int64_t width = block.width, height = block.n // block.width
    cdef int64_t pitch = width * itemsize
    cdef int64_t j, count = height, run = width, run_stride = along, step = down, own = itemsize, own_step = pitch
    if down == itemsize:
        count, run, run_stride, step, own, own_step = width, height, down, along, pitch, itemsize
    for j in range(count):
        if store:
            move_run(data + j * step, run_stride, scratch + j * own_step, own, run, itemsize)
        else:
            move_run(scratch + j * own_step, own, data + j * step, run_stride, run, itemsize)


cdef inline char* place_of(Walk* walk, int k, Block* block) noexcept nogil:
    cdef int axis
    cdef char* place = walk.data[k]
    for axis in range(walk.axes.ndim):
        place += block.start[axis] * walk.axes.strides[k][axis]
    return place


cdef inline void move_block(Walk* walk, int k, char* scratch, bint store, Block* block) noexcept nogil:
    """Load operand k's elements of a block into its contiguous scratch, or store them from there."""
    if walk.tiled >= 0:
        move_tile(walk, k, scratch, store, block, place_of(walk, k, block))
    else:
        move_rows(walk, k, scratch, store, block, place_of(walk, k, block))


cdef inline void locate_block(Walk* walk, int64_t number, Block* block) noexcept nogil:
    """Where a block lies."""
    cdef int64_t height, start
    cdef int axis, last = walk.axes.ndim - 1
    if walk.tiled >= 0:
        height = walk.block // TILE
        start = number % walk.row_blocks * TILE
        number //= walk.row_blocks
        block.start[last], block.width = start, min(TILE, walk.axes.shape[last] - start)
        start = number % tile_rows(walk) * height
        number //= tile_rows(walk)
        block.start[walk.tiled] = start
        block.n = block.width * min(height, walk.axes.shape[walk.tiled] - start)
    elif walk.by_rows:
        block.start[last] = number % walk.row_blocks * walk.block
        block.n = min(walk.block, walk.axes.shape[last] - block.start[last])
        number //= walk.row_blocks
    else:
        number *= walk.block
        block.n = min(walk.block, walk.axes.total - number)
        last += 1
    for axis in range(last - 1, -1, -1):
        if axis != walk.tiled:
            block.start[axis] = number % walk.axes.shape[axis]
            number //= walk.axes.shape[axis]


cdef inline void load_block(Walk* walk, Scratch* scratch, Block* block) noexcept nogil:
    """Set scratch.at[k] to the block's elements, contiguous, for every operand."""
    cdef int k
    cdef char* place
    for k in range(walk.n_args):
        if walk.direct[k]:
            scratch.at[k] = place_of(walk, k, block)
        elif walk.constant[k] and not walk.writes[k]:
            place = place_of(walk, k, block)
            if scratch.held[k] != place or scratch.held_n[k] < block.n:
                repeat(scratch.at[k], place, block.n, walk.itemsize[k])
                scratch.held[k], scratch.held_n[k] = place, block.n
        elif walk.reads[k]:
            move_block(walk, k, scratch.at[k], False, block)


cdef inline void store_block(Walk* walk, Scratch* scratch, Block* block) noexcept nogil:
    cdef int k
    for k in range(walk.n_args):
        if walk.writes[k] and not walk.direct[k]:
            move_block(walk, k, scratch.at[k], True, block)


cdef inline void run_blocks(Walk* walk, loop_t loop, const Params* params, int64_t first, int64_t end) noexcept nogil:
    cdef Scratch scratch
    cdef Block block
    cdef int64_t number
    open_scratch(&scratch)
    for number in range(first, end):
        locate_block(walk, number, &block)
        load_block(walk, &scratch, &block)
        loop(scratch.at, block.n, params)
        store_block(walk, &scratch, &block)


cdef inline int run_walk(Walk* walk, loop_t loop, const Params* params, double cost) noexcept nogil:
    """Run the loop over all blocks; `cost` is the time per element in nanoseconds, for the choice of threads."""
    cdef int64_t task, share
    cdef int threads
    if walk.axes.total == 0:
        return OK
    cut_blocks(walk)
    threads = threads_for(walk.axes.total * cost)
    if threads == 1:
        run_blocks(walk, loop, params, 0, walk.n_blocks)
    else:
        share = 1 + <int64_t>(TASK / (cost * walk.block))
        for task in prange((walk.n_blocks + share - 1) // share, num_threads=threads, schedule="static"):
            run_blocks(walk, loop, params, task * share, min(walk.n_blocks, (task + 1) * share))
    return OK


# The loop of an elementwise kernel: out[j] from the elements a[j], b[j], c[j] of up to three operands.
ctypedef void (*elements_t)(char* out, char* a, char* b, char* c, int64_t n) noexcept nogil


cdef inline void run_elements(char** at, int64_t n, const Params* loop) noexcept nogil:
    """An elementwise loop on one block; it comes where other loops have their parameters."""
    (<elements_t><void*>loop)(at[0], at[1], at[2], at[3], n)


cdef inline int run_elementwise(Step* step, double cost) noexcept nogil:
    """step.inner on all arguments."""
    cdef Walk walk
    start_walk(&walk, step, step.n_args)
    return run_walk(&walk, run_elements, <const Params*>step.inner, cost)


cdef inline int elementwise(Step* step) noexcept nogil:
    """Driver of cheap loops: arithmetic, comparisons, casts."""
    return run_elementwise(step, 0.25)


cdef inline int elementwise_costly(Step* step) noexcept nogil:
    """Driver of loops that call the mathematical library."""
    return run_elementwise(step, 5.0)
