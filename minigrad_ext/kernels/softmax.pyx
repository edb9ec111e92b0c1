"""The softmax, its logarithm, the loss of classes that is made of it, and their first derivatives.

    softmax(out, x)             out = e^(x - m) / s             m = largest x, s = sum of e^(x - m), along the axis
    log_softmax(out, x)         out = (x - m) - ln s
    softmax_pull(out, g, y)     out = y (g - sum of g y)
    log_softmax_pull(out, g, y) out = g - e^y sum of g
    class_loss(out, x, t)       out = scale (ln s + m - x[t]), of logarithms scale (-x[t]), and 0 where t is ignored;
                                or their sum
    class_loss_pull(out, g, x, t)  out = g scale (softmax(x) - [j = t]), of logarithms -g scale [j = t]; 0 likewise

Each is terms along the axis, their sum, and what the sum makes of the terms.  An exponential is computed once, and
whatever is read twice is read from the first-level cache.  Sums of float32 are accumulated in float64.
"""

from libc.math cimport INFINITY, log
from libc.stdint cimport int64_t
from libc.string cimport memcpy
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.blocks cimport dense, place
from minigrad_ext.kernels.fastmath cimport MG_LOWERED, bounded, fast_log, lifted_expf, real_exp
from minigrad_ext.kernels.folds cimport LARGEST, SUM, element, fold_run
from minigrad_ext.kernels.lines cimport Lines, run_lines
from minigrad_ext.types cimport BAD_INDEX, FLOAT32, NO_MEMORY, OK, Step, View, contiguous, itemsize_of, real, view_size

cdef enum:
    UNIT = 1024             # terms summed at a time: they stay in the first-level cache
    SHORT = 64              # rows shorter than this are taken side by side, through a transposed copy
    TILE = 4096             # elements of a copy, about
    BESIDE = 256            # columns side by side, at most

cdef enum What:
    SOFTMAX, LOG_SOFTMAX, SOFTMAX_PULL, LOG_SOFTMAX_PULL


cdef inline real power(real x) noexcept nogil:
    """e^x for x <= 0: without the care that results above 2^127 take."""
    if real is float:
        return lifted_expf(bounded(x, -104, 0)) * MG_LOWERED
    else:
        return real_exp(x)


cdef inline double constant(What what, double sum, double scale) noexcept nogil:
    """What the end needs of the sum."""
    return scale / sum if what == SOFTMAX else log(sum) if what == LOG_SOFTMAX else sum


cdef inline real term(What what, real a, real b, real peak) noexcept nogil:
    if what <= LOG_SOFTMAX:
        return power(a - peak)
    return a * b if what == SOFTMAX_PULL else a


cdef inline real end(What what, real a, real b, real term, real peak, real constant) noexcept nogil:
    if what == SOFTMAX:
        return term * constant
    if what == LOG_SOFTMAX:
        return (a - peak) - constant
    return b * (a - constant) if what == SOFTMAX_PULL else a - real_exp(b) * constant


# A row: the terms wait in `out`.

cdef inline real largest(const real* a, int64_t n) noexcept nogil:
    return fold_run(<real>-INFINITY, a, n, sizeof(real), LARGEST, <real>0)


cdef inline void along_run(What what, const real* a, const real* b, real* restrict out, int64_t n, double scale
                           ) noexcept nogil:
    cdef double sum = 0
    cdef int64_t start
    peak = largest(a, n) if what <= LOG_SOFTMAX else <real>0
    for start from 0 <= start < n by UNIT:
        size = min(<int64_t>UNIT, n - start)
        for j in range(start, start + size):
            out[j] = term(what, a[j], b[j], peak)
        sum = fold_run(sum, out + start, size, sizeof(real), SUM, <real>0)
    last = <real>constant(what, sum, scale)
    for j in range(n):
        out[j] = end(what, a[j], b[j], out[j], peak, last)


