"""Normalisation, its first derivative, and the running moments that it trains.

x is (n, c, s): samples, channels, positions.  A group is some neighbouring channels of a sample, or one channel of all
samples.  With mean and var over its m elements, r = 1 / sqrt(var + eps) and z = (x - mean) r,

    normalize(out, x, w, b)             out = z w[c] + b[c]
    normalize_pull(dx, dw, db, g, x, w) db[c] = sum of g,   dw[c] = sum of g z,   over samples and positions
                                        dx = r (g w[c] - (P + z Q) / m), P = sum of g w[c], Q = sum of g w[c] z, over
                                        the group
    track_moments(mean, var, x)         running += momentum * (observed - running), of mean and unbiased variance, the
                                        mean over samples where a group is of one
    ints: channels, positions, groups of a sample, whether groups are across samples; floats: eps or momentum

A group is read twice, the second time mostly from the cache: once to be summed, once to be written.  The sums are of
d = x - x[0], so that var = sum d^2 / m - (sum d / m)^2 does not cancel however far the mean is from 0: x[0] is one of
the elements, so (mean - x[0])^2 <= m var.  They are accumulated in float64.

Work is cut into blocks of whole groups by the shape alone; each has its own sums for dw and db, added up in order.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t
from libc.string cimport memset
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.blocks cimport copy_view, dense, packed
from minigrad_ext.types cimport FLOAT32, NO_MEMORY, OK, Step, View, itemsize_of, real, view_size

cdef enum:
    LANES = 16              # partial sums of one sum
    BLOCK = 8192            # elements of a block of groups, about
    SHARE = 64              # and as many elements for each channel, so that the blocks' sums stay small beside x
    OPERANDS = 6

ctypedef double[LANES] lanes_t

# One call: how x is laid out, and where everything is.
cdef struct Norm:
    int64_t channels, positions, inner, runs, jump      # of a group: channels, samples, elements from one to the next
    int64_t groups, across, units, block                # of a sample; 1 of all samples; in all; in a block
    double given                                        # eps or momentum
    char* at[OPERANDS]
    double* sums                                        # of each block, by channel: dw, db, and what is between

cdef struct Group:
    int64_t start, channel, count                       # the first element and channel, the number of elements
    double mean, scale


cdef inline double total(const double* lanes) noexcept nogil:
    cdef double[4] sum = [0, 0, 0, 0]
    for l in range(LANES):
        sum[l % 4] += lanes[l]
    return sum[0] + sum[1] + (sum[2] + sum[3])


cdef inline void add_one(double x, double g, double* s, double* q, double* a, double* b, bint pull) noexcept nogil:
    s[0] += x
    q[0] += x * x
    if pull:
        a[0] += g
        b[0] += g * x


cdef inline void add_up(const real* x, const real* g, const real* w, int64_t n, double origin, lanes_t* sums, bint pull,
                        bint weighted) noexcept nogil:
    """Sums of d = x - origin and d^2, for a pull also of g and g d, where g may be weighted; lane l of l, l + LANES..."""
    cdef lanes_t s, q, a, b
    cdef int64_t j = 0
    for l in range(LANES):
        s[l], q[l] = sums[0][l], sums[1][l]
        if pull:
            a[l], b[l] = sums[2][l], sums[3][l]
    while j + LANES <= n:
        for l in range(LANES):
            slope = <double>(g[j + l] * w[j + l] if weighted else g[j + l]) if pull else 0
            add_one(<double>x[j + l] - origin, slope, &s[l], &q[l], &a[l], &b[l], pull)
        j += LANES
    for l in range(LANES):
        sums[0][l], sums[1][l] = s[l], q[l]
        if pull:
            sums[2][l], sums[3][l] = a[l], b[l]
    for l in range(n - j):
        slope = <double>(g[j + l] * w[j + l] if weighted else g[j + l]) if pull else 0
        add_one(<double>x[j + l] - origin, slope, &sums[0][l], &sums[1][l], &sums[2][l], &sums[3][l], pull)


cdef inline void clear(lanes_t* sums, int first, int end) noexcept nogil:
    for k in range(first, end):
        for l in range(LANES):
            sums[k][l] = 0


cdef inline Group group_at(const Norm* norm, int64_t unit) noexcept nogil:
    cdef Group group
    group.mean = group.scale = 0
    group.start = unit * norm.inner * norm.positions
    group.channel = unit if norm.across else unit % norm.groups * norm.inner
    group.count = norm.inner * norm.runs * norm.positions
    return group


cdef inline double set_moments(Group* group, double origin, const lanes_t* sums, double eps) noexcept nogil:
    """The group's mean and scale r from its sums; its variance."""
    d = total(sums[0]) / group.count
    var = total(sums[1]) / group.count - d * d
    var = 0 if var < 0 else var
    group.mean, group.scale = origin + d, 1 / sqrt(var + eps)
    return var


