"""The matrix product and the dense layer, read straight from strided views:

    matmul    out[.., m, n] = sum over k of a[.., m, k] b[.., k, n]
    linear    out[.., n] = sum over k of x[.., k] w[n, k], + bias[n] if given

Reals go through register-blocked sums.  As tiles (tile.pxd), one operand's columns lie across the lanes of the vectors,
packed into panels unless so few rows meet them that they are read in place; the other's rows are broadcast.  As dots,
for a k that is contiguous on both sides, k lies across the lanes and nothing is packed: a dense layer of any batch up
to a few hundred.  A small model of cost decides, also which operand takes which part: transposing the problem
(out^T = b^T a^T) often spares the packing.

k is cut into blocks so that a panel stays in the first cache, and the blocks of sums are shared out among threads.
All cuts depend on the shapes alone, and the blocks of k are added in order: any number of threads gives the same bits.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels.axes cimport (
    Axes, Spot, append_axis, broadcast_stride, clear_axes, family, locate, merge_neighbours, share_out,
)
from minigrad_ext.kernels.tile cimport (
    DOT_LANES, MG_VECTOR, ONE_BYTES, PIXEL_BYTES, PIXEL_ROWS, ROW_BYTES, TILE_ROWS, TILE_SIZE, ceiling, pack, tile,
)
from minigrad_ext.types cimport NO_MEMORY, OK, Step, bits, itemsize_of, kernel_t, real

cdef extern from *:
    """
    #include "isa.h"
    /* Rows times columns of dots, each a vector of sums (two of doubles): as many as registers hold.  Each vector that
       is loaded meets all of the other side. */
    enum { DOT_ROWS = 4, DOT_COLUMNS = MG_VECTOR == 64 ? 6 : 2, DOT_COLUMNS_OF_ONE = MG_VECTOR >= 32 ? 8 : 4,
           DOT_BLOCKS = 24 };
    """
    enum:
        DOT_ROWS, DOT_COLUMNS
        DOT_COLUMNS_OF_ONE      # with a single row
        DOT_BLOCKS              # rows * columns at most

cdef enum:
    PANEL_BYTES = 32768         # a packed panel: most of the first cache
    BLOCK = 1920                # rows or columns packed at a time: a multiple of every width
    TASK_TILES = 4              # a task is so many tiles high
    TASK_PANELS = 4             # and so many panels wide
    FEW = 8                     # multiply-adds that are not worth a plan
    FEW_ROWS = 2                # tiles: so few rows do not pay for packing what is contiguous
    DOT_BYTES = 16384           # of rows, which all columns meet in the first cache


cdef struct Side:               # a and its rows, or b and its columns; strides in elements
    const char* data
    int64_t size, k_stride      # m, or n
    int64_t stride, c_stride    # from one row, or column, to the next, here and in c
    int64_t start_stride        # and in what the sums start from
    int64_t width               # rows of a tile, or columns of a panel
    int64_t first, count        # of the block at hand, and its tiles, or panels
    char* packed                # them; NULL: all read in place
    bint in_place               # but for the last, incomplete one


cdef struct Product:
    Side a, b
    char* c
    const char* start           # added to the product; NULL for nothing
    int64_t k
    int64_t depth, depths       # where the block at hand starts along k, and its size
    Side* packing


# ---------------------------------------------------------------------------------------------------------------------
# Tiles: a block of c, some rows of a times `lanes` columns of b

cdef int pack_blocks(const Product* job, int64_t first, int64_t end, real* _) noexcept nogil:
    """Tiles, or panels, of the side to be packed."""
    side = job.packing
    for at in range(first, end):
        start = side.first + at * side.width
        pack(<const real*>side.data + job.depth * side.k_stride + start * side.stride, NULL, side.k_stride, side.stride,
             min(side.width, side.size - start), side.width, job.depths,
             <real*>side.packed + at * side.width * job.depths)
    return OK


cdef inline void multiply_tile(const Product* job, int64_t at, int64_t panel, real* _, int height, int lanes
                               ) noexcept nogil:
    cdef const real* rows[TILE_ROWS]
    cdef real sums[TILE_SIZE]
    a, b = &job.a, &job.b
    row, column = a.first + at * height, b.first + panel * lanes
    m, n = min(<int64_t>height, a.size - row), min(<int64_t>lanes, b.size - column)
    from_a, a_stride, a_step = <const real*>a.data + job.depth * a.k_stride + row * a.stride, a.stride, a.k_stride
    if a.packed != NULL:
        from_a, a_stride, a_step = <const real*>a.packed + at * height * job.depths, 1, <int64_t>height
    from_b, b_step = <const real*>b.packed + panel * lanes * job.depths, <int64_t>lanes
    if b.in_place and n == lanes:
        from_b, b_step = <const real*>b.data + job.depth * b.k_stride + column, b.k_stride
    for i in range(height):             # rows beyond the last one stand in for nothing and repeat the first
        rows[i] = from_a + (i if i < m else 0) * a_stride
    c, a_stride, b_stride = <real*>job.c + row * a.c_stride + column * b.c_stride, a.c_stride, b.c_stride
    if m == height and n == lanes and b_stride == 1 and job.depth == 0 and job.start == NULL:
        tile(job.depths, rows, NULL, a_step, from_b, NULL, b_step, c, height, lanes, a_stride)
        return
    tile(job.depths, rows, NULL, a_step, from_b, NULL, b_step, sums, height, lanes)
    if job.depth > 0:                   # the sums of earlier blocks of k, or the bias
        add(sums, c, a_stride, b_stride, m, n, lanes)
    elif job.start != NULL:
        add(sums, <const real*>job.start + row * a.start_stride + column * b.start_stride, a.start_stride,
            b.start_stride, m, n, lanes)
    if b_stride == 1 and n == lanes:
        for i in range(m):
            for j in range(lanes):
                c[i * a_stride + j] = sums[i * lanes + j]
    elif b_stride == 1:
        for i in range(m):
            for j in range(n):
                c[i * a_stride + j] = sums[i * lanes + j]
    else:                               # where neighbours in memory are rows, one after the other
        for j in range(n):
            for i in range(m):
                c[i * a_stride + j * b_stride] = sums[i * lanes + j]


cdef inline void add(real* sums, const real* from_, int64_t a_stride, int64_t b_stride, int64_t m, int64_t n,
                     int lanes) noexcept nogil:
    """sums[i*lanes + j] += from_[i*a_stride + j*b_stride]"""
    for i in range(m):
        if b_stride == 1 and n == lanes:
            for j in range(lanes):
                sums[i * lanes + j] += from_[i * a_stride + j]
        else:
            for j in range(n):
                sums[i * lanes + j] += from_[i * a_stride + j * b_stride]


cdef int multiply_blocks(const Product* job, int64_t first, int64_t end, real* kind) noexcept nogil:
    """Blocks of tiles, panel by panel: the panel stays in the first cache, the rows of a in the second."""
    across = ceiling(job.b.count, TASK_PANELS)
    for task in range(first, end):
        tiles, panels = task // across * TASK_TILES, task % across * TASK_PANELS
        for panel in range(panels, min(job.b.count, panels + TASK_PANELS)):
            for at in range(tiles, min(job.a.count, tiles + TASK_TILES)):
                if job.a.width == 1:
                    multiply_tile(job, at, panel, kind, 1, ONE_BYTES // <int>sizeof(real))
                elif job.a.width < TILE_ROWS:
                    multiply_tile(job, at, panel, kind, PIXEL_ROWS, PIXEL_BYTES // <int>sizeof(real))
                else:
                    multiply_tile(job, at, panel, kind, TILE_ROWS, ROW_BYTES // <int>sizeof(real))
    return OK


cdef inline void choose_tile(Product* job, int64_t itemsize) noexcept nogil:
    """The fewer rows, the wider: as many sums as registers hold."""
    a, b = &job.a, &job.b
    a.width, b.width = TILE_ROWS, ROW_BYTES // itemsize
    if a.size == 1:
        a.width, b.width = 1, ONE_BYTES // itemsize
    elif a.size <= PIXEL_ROWS and a.width > PIXEL_ROWS:
        a.width, b.width = PIXEL_ROWS, PIXEL_BYTES // itemsize
    b.in_place = b.stride == 1 and a.size <= FEW_ROWS * TILE_ROWS


cdef inline int64_t depth_of(const Product* job, int64_t itemsize) noexcept nogil:
    """How many of k are taken at a time."""
    return max(1, job.k if job.b.in_place else min(job.k, PANEL_BYTES // (job.b.width * itemsize)))


cdef int multiply_tiled(Product* job, real* kind) noexcept nogil:
    """Blocks of columns; in them blocks of k, each packed once; in them blocks of rows."""
    a, b, work = &job.a, &job.b, work_of(job) / 50
    depths = depth_of(job, sizeof(real))
    panels = ceiling(min(b.size, BLOCK), b.width) * b.width * depths * <int64_t>sizeof(real)
    tiles = ceiling(min(a.size, BLOCK), a.width) * a.width * depths * <int64_t>sizeof(real)
    memory = <char*>scratch(panels + (tiles if a.k_stride != 1 else 0))
    if memory == NULL:
        return NO_MEMORY
    b.packed = memory
    a.packed = NULL if a.k_stride == 1 else b.packed + panels
    for column from 0 <= column < b.size by BLOCK:
        b.first, b.count = column, ceiling(min(<int64_t>BLOCK, b.size - column), b.width)
        for depth from 0 <= depth < max(1, job.k) by depths:
            job.depth, job.depths, job.packing = depth, min(depths, job.k - depth), b
            if not b.in_place:
                share_out(<void*>pack_blocks[real], job, b.count, 1, work)
            elif b.size % b.width:
                pack_blocks(job, b.count - 1, b.count, kind)
            job.packing = a
            for row from 0 <= row < a.size by BLOCK:
                a.first, a.count = row, ceiling(min(<int64_t>BLOCK, a.size - row), a.width)
                if a.packed != NULL:
                    share_out(<void*>pack_blocks[real], job, a.count, 1, work)
                share_out(<void*>multiply_blocks[real], job,
                          ceiling(a.count, TASK_TILES) * ceiling(b.count, TASK_PANELS), 1, work)
    discard(memory)
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# Dots: rows of a times columns of b, k contiguous in both and at least DOT_LANES

cdef inline void multiply_lanes(const real** a, const real** b, int64_t at, real* block, int rows, int columns
                                ) noexcept nogil:
    for i in range(rows):
        for j in range(columns):
            for u in range(DOT_LANES):
                block[(i * columns + j) * DOT_LANES + u] += a[i][at + u] * b[j][at + u]


cdef inline void fold(const real* from_, real* to, int n, int ways) noexcept nogil:
    """Adds so many neighbours each: vectors of neighbours at a time, for all sums of a block at once."""
    cdef real total
    for j in range(n):
        total = from_[j * ways]
        for u in range(1, ways):
            total += from_[j * ways + u]
        to[j] = total


cdef inline void dot_block(int64_t k, const real** a, const real** b, real* sums, int rows, int columns
                           ) noexcept nogil:
    """sums[i*columns + j] = sum over u < k of a[i][u] b[j][u]

    The last, incomplete vector ends at k: what it shares with the one before is cut by a select, as it may be inf or
    NaN.
    """
    cdef real block[DOT_BLOCKS * DOT_LANES], folded[DOT_BLOCKS * 4]
    cdef real last_a[DOT_ROWS * DOT_LANES], last_b[DOT_COLUMNS_OF_ONE * DOT_LANES], value, zero = 0
    cdef const real* end_a[DOT_ROWS]
    cdef const real* end_b[DOT_COLUMNS_OF_ONE]
    cdef int64_t whole = k // DOT_LANES * DOT_LANES
    for j in range(rows * columns * DOT_LANES):
        block[j] = zero
    for at from 0 <= at < whole by DOT_LANES:
        multiply_lanes(a, b, at, block, rows, columns)
    if whole < k:
        at, shared = k - DOT_LANES, DOT_LANES - (k - whole)
        for i in range(rows):
            end_a[i] = last_a + i * DOT_LANES
            for u in range(DOT_LANES):
                value = a[i][at + u]
                last_a[i * DOT_LANES + u] = value if u >= shared else zero
        for j in range(columns):
            end_b[j] = last_b + j * DOT_LANES
            for u in range(DOT_LANES):
                value = b[j][at + u]
                last_b[j * DOT_LANES + u] = value if u >= shared else zero
        multiply_lanes(end_a, end_b, 0, block, rows, columns)
    fold(block, folded, 4 * rows * columns, DOT_LANES // 4)
    fold(folded, sums, rows * columns, 4)


cdef inline void dot_rows(const Product* job, int64_t row, int64_t column, real* _, int rows, int columns
                          ) noexcept nogil:
    """A block of c; rows and columns beyond the last one repeat the first."""
    cdef const real* from_a[DOT_ROWS]
    cdef const real* from_b[DOT_COLUMNS_OF_ONE]
    cdef real sums[DOT_BLOCKS], value
    a, b = &job.a, &job.b
    m, n = min(<int64_t>rows, a.size - row), min(<int64_t>columns, b.size - column)
    for i in range(rows):
        from_a[i] = <const real*>a.data + (row + (i if i < m else 0)) * a.stride
    for j in range(columns):
        from_b[j] = <const real*>b.data + (column + (j if j < n else 0)) * b.stride
    dot_block(job.k, from_a, from_b, sums, rows, columns)
    for i in range(m):
        for j in range(n):
            value = sums[i * columns + j]
            if job.start != NULL:
                value += (<const real*>job.start)[(row + i) * a.start_stride + (column + j) * b.start_stride]
            (<real*>job.c)[(row + i) * a.c_stride + (column + j) * b.c_stride] = value


cdef int dot_columns(const Product* job, int64_t first, int64_t end, real* kind) noexcept nogil:
    """Groups of columns of b with every row of a, as many rows at a time as stay in the first cache."""
    rows = max(1, DOT_BYTES // (job.k * <int64_t>sizeof(real) * DOT_ROWS)) * DOT_ROWS
    for block from 0 <= block < job.a.size by rows:
        for group in range(first, end):
            if job.a.size == 1:
                dot_rows(job, 0, group * job.b.width, kind, 1, DOT_COLUMNS_OF_ONE * 4 // <int>sizeof(real))
            else:
                for row from block <= row < min(block + rows, job.a.size) by DOT_ROWS:
                    dot_rows(job, row, group * job.b.width, kind, DOT_ROWS, DOT_COLUMNS * 4 // <int>sizeof(real))
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# Which way: times in vector multiply-adds, from the shape and the strides alone

cdef double work_of(const Product* job) noexcept nogil:
    return <double>job.a.size * <double>job.b.size * <double>job.k


cdef double tiled_cost(Product* job, int64_t itemsize) noexcept nogil:
    choose_tile(job, itemsize)
    a, b, m, n, k = &job.a, &job.b, <double>job.a.size, <double>job.b.size, <double>job.k
    pack_b = 0 if b.in_place else 0.3 if b.stride == 1 else 2 if b.k_stride == 1 else 4
    pack_a = 0 if a.k_stride == 1 else 0.6 if a.stride == 1 else 3
    write = (0.5 if b.c_stride == 1 else 3) * <double>ceiling(job.k, depth_of(job, itemsize))
    vectors = <double>(ceiling(a.size, a.width) * a.width * ceiling(b.size, b.width) * b.width * itemsize // MG_VECTOR)
    return vectors * k + pack_b * n * k + pack_a * m * k + write * m * n


cdef double dots_cost(Product* job, int64_t itemsize) noexcept nogil:
    rows = 1 if job.a.size == 1 else DOT_ROWS
    job.b.width = (DOT_COLUMNS_OF_ONE if rows == 1 else DOT_COLUMNS) * 4 // itemsize
    blocks = ceiling(job.a.size, rows) * rows * ceiling(job.b.size, job.b.width) * job.b.width
    return <double>blocks * (<double>(job.k * itemsize) / MG_VECTOR * 1.15 + 4)


cdef int multiply_few(const Product* job, real* kind) noexcept nogil:
    """So few numbers that choosing a way would take longer than the product: 76 ns for one, here 30."""
    cdef real total
    for m in range(job.a.size):
        for n in range(job.b.size):
            total = 0 if job.start == NULL else (<const real*>job.start)[
                m * job.a.start_stride + n * job.b.start_stride]
            for k in range(job.k):
                total += (<const real*>job.a.data)[m * job.a.stride + k * job.a.k_stride] * (
                    <const real*>job.b.data)[n * job.b.stride + k * job.b.k_stride]
            (<real*>job.c)[m * job.a.c_stride + n * job.b.c_stride] = total
    return OK


cdef int multiply(Product* job, real* kind) noexcept nogil:
    if job.a.size * job.b.size * job.k <= FEW:
        return multiply_few(job, kind)
    other = job[0]
    other.a, other.b = job.b, job.a                 # the same product as c^T = b^T a^T
    tiled, tiled_other = tiled_cost(job, sizeof(real)), tiled_cost(&other, sizeof(real))
    if job.a.k_stride == 1 and job.b.k_stride == 1 and job.k >= DOT_LANES:
        dots, dots_other = dots_cost(job, sizeof(real)), dots_cost(&other, sizeof(real))
        if min(dots, dots_other) < min(tiled, tiled_other):
            if dots_other < dots:
                job = &other
            return share_out(<void*>dot_columns[real], job, ceiling(job.b.size, job.b.width), 1, work_of(job) / 50)
    job = job if tiled <= tiled_other else &other
    choose_tile(job, sizeof(real))                  # dots_cost has left its own width
    return multiply_tiled(job, kind)


# ---------------------------------------------------------------------------------------------------------------------
# Integers, as residues: c[m, :] = sum over k of a[m, k] b[k, :], rows of b being what is most often contiguous

cdef int multiply_rows(const Product* job, int64_t first, int64_t end, bits* _) noexcept nogil:
    cdef bits x
    b, b_stride, c_stride = <const bits*>job.b.data, job.b.stride, job.b.c_stride
    for m in range(first, end):
        a = <const bits*>job.a.data + m * job.a.stride
        c = <bits*>job.c + m * job.a.c_stride
        for n in range(job.b.size):
            c[n * c_stride] = (<const bits*>job.start)[n * job.b.start_stride] if job.start != NULL else 0
        for k in range(job.k):
            x = a[k * job.a.k_stride]
            for n in range(job.b.size):
                c[n * c_stride] += x * b[k * job.b.k_stride + n * b_stride]
    return OK


cdef int multiply_integers(Product* job, bits* kind) noexcept nogil:
    return share_out(<void*>multiply_rows[bits], job, job.a.size, 1, work_of(job))


# ---------------------------------------------------------------------------------------------------------------------
# Batches of products

ctypedef int (*multiply_t)(Product* job, void* kind) noexcept nogil

cdef struct Batch:
    Product product             # the first one
    Axes axes
    multiply_t multiply


cdef int multiply_some(const Batch* batch, int64_t first, int64_t end, void* kind) noexcept nogil:
    cdef Spot spot
    cdef int failed = 0
    for position in range(first, end):
        job = batch.product
        locate(&batch.axes, position, &spot)
        job.c, job.a.data = job.c + spot.offsets[0], job.a.data + spot.offsets[1]
        job.b.data = job.b.data + spot.offsets[2]
        failed |= batch.multiply(&job, kind)
    return failed


cdef int multiply_all(Step* step, int64_t b_stride, int64_t b_k_stride) noexcept nogil:
    """c (.., m, n), or (n), from a (.., m, k), or (k), and b with these strides along n and k, and perhaps a bias."""
    cdef Batch batch
    c, a, b = &step.args[0], &step.args[1], &step.args[2]
    job, axes, m, n, k = &batch.product, &batch.axes, c.ndim - 2, c.ndim - 1, a.ndim - 1
    batch.multiply = <multiply_t>step.inner
    job.c, job.a.data, job.b.data, job.k = c.data, a.data, b.data, a.shape[k]
    job.start = step.args[3].data if step.n_args > 3 else NULL
    job.a.size, job.a.stride, job.a.c_stride, job.a.k_stride = 1, 0, 0, a.strides[k]
    if m >= 0:
        job.a.size, job.a.stride, job.a.c_stride = c.shape[m], a.strides[k - 1], c.strides[m]
    job.b.size, job.b.c_stride, job.b.stride, job.b.k_stride = c.shape[n], c.strides[n], b_stride, b_k_stride
    job.a.start_stride, job.b.start_stride = 0, step.args[3].strides[0] if step.n_args > 3 else 0
    clear_axes(axes)
    itemsize = itemsize_of(c.dtype)
    for axis in range(m):
        append_axis(axes, c.shape[axis], c.strides[axis] * itemsize, broadcast_stride(a, c, axis) * itemsize,
                    broadcast_stride(b, c, axis) * itemsize)
    if axes.total == 0 or job.a.size == 0 or job.b.size == 0:
        return OK
    merge_neighbours(axes)
    rows = job.a.size * itemsize
    if axes.ndim == 1 and axes.strides[2][0] == 0 and axes.strides[1][0] == rows * job.a.stride \
            and axes.strides[0][0] == rows * job.a.c_stride:
        job.a.size *= axes.total        # one b for all, and the batch's rows one after the other: more rows
        clear_axes(axes)
    work = work_of(job) / 50
    if axes.total == 1 or work > 50_000:            # large products share out their tiles, small ones themselves
        return multiply_some(&batch, 0, axes.total, NULL)
    return share_out(<void*>multiply_some, &batch, axes.total, 1, work * axes.total)


cdef int matmul(Step* step) noexcept nogil:
    b = &step.args[2]
    return multiply_all(step, b.strides[b.ndim - 1], b.strides[b.ndim - 2])


cdef int linear(Step* step) noexcept nogil:
    return multiply_all(step, step.args[2].strides[0], step.args[2].strides[1])


cdef object products(str name, kernel_t run):
    return family(name, run, 0, <void*>multiply[float], <void*>multiply[double], <void*>multiply_integers[uint64_t],
                  <void*>multiply_integers[uint32_t], <void*>multiply_integers[uint8_t])


KERNELS = {"matmul": products("matmul", matmul), "linear": products("linear", linear)}
