"""The weight gradient of a convolution: each weight is a sum over the pixels of all images.

    conv_weight     out[k,c,t] = sum_{n,o} g[n,k,o] * x[n,c, o*s + t*d - low]

It slides over a padded copy of x (window.pxd), where output pixel and tap meet at the sum of two offsets, one from a
list of pixels and one from a list of taps (c, t).  g is packed into panels, a block of output channels each.  Blocks of
sums (tile.pxd) have taps for rows, and one of two forms, whichever wastes less:

    CHANNELS    output channels lie across the lanes
    DOTS        of one output channel; a row of pixels lies across lanes, each a partial sum

The sums are cut into pieces by the shapes alone; pieces are added in order and in double.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels cimport depthwise, tile as tiles, window
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.tile cimport DOT_LANES, MG_VECTOR, ROW_BYTES, TILE_ROWS, ceiling
from minigrad_ext.types cimport NO_MEMORY, OK, Step, real, view_size

cdef enum:
    SCRATCH_BYTES = 1 << 20         # padded images and g at a time: a quarter was up to 1.6 times slower on 2 threads
    PIECE = 256                     # pixels packed at a time, and summed in registers before they are added in memory
    TASKS = 16                      # the units of each kind make about so many tasks


cdef struct Task:                   # one call
    window.Operand out, source, g
    window.Padded padded
    int64_t n_in, n_out             # channels per group
    window.Offsets taps             # (c, t): in the scratch and in w
    window.Offsets pixels           # in the scratch and in g; for DOTS the first one of each row
    int64_t per_image               # pixels listed
    bint dots
    int64_t width, blocks           # output channels per block of sums, and blocks of them in a group
    int64_t lanes, panel_size       # of a panel: [pixel][output channel], or for DOTS [row of pixels][pixel]
    int64_t image, images           # the chunk of images at hand, in the scratch: first one and number
    char* copied
    char* panels
    double* totals                  # of each block of sums: [tap][output channel]


cdef void choose_form(Task* task, int64_t itemsize) noexcept nogil:
    """The fewer multiply-adds, wasted lanes included; dot products load for each: counted twice."""
    columns, n_out, lanes = task.g.size[2], task.n_out, <int64_t>ROW_BYTES // itemsize
    if itemsize == 4 and n_out <= lanes // 2:       # one vector of doubles would be unrolled into scalars
        lanes //= 2
    task.dots = ceiling(columns, DOT_LANES) * DOT_LANES * 2 * n_out < ceiling(n_out, lanes) * lanes * columns
    task.width, task.lanes = 1 if task.dots else lanes, columns if task.dots else lanes
    task.blocks = ceiling(n_out, task.width)


# ---- units of work: no element is written by two of them

cdef int pad(const Task* task, int64_t first, int64_t end, real* _) noexcept nogil:
    """Units: channels of the images at hand."""
    cdef window.Cut cut
    source, p = &task.source, &task.padded
    for phase in range(window.volume(p.phases)):
        cut = window.cut_out(p, source, phase)
        unit = first
        while unit < end:                   # a run of images of one channel
            channel, image = unit // task.images, unit % task.images
            n = min(end - unit, task.images - image)
            window.pad_planes(
                <real*>task.copied + channel * p.channel + (phase * p.images + image) * p.plane, p.plane,
                <const real*>source.data + (task.image + image) * source.row_stride + channel * source.column_stride,
                source.row_stride, n, &cut, p, False, p.plane)
            unit += n
    return OK


cdef int pack_panels(const Task* task, int64_t first, int64_t end, real* _) noexcept nogil:
    """Units: pieces of the pixels of a panel."""
    g, pixels, lanes, pieces = &task.g, &task.pixels, task.lanes, ceiling(task.pixels.n, PIECE)
    for unit in range(first, end):
        panel, at = unit // pieces, unit % pieces * PIECE
        group, channel = panel // task.blocks, panel % task.blocks * task.width
        source = <const real*>g.data + task.image * g.row_stride + (group * task.n_out + channel) * g.column_stride
        tiles.pack(source, pixels.other + at, 0, g.stride[2] if task.dots else g.column_stride,
                   lanes if task.dots else min(task.width, task.n_out - channel), lanes,
                   min(<int64_t>PIECE, pixels.n - at), <real*>task.panels + panel * task.panel_size + at * lanes)
    return OK


cdef inline void sum_block(const Task* task, int64_t unit, int width, real* _) noexcept nogil:
    """A block of TILE_ROWS taps and the output channels of a panel; for DOTS the width is 1.

    The totals are one run of numbers, added vector by vector; the last images' weights are stored from the cache.
    """
    cdef real sums[tiles.TILE_SIZE]
    cdef const real* row[TILE_ROWS]
    taps, pixels, runs = &task.taps, &task.pixels, ceiling(task.taps.n, TILE_ROWS)
    panel, first, total = unit // runs, unit % runs * TILE_ROWS, task.totals + unit * TILE_ROWS * width
    group, channel, rows = panel // task.blocks, panel % task.blocks * width, min(<int64_t>TILE_ROWS, taps.n - first)
    panels = <const real*>task.panels + panel * task.panel_size
    piece = max(PIECE if width > 1 else PIECE * 8 // task.lanes, 1)
    for m in range(TILE_ROWS):              # rows beyond the last one repeat it
        row[m] = <const real*>task.copied + group * task.n_in * task.padded.channel \
            + taps.source[first + min(m, rows - 1)]
    if task.image == 0:
        memset(total, 0, rows * width * sizeof(double))
    for u from 0 <= u < pixels.n by piece:
        n, offset, line = min(piece, pixels.n - u), pixels.source + u, panels + u * task.lanes
        if width > 1:
            tiles.tile(n, row, offset, 0, line, NULL, width, sums, TILE_ROWS, width)
        elif rows > 1:
            tiles.tile_dot(n, row, offset, line, task.lanes, sums, TILE_ROWS)
        else:
            tiles.tile_dot(n, row, offset, line, task.lanes, sums, 1)
        for j in range(rows * width):
            total[j] += sums[j]
    for j in range(min(<int64_t>width, task.n_out - channel) if task.image + task.images == task.source.rows else 0):
        to = <real*>task.out.data + (group * task.n_out + channel + j) * task.out.row_stride
        for m in range(rows):
            to[taps.other[first + m]] = <real>total[m * width + j]


cdef int sum_units(const Task* task, int64_t first, int64_t end, real* kind) noexcept nogil:
    """Units: blocks of taps, of each panel."""
    cdef int lanes = ROW_BYTES // <int>sizeof(real)
    for unit in range(first, end):
        if task.dots:
            sum_block(task, unit, 1, kind)
        elif task.width == lanes:
            sum_block(task, unit, ROW_BYTES // <int>sizeof(real), kind)
        else:
            sum_block(task, unit, ROW_BYTES // <int>sizeof(real) // 2, kind)
    return OK


# ---- one call

cdef inline int64_t lines(int64_t bytes) noexcept nogil:
    """In whole cache lines."""
    return ceiling(bytes, 64) * 64


cdef int weigh(Task* task, real* kind) noexcept nogil:
    """All images, as many at a time as the scratch holds."""
    cdef window.triple_t start = [0, 0, 0]
    p, g, w, itemsize, groups = &task.padded, &task.g, &task.out, <int64_t>sizeof(real), task.padded.window.groups
    window.lay_out(p, &task.source, w, g.size)
    channels, pixels = task.source.columns, window.volume(g.size)
    if pixels == 0:
        task.source.rows = 0
    n = task.source.rows
    per_image = channels * p.channel + g.columns * pixels
    window.set_images(p, max(1, min(n, SCRATCH_BYTES // max(1, per_image * itemsize))))
    choose_form(task, itemsize)
    columns = 1 if task.dots else g.size[2]
    task.per_image, n_taps = g.size[0] * g.size[1] * columns, task.n_in * window.volume(w.size)
    n_pixels = max(1, p.images * task.per_image)            # a list begins with one that is always there
    task.panel_size = n_pixels * task.lanes
    panels = lines((groups * task.blocks * task.panel_size + DOT_LANES) * itemsize)
    units = groups * task.blocks * ceiling(n_taps, TILE_ROWS)
    totals = units * TILE_ROWS * task.width
    copied, slack = channels * p.channel * itemsize, (p.slack + 2 * MG_VECTOR) * itemsize
    memory = <char*>scratch(panels + lines(copied + slack) + (totals + 2 * (n_taps + n_pixels)) * sizeof(int64_t))
    if memory == NULL:
        return NO_MEMORY
    task.panels, task.copied, task.totals = memory, memory + panels, <double*>(memory + panels + lines(copied + slack))
    task.taps.source = <int64_t*>(task.totals + totals)
    task.taps.other, task.pixels.source = task.taps.source + n_taps, task.taps.source + 2 * n_taps
    task.pixels.other = task.pixels.source + n_pixels
    memset(task.copied + copied, 0, slack)
    window.list_taps(&task.taps, p, start, w)
    window.repeat(&task.taps, task.n_in, p.channel, w.column_stride)
    window.list_pixels(&task.pixels, p, start, g.size, columns, g)
    for first from 0 <= first < max(n, 1) by p.images:      # without images all totals are 0
        task.image, task.images = first, min(p.images, n - first)
        task.pixels.n = task.images * task.per_image
        packs = groups * task.blocks * ceiling(task.pixels.n, PIECE)
        share_out(<void*>pad[real], task, channels * task.images, max(1, channels * task.images // TASKS),
                  <double>copied / 16)
        share_out(<void*>pack_panels[real], task, packs, max(1, packs // TASKS),
                  <double>groups * task.blocks * task.panel_size)
        share_out(<void*>sum_units[real], task, units, max(1, units // TASKS),
                  <double>totals * task.images * pixels / 64)
    discard(memory)
    return OK


ctypedef int (*weigh_t)(Task* task, void* kind) noexcept nogil


cdef int conv_weight(Step* step) noexcept nogil:
    """out (K,C/groups,*T) from x (N,C,*I) and g (N,K,*O): the derivative of <g, conv(x, w)> in w."""
    cdef Task task
    if view_size(&step.args[0]) == 0:
        return OK
    if depthwise.applies(step, True):           # groups of one input channel
        return depthwise.depthwise(step, False, True)
    memset(&task, 0, sizeof(Task))
    task.out, task.source = window.operand_of(&step.args[0]), window.operand_of(&step.args[1])
    task.g, task.padded.window = window.operand_of(&step.args[2]), (<window.Window*>step.params.i)[0]
    task.n_in, task.n_out = task.out.columns, task.out.rows // task.padded.window.groups
    return (<weigh_t>step.inner)(&task, NULL)


KERNELS = {"conv_weight": family("conv_weight", conv_weight, 0, <void*>weigh[float], <void*>weigh[double])}
