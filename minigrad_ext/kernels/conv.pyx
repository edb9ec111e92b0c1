"""Convolution and transposed convolution: sums over taps that slide over a padded copy of the image.

    conv            out[n,k,o] = sum_{c,t} w[k,c,t] * x[n,c, o*s + t*d - low]
    conv_transpose  out[n,c,i] = sum_{k,t} w[k,c,t] * g[n,k,o]      where o*s + t*d - low = i

Both are the same work, a `Slide` (window.pxd): the convolution is one slide, the transposed convolution one per output
phase.  Its blocks of sums (tile.pxd) are one of three, whichever wastes less: rows of pixels, output channels across
lanes; rows of output channels with neighbouring positions of the padded copy across lanes, also those between the end
of one row of pixels and the next, whose sums are not stored; or the same with one row, where a group has one channel.
Measured: pixels alone cost up to 1.3 times as much on images of 14 x 14 and less, channels alone 5 times at K = 16.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.tile cimport (
    MG_VECTOR, ONE_BYTES, PIXEL_BYTES, PIXEL_ROWS, ROW_BYTES, TILE_ROWS, TILE_SIZE, ceiling, tile,
)
from minigrad_ext.kernels.window cimport (
    Operand, Padded, Slide, Window, list_pixels, list_taps, operand_of, operand_size, pad_for_conv, pad_for_transpose,
    pad_plane, set_images, slide_of_conv, slide_of_transpose, volume, window_of,
)
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport FLOAT32, FLOAT64, NO_MEMORY, OK, Step, real

cdef enum:
    SCRATCH_BYTES = 1 << 18         # the padded images worked on at a time: they should stay in the second-level cache
    UNIT = 8                        # blocks of sums per unit of work handed to a thread


cdef struct Job:
    Slide slide
    bint channels                   # across lanes
    int64_t lanes                   # of a block of sums
    int64_t rows
    int64_t width                   # output channels per block of sums: its lanes or its rows
    int64_t blocks                  # blocks of output channels
    int64_t n                       # terms of a sum: input channels x taps
    int64_t panel_size              # packed weights of one block of output channels: [term][channel of the block]
    int64_t* offset                 # of each term in the padded copy
    int64_t* weight                 # of each term in w
    int64_t* position               # of each output pixel in a plane
    int64_t* target                 # of each output pixel in `out`
    char* panels


cdef struct Task:                   # one call, conv or transposed
    bint transposed
    Window window
    Padded padded
    Operand source                  # x, or g
    Operand out
    Operand w
    int64_t w_group                 # strides of w, in elements: to the next group, output channel, input channel
    int64_t w_out
    int64_t w_in
    int64_t n_in                    # channels per group
    int64_t n_out
    int64_t n_jobs
    Job* jobs


# ---- choosing the form

cdef int64_t pixel_span(const Padded* padded, const Slide* slide, int64_t images) noexcept nogil:
    """Positions of the padded copy from the first output pixel to the last."""
    if slide.n_pixels == 0 or images == 0:
        return 0
    return (images - 1) * padded.plane + ((slide.count[0] - 1) * padded.pitch[1] + slide.count[1] - 1) \
        * padded.pitch[2] + slide.count[2]


cdef double cost_of(double blocks, double rows, double lanes, double n, double vector, double store) noexcept nogil:
    """Vector multiply-adds, wasted ones included, half a one for what is across the lanes, and the price of storing."""
    return blocks * (n * (rows + 0.5) * lanes / vector + store)


cdef void choose_form(Job* job, const Task* task, int64_t images, int64_t itemsize) noexcept nogil:
    cdef int64_t lanes = ROW_BYTES // itemsize, pixels = images * job.slide.n_pixels
    cdef double n = <double>(task.n_in * job.slide.n_taps), vector = MG_VECTOR // itemsize
    job.rows = PIXEL_ROWS if task.n_out > 1 else 1
    job.lanes = (PIXEL_BYTES if task.n_out > 1 else ONE_BYTES) // itemsize
    job.channels = cost_of(
        ceiling(pixels, TILE_ROWS) * ceiling(task.n_out, lanes), TILE_ROWS, lanes, n, vector,
        40 + 1.5 * TILE_ROWS * min(lanes, task.n_out)) < cost_of(
        ceiling(pixel_span(&task.padded, &job.slide, images), job.lanes) * ceiling(task.n_out, job.rows),
        job.rows, job.lanes, n, vector, 60 + 0.5 * job.rows * job.lanes)
    if job.channels:
        job.rows, job.lanes = TILE_ROWS, lanes
    job.width = job.lanes if job.channels else job.rows
    job.blocks = ceiling(task.n_out, job.width)


# ---- setting up

cdef int prepare_job(Job* job, const Task* task, int64_t images, int64_t itemsize) noexcept nogil:
    """Tables and memory of a job whose slide is known."""
    cdef int64_t n_taps = job.slide.n_taps, c, u
    cdef const Slide* slide = &job.slide
    choose_form(job, task, images, itemsize)
    job.n = task.n_in * n_taps
    job.panel_size = job.n * job.width
    job.offset = <int64_t*>malloc(max(job.n, 1) * sizeof(int64_t))
    job.weight = <int64_t*>malloc(max(job.n, 1) * sizeof(int64_t))
    job.position = <int64_t*>malloc(max(slide.n_pixels, 1) * sizeof(int64_t))
    job.target = <int64_t*>malloc(max(slide.n_pixels, 1) * sizeof(int64_t))
    job.panels = <char*>malloc(max(task.window.groups * job.blocks * job.panel_size * itemsize, 1))
    if (job.offset == NULL or job.weight == NULL or job.position == NULL or job.target == NULL
            or job.panels == NULL):
        return NO_MEMORY
    if task.n_in > 0:
        list_taps(job.offset, job.weight, &task.padded, &task.window, slide, task.transposed, &task.w)
    for c in range(1, task.n_in):
        for u in range(n_taps):
            job.offset[c * n_taps + u] = job.offset[u] + c * task.padded.channel
            job.weight[c * n_taps + u] = job.weight[u] + c * task.w_in
    list_pixels(job.position, job.target, &task.padded, slide, &task.out)
    return OK


cdef void release(Task* task, void* scratch) noexcept nogil:
    cdef int64_t j
    for j in range(task.n_jobs):
        free(task.jobs[j].offset)
        free(task.jobs[j].weight)
        free(task.jobs[j].position)
        free(task.jobs[j].target)
        free(task.jobs[j].panels)
    free(task.jobs)
    free(scratch)


cdef void pack_panel(const Job* job, const Task* task, int64_t group, int64_t block, real* panel) noexcept nogil:
    """Packs the weights of one block of output channels as [term][channel], zero beyond the last channel."""
    cdef int64_t width = job.width
    cdef const real* w = <const real*>task.w.data + group * task.w_group + block * width * task.w_out
    cdef const real* line
    cdef int64_t valid = min(width, task.n_out - block * width)
    cdef int64_t u, j
    for j in range(valid):
        line = w + j * task.w_out
        for u in range(job.n):
            panel[u * width + j] = line[job.weight[u]]
    for j in range(valid, width):
        for u in range(job.n):
            panel[u * width + j] = 0


# ---- the work of one unit

cdef void run_channels(const Job* job, const Task* task, const real* scratch, int64_t image, int64_t images,
                       int64_t group, int64_t block, int64_t first, int64_t last) noexcept nogil:
    """Output channels across lanes: rows of pixels first <= q < last, counted over all images of the chunk."""
    cdef real sums[TILE_SIZE]
    cdef const real* pixel[TILE_ROWS]
    cdef real* target[TILE_ROWS]
    cdef const real* source = scratch + group * task.n_in * task.padded.channel
    cdef const real* panel = <const real*>job.panels + (group * job.blocks + block) * job.panel_size
    cdef int64_t channel = group * task.n_out + block * job.lanes
    cdef real* out = <real*>task.out.data + image * task.out.row_stride + channel * task.out.column_stride
    cdef real* to
    cdef int64_t step = task.out.column_stride, n_pixels = job.slide.n_pixels
    cdef int64_t q = first, at = first // n_pixels, p = first % n_pixels
    cdef int rows, m, j, lanes = <int>job.lanes
    cdef int valid = <int>min(job.lanes, task.n_out - block * job.lanes)
    for j in range(TILE_SIZE if job.n == 0 else 0):         # no tap reaches these pixels
        sums[j] = 0
    while q < last:
        rows = <int>min(<int64_t>TILE_ROWS, last - q)
        for m in range(TILE_ROWS):      # rows beyond the last pixel repeat it
            pixel[m] = source + at * task.padded.plane + job.position[p]
            target[m] = out + at * task.out.row_stride + job.target[p]
            if m < rows - 1 or m == TILE_ROWS - 1:
                p += 1
                if p == n_pixels:
                    p, at = 0, at + 1
        if job.n > 0:
            tile(job.n, pixel, job.offset, 0, panel, NULL, ROW_BYTES // <int>sizeof(real), sums, TILE_ROWS,
                 ROW_BYTES // <int>sizeof(real))
        for m in range(rows):
            to = target[m]
            for j in range(valid):
                to[j * step] = sums[m * lanes + j]
        q += rows


cdef void store_pixels(const Job* job, const Task* task, const real* sums, real* out, int64_t position,
                       int rows, int64_t images) noexcept nogil:
    """Stores the sums that are output pixels, run by run; those between the rows of pixels are dropped."""
    cdef const Slide* slide = &job.slide
    cdef int64_t pitch1 = task.padded.pitch[1], pitch2 = task.padded.pitch[2]
    cdef int64_t image = position // task.padded.plane, rest = position % task.padded.plane
    cdef int64_t j0 = rest // (pitch1 * pitch2), j1 = rest // pitch2 % pitch1, j2 = rest % pitch2
    cdef int64_t stride = slide.step[2] * task.out.stride[2], step = task.out.column_stride
    cdef int64_t j = 0, run, u
    cdef const real* from_
    cdef real* to
    cdef int m
    while j < job.lanes and image < images:
        if j2 < slide.count[2]:
            run = min(job.lanes - j, slide.count[2] - j2)
            if j1 < slide.count[1] and j0 < slide.count[0]:
                to = out + image * task.out.row_stride \
                    + (slide.start[0] + j0 * slide.step[0]) * task.out.stride[0] \
                    + (slide.start[1] + j1 * slide.step[1]) * task.out.stride[1] \
                    + (slide.start[2] + j2 * slide.step[2]) * task.out.stride[2]
                for m in range(rows):
                    from_ = sums + m * job.lanes + j
                    if stride == 1:
                        for u in range(run):
                            to[u] = from_[u]
                    else:
                        for u in range(run):
                            to[u * stride] = from_[u]
                    to += step
        else:
            run = min(job.lanes - j, pitch2 - j2)
        j += run
        j2 += run
        if j2 == pitch2:
            j2, j1 = 0, j1 + 1
            if j1 == pitch1:
                j1, j0 = 0, j0 + 1
                if j0 == task.padded.pitch[0]:
                    j0, image = 0, image + 1


cdef void run_pixels(const Job* job, const Task* task, const real* scratch, int64_t image, int64_t images,
                     int64_t group, int64_t block, int64_t first, int64_t last) noexcept nogil:
    """Pixels across lanes: positions first <= q < last of the padded copy."""
    cdef real sums[TILE_SIZE]
    cdef const real* source = scratch + group * task.n_in * task.padded.channel
    cdef const real* panel = <const real*>job.panels + (group * job.blocks + block) * job.panel_size
    cdef int64_t channel = group * task.n_out + block * job.rows
    cdef real* out = <real*>task.out.data + image * task.out.row_stride + channel * task.out.column_stride
    cdef const real* row[PIXEL_ROWS]
    cdef int64_t q
    cdef int valid = <int>min(job.rows, task.n_out - block * job.rows)
    cdef int j
    for j in range(PIXEL_ROWS):
        row[j] = panel + j
    for j in range(TILE_SIZE if job.n == 0 else 0):         # no tap reaches these pixels
        sums[j] = 0
    for q from first <= q < last by job.lanes:
        if job.n > 0 and job.rows == 1:
            tile(job.n, row, NULL, 1, source + q, job.offset, 0, sums, 1, ONE_BYTES // <int>sizeof(real))
        elif job.n > 0:
            tile(job.n, row, NULL, PIXEL_ROWS, source + q, job.offset, 0, sums, PIXEL_ROWS,
                 PIXEL_BYTES // <int>sizeof(real))
        store_pixels(job, task, sums, out, q, valid, images)


cdef void run_job(const Job* job, const Task* task, const real* scratch, int64_t image, int64_t images) noexcept nogil:
    """One slide over the images in the scratch.  A unit is a run of blocks of sums: no sum is shared by two units."""
    cdef int64_t total = images * job.slide.n_pixels if job.channels else pixel_span(&task.padded, &job.slide, images)
    cdef int64_t run = UNIT * (job.rows if job.channels else job.lanes)
    cdef int64_t runs = ceiling(total, run)
    cdef int64_t units = runs * job.blocks * task.window.groups
    cdef int64_t unit, group, block, first
    cdef double work = <double>total * task.n_out * task.window.groups * (job.n + 4) / 32
    for unit in prange(units, num_threads=threads_for(work), schedule="static"):
        group = unit // (runs * job.blocks)
        block = unit // runs % job.blocks
        first = unit % runs * run
        if job.channels:
            run_channels(job, task, scratch, image, images, group, block, first, min(first + run, total))
        else:
            run_pixels(job, task, scratch, image, images, group, block, first, min(first + run, total))


cdef int slide_over(Task* task, const real* kind) noexcept nogil:
    """All slides over all images, a chunk of images at a time."""
    cdef Padded* padded = &task.padded
    cdef int64_t n = task.source.rows, channels = task.source.columns, itemsize = sizeof(real)
    cdef int64_t images, chunk, image, item, j, slack
    cdef real* scratch
    cdef Job* job
    cdef double work
    set_images(padded, 1)
    images = max(1, min(n, SCRATCH_BYTES // max(1, channels * padded.channel * itemsize)))
    set_images(padded, images)
    slack = padded.slack + 2 * MG_VECTOR                # the widest block: 8 vectors of floats
    scratch = <real*>malloc((channels * padded.channel + slack) * itemsize)
    if scratch == NULL:
        return NO_MEMORY
    memset(scratch + channels * padded.channel, 0, slack * itemsize)
    for j in range(task.n_jobs):
        job = &task.jobs[j]
        if prepare_job(job, task, images, itemsize) != OK:
            free(scratch)
            return NO_MEMORY
        work = <double>job.n * task.n_out * task.window.groups
        for item in prange(task.window.groups * job.blocks, num_threads=threads_for(work), schedule="static"):
            pack_panel(job, task, item // job.blocks, item % job.blocks,
                       <real*>job.panels + item * job.panel_size)
    image = 0
    while image < n:
        chunk = min(images, n - image)
        work = <double>chunk * channels * padded.plane * volume(padded.phases) / 4
        for item in prange(channels * chunk, num_threads=threads_for(work), schedule="static"):
            pad_plane(scratch + item // chunk * padded.channel + item % chunk * padded.plane,
                      <const real*>task.source.data + (image + item % chunk) * task.source.row_stride
                      + item // chunk * task.source.column_stride, &task.source, padded)
        for j in range(task.n_jobs):
            run_job(&task.jobs[j], task, scratch, image, chunk)
        image += chunk
    free(scratch)
    return OK


cdef int list_jobs(Task* task) noexcept nogil:
    """The slides: one for a convolution, one per output phase that exists for a transposed convolution."""
    cdef int64_t phases[3]
    cdef int64_t start[3]
    cdef int64_t j
    cdef int axis
    for axis in range(3):
        phases[axis] = min(task.window.stride[axis], task.out.size[axis]) if task.transposed else 1
    task.n_jobs = volume(phases)
    task.jobs = <Job*>malloc(task.n_jobs * sizeof(Job))
    if task.jobs == NULL:
        task.n_jobs = 0
        return NO_MEMORY
    memset(task.jobs, 0, task.n_jobs * sizeof(Job))
    for j in range(task.n_jobs):
        if task.transposed:
            start[0] = j // (phases[1] * phases[2])
            start[1] = j // phases[2] % phases[1]
            start[2] = j % phases[2]
            task.jobs[j].slide = slide_of_transpose(&task.w, task.out.size, &task.window, start)
        else:
            task.jobs[j].slide = slide_of_conv(&task.w, task.out.size)
    return OK


cdef int run_task(Task* task, int dtype) noexcept nogil:
    cdef int status
    if operand_size(&task.out) == 0:
        return OK
    status = list_jobs(task)
    if status == OK:
        status = slide_over(task, <const float*>NULL) if dtype == FLOAT32 else slide_over(task, <const double*>NULL)
    release(task, NULL)
    return status


cdef int conv(Step* step) noexcept nogil:
    """out (N,K,*O) from x (N,C,*I) and w (K,C/groups,*T)."""
    cdef Task task
    task.transposed = False
    task.window = window_of(&step.params)
    task.out, task.source, task.w = operand_of(&step.args[0]), operand_of(&step.args[1]), operand_of(&step.args[2])
    task.n_in, task.n_out = task.w.columns, task.w.rows // task.window.groups
    task.w_out, task.w_in = task.w.row_stride, task.w.column_stride
    task.w_group = task.n_out * task.w.row_stride
    pad_for_conv(&task.padded, &task.source, &task.w, task.out.size, &task.window)
    return run_task(&task, step.args[0].dtype)


cdef int conv_transpose(Step* step) noexcept nogil:
    """out (N,C,*I) from g (N,K,*O) and w (K,C/groups,*T): the transpose of conv in x."""
    cdef Task task
    task.transposed = True
    task.window = window_of(&step.params)
    task.out, task.source, task.w = operand_of(&step.args[0]), operand_of(&step.args[1]), operand_of(&step.args[2])
    task.n_in, task.n_out = task.w.rows // task.window.groups, task.w.columns
    task.w_out, task.w_in = task.w.column_stride, task.w.row_stride
    task.w_group = task.n_in * task.w.row_stride
    pad_for_transpose(&task.padded, &task.source, &task.w, task.out.size, &task.window)
    return run_task(&task, step.args[0].dtype)


KERNELS = {
    "conv": new_kernel("conv", conv, (FLOAT32, FLOAT64)),
    "conv_transpose": new_kernel("conv_transpose", conv_transpose, (FLOAT32, FLOAT64)),
}