cdef inline double sum_of_run(const real* a, int64_t n, real peak) noexcept nogil:
    """The sum of e^(a - peak) alone."""
    cdef real terms[UNIT]
    cdef double sum = 0
    cdef int64_t start
    for start from 0 <= start < n by UNIT:
        size = min(<int64_t>UNIT, n - start)
        for j in range(size):
            terms[j] = power(a[start + j] - peak)
        sum = fold_run(sum, <real*>terms, size, sizeof(real), SUM, <real>0)
    return sum


# Columns side by side, in a copy: rows of a few kilobytes apart would meet in the same places of the cache, and short
# rows fill no vector.

cdef inline void load(const Lines* lines, int k, const char* source, int64_t columns, real* restrict tile
                      ) noexcept nogil:
    """Columns of operand k, row by row, whichever way they lie."""
    by, side = lines.by[k], lines.side[k]
    if side == <int64_t>sizeof(real):
        for j in range(lines.n):
            memcpy(tile + j * columns, source + j * by, columns * sizeof(real))
    else:
        for c in range(columns):
            for j in range(lines.n):
                tile[j * columns + c] = element(<const real*>(source + c * side), j, by)


cdef inline void store_tile(const Lines* lines, char* target, int64_t columns, const real* tile) noexcept nogil:
    by, side = lines.by[1], lines.side[1]
    if side == <int64_t>sizeof(real):
        for j in range(lines.n):
            memcpy(target + j * by, tile + j * columns, columns * sizeof(real))
    else:
        for c in range(columns):
            for j in range(lines.n):
                (<real*>(target + c * side + j * by))[0] = tile[j * columns + c]


cdef inline void largest_of_columns(const real* a, int64_t n, int64_t columns, real* restrict peak) noexcept nogil:
    """NaN is passed over: it spoils the sum in any case."""
    for c in range(columns):
        peak[c] = <real>-INFINITY
    for j in range(n):
        for c in range(columns):
            peak[c] = a[j * columns + c] if a[j * columns + c] > peak[c] else peak[c]


cdef inline void sum_columns(What what, real* a, const real* b, int64_t n, int64_t columns, const real* peak,
                             double* restrict sum) noexcept nogil:
    """The terms, left in place of a where they are wanted, and their sums."""
    for c in range(columns):
        sum[c] = 0
    for j in range(n):
        for c in range(columns):
            one = term(what, a[c], b[c], peak[c])
            if what == SOFTMAX:
                a[c] = one
            sum[c] += one
        a, b = a + columns, b + columns


cdef inline void along_columns(What what, const Lines* lines, char** at, int64_t columns, const double* scale,
                               real* a, real* b) noexcept nogil:
    """Through tiles a and b, of which the softmax needs the first alone."""
    cdef real peak[BESIDE]
    cdef double sum[BESIDE]
    cdef real last[BESIDE]
    load(lines, 0, at[0], columns, a)
    if what <= LOG_SOFTMAX:
        largest_of_columns(a, lines.n, columns, <real*>peak)
        b = a
    else:
        load(lines, 2, at[2], columns, b)
    sum_columns(what, a, b, lines.n, columns, <real*>peak, <double*>sum)
    for c in range(columns):
        last[c] = <real>constant(what, sum[c], scale[c] if what == SOFTMAX else 1)
    for j in range(lines.n):
        for c in range(columns):
            at_c = j * columns + c
            a[at_c] = end(what, a[at_c], b[at_c], a[at_c], peak[c], last[c])
    store_tile(lines, at[1], columns, a)


cdef inline int along(What what, const Lines* lines, char** at, int64_t columns, const double* scale, real* _
                      ) noexcept nogil:
    cdef bint run = lines.columns == 1
    for k in range(3):
        run = run and lines.by[k] == <int64_t>sizeof(real)
    if run:
        along_run(what, <real*>at[0], <real*>at[2], <real*>at[1], lines.n, scale[0])
        return OK
    size = lines.n * columns
    tile = <real*>scratch(2 * size * <int64_t>sizeof(real))
    if tile == NULL:
        return NO_MEMORY
    along_columns(what, lines, at, columns, scale, tile, tile + size)
    discard(tile)
    return OK


