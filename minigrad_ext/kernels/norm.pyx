"""Normalisation, its first derivative, and the running moments that it trains.

x is (n, c, s): samples, channels, positions.  A group is some neighbouring channels of a sample, or one channel of all
samples.  With mean and var over its m elements, r = 1 / sqrt(var + eps) and z = (x - mean) r,

    normalize(out, x, w, b)             out = z w[c] + b[c]
    normalize_pull(dx, dw, db, g, x, w) db[c] = sum of g,   dw[c] = sum of g z,   over samples and positions
                                        dx = r (g w[c] - (P + z Q) / m), P = sum of g w[c], Q = sum of g w[c] z, over
                                        the group
                                        (both may have mean and var of each channel as two more operands, which are
                                        then no functions of x: P and Q count as 0)
    track_moments(mean, var, x)         running += momentum * (observed - running), of mean and unbiased variance, the
                                        mean over samples where a group is of one
    normalize_tracking(out, x, w, b, mean, var)
                                        both at once, of groups across samples: reading x once more to track it was 2.5 %
                                        of a ResNet's step
    ints: channels, positions, groups of a sample, whether groups are across samples; floats: eps, or momentum, or both

A group is read twice, the second time mostly from the cache: once to be summed, once to be written.  The sums are of
d = x - x[0], so that var = sum d^2 / m - (sum d / m)^2 does not cancel however far the mean is from 0: x[0] is one of
the elements, so (mean - x[0])^2 <= m var.  They are accumulated in float64.

Work is cut into blocks of whole groups by the shape alone; each has its own sums for dw and db, added up in order.
Samples without positions are taken as columns, channels side by side.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t
from libc.string cimport memset
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.blocks cimport packed
from minigrad_ext.types cimport FLOAT32, NO_MEMORY, OK, Step, real, view_size

cdef enum:
    LANES = 16              # partial sums of one sum
    BLOCK = 8192            # elements of a block of groups, about
    SHARE = 64              # and as many elements for each channel, so that the blocks' sums stay small beside x
    BESIDE = 64             # columns of a block
    OPERANDS = 8

ctypedef double[LANES] lanes_t

# One call: how x is laid out, and where everything is.
cdef struct Norm:
    int64_t channels, positions, inner, runs, jump      # of a group: channels, samples, elements from one to the next
    int64_t groups, across, units, block                # of a sample; 1 of all samples; in all; in a block
    int moments, running                                # the operand that is the mean, before the variance; 0: none
    double given, momentum                              # eps or momentum; momentum where there is eps too
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
    """Sums of d = x - origin and d^2, for a pull also of g, maybe weighted, and g d; lane l has l, l + LANES..."""
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


cdef inline double set_moments(const Norm* norm, Group* group, double origin, double sum, double squares, real* _
                               ) noexcept nogil:
    """The group's mean and scale r, from its sums unless they are given; its variance."""
    d = sum / group.count
    var = squares / group.count - d * d
    var, group.mean = 0 if var < 0 else var, origin + d
    if norm.moments:
        group.mean = (<real*>norm.at[norm.moments])[group.channel]
        var = (<real*>norm.at[norm.moments + 1])[group.channel]
    group.scale = 1 / sqrt(var + norm.given)
    return var


cdef inline double observe(const Norm* norm, const real* x, Group* group, int64_t n, real* kind) noexcept nogil:
    """The moments of a group whose runs are of n elements, the first at x; its variance."""
    cdef lanes_t sums[4]
    clear(sums, 0, 2)
    for run in range(0 if norm.moments else norm.runs):
        add_up(x + run * norm.jump, x, x, n, x[0], sums, False, False)
    return set_moments(norm, group, x[0], total(sums[0]), total(sums[1]), kind)


cdef inline void move(real* running, double observed, double momentum) noexcept nogil:
    running[0] = <real>(running[0] + momentum * (observed - running[0]))


cdef inline void follow(const Norm* norm, const Group* group, double var, real* _) noexcept nogil:
    """The running moments, if there are any, move to those of a channel of all samples."""
    if norm.running:
        move(<real*>norm.at[norm.running] + group.channel, group.mean, norm.momentum)
        move(<real*>norm.at[norm.running + 1] + group.channel, var * group.count / (group.count - 1), norm.momentum)


