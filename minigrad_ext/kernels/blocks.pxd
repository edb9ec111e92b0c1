"""Elementwise work on strided views, as loops over contiguous blocks.

A Walk is the iteration space of one call: the operands broadcast against the output, on axes ordered by the output's
strides and merged wherever every operand allows.  It is cut into blocks, boxes of the same extent along each axis.  An
operand whose block is contiguous in memory is used where it lies; any other is packed into a scratch block that stays
in the L1 cache (an output is unpacked from there afterwards).  So an inner loop sees contiguous blocks only, whatever
the strides, and a chain of such loops may run over the same blocks.

A block is a run along the innermost axis, or along several axes where the innermost ones are short.  Where an operand
is transposed, so that a run would touch a new cache line for each element, it is a two-dimensional tile instead.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy
from minigrad_ext.allocator cimport scratch
from minigrad_ext.kernels.axes cimport (
    AXES_OPERANDS, Axes, absolute, broadcast_stride, clear_axes, insert_strides, merge_neighbours, place_t, share_out,
)
from minigrad_ext.types cimport MAX_AXES, OK, Step, View, bits, contiguous, itemsize_of, view_size

cdef enum:
    OPERANDS = AXES_OPERANDS
    SCRATCH = 4096          # bytes of one operand's scratch block
    WHOLE_BLOCK = 4096      # elements of a block when nothing is packed
    SHORTEST_ROW = 64       # a shorter innermost axis is not worth a block of its own:
    SHORTEST_BLOCK = 512    # it is joined by the axes before it until there are so many elements
    TILE = 32               # the sides of a tile, or less where the scratch is too small
    TASK = 3000             # nanoseconds of work that a thread takes at a time

# One block of n elements: at[k] is where those of operand k lie, contiguous; `job` is what run_walk() was given.
ctypedef void (*loop_t)(char** at, int64_t n, const void* job) noexcept nogil

cdef struct Walk:
    int n_args, reads, writes           # the last two have bit k set when operand k is read, and written
    Axes axes                           # at least one
    char* data[OPERANDS]
    int64_t itemsize[OPERANDS]
    bint direct[OPERANDS]               # every block of it is contiguous in memory
    bint constant[OPERANDS]             # every block of it repeats one element
    int tiled                           # the axis that tiles span beside the innermost one; -1 when there are none
    place_t extent, across              # of a full block, and how many blocks lie side by side
    int64_t block, n_blocks             # elements of a full block
    loop_t loop
    const void* job

cdef struct Block:
    place_t start, extent               # the index of its first element, and its size
    int64_t n                           # elements
    int ndim

# Where a thread holds its packed blocks.
cdef struct Scratch:
    char* at[OPERANDS]                  # what the loop is to use for the current block
    char* held[OPERANDS]                # the element that a constant operand's scratch repeats
    char memory[OPERANDS * SCRATCH + 64]


cdef inline int64_t place(const View* v, int64_t j) noexcept nogil:
    """The offset of element j in row-major order."""
    cdef int64_t offset = 0
    for axis in range(v.ndim - 1, -1, -1):
        offset += j % v.shape[axis] * v.strides[axis]
        j //= v.shape[axis]
    return offset


cdef inline void lay_axes(Walk* walk, Step* step) noexcept nogil:
    """The axes of args[0], on which the other operands are broadcast."""
    cdef int64_t strides[OPERANDS]
    clear_axes(&walk.axes, walk.n_args)
    for axis in range(step.args[0].ndim):
        for k in range(walk.n_args):
            strides[k] = broadcast_stride(&step.args[k], &step.args[0], axis)
        insert_strides(&walk.axes, step.args[0].shape[axis], strides)
    for k in range(walk.n_args):
        walk.data[k], walk.itemsize[k] = step.args[k].data, itemsize_of(step.args[k].dtype)
        if walk.axes.ndim == 0:
            walk.axes.strides[k][0] = 1
    if walk.axes.ndim == 0:
        walk.axes.ndim = walk.axes.shape[0] = 1
    merge_neighbours(&walk.axes)


cdef inline int transposed_axis(Walk* walk) noexcept nogil:
    """The axis along which an operand is contiguous, when that is not the innermost one; -1 if there is none."""
    last = walk.axes.ndim - 1
    if walk.axes.shape[last] >= TILE:
        for axis in range(last):
            for k in range(walk.n_args):
                if walk.axes.strides[k][axis] == 1 and walk.axes.shape[axis] >= TILE and (
                        absolute(walk.axes.strides[k][last]) > 1):
                    return axis
    return -1


cdef inline void cut_blocks(Walk* walk) noexcept nogil:
    """The extent of the blocks: whole axes innermost, and as much of the axis `first` before them as there is room."""
    cdef int64_t expected, inner = 1, limit = WHOLE_BLOCK
    shape = walk.axes.shape
    first = last = walk.axes.ndim - 1
    for axis in range(last):
        walk.extent[axis] = 1
    walk.extent[last] = shape[last]
    walk.tiled = transposed_axis(walk)
    if walk.tiled >= 0:
        first, inner = walk.tiled, TILE
        walk.extent[first] = walk.extent[last] = TILE
    elif shape[last] < SHORTEST_ROW:
        while first > 0 and inner * shape[first] < SHORTEST_BLOCK:
            inner *= shape[first]
            first -= 1
            walk.extent[first] = shape[first]
    for k in range(walk.n_args):
        expected = 1
        walk.direct[k], walk.constant[k] = walk.tiled < 0, True
        for axis in range(last, first - 1, -1):
            if walk.extent[axis] > 1:
                walk.direct[k] = walk.direct[k] and walk.axes.strides[k][axis] == expected
                walk.constant[k] = walk.constant[k] and walk.axes.strides[k][axis] == 0
                expected *= walk.extent[axis]
        if k > 0 and walk.data[k] == walk.data[0]:      # in place: the loop's out must not be its input
            walk.direct[0] = False
    for k in range(walk.n_args):
        if not walk.direct[k]:
            limit = min(limit, SCRATCH // walk.itemsize[k])
    walk.extent[first] = min(walk.extent[first], limit // inner)
    walk.block = walk.n_blocks = 1
    for axis in range(walk.axes.ndim):
        walk.across[axis] = (shape[axis] + walk.extent[axis] - 1) // walk.extent[axis]
        walk.block *= walk.extent[axis]
        walk.n_blocks *= walk.across[axis]


cdef inline void locate_block(Walk* walk, int64_t number, Block* block) noexcept nogil:
    block.n, block.ndim = 1, walk.axes.ndim
    for axis in range(block.ndim - 1, -1, -1):
        start = number % walk.across[axis] * walk.extent[axis]
        number //= walk.across[axis]
        block.start[axis], block.extent[axis] = start, min(walk.extent[axis], walk.axes.shape[axis] - start)
        block.n *= block.extent[axis]


cdef inline char* place_of(Walk* walk, int k, Block* block) noexcept nogil:
    cdef int64_t offset = 0
    for axis in range(block.ndim):
        offset += block.start[axis] * walk.axes.strides[k][axis]
    return walk.data[k] + offset * walk.itemsize[k]


cdef inline void move_run(bits* target, int64_t to, const bits* source, int64_t by, int64_t n) noexcept nogil:
    """Copy n elements from one stride to another, whatever their type."""
    cdef bits item
    memcpy(&item, source, sizeof(bits))
    if to == 1 and by == 1:
        memcpy(target, source, n * sizeof(bits))
    elif to == 1 and by == 0:
        for j in range(n):
            memcpy(target + j, &item, sizeof(bits))
    else:
        for j in range(n):
            memcpy(target + j * to, source + j * by, sizeof(bits))


cdef inline void repeat(char* target, const char* source, int64_t n, int64_t itemsize) noexcept nogil:
    if itemsize == 8:
        move_run(<uint64_t*>target, 1, <const uint64_t*>source, 0, n)
    elif itemsize == 4:
        move_run(<uint32_t*>target, 1, <const uint32_t*>source, 0, n)
    else:
        move_run(<uint8_t*>target, 1, <const uint8_t*>source, 0, n)


cdef inline void move_box(bits* target, const int64_t* to, const bits* source, const int64_t* by, const Block* block,
                          int run, int beside) noexcept nogil:
    """Copy a block from one set of strides to another: in runs along the axis `run`, row by row along `beside`."""
    n, rows = block.extent[run], 1 if beside == run else block.extent[beside]
    for part in range(block.n // (n * rows)):
        t, s = target, source
        for axis in range(block.ndim):
            if axis != run and axis != beside and block.extent[axis] > 1:
                t += part % block.extent[axis] * to[axis]
                s += part % block.extent[axis] * by[axis]
                part //= block.extent[axis]
        for j in range(rows):
            move_run(t + j * to[beside], to[run], s + j * by[beside], by[run], n)


cdef inline void move_block(Walk* walk, int k, char* data, char* scratch, bint store, Block* block) noexcept nogil:
    """Load operand k's elements of a block, which begin at `data`, into its contiguous scratch, or store them from
    there: in runs along whichever axis of a tile the operand is contiguous."""
    cdef int64_t own[MAX_AXES]
    cdef int64_t n = 1
    strides, itemsize, last = walk.axes.strides[k], walk.itemsize[k], block.ndim - 1
    for axis in range(last, -1, -1):
        own[axis] = n
        n *= block.extent[axis]
    run, beside = last, walk.tiled if walk.tiled >= 0 else max(last - 1, 0)
    if walk.tiled >= 0 and strides[beside] == 1:
        run, beside = beside, run
    target, to, source, by = scratch, own, data, strides
    if store:
        target, to, source, by = data, strides, scratch, own
    if itemsize == 8:
        move_box(<uint64_t*>target, to, <const uint64_t*>source, by, block, run, beside)
    elif itemsize == 4:
        move_box(<uint32_t*>target, to, <const uint32_t*>source, by, block, run, beside)
    else:
        move_box(<uint8_t*>target, to, <const uint8_t*>source, by, block, run, beside)


cdef inline void load_block(Walk* walk, Scratch* scratch, Block* block) noexcept nogil:
    """Set scratch.at[k] to the block's elements, contiguous, for every operand."""
    for k in range(walk.n_args):
        place = place_of(walk, k, block)
        if walk.direct[k]:
            scratch.at[k] = place
        elif walk.constant[k] and not walk.writes >> k & 1:
            if scratch.held[k] != place:
                repeat(scratch.at[k], place, walk.block, walk.itemsize[k])
                scratch.held[k] = place
        elif walk.reads >> k & 1:
            move_block(walk, k, place, scratch.at[k], False, block)


