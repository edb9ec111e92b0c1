"""The matrix product, read straight from strided views: out[.., m, n] = sum over k of a[.., m, k] b[.., k, n].

Reals go through the micro-kernels of tile.pxd.  One operand's columns lie across the lanes of the vectors, packed into
panels of `lanes` columns; the other's rows are broadcast, in place where k is contiguous.  Which operand takes which
part is decided by a small model of cost: transposing the problem (out^T = b^T a^T) often spares the packing.
A product of few rows whose k is contiguous on both sides, a dense layer at a small batch, is taken as dot products.

k is cut into blocks so that a panel stays in the first cache, and the tiles of a block are shared out among threads.
All cuts depend on the shapes alone, and the blocks of k are added in order: any number of threads gives the same bits.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.axes cimport Axes, append_axis, byte_stride, clear_axes, locate, merge_neighbours, size_of
from minigrad_ext.kernels.tile cimport DOT_LANES, ROW_BYTES, TILE_ROWS, TILE_SIZE, ceiling, tile, tile_dot
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport (
    FLOAT32, FLOAT64, INT32, INT64, MAX_AXES, NO_MEMORY, OK, UINT8, Step, View, real,
)

cdef enum:
    PANEL_BYTES = 32768         # a packed panel: most of the first cache
    BLOCK_COLUMNS = 2048        # columns packed at a time
    BLOCK_ROWS = 2048           # rows packed at a time
    TASK_TILES = 4              # a task is so many tiles high
    TASK_PANELS = 4             # and so many panels wide
    FEW_ROWS = 2                # tiles: so few rows do not pay for packing what is contiguous

ctypedef fused wrapping:        # integers, as residues
    uint8_t
    uint32_t
    uint64_t

# One product of two matrices, strides in elements, and the block of it at hand.
cdef struct Product:
    int64_t m, n, k
    const char* a
    const char* b
    char* c
    int64_t a_m, a_k, b_k, b_n, c_m, c_n
    int64_t row, column, depth          # where the block at hand starts, along m, n and k
    int64_t n_tiles, n_panels, depths   # its size
    char* panels                # the block's columns of b, packed; or only the last, incomplete panel
    char* tiles                 # the block's rows of a, packed; NULL: read in place
    bint b_in_place


cdef void transpose(Product* job) noexcept nogil:
    """The same product as c^T = b^T a^T."""
    job.m, job.n = job.n, job.m
    job.a, job.b = job.b, job.a
    job.a_m, job.a_k, job.b_k, job.b_n = job.b_n, job.b_k, job.a_k, job.a_m
    job.c_m, job.c_n = job.c_n, job.c_m


ctypedef void (*part_t)(const Product* job, int64_t at, real* kind) noexcept nogil


cdef void share(const Product* job, part_t part, int64_t n, int threads, real* kind) noexcept nogil:
    """All n parts; without threads no parallel region either, whose 0.3 us are as long as a small product takes."""
    cdef int64_t at
    if threads == 1:
        for at in range(n):
            part(job, at, kind)
    else:
        for at in prange(n, num_threads=threads, schedule="static"):
            part(job, at, kind)


# ---------------------------------------------------------------------------------------------------------------------
# Tiles: a block of c, TILE_ROWS rows of a times `lanes` columns of b

cdef void pack(const real* source, int64_t step, int64_t stride, int64_t n, int64_t width, int64_t depths,
               real* target) noexcept nogil:
    """target[k*width + j] = source[k*step + j*stride] for j < n, and 0 up to the width."""
    cdef int64_t k, j
    for k in range(depths):
        for j in range(n, width):
            target[k * width + j] = 0
    if stride == 1:
        for k in range(depths):
            memcpy(target + k * width, source + k * step, n * sizeof(real))
    else:
        for j in range(n):
            for k in range(depths):
                target[k * width + j] = source[k * step + j * stride]


cdef void pack_panel(const Product* job, int64_t panel, real* _) noexcept nogil:
    cdef int64_t lanes = ROW_BYTES // <int>sizeof(real), first = job.column + panel * lanes
    pack(<const real*>job.b + job.depth * job.b_k + first * job.b_n, job.b_k, job.b_n, min(lanes, job.n - first),
         lanes, job.depths, <real*>job.panels + (0 if job.b_in_place else panel * lanes * job.depths))


cdef void pack_tile(const Product* job, int64_t tile, real* _) noexcept nogil:
    cdef int64_t first = job.row + tile * TILE_ROWS
    pack(<const real*>job.a + job.depth * job.a_k + first * job.a_m, job.a_k, job.a_m,
         min(<int64_t>TILE_ROWS, job.m - first), TILE_ROWS, job.depths,
         <real*>job.tiles + tile * TILE_ROWS * job.depths)


cdef void multiply_tile(const Product* job, int64_t at, int64_t panel, real* _) noexcept nogil:
    cdef int lanes = ROW_BYTES // <int>sizeof(real)
    cdef int64_t row = job.row + at * TILE_ROWS, column = job.column + panel * lanes
    cdef int64_t m = min(<int64_t>TILE_ROWS, job.m - row), n = min(<int64_t>lanes, job.n - column)
    cdef int64_t a_step = job.a_k, b_step = lanes, i, j
    cdef real* c = <real*>job.c + row * job.c_m + column * job.c_n
    cdef const real* b = <const real*>job.panels
    cdef const real* rows[TILE_ROWS]
    cdef real sums[TILE_SIZE]
    if job.tiles != NULL:
        a_step = TILE_ROWS
        for i in range(TILE_ROWS):
            rows[i] = <const real*>job.tiles + at * TILE_ROWS * job.depths + i
    else:                               # rows beyond the last one stand in for nothing and repeat the first
        for i in range(TILE_ROWS):
            rows[i] = <const real*>job.a + job.depth * job.a_k + (row + (i if i < m else 0)) * job.a_m
    if not job.b_in_place:
        b += panel * lanes * job.depths
    elif n == lanes:
        b = <const real*>job.b + job.depth * job.b_k + column
        b_step = job.b_k
    tile(job.depths, rows, NULL, a_step, b, NULL, b_step, sums, TILE_ROWS, ROW_BYTES // <int>sizeof(real))
    if job.depth > 0:
        for i in range(m):
            for j in range(n):
                c[i * job.c_m + j * job.c_n] += sums[i * lanes + j]
    else:
        for i in range(m):
            for j in range(n):
                c[i * job.c_m + j * job.c_n] = sums[i * lanes + j]


cdef void multiply_task(const Product* job, int64_t task, real* kind) noexcept nogil:
    """A block of tiles, panel by panel: the panel stays in the first cache, the rows of a in the second."""
    cdef int64_t across = ceiling(job.n_panels, TASK_PANELS)
    cdef int64_t first_tile = task // across * TASK_TILES, first_panel = task % across * TASK_PANELS
    cdef int64_t at, panel
    for panel in range(first_panel, min(job.n_panels, first_panel + TASK_PANELS)):
        for at in range(first_tile, min(job.n_tiles, first_tile + TASK_TILES)):
            multiply_tile(job, at, panel, kind)


cdef int multiply_tiled(Product* job, real* kind) noexcept nogil:
    """Blocks of columns; in them blocks of k, each packed once; in them blocks of rows."""
    cdef int lanes = ROW_BYTES // <int>sizeof(real)
    cdef int64_t depths = min(job.k, <int64_t>(PANEL_BYTES // ROW_BYTES))
    cdef int64_t rows = min(job.m, <int64_t>BLOCK_ROWS)
    cdef int64_t columns = min(job.n, <int64_t>BLOCK_COLUMNS)
    cdef int64_t row, column, depth, panel_bytes, tile_bytes = 0
    cdef char* memory
    cdef int threads = threads_for(<double>job.m * <double>job.n * <double>job.k / 50)
    job.b_in_place = job.b_n == 1 and job.m <= FEW_ROWS * TILE_ROWS
    panel_bytes = (1 if job.b_in_place else ceiling(columns, lanes)) * depths * ROW_BYTES
    if job.a_k != 1:
        tile_bytes = ceiling(rows, TILE_ROWS) * TILE_ROWS * depths * sizeof(real)
    memory = <char*>malloc(panel_bytes + tile_bytes + 64)
    if memory == NULL:
        return NO_MEMORY
    job.panels = memory + (64 - <int64_t>(<uintptr_t>memory & 63))
    job.tiles = NULL if job.a_k == 1 else job.panels + panel_bytes
    for column from 0 <= column < job.n by columns:
        job.column, job.n_panels = column, ceiling(min(columns, job.n - column), lanes)
        for depth from 0 <= depth < job.k by depths:
            job.depth, job.depths = depth, min(depths, job.k - depth)
            if not job.b_in_place:
                share(job, pack_panel[real], job.n_panels, threads, kind)
            elif job.n % lanes:
                pack_panel(job, job.n_panels - 1, kind)
            for row from 0 <= row < job.m by rows:
                job.row, job.n_tiles = row, ceiling(min(rows, job.m - row), TILE_ROWS)
                if job.tiles != NULL:
                    share(job, pack_tile[real], job.n_tiles, threads, kind)
                share(job, multiply_task[real], ceiling(job.n_tiles, TASK_TILES) * ceiling(job.n_panels, TASK_PANELS),
                      threads, kind)
    free(memory)
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# Dot products: rows of a times columns of b, k contiguous in both

cdef void dot_columns(const Product* job, int64_t group, real* _) noexcept nogil:
    """TILE_ROWS columns of b, with every row of a."""
    cdef const real* columns[TILE_ROWS]
    cdef const real* a = <const real*>job.a
    cdef real sums[TILE_ROWS]
    cdef real rest
    cdef int64_t first = group * TILE_ROWS, n = min(<int64_t>TILE_ROWS, job.n - first)
    cdef int64_t whole = job.k // DOT_LANES * DOT_LANES, zero = 0, m, k, j
    for j in range(TILE_ROWS):
        columns[j] = <const real*>job.b + (first + (j if j < n else 0)) * job.b_n
    for m in range(job.m):
        tile_dot(1, columns, &zero, a, &zero, whole, sums, TILE_ROWS)
        for j in range(n):
            rest = 0
            for k in range(whole, job.k):
                rest += a[k] * columns[j][k]
            (<real*>job.c)[m * job.c_m + (first + j) * job.c_n] = sums[j] + rest
        a += job.a_m


# ---------------------------------------------------------------------------------------------------------------------
# Which way: times in vector multiply-adds, from the shape and the strides alone

cdef double tiled_cost(const Product* job, int64_t lanes) noexcept nogil:
    cdef double m = <double>job.m, n = <double>job.n, k = <double>job.k
    cdef double pack_b = 0.3 if job.b_n == 1 else 2 if job.b_k == 1 else 4
    cdef double pack_a = 0 if job.a_k == 1 else 0.6 if job.a_m == 1 else 3
    cdef double write = 0.5 if job.c_n == 1 else 3
    if job.b_n == 1 and job.m <= FEW_ROWS * TILE_ROWS:
        pack_b = 0
    return (<double>(ceiling(job.m, TILE_ROWS) * TILE_ROWS * ceiling(job.n, lanes)) * k * 2
            + pack_b * n * k + pack_a * m * k + write * m * n)


cdef double dots_cost(const Product* job, int64_t lanes) noexcept nogil:
    return <double>(job.m * ceiling(job.n, TILE_ROWS) * TILE_ROWS) * (<double>job.k * 2.6 / <double>lanes + 8)


cdef int multiply(Product* job, real* kind) noexcept nogil:
    cdef int64_t lanes = ROW_BYTES // <int64_t>sizeof(real)
    cdef Product other = job[0]
    transpose(&other)
    if job.a_k == 1 and job.b_k == 1:
        if min(dots_cost(job, lanes), dots_cost(&other, lanes)) \
                < min(tiled_cost(job, lanes), tiled_cost(&other, lanes)):
            if dots_cost(&other, lanes) < dots_cost(job, lanes):
                job = &other
            share(job, dot_columns[real], ceiling(job.n, TILE_ROWS),
                  threads_for(<double>job.m * <double>job.n * <double>job.k / 30), kind)
            return OK
    return multiply_tiled(job if tiled_cost(job, lanes) <= tiled_cost(&other, lanes) else &other, kind)


# ---------------------------------------------------------------------------------------------------------------------
# Integers: c[m, :] = sum over k of a[m, k] b[k, :], rows of b being what is most often contiguous

cdef void multiply_integer_row(const Product* job, int64_t m, wrapping* _) noexcept nogil:
    cdef const wrapping* a = <const wrapping*>job.a + m * job.a_m
    cdef const wrapping* b = <const wrapping*>job.b
    cdef wrapping* c = <wrapping*>job.c + m * job.c_m
    cdef wrapping x
    cdef int64_t k, n
    for n in range(job.n):
        c[n * job.c_n] = 0
    for k in range(job.k):
        x = a[k * job.a_k]
        for n in range(job.n):
            c[n * job.c_n] += x * b[k * job.b_k + n * job.b_n]


cdef int multiply_integers(Product* job, wrapping* kind) noexcept nogil:
    cdef int64_t m
    cdef int threads = threads_for(<double>job.m * <double>job.n * <double>job.k)
    for m in prange(job.m, num_threads=threads, schedule="static"):
        multiply_integer_row(job, m, kind)
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# Batches of products

cdef int multiply_one(const Product* whole, const Axes* batch, int64_t position, int dtype) noexcept nogil:
    cdef Product job = whole[0]
    cdef int64_t place[MAX_AXES]
    cdef int64_t offsets[3]
    locate(batch, position, place, offsets)
    job.c, job.a, job.b = job.c + offsets[0], job.a + offsets[1], job.b + offsets[2]
    if dtype == FLOAT32 and job.k > 0:
        return multiply(&job, <float*>NULL)
    if dtype == FLOAT64 and job.k > 0:
        return multiply(&job, <double*>NULL)
    if dtype == INT64 or dtype == FLOAT64:          # k = 0, a sum of nothing, is zero in the same bits
        return multiply_integers(&job, <uint64_t*>NULL)
    if dtype == INT32 or dtype == FLOAT32:
        return multiply_integers(&job, <uint32_t*>NULL)
    return multiply_integers(&job, <uint8_t*>NULL)


cdef inline int64_t batch_stride(const View* v, const View* out, int axis) noexcept nogil:
    """The bytes per step of out's batch axis: 0 where v lacks it or repeats along it."""
    cdef int own = axis - out.ndim + v.ndim
    if own < 0 or v.shape[own] == 1:
        return 0
    return byte_stride(v, own)