# Into out.  The mean comes in two parts, of which the second is what rounding took from the first.

cdef inline void scale_all(real* restrict out, const real* x, int64_t n, real mean, real rest, real scale, real shift
                           ) noexcept nogil:
    for j in range(n):
        out[j] = ((x[j] - mean) - rest) * scale + shift


cdef inline void scale_each(real* restrict out, const real* x, const real* w, const real* b, int64_t n, real mean,
                            real rest, real scale) noexcept nogil:
    for j in range(n):
        out[j] = ((x[j] - mean) - rest) * scale * w[j] + b[j]


cdef int normalize_groups(const Norm* norm, int64_t first, int64_t end, real* kind) noexcept nogil:
    positions = norm.positions
    if norm.across and positions == 1:
        return normalize_columns(norm, first, end, kind)
    for unit in range(first, end):
        group = group_at(norm, unit)
        out, x = <real*>norm.at[0] + group.start, <real*>norm.at[1] + group.start
        w, b = <real*>norm.at[2] + group.channel, <real*>norm.at[3] + group.channel
        follow(norm, &group, observe(norm, x, &group, norm.inner * positions, kind), kind)
        mean = <real>group.mean
        rest = <real>(group.mean - mean)
        if positions == 1:
            scale_each(out, x, w, b, norm.inner, mean, rest, <real>group.scale)
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


cdef inline void pull_group(const Norm* norm, int64_t unit, double* dw, real* kind) noexcept nogil:
    """`dw` begins the sums of all channels: dw and db, then sum of g d and of g, of this group's channels."""
    cdef lanes_t sums[4]
    cdef double level = 0, slope = 0
    group, positions = group_at(norm, unit), norm.positions
    dx, g, x = <real*>norm.at[0] + group.start, <real*>norm.at[3] + group.start, <real*>norm.at[4] + group.start
    w = <real*>norm.at[5] + group.channel
    dw += group.channel
    db, products, slopes = dw + norm.channels, dw + 2 * norm.channels, dw + 3 * norm.channels
    origin = <double>(<real*>norm.at[norm.moments])[group.channel] if norm.moments else <double>x[0]
    clear(sums, 0, 4)
    if positions == 1:
        add_up(x, g, w, norm.inner, origin, sums, True, True)
        level, slope = total(sums[2]), total(sums[3])
    for k in range(norm.inner if positions > 1 else 0):
        clear(sums, 2, 4)
        for run in range(norm.runs):
            at = run * norm.jump + k * positions
            add_up(x + at, g + at, w, positions, origin, sums, True, False)
        slopes[k], products[k] = total(sums[2]), total(sums[3])
        level += w[k] * slopes[k]
        slope += w[k] * products[k]
    set_moments(norm, &group, origin, total(sums[0]), total(sums[1]), kind)
    r, d, mean, share = group.scale, group.mean - origin, <real>group.mean, 0 if norm.moments else 1.0 / group.count
    rest, slope = <real>(group.mean - mean), (slope - d * level) * r * r * r * share
    level *= r * share
    if positions == 1:
        pull_each(dx, g, x, w, norm.inner, mean, rest, <real>r, <real>level, <real>slope)
        add_each(dw, db, g, x, norm.inner, mean, rest, <real>r)
    for k in range(norm.inner if positions > 1 else 0):
        db[k] += slopes[k]
        dw[k] += r * (products[k] - d * slopes[k])
        for run in range(norm.runs):
            at = run * norm.jump + k * positions
            pull_all(dx + at, g + at, x + at, positions, mean, rest, <real>(r * w[k]), <real>level, <real>slope)


cdef int pull_blocks(const Norm* norm, int64_t first, int64_t end, real* kind) noexcept nogil:
    if norm.across and norm.positions == 1:
        return pull_columns(norm, first, end, kind)
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