cdef inline int run_blocks(Walk* walk, int64_t first, int64_t end, void* kind) noexcept nogil:
    cdef Scratch scratch
    cdef Block block
    start = (<uintptr_t>scratch.memory + 63) & ~<uintptr_t>63
    for k in range(OPERANDS):
        scratch.held[k], scratch.at[k] = NULL, <char*>start + k * SCRATCH
    for number in range(first, end):
        locate_block(walk, number, &block)
        load_block(walk, &scratch, &block)
        walk.loop(scratch.at, block.n, walk.job)
        for k in range(walk.n_args):
            if walk.writes >> k & 1 and not walk.direct[k]:
                move_block(walk, k, place_of(walk, k, &block), scratch.at[k], True, &block)
    return OK


cdef inline int run_walk(Step* step, int n_args, int reads, int writes, loop_t loop, const void* job, double cost
                         ) noexcept nogil:
    """Run the loop over all blocks of args[0 ... n_args - 1]; `cost` is the time per element in nanoseconds."""
    cdef Walk walk
    walk.n_args, walk.reads, walk.writes, walk.loop, walk.job = n_args, reads, writes, loop, job
    lay_axes(&walk, step)
    if walk.axes.total == 0:
        return OK
    cut_blocks(&walk)
    share = 1 + <int64_t>(TASK / (cost * walk.block))
    return share_out(<void*>run_blocks, &walk, walk.n_blocks, share, walk.axes.total * cost)


