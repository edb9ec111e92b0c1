"""The weight gradient of a convolution: each weight is a sum over the pixels of all images.

    conv_weight     out[k,c,t] = sum_{n,o} g[n,k,o] * x[n,c, o*s + t*d - low]

It slides over a padded copy of x (window.pxd), where output pixel and tap meet at the sum of two offsets, one from a
list of pixels and one from a list of taps (c, t).  Blocks of sums (tile.pxd) have taps for rows, and one of three forms,
whichever is cheapest (choose_form):

    CHANNELS            output channels lie across the lanes: g is packed into panels, a block of channels each
    DOTS of rows        pixels lie across the lanes, each a partial sum; g is read where it is, a row at a time
    DOTS of planes      the same, from unrolled columns of x: a plane at a time, whose pixels follow one another

The sums are cut into pieces by the shapes alone; pieces are added in order and in double.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels cimport depthwise, tile as tiles, window
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.tile cimport DOT_CHANNELS, DOT_LANES, DOT_TAPS, MG_VECTOR, ROW_BYTES, TILE_ROWS, ceiling
from minigrad_ext.types cimport NO_MEMORY, OK, Step, real, view_size

cdef enum:
    SCRATCH_BYTES = 1 << 20         # padded images and g at a time: a quarter was up to 1.6 times slower on 2 threads
    PIECE = 256                     # pixels packed at a time, and summed in registers before they are added in memory
    DOT_PIECE = 8192                # pixels summed before lanes are added: a quarter was 1.2 times slower
    TASKS = 16                      # the units of each kind make about so many tasks


cdef struct Task:                   # one call
    window.Operand out, source, g
    window.Padded padded
    int64_t n_in, n_out             # channels per group
    window.Offsets taps             # (c, t): in the scratch and in w
    window.Offsets pixels           # in the scratch and in g; for DOTS the first one of each run
    window.triple_t listed          # of them, in an image
    int64_t run                     # of pixels, for DOTS; otherwise 0
    int64_t width, blocks           # output channels per block of sums, and blocks of them in a group
    int64_t height                  # taps per block
    int64_t panel_size              # [pixel][output channel]; none for DOTS
    int64_t image, images           # the chunk of images at hand, in the scratch: first one and number
    char* copied
    char* panels
    double* totals                  # of each block of sums: [tap][output channel]


cdef void choose_form(Task* task, int64_t itemsize) noexcept nogil:
    """The cheapest form and its layout; costs are those of the images of a call, in vector multiply-adds.

    Measured (AVX-512, GF/s of 289): CHANNELS 8 x 2 vectors 255 and 8 x 1 206, packing a number as long as 2 vectors; dots
    of 4 taps x 4 channels 165, 8 x 2 138, 8 x 1 75; ends of runs and sums of lanes as long as 8 and 24 vectors for each.
    (6 taps x 4 reached 195 alone, but between other code the compiler loaded each vector of x four times: 90.)
    """
    cdef double* price = [4.0, 2.2, 1.7, 1.7]       # of a multiply-add in blocks of so many channels
    cdef window.Padded layout
    g, n_out, n = &task.g, task.n_out, task.source.rows
    n_taps, pixels, vector = task.n_in * window.volume(task.out.size), window.volume(g.size), <int64_t>MG_VECTOR // itemsize
    window.lay_out(&task.padded, &task.source, &task.out, g.size)
    task.width, task.height = 2 * vector, TILE_ROWS
    for axis in range(3):
        task.listed[axis] = g.size[axis]
    if itemsize == 4 and n_out <= vector:           # one vector of doubles would be unrolled into scalars
        task.width = vector
    task.blocks = ceiling(n_out, task.width)
    least = task.blocks * task.width // vector * (1.4 if task.width == vector else 1.1)
    least = n * pixels * (least * ceiling(n_taps, TILE_ROWS) * TILE_ROWS + 2 * n_out)
    blocks = ceiling(n_out, DOT_CHANNELS if itemsize == 4 else 1)    # doubles have two vectors each
    width = ceiling(n_out, max(blocks, 1))
    height = <int64_t>(TILE_ROWS if width <= 2 else DOT_TAPS)
    for planes in range(2 if pixels > 0 and (g.stride[2] == 1 or g.size[2] == 1) else 0):
        layout, run, cost = task.padded, g.size[2] * (g.size[1] if planes else 1), 0.0
        if planes:
            if g.size[1] != 1 and g.stride[1] != g.size[2]:
                break
            layout.unrolled = True
            window.lay_out(&layout, &task.source, &task.out, g.size)
            cost = task.n_in * (layout.channel // g.size[2]) * (6 + 4 * ceiling(g.size[2], vector)) * n
        vectors = ceiling(run, DOT_LANES) + (8 if run % DOT_LANES != 0 else 0)
        steps = n * pixels // run * vectors + 24 * ceiling(n * pixels, DOT_PIECE)
        cost += steps * (DOT_LANES // vector) * ceiling(n_taps, height) * height * blocks * width * price[width - 1]
        if cost < least:
            least, task.run, task.padded = cost, run, layout
            task.width, task.height, task.blocks = width, height, blocks
            task.listed[1], task.listed[2] = 1 if planes else g.size[1], 1


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
    g, pixels, width, pieces = &task.g, &task.pixels, task.width, ceiling(task.pixels.n, PIECE)
    for unit in range(first, end):
        panel, at = unit // pieces, unit % pieces * PIECE
        group, channel = panel // task.blocks, panel % task.blocks * width
        source = <const real*>g.data + task.image * g.row_stride + (group * task.n_out + channel) * g.column_stride
        tiles.pack(source, pixels.other + at, 0, g.column_stride, min(width, task.n_out - channel), width,
                   min(<int64_t>PIECE, pixels.n - at), <real*>task.panels + panel * task.panel_size + at * width)
    return OK


cdef inline void sum_block(const Task* task, int64_t unit, int width, int height, bint dots, real* _) noexcept nogil:
    """A block of taps and of output channels.

    The totals are one run of numbers, added vector by vector; the last images' weights are stored from the cache.
    """
    cdef real sums[tiles.TILE_SIZE]
    cdef const real* row[TILE_ROWS]
    cdef const real* column[DOT_CHANNELS]
    g, taps, pixels, runs = &task.g, &task.taps, &task.pixels, ceiling(task.taps.n, height)
    panel, first, total = unit // runs, unit % runs * height, task.totals + unit * height * width
    group, channel, rows = panel // task.blocks, panel % task.blocks * width, min(<int64_t>height, taps.n - first)
    panels, piece = <const real*>task.panels + panel * task.panel_size, <int64_t>PIECE
    for m in range(height):                 # rows and columns beyond the last one repeat it
        row[m] = <const real*>task.copied + group * task.n_in * task.padded.channel \
            + taps.source[first + min(m, rows - 1)]
    if dots:
        piece = max(DOT_PIECE // task.run, <int64_t>1)
        for j in range(width):
            column[j] = <const real*>g.data + task.image * g.row_stride \
                + (group * task.n_out + min(channel + j, task.n_out - 1)) * g.column_stride
    if task.image == 0:
        memset(total, 0, rows * width * sizeof(double))
    for u from 0 <= u < pixels.n by piece:
        n, offset = min(piece, pixels.n - u), pixels.source + u
        if dots:
            tiles.tile_dot(n, row, offset, column, pixels.other + u, 0, task.run, sums, height, width)
        else:
            tiles.tile(n, row, offset, 0, panels + u * width, NULL, width, sums, height, width)
        for j in range(rows * width):
            total[j] += sums[j]
    for j in range(min(<int64_t>width, task.n_out - channel) if task.image + task.images == task.source.rows else 0):
        to = <real*>task.out.data + (group * task.n_out + channel + j) * task.out.row_stride
        for m in range(rows):
            to[taps.other[first + m]] = <real>total[m * width + j]


cdef int sum_units(const Task* task, int64_t first, int64_t end, real* kind) noexcept nogil:
    """Units: blocks of taps, of each block of output channels."""
    cdef int lanes = ROW_BYTES // <int>sizeof(real)
    for unit in range(first, end):
        if task.run == 0 and task.width == lanes:
            sum_block(task, unit, ROW_BYTES // <int>sizeof(real), TILE_ROWS, False, kind)
        elif task.run == 0:
            sum_block(task, unit, ROW_BYTES // <int>sizeof(real) // 2, TILE_ROWS, False, kind)
        elif task.width == 1:
            sum_block(task, unit, 1, TILE_ROWS, True, kind)
        elif task.width == 2:
            sum_block(task, unit, 2, TILE_ROWS, True, kind)
        elif task.width == 3:
            sum_block(task, unit, 3, DOT_TAPS, True, kind)
        else:
            sum_block(task, unit, DOT_CHANNELS, DOT_TAPS, True, kind)
    return OK


# ---- one call

cdef inline int64_t lines(int64_t bytes) noexcept nogil:
    """In whole cache lines."""
    return ceiling(bytes, 64) * 64


cdef int weigh(Task* task, real* kind) noexcept nogil:
    """All images, as many at a time as the scratch holds."""
    cdef window.triple_t start = [0, 0, 0]
    p, g, w, itemsize, groups = &task.padded, &task.g, &task.out, <int64_t>sizeof(real), task.padded.window.groups
    choose_form(task, itemsize)
    channels, pixels = task.source.columns, window.volume(g.size)
    if pixels == 0:
        task.source.rows = 0
    n = task.source.rows
    per_image = channels * p.channel + g.columns * pixels
    window.set_images(p, max(1, min(n, SCRATCH_BYTES // max(1, per_image * itemsize))))
    n_listed, n_taps = window.volume(task.listed), task.n_in * window.volume(w.size)
    n_pixels = max(1, p.images * n_listed)                  # a list begins with one that is always there
    task.panel_size = n_pixels * task.width if task.run == 0 else 0
    panels = lines(groups * task.blocks * task.panel_size * itemsize)
    units = groups * task.blocks * ceiling(n_taps, task.height)
    totals = units * task.height * task.width
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
    window.list_pixels(&task.pixels, p, start, task.listed, task.listed[2], g)
    for first from 0 <= first < max(n, 1) by p.images:      # without images all totals are 0
        task.image, task.images = first, min(p.images, n - first)
        task.pixels.n = task.images * n_listed
        packs = groups * task.blocks * ceiling(task.pixels.n, PIECE) if task.run == 0 else 0
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
