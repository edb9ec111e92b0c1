"""The matrix product, read straight from strided views: out[.., m, n] = sum over k of a[.., m, k] b[.., k, n].

Reals go through the micro-kernels of tile.pxd.  One operand's columns lie across the lanes of the vectors, packed into
panels of `lanes` columns; the other's rows are broadcast, in place where k is contiguous.  Which operand takes which
part is decided by a small model of cost: transposing the problem (out^T = b^T a^T) often spares the packing.
A product of few rows whose k is contiguous on both sides, a dense layer at a small batch, is taken as dot products.

k is cut into blocks so that a panel stays in the first cache, and the tiles of a block are shared out among threads.
All cuts depend on the shapes alone, and the blocks of k are added in order: any number of threads gives the same bits.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from minigrad_ext.kernels.axes cimport (
    Axes, Spot, append_axis, broadcast_stride, clear_axes, family, locate, merge_neighbours, share_out,
)
from minigrad_ext.kernels.tile cimport DOT_LANES, ROW_BYTES, TILE_ROWS, TILE_SIZE, ceiling, pack, tile, tile_dot
from minigrad_ext.types cimport NO_MEMORY, OK, Step, bits, itemsize_of, real

cdef enum:
    PANEL_BYTES = 32768         # a packed panel: most of the first cache
    BLOCK = 2048                # rows or columns packed at a time
    TASK_TILES = 4              # a task is so many tiles high
    TASK_PANELS = 4             # and so many panels wide
    FEW_ROWS = 2                # tiles: so few rows do not pay for packing what is contiguous


cdef struct Side:               # a and its rows, or b and its columns; strides in elements
    const char* data
    int64_t size, k_stride      # m, or n
    int64_t stride, c_stride    # from one row, or column, to the next, here and in c
    int64_t width               # rows of a tile, or columns of a panel
    int64_t first, count        # of the block at hand, and its tiles, or panels
    char* packed                # them; NULL: all read in place
    bint in_place               # but for the last, incomplete one


cdef struct Product:
    Side a, b
    char* c
    int64_t k
    int64_t depth, depths       # where the block at hand starts along k, and its size
    Side* packing


# ---------------------------------------------------------------------------------------------------------------------
# Tiles: a block of c, TILE_ROWS rows of a times `lanes` columns of b

cdef int pack_blocks(const Product* job, int64_t first, int64_t end, real* _) noexcept nogil:
    """Tiles, or panels, of the side to be packed."""
    side = job.packing
    for at in range(first, end):
        start = side.first + at * side.width
        pack(<const real*>side.data + job.depth * side.k_stride + start * side.stride, NULL, side.k_stride, side.stride,
             min(side.width, side.size - start), side.width, job.depths,
             <real*>side.packed + at * side.width * job.depths)
    return OK


cdef inline void multiply_tile(const Product* job, int64_t at, int64_t panel, real* _) noexcept nogil:
    cdef const real* rows[TILE_ROWS]
    cdef real sums[TILE_SIZE]
    cdef int lanes = ROW_BYTES // <int>sizeof(real)
    a, b = &job.a, &job.b
    row, column = a.first + at * TILE_ROWS, b.first + panel * lanes
    m, n = min(<int64_t>TILE_ROWS, a.size - row), min(<int64_t>lanes, b.size - column)
    from_a, a_stride, a_step = <const real*>a.data + job.depth * a.k_stride + row * a.stride, a.stride, a.k_stride
    if a.packed != NULL:
        from_a, a_stride, a_step = <const real*>a.packed + at * TILE_ROWS * job.depths, 1, TILE_ROWS
    from_b, b_step = <const real*>b.packed + panel * lanes * job.depths, <int64_t>lanes
    if b.in_place and n == lanes:
        from_b, b_step = <const real*>b.data + job.depth * b.k_stride + column, b.k_stride
    for i in range(TILE_ROWS):          # rows beyond the last one stand in for nothing and repeat the first
        rows[i] = from_a + (i if i < m else 0) * a_stride
    tile(job.depths, rows, NULL, a_step, from_b, NULL, b_step, sums, TILE_ROWS, ROW_BYTES // <int>sizeof(real))
    for i in range(m):
        c = <real*>job.c + (row + i) * a.c_stride + column * b.c_stride
        if job.depth > 0:
            for j in range(n):
                c[j * b.c_stride] += sums[i * lanes + j]
        else:
            for j in range(n):
                c[j * b.c_stride] = sums[i * lanes + j]


cdef int multiply_blocks(const Product* job, int64_t first, int64_t end, real* kind) noexcept nogil:
    """Blocks of tiles, panel by panel: the panel stays in the first cache, the rows of a in the second."""
    across = ceiling(job.b.count, TASK_PANELS)
    for task in range(first, end):
        tiles, panels = task // across * TASK_TILES, task % across * TASK_PANELS
        for panel in range(panels, min(job.b.count, panels + TASK_PANELS)):
            for at in range(tiles, min(job.a.count, tiles + TASK_TILES)):
                multiply_tile(job, at, panel, kind)
    return OK


cdef int multiply_tiled(Product* job, real* kind) noexcept nogil:
    """Blocks of columns; in them blocks of k, each packed once; in them blocks of rows."""
    a, b, work = &job.a, &job.b, work_of(job) / 50
    a.width, b.width = TILE_ROWS, ROW_BYTES // sizeof(real)
    b.in_place = b.stride == 1 and a.size <= FEW_ROWS * TILE_ROWS
    depths = max(1, min(job.k, PANEL_BYTES // ROW_BYTES))
    panels = ceiling(min(b.size, BLOCK), b.width) * b.width * depths * <int64_t>sizeof(real)
    tiles = ceiling(min(a.size, BLOCK), a.width) * a.width * depths * <int64_t>sizeof(real)
    memory = <char*>malloc(panels + (tiles if a.k_stride != 1 else 0) + 64)
    if memory == NULL:
        return NO_MEMORY
    b.packed = memory + (64 - (<uintptr_t>memory & 63))
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
    free(memory)
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# Dot products: rows of a times columns of b, k contiguous in both

cdef int dot_columns(const Product* job, int64_t first, int64_t end, real* _) noexcept nogil:
    """Groups of TILE_ROWS columns of b, with every row of a."""
    cdef const real* columns[TILE_ROWS]
    cdef real sums[TILE_ROWS], rest
    cdef int64_t whole = job.k // DOT_LANES * DOT_LANES, zero = 0
    for group in range(first, end):
        column = group * TILE_ROWS
        n = min(<int64_t>TILE_ROWS, job.b.size - column)
        for j in range(TILE_ROWS):
            columns[j] = <const real*>job.b.data + (column + (j if j < n else 0)) * job.b.stride
        for m in range(job.a.size):
            a = <const real*>job.a.data + m * job.a.stride
            tile_dot(1, columns, &zero, a, whole, sums, TILE_ROWS)
            for j in range(n):
                rest = 0
                for k in range(whole, job.k):
                    rest += a[k] * columns[j][k]
                (<real*>job.c)[m * job.a.c_stride + (column + j) * job.b.c_stride] = sums[j] + rest
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# Which way: times in vector multiply-adds, from the shape and the strides alone

cdef double work_of(const Product* job) noexcept nogil:
    return <double>job.a.size * <double>job.b.size * <double>job.k


cdef double tiled_cost(const Product* job, int64_t lanes) noexcept nogil:
    a, b, m, n, k = &job.a, &job.b, <double>job.a.size, <double>job.b.size, <double>job.k
    pack_b = 0.3 if b.stride == 1 else 2 if b.k_stride == 1 else 4
    pack_a = 0 if a.k_stride == 1 else 0.6 if a.stride == 1 else 3
    write = 0.5 if b.c_stride == 1 else 3
    if b.stride == 1 and a.size <= FEW_ROWS * TILE_ROWS:
        pack_b = 0
    return (<double>(ceiling(a.size, TILE_ROWS) * TILE_ROWS * ceiling(b.size, lanes)) * k * 2
            + pack_b * n * k + pack_a * m * k + write * m * n)


cdef double dots_cost(const Product* job, int64_t lanes) noexcept nogil:
    return <double>(job.a.size * ceiling(job.b.size, TILE_ROWS) * TILE_ROWS) * (<double>job.k * 2.6 / lanes + 8)


cdef int multiply(Product* job, real* kind) noexcept nogil:
    lanes, other = ROW_BYTES // <int64_t>sizeof(real), job[0]
    other.a, other.b = job.b, job.a                 # the same product as c^T = b^T a^T
    tiled, tiled_other = tiled_cost(job, lanes), tiled_cost(&other, lanes)
    if job.a.k_stride == 1 and job.b.k_stride == 1:
        dots, dots_other = dots_cost(job, lanes), dots_cost(&other, lanes)
        if min(dots, dots_other) < min(tiled, tiled_other):
            if dots_other < dots:
                job = &other
            return share_out(<void*>dot_columns[real], job, ceiling(job.b.size, TILE_ROWS), 1, work_of(job) / 30)
    return multiply_tiled(job if tiled <= tiled_other else &other, kind)


# ---------------------------------------------------------------------------------------------------------------------
# Integers, as residues: c[m, :] = sum over k of a[m, k] b[k, :], rows of b being what is most often contiguous

cdef int multiply_rows(const Product* job, int64_t first, int64_t end, bits* _) noexcept nogil:
    cdef bits x
    b, b_stride, c_stride = <const bits*>job.b.data, job.b.stride, job.b.c_stride
    for m in range(first, end):
        a = <const bits*>job.a.data + m * job.a.stride
        c = <bits*>job.c + m * job.a.c_stride
        for n in range(job.b.size):
            c[n * c_stride] = 0
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


cdef int matmul(Step* step) noexcept nogil:
    cdef Batch batch
    c, a, b = &step.args[0], &step.args[1], &step.args[2]
    job, axes, m, n, k = &batch.product, &batch.axes, c.ndim - 2, c.ndim - 1, a.ndim - 1
    batch.multiply = <multiply_t>step.inner
    job.c, job.a.data, job.b.data, job.k = c.data, a.data, b.data, a.shape[k]
    job.a.size, job.a.stride, job.a.k_stride, job.a.c_stride = c.shape[m], a.strides[k - 1], a.strides[k], c.strides[m]
    job.b.size, job.b.c_stride = c.shape[n], c.strides[n]
    job.b.stride, job.b.k_stride = b.strides[b.ndim - 1], b.strides[b.ndim - 2]
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


KERNELS = {"matmul": family(
    "matmul", matmul, 0, <void*>multiply[float], <void*>multiply[double], <void*>multiply_integers[uint64_t],
    <void*>multiply_integers[uint32_t], <void*>multiply_integers[uint8_t])}