cdef inline void copy_block(char** at, int64_t n, const int64_t* itemsize) noexcept nogil:
    memcpy(at[0], at[1], n * itemsize[0])


cdef inline void copy_view(const View* out, const View* v) noexcept nogil:
    cdef Step copying
    itemsize = itemsize_of(v.dtype)
    copying.args[0], copying.args[1] = out[0], v[0]
    run_walk(&copying, 2, ~1, 1, <loop_t>copy_block, &itemsize, 0.5)


cdef inline View dense(const View* v, char* data) noexcept nogil:
    """The same shape and dtype, contiguous at `data`."""
    cdef View result = v[0]
    cdef int64_t n = 1
    for axis in range(v.ndim - 1, -1, -1):
        result.strides[axis] = n
        n *= v.shape[axis]
    result.data = data
    return result


cdef inline char* packed(const View* v, void** owned) noexcept nogil:
    """The elements one after another, if not where they lie in scratch memory, to be discarded; NULL: there is none."""
    cdef View result
    owned[0] = NULL
    if contiguous(v):
        return v.data
    owned[0] = scratch(view_size(v) * itemsize_of(v.dtype))
    if owned[0] != NULL:
        result = dense(v, <char*>owned[0])
        copy_view(&result, v)
    return <char*>owned[0]
