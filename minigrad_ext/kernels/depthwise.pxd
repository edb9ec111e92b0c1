"""Convolutions whose groups have one input channel each: a plane at a time.

    conv            out[n,k,o] = bias[k] + sum_t w[k,t] * x[n,c, o*s + t*d - low]       k = c*m .. c*m + m-1
    conv_transpose  out[n,c,i] = bias[c] + sum_{k,t} w[k,t] * g[n,k,o]                  where o*s + t*d - low = i
    conv_weight     out[k,t]   = sum_{n,o} g[n,k,o] * x[n,c, o*s + t*d - low]

With so few products per number what costs is moving rows.  So a thread copies one plane into a scratch whose zeros were
laid once (window.pxd says where rows go; which they are is listed once per call), and sums pieces of rows of the output
straight into it: all within the first cache.  A piece is one vector.  The last one of a row overlaps the one before; in
rows shorter than a vector it overlaps the next row, which is stored later.  Some pieces below one another are summed
together; where the kernel is three rows high, a row that is loaded meets all three, since unaligned loads are what
takes the time.  A weight gradient has its taps side by side, and a row of pixels across the lanes, each a partial sum;
as many images at a time as stay in the cache, and these sums are added in order, in double.

Measured: 3x3 on 14 x 14 took 200 ns a plane when all channels were padded, then all multiplied, 100 so.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels cimport window
from minigrad_ext.kernels.axes cimport share_out
from minigrad_ext.kernels.tile cimport DOT_LANES, ceiling
from minigrad_ext.types cimport FLOAT32, NO_MEMORY, OK, Step, View, real

cdef extern from *:
    """
    #include "isa.h"
    /* As many as registers hold, sums and pointers, and as many as the compiler unrolls (setup.py, PEEL). */
    enum { PIECES = MG_VECTOR >= 32 ? 8 : 4, TAPS = MG_VECTOR == 64 ? 9 : MG_VECTOR == 32 ? 5 : 4 };
    """
    enum:
        PIECES                      # below one another, summed at a time; half as many of doubles: they take two vectors
        TAPS                        # of a weight gradient, summed side by side

cdef enum:
    TALL = 3                        # rows of a kernel that are met by each row that is loaded
    RUN = 2048                      # pixels added up in single precision
    TASKS = 32                      # all planes make about so many tasks


cdef struct Line:                   # a row of the source and its place in the padded copy
    int64_t from_, to, n


cdef struct Phase:                  # the outputs that the same taps reach
    window.triple_t start, count
    int64_t first                   # where they start in the output
    window.Offsets taps             # of w; if it is tall, the first one of each three below one another
    window.Offsets rows             # of a weight gradient: each row's first pixel, in the copy and in g


cdef struct Planes:                 # one call
    window.Operand out, source, other       # the source is padded; the other one is w, w or g
    const View* bias                # a number for each output channel, or NULL
    window.Padded padded
    int64_t groups, n_in, n_out     # of a group: channels of the source, and of the output, or of g
    int64_t n_lines, n_phases, images       # images at a time
    bint flat                       # rows of pixels follow one another in the output, or g
    bint tall
    int64_t w_step                  # from a tap to that below it, as rows of the copy are
    Line* lines
    Phase* phases


cdef inline void copy_row(char* to, const char* from_, int64_t n) noexcept nogil:
    """n bytes, a multiple of 4: in the widest pieces there are, of which the last overlaps the one before."""
    cdef int64_t at = 0
    if n >= 64:
        while at < n - 64:
            memcpy(to + at, from_ + at, 64)
            at += 64
        memcpy(to + n - 64, from_ + n - 64, 64)
    elif n >= 32:
        memcpy(to, from_, 32)
        memcpy(to + n - 32, from_ + n - 32, 32)
    elif n >= 16:
        memcpy(to, from_, 16)
        memcpy(to + n - 16, from_ + n - 16, 16)
    elif n >= 8:
        memcpy(to, from_, 8)
        memcpy(to + n - 8, from_ + n - 8, 8)
    elif n > 0:
        memcpy(to, from_, 4)


cdef inline void move_row(real* to, int64_t to_stride, const real* from_, int64_t stride, int64_t n) noexcept nogil:
    if stride == 1 and to_stride == 1:
        copy_row(<char*>to, <const char*>from_, n * <int64_t>sizeof(real))
    else:
        for j in range(n):
            to[j * to_stride] = from_[j * stride]


cdef inline void fill(const Planes* job, int64_t image, int64_t channel, real* plane, real* _) noexcept nogil:
    """A plane of the source among the zeros of its padded copy."""
    source, step = &job.source, job.source.stride[2] * job.padded.step[2]
    from_ = <const real*>source.data + image * source.row_stride + channel * source.column_stride
    for j in range(job.n_lines):
        line = &job.lines[j]
        move_row(plane + line.to, 1, from_ + line.from_, step, line.n)


cdef inline void sum_rows(const Planes* job, const Phase* phase, const real* w, const real* plane, real start,
                          real* out, int n, int tall) noexcept nogil:
    """One phase of one channel, n pieces at a time; those below the last row are not stored."""
    cdef real block[PIECES * DOT_LANES], value[TALL]
    p, taps, columns, lanes = &job.padded, &phase.taps, phase.count[2], <int64_t>DOT_LANES
    size, stride, w_step = window.volume(job.out.size), p.out_step[2] * job.out.stride[2], job.w_step
    height, step, to_step, across, cut = phase.count[1], p.pitch[2], p.out_step[1] * job.out.stride[1], columns, lanes
    if height == 1:                     # one long row: its pieces are the rows
        height, step, to_step, across = ceiling(columns, lanes), lanes, lanes * stride, lanes
    else:
        cut = 0
    for depth in range(phase.count[0]):
        to, deep = phase.first + depth * p.out_step[0] * job.out.stride[0], depth * p.pitch[1] * p.pitch[2]
        for column from 0 <= column < across by lanes:
            left = max(0, min(column, across - lanes))
            for row from 0 <= row < height by n:
                from_ = plane + deep + left + row * step
                for j in range(n * DOT_LANES):
                    block[j] = start
                for u in range(taps.n):
                    line = from_ + taps.source[u]
                    for t in range(tall):
                        value[t] = w[taps.other[u] + t * w_step]
                    for t in range(tall):
                        for i in range(n):
                            for j in range(DOT_LANES):
                                block[i * DOT_LANES + j] += value[t] * line[(i + t) * step + j]
                for i in range(min(<int64_t>n, height - row)):
                    at = to + (row + i) * to_step + left * stride
                    if job.flat and at + lanes <= size:
                        for j in range(DOT_LANES):
                            out[at + j] = block[i * DOT_LANES + j]
                    else:
                        move_row(out + at, stride, block + i * DOT_LANES, 1, min(lanes, columns - (row + i) * cut))


cdef inline void* zeros(int64_t bytes) noexcept nogil:
    """Scratch memory; NULL if there is none."""
    memory = scratch(bytes)
    return memset(memory, 0, bytes) if memory != NULL else NULL


cdef inline int sum_planes(const Planes* job, int64_t first, int64_t end, real* kind) noexcept nogil:
    """Units: groups of images."""
    cdef real start = 0
    p, out, w, m = &job.padded, &job.out, &job.other, job.n_out
    w_out, w_group = w.column_stride if p.transposed else w.row_stride, w.rows // job.groups * w.row_stride
    plane = <real*>zeros((job.n_in * p.channel + p.slack + (PIECES + TALL) * max(p.pitch[2], <int64_t>DOT_LANES))
                         * sizeof(real))
    for unit in range(first, end if plane != NULL else first):
        image, group = unit // job.groups, unit % job.groups
        for c in range(job.n_in):
            fill(job, image, group * job.n_in + c, plane + c * p.channel, kind)
        for k in range(m):
            channel = group * m + k
            if job.bias != NULL:
                start = (<const real*>job.bias.data)[channel * job.bias.strides[0]]
            for j in range(job.n_phases):
                from_, to = <const real*>w.data + group * w_group + k * w_out, <real*>out.data
                to = to + image * out.row_stride + channel * out.column_stride
                if job.tall:
                    sum_rows(job, &job.phases[j], from_, plane, start, to, PIECES * 4 // <int>sizeof(real), TALL)
                else:
                    sum_rows(job, &job.phases[j], from_, plane, start, to, PIECES * 4 // <int>sizeof(real), 1)
    discard(plane)
    return OK if plane != NULL else NO_MEMORY


cdef inline void dot_lines(int64_t n_lines, const real** a, const int64_t* a_offset, const real* b, int64_t width,
                           real* sums) noexcept nogil:
    """sums[i] = sum over lines r and u < width of a[i][a_offset[r] + u] * b[r*width + u], for TAPS rows.

    As tile_dot of one column, but for lines of about one vector, of which there are many: by it a gradient took 541 us,
    so 117.  The lanes' sums are added by halves.  The ends of the lines are cut by a select: what lies behind them may
    be inf or NaN, so it is not multiplied; but it is read, so there must be memory.
    """
    cdef real block[TAPS * DOT_LANES], last[DOT_LANES], keep[DOT_LANES], value, zero = 0
    cdef int64_t whole = width // DOT_LANES * DOT_LANES
    cdef int half
    for j in range(DOT_LANES):
        keep[j] = 1 if whole + j < width else 0
    for i in range(TAPS):
        for j in range(DOT_LANES):
            block[i * DOT_LANES + j] = zero
    for r in range(n_lines):
        line = b + r * width
        for u from 0 <= u < whole by DOT_LANES:
            for i in range(TAPS):
                from_ = a[i] + a_offset[r] + u
                for j in range(DOT_LANES):
                    block[i * DOT_LANES + j] += from_[j] * line[u + j]
        if whole < width:
            for j in range(DOT_LANES):
                value = line[whole + j]
                last[j] = value if keep[j] > zero else zero
            for i in range(TAPS):
                from_ = a[i] + a_offset[r] + whole
                for j in range(DOT_LANES):
                    value = from_[j]
                    value = value if keep[j] > zero else zero
                    block[i * DOT_LANES + j] += value * last[j]
    for i in range(TAPS):
        half = DOT_LANES // 2
        while half > 0:
            for j in range(half):
                block[i * DOT_LANES + j] += block[i * DOT_LANES + half + j]
            half //= 2
        sums[i] = block[i * DOT_LANES]


cdef inline int weigh_planes(const Planes* job, int64_t first, int64_t end, real* kind) noexcept nogil:
    """Units: groups, each over all images."""
    cdef const real* at[TAPS]
    cdef real sums[TAPS]
    p, g, w, rows, taps = &job.padded, &job.other, &job.out, &job.phases.rows, &job.phases.taps
    columns, copied = job.phases.count[2], job.images * p.channel + p.slack + 2 * DOT_LANES
    per_image = rows.n // job.images
    pixels = per_image * columns
    totals = <double*>zeros(job.n_out * taps.n * sizeof(double)
                            + (copied + job.images * pixels + DOT_LANES) * sizeof(real))
    plane, gradient = <real*>(totals + job.n_out * taps.n), <real*>(totals + job.n_out * taps.n) + copied
    for group in range(first, end if totals != NULL else first):
        memset(totals, 0, job.n_out * taps.n * sizeof(double))
        for image from 0 <= image < job.source.rows by job.images:
            images = min(job.images, job.source.rows - image)
            for n in range(images):
                fill(job, image + n, group, plane + n * p.channel, kind)
            for k in range(job.n_out):
                for n in range(images):
                    from_ = <const real*>g.data + (image + n) * g.row_stride + (group * job.n_out + k) * g.column_stride
                    for j in range(1 if job.flat else per_image):
                        move_row(gradient + n * pixels + j * columns, 1, from_ + rows.other[j], g.stride[2],
                                 pixels if job.flat else columns)
                for u from 0 <= u < taps.n by TAPS:
                    for t in range(TAPS):               # taps beyond the last one repeat it
                        at[t] = plane + taps.source[min(u + t, taps.n - 1)]
                    run = max(1, RUN // columns)
                    for row from 0 <= row < images * per_image by run:
                        dot_lines(min(run, images * per_image - row), at, rows.source + row, gradient + row * columns,
                                  columns, sums)
                        for t in range(min(<int64_t>TAPS, taps.n - u)):
                            totals[k * taps.n + u + t] += sums[t]
        for k in range(job.n_out):
            for u in range(taps.n):
                (<real*>w.data)[(group * job.n_out + k) * w.row_stride + taps.other[u]] = <real>totals[k * taps.n + u]
    discard(totals)
    return OK if totals != NULL else NO_MEMORY


cdef inline void list_lines(Planes* job) noexcept nogil:
    """Where the rows of a plane of the source go."""
    cdef window.triple_t phase, at
    p, source = &job.padded, &job.source
    job.n_lines = 0
    for number in range(window.volume(p.phases)):
        window.unravel(number, p.phases, phase)
        before = min(window.first_from(p, 2, phase[2], 0), p.pitch[2])
        n = window.clip(window.first_from(p, 2, phase[2], source.size[2]), before, p.pitch[2]) - before
        for row in range(p.pitch[0] * p.pitch[1] if n > 0 else 0):
            at[0], at[1], at[2] = row // p.pitch[1], row % p.pitch[1], before
            for axis in range(3):
                at[axis] = at[axis] * p.step[axis] + window.phase_at(p, axis, phase[axis]) - p.low[axis]
            if 0 <= at[0] and at[0] < source.size[0] and 0 <= at[1] and at[1] < source.size[1]:
                line = &job.lines[job.n_lines]
                line.to, line.n = number * p.plane + row * p.pitch[2] + before, n
                line.from_ = at[0] * source.stride[0] + at[1] * source.stride[1] + at[2] * source.stride[2]
                job.n_lines += 1


cdef inline bint applies(const Step* step, bint weight) noexcept nogil:
    """Whether each group has one input channel, and few outputs: with many, they share what is loaded."""
    which, groups = 0 if weight else 2, (<const window.Window*>step.params.i).groups
    return groups > 1 and step.args[which].shape[1] == 1 and step.args[which].shape[0] <= 2 * groups


cdef inline int depthwise(Step* step, bint transposed, bint weight) noexcept nogil:
    """The kernels conv, conv_transpose and conv_weight."""
    cdef Planes job
    cdef window.triple_t phases
    job.out, job.source = window.operand_of(&step.args[0]), window.operand_of(&step.args[1])
    job.other, job.bias = window.operand_of(&step.args[2]), &step.args[3] if step.n_args == 4 else NULL
    p, w, image = &job.padded, &job.out if weight else &job.other, &job.other if weight else &job.out
    p.window, p.transposed, p.unrolled = (<window.Window*>step.params.i)[0], transposed, False
    job.groups = p.window.groups
    job.n_in, job.n_out = job.source.columns // job.groups, image.columns // job.groups
    window.lay_out(p, &job.source, w, image.size)
    pixels = window.volume(image.size)
    job.images = max(1, min(job.source.rows, RUN // pixels)) if weight else 1
    job.flat, size = True, 1
    for axis in range(2, -1, -1):
        phases[axis] = max(1, min(p.out_step[axis], image.size[axis]))
        job.flat = job.flat and phases[axis] == 1 and (image.size[axis] == 1 or image.stride[axis] == size)
        size *= image.size[axis]
    job.n_phases, n_taps = window.volume(phases), job.n_in * window.volume(w.size)
    n_rows = image.size[0] * image.size[1] * job.images if weight else 0
    n_lines = window.volume(p.phases) * p.pitch[0] * p.pitch[1]
    memory = <char*>scratch(job.n_phases * sizeof(Phase) + 2 * (n_taps + n_rows) * sizeof(int64_t)
                            + n_lines * sizeof(Line))
    if memory == NULL:
        return NO_MEMORY
    job.phases, job.lines = <Phase*>memory, <Line*>(memory + job.n_phases * sizeof(Phase))
    list_lines(&job)
    listed = w[0]
    job.tall = not weight and w.size[1] == TALL and p.window.stride[1] == p.window.dilation[1] == 1 and image.size[1] > 1
    if job.tall:
        listed.size[1], job.w_step = 1, -w.stride[1] if transposed else w.stride[1]
    taps = <int64_t*>(job.lines + n_lines)
    for j in range(job.n_phases):
        phase = &job.phases[j]
        window.unravel(j, phases, phase.start)
        phase.first = 0
        for axis in range(3):
            phase.count[axis] = ceiling(image.size[axis] - phase.start[axis], p.out_step[axis])
            phase.first += phase.start[axis] * image.stride[axis]
        phase.taps.source, phase.taps.other = taps, taps + n_taps
        window.list_taps(&phase.taps, p, phase.start, &listed)
        for u in range(phase.taps.n if job.tall and transposed else 0):     # the last one is the first in the copy
            phase.taps.source[u] -= (TALL - 1) * p.pitch[2]
            phase.taps.other[u] += (TALL - 1) * w.stride[1]
        window.repeat(&phase.taps, job.n_in, p.channel, w.row_stride)
        taps += phase.taps.n
        if weight:                                      # of which there is one phase
            phase.rows.source, phase.rows.other = taps + n_taps, taps + n_taps + n_rows
            window.list_pixels(&phase.rows, p, phase.start, phase.count, 1, image)
            window.repeat(&phase.rows, job.images, p.channel, 0)
    if step.args[0].dtype == FLOAT32:
        run = <void*>weigh_planes[float] if weight else <void*>sum_planes[float]
    else:
        run = <void*>weigh_planes[double] if weight else <void*>sum_planes[double]
    units = job.groups * (1 if weight else job.source.rows)
    work = job.groups * job.source.rows * (<double>(n_taps * pixels) * job.n_out / job.n_phases / 40
                                            + 4 * image.size[0] * image.size[1])
    status = share_out(run, &job, units, ceiling(units, TASKS), work)
    discard(memory)
    return status