cdef inline double observe(const Norm* norm, const real* x, Group* group, int64_t n) noexcept nogil:
    """The moments of a group whose runs are of n elements, the first at x; its variance."""
    cdef lanes_t sums[4]
    clear(sums, 0, 2)
    for run in range(norm.runs):
        add_up(x + run * norm.jump, x, x, n, x[0], sums, False, False)
    return set_moments(group, x[0], sums, norm.given)


# Into out.  The mean comes in two parts, of which the second is what rounding took from the first.

cdef inline void scale_all(real* restrict out, const real* x, int64_t n, real mean, real rest, real scale, real shift
                           ) noexcept nogil:
    for j in range(n):
        out[j] = ((x[j] - mean) - rest) * scale + shift


cdef inline void scale_each(real* restrict out, const real* x, const real* w, const real* b, int64_t n, real mean,
                            real rest, real scale) noexcept nogil:
    for j in range(n):
        out[j] = ((x[j] - mean) - rest) * scale * w[j] + b[j]


cdef int normalize_groups(const Norm* norm, int64_t first, int64_t end, real* _) noexcept nogil:
    positions = norm.positions
    for unit in range(first, end):
        group = group_at(norm, unit)
        out, x = <real*>norm.at[0] + group.start, <real*>norm.at[1] + group.start
        w, b = <real*>norm.at[2] + group.channel, <real*>norm.at[3] + group.channel
        observe(norm, x, &group, norm.inner * positions)
        mean = <real>group.mean
        rest = <real>(group.mean - mean)
        if positions == 1:
            for run in range(norm.runs):
                scale_each(out + run * norm.jump, x + run * norm.jump, w, b, norm.inner, mean, rest,
                           <real>group.scale)
        for k in range(norm.inner if positions > 1 else 0):
            for run in range(norm.runs):
                at = run * norm.jump + k * positions
                scale_all(out + at, x + at, positions, mean, rest, <real>(group.scale * w[k]), b[k])
    return OK


cdef inline void pull_all(real* restrict dx, const real* g, const real* x, int64_t n, real mean, real rest, real scale,
                          real level, real slope) noexcept nogil:
    for j in range(n):
        dx[j] = g[j] * scale - (((x[j] - mean) - rest) * slope + level)


cdef inline void pull_each(real* restrict dx, const real* g, const real* x, const real* w, int64_t n, real mean,
                           real rest, real scale, real level, real slope) noexcept nogil:
    for j in range(n):
        dx[j] = g[j] * w[j] * scale - (((x[j] - mean) - rest) * slope + level)


cdef inline void add_each(double* restrict dw, double* restrict db, const real* g, const real* x, int64_t n, real mean,
                          real rest, real scale) noexcept nogil:
    for j in range(n):
        dw[j] += g[j] * (((x[j] - mean) - rest) * scale)
        db[j] += g[j]


