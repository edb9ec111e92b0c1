"""The matrix product, read straight from strided views: out[.., m, n] = sum over k of a[.., m, k] b[.., k, n].

Reals go through the micro-kernels of gemm.pxd.  One operand's columns lie across the lanes of the vectors, packed into
panels of `lanes` columns; the other's rows are broadcast, in place where k is contiguous.  Which operand takes which
part is decided by a small model of cost: transposing the problem (out^T = b^T a^T) often spares the packing.
A product of few rows whose k is contiguous on both sides, a dense layer at a small batch, is taken as dot products.

k is cut into blocks so that a panel stays in the first cache, and the tiles of a block are shared out among threads.
All cuts depend on the shapes alone, and the blocks of k are added in order: every number of threads gives the same bits.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.axes cimport Axes, append_axis, byte_stride, clear_axes, locate, merge_neighbours, size_of
from minigrad_ext.kernels.gemm cimport (
    DOT_COLUMNS, DOT_ROWS, GEMM_HALF_LANES, GEMM_MAX_LANES, GEMM_ROW_BYTES, GEMM_ROWS, half_tile_strided, tile_dot,
    tile_strided,
)
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
    int64_t row, rows, column, columns, depth, depths   # first and number, along m, n and k
    char* panels                # the block's columns of b, packed; or only the last, incomplete panel
    char* tiles                 # the block's rows of a, packed; NULL: read in place
    bint b_in_place


cdef void transpose(Product* job) noexcept nogil:
    """The same product as c^T = b^T a^T."""
    job.m, job.n = job.n, job.m
    job.a, job.b = job.b, job.a
    job.a_m, job.a_k, job.b_k, job.b_n = job.b_n, job.b_k, job.a_k, job.a_m
    job.c_m, job.c_n = job.c_n, job.c_m


# ---------------------------------------------------------------------------------------------------------------------
# Packing

cdef void pack_panel(const Product* job, int64_t panel, real* target) noexcept nogil:
    """target[k*lanes + j] = b[k, j] for the panel's columns j, and 0 beyond the last column."""
    cdef int lanes = GEMM_ROW_BYTES // <int>sizeof(real)
    cdef int64_t first = job.column + panel * lanes
    cdef int64_t n = min(<int64_t>lanes, job.n - first)
    cdef const real* b = <const real*>job.b + job.depth * job.b_k + first * job.b_n
    cdef const real* column
    cdef int64_t k, j
    for j in range(n, lanes):
        for k in range(job.depths):
            target[k * lanes + j] = 0
    if job.b_n == 1:
        for k in range(job.depths):
            memcpy(target + k * lanes, b + k * job.b_k, n * sizeof(real))
    elif job.b_k == 1:
        for j in range(n):
            column = b + j * job.b_n
            for k in range(job.depths):
                target[k * lanes + j] = column[k]
    else:
        for k in range(job.depths):
            for j in range(n):
                target[k * lanes + j] = b[k * job.b_k + j * job.b_n]


cdef void pack_tile(const Product* job, int64_t tile, real* target) noexcept nogil:
    """target[k*GEMM_ROWS + i] = a[i, k] for the tile's rows i, and 0 beyond the last row."""
    cdef int64_t first = job.row + tile * GEMM_ROWS
    cdef int64_t m = min(<int64_t>GEMM_ROWS, job.m - first)
    cdef const real* a = <const real*>job.a + job.depth * job.a_k + first * job.a_m
    cdef int64_t k, i
    for k in range(job.depths):
        for i in range(m):
            target[k * GEMM_ROWS + i] = a[k * job.a_k + i * job.a_m]
        for i in range(m, GEMM_ROWS):
            target[k * GEMM_ROWS + i] = 0


# ---------------------------------------------------------------------------------------------------------------------
# Tiles

