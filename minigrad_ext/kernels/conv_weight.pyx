"""The weight gradient of a convolution: the third face of the trilinear form.

    out[k,c,t] = sum_{n,o} g[n,k,o] * x[n,c, o*s + t*d - low]

Over the padded copy of x (window.pxd) each (c, t) is a pointer, and the sum runs over output pixels, whose offsets are
the same for all pointers.  Two blocks of sums compute it (tile.pxd): several taps times output channels across lanes,
or, for the few output channels of a small or depthwise layer, several taps times one channel with pixels across lanes.
A sum over many images is cut into pieces by the shapes alone; pieces are added in order and in double.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.tile cimport DOT_LANES, MG_VECTOR, ROW_BYTES, TILE_ROWS, TILE_SIZE, ceiling, tile, tile_dot
from minigrad_ext.kernels.window cimport (
    Operand, Padded, Slide, Window, list_pixels, list_taps, operand_of, operand_size, pad_for_conv, pad_plane,
    set_images, slide_of_conv, volume, window_of,
)
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport FLOAT32, FLOAT64, NO_MEMORY, OK, Step, real

cdef enum:
    SCRATCH_BYTES = 1 << 18         # the images worked on at a time
    PIECE = 256                     # pixels summed in registers before they are added to the sums in memory
    TRANSPOSE = 16                  # pixels packed at a time, so that what is written stays in the first-level cache


cdef struct Task:
    Window window
    Padded padded
    Slide slide
    Operand x
    Operand g
    Operand out
    int64_t width                   # output channels per block of sums: across lanes, or one of dot products
    int64_t blocks                  # blocks of output channels in a group
    int64_t n_in                    # channels per group
    int64_t n_out
    int64_t n                       # input channels x taps
    int64_t images                  # of a chunk
    int64_t packed                  # packed elements of g per image and block
    int64_t slack
    int64_t* tap                    # offset in the padded copy of each (c, t)
    int64_t* weight                 # of each (c, t) in out
    int64_t* position               # of each pixel, or row of pixels, of a chunk in the padded copy
    int64_t* row                    # of each row of pixels in the packed g
    int64_t* target                 # of each pixel of an image in g
    char* scratch
    char* gradient                  # packed g: [group, block][image, pixel][channel], or [channel][image, pixel]
    double* sums                    # [group][n][output channel]


cdef void choose_form(Task* task, int64_t itemsize) noexcept nogil:
    """Dot products or channels across lanes: the fewer multiply-adds, wasted lanes included.

    A dot product loads for each multiply-add, and counts double.
    """
    cdef int64_t lanes = ROW_BYTES // itemsize, columns = max(1, task.slide.count[2])
    cdef double dot = 2.0 * task.n_out * ceiling(columns, DOT_LANES) * DOT_LANES / columns
    if itemsize == 4 and task.n_out <= lanes // 2:      # one vector of doubles would be unrolled into scalars
        lanes = lanes // 2
    task.width = 1 if dot < ceiling(task.n_out, lanes) * lanes else lanes


cdef int prepare(Task* task, int64_t itemsize) noexcept nogil:
    cdef int64_t n_taps = task.slide.n_taps, n_pixels = task.slide.n_pixels, channels = task.x.columns
    cdef int64_t rows = task.slide.count[0] * task.slide.count[1], count = n_pixels, columns = task.slide.count[2]
    cdef int64_t c, u, image
    choose_form(task, itemsize)
    task.blocks = ceiling(task.n_out, task.width)
    task.packed = n_pixels * task.width
    set_images(&task.padded, 1)
    task.images = max(1, min(task.x.rows, SCRATCH_BYTES // max(
        1, (channels * task.padded.channel + task.window.groups * task.blocks * task.packed) * itemsize)))
    set_images(&task.padded, task.images)
    task.slack = task.padded.slack + 2 * MG_VECTOR      # the widest block: 8 vectors of floats
    task.tap = <int64_t*>malloc(max(task.n, 1) * sizeof(int64_t))
    task.weight = <int64_t*>malloc(max(task.n, 1) * sizeof(int64_t))
    task.position = <int64_t*>malloc(max(task.images * n_pixels, 1) * sizeof(int64_t))
    task.row = <int64_t*>malloc(max(task.images * rows, 1) * sizeof(int64_t))
    task.target = <int64_t*>malloc(max(n_pixels, 1) * sizeof(int64_t))
    task.scratch = <char*>malloc((channels * task.padded.channel + task.slack) * itemsize)
    task.gradient = <char*>malloc(
        (task.window.groups * task.blocks * task.images * task.packed + TILE_SIZE) * itemsize)
    task.sums = <double*>calloc(max(task.window.groups * task.n_out * task.n, 1), sizeof(double))
    if (task.tap == NULL or task.weight == NULL or task.position == NULL or task.row == NULL or task.target == NULL
            or task.scratch == NULL or task.gradient == NULL or task.sums == NULL):
        return NO_MEMORY
    memset(task.scratch + channels * task.padded.channel * itemsize, 0, task.slack * itemsize)
    memset(task.gradient + task.window.groups * task.blocks * task.images * task.packed * itemsize, 0,
           TILE_SIZE * itemsize)
    list_taps(task.tap, task.weight, &task.padded, &task.window, &task.slide, False, &task.out)
    for c in range(1, task.n_in):
        for u in range(n_taps):
            task.tap[c * n_taps + u] = task.tap[u] + c * task.padded.channel
            task.weight[c * n_taps + u] = task.weight[u] + c * task.out.column_stride
    list_pixels(task.position, task.target, &task.padded, &task.slide, &task.g)
    if task.width == 1:             # rows are enough
        count = rows
        for u in range(rows):
            task.position[u] = task.position[u * columns]
            task.row[u] = u * columns
    for image in range(1, task.images):
        for u in range(count):
            task.position[image * count + u] = task.position[u] + image * task.padded.plane
            if task.width == 1:
                task.row[image * count + u] = task.row[u] + image * n_pixels
    return OK


cdef void release(Task* task) noexcept nogil:
    free(task.tap)
    free(task.weight)
    free(task.position)
    free(task.row)
    free(task.target)
    free(task.scratch)
    free(task.gradient)
    free(task.sums)


cdef void pack_gradient(const Task* task, int64_t item, int64_t slot, int64_t image, real* packed) noexcept nogil:
    """Packs the channels of block `item` of one image as [pixel][channel of the block], zero beyond the last one."""
    cdef int64_t group = item // task.blocks, block = item % task.blocks, width = task.width
    cdef int64_t valid = min(width, task.n_out - block * width)
    cdef int64_t first, last, j, p, n_pixels = task.slide.n_pixels
    cdef const real* g = <const real*>task.g.data + image * task.g.row_stride \
        + (group * task.n_out + block * width) * task.g.column_stride
    cdef const real* line
    packed += (item * task.images + slot) * task.packed
    if width == 1:
        if task.g.stride[2] == 1:
            for first from 0 <= first < n_pixels by task.slide.count[2]:
                line = g + task.target[first]
                for p in range(task.slide.count[2]):
                    packed[first + p] = line[p]
        else:
            for p in range(n_pixels):
                packed[p] = g[task.target[p]]
        return
    for first from 0 <= first < n_pixels by TRANSPOSE:
        last = min(first + TRANSPOSE, n_pixels)
        for j in range(valid):
            line = g + j * task.g.column_stride
            for p in range(first, last):
                packed[p * width + j] = line[task.target[p]]
        for j in range(valid, width):
            for p in range(first, last):
                packed[p * width + j] = 0


cdef inline void sum_channels(const Task* task, int64_t item, int64_t first, int64_t chunk, int lanes,
                              const real* kind) noexcept nogil:
    """A block of taps from `first` on, times a block of output channels, over all pixels of the chunk."""
    cdef real sums[TILE_SIZE]
    cdef const real* tap[TILE_ROWS]
    cdef int64_t group = item // task.blocks, block = item % task.blocks, total = chunk * task.slide.n_pixels
    cdef double* total_sums = task.sums + (group * task.n + first) * task.n_out + block * task.width
    cdef int64_t at = 0, n
    cdef const real* panel = <const real*>task.gradient + item * task.images * task.packed
    cdef const real* source = <const real*>task.scratch + group * task.n_in * task.padded.channel
    cdef int rows = <int>min(<int64_t>TILE_ROWS, task.n - first)
    cdef int valid = <int>min(task.width, task.n_out - block * task.width)
    cdef int m, j
    for m in range(TILE_ROWS):
        tap[m] = source + task.tap[first + min(m, rows - 1)]
    while at < total:
        n = min(<int64_t>PIECE, total - at)
        tile(n, tap, task.position + at, 0, panel + at * lanes, NULL, lanes, sums, TILE_ROWS, lanes)
        for m in range(rows):
            for j in range(valid):
                total_sums[m * task.n_out + j] += sums[m * lanes + j]
        at += n


cdef void sum_dot(const Task* task, int64_t item, int64_t first, int64_t chunk, const real* kind) noexcept nogil:
    """TILE_ROWS taps from `first` on, of one output channel, over all pixels of the chunk."""
    cdef real sums[TILE_ROWS]
    cdef const real* tap[TILE_ROWS]
    cdef int64_t per_image = task.slide.count[0] * task.slide.count[1], columns = task.slide.count[2]
    cdef const real* gradient = <const real*>task.gradient + item * task.images * task.packed
    cdef int64_t group = item // task.n_out
    cdef const real* source = <const real*>task.scratch + group * task.n_in * task.padded.channel
    cdef int rows = <int>min(<int64_t>TILE_ROWS, task.n - first)
    cdef int64_t at = 0, total = chunk * per_image, n, piece = max(1, PIECE * 8 // columns)
    cdef int m
    for m in range(TILE_ROWS):
        tap[m] = source + task.tap[first + min(m, rows - 1)]
    while at < total:
        n = min(piece, total - at)
        if rows == 1:
            tile_dot(n, tap, task.position + at, gradient, task.row + at, columns, sums, 1)
        else:
            tile_dot(n, tap, task.position + at, gradient, task.row + at, columns, sums, TILE_ROWS)
        for m in range(rows):
            task.sums[(group * task.n + first + m) * task.n_out + item % task.n_out] += sums[m]
        at += n


cdef int sum_over(Task* task, const real* kind) noexcept nogil:
    """All images, a chunk at a time.  A unit of work is one block of sums: no sum is shared by two units."""
    cdef int64_t channels = task.x.columns, items, tiles, image = 0, chunk, item
    cdef real* scratch
    cdef real* gradient
    cdef double work
    if prepare(task, sizeof(real)) != OK:
        return NO_MEMORY
    items = task.window.groups * task.blocks
    tiles = ceiling(task.n, TILE_ROWS)
    scratch = <real*>task.scratch
    gradient = <real*>task.gradient
    while image < task.x.rows and task.slide.n_pixels > 0:
        chunk = min(task.images, task.x.rows - image)
        work = <double>chunk * channels * task.padded.plane * volume(task.padded.phases) / 4
        for item in prange(channels * chunk, num_threads=threads_for(work), schedule="static"):
            pad_plane(scratch + item // chunk * task.padded.channel + item % chunk * task.padded.plane,
                      <const real*>task.x.data + (image + item % chunk) * task.x.row_stride
                      + item // chunk * task.x.column_stride, &task.x, &task.padded)
        work = <double>items * chunk * task.packed
        for item in prange(items * chunk, num_threads=threads_for(work), schedule="static"):
            pack_gradient(task, item // chunk, item % chunk, image + item % chunk, gradient)
        work = <double>chunk * task.slide.n_pixels * task.n * task.window.groups * task.n_out / 16
        for item in prange(items * tiles, num_threads=threads_for(work), schedule="static"):
            if task.width == 1:
                sum_dot(task, item // tiles, item % tiles * TILE_ROWS, chunk, kind)
            elif task.width == ROW_BYTES // <int>sizeof(real):
                sum_channels(task, item // tiles, item % tiles * TILE_ROWS, chunk, ROW_BYTES // <int>sizeof(real), kind)
            else:
                sum_channels(task, item // tiles, item % tiles * TILE_ROWS, chunk, ROW_BYTES // <int>sizeof(real) // 2,
                             kind)
        image += chunk
    store(task, <real*>task.out.data)
    return OK


cdef void store(const Task* task, real* out) noexcept nogil:
    cdef int64_t k, u
    cdef const double* sums
    for k in range(task.out.rows):
        sums = task.sums + k // task.n_out * task.n * task.n_out + k % task.n_out
        for u in range(task.n):
            out[k * task.out.row_stride + task.weight[u]] = <real>sums[u * task.n_out]


cdef int conv_weight(Step* step) noexcept nogil:
    """out (K,C/groups,*T) from x (N,C,*I) and g (N,K,*O): the derivative of <g, conv(x, w)> in w."""
    cdef Task task
    cdef int status
    memset(&task, 0, sizeof(Task))
    task.window = window_of(&step.params)
    task.out, task.x, task.g = operand_of(&step.args[0]), operand_of(&step.args[1]), operand_of(&step.args[2])
    if operand_size(&task.out) == 0:
        return OK
    task.n_in, task.n_out = task.out.columns, task.out.rows // task.window.groups
    pad_for_conv(&task.padded, &task.x, &task.out, task.g.size, &task.window)
    task.slide = slide_of_conv(&task.out, task.g.size)
    task.n = task.n_in * task.slide.n_taps
    status = sum_over(&task, <const float*>NULL) if step.args[0].dtype == FLOAT32 \
        else sum_over(&task, <const double*>NULL)
    release(&task)
    return status


KERNELS = {"conv_weight": new_kernel("conv_weight", conv_weight, (FLOAT32, FLOAT64))}