cdef inline void pull_group(const Norm* norm, int64_t unit, double* dw, real* _) noexcept nogil:
    """`dw` begins the sums of all channels: dw and db, then sum of g d and of g, of this group's channels."""
    cdef lanes_t sums[4]
    cdef double level = 0, slope = 0
    group, positions = group_at(norm, unit), norm.positions
    dx, g, x = <real*>norm.at[0] + group.start, <real*>norm.at[3] + group.start, <real*>norm.at[4] + group.start
    w = <real*>norm.at[5] + group.channel
    dw += group.channel
    db, products, slopes = dw + norm.channels, dw + 2 * norm.channels, dw + 3 * norm.channels
    origin = <double>x[0]
    clear(sums, 0, 4)
    if positions == 1:
        for run in range(norm.runs):
            at = run * norm.jump
            add_up(x + at, g + at, w, norm.inner, origin, sums, True, True)
        level, slope = total(sums[2]), total(sums[3])
    for k in range(norm.inner if positions > 1 else 0):
        clear(sums, 2, 4)
        for run in range(norm.runs):
            at = run * norm.jump + k * positions
            add_up(x + at, g + at, w, positions, origin, sums, True, False)
        slopes[k], products[k] = total(sums[2]), total(sums[3])
        level += w[k] * slopes[k]
        slope += w[k] * products[k]
    set_moments(&group, origin, sums, norm.given)
    r, d, mean = group.scale, group.mean - origin, <real>group.mean
    rest, slope = <real>(group.mean - mean), (slope - d * level) * r * r * r / group.count
    level *= r / group.count
    if positions == 1:
        for run in range(norm.runs):
            at = run * norm.jump
            pull_each(dx + at, g + at, x + at, w, norm.inner, mean, rest, <real>r, <real>level, <real>slope)
            add_each(dw, db, g + at, x + at, norm.inner, mean, rest, <real>r)
    for k in range(norm.inner if positions > 1 else 0):
        db[k] += slopes[k]
        dw[k] += r * (products[k] - d * slopes[k])
        for run in range(norm.runs):
            at = run * norm.jump + k * positions
            pull_all(dx + at, g + at, x + at, positions, mean, rest, <real>(r * w[k]), <real>level, <real>slope)


cdef int pull_blocks(const Norm* norm, int64_t first, int64_t end, real* kind) noexcept nogil:
    for block in range(first, end):
        for unit in range(block * norm.block, min(norm.units, (block + 1) * norm.block)):
            pull_group(norm, unit, norm.sums + (0 if norm.across else 4 * norm.channels * block), kind)
    return OK


cdef void add_blocks(const Norm* norm, int64_t blocks, real* _) noexcept nogil:
    for c in range(2 * norm.channels):
        sum = <double>0
        for block in range(blocks):
            sum += norm.sums[4 * norm.channels * block + c]
        (<real*>norm.at[1 if c < norm.channels else 2])[c if c < norm.channels else c - norm.channels] = <real>sum


cdef inline void move(real* running, double observed, double momentum) noexcept nogil:
    running[0] = <real>(running[0] + momentum * (observed - running[0]))


cdef int track_channels(const Norm* norm, int64_t first, int64_t end, real* _) noexcept nogil:
    """A sample is a group of its own, or all are one."""
    cdef Group group
    cdef double mean, var
    group.count, sets = norm.runs * norm.positions, 1 if norm.across else norm.units // norm.groups
    unbiased = <double>group.count / (group.count - 1)
    for c in range(first, end):
        mean, var = 0, 0
        for n in range(sets):
            x = <real*>norm.at[2] + (n * norm.channels + c) * norm.positions
            var += observe(norm, x, &group, norm.positions) * unbiased / sets
            mean += group.mean / sets
        move(<real*>norm.at[0] + c, mean, norm.given)
        move(<real*>norm.at[1] + c, var, norm.given)
    return OK


# ---------------------------------------------------------------------------------------------------------------------

cdef View channels_first(const View* v, char* data, int64_t channels) noexcept nogil:
    """(n, c) contiguous at `data`, as (c, n): a transposed view."""
    cdef View result = v[0]
    result.data, result.ndim = data, 2
    result.shape[0], result.strides[0] = channels, 1
    result.shape[1], result.strides[1] = view_size(v) // channels, channels
    return result