cdef int track_channels(const Norm* norm, int64_t first, int64_t end, real* kind) noexcept nogil:
    """A sample is a group of its own, or all are one."""
    cdef Group group
    cdef double mean, var
    group.count, sets = norm.runs * norm.positions, 1 if norm.across else norm.units // norm.groups
    unbiased = <double>group.count / (group.count - 1)
    for c in range(first, end):
        mean, var = 0, 0
        for n in range(sets):
            x = <real*>norm.at[2] + (n * norm.channels + c) * norm.positions
            var += observe(norm, x, &group, norm.positions, kind) * unbiased / sets
            mean += group.mean / sets
        move(<real*>norm.at[0] + c, mean, norm.given)
        move(<real*>norm.at[1] + c, var, norm.given)
    return OK


# ---- samples without positions: a group is a column, and a block of columns is read row by row

cdef inline void add_columns(const Norm* norm, const real* x, const real* g, int64_t n, const real* origin,
                             double* restrict sums, bint pull) noexcept nogil:
    """The sums that add_up() has, BESIDE of each."""
    s, q, a, b = sums, sums + BESIDE, sums + 2 * BESIDE, sums + 3 * BESIDE
    memset(sums, 0, (4 if pull else 2) * BESIDE * sizeof(double))
    for run in range(norm.runs):
        for c in range(n):
            add_one(<double>x[c] - origin[c], <double>g[c] if pull else 0, &s[c], &q[c], &a[c], &b[c], pull)
        x, g = x + norm.jump, g + norm.jump


cdef inline Group column_at(const Norm* norm, int64_t channel, double origin, double s, double q, double* var,
                            real* kind) noexcept nogil:
    cdef Group group
    group.start = group.channel = channel
    group.count, group.mean, group.scale = norm.runs, 0, 0
    var[0] = set_moments(norm, &group, origin, s, q, kind)
    return group


cdef int normalize_columns(const Norm* norm, int64_t first, int64_t end, real* kind) noexcept nogil:
    cdef double sums[2 * BESIDE]
    cdef real mean[BESIDE], rest[BESIDE], scale[BESIDE]
    cdef double var
    cdef real* restrict out
    for block in range(first, end):
        start = block * BESIDE
        n = min(<int64_t>BESIDE, norm.channels - start)
        out, x, w, b = (<real*>norm.at[0] + start, <real*>norm.at[1] + start, <real*>norm.at[2] + start,
                        <real*>norm.at[3] + start)
        add_columns(norm, x, x, n, x, <double*>sums, False)
        for c in range(n):
            group = column_at(norm, start + c, x[c], sums[c], sums[BESIDE + c], &var, kind)
            follow(norm, &group, var, kind)
            mean[c], scale[c] = <real>group.mean, <real>(group.scale * w[c])
            rest[c] = <real>(group.mean - mean[c])
        for run in range(norm.runs):
            for c in range(n):
                out[c] = ((x[c] - mean[c]) - rest[c]) * scale[c] + b[c]
            out, x = out + norm.jump, x + norm.jump
    return OK


cdef int pull_columns(const Norm* norm, int64_t first, int64_t end, real* kind) noexcept nogil:
    cdef double sums[4 * BESIDE]
    cdef real mean[BESIDE], rest[BESIDE], scale[BESIDE], level[BESIDE], slope[BESIDE]
    cdef double var
    cdef real* restrict dx
    for block in range(first, end):
        start = block * BESIDE
        n = min(<int64_t>BESIDE, norm.channels - start)
        dx, g, x, w = (<real*>norm.at[0] + start, <real*>norm.at[3] + start, <real*>norm.at[4] + start,
                       <real*>norm.at[5] + start)
        origin = <real*>norm.at[norm.moments] + start if norm.moments else x
        add_columns(norm, x, g, n, origin, <double*>sums, True)
        for c in range(n):
            group = column_at(norm, start + c, origin[c], sums[c], sums[BESIDE + c], &var, kind)
            r, share = group.scale, 0 if norm.moments else w[c] / <double>norm.runs
            slopes = sums[2 * BESIDE + c]
            z = r * (sums[3 * BESIDE + c] - (group.mean - origin[c]) * slopes)
            norm.sums[start + c], norm.sums[norm.channels + start + c] = z, slopes
            mean[c], scale[c] = <real>group.mean, <real>(r * w[c])
            level[c], slope[c] = <real>(r * share * slopes), <real>(r * r * share * z)
            rest[c] = <real>(group.mean - mean[c])
        for run in range(norm.runs):
            for c in range(n):
                dx[c] = g[c] * scale[c] - (((x[c] - mean[c]) - rest[c]) * slope[c] + level[c])
            dx, g, x = dx + norm.jump, g + norm.jump, x + norm.jump
    return OK