cdef double ONES[BESIDE]
for _place in range(BESIDE):
    ONES[_place] = 1


cdef int softmax_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    return along(SOFTMAX, lines, at, columns, ONES, kind)


cdef int log_softmax_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    return along(LOG_SOFTMAX, lines, at, columns, ONES, kind)


cdef int softmax_pull_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    return along(SOFTMAX_PULL, lines, at, columns, ONES, kind)


cdef int log_softmax_pull_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    return along(LOG_SOFTMAX_PULL, lines, at, columns, ONES, kind)


cdef int run_columns(Step* step, int64_t n, const View* x, const View* out, const View* also) noexcept nogil:
    """All lines, side by side where that is needed."""
    width = min(<int64_t>BESIDE, max(<int64_t>16, TILE // max(n, <int64_t>1) // 64 * 64))
    return run_lines(step, n, x, out, also, 1, n < SHORT, width)


cdef int softmax(Step* step) noexcept nogil:
    """From args[1], for a derivative also args[2], into args[0]; params: the axis."""
    first, last = &step.args[1], &step.args[step.n_args - 1]
    return run_columns(step, first.shape[step.params.i[0]] if first.ndim else 1, first, &step.args[0], last)


# ---- the loss of classes.  ints: the axis, whether x holds logarithms, whether the mean is taken, the class to ignore

cdef View lifted(const View* v, int ndim, int axis) noexcept nogil:
    """The view with one more axis, repeating it, where it has one less than `ndim`."""
    cdef View result = v[0]
    if v.ndim < ndim:
        result.ndim = ndim
        for other in range(axis + 1, ndim):
            result.shape[other], result.strides[other] = v.shape[other - 1], v.strides[other - 1]
        result.shape[axis], result.strides[axis] = 1, 0
    return result


cdef int weigh(Step* step, const View* x, const View* t) noexcept nogil:
    """Check all targets, and set params.f[0]: 1, or for the mean 1 / how many are not ignored."""
    cdef int64_t count = 0, wrong = 0
    n, ignored, total, flat = x.shape[step.params.i[0]], step.params.i[3], view_size(t), contiguous(t)
    targets = <int64_t*>t.data
    for j in range(total if flat else 0):
        count += targets[j] != ignored
        wrong += (targets[j] != ignored) & ((targets[j] < 0) | (targets[j] >= n))
    for j in range(0 if flat and not wrong and n else total):
        target = targets[place(t, j)]
        count += not flat and target != ignored
        if n == 0 or target != ignored and not 0 <= target < n:
            step.detail = target
            return BAD_INDEX
    step.params.f[0] = 1 if not step.params.i[2] else 1 / <double>count if count else INFINITY
    return OK


cdef int class_loss_loop(const Lines* lines, char** at, int64_t columns, real* _) noexcept nogil:
    cdef real peak[BESIDE]
    cdef double sum[BESIDE]
    params, x = &lines.step.params, <real*>at[0]
    if params.i[1]:
        pass
    elif lines.columns == 1 and lines.by[0] == <int64_t>sizeof(real):
        peak[0] = largest(x, lines.n)
        sum[0] = sum_of_run(x, lines.n, peak[0])
    else:
        tile = <real*>scratch(lines.n * columns * <int64_t>sizeof(real))
        if tile == NULL:
            return NO_MEMORY
        load(lines, 0, at[0], columns, tile)
        largest_of_columns(tile, lines.n, columns, <real*>peak)
        sum_columns(LOG_SOFTMAX, tile, tile, lines.n, columns, <real*>peak, <double*>sum)
        discard(tile)
    for c in range(columns if not params.i[1] else 0):
        sum[c] = fast_log(sum[c]) if real is float else log(sum[c])
    for c in range(columns):
        t = element(<int64_t*>at[2], c, lines.side[2])
        loss = <double>0
        if t != params.i[3]:
            loss = -<double>element(<real*>(at[0] + t * lines.by[0]), c, lines.side[0])
            if not params.i[1]:
                loss += peak[c] + sum[c]
        (<real*>(at[1] + c * lines.side[1]))[0] = <real>(loss * params.f[0])
    return OK


cdef int class_loss(Step* step) noexcept nogil:
    """One loss for each target; where `out` is one number for several, their sum."""
    cdef int axis = <int>step.params.i[0]
    cdef void* memory = NULL
    x, n = &step.args[1], view_size(&step.args[2])
    cdef bint summed = step.args[0].ndim < step.args[2].ndim
    t, out = lifted(&step.args[2], x.ndim, axis), lifted(&step.args[0], x.ndim, axis)
    status = weigh(step, x, &t)
    if status:
        return status
    if summed:
        memory = scratch(n * itemsize_of(x.dtype))
        if memory == NULL:
            return NO_MEMORY
        out = dense(&t, <char*>memory)
        out.dtype = x.dtype
    status = run_columns(step, x.shape[axis], x, &out, &t)
    if summed and x.dtype == FLOAT32:
        (<float*>step.args[0].data)[0] = <float>(
            fold_run(<double>0, <float*>memory, n, 4, SUM, <float>0) * (1 if n else step.params.f[0]))
    elif summed:
        (<double*>step.args[0].data)[0] = (
            fold_run(<double>0, <double*>memory, n, 8, SUM, <double>0) * (1 if n else step.params.f[0]))
    discard(memory)
    return status


cdef int class_loss_pull_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    cdef double scale[BESIDE]
    cdef Lines both = lines[0]
    cdef char** through = [at[0], at[1], at[0]]
    params = &lines.step.params
    both.by[2], both.side[2] = lines.by[0], lines.side[0]
    for c in range(columns):
        scale[c] = params.f[0]
    status = OK if params.i[1] else along(SOFTMAX, &both, through, columns, scale, kind)
    for c in range(columns if status == OK else 0):
        out, t = at[1] + c * lines.side[1], element(<int64_t*>at[2], c, lines.side[2])
        if params.i[1] or t == params.i[3]:
            for j in range(lines.n):
                (<real*>(out + j * lines.by[1]))[0] = 0
        if t != params.i[3]:
            (<real*>(out + t * lines.by[1]))[0] -= <real>params.f[0]
    return status


cdef int class_loss_pull(Step* step) noexcept nogil:
    """params.f[0] becomes g times the scale."""
    cdef int axis = <int>step.params.i[0]
    g, x = &step.args[1], &step.args[2]
    t = lifted(&step.args[3], x.ndim, axis)
    status = weigh(step, x, &t)
    step.params.f[0] *= (<float*>g.data)[0] if g.dtype == FLOAT32 else (<double*>g.data)[0]
    return status if status else run_columns(step, x.shape[axis], x, &step.args[0], &t)


KERNELS = {kernel.name: kernel for kernel in (
    family("softmax", softmax, 0, <void*>softmax_loop[float], <void*>softmax_loop[double]),
    family("log_softmax", softmax, 0, <void*>log_softmax_loop[float], <void*>log_softmax_loop[double]),
    family("softmax_pull", softmax, 0, <void*>softmax_pull_loop[float], <void*>softmax_pull_loop[double]),
    family("log_softmax_pull", softmax, 0, <void*>log_softmax_pull_loop[float], <void*>log_softmax_pull_loop[double]),
    family("class_loss", class_loss, 0, <void*>class_loss_loop[float], <void*>class_loss_loop[double]),
    family("class_loss_pull", class_loss_pull, 0, <void*>class_loss_pull_loop[float],
           <void*>class_loss_pull_loop[double]),
)}
