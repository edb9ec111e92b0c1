"""Convolution and transposed convolution: each output is a sum over the taps that reach it.

    conv            out[n,k,o] = bias[k] + sum_{c,t} w[k,c,t] * x[n,c, o*s + t*d - low]
    conv_transpose  out[n,c,i] = bias[c] + sum_{k,t} w[k,c,t] * g[n,k,o]    where o*s + t*d - low = i

Both slide over an image whose positions lie on one line (window.pxd): output pixel and tap (c, t) meet at the sum of
two offsets.  A block of sums is some output channels times some neighbouring positions: positions lie across the lanes
of the vectors and are loaded at any alignment, weights are broadcast from where they are.  Nothing is packed, and the
output is stored as it is summed, in whole vectors, with bias and activation.

Measured in a loop over 64 channels of 32 x 32 (AVX-512, 275 GF/s peak), channels x vectors: 8 x 3 267 GF/s, 8 x 2 248,
8 x 1 170, 6 x 4 264, 4 x 4 224, 2 x 8 179, 1 x 8 101.  Weights packed into panels gave 8 x 3 no more.

What the line of positions holds between two rows of pixels is summed in vain; so there are three ways to lay it out
(choose_layout):

    the image itself    where there is no padding and no stride: nothing is copied
    a padded copy       rows share the zeros between them, so little is in vain if images are wide
    unrolled columns    a copy for every tap of the last axis, rows as long as the output's: nothing is in vain, and
                        pixels follow one another as they do in the output

The convolution is one job, the transposed convolution one for each phase of its output.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int64_t
from libc.string cimport memset
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels cimport depthwise, window
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.fastmath cimport real_sigmoid, real_tanh
from minigrad_ext.kernels.tile cimport MG_VECTOR, TILE_ROWS, TILE_SIZE, ceiling
from minigrad_ext.types cimport NO_MEMORY, OK, Step, View, real, view_size

cdef extern from *:
    """
    /* gcc would rather call multiply() with the number of rows as a variable: blocks took 1.1 times as long. */
    #ifdef __GNUC__
    #undef CYTHON_INLINE
    #define CYTHON_INLINE inline __attribute__((always_inline))
    #define mg_fetch(address) __builtin_prefetch(address, 0, 2)
    #else
    #define mg_fetch(address)
    #endif
    /* Vectors of positions in a block of so many channels: sums, positions and one weight fill the registers. */
    #if MG_VECTOR == 64
    enum { ACROSS_8 = 3, ACROSS_6 = 4, ACROSS_4 = 4 };
    #else
    enum { ACROSS_8 = 1, ACROSS_6 = 2, ACROSS_4 = 2 };
    #endif
    """
    enum:
        ACROSS_8, ACROSS_6, ACROSS_4
    void mg_fetch(const void* address) nogil        # its line into the second-level cache; any address will do

cdef enum:
    ROWS = 8            # of a block, at most
    ACROSS_FEW = 4      # vectors in a block of one or two
    WHOLE_IMAGES = 4    # from so many on, a thread takes whole images, which stay in its own cache
    TASKS = 32          # and all images make about so many tasks
    CACHED = 1 << 20    # bytes: where all images have more, the next one is fetched while one is worked on
    ACTIVATION = 17     # its place in Params.i

cdef enum Activation:
    NONE, RELU, SIGMOID, TANH


cdef struct Term:                   # of the sums: one weight times one run of positions
    int64_t at_w                    # from a channel's first weight on
    int64_t at_line                 # from a block's first position on


cdef struct Job:                    # one phase of the output: all pixels that the same taps reach
    window.triple_t start, count
    int64_t n                       # of terms, one for each input channel and tap (c, t)
    Term* terms
    int64_t offset                  # of its first pixel in the output
    int64_t span                    # positions from the first pixel to the last one
    bint flat                       # pixels follow one another, there and in the output
    int64_t vectors, runs           # of positions; blocks of them, as even as can be
    int64_t first, units            # of work, counted through all jobs: runs of each group


cdef struct Task:                   # one call
    window.Operand out, source, w   # the source is x or g
    const View* bias                # a number for each output channel, or NULL
    int activation
    window.Padded line              # what the window slides over
    bint in_place                   # it is the image itself
    int64_t n_in, n_out             # channels per group
    int64_t rows, across            # of a block: output channels, and at most so many vectors of positions
    int64_t out_channel, w_in, w_out, w_group       # strides, in elements, from one channel or group to the next
    void* sum                       # a block of so many rows: a block_t
    Job* jobs
    int64_t n_jobs, units
    double work                     # nanoseconds for an image
    int64_t bytes                   # of an image that is to be fetched, or 0
    int64_t image                   # the one at hand
    const char* next                # the one after it, or NULL
    char* copied                    # its copy, if it is not in place
    bint cleared                    # which has its zeros from the image before
    window.Cut* cuts                # of each phase of the copy


# ---- choosing

cdef int64_t choose_rows(int64_t n_out) noexcept nogil:
    """Output channels per block: the fewest sums, the unused ones included, weighed by what a block of them costs."""
    cdef int64_t* rows = [8, 6, 4, 2, 1]
    cdef double* price = [1.0, 1.0, 1.2, 1.8, 2.6]
    best, least = <int64_t>1, <double>INFINITY
    for j in range(5):
        cost = ceiling(n_out, rows[j]) * rows[j] * price[j]
        if rows[j] <= TILE_ROWS and cost < least:
            best, least = rows[j], cost
    return best


cdef int64_t span_of(const window.Padded* line, const int64_t* count) noexcept nogil:
    return ((count[0] - 1) * line.pitch[1] + count[1] - 1) * line.pitch[2] + count[2]


cdef bint is_flat(const Task* task, const Job* job) noexcept nogil:
    """Whether pixels follow one another without a gap, on the line and in the output."""
    size = 1
    for axis in range(2, -1, -1):
        if job.count[axis] > 1 and task.out.stride[axis] * task.line.out_step[axis] != size:
            return False
        size *= job.count[axis]
    return size == job.span


cdef double cost_of(const Task* task, const window.Padded* line, const int64_t* count, int64_t vector) noexcept nogil:
    """Of an image, in vector multiply-adds: the sums, storing rows with gaps between them, unrolling columns."""
    channels = <double>(task.n_out * task.line.window.groups)
    cost = (ceiling(span_of(line, count), vector) + 0.5) * channels * window.volume(task.w.size) * task.n_in
    if line.pitch[2] != count[2] and count[0] * count[1] > 1:
        cost += channels * count[0] * count[1] * 12 * window.volume(line.out_step)
    if line.unrolled:
        cost += task.source.columns * (line.channel // count[2]) * (6 + 4 * ceiling(count[2], vector))
    return cost


cdef bint is_the_image(const Task* task, const window.Padded* p) noexcept nogil:
    """Whether the padded copy would be nothing but a copy."""
    source, size = &task.source, 1
    for axis in range(2, -1, -1):
        if p.step[axis] != 1 or p.out_step[axis] != 1 or p.low[axis] != 0 or p.pitch[axis] != source.size[axis] \
                or (source.size[axis] > 1 and source.stride[axis] != size):
            return False
        size *= p.pitch[axis]
    return p.slack == 0


cdef void choose_layout(Task* task, int64_t vector) noexcept nogil:
    cdef window.triple_t count
    cdef window.Padded unrolled = task.line
    unrolled.unrolled = True
    window.lay_out(&task.line, &task.source, &task.w, task.out.size)
    window.lay_out(&unrolled, &task.source, &task.w, task.out.size)
    for axis in range(3):
        count[axis] = ceiling(task.out.size[axis], task.line.out_step[axis])
    task.in_place = is_the_image(task, &task.line) and span_of(&task.line, count) >= vector
    if task.in_place:
        task.line.channel = task.source.column_stride
    elif task.line.phases[2] == 1 == task.w.size[2]:        # one column either way
        return
    if cost_of(task, &unrolled, count, vector) < cost_of(task, &task.line, count, vector):
        task.line, task.in_place = unrolled, False


# ---- the image on a line

cdef int copy(const Task* task, int64_t first, int64_t end, real* _) noexcept nogil:
    """Units: channels.  Each plane is followed by one that is copied later, but those of the last phase."""
    source, line, phases = &task.source, &task.line, window.volume(task.line.phases)
    image = <const real*>source.data + task.image * source.row_stride + first * source.column_stride
    for phase in range(phases):
        window.pad_planes(<real*>task.copied + first * line.channel + phase * line.plane, line.channel, image,
                          source.column_stride, end - first, &task.cuts[phase], line, task.cleared,
                          line.plane * (2 if phase + 1 < phases else 1))
    return OK


# ---- blocks of sums

cdef struct Block:
    int64_t n
    const Term* terms
    const void* line
    const void* w[ROWS]
    void* to[ROWS]
    double start[ROWS]
    double least


cdef inline void multiply(const Block* given, real* _, int rows, int lanes) noexcept nogil:
    """to[i][j] = start[i] + sum over the terms of w[i][at_w] * line[at_line + j], or `least` if more; NaN stays.

    `rows` and `lanes` are constants at each call: the sums stay in vector registers while u runs.
    """
    cdef real block[TILE_SIZE], value, least = <real>given.least
    cdef const real* w[ROWS]
    line = <const real*>given.line
    for i in range(rows):
        w[i], value = <const real*>given.w[i], <real>given.start[i]
        for j in range(lanes):
            block[i * lanes + j] = value
    for u in range(given.n):
        at, from_ = given.terms[u].at_w, line + given.terms[u].at_line
        for i in range(rows):
            value = w[i][at]
            for j in range(lanes):
                block[i * lanes + j] += value * from_[j]
    for i in range(rows):
        to = <real*>given.to[i]
        for j in range(lanes):
            value = block[i * lanes + j]
            to[j] = least if value < least else value


cdef inline void multiply_across(const Block* given, real* kind, int rows, int most, int64_t vectors) noexcept nogil:
    """A block of so many rows; `vectors` is at most `most`, at most 4."""
    cdef int lanes = MG_VECTOR // <int>sizeof(real)
    if most >= 4 and vectors == 4:
        multiply(given, kind, rows, 4 * lanes)
    elif most >= 3 and vectors == 3:
        multiply(given, kind, rows, 3 * lanes)
    elif most >= 2 and vectors == 2:
        multiply(given, kind, rows, 2 * lanes)
    else:
        multiply(given, kind, rows, lanes)


# Each is a function of its own, called by its address: compiled together into sum_block(), the pointers to the weights
# did not stay in registers, and 8 x 2 vectors took 1.15 times as long.
ctypedef void (*block_t)(const Block* given, int64_t vectors, void* kind) noexcept nogil


cdef void block_of_8(const Block* given, int64_t vectors, real* kind) noexcept nogil:
    multiply_across(given, kind, 8 if TILE_ROWS >= 8 else 1, ACROSS_8, vectors)


cdef void block_of_6(const Block* given, int64_t vectors, real* kind) noexcept nogil:
    multiply_across(given, kind, 6 if TILE_ROWS >= 6 else 1, ACROSS_6, vectors)


cdef void block_of_4(const Block* given, int64_t vectors, real* kind) noexcept nogil:
    multiply_across(given, kind, 4, ACROSS_4, vectors)


cdef void block_of_2(const Block* given, int64_t vectors, real* kind) noexcept nogil:
    multiply_across(given, kind, 2, ACROSS_FEW, vectors)


cdef void block_of_1(const Block* given, int64_t vectors, real* kind) noexcept nogil:
    multiply_across(given, kind, 1, ACROSS_FEW, vectors)


cdef void activate(real* sums, int64_t n, int activation) noexcept nogil:
    """What is dearer than a bound from below, in place."""
    if activation == SIGMOID:
        for j in range(n):
            sums[j] = real_sigmoid(sums[j])
    elif activation == TANH:
        for j in range(n):
            sums[j] = real_tanh(sums[j])


cdef void store(const Task* task, const Job* job, const real* sums, int64_t lanes, int64_t channels, int64_t first,
                real* out) noexcept nogil:
    """The pixels among positions first <= q < first + lanes of some channels."""
    line, count, size, step, end = &task.line, &job.count[0], &task.out.stride[0], &task.line.out_step[0], first + lanes
    width, stride, rows = count[2], step[2] * size[2], (count[0] - 1) * line.pitch[1] + count[1]
    for row in range(first // line.pitch[2], min(ceiling(end, line.pitch[2]), rows)):
        o0, o1, begin = row // line.pitch[1], row % line.pitch[1], row * line.pitch[2]
        left, right = max(begin, first), min(begin + width, end)
        to = out + o0 * step[0] * size[0] + o1 * step[1] * size[1] + (left - begin) * stride
        for channel in range(channels if o1 < count[1] else 0):
            from_ = sums + channel * lanes + left - first
            if stride == 1:
                for j in range(right - left):
                    to[j] = from_[j]
            else:
                for j in range(right - left):
                    to[j * stride] = from_[j]
            to += task.out_channel


cdef void sum_block(const Task* task, const Job* job, int64_t group, int64_t first, int64_t vectors,
                    real* out) noexcept nogil:
    """All channels of a group at some vectors of positions."""
    cdef real sums[TILE_SIZE]
    cdef Block block
    cdef bint direct = job.flat and task.activation <= RELU
    n_out, bias, rows, lanes = task.n_out, task.bias, task.rows, vectors * <int64_t>(MG_VECTOR // sizeof(real))
    source = <const real*>task.source.data + task.image * task.source.row_stride
    if not task.in_place:
        source = <const real*>task.copied
    block.line = source + group * task.n_in * task.line.channel + first
    block.n, block.terms = job.n, job.terms
    block.least = 0 if task.activation == RELU else -<double>INFINITY
    for channel from 0 <= channel < n_out by rows:
        for i in range(rows):               # rows beyond the last channel repeat it
            k = min(channel + i, n_out - 1)
            block.w[i] = <const real*>task.w.data + group * task.w_group + k * task.w_out
            block.start[i] = (<const real*>bias.data)[(group * n_out + k) * bias.strides[0]] if bias != NULL else 0
            block.to[i] = out + (group * n_out + k) * task.out_channel + first if direct else &sums[i * lanes]
        (<block_t>task.sum)(&block, vectors, NULL)
        if not direct:
            activate(sums, rows * lanes, task.activation)
            store(task, job, sums, lanes, min(rows, n_out - channel), first,
                  out + (group * n_out + channel) * task.out_channel)


cdef int sum_units(const Task* task, int64_t first, int64_t end, real* _) noexcept nogil:
    """Units: blocks of positions, of each group, of each job; the last one is moved back to end with the last pixel.

    So nothing beyond it is read, and all vectors are stored whole, if there is a vector of pixels at all.  Each also
    asks for its share of the next image (as if it were contiguous): its numbers, met cold, held up the sums so long
    that 128 images of 16 x 28 x 28 took 1.3 to 1.5 times as long.
    """
    vector = <int64_t>(MG_VECTOR // sizeof(real))
    for j in range(task.n_jobs):
        job = &task.jobs[j]
        out = <real*>task.out.data + task.image * task.out.row_stride + job.offset
        for unit in range(max(first, job.first), min(end, job.first + job.units)):
            group, run = (unit - job.first) // job.runs, (unit - job.first) % job.runs
            q, vectors = run * job.vectors // job.runs, (run + 1) * job.vectors // job.runs
            vectors -= q
            if task.next != NULL:
                for at from task.bytes * unit // task.units <= at < task.bytes * (unit + 1) // task.units by 64:
                    mg_fetch(task.next + at)
            sum_block(task, job, group, max(min(q * vector, job.span - vectors * vector), 0), vectors, out)
    return OK


# ---- one call

cdef int slide_images(const Task* given, int64_t first, int64_t end, real* _) noexcept nogil:
    """Units: images.  Threads share each image, unless they have shared out the images."""
    cdef Task task = given[0]
    line, channels = &task.line, task.source.columns
    size, slack = channels * line.channel, line.slack + 4 * MG_VECTOR       # what the widest block reads at the end
    if not task.in_place:
        task.copied = <char*>scratch((size + slack) * sizeof(real))
        if task.copied == NULL:
            return NO_MEMORY
        memset(task.copied + size * sizeof(real), 0, slack * sizeof(real))
    for image in range(first, end):
        task.image, task.next = image, NULL
        if task.bytes > 0 and image + 1 < end:
            task.next = task.source.data + (image + 1) * task.source.row_stride * <int64_t>sizeof(real)
        if not task.in_place:
            share_out(<void*>copy[real], &task, channels, 1, <double>size / 8)
            task.cleared = True
        share_out(<void*>sum_units[real], &task, task.units, 1, task.work)
    discard(task.copied)
    return OK


cdef int slide(Task* task, real* _) noexcept nogil:
    """Lists of terms for each job, then all images."""
    cdef window.triple_t phases
    cdef window.Offsets taps
    line, out, vector = &task.line, &task.out, <int64_t>(MG_VECTOR // sizeof(real))
    choose_layout(task, vector)
    task.rows = choose_rows(task.n_out)
    if task.rows == 8:
        task.across, task.sum = ACROSS_8, <void*>block_of_8[real]
    elif task.rows == 6:
        task.across, task.sum = ACROSS_6, <void*>block_of_6[real]
    elif task.rows == 4:
        task.across, task.sum = ACROSS_4, <void*>block_of_4[real]
    else:
        task.across, task.sum = ACROSS_FEW, <void*>block_of_2[real] if task.rows == 2 else <void*>block_of_1[real]
    task.n_jobs = 1
    for axis in range(3):
        phases[axis] = min(line.out_step[axis], out.size[axis])
        task.n_jobs *= phases[axis]
    terms = max(task.n_in, 1) * window.volume(task.w.size)
    n_cuts = window.volume(line.phases)
    memory = <Job*>scratch(task.n_jobs * sizeof(Job) + n_cuts * sizeof(window.Cut)
                           + terms * (sizeof(Term) + 2 * sizeof(int64_t)))
    if memory == NULL:
        return NO_MEMORY
    task.jobs, task.cuts = memory, <window.Cut*>(memory + task.n_jobs)
    term = <Term*>(task.cuts + n_cuts)
    taps.source = <int64_t*>(term + terms)
    taps.other = taps.source + terms
    for phase in range(n_cuts):
        task.cuts[phase] = window.cut_out(line, &task.source, phase)
    for j in range(task.n_jobs):
        job = &task.jobs[j]
        window.unravel(j, phases, job.start)
        job.offset = 0
        for axis in range(3):
            job.count[axis] = ceiling(out.size[axis] - job.start[axis], line.out_step[axis])
            job.offset += job.start[axis] * out.stride[axis]
        job.span = span_of(line, job.count)
        job.flat = is_flat(task, job) and job.span >= vector
        job.first, job.vectors = task.units, ceiling(job.span, vector)
        job.runs = ceiling(job.vectors, window.clip(job.span // vector, 1, task.across))
        job.units = job.runs * line.window.groups
        task.units += job.units
        window.list_taps(&taps, line, job.start, &task.w)       # each tap has one job
        window.repeat(&taps, task.n_in, line.channel, task.w_in)
        job.n, job.terms, term = taps.n, term, term + taps.n
        for u in range(taps.n):
            job.terms[u].at_w, job.terms[u].at_line = taps.other[u], taps.source[u]
    images, task.bytes = task.source.rows, task.source.columns * window.volume(task.source.size) * sizeof(real)
    task.bytes *= images * task.bytes > CACHED
    task.work = <double>terms * window.volume(out.size) / task.n_jobs * out.columns / 100
    if images >= WHOLE_IMAGES:
        status = share_out(<void*>slide_images[real], task, images, ceiling(images, TASKS), task.work * images)
    else:
        status = slide_images(task, 0, images, <real*>NULL)
    discard(memory)
    return status


ctypedef int (*slide_t)(Task* task, void* kind) noexcept nogil


cdef int face(Step* step, bint transposed) noexcept nogil:
    cdef Task task
    memset(&task, 0, sizeof(Task))
    task.out, task.source = window.operand_of(&step.args[0]), window.operand_of(&step.args[1])
    task.w, task.bias = window.operand_of(&step.args[2]), &step.args[3] if step.n_args == 4 else NULL
    task.line.window, task.line.transposed = (<window.Window*>step.params.i)[0], transposed
    task.activation, rows = <int>step.params.i[ACTIVATION], task.w.rows // task.line.window.groups
    task.n_in, task.n_out, task.w_in, task.w_out = task.w.columns, rows, task.w.column_stride, task.w.row_stride
    if transposed:
        task.n_in, task.n_out, task.w_in, task.w_out = rows, task.w.columns, task.w.row_stride, task.w.column_stride
    task.w_group, task.out_channel = rows * task.w.row_stride, task.out.column_stride
    if view_size(&step.args[0]) == 0:
        return OK
    if task.activation == NONE and depthwise.applies(step, False):      # groups of one input channel
        return depthwise.depthwise(step, transposed, False)
    return (<slide_t>step.inner)(&task, NULL)


cdef int conv(Step* step) noexcept nogil:
    """out (N,K,*O) from x (N,C,*I), w (K,C/groups,*T) and perhaps a bias (K)."""
    return face(step, False)


cdef int conv_transpose(Step* step) noexcept nogil:
    """out (N,C,*I) from g (N,K,*O), w (K,C/groups,*T) and perhaps a bias (C): the transpose of conv in x."""
    return face(step, True)


KERNELS = {kernel.name: kernel for kernel in (
    family("conv", conv, 0, <void*>slide[float], <void*>slide[double]),
    family("conv_transpose", conv_transpose, 0, <void*>slide[float], <void*>slide[double]),
)}