cdef void fold_batch(Product* job, Axes* batch, int64_t itemsize) noexcept nogil:
    """One b for all, and the batch's rows one after the other: that is one product of more rows."""
    if batch.ndim == 1 and batch.strides[2][0] == 0 and batch.strides[1][0] == job.m * job.a_m * itemsize \
            and batch.strides[0][0] == job.m * job.c_m * itemsize:
        job.m *= batch.total
        clear_axes(batch)


cdef int matmul(Step* step) noexcept nogil:
    cdef View* c = &step.args[0]
    cdef View* a = &step.args[1]
    cdef View* b = &step.args[2]
    cdef int dtype = c.dtype, axis, failures = 0
    cdef int64_t position
    cdef double work
    cdef Axes batch
    cdef Product job
    job.a, job.b, job.c = a.data, b.data, c.data
    job.m, job.n, job.k = c.shape[c.ndim - 2], c.shape[c.ndim - 1], a.shape[a.ndim - 1]
    job.a_m, job.a_k = a.strides[a.ndim - 2], a.strides[a.ndim - 1]
    job.b_k, job.b_n = b.strides[b.ndim - 2], b.strides[b.ndim - 1]
    job.c_m, job.c_n = c.strides[c.ndim - 2], c.strides[c.ndim - 1]
    clear_axes(&batch)
    for axis in range(c.ndim - 2):
        append_axis(&batch, c.shape[axis], byte_stride(c, axis), batch_stride(a, c, axis), batch_stride(b, c, axis))
    if batch.total == 0 or job.m == 0 or job.n == 0:
        return OK
    merge_neighbours(&batch)
    fold_batch(&job, &batch, size_of(dtype))
    work = <double>job.m * <double>job.n * <double>job.k / 50
    if batch.total == 1 or work > 50_000:       # large products share out their tiles, small ones themselves
        for position in range(batch.total):
            failures += multiply_one(&job, &batch, position, dtype)
    else:
        for position in prange(batch.total, num_threads=threads_for(work * <double>batch.total), schedule="static"):
            failures += multiply_one(&job, &batch, position, dtype)
    return NO_MEMORY if failures else OK


KERNELS = {"matmul": new_kernel("matmul", matmul, (UINT8, INT32, INT64, FLOAT32, FLOAT64))}
