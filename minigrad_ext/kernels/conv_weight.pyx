"""Convolution, transposed convolution and weight gradient: the three faces of one trilinear form.

    conv            out[n,k,o] = sum_{c,t} w[k,c,t] * x[n,c, o*s + t*d - low]
    conv_transpose  out[n,c,i] = sum_{k,t} w[k,c,t] * g[n,k,o]      where o*s + t*d - low = i
    conv_weight     out[k,c,t] = sum_{n,o} g[n,k,o] * x[n,c, o*s + t*d - low]

All three slide over a padded copy of their first operand (window.pxd), where output pixel and tap meet at the sum of
two offsets, one from a list of pixels and one from a list of taps (c, t).  The first two sum over the taps, for each
pixel; the weight gradient sums over the pixels, for each tap: the same loops with the two lists exchanged.  The second
operand is packed into panels, a block of output channels each.  The convolution is one job, the transposed convolution
one per output phase.  Blocks of sums (tile.pxd) have one of three forms, whichever wastes less:

    CHANNELS    rows are pixels (or taps), output channels lie across lanes
    PIXELS      rows are output channels, or one row where a group has only one; neighbouring positions of the padded
                copy lie across lanes, also those between two rows of pixels, whose sums are not stored
    DOTS        rows are taps, of one output channel; a row of pixels lies across lanes, each a partial sum

Measured: PIXELS cost up to 1.3 times as much as CHANNELS on images of 14 x 14 and less, CHANNELS 5 times at K = 16.
The sums of a weight gradient are cut into pieces by the shapes alone; pieces are added in order and in double.
"""

from libc.stdint cimport int64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from minigrad_ext.kernels cimport depthwise, tile as tiles, window
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.tile cimport DOT_LANES, MG_VECTOR, PIXEL_ROWS, ROW_BYTES, TILE_ROWS, ceiling
from minigrad_ext.types cimport NO_MEMORY, OK, Step, View, real, view_size

cdef enum:
    SCRATCH_BYTES = 1 << 18         # the padded images worked on at a time: they should stay in the second-level cache
    UNIT = 8                        # blocks of sums per unit of work handed to a thread
    PIECE = 256                     # terms packed at a time; pixels summed in registers before they are added in memory

cdef enum Form:
    CHANNELS, PIXELS, DOTS


cdef struct Job:                    # one phase of the output: all pixels that the same taps reach
    window.triple_t start, count
    # Of (c, t), and of a chunk of images, each pixel for CHANNELS, else the first one of each row.
    window.Offsets taps, pixels
    window.Offsets* terms           # which of the two a sum runs over
    window.Offsets* rows            # and the other one
    int64_t per_image               # pixels listed
    Form form
    int64_t width, blocks           # output channels per block of sums, and blocks of them in a group
    int64_t lanes, panel_size       # of a panel: [term][output channel], or for DOTS [row of pixels][pixel]
    char* panels
    int64_t run                     # rows of sums, or positions, per unit of work


cdef struct Task:                   # one call
    bint weight                     # sums over pixels, not over taps
    window.Operand out, source, packed      # the source is x, g or x; packed is w, w or g
    const View* bias                        # a number for each output channel, or NULL
    window.Padded padded
    int64_t n_in, n_out             # channels per group
    int64_t out_channel, packed_channel     # strides, in elements, from one output channel to the next
    int64_t packed_group            # and from one group to the next
    Job* jobs
    Job* job                        # the one at hand
    int64_t image, images           # the chunk of images at hand, in the scratch: first one and number
    char* scratch
    double* totals                  # of a weight gradient: [group][tap][output channel]
    void** memory                   # all that was reserved, each block pointing to the one before it
    bint failed


cdef void* reserve(Task* task, int64_t bytes) noexcept nogil:
    """Memory until the end of the call, aligned like cache lines; where there is none the task has failed."""
    block = malloc(bytes + 128)
    if block == NULL:
        task.failed = True
        return NULL
    header = <void**>(<char*>block + (64 - (<uintptr_t>block & 63)))
    header[0], header[1], task.memory = block, task.memory, header
    return <char*>header + 64