cdef char* turned(const View* v, int64_t channels, void** owned, bint filled) noexcept nogil:
    """Scratch memory for (c, n), filled with v, which is (n, c), or not."""
    cdef View view, result
    cdef void* also = NULL
    owned[0] = scratch(view_size(v) * itemsize_of(v.dtype))
    data = packed(v, &also) if filled and owned[0] != NULL else NULL
    if data != NULL:
        view = channels_first(v, data, channels)
        result = dense(&view, <char*>owned[0])
        copy_view(&result, &view)
    discard(also)
    return <char*>owned[0] if data != NULL or not filled else NULL


cdef int run(Step* step, int outputs, int x_at) noexcept nogil:
    """step.inner on all groups; for the derivative, on blocks of them, whose sums are added up.

    Samples without positions become the positions of one sample, in transposed copies: channels are runs then.
    """
    cdef Norm norm
    cdef View out, back
    cdef void* owned[OPERANDS]
    cdef int status = OK
    cdef bint pull = outputs == 3, turn
    params, size = &step.params, view_size(&step.args[x_at])
    norm.channels, norm.positions, norm.groups, norm.across = params.i[0], params.i[1], params.i[2], params.i[3]
    turn = norm.across and norm.positions == 1 and size > 0
    if turn:
        norm.positions, norm.across = size // norm.channels, 0
    norm.given, norm.jump = params.f[0], norm.channels * norm.positions
    samples, norm.inner = size // max(norm.jump, <int64_t>1), norm.channels // norm.groups
    norm.runs, norm.units = samples if norm.across else 1, norm.groups * (1 if norm.across else samples)
    norm.block = 1 if norm.across or not pull else (
        1 + max(<int64_t>BLOCK, SHARE * norm.channels) * norm.units // (size + 1))
    blocks = (norm.units + norm.block - 1) // norm.block if size else 0
    nbytes = (4 * norm.channels * (1 if norm.across else blocks) + 1) * <int64_t>sizeof(double) if pull else 0
    norm.sums = <double*>scratch(nbytes)
    status = NO_MEMORY if norm.sums == NULL else OK
    for k in range(step.n_args):
        norm.at[k], owned[k] = step.args[k].data, NULL
        if turn and (k == x_at or pull and k == 3 or outputs != 2 and k == 0):
            norm.at[k] = turned(&step.args[k], norm.channels, &owned[k], k > 0)
        elif k >= outputs:
            norm.at[k] = packed(&step.args[k], &owned[k])
        status = NO_MEMORY if norm.at[k] == NULL else status
    if status == OK:
        memset(norm.sums, 0, nbytes)
        share_out(step.inner, &norm, norm.channels if outputs == 2 and size else blocks, 1,
                  (0.4 if pull else 0.2) * <double>size)
        if pull and step.args[0].dtype == FLOAT32:
            add_blocks(&norm, 1 if norm.across else blocks, <float*>NULL)
        elif pull:
            add_blocks(&norm, 1 if norm.across else blocks, <double*>NULL)
        if turn and outputs != 2:
            out = channels_first(&step.args[0], step.args[0].data, norm.channels)
            back = dense(&out, norm.at[0])
            copy_view(&out, &back)
    for k in range(step.n_args):
        discard(owned[k])
    discard(norm.sums)
    return status


cdef int normalize(Step* step) noexcept nogil:
    return run(step, 1, 1)


cdef int normalize_pull(Step* step) noexcept nogil:
    return run(step, 3, 4)


cdef int track_moments(Step* step) noexcept nogil:
    return run(step, 2, 2)


KERNELS = {kernel.name: kernel for kernel in (
    family("normalize", normalize, 0, <void*>normalize_groups[float], <void*>normalize_groups[double]),
    family("normalize_pull", normalize_pull, 0, <void*>pull_blocks[float], <void*>pull_blocks[double]),
    family("track_moments", track_moments, 0, <void*>track_channels[float], <void*>track_channels[double]),
)}