# ---------------------------------------------------------------------------------------------------------------------

cdef int run(Step* step, int outputs, int x_at, bint tracking=False) noexcept nogil:
    """step.inner on all groups; for the derivative, on blocks of them, whose sums are added up."""
    cdef Norm norm
    cdef void* owned[OPERANDS]
    cdef int status = OK
    cdef bint pull = outputs == 3, apart
    params, size = &step.params, view_size(&step.args[x_at])
    norm.channels, norm.positions, norm.groups, norm.across = params.i[0], params.i[1], params.i[2], params.i[3]
    norm.given, norm.jump = params.f[0], norm.channels * norm.positions
    samples, norm.inner = size // max(norm.jump, <int64_t>1), norm.channels // norm.groups
    norm.runs, norm.units = samples if norm.across else 1, norm.groups * (1 if norm.across else samples)
    norm.moments = step.n_args - 2 if step.n_args == x_at + (4 if pull else 5) else 0
    norm.running, norm.momentum = 0, params.f[1]
    if tracking:
        norm.running, norm.moments = norm.moments, 0
    apart = pull and not norm.across        # whether blocks have sums of their own
    norm.block = 1 + max(<int64_t>BLOCK, SHARE * norm.channels) * norm.units // (size + 1) if apart else (
        BESIDE if norm.across and norm.positions == 1 and outputs != 2 else 1)
    units = norm.channels if outputs == 2 else norm.units
    blocks = (units + norm.block - 1) // norm.block if size else 0
    areas = blocks if apart else 1
    nbytes = 4 * norm.channels * areas * <int64_t>sizeof(double) if pull else 0
    norm.sums = <double*>scratch(nbytes)
    status = NO_MEMORY if norm.sums == NULL else OK
    for k in range(step.n_args):
        norm.at[k], owned[k] = step.args[k].data, NULL
        if k >= outputs:
            norm.at[k] = packed(&step.args[k], &owned[k])
        status = NO_MEMORY if norm.at[k] == NULL else status
    if status == OK:
        memset(norm.sums, 0, nbytes)
        share_out(step.inner, &norm, blocks, 1, (0.4 if pull else 0.2) * <double>size)
        if pull and step.args[0].dtype == FLOAT32:
            add_blocks(&norm, areas, <float*>NULL)
        elif pull:
            add_blocks(&norm, areas, <double*>NULL)
    for k in range(step.n_args):
        discard(owned[k])
    discard(norm.sums)
    return status


cdef int normalize(Step* step) noexcept nogil:
    return run(step, 1, 1)


cdef int normalize_tracking(Step* step) noexcept nogil:
    return run(step, 1, 1, True)


cdef int normalize_pull(Step* step) noexcept nogil:
    return run(step, 3, 4)


cdef int track_moments(Step* step) noexcept nogil:
    return run(step, 2, 2)


KERNELS = {kernel.name: kernel for kernel in (
    family("normalize", normalize, 0, <void*>normalize_groups[float], <void*>normalize_groups[double]),
    family("normalize_tracking", normalize_tracking, 0, <void*>normalize_groups[float], <void*>normalize_groups[double]
           ).declare(writes=0b110001, updates=True),
    family("normalize_pull", normalize_pull, 0, <void*>pull_blocks[float], <void*>pull_blocks[double]).declare(
        writes=0b111),
    family("track_moments", track_moments, 0, <void*>track_channels[float], <void*>track_channels[double]).declare(
        writes=0b11, updates=True),
)}