cdef void reserve_offsets(Task* task, window.Offsets* list, int64_t n) noexcept nogil:
    list.source = <int64_t*>reserve(task, max(n, 1) * sizeof(int64_t))
    list.other = <int64_t*>reserve(task, max(n, 1) * sizeof(int64_t))


# ---- choosing the form

cdef double cost_of(int64_t blocks, double rows, double lanes, double n, double vector, double store) noexcept nogil:
    """Vector multiply-adds, wasted ones included, half a one for what is across the lanes, and the price of storing."""
    return blocks * (n * (rows + 0.5) * lanes / vector + store)


cdef void choose_form(const Task* task, Job* job, int64_t itemsize) noexcept nogil:
    cdef bint dots
    p, count, n_out, n, lanes = &task.padded, &job.count[0], task.n_out, <double>job.taps.n, ROW_BYTES // itemsize
    if task.weight:         # the fewer multiply-adds, wasted lanes included; dot products load for each: counted twice
        if itemsize == 4 and n_out <= lanes // 2:       # one vector of doubles would be unrolled into scalars
            lanes //= 2
        dots = ceiling(count[2], DOT_LANES) * DOT_LANES * 2 * n_out < ceiling(n_out, lanes) * lanes * count[2]
        job.form, job.width, job.run = DOTS if dots else CHANNELS, 1 if dots else lanes, TILE_ROWS
    else:
        rows = PIXEL_ROWS if n_out > 1 else 1
        across, vector = pixel_lanes(rows, itemsize), <double>(MG_VECTOR // itemsize)
        span = (p.images - 1) * p.plane + ((count[0] - 1) * p.pitch[1] + count[1] - 1) * p.pitch[2] + count[2]
        channels = cost_of(ceiling(p.images * window.volume(count), TILE_ROWS) * ceiling(n_out, lanes), TILE_ROWS,
                           lanes, n, vector, 40 + 1.5 * TILE_ROWS * min(lanes, n_out))
        pixels = cost_of(ceiling(span, across) * ceiling(n_out, rows), rows, across, n, vector,
                         60 + 0.5 * rows * across)
        job.form, job.width = CHANNELS if channels < pixels else PIXELS, lanes if channels < pixels else rows
        job.run = UNIT * (TILE_ROWS if channels < pixels else across)
    job.blocks, job.lanes = ceiling(n_out, job.width), count[2] if job.form == DOTS else job.width


cdef inline int64_t pixel_lanes(int64_t rows, int64_t itemsize) noexcept nogil:
    return (tiles.ONE_BYTES if rows == 1 else tiles.PIXEL_BYTES) // itemsize


cdef void prepare(Task* task, Job* job, const window.Operand* w, const window.Operand* image, int64_t itemsize
                  ) noexcept nogil:
    """Lists and memory of a job."""
    p = &task.padded
    w_in = w.row_stride if p.transposed else w.column_stride
    for axis in range(3):
        job.count[axis] = ceiling(image.size[axis] - job.start[axis], p.out_step[axis])
    window.list_taps(&job.taps, p, job.start, w)
    window.repeat(&job.taps, task.n_in, p.channel, w_in)
    choose_form(task, job, itemsize)
    columns = job.count[2] if job.form == CHANNELS else 1
    job.per_image = job.count[0] * job.count[1] * columns
    job.terms = &job.pixels if task.weight else &job.taps
    job.rows = &job.taps if task.weight else &job.pixels
    reserve_offsets(task, &job.pixels, job.per_image * p.images)
    if not task.failed:
        window.list_pixels(&job.pixels, p, job.start, job.count, columns, image)
        job.panel_size = job.terms.n * job.lanes
        job.panels = <char*>reserve(task, (p.window.groups * job.blocks * job.panel_size + DOT_LANES) * itemsize)


# ---- units of work: no element is written by two of them

cdef inline void take_bias(const Task* task, int64_t panel, int64_t valid, real* bias, int64_t width) noexcept nogil:
    """The numbers that a panel's output channels start from, 0 where there are none."""
    first = panel // task.job.blocks * task.n_out + panel % task.job.blocks * task.job.width
    for j in range(width):
        bias[j] = 0
    for j in range(valid if task.bias != NULL else 0):
        bias[j] = (<const real*>task.bias.data)[(first + j) * task.bias.strides[0]]



cdef int pad(const Task* task, int64_t first, int64_t end, real* _) noexcept nogil:
    """Units: phases of channels of the images at hand."""
    cdef window.Cut cut
    source, p = &task.source, &task.padded
    phases = window.volume(p.phases)
    for unit in range(first, end):
        channel, image, phase = unit // phases // task.images, unit // phases % task.images, unit % phases
        cut = window.cut_out(p, source, phase)
        window.pad_plane(<real*>task.scratch + channel * p.channel + (phase * p.images + image) * p.plane,
                  <const real*>source.data + (task.image + image) * source.row_stride + channel * source.column_stride,
                  &cut, p)
    return OK


cdef int pack_panels(const Task* task, int64_t first, int64_t end, real* _) noexcept nogil:
    """Units: pieces of the terms of a panel."""
    job, packed, image_stride = task.job, &task.packed, task.packed.row_stride if task.weight else 0
    pieces = ceiling(job.terms.n, PIECE)
    for unit in range(first, end):
        panel, at = unit // pieces, unit % pieces * PIECE
        channel = panel % job.blocks * job.width
        source = <const real*>packed.data + panel // job.blocks * task.packed_group + channel * task.packed_channel
        tiles.pack(source + task.image * image_stride, job.terms.other + at, 0,
                   packed.stride[2] if job.form == DOTS else task.packed_channel,
                   job.lanes if job.form == DOTS else min(job.width, task.n_out - channel), job.lanes,
                   min(<int64_t>PIECE, job.terms.n - at),
                   <real*>job.panels + panel * job.panel_size + at * job.lanes)
    return OK


cdef inline void sum_rows(const Task* task, int64_t panel, int64_t first, int64_t end, real* out,
                          int width) noexcept nogil:
    """CHANNELS, and DOTS with a width of 1: rows of sums first <= q < end, for the output channels of a panel."""
    cdef real sums[tiles.TILE_SIZE], bias[ROW_BYTES]
    cdef const real* row[TILE_ROWS]
    cdef int rows, m, j
    job = task.job
    terms, step = job.terms.n, task.out_channel
    group, channel = panel // job.blocks, panel % job.blocks * width
    valid = <int>min(job.width, task.n_out - channel)
    source = <const real*>task.scratch + group * task.n_in * task.padded.channel
    b = <const real*>job.panels + panel * job.panel_size
    take_bias(task, panel, valid, bias, width)
    piece = max(terms if not task.weight else PIECE if width > 1 else PIECE * 8 // job.lanes, 1)
    for q from first <= q < end by TILE_ROWS:
        rows = <int>min(<int64_t>TILE_ROWS, end - q)
        for m in range(TILE_ROWS):          # rows beyond the last one repeat it
            row[m] = source + job.rows.source[q + min(m, rows - 1)]
        for u from 0 <= u < max(terms, 1) by piece:
            n, offset, line = min(piece, terms - u), job.terms.source + u, b + u * job.lanes
            if width > 1:
                tiles.tile(n, row, offset, 0, line, NULL, width, sums, TILE_ROWS, width)
            elif rows > 1:
                tiles.tile_dot(n, row, offset, line, job.lanes, sums, TILE_ROWS)
            else:
                tiles.tile_dot(n, row, offset, line, job.lanes, sums, 1)
            for m in range(rows):
                if task.weight:
                    total = task.totals + (group * job.rows.n + q + m) * task.n_out + channel
                    for j in range(valid):
                        total[j] += sums[m * width + j]
                else:
                    to = out + job.rows.other[q + m]
                    for j in range(valid):
                        to[j * step] = sums[m * width + j] + bias[j]


cdef void sum_pixels(const Task* task, int64_t panel, int64_t first, int64_t end, real* out) noexcept nogil:
    """PIXELS: positions first <= q < end of the padded copy, for the output channels of a panel."""
    cdef real sums[tiles.TILE_SIZE], bias[PIXEL_ROWS]
    cdef const real* row[PIXEL_ROWS]
    cdef int m
    p, job = &task.padded, task.job
    lanes, columns, begins = pixel_lanes(job.width, sizeof(real)), job.count[2], job.pixels.source
    stride = p.out_step[2] * task.out.stride[2]
    valid = <int>min(job.width, task.n_out - panel % job.blocks * job.width)
    source = <const real*>task.scratch + panel // job.blocks * task.n_in * p.channel
    take_bias(task, panel, valid, bias, PIXEL_ROWS)
    for m in range(PIXEL_ROWS):
        row[m] = <const real*>job.panels + panel * job.panel_size + m
    at = first % p.plane // p.pitch[2]          # the row of the plane; then the row of pixels there, or the next
    line = first // p.plane * job.per_image + min(
        at // p.pitch[1] * job.count[1] + min(at % p.pitch[1], job.count[1]), job.per_image)
    for q from first <= q < end by lanes:
        if job.width == 1:
            tiles.tile(job.terms.n, row, NULL, 1, source + q, job.terms.source, 0, sums, 1,
                       tiles.ONE_BYTES // <int>sizeof(real))
        else:
            tiles.tile(job.terms.n, row, NULL, PIXEL_ROWS, source + q, job.terms.source, 0, sums, PIXEL_ROWS,
                       tiles.PIXEL_BYTES // <int>sizeof(real))
        while line < job.pixels.n and begins[line] < q + lanes:
            left, right = max(begins[line] - q, 0), min(begins[line] + columns - q, lanes)
            to = out + job.pixels.other[line] + (q - begins[line]) * stride
            for m in range(valid):
                if stride == 1:
                    for j in range(left, right):
                        to[j] = sums[m * lanes + j] + bias[m]
                else:
                    for j in range(left, right):
                        to[j * stride] = sums[m * lanes + j] + bias[m]
                to += task.out_channel
            if begins[line] + columns > q + lanes:
                break                       # the next block goes on with it
            line += 1


cdef inline int64_t extent(const Job* job) noexcept nogil:
    """Rows of sums, or positions up to the last pixel."""
    if job.form != PIXELS or job.rows.n == 0:
        return job.rows.n
    return job.rows.source[job.rows.n - 1] + job.count[2]


cdef int sum_units(const Task* task, int64_t first, int64_t end, real* _) noexcept nogil:
    total, run, image = extent(task.job), task.job.run, 0 if task.weight else task.image * task.out.row_stride
    runs = ceiling(total, run)
    for unit in range(first, end):
        panel, at = unit // runs, unit % runs * run
        channel = panel // task.job.blocks * task.n_out + panel % task.job.blocks * task.job.width
        out = <real*>task.out.data + channel * task.out_channel + image
        if task.job.form == PIXELS:
            sum_pixels(task, panel, at, min(at + run, total), out)
        elif task.job.form == DOTS:
            sum_rows(task, panel, at, min(at + run, total), out, 1)
        elif task.job.width == ROW_BYTES // <int>sizeof(real):
            sum_rows(task, panel, at, min(at + run, total), out, ROW_BYTES // <int>sizeof(real))
        else:
            sum_rows(task, panel, at, min(at + run, total), out, ROW_BYTES // <int>sizeof(real) // 2)
    return OK


# ---- one call

cdef void store_totals(const Task* task, real* out) noexcept nogil:
    taps = &task.job.taps
    for k in range(task.out.rows):
        for u in range(taps.n):
            out[k * task.out_channel + taps.other[u]] = <real>task.totals[
                (k // task.n_out * taps.n + u) * task.n_out + k % task.n_out]


cdef void slide(Task* task, const window.Operand* w, const window.Operand* image, real* kind) noexcept nogil:
    """All jobs over all images, as many at a time as the scratch holds."""
    cdef window.triple_t phases
    cdef window.Offsets taps
    p, itemsize, channels, n = &task.padded, <int64_t>sizeof(real), task.source.columns, task.source.rows
    window.lay_out(p, &task.source, w, image.size)
    per_image = channels * p.channel + (task.packed.columns * window.volume(image.size) if task.weight else 0)
    window.set_images(p, max(1, min(n, SCRATCH_BYTES // max(1, per_image * itemsize))))
    for axis in range(3):
        phases[axis] = max(1, min(p.out_step[axis], image.size[axis]))
    slack = p.slack + 2 * MG_VECTOR                 # the widest block: 8 vectors of floats
    totals = w.rows * w.columns * window.volume(w.size) if task.weight else 0
    task.jobs = <Job*>reserve(task, window.volume(phases) * sizeof(Job))
    task.scratch = <char*>reserve(task, (channels * p.channel + slack) * itemsize)
    task.totals = <double*>reserve(task, totals * sizeof(double))
    reserve_offsets(task, &taps, max(task.n_in, 1) * window.volume(w.size))
    if task.failed:
        return
    memset(task.scratch + channels * p.channel * itemsize, 0, slack * itemsize)
    memset(task.totals, 0, totals * sizeof(double))
    for j in range(window.volume(phases)):
        task.job = &task.jobs[j]
        task.job.taps = taps
        window.unravel(j, phases, task.job.start)
        prepare(task, task.job, w, image, itemsize)
        if task.failed:
            return
        taps.source, taps.other = taps.source + task.job.taps.n, taps.other + task.job.taps.n   # each tap has one job
    for first from 0 <= first < n by p.images:
        task.image, task.images = first, min(p.images, n - first)
        share_out(<void*>pad[real], task, channels * task.images * window.volume(p.phases), 1,
                  <double>task.images * channels * p.plane * window.volume(p.phases) / 4)
        for j in range(window.volume(phases)):
            task.job = job = &task.jobs[j]
            job.pixels.n = task.images * job.per_image
            panels, total, terms = p.window.groups * job.blocks, extent(job), <double>job.panel_size / job.width
            if task.weight or first == 0:
                share_out(<void*>pack_panels[real], task, panels * ceiling(job.terms.n, PIECE), 1,
                          <double>panels * job.panel_size)
            share_out(<void*>sum_units[real], task, panels * ceiling(total, job.run), 1,
                      (terms + 4) * total * task.n_out * p.window.groups / (16 if task.weight else 32))
    if task.weight:
        store_totals(task, <real*>task.out.data)


ctypedef void (*slide_t)(Task* task, const window.Operand* w, const window.Operand* image, void* kind) noexcept nogil


cdef int face(Step* step, bint transposed, bint weight) noexcept nogil:
    """out from its two operands, the second one packed, and perhaps a bias."""
    cdef Task task
    memset(&task, 0, sizeof(Task))
    out, source, packed = &step.args[0], &step.args[1], &step.args[2]
    task.out, task.source, task.packed = window.operand_of(out), window.operand_of(source), window.operand_of(packed)
    task.bias = &step.args[3] if step.n_args == 4 else NULL
    task.padded.window, task.padded.transposed, task.weight = (<window.Window*>step.params.i)[0], transposed, weight
    w, image = (&task.out if weight else &task.packed), (&task.packed if weight else &task.out)
    rows = w.rows // task.padded.window.groups
    task.n_in, task.n_out = rows if transposed else w.columns, w.columns if transposed else rows
    task.out_channel = w.row_stride if weight else image.column_stride
    task.packed_channel = w.row_stride if not (weight or transposed) else task.packed.column_stride
    task.packed_group = rows * (w.row_stride if transposed else task.packed_channel)
    if view_size(out) == 0:
        return OK
    if depthwise.applies(step, weight):         # groups of one input channel
        return depthwise.depthwise(step, transposed, weight)
    (<slide_t>step.inner)(&task, w, image, NULL)
    while task.memory != NULL:
        block, task.memory = task.memory[0], <void**>task.memory[1]
        free(block)
    return NO_MEMORY if task.failed else OK


cdef int conv_weight(Step* step) noexcept nogil:
    """out (K,C/groups,*T) from x (N,C,*I) and g (N,K,*O): the derivative of <g, conv(x, w)> in w."""
    return face(step, False, True)


KERNELS = {"conv_weight": family("conv_weight", conv_weight, 0, <void*>slide[float], <void*>slide[double])}