cdef void find_rows(const Product* job, int64_t tile, const real** rows, int64_t* a_step) noexcept nogil:
    """Where the tile's rows of a start; those beyond the last row stand in for nothing and repeat the first."""
    cdef int64_t first = job.row + tile * GEMM_ROWS
    cdef int64_t i
    if job.tiles != NULL:
        a_step[0] = GEMM_ROWS
        for i in range(GEMM_ROWS):
            rows[i] = <const real*>job.tiles + tile * GEMM_ROWS * job.depths + i
        return
    a_step[0] = job.a_k
    for i in range(GEMM_ROWS):
        rows[i] = <const real*>job.a + job.depth * job.a_k + (first + i if first + i < job.m else first) * job.a_m


cdef void multiply_tile(const Product* job, int64_t tile, int64_t panel, real* _) noexcept nogil:
    cdef int lanes = GEMM_ROW_BYTES // <int>sizeof(real)
    cdef int64_t row = job.row + tile * GEMM_ROWS
    cdef int64_t column = job.column + panel * lanes
    cdef int64_t m = min(<int64_t>GEMM_ROWS, job.m - row)
    cdef int64_t n = min(<int64_t>lanes, job.n - column)
    cdef real* c = <real*>job.c + row * job.c_m + column * job.c_n
    cdef const real* b = <const real*>job.panels
    cdef const real* rows[GEMM_ROWS]
    cdef real square[GEMM_ROWS * GEMM_MAX_LANES]
    cdef int64_t a_step, b_step = lanes, i, j
    cdef bint add = job.depth > 0
    find_rows(job, tile, rows, &a_step)
    if not job.b_in_place:
        b += panel * lanes * job.depths
    elif n == lanes:
        b = <const real*>job.b + job.depth * job.b_k + column
        b_step = job.b_k
    if m == GEMM_ROWS and n == lanes and job.c_n == 1:
        tile_strided(job.depths, rows, a_step, b, b_step, c, job.c_m, add)
        return
    if real is float:
        if n <= GEMM_HALF_LANES:
            half_tile_strided(job.depths, rows, a_step, b, b_step, square, lanes, False)
        else:
            tile_strided(job.depths, rows, a_step, b, b_step, square, lanes, False)
    else:
        tile_strided(job.depths, rows, a_step, b, b_step, square, lanes, False)
    for i in range(m):
        if add:
            for j in range(n):
                c[i * job.c_m + j * job.c_n] += square[i * lanes + j]
        else:
            for j in range(n):
                c[i * job.c_m + j * job.c_n] = square[i * lanes + j]


cdef void multiply_task(const Product* job, int64_t task, int64_t tiles, int64_t panels, real* kind) noexcept nogil:
    """A block of tiles, panel by panel: the panel stays in the first cache, the rows of a in the second."""
    cdef int64_t across = (panels + TASK_PANELS - 1) // TASK_PANELS
    cdef int64_t first_tile = task // across * TASK_TILES
    cdef int64_t first_panel = task % across * TASK_PANELS
    cdef int64_t tile, panel
    for panel in range(first_panel, min(panels, first_panel + TASK_PANELS)):
        for tile in range(first_tile, min(tiles, first_tile + TASK_TILES)):
            multiply_tile(job, tile, panel, kind)


