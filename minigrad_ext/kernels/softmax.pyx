"""The softmax, its logarithm, the loss of classes that is made of it, and their first derivatives.

    softmax(out, x)             out = e^(x - m) / s             m = largest x, s = sum of e^(x - m), along the axis
    log_softmax(out, x)         out = (x - m) - ln s
    softmax_pull(out, g, y)     out = y (g - sum of g y)
    log_softmax_pull(out, g, y) out = g - e^y sum of g
    class_loss(out, x, t)       out = scale (ln s + m - x[t]), of logarithms scale (-x[t]), and 0 where t is ignored;
                                or their sum
    class_loss_pull(out, g, x, t)  out = g scale (softmax(x) - [j = t]), of logarithms -g scale [j = t]; 0 likewise

Each is terms along the axis, their sum, and what the sum makes of the terms, which wait in `out`.  So an exponential is
computed once, and whatever is read twice is read from the cache.  Sums of float32 are accumulated in float64.
"""

from libc.math cimport INFINITY, log
from libc.stdint cimport int64_t
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.blocks cimport contiguous, dense, place
from minigrad_ext.kernels.fastmath cimport real_exp
from minigrad_ext.kernels.folds cimport (
    LARGEST, SUM, Exponentials, element, fold_exponentials, fold_run, merge,
)
from minigrad_ext.kernels.lines cimport COLUMNS, Lines, run_lines
from minigrad_ext.types cimport BAD_INDEX, FLOAT32, NO_MEMORY, OK, Step, View, itemsize_of, real, view_size

cdef enum:
    UNIT = 1024             # terms written before they are summed: they stay in the first-level cache

cdef enum What:
    SOFTMAX, LOG_SOFTMAX, SOFTMAX_PULL, LOG_SOFTMAX_PULL


cdef inline real term(What what, real a, real b, real peak) noexcept nogil:
    """What is summed; where this is the sum of a itself, the term is what the end needs."""
    if what <= LOG_SOFTMAX:
        return real_exp(a - peak)
    return a * b if what == SOFTMAX_PULL else a


cdef inline double constant(What what, double sum, double scale) noexcept nogil:
    """What the end needs of the sum."""
    return scale / sum if what == SOFTMAX else log(sum) if what == LOG_SOFTMAX else sum


cdef inline real end(What what, real a, real b, real term, real peak, real constant) noexcept nogil:
    if what == SOFTMAX:
        return term * constant
    if what == LOG_SOFTMAX:
        return (a - peak) - constant
    return b * (a - constant) if what == SOFTMAX_PULL else a - real_exp(b) * constant


cdef inline void along_run(What what, const real* a, const real* b, real* restrict out, int64_t n, double scale
                           ) noexcept nogil:
    cdef real peak = 0
    cdef double sum = 0
    cdef int64_t start
    if what <= LOG_SOFTMAX:
        peak = fold_run(<real>-INFINITY, a, n, sizeof(real), LARGEST, <real>0)
    for start from 0 <= start < n by UNIT:
        size = min(<int64_t>UNIT, n - start)
        for j in range(start, start + size):
            out[j] = term(what, a[j], b[j], peak)
        sum = fold_run(sum, out + start, size, sizeof(real), SUM, <real>0)
    last = <real>constant(what, sum, scale)
    for j in range(n):
        out[j] = end(what, a[j], b[j], out[j], peak, last)


cdef inline void along_columns(What what, const Lines* lines, char** at, int64_t columns, const int64_t* side,
                               const double* scale, real* _) noexcept nogil:
    """The same, of columns side by side; `side` are constants where the columns are contiguous."""
    cdef real peak[COLUMNS]
    cdef double sum[COLUMNS]
    cdef real last[COLUMNS]
    for c in range(columns):
        peak[c], sum[c] = <real>(-INFINITY if what <= LOG_SOFTMAX else 0), 0
    for j in range(lines.n if what <= LOG_SOFTMAX else 0):
        a = <real*>(at[0] + j * lines.by[0])
        for c in range(columns):
            peak[c] = merge(peak[c], element(a, c, side[0]), LARGEST)
    for j in range(lines.n):
        a, out, b = <real*>(at[0] + j * lines.by[0]), at[1] + j * lines.by[1], <real*>(at[2] + j * lines.by[2])
        for c in range(columns):
            one = term(what, element(a, c, side[0]), element(b, c, side[2]), peak[c])
            (<real*>(out + c * side[1]))[0] = one
            sum[c] += one
    for c in range(columns):
        last[c] = <real>constant(what, sum[c], scale[c] if what == SOFTMAX else 1)
    for j in range(lines.n):
        a, out, b = <real*>(at[0] + j * lines.by[0]), at[1] + j * lines.by[1], <real*>(at[2] + j * lines.by[2])
        for c in range(columns):
            place_of = <real*>(out + c * side[1])
            place_of[0] = end(what, element(a, c, side[0]), element(b, c, side[2]), place_of[0], peak[c], last[c])