cdef void multiply_block(Product* job, int threads, real* kind) noexcept nogil:
    """All of the block's rows times all of its packed columns."""
    cdef int lanes = GEMM_ROW_BYTES // <int>sizeof(real)
    cdef int64_t tiles = (job.rows + GEMM_ROWS - 1) // GEMM_ROWS
    cdef int64_t panels = (job.columns + lanes - 1) // lanes
    cdef int64_t tasks = ((tiles + TASK_TILES - 1) // TASK_TILES) * ((panels + TASK_PANELS - 1) // TASK_PANELS)
    cdef int64_t j
    if threads == 1:
        if job.tiles != NULL:
            for j in range(tiles):
                pack_tile(job, j, <real*>job.tiles + j * GEMM_ROWS * job.depths)
        for j in range(tasks):
            multiply_task(job, j, tiles, panels, kind)
        return
    if job.tiles != NULL:
        for j in prange(tiles, num_threads=threads, schedule="static"):
            pack_tile(job, j, <real*>job.tiles + j * GEMM_ROWS * job.depths)
    for j in prange(tasks, num_threads=threads, schedule="static"):
        multiply_task(job, j, tiles, panels, kind)


cdef void pack_block(Product* job, int threads, real* _) noexcept nogil:
    cdef int lanes = GEMM_ROW_BYTES // <int>sizeof(real)
    cdef int64_t panels = (job.columns + lanes - 1) // lanes
    cdef int64_t j
    if job.b_in_place:
        if job.columns % lanes:
            pack_panel(job, panels - 1, <real*>job.panels)
    elif threads == 1:
        for j in range(panels):
            pack_panel(job, j, <real*>job.panels + j * lanes * job.depths)
    else:
        for j in prange(panels, num_threads=threads, schedule="static"):
            pack_panel(job, j, <real*>job.panels + j * lanes * job.depths)


cdef int multiply_tiled(Product* job, real* kind) noexcept nogil:
    """Blocks of columns; in them blocks of k, each packed once; in them blocks of rows."""
    cdef int lanes = GEMM_ROW_BYTES // <int>sizeof(real)
    cdef int64_t depths = min(job.k, <int64_t>(PANEL_BYTES // GEMM_ROW_BYTES))
    cdef int64_t rows = min(job.m, <int64_t>BLOCK_ROWS)
    cdef int64_t columns = min(job.n, <int64_t>BLOCK_COLUMNS)
    cdef bint a_in_place = job.a_k == 1
    cdef int64_t row, column, depth, panel_bytes, tile_bytes = 0
    cdef char* memory
    cdef int threads = threads_for(<double>job.m * <double>job.n * <double>job.k / 50)
    job.b_in_place = job.b_n == 1 and job.m <= FEW_ROWS * GEMM_ROWS
    panel_bytes = (1 if job.b_in_place else (columns + lanes - 1) // lanes) * depths * GEMM_ROW_BYTES
    if not a_in_place:
        tile_bytes = (rows + GEMM_ROWS - 1) // GEMM_ROWS * GEMM_ROWS * depths * sizeof(real)
    memory = <char*>malloc(panel_bytes + tile_bytes + 64)
    if memory == NULL:
        return NO_MEMORY
    job.panels = memory + (64 - <int64_t>(<uintptr_t>memory & 63))
    job.tiles = NULL if a_in_place else job.panels + panel_bytes
    for column from 0 <= column < job.n by columns:
        job.column, job.columns = column, min(columns, job.n - column)
        for depth from 0 <= depth < job.k by depths:
            job.depth, job.depths = depth, min(depths, job.k - depth)
            pack_block(job, threads, kind)
            for row from 0 <= row < job.m by rows:
                job.row, job.rows = row, min(rows, job.m - row)
                multiply_block(job, threads, kind)
    free(memory)
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# Dot products: rows of a times columns of b, k contiguous in both

cdef void dot_columns(const Product* job, int64_t first_n) noexcept nogil:
    """DOT_COLUMNS columns of b, with every row of a."""
    cdef const float* rows[DOT_ROWS]
    cdef const float* columns[DOT_COLUMNS]
    cdef float square[DOT_ROWS * DOT_COLUMNS]
    cdef float* c = <float*>job.c
    cdef int64_t m, n, i, j, first_m
    n = min(<int64_t>DOT_COLUMNS, job.n - first_n)
    for j in range(DOT_COLUMNS):
        columns[j] = <const float*>job.b + (first_n + (j if j < n else 0)) * job.b_n
    for first_m from 0 <= first_m < job.m by DOT_ROWS:
        m = min(<int64_t>DOT_ROWS, job.m - first_m)
        for i in range(DOT_ROWS):
            rows[i] = <const float*>job.a + (first_m + (i if i < m else 0)) * job.a_m
        tile_dot(job.k, rows, columns, square)
        for i in range(m):
            for j in range(n):
                c[(first_m + i) * job.c_m + (first_n + j) * job.c_n] = square[i * DOT_COLUMNS + j]


cdef void multiply_dots(const Product* job) noexcept nogil:
    cdef int64_t j, groups = (job.n + DOT_COLUMNS - 1) // DOT_COLUMNS
    cdef int threads = threads_for(<double>job.m * <double>job.n * <double>job.k / 30)
    if threads == 1:
        for j in range(groups):
            dot_columns(job, j * DOT_COLUMNS)
    else:
        for j in prange(groups, num_threads=threads, schedule="static"):
            dot_columns(job, j * DOT_COLUMNS)


# ---------------------------------------------------------------------------------------------------------------------
# Which way: times in vector multiply-adds, from the shape and the strides alone

cdef double padded(int64_t n, int64_t step) noexcept nogil:
    return <double>((n + step - 1) // step * step)


cdef double tiled_cost(const Product* job, int64_t lanes) noexcept nogil:
    cdef double m = <double>job.m, n = <double>job.n, k = <double>job.k
    cdef double pack_b = 0.3 if job.b_n == 1 else 2 if job.b_k == 1 else 4
    cdef double pack_a = 0 if job.a_k == 1 else 0.6 if job.a_m == 1 else 3
    cdef double write = 0.5 if job.c_n == 1 else 3
    if job.b_n == 1 and job.m <= FEW_ROWS * GEMM_ROWS:
        pack_b = 0
    return (padded(job.m, GEMM_ROWS) * padded(job.n, lanes // 2) * k * 2 / <double>lanes
            + pack_b * n * k + pack_a * m * k + write * m * n)


cdef double dots_cost(const Product* job, int64_t lanes) noexcept nogil:
    return padded(job.m, DOT_ROWS) * padded(job.n, DOT_COLUMNS) * (<double>job.k * 2.6 / <double>lanes + 8)


cdef int multiply(Product* job, real* kind) noexcept nogil:
    cdef int64_t lanes = GEMM_ROW_BYTES // <int64_t>sizeof(real)
    cdef Product other = job[0]
    cdef double best
    transpose(&other)
    best = tiled_cost(job, lanes)
    if tiled_cost(&other, lanes) < best:
        best = tiled_cost(&other, lanes)
        job = &other
    if real is float:
        if job.a_k == 1 and job.b_k == 1 and dots_cost(job, lanes) < best:
            multiply_dots(job)
            return OK
    return multiply_tiled(job, kind)


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

cdef void zero_product(const Product* job, int64_t itemsize) noexcept nogil:
    """k = 0: a sum of nothing."""
    cdef int64_t m, n, byte
    for m in range(job.m):
        for n in range(job.n):
            for byte in range(itemsize):
                job.c[(m * job.c_m + n * job.c_n) * itemsize + byte] = 0


cdef int multiply_one(const Product* whole, const Axes* batch, int64_t position, int dtype) noexcept nogil:
    cdef Product job = whole[0]
    cdef int64_t place[MAX_AXES]
    cdef int64_t offsets[3]
    locate(batch, position, place, offsets)
    job.c, job.a, job.b = job.c + offsets[0], job.a + offsets[1], job.b + offsets[2]
    if job.k == 0:
        zero_product(&job, size_of(dtype))
        return OK
    if dtype == FLOAT32:
        return multiply(&job, <float*>NULL)
    if dtype == FLOAT64:
        return multiply(&job, <double*>NULL)
    if dtype == INT64:
        return multiply_integers(&job, <uint64_t*>NULL)
    if dtype == INT32:
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