cdef inline void along(What what, const Lines* lines, char** at, int64_t columns, const double* scale, real* kind
                       ) noexcept nogil:
    cdef int64_t* dense = [sizeof(real), sizeof(real), sizeof(real)]
    cdef bint runs = columns == 1, sides = True
    for k in range(3):
        runs = runs and lines.by[k] == <int64_t>sizeof(real)
        sides = sides and lines.side[k] == <int64_t>sizeof(real)
    if runs:
        along_run(what, <real*>at[0], <real*>at[2], <real*>at[1], lines.n, scale[0])
    elif sides:
        along_columns(what, lines, at, columns, dense, scale, kind)
    else:
        along_columns(what, lines, at, columns, lines.side, scale, kind)


cdef double ONES[COLUMNS]
for _place in range(COLUMNS):
    ONES[_place] = 1


cdef int softmax_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    along(SOFTMAX, lines, at, columns, ONES, kind)
    return OK


cdef int log_softmax_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    along(LOG_SOFTMAX, lines, at, columns, ONES, kind)
    return OK


cdef int softmax_pull_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    along(SOFTMAX_PULL, lines, at, columns, ONES, kind)
    return OK


cdef int log_softmax_pull_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    along(LOG_SOFTMAX_PULL, lines, at, columns, ONES, kind)
    return OK


cdef int softmax(Step* step) noexcept nogil:
    """From args[1], for a derivative also args[2], into args[0]; params: the axis."""
    first, last = &step.args[1], &step.args[step.n_args - 1]
    return run_lines(step, first.shape[step.params.i[0]], first, &step.args[0], last, 2)


# ---- the loss of classes.  params: the axis, whether x holds logarithms, whether the mean is taken, the class to ignore

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
    cdef Exponentials sums[COLUMNS]
    params = &lines.step.params
    if not params.i[1]:
        for c in range(columns):
            sums[c] = Exponentials(-INFINITY, 0)
        fold_exponentials(sums, <real*>at[0], lines.n, lines.by[0], columns, lines.side[0])
    for c in range(columns):
        t = element(<int64_t*>at[2], c, lines.side[2])
        loss = <double>0
        if t != params.i[3]:
            loss = -<double>element(<real*>(at[0] + t * lines.by[0]), c, lines.side[0])
            if not params.i[1]:     # a peak that is infinite makes it NaN
                loss += sums[c].peak + log(sums[c].sum) + (sums[c].peak - sums[c].peak)
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
    status = run_lines(step, x.shape[axis], x, &out, &t, 2)
    if summed and x.dtype == FLOAT32:
        (<float*>step.args[0].data)[0] = <float>(
            fold_run(<double>0, <float*>memory, n, 4, SUM, <float>0) * (1 if n else step.params.f[0]))
    elif summed:
        (<double*>step.args[0].data)[0] = (
            fold_run(<double>0, <double*>memory, n, 8, SUM, <double>0) * (1 if n else step.params.f[0]))
    discard(memory)
    return status


cdef int class_loss_pull_loop(const Lines* lines, char** at, int64_t columns, real* kind) noexcept nogil:
    cdef double scale[COLUMNS]
    cdef Lines both = lines[0]
    cdef char** through = [at[0], at[1], at[0]]
    params = &lines.step.params
    both.by[2], both.side[2] = lines.by[0], lines.side[0]
    for c in range(columns):
        scale[c] = params.f[0]
    if not params.i[1]:
        along(SOFTMAX, &both, through, columns, scale, kind)
    for c in range(columns):
        out, t = at[1] + c * lines.side[1], element(<int64_t*>at[2], c, lines.side[2])
        if params.i[1] or t == params.i[3]:
            for j in range(lines.n):
                (<real*>(out + j * lines.by[1]))[0] = 0
        if t != params.i[3]:
            (<real*>(out + t * lines.by[1]))[0] -= <real>params.f[0]
    return OK


cdef int class_loss_pull(Step* step) noexcept nogil:
    """params.f[0] becomes g times the scale."""
    cdef int axis = <int>step.params.i[0]
    g, x = &step.args[1], &step.args[2]
    t = lifted(&step.args[3], x.ndim, axis)
    status = weigh(step, x, &t)
    step.params.f[0] *= (<float*>g.data)[0] if g.dtype == FLOAT32 else (<double*>g.data)[0]
    return status if status else run_lines(step, x.shape[axis], x, &step.args[0], &t, 2)


KERNELS = {kernel.name: kernel for kernel in (
    family("softmax", softmax, 0, <void*>softmax_loop[float], <void*>softmax_loop[double]),
    family("log_softmax", softmax, 0, <void*>log_softmax_loop[float], <void*>log_softmax_loop[double]),
    family("softmax_pull", softmax, 0, <void*>softmax_pull_loop[float], <void*>softmax_pull_loop[double]),
    family("log_softmax_pull", softmax, 0, <void*>log_softmax_pull_loop[float], <void*>log_softmax_pull_loop[double]),
    family("class_loss", class_loss, 0, <void*>class_loss_loop[float], <void*>class_loss_loop[double]),
    family("class_loss_pull", class_loss_pull, 0, <void*>class_loss_pull_loop[float],
           <void*>class_loss_pull_loop[double]),
)}
